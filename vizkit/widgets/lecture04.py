"""The panels of lecture 04: filters, activations, receptive fields, units, neighbors."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import plotly.graph_objects as go
import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.data import PatchPool, Source
from vizkit.core.hooks import Rule
from vizkit.core.images import load_image
from vizkit.core.models import ImageModel
from vizkit.core.seeds import normal
from vizkit.core.steps import last
from vizkit.figures.charts import field_curve, weight_bars
from vizkit.figures.grids import activation_grid, filter_grid, neighbor_rows, patch_grid
from vizkit.figures.pictures import boxes, contrast, fit, message, overlay, photo
from vizkit.figures.raster import Raster
from vizkit.methods.activations import ActivationMaps, activation_gradients, activations
from vizkit.methods.feature_vis import PictureStep, maximize_steps, replaced
from vizkit.methods.filters import Filters, WeightCount, convolutions, filters, weight_sharing
from vizkit.methods.gradients import Unit, pixel_gradient
from vizkit.methods.neighbors import Neighbors, center, code_layer, codes, nearest, pixel_vectors
from vizkit.methods.objectives import Channel
from vizkit.methods.receptive_field import ReceptiveField, measured_field, receptive_fields
from vizkit.methods.units import (
    ScanStep,
    TopPatches,
    scan_steps,
    top_patches,
)
from vizkit.widgets import controls as make
from vizkit.widgets import layouts
from vizkit.widgets.old_panel import Panel, Shown, alert
from vizkit.widgets.runner import Runner
from vizkit.widgets.sources import (
    PHOTO,
    Size,
    image_line,
    patch_size,
    picture_size,
    pool_of_source,
    source_code,
    source_pool,
)

#: Ways to send a unit back to the pixels, as the unit view calls them.
RULES: dict[str, Rule] = {"gradient": "backprop", "deconvnet": "deconvnet", "guided": "guided"}
#: Width of the photo in the receptive-field panel, in pixels.
FIELD = 480
#: Width of a picture in the unit view, in pixels: two side by side.
UNIT = 304
#: Steps of the picture in the unit view: it has to follow the clicks.
WANTED_STEPS = 64


@lru_cache(maxsize=2)
def _maps(model: ImageModel, image: str, size: Size, layer: str) -> ActivationMaps:
    """Run a layer once for the sliders' ranges and for what they show."""
    return activations(model, load_image(image, size), layer)


def _first_relu(model: ImageModel) -> str:
    """Return the first layer worth looking at: activations are what a ReLU lets through."""
    return next(
        (name for name, layer in model.layers.items() if layer.kind == "ReLU"),
        next(iter(model.layers)),
    )


def _answers(model: ImageModel, name: str, k: int = 5) -> str:
    """Return the top classes of a picture at the net's own size as a small table with bars."""
    image = load_image(name, picture_size(model, model.input_size))
    rows = "".join(
        f"<tr><td>{escape(label)}</td><td>{share:.1%}</td><td>"
        f'<div style="background:#0072b2;height:11px;width:{max(1, round(120 * share))}px">'
        "</div></td></tr>"
        for label, share in model.top(image, min(k, len(model.labels)))
    )
    return f"<b>{escape(model.name)} says, at {model.input_size} px</b><table>{rows}</table>"


# Filters --------------------------------------------------------------------------------------


def filter_panel(model: str | ImageModel = "viznet") -> Panel:
    """Show the filters of any convolution of any network."""
    picker = make.ModelPicker(model)
    convs = list(convolutions(picker.load()))
    if not convs:
        raise ValueError(f"{picker.value} has no 2-D convolution")
    controls = {
        "model": picker,
        "layer": make.dropdown("layer", convs),
        "view": make.choices("weights", ["every filter", "one filter"]),
        "filter": make.slider("filter", 0, 47, 0),
        "scale": make.choices("scale", ["each", "shared"]),
    }

    def adjust(controls: dict[str, Any]) -> None:
        found = convolutions(picker.load())
        make.offer(controls["layer"], list(found))
        make.limit(controls["filter"], found[controls["layer"].value].out_channels - 1)
        controls["filter"].disabled = controls["view"].value == "every filter"

    def compute(**values: Any) -> tuple[Filters, int | None, Any]:
        one = None if values["view"] == "every filter" else values["filter"]
        return filters(picker.load(), values["layer"]), one, values["scale"]

    def draw(result: tuple[Filters, int | None, Any]) -> Shown:
        found, one, scale = result
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
        text = f"<b>{count} filters, {inputs} x {height} x {width} each.</b> {note}"
        return {"text": text, "filters": filter_grid(found, scale=scale, channel=one)}

    def code(**values: Any) -> str:
        one = None if values["view"] == "every filter" else values["filter"]
        return "\n".join([
            "import vizkit",
            "from vizkit.figures.grids import filter_grid",
            "from vizkit.methods.filters import filters",
            "",
            picker.line(values["model"]),
            f"result = filters(model, {values['layer']!r})",
            f"filter_grid(result, scale={values['scale']!r}, channel={one})",
        ])  # fmt: skip

    return Panel(
        "Filters", controls, compute, draw, code=code, adjust=adjust, arrange=layouts.column
    )


