"""Panels of layers: filters, activations, receptive fields, neighbors."""

from typing import Annotated, Any

import torch
from torch import Tensor

import vizkit
from vizkit.core.models import ImageModel, map_layers, own_size
from vizkit.core.seeds import generator, normal
from vizkit.core.steps import last
from vizkit.figures.attribution import top_bars
from vizkit.figures.charts import field_curve, weight_bars
from vizkit.figures.grids import activation_grid, filter_grid, neighbor_rows, patch_grid
from vizkit.figures.pictures import fit, framed, overlay, photo
from vizkit.methods.activations import ActivationMaps, activation_gradients
from vizkit.methods.filters import convolutions, filters, weight_sharing
from vizkit.methods.neighbors import center, code_layer, codes, nearest, pixel_vectors
from vizkit.methods.receptive_field import ReceptiveField, measured_field
from vizkit.methods.units import scan_steps, top_patches
from vizkit.panels.common import (
    PHOTO,
    codes_of,
    fields_of,
    maps_of,
    middle_layer,
    name_of,
    own_answers,
    patch_pool,
    patch_size,
    unit_at,
)
from vizkit.widgets import (
    Channel,
    Class,
    Image,
    Layer,
    Model,
    On,
    OneOf,
    Picture,
    Pictures,
    Place,
    Point,
    Slider,
    Tile,
    Toggle,
    When,
)

#: Width of the photo in the receptive-field panel, in pixels.
FIELD = 480
measured_of = vizkit.remembered(4)(measured_field)


def layers_with_weights(model: ImageModel) -> list[str]:
    """Return the convolutions of a net.

    Raises
    ------
    ValueError
        If it has none.
    """
    found = list(convolutions(model))
    if not found:
        raise ValueError(f"{model.name} has no 2-D convolution")
    return found


def last_filter(model: ImageModel, layer: str) -> int:
    """Return the number of a layer's last filter."""
    return convolutions(model)[layer].out_channels - 1


@vizkit.panel("Filters", layout="text / filters")
def filter_view(
    model: Model = "viznet",
    layer: Annotated[Any, OneOf(layers_with_weights)] = None,
    view: Annotated[str, OneOf(("every filter", "one filter"), label="weights")] = "every filter",
    number: Annotated[int, Slider(0, last_filter, label="filter"), When(lambda view: view == "one filter")] = 0,
    scale: Annotated[Any, OneOf(("each", "shared"))] = "each",
) -> Any:
    """The weights of any convolution of any network."""
    found, one = filters(model, layer), number if view == "one filter" else None
    count, inputs, height, width = found.weight.shape
    if found.is_color and one is None:
        note = "They see RGB, so they can be drawn in RGB; gray is zero."
    elif one is None:
        note = (
            f"Each filter sees {inputs} channels: only its weights for input channel 0 are "
            f"drawn (red positive, blue negative), {1 / inputs:.1%} of the layer."
        )
    else:
        note = f"Filter {one}: its weights for each of the {inputs} input channels."
    return found, {
        "text": f"**{count} filters, {inputs} x {height} x {width} each.** {note}",
        "filters": filter_grid(found, scale=scale, channel=one),
    }


def first_relu(model: ImageModel) -> str:
    """Return the first layer worth looking at: activations are what a ReLU lets through."""
    relus = [name for name, layer in model.layers.items() if layer.kind == "ReLU"]
    return (relus or list(model.layers))[0]


def map_size(model: ImageModel, size: int) -> Any:
    """Return the size at which a picture is shown to a net: its own if it takes no other."""
    return own_size(model) if model.fixed_size else size


@vizkit.remembered(8)
def gradients_of(model: ImageModel, image: Tensor, layer: str, target: Any) -> ActivationMaps:
    """Return what more of each activation would do to a class."""
    return activation_gradients(model, image, layer, target)


