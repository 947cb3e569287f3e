"""Panels of single units."""

from typing import Annotated, Any

from torch import Tensor

import vizkit
from vizkit.core.data import PatchPool
from vizkit.core.models import ImageModel, look_size
from vizkit.figures.grids import activation_grid, filter_windows, patch_grid
from vizkit.figures.grids import unit_sheet as draw_sheet
from vizkit.figures.pictures import contrast, fit, framed, overlay, photo
from vizkit.methods import objectives
from vizkit.methods.feature_vis import maximize_steps, replaced
from vizkit.methods.filters import filters
from vizkit.methods.gradients import Unit, pixel_gradient
from vizkit.methods.units import ScanStep, likeness, scan_steps, seen_windows, selectivity, sent_back, top_patches
from vizkit.panels.common import fields_of, maps_of, middle_layer, patch_pool, patch_size, unit_at
from vizkit.widgets import (
    Channel,
    Image,
    Layer,
    Model,
    On,
    OneOf,
    Pictures,
    Place,
    Point,
    Run,
    Slider,
    Tile,
    direct,
    live,
)

#: Width of a picture in the unit view, in pixels: two side by side.
SIDE = 304
#: Steps of the picture that the channel wants to see: it has to follow the clicks.
STEPS = 64
#: Ways to send a unit back to the pixels, as the panel calls them.
RULES = {"backprop": "gradient", "deconvnet": "deconvnet", "guided": "guided"}
#: Channels and filters on a sheet.
ROWS, FILTERS = 6, 12


def map_size(model: ImageModel) -> Any:
    """Return the size of a picture whose maps are looked at."""
    return look_size(model, 256)


@vizkit.panel("One unit, linked views", layout="grid grid text / map patches wanted / back patches wanted")
def unit(
    picture: Annotated[Any, Image(size=map_size)] = "chelsea",
    model: Model = "viznet",
    layer: Annotated[Any, Layer(of="model", maps=True, first=middle_layer)] = None,
    channel: Annotated[int, On("grid", Tile), Channel(of="layer")] = 0,
    at: Annotated[Place | None, On("map", Point)] = None,
    order: Annotated[str, OneOf(("index", "strength"))] = "strength",
    rule: Annotated[Any, OneOf(RULES, label="back by")] = "guided",
    pictures: Annotated[Any, Pictures(label="patches of")] = "bundled",
    *,
    patches: Annotated[int, Slider(40, 4000, 40, live=False)] = 2000,
) -> Any:
    """One unit: its layer, its map, its place, what excites it, what it wants to see.

    Shows
    -----
    grid : its layer: click a channel
    map : its map and field: click a place
    patches : what excites the channel most
    wanted : what the channel wants to see
    back : sent back to the pixels it sees
    """
    maps = maps_of(model, picture, layer)
    one, field = maps.maps[channel], fields_of(model)[layer]
    row, column = unit_at(one, at)
    x0, y0, x1, y1 = box = field.box(row, column, *picture.shape[1:])
    title, signed = f"channel {channel} of {layer}", bool(one.min() < 0)

    def sent_back() -> Tensor:
        back = pixel_gradient(model, picture, Unit(layer, channel, row, column), rule=rule)
        return contrast(back[None, :, y0:y1, x0:x1])[0]

    return maps, {
        "grid": activation_grid(maps, order=order, chosen=channel, width=600),
        "map": framed(overlay(picture, one, f"The map of {title}", signed=signed), box, SIDE),
        "patches": lambda: live(
            scan_steps,
            model,
            patch_pool(pictures, patches, patch_size(model)),
            layer,
            batch_size=32,
            draw=lambda step: patch_grid(
                pool := patch_pool(pictures, patches, patch_size(model)),
                top_patches(step, pool, channel),
                field,
                side=SIDE // 3 - 3,
                title=title,
            ),
        ),
        "wanted": live(
            maximize_steps,
            model,
            objectives.Channel(layer, channel),
            replaced("Fourier", steps=STEPS),
            draw=lambda step: fit(photo(step.images[0], f"What {title} wants to see"), SIDE),
        ),
        "back": lambda: fit(photo(sent_back(), f"One unit of {title}, sent back"), SIDE),
        "text": f"**{layer}, channel {channel}, row {row}, column {column}**\n"
        f"activation {one[row, column]:.3f} of at most {one.max():.3f} on this picture\n"
        f"sees x {x0} to {x1}, y {y0} to {y1}",
    }