# Activations ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ActivationView:
    """What the activation panel shows."""

    image: Tensor
    maps: ActivationMaps
    channel: int
    order: str
    scale: Any
    answers: str


def activation_panel(
    model: str | ImageModel = "viznet", image: str = "chelsea", channel: int = 0
) -> Panel:
    """Show every channel of a layer on a picture; a click on a channel lays it over the photo.

    Parameters
    ----------
    model : str or ImageModel
    image : str
    channel : int
        The first one to choose.
    """
    picker = make.ModelPicker(model)
    labels = picker.load().labels
    layer = _first_relu(picker.load())
    last = picker.load().layer(layer).shape[0] - 1
    controls = {
        "image": make.ImagePicker(image),
        "model": picker,
        "layer": make.dropdown("layer", make.layer_options(picker.load()), layer),
        "show": make.choices("show", ["activations", "gradients"]),
        "target": make.dropdown("of class", ["the predicted one", *labels]),
        "channel": make.slider("channel", 0, last, min(channel, last)),
        "order": make.choices("order", ["index", "strength"]),
        "scale": make.choices("scale", ["each", "shared"]),
        "size": make.slider("size", 64, 448, 256, step=32, unit="px"),
    }

    def adjust(controls: dict[str, Any]) -> None:
        net = picker.load()
        make.offer(controls["layer"], make.layer_options(net))
        make.offer(controls["target"], ["the predicted one", *net.labels])
        make.limit(controls["channel"], net.layer(controls["layer"].value).shape[0] - 1)
        controls["target"].disabled = controls["show"].value == "activations"

    def compute(**values: Any) -> ActivationView:
        net = picker.load()
        size = picture_size(net, values["size"])
        picture = load_image(values["image"], size)
        if values["show"] == "activations":
            maps = _maps(net, values["image"], size, values["layer"])
        else:
            target = None if values["target"] == "the predicted one" else values["target"]
            maps = activation_gradients(net, picture, values["layer"], target)
        return ActivationView(
            picture, maps, values["channel"], values["order"], values["scale"],
            _answers(net, values["image"]),
        )  # fmt: skip

    def draw(result: ActivationView) -> Shown:
        maps, channel = result.maps.maps, result.channel
        count, height, width = maps.shape
        one = maps[channel]
        silent = (maps.abs().amax((1, 2)) == 0).float().mean()
        text = (
            f"<b>{escape(result.maps.layer)}: {count} channels of {height} x {width}</b><br>"
            f"channel {channel}: {one.min():.2f} to {one.max():.2f}, "
            f"at work in {(one != 0).float().mean():.0%} of its places<br>"
            f"{silent:.0%} of the channels are silent everywhere"
        )
        alt = f"Channel {channel} of {result.maps.layer} laid over the picture"
        laid = overlay(result.image, one, alt, signed=bool(one.min() < 0))
        return {
            "grid": activation_grid(
                result.maps, order=result.order, scale=result.scale, chosen=channel
            ),
            "channel": fit(laid, PHOTO),
            "text": text + "<br><br>" + result.answers,
        }

    def code(**values: Any) -> str:
        if values["show"] == "activations":
            function, target = "activations", ""
        else:
            function = "activation_gradients"
            known = values["target"] != "the predicted one"
            target = f", {values['target']!r}" if known else ""
        return "\n".join([
            "import vizkit",
            "from IPython.display import display",
            "from vizkit.figures.grids import activation_grid",
            "from vizkit.figures.pictures import fit, overlay",
            f"from vizkit.methods.activations import {function}",
            "",
            picker.line(values["model"]),
            image_line(values["image"], picture_size(picker.load(), values["size"])),
            f"result = {function}(model, image, {values['layer']!r}{target})",
            f"channel = {values['channel']}",
            f"display(activation_grid(result, order={values['order']!r}, "
            f"scale={values['scale']!r}, chosen=channel))",
            "one = result.maps[channel]",
            'laid = overlay(image, one, "one channel", signed=bool(one.min() < 0))',
            f"display(fit(laid, {PHOTO}))",
        ])  # fmt: skip

    panel = Panel(
        "Activations of a layer", controls, compute, draw, code=code, adjust=adjust,
        arrange=layouts.first_above,
        captions={"grid": "every channel; click one", "channel": "the chosen channel"},
    )  # fmt: skip

    def pick(x: int, y: int) -> None:
        tile = panel.shown["grid"].raster.at(x, y)
        if tile is not None:
            controls["channel"].value = int(panel.result.maps.order(panel.result.order)[tile])

    panel.shown["grid"].on_click(pick)
    return panel