@vizkit.panel("Activations of a layer", layout="grid grid / laid answers / laid text")
def activations(
    picture: Picture = "chelsea",
    model: Model = "viznet",
    layer: Annotated[Any, Layer(of="model", first=first_relu)] = None,
    show: Annotated[str, OneOf(("activations", "gradients"))] = "activations",
    target: Annotated[
        str | None,
        Class(of="model", none="the predicted one", label="of class"),
        When(lambda show: show == "gradients"),
    ] = None,
    channel: Annotated[int, On("grid", Tile), Channel(of="layer")] = 0,
    order: Annotated[str, OneOf(("index", "strength"))] = "index",
    scale: Annotated[Any, OneOf(("each", "shared"))] = "each",
    size: Annotated[int, Slider(64, 448, 32, unit="px")] = 256,
) -> Any:
    """Every channel of a layer on a picture, or what more of it would do to an answer.

    Shows
    -----
    grid : every channel; click one
    laid : the chosen channel
    """
    image = vizkit.load_image(picture, map_size(model, size))
    maps = maps_of(model, image, layer) if show == "activations" else gradients_of(model, image, layer, target)
    one, (count, height, width) = maps.maps[channel], maps.maps.shape
    silent = float((maps.maps.abs().amax((1, 2)) == 0).float().mean())
    signed = bool(one.min() < 0)
    laid = overlay(image, one, f"Channel {channel} of {layer} laid over the picture", signed=signed)
    return maps, {
        "grid": activation_grid(maps, order=order, scale=scale, chosen=channel),
        "laid": fit(laid, PHOTO),
        "text": f"**{layer}: {count} channels of {height} x {width}**\n"
        f"channel {channel}: {one.min():.2f} to {one.max():.2f}, at work in "
        f"{(one != 0).float().mean():.0%} of its places\n"
        f"{silent:.0%} of the channels are silent everywhere",
        "answers": top_bars(own_answers(model, picture), f"{model.name} says, at {model.input_size} px"),
    }


def inner_share(energy: Tensor, share: float = 0.9) -> int:
    """Return how few pixels hold a share of the energy."""
    falling = energy.flatten().sort(descending=True).values.cumsum(0)
    return int((falling < share).sum()) + 1


def field_text(field: ReceptiveField, seen: int, gradient: Tensor | None) -> str:
    """Say how large a field is, and how much of it counts."""
    if field.is_whole:
        text = f"**{field.layer}**: each unit sees the whole picture."
    else:
        axis = field.vertical
        text = (
            f"**{field.layer}**: field {axis.size:.0f} x {field.horizontal.size:.0f} px, stride "
            f"{axis.stride:.0f} px, the first one starts at {axis.start:.0f} (padding)."
        )
    if gradient is not None and gradient.sum() > 0:
        energy = gradient.square()
        area = inner_share(energy / energy.sum())
        text += (
            f"\n90 % of the squared gradient comes from {area} pixels, {area / seen:.1%} of the {seen:,} in the frame."
        )
    return text


def field_layer(model: ImageModel) -> str:
    """Return a layer whose field is neither a pixel nor the whole picture."""
    return "pool2" if "pool2" in model.layers else map_layers(model)[0]


@vizkit.remembered(2)
def curve_of(model: ImageModel) -> Any:
    """Draw how fields grow with depth: once a net."""
    return field_curve(fields_of(model), model.input_size)


@vizkit.panel("Receptive field of a unit", layout="picture curve / text curve")
def receptive_field(
    picture: Annotated[Any, Image(size=map_size)] = "chelsea",
    model: Model = "viznet",
    layer: Annotated[Any, Layer(of="model", maps=True, first=field_layer)] = None,
    at: Annotated[Place, On("picture", Point)] = (0.5, 0.5),
    measure: Annotated[str, OneOf(("measured gradient", "none"), label="overlay")] = "measured gradient",
    size: Annotated[int, Slider(64, 448, 32, unit="px")] = 256,
) -> Any:
    """What one unit sees, and how much of it counts.

    Shows
    -----
    picture : click to move the unit
    """
    field = fields_of(model)[layer]
    row, column = unit_at(maps_of(model, picture, layer).maps[0], at)
    x0, y0, x1, y1 = box = field.box(row, column, *picture.shape[1:])
    alt = f"What a unit of {layer} sees: x {x0} to {x1}, y {y0} to {y1}"
    measured = measure == "measured gradient"
    gradient = measured_of(model, picture, layer, row, column) if measured else None
    seen = photo(picture, alt) if gradient is None else overlay(picture, gradient, alt, opacity=1)
    return (box, gradient), {
        "picture": framed(seen, box, FIELD),
        "text": field_text(field, max((x1 - x0) * (y1 - y0), 1), gradient),
        "curve": curve_of(model),
    }