def last_start(model: ImageModel, layer: str) -> int:
    """Return the last channel that a sheet can begin with."""
    return max(0, model.layer(layer).shape[0] - ROWS)


@vizkit.panel("A layer's units, sent back", rate=1, auto=True, layout="sheet / text")
def unit_sheet(
    model: Model = "viznet",
    layer: Annotated[Any, Layer(of="model", maps=True, first=middle_layer)] = None,
    order: Annotated[str, OneOf(("number", "selectivity"))] = "number",
    first: Annotated[int, Slider(0, last_start, label="from")] = 0,
    rule: Annotated[Any, OneOf(RULES, label="back by")] = "deconvnet",
    pictures: Annotated[Any, Pictures(label="patches of")] = "bundled",
    *,
    patches: Annotated[int, Slider(40, 4000, 40, live=False)] = 2000,
    run: Run = direct,
) -> Any:
    """Units of a layer: what excites each most, and what in it does.

    Shows
    -----
    sheet : left nine patches, right what the unit answers to in them
    """
    pool, field = patch_pool(pictures, patches, patch_size(model)), fields_of(model)[layer]
    for step in run(scan_steps, model, pool, layer, batch_size=32):
        strength = selectivity(step)
        ranks = strength.argsort(descending=True, stable=True).tolist()
        channels = (ranks if order == "selectivity" else range(len(ranks)))[first : first + ROWS]
        sheet = sent_back(model, pool, step, field, channels, rule=rule)
        low, *_, high = sorted(float(strength[channel]) for channel in channels)
        size = min(field.vertical.size, pool.size)
        whole = "of it what lies around its place, up to all"
        sees = whole if size == pool.size else f"{size:.0f} x {size:.0f} px of it"
        yield (
            step,
            {
                "sheet": draw_sheet(sheet),
                "text": f"A patch has {pool.size} px; a unit of **{layer}** sees {sees}. "
                f"The nine of these channels stand {low:.1f} to {high:.1f} standard deviations above the pool.",
            },
        )


def loudest_windows(model: ImageModel, pool: PatchPool, step: ScanStep, layer: str, count: int) -> list[Tensor]:
    """Return what each of the first units sees in the nine patches that excite it most, each (9, 3, h, w)."""
    field = fields_of(model)[layer]
    return [seen_windows(model, pool, top_patches(step, pool, number), field) for number in range(count)]


def last_filters(model: ImageModel) -> int:
    """Return the last filter of the first layer that a sheet can begin with."""
    return max(0, len(filters(model).weight) - FILTERS)


@vizkit.panel("Filters and their loudest windows", rate=1, auto=True, layout="sheet / text")
def loudest(
    model: Model = "viznet",
    first: Annotated[int, Slider(0, last_filters, label="from")] = 0,
    pictures: Annotated[Any, Pictures(label="windows of")] = "bundled",
    *,
    patches: Annotated[int, Slider(40, 4000, 40, live=False)] = 2000,
    run: Run = direct,
) -> Any:
    """Does a filter of the first layer answer loudest to what looks like it?

    Shows
    -----
    sheet : left the filter, right its nine loudest windows; r says how alike they are
    """
    own, pool = filters(model), patch_pool(pictures, patches, patch_size(model))
    for step in run(scan_steps, model, pool, own.layer, batch_size=32):
        windows = loudest_windows(model, pool, step, own.layer, len(own.weight))
        alike = [likeness(seen, weight) for seen, weight in zip(windows, own.weight, strict=True)]
        shown = range(first, min(first + FILTERS, len(windows)))
        captions = [f"r = {alike[number]:.2f}" for number in shown]
        share = sum(one > 0.5 for one in alike) / len(alike)
        yield (
            step,
            {
                "sheet": filter_windows(own, shown, [windows[number] for number in shown], captions),
                "text": f"Of the {len(alike)} filters of **{own.layer}**, **{share:.0%}** look like the mean of their "
                f"nine loudest windows: a correlation above 0.5. The median is {sorted(alike)[len(alike) // 2]:.2f}.",
            },
        )