# Receptive fields -----------------------------------------------------------------------------


@dataclass(frozen=True)
class FieldView:
    """What the receptive-field panel shows."""

    image: Tensor
    fields: dict[str, ReceptiveField]
    layer: str
    box: tuple[int, int, int, int]
    gradient: Tensor | None
    model: ImageModel


_fields = lru_cache(maxsize=2)(receptive_fields)


@lru_cache(maxsize=2)
def _curve(model: ImageModel) -> go.Figure:
    return field_curve(_fields(model), model.input_size)


def field_panel(model: str | ImageModel = "viznet", image: str = "chelsea") -> Panel:
    """Frame what one unit of a layer sees, and measure how much of it counts."""
    picker = make.ModelPicker(model)
    controls = {
        "image": make.ImagePicker(image),
        "model": picker,
        "layer": make.dropdown("layer", make.layer_options(picker.load(), maps_only=True)),
        "row": make.slider("row", 0, 127, 64),
        "column": make.slider("column", 0, 127, 64),
        "measure": make.choices("overlay", ["measured gradient", "none"]),
        "size": make.slider("size", 64, 448, 256, step=32, unit="px"),
    }
    if "pool2" in picker.load().layers:
        controls["layer"].value = "pool2"

    def adjust(controls: dict[str, Any]) -> None:
        net = picker.load()
        make.offer(controls["layer"], make.layer_options(net, maps_only=True))
        size = picture_size(net, controls["size"].value)
        shape = _maps(net, controls["image"].value, size, controls["layer"].value).maps.shape
        for name, length in zip(("row", "column"), shape[1:], strict=True):
            # The unit keeps its place in the picture when the layer or the size changes.
            control = controls[name]
            share = (control.value + 0.5) / (control.max + 1)
            if control.max != length - 1:
                make.update(control, max=length - 1, value=min(int(share * length), length - 1))

    def compute(**values: Any) -> FieldView:
        net = picker.load()
        picture = load_image(values["image"], picture_size(net, values["size"]))
        fields = _fields(net)
        box = fields[values["layer"]].box(values["row"], values["column"], *picture.shape[1:])
        gradient = None
        if values["measure"] == "measured gradient":
            gradient = measured_field(
                net, picture, values["layer"], values["row"], values["column"]
            )
        return FieldView(picture, fields, values["layer"], box, gradient, net)

    def draw(result: FieldView) -> Shown:
        field = result.fields[result.layer]
        x0, y0, x1, y1 = result.box
        alt = f"What a unit of {result.layer} sees: x {x0} to {x1}, y {y0} to {y1}"
        base = photo(result.image, alt)
        if result.gradient is not None:
            base = overlay(result.image, result.gradient, alt, opacity=1)
        scale = FIELD / base.width
        mark = (round(x0 * scale), round(y0 * scale), round(x1 * scale), round(y1 * scale))
        return {
            "picture": boxes(fit(base, FIELD), [mark]),
            "text": _field_text(field, result),
            "curve": _curve(result.model),
        }

    def code(**values: Any) -> str:
        net, layer = picker.load(), values["layer"]
        lines = [
            "import vizkit",
            "from vizkit.figures.pictures import boxes, fit, overlay, photo",
            "from vizkit.methods.receptive_field import measured_field, receptive_fields",
            "",
            picker.line(values["model"]),
            image_line(values["image"], picture_size(net, values["size"])),
            f"row, column = {values['row']}, {values['column']}",
            f"result = receptive_fields(model)[{layer!r}].box(row, column, *image.shape[1:])",
        ]
        if values["measure"] == "none":
            lines.append('shown = photo(image, "what the unit sees")')
        else:
            lines += [
                f"gradient = measured_field(model, image, {layer!r}, row, column)",
                'shown = overlay(image, gradient, "what the unit sees", opacity=1)',
            ]
        return "\n".join([
            *lines,
            f"mark = [round(edge * {FIELD} / shown.width) for edge in result]",
            f"boxes(fit(shown, {FIELD}), [mark])",
        ])  # fmt: skip

    panel = Panel(
        "Receptive field of a unit", controls, compute, draw, code=code, adjust=adjust,
        arrange=layouts.last_right,
        captions={"picture": "click to move the unit"},
    )  # fmt: skip

    panel.shown["picture"].on_click(lambda x, y: _pick_place(panel, "picture", x, y))
    return panel