@vizkit.panel("Nearest neighbors")
def neighbors(
    picture: Annotated[Any, Image(label="query")] = "motorcycle",
    model: Model = "viznet",
    layer: Annotated[Any, Layer(of="model", first=code_layer, label="code of")] = None,
    zoom: Annotated[float, Slider(1.0, 4.0, 0.25)] = 1.5,
    others: Annotated[bool, Toggle(label="other pictures only")] = False,
    pictures: Annotated[Any, Pictures(label="among")] = "bundled",
    *,
    patches: Annotated[int, Slider(40, 4000, 40, live=False)] = 2000,
    k: Annotated[int, Slider(1, 12)] = 8,
) -> Any:
    """What lies nearest to a picture in pixels, and in a layer's code.

    Shows
    -----
    rows : left the query, then what lies nearest, from near to far
    """
    pool = patch_pool(pictures, patches, patch_size(model))
    query = center(picture, zoom, pool.size)
    among = torch.ones(len(pool), dtype=torch.bool)
    if others and (own := name_of(picture, pool.names)):
        among = pool.picture != pool.names.index(own)
    code = codes(model, query[None], layer)[0]
    in_pixels = nearest(query.flatten() * 255, pixel_vectors(pool), k, among=among)
    in_code = nearest(code, codes_of(model, pool.patches, layer), k, among=among)
    rows = [("in pixels", in_pixels), (f"in {layer}", in_code)]
    return (in_pixels, in_code, pool), {"rows": neighbor_rows(query, pool, rows, side=80)}


@vizkit.panel("Weight sharing", layout="chart / text")
def sharing(
    size: Annotated[int, Slider(8, 256, unit="px", label="picture")] = 28,
    kernel: Annotated[int, Slider(1, lambda size: min(15, size), unit="px")] = 5,
    number: Annotated[int, Slider(1, 256, label="filters")] = 1,
) -> Any:
    """The weights of a convolution, and of the fully connected layer that it replaces."""
    count = weight_sharing(size, kernel, number)
    return count, {
        "chart": weight_bars(count),
        "text": f"Each filter makes {count.outputs} x {count.outputs} outputs. Shared: "
        f"**{count.shared:,}** weights; without sharing: **{count.connected:,}**.",
    }


@vizkit.remembered(8)
def scanned(model: ImageModel, pool: Any, layer: str, channel: int, seed: int) -> Any:
    """Scan patches for a channel, and for a random mixture of all channels."""
    channels = model.layer(layer).shape[0]
    both = torch.stack([torch.eye(channels)[channel], normal((channels,), seed)])
    return last(scan_steps(model, pool, layer, directions=both))


@vizkit.panel("A unit, or a mixture of units?", layout="left right / text text")
def mixture(
    model: Model = "viznet",
    layer: Annotated[Any, Layer(of="model", maps=True, first=middle_layer)] = None,
    channel: Annotated[int, Channel(of="layer", live=False)] = 7,
    seed: Annotated[int, Slider(0, 50, live=False, label="random mix")] = 0,
    tell: Annotated[bool, Toggle(label="tell which is which")] = False,
    pictures: Annotated[Any, Pictures()] = "bundled",
    *,
    patches: Annotated[int, Slider(40, 4000, 40, live=False)] = 1000,
) -> Any:
    """What excites a channel, beside what excites a random mixture of channels; which is which?

    Shows
    -----
    left : the one
    right : the other
    """
    pool = patch_pool(pictures, patches, patch_size(model))
    scan, field = scanned(model, pool, layer, channel, seed), fields_of(model)[layer]
    alone, mixed = top_patches(scan, pool, 0), top_patches(scan, pool, 1)
    swapped = bool(torch.randint(2, (1,), generator=generator(seed)))
    left, right = (mixed, alone) if swapped else (alone, mixed)
    side = "right" if swapped else "left"
    return (alone, mixed), {
        "left": patch_grid(pool, left, field, title="the left one"),
        "right": patch_grid(pool, right, field, title="the right one"),
        "text": f"The channel is on the **{side}**; the other is a random mixture of all channels."
        if tell
        else "One is a channel, the other a random mixture of all channels. Decide, then let it *tell which is which*.",
    }