def _pick_place(panel: Panel, name: str, x: int, y: int) -> None:
    """Move a panel's row and column to where a picture was clicked."""
    raster, controls = panel.shown[name].raster, panel.controls
    panel.set(
        row=int(y / raster.height * (controls["row"].max + 1)),
        column=int(x / raster.width * (controls["column"].max + 1)),
    )


def _field_text(field: ReceptiveField, view: FieldView) -> str:
    if field.is_whole:
        text = f"<b>{escape(field.layer)}</b>: each unit sees the whole picture."
    else:
        axis = field.vertical
        text = (
            f"<b>{escape(field.layer)}</b>: field {axis.size:.0f} x {field.horizontal.size:.0f} "
            f"px, stride {axis.stride:.0f} px, the first one starts at {axis.start:.0f} "
            "(padding)."
        )
    if view.gradient is not None and view.gradient.sum() > 0:
        x0, y0, x1, y1 = view.box
        energy = view.gradient.square()
        area = _inner_share(energy / energy.sum())
        seen = max((x1 - x0) * (y1 - y0), 1)
        text += (
            f"<br>90 % of the squared gradient comes from {area} pixels, "
            f"{area / seen:.1%} of the {seen:,} in the frame."
        )
    return text


def _inner_share(energy: Tensor, share: float = 0.9) -> int:
    """Return how few pixels hold a share of the energy."""
    falling = energy.flatten().sort(descending=True).values.cumsum(0)
    return int((falling < share).sum()) + 1


# Units ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class UnitView:
    """What the linked unit view shows."""

    image: Tensor
    maps: ActivationMaps
    channel: int
    row: int
    column: int
    box: tuple[int, int, int, int]
    field: ReceptiveField
    top: TopPatches | None
    order: str
    problem: str
    rule: str
    gradient: Tensor | None


class UnitPanel(Panel):
    """Linked views of one unit: its layer, its map, its place, what it wants to see, its patches.

    The scan for the patches and the picture made to excite the channel run in the background and
    fill the view while they run.

    Parameters
    ----------
    model : str or ImageModel
    image : str
    source : str, Path or sequence
        Where the patches are cut from, see ``vizkit.core.data.open_source``.
    patches : int
        How many are scanned.
    layer : str, optional
    channel : int
        The first unit to show, at the place of the picture that excites it most.

    Attributes
    ----------
    scan : Runner
        The scan under way; ``scan.wait()`` waits for it.
    dream : Runner
        The picture that is being made.
    pool : PatchPool
    """

    def __init__(
        self,
        model: str | ImageModel = "viznet",
        image: str = "chelsea",
        source: Source = "bundled",
        patches: int = 2000,
        layer: str | None = None,
        channel: int = 0,
    ) -> None:
        self._picker = make.ModelPicker(model)
        net = self._picker.load()
        self._own = None if isinstance(source, (str, Path)) else source
        self._patches = patches
        self.pool = source_pool(source, patches, patch_size(net))
        self._scanned: tuple[str, str, str] | None = None
        self._dreamed: tuple[str, str, int] | None = None
        self._source, self._problem = str(source), ""
        layers = make.layer_options(net, maps_only=True)
        names = [name for _, name in layers]
        layer = layer or ("relu5" if "relu5" in names else names[len(names) // 2])
        maps = _maps(net, image, _map_size(net), layer).maps
        channel = checks.integer(channel, 0, len(maps) - 1, "channel")
        row, column = divmod(int(maps[channel].argmax()), maps.shape[2])
        controls = {
            "image": make.ImagePicker(image),
            "model": self._picker,
            "layer": make.dropdown("layer", layers, layer),
            "channel": make.slider("channel", 0, len(maps) - 1, channel),
            "row": make.slider("row", 0, maps.shape[1] - 1, row),
            "column": make.slider("column", 0, maps.shape[2] - 1, column),
            "order": make.choices("order", ["index", "strength"], "strength"),
            "rule": make.choices("back by", list(RULES), "guided"),
            "source": make.text(
                "patches of", "your own pictures" if self._own is not None else str(source),
                "bundled, a folder, or CIFAR10 ...",
            ),
        }  # fmt: skip
        controls["source"].disabled = self._own is not None
        self.scan: Runner[ScanStep] = Runner(
            self._steps, lambda _: self.update(), rate=3, name="patch scan"
        )
        self.dream: Runner[PictureStep] = Runner(
            self._dream_steps, lambda _: self._show_dream(), rate=3, name="picture"
        )
        super().__init__(
            "One unit, linked views", controls, self._look, self._paint, code=self._listing_of,
            adjust=self._fit_sliders, arrange=self._lay_out,
            extra=[self.scan.view],
            captions={
                "grid": "its layer: click a channel",
                "map": "its map and field: click a place",
                "wanted": "what the channel wants to see",
                "back": "sent back to the pixels it sees",
                "patches": "what excites the channel most",
            },
        )  # fmt: skip
        self.shown["grid"].on_click(self._pick_channel)
        self.shown["map"].on_click(lambda x, y: _pick_place(self, "map", x, y))

    def _steps(self, step: ScanStep | None) -> Iterator[ScanStep]:
        net, layer = self._picker.load(), self.controls["layer"].value
        return scan_steps(net, self.pool, layer, batch_size=32, resume=step)

    def _dream_steps(self, step: PictureStep | None) -> Iterator[PictureStep]:
        wanted = Channel(self.controls["layer"].value, self.controls["channel"].value)
        recipe = replaced("Fourier", steps=WANTED_STEPS)
        return maximize_steps(self._picker.load(), wanted, recipe, resume=step)

    def _show_dream(self) -> None:
        """Show the picture as far as it is; the other views have not changed."""
        if "wanted" in self.shown:
            self.shown["wanted"].show(self._wanted_picture())

    def _wanted_picture(self) -> Raster:
        step = self.dream.step
        if self.dream.error is not None:
            return message(checks.first_line(self.dream.error, 60), width=UNIT)
        if step is None:
            return message("The picture is on its way.", width=UNIT)
        alt = f"What channel {self.controls['channel'].value} wants to see"
        return fit(photo(step.images[0], alt), UNIT)

    def _fit_sliders(self, controls: dict[str, Any]) -> None:
        net = self._picker.load()
        make.offer(controls["layer"], make.layer_options(net, maps_only=True))
        layer = controls["layer"].value
        shape = _maps(net, controls["image"].value, _map_size(net), layer).maps.shape
        for name, length in zip(("channel", "row", "column"), shape, strict=True):
            make.limit(controls[name], length - 1)

    def _look(self, **values: Any) -> UnitView:
        net, layer = self._picker.load(), values["layer"]
        self._open_source(net, values["source"])
        wanted = (net.name, layer, self._source)
        if self._scanned != wanted:
            self._scanned = wanted
            self.scan.run()
        unit = (net.name, layer, values["channel"])
        if self._dreamed != unit:
            self._dreamed = unit
            self.dream.run()
        size = _map_size(net)
        picture, maps = load_image(values["image"], size), _maps(net, values["image"], size, layer)
        field = _fields(net)[layer]
        step = self.scan.step
        top = None
        if step is not None and step.layer == layer and len(step.value) == len(self.pool):
            top = top_patches(step, self.pool, values["channel"])
        return UnitView(
            picture, maps, values["channel"], values["row"], values["column"],
            field.box(values["row"], values["column"], *picture.shape[1:]), field, top,
            values["order"], self._problem, values["rule"], self._gradient(net, picture, values),
        )  # fmt: skip

    def _gradient(self, net: ImageModel, picture: Tensor, values: dict[str, Any]) -> Tensor | None:
        """Send the unit back to the pixels, or note why the rule is not for this net."""
        unit = Unit(*(values[name] for name in ("layer", "channel", "row", "column")))
        try:
            return pixel_gradient(net, picture, unit, rule=RULES[values["rule"]])
        except ValueError as error:
            self._problem = self._problem or str(error)
            return None

    def _open_source(self, net: ImageModel, source: str) -> None:
        """Cut patches of the named pictures; where there are none, keep those that are there."""
        self._problem = ""
        size = patch_size(net)
        if self._own is not None:
            if self.pool.size != size:
                self.pool = source_pool(self._own, self._patches, size)
            return
        try:
            # A name that is typed must not start a download of gigabytes.
            self.pool = source_pool(source, self._patches, size, download=False)
            self._source = source
        except (OSError, TypeError, ValueError) as error:
            self._problem = str(error)
            self.pool = source_pool(self._source, self._patches, size)

    def _paint(self, view: UnitView) -> Shown:
        one = view.maps.maps[view.channel]
        title = f"channel {view.channel} of {view.maps.layer}"
        laid = overlay(view.image, one, f"The map of {title}", signed=bool(one.min() < 0))
        scale = UNIT / laid.width
        x0, y0, x1, y1 = (round(value * scale) for value in view.box)
        return {
            "grid": activation_grid(view.maps, order=view.order, chosen=view.channel, width=600),
            "map": boxes(fit(laid, UNIT), [(x0, y0, x1, y1)]),
            "wanted": self._wanted_picture(),
            "back": self._back(view, title),
            "text": self._read_out(view, one),
            "patches": self._patch_sheet(view, title),
        }

    @staticmethod
    def _back(view: UnitView, title: str) -> Raster:
        if view.gradient is None:
            return message("This rule is not defined for this network.", width=UNIT)
        x0, y0, x1, y1 = view.box
        seen = contrast(view.gradient[None, :, y0:y1, x0:x1])[0]
        return fit(photo(seen, f"One unit of {title}, sent back to the pixels it sees"), UNIT)

    def _patch_sheet(self, view: UnitView, title: str) -> Raster:
        if view.top is None or not len(view.top.index):
            return message("No patch is scanned yet: press Run.")
        return patch_grid(self.pool, view.top, view.field, side=UNIT // 3 - 3, title=title)

    @staticmethod
    def _read_out(view: UnitView, one: Tensor) -> str:
        x0, y0, x1, y1 = view.box
        problem = alert(ValueError(view.problem)) if view.problem else ""
        return problem + (
            f"<b>{escape(view.maps.layer)}, channel {view.channel}, row {view.row}, "
            f"column {view.column}</b><br>activation {one[view.row, view.column]:.3f} of at most "
            f"{one.max():.3f} on this picture<br>sees x {x0} to {x1}, y {y0} to {y1}"
        )

    @staticmethod
    def _lay_out(shown: dict[str, widgets.Widget]) -> widgets.Widget:
        wrap = widgets.Layout(flex_flow="row wrap", grid_gap="16px")
        place = widgets.VBox([shown["map"], shown["text"], shown["back"]])
        seen = widgets.VBox([shown["patches"], shown["wanted"]])
        return widgets.VBox([shown["grid"], widgets.HBox([place, seen], layout=wrap)])

    def _listing_of(self, **values: Any) -> str:
        net, layer = self._picker.load(), values["layer"]
        source = source_code(self._source if self._own is None else self._own)
        return "\n".join([
            "import vizkit",
            "from IPython.display import display",
            "from vizkit.core.data import cut_patches",
            "from vizkit.core.steps import last",
            "from vizkit.figures.grids import activation_grid, patch_grid",
            "from vizkit.figures.pictures import boxes, contrast, fit, overlay, photo",
            "from vizkit.methods.activations import activations",
            "from vizkit.methods.feature_vis import maximize_steps, replaced",
            "from vizkit.methods.gradients import Unit, pixel_gradient",
            "from vizkit.methods.objectives import Channel",
            "from vizkit.methods.receptive_field import receptive_fields",
            "from vizkit.methods.units import scan_steps, top_patches",
            "",
            self._picker.line(values["model"]),
            image_line(values["image"], _map_size(net)),
            f"layer, channel = {layer!r}, {values['channel']}",
            f"row, column = {values['row']}, {values['column']}",
            "maps = activations(model, image, layer)",
            f"display(activation_grid(maps, order={values['order']!r}, chosen=channel, width=600))",
            "field = receptive_fields(model)[layer]",
            "one = maps.maps[channel]",
            'laid = overlay(image, one, "one channel", signed=bool(one.min() < 0))',
            f"box = [round(edge * {UNIT} / laid.width)",
            "       for edge in field.box(row, column, *image.shape[1:])]",
            f"display(boxes(fit(laid, {UNIT}), [box]))",
            *self._back_code(values),
            f"recipe = replaced('Fourier', steps={WANTED_STEPS})",
            "wanted = last(maximize_steps(model, Channel(layer, channel), recipe))",
            f"display(fit(photo(wanted.images[0], 'what it wants to see'), {UNIT}))",
            f"pool = cut_patches({source}, count={self._patches}, size={patch_size(net)})",
            "scan = last(scan_steps(model, pool, layer, batch_size=32))",
            "result = top_patches(scan, pool, channel)",
            f"display(patch_grid(pool, result, field, side={UNIT // 3 - 3}))",
        ])  # fmt: skip

    def _back_code(self, values: dict[str, Any]) -> list[str]:
        if self.result.gradient is None:
            return []
        return [
            "unit = Unit(layer, channel, row, column)",
            f"back = pixel_gradient(model, image, unit, rule={RULES[values['rule']]!r})",
            "x0, y0, x1, y1 = field.box(row, column, *image.shape[1:])",
            "seen = contrast(back[None, :, y0:y1, x0:x1])[0]",
            f"display(fit(photo(seen, 'sent back'), {UNIT}))",
        ]

    def _pick_channel(self, x: int, y: int) -> None:
        tile = self.shown["grid"].raster.at(x, y)
        if tile is not None:
            order = self.result.maps.order(self.result.order)
            self.controls["channel"].value = int(order[tile])


def _map_size(model: ImageModel) -> Size:
    return picture_size(model, max(model.input_size, 256))


# Neighbors ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NeighborView:
    """What the neighbor panel shows."""

    query: Tensor
    pool: PatchPool
    pixels: Neighbors
    features: Neighbors
    layer: str


def neighbor_panel(
    model: str | ImageModel = "viznet",
    image: str = "motorcycle",
    source: Source = "bundled",
    patches: int = 2000,
    k: int = 8,
) -> Panel:
    """Compare the nearest neighbors of a picture in pixels with those in a layer's code."""
    picker, pool_of = make.ModelPicker(model), pool_of_source(source, patches)
    net = picker.load()
    controls = {
        "image": make.ImagePicker(image, "query"),
        "model": picker,
        "layer": make.dropdown("code of", make.layer_options(net), code_layer(net)),
        "zoom": make.slider("zoom", 1.0, 4.0, 1.5, step=0.25),
        "others": make.toggle("other pictures only"),
    }

    @lru_cache(maxsize=8)
    def pool_codes(net: ImageModel, layer: str) -> Tensor:
        return codes(net, pool_of(patch_size(net)).patches, layer)

    def adjust(controls: dict[str, Any]) -> None:
        net = picker.load()
        make.offer(controls["layer"], make.layer_options(net), code_layer(net))

    def compute(**values: Any) -> NeighborView:
        net = picker.load()
        pool = pool_of(patch_size(net))
        query = center(load_image(values["image"]), values["zoom"], pool.size)
        among = torch.ones(len(pool), dtype=torch.bool)
        if values["others"] and values["image"] in pool.names:
            among = pool.picture != pool.names.index(values["image"])
        code = codes(net, query[None], values["layer"])[0]
        return NeighborView(
            query,
            pool,
            nearest(query.flatten() * 255, pixel_vectors(pool), k, among=among),
            nearest(code, pool_codes(net, values["layer"]), k, among=among),
            values["layer"],
        )

    def draw(view: NeighborView) -> Shown:
        rows = [("in pixels", view.pixels), (f"in {view.layer}", view.features)]
        return {"rows": neighbor_rows(view.query, view.pool, rows, side=80)}

    def code(**values: Any) -> str:
        net = picker.load()
        among = None
        if values["others"]:
            name = values["image"]
            among = f"torch.tensor([pool.names[p] != {name!r} for p in pool.picture])"
        return "\n".join([
            "import torch",
            "import vizkit",
            "from vizkit.core.data import cut_patches",
            "from vizkit.figures.grids import neighbor_rows",
            "from vizkit.methods.neighbors import center, codes, nearest, pixel_vectors",
            "",
            picker.line(values["model"]),
            f"pool = cut_patches({source_code(source)}, "
            f"count={patches}, size={patch_size(net)})",
            f"among = {among}",
            f"query = center(vizkit.load_image({values['image']!r}), {values['zoom']}, pool.size)",
            f"in_pixels = nearest(query.flatten() * 255, pixel_vectors(pool), k={k}, among=among)",
            f"code = codes(model, query[None], {values['layer']!r})[0]",
            f"pool_codes = codes(model, pool.patches, {values['layer']!r})",
            f"result = nearest(code, pool_codes, k={k}, among=among)",
            f"rows = [('in pixels', in_pixels), ('in ' + {values['layer']!r}, result)]",
            "neighbor_rows(query, pool, rows, side=80)",
        ])  # fmt: skip

    return Panel(
        "Nearest neighbors", controls, compute, draw, code=code, adjust=adjust,
        captions={"rows": "left the query, then what lies nearest, from near to far"},
    )  # fmt: skip


# Weight sharing -------------------------------------------------------------------------------


def weight_panel() -> Panel:
    """Count the weights of a convolution and of the fully connected layer it replaces."""
    controls = {
        "size": make.slider("picture", 8, 256, 28, unit="px"),
        "kernel": make.slider("kernel", 1, 15, 5, unit="px"),
        "filters": make.slider("filters", 1, 256, 1),
    }

    def adjust(controls: dict[str, Any]) -> None:
        most = min(15, controls["size"].value)
        make.limit(controls["kernel"], most)

    def draw(count: WeightCount) -> Shown:
        text = (
            f"Each filter makes {count.outputs} x {count.outputs} outputs. Shared: "
            f"<b>{count.shared:,}</b> weights; without sharing: <b>{count.connected:,}</b>."
        )
        chart: go.Figure = weight_bars(count)
        return {"chart": chart, "text": text}

    def code(**values: Any) -> str:
        return "\n".join([
            "from vizkit.figures.charts import weight_bars",
            "from vizkit.methods.filters import weight_sharing",
            "",
            "result = weight_sharing(size={size}, kernel={kernel}, filters={filters})".format(
                **values
            ),
            "weight_bars(result)",
        ])  # fmt: skip

    return Panel(
        "Weight sharing", controls, weight_sharing, draw, code=code, adjust=adjust,
        arrange=layouts.column,
    )  # fmt: skip


# How it misleads ------------------------------------------------------------------------------


@dataclass(frozen=True)
class MixtureView:
    """Top patches of a channel and of a random mixture of all channels."""

    channel: TopPatches
    mixture: TopPatches
    pool: PatchPool
    field: ReceptiveField


def mixture_panel(
    model: str | ImageModel = "viznet", source: Source = "bundled", patches: int = 1000
) -> Panel:
    """Set a channel's top patches beside those of a random mixture of channels."""
    picker, pool_of = make.ModelPicker(model), pool_of_source(source, patches)
    layers = make.layer_options(picker.load(), maps_only=True)
    names = [name for _, name in layers]
    controls = {
        "model": picker,
        "layer": make.dropdown("layer", layers, "relu5" if "relu5" in names else names[-1]),
        "channel": make.slider("channel", 0, 191, 7, live=False),
        "seed": make.slider("random mix", 0, 50, 0, live=False),
    }

    def adjust(controls: dict[str, Any]) -> None:
        net = picker.load()
        make.offer(controls["layer"], make.layer_options(net, maps_only=True))
        make.limit(controls["channel"], net.layer(controls["layer"].value).shape[0] - 1)

    def compute(**values: Any) -> MixtureView:
        net, layer = picker.load(), values["layer"]
        pool = pool_of(patch_size(net))
        channels = net.layer(layer).shape[0]
        unit = torch.eye(channels)[values["channel"]]
        mixture = normal((channels,), values["seed"])
        scan = last(scan_steps(net, pool, layer, directions=torch.stack([unit, mixture])))
        return MixtureView(
            top_patches(scan, pool, 0), top_patches(scan, pool, 1), pool, _fields(net)[layer]
        )

    def draw(view: MixtureView) -> Shown:
        return {
            "one": patch_grid(view.pool, view.channel, view.field, title="one channel"),
            "mixture": patch_grid(view.pool, view.mixture, view.field, title="a random mixture"),
        }

    def code(**values: Any) -> str:
        net, layer = picker.load(), values["layer"]
        channels = net.layer(layer).shape[0]
        return "\n".join([
            "import torch",
            "import vizkit",
            "from IPython.display import display",
            "from vizkit.core.data import cut_patches",
            "from vizkit.core.seeds import normal",
            "from vizkit.core.steps import last",
            "from vizkit.figures.grids import patch_grid",
            "from vizkit.methods.receptive_field import receptive_fields",
            "from vizkit.methods.units import scan_steps, top_patches",
            "",
            picker.line(values["model"]),
            f"pool = cut_patches({source_code(source)}, "
            f"count={patches}, size={patch_size(net)})",
            f"unit = torch.eye({channels})[{values['channel']}]",
            f"mixture = normal(({channels},), seed={values['seed']})",
            "both = torch.stack([unit, mixture])",
            f"scan = last(scan_steps(model, pool, {layer!r}, directions=both))",
            f"field = receptive_fields(model)[{layer!r}]",
            "display(patch_grid(pool, top_patches(scan, pool, 0), field))",
            "result = top_patches(scan, pool, 1)",
            "display(patch_grid(pool, result, field))",
        ])  # fmt: skip

    return Panel(
        "A unit, or a mixture of units?", controls, compute, draw, code=code, adjust=adjust,
        captions={"one": "one channel", "mixture": "a random mixture of all channels"},
    )  # fmt: skip


#: Show one unit in linked views; see `UnitPanel`.
unit_panel = UnitPanel
