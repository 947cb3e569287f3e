"""The panels of lecture 05: all methods side by side, the occluder, GrabCut, the sanity check."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from vizkit.core.images import load_image
from vizkit.core.models import ImageModel
from vizkit.core.scenes import make_scenes
from vizkit.core.steps import Step
from vizkit.figures.attribution import attribution_sheet, scene_sheet, score_chart, top_bars
from vizkit.figures.pictures import boxes, fit, overlay, photo
from vizkit.figures.raster import Raster
from vizkit.methods.activations import activations
from vizkit.methods.attribution import METHODS, Attribution, attribute
from vizkit.methods.gradients import Target, Unit, saliency
from vizkit.methods.localization import ScoreStep, score_steps
from vizkit.methods.occlusion import OcclusionStep, occlude, occlusion_steps
from vizkit.methods.sanity import forgetful, rank_correlation, weighted_layers
from vizkit.methods.segmentation import Segment, grab_cut
from vizkit.widgets import controls as make
from vizkit.widgets import layouts
from vizkit.widgets.live import LivePanel, code_of_run
from vizkit.widgets.old_panel import Panel, Shown
from vizkit.widgets.sources import PHOTO, Size, image_line, picture_size

BEST = "most probable"


def _own_size(model: ImageModel) -> Size:
    """Return the size at which a net is asked for a class: that of its training pictures."""
    return picture_size(model, model.input_size)


def _look_size(model: ImageModel) -> Size:
    """Return the size of pictures for maps: small nets see more in larger ones."""
    return picture_size(model, max(model.input_size, 128))


@lru_cache(maxsize=8)
def _top(model: ImageModel, image: str) -> tuple[tuple[str, float], ...]:
    return tuple(model.top(load_image(image, _own_size(model)), min(5, len(model.labels))))


def _class(model: ImageModel, image: str, target: str) -> str:
    return _top(model, image)[0][0] if target == BEST else target


def _target_field(model: ImageModel) -> Any:
    return make.search("target", [BEST, *model.labels], BEST)


# All methods ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class SheetStep(Step):
    """The methods' maps so far."""

    image: Tensor
    found: tuple[Attribution, ...]


CLASS = "the class"


class AttributionPanel(LivePanel):
    """One picture, one target, all methods side by side.

    Parameters
    ----------
    model : str or ImageModel
    image : str
    """

    def __init__(self, model: str | ImageModel = "viznet", image: str = "chelsea") -> None:
        self._picker = make.ModelPicker(model)
        net = self._picker.load()
        controls = {
            "image": make.ImagePicker(image),
            "model": self._picker,
            "target": _target_field(net),
            "layer": make.dropdown("or a unit of", [CLASS, *net.layers]),
            "channel": make.slider("channel", 0, 0, 0, live=False),
            "place": make.text("at", "strongest", "row, column"),
            "signed": make.choices("colors", ["size", "signed"]),
            "percentile": make.slider("clip", 80.0, 100.0, 99.0, step=0.5, unit="%"),
            "opacity": make.slider("opacity", 0.0, 1.0, 0.85, step=0.05),
        }  # fmt: skip
        super().__init__(
            "Where it looks", controls, self._steps, self._paint, code=self._listing_of,
            looks={"signed", "percentile", "opacity"}, adjust=self._fit, arrange=layouts.column,
            rate=5, name="methods", auto=True,
            captions={"sheet": "click the picture to ask for the unit at that place"},
        )  # fmt: skip
        self.shown["sheet"].on_click(self._pick)

    def _fit(self, controls: dict[str, Any]) -> None:
        net = self._picker.load()
        make.offer_classes(controls["target"], net, BEST)
        make.offer(controls["layer"], [CLASS, *net.layers], CLASS)
        layer = controls["layer"].value
        unit = layer != CLASS
        make.limit(controls["channel"], net.layers[layer].shape[0] - 1 if unit else 0)
        controls["target"].disabled = unit
        controls["channel"].disabled = controls["place"].disabled = not unit

    def _target(self, values: dict[str, Any]) -> Target:
        if values["layer"] == CLASS:
            return _class(self._picker.load(), values["image"], values["target"])
        row, column = _place(values["place"])
        return Unit(values["layer"], values["channel"], row, column)

    def _steps(self, step: SheetStep | None, **values: Any) -> Iterator[SheetStep]:
        net = self._picker.load()
        image, target = load_image(values["image"], _look_size(net)), self._target(values)
        found = step.found if step else ()
        for index, method in enumerate(METHODS):
            if index >= len(found):
                found = (*found, attribute(net, image, target, method))
                yield SheetStep(index + 1, len(METHODS), image, found)

    def _paint(self, step: SheetStep, **values: Any) -> Shown:
        sheet = attribution_sheet(
            step.image, step.found, signed=values["signed"] == "signed",
            percentile=values["percentile"], opacity=values["opacity"], side=176,
        )  # fmt: skip
        target = self._target(values)
        problems = "".join(
            f"<br><b>{one.method}</b>: {one.problem}" for one in step.found if one.problem
        )
        what = f"unit {target}" if isinstance(target, Unit) else f"class <b>{target}</b>"
        return {"sheet": sheet, "text": f"What speaks for the {what}.{problems}"}

    def _pick(self, x: int, y: int) -> None:
        """Ask for the unit whose place of the map is clicked on the photo."""
        layer = self.controls["layer"].value
        sheet = self.shown["sheet"].raster
        if layer == CLASS or sheet.at(x, y) != 0:
            return
        left, top, right, bottom = sheet.box(0)
        net = self._picker.load()
        size = load_image(self.controls["image"].value, _look_size(net)).shape[1:]
        shape = _map_shape(net, layer, (int(size[0]), int(size[1])))
        row = int((y - top) / (bottom - top - 20) * shape[0])  # 20 px of caption
        column = int((x - left) / (right - left) * shape[1])
        self.controls["place"].value = f"{min(row, shape[0] - 1)}, {min(column, shape[1] - 1)}"

    def _listing_of(self, **values: Any) -> str:
        net = self._picker.load()
        done = tuple(METHODS)[: self.result.index]
        return "\n".join([
            "import vizkit",
            "from vizkit.figures.attribution import attribution_sheet",
            "from vizkit.methods.attribution import attribute",
            "from vizkit.methods.gradients import Unit",
            "",
            self._picker.line(values["model"]),
            image_line(values["image"], _look_size(net)),
            f"target = {self._target(values)!r}",
            f"methods = {done}",
            "result = [attribute(model, image, target, method) for method in methods]",
            f"attribution_sheet(image, result, signed={values['signed'] == 'signed'}, "
            f"percentile={values['percentile']}, opacity={values['opacity']}, side=176)",
        ])  # fmt: skip


def _place(text: str) -> tuple[int | None, int | None]:
    if text.strip() in ("", "strongest"):
        return None, None
    try:
        row, column = (int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"a place must be 'strongest' or 'row, column', got {text!r}") from None
    return row, column


@lru_cache(maxsize=16)
def _map_shape(model: ImageModel, layer: str, size: tuple[int, int]) -> tuple[int, int]:
    maps = activations(model, torch.zeros(3, *size), layer).maps
    return maps.shape[1], maps.shape[2]


def attribution_panel(
    model: str | ImageModel = "viznet", image: str = "chelsea"
) -> AttributionPanel:
    """Show where every method looks."""
    return AttributionPanel(model, image)


# The occluder ---------------------------------------------------------------------------------


class OccluderPanel(LivePanel):
    """A square that a hand drags over the picture, and the map of what each place costs.

    Parameters
    ----------
    model : str or ImageModel
    image : str
    """

    def __init__(self, model: str | ImageModel = "viznet", image: str = "coffee") -> None:
        self._picker = make.ModelPicker(model)
        self._drawn_map: tuple[OcclusionStep, Raster] | None = None
        net = self._picker.load()
        controls = {
            "image": make.ImagePicker(image),
            "model": self._picker,
            "target": _target_field(net),
            "x": make.slider("x", 0.0, 1.0, 0.35, step=0.01),
            "y": make.slider("y", 0.0, 1.0, 0.3, step=0.01),
            "share": make.slider("square", 0.1, 0.6, 0.3, step=0.05),
            "fill": make.slider("gray", 0.0, 1.0, 0.5, step=0.05),
        }  # fmt: skip
        super().__init__(
            "The occluder", controls, self._steps, self._paint, code=self._listing_of,
            adjust=lambda c: make.offer_classes(c["target"], self._picker.load(), BEST),
            looks={"x", "y"}, rate=6, name="map", auto=True,
            captions={"covered": "drag the square", "map": "what each place of the square costs"},
        )  # fmt: skip
        self.shown["covered"].on_drag(self._drag)

    def _image(self, values: dict[str, Any]) -> Tensor:
        return load_image(values["image"], _own_size(self._picker.load()))

    @staticmethod
    def _square(image: Tensor, values: dict[str, Any]) -> tuple[int, int, int]:
        """Return top, left and side of the square in pixels."""
        height, width = image.shape[1:]
        side = max(2, round(values["share"] * min(height, width)))
        top, left = round(values["y"] * (height - side)), round(values["x"] * (width - side))
        return top, left, side

    def _steps(self, step: OcclusionStep | None, **values: Any) -> Iterator[OcclusionStep]:
        net, image = self._picker.load(), self._image(values)
        side = self._square(image, values)[2]
        return occlusion_steps(
            net, image, _class(net, values["image"], values["target"]), patch=side,
            stride=max(1, side // 5), fill=values["fill"], batch_size=16, resume=step,
        )  # fmt: skip

    def _paint(self, step: OcclusionStep, **values: Any) -> Shown:
        net, image = self._picker.load(), self._image(values)
        top, left, side = self._square(image, values)
        covered = occlude(image, top, left, patch=side, fill=values["fill"])
        with torch.no_grad():
            shares = net.probabilities(covered)
        first = shares.argsort(descending=True)[:5].tolist()
        found, label = [(net.labels[i], float(shares[i])) for i in first], net.labels[step.target]
        title = f"{label}: {step.probability:.1%} → {float(shares[step.target]):.1%}"
        alt = f"The picture with a gray square at {left}, {top}; {title}"
        return {
            "covered": fit(photo(covered, alt), PHOTO),
            "bars": top_bars(found, title, label),
            "map": self._map(step, image, label),
        }

    def _map(self, step: OcclusionStep, image: Tensor, label: str) -> Raster:
        """Draw the map once a step: it stays while the square is dragged."""
        if self._drawn_map is None or self._drawn_map[0] is not step:
            alt = f"Where the square costs most: {label}"
            heat = fit(overlay(image, step.pixels().clamp(min=0), alt), PHOTO)
            self._drawn_map = step, heat
        return self._drawn_map[1]

    def _drag(self, x: int, y: int) -> None:
        """Bring the middle of the square under the mouse."""
        shown, image = self.shown["covered"].raster, self._image(self.values)
        side = self._square(image, self.values)[2]
        places = {}
        for name, at, shown_length, length in (
            ("x", x, shown.width, image.shape[2]), ("y", y, shown.height, image.shape[1])
        ):  # fmt: skip
            start = at / shown_length * length - side / 2
            places[name] = min(max(start / max(length - side, 1), 0.0), 1.0)
        self.set(**places)

    def _listing_of(self, **values: Any) -> str:
        net, image = self._picker.load(), self._image(values)
        top, left, side = self._square(image, values)
        step = self.result
        call = (
            f"occlusion_steps(model, image, target, patch={side}, stride={max(1, side // 5)}, "
            f"fill={values['fill']}, batch_size=16)"
        )
        return "\n".join([
            "import vizkit",
            "from IPython.display import display",
            "from vizkit.core.steps import last",
            "from vizkit.figures.pictures import fit, overlay, photo",
            "from vizkit.methods.occlusion import occlude, occlusion_steps",
            "",
            self._picker.line(values["model"]),
            image_line(values["image"], _own_size(net)),
            f"target = {_class(net, values['image'], values['target'])!r}",
            f"covered = occlude(image, {top}, {left}, patch={side}, fill={values['fill']})",
            f"display(fit(photo(covered, 'the picture, covered'), {PHOTO}))",
            "model.top(covered)",
            *code_of_run(call, step.index, step.total),
            f"fit(overlay(image, result.pixels().clamp(min=0), 'what it costs'), {PHOTO})",
        ])  # fmt: skip


def occluder_panel(model: str | ImageModel = "viznet", image: str = "coffee") -> OccluderPanel:
    """Drag a square over a picture."""
    return OccluderPanel(model, image)


# GrabCut --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CutView:
    """What the GrabCut panel shows."""

    image: Tensor
    heat: Tensor
    segment: Segment


@lru_cache(maxsize=4)
def _saliency(model: ImageModel, image: str, target: str) -> tuple[Tensor, Tensor]:
    picture = load_image(image, _look_size(model))
    return picture, saliency(model, picture, target)


def grab_cut_panel(model: str | ImageModel = "viznet-robust", image: str = "china") -> Panel:
    """Grow an object out of the saliency map."""
    picker = make.ModelPicker(model)
    controls = {
        "image": make.ImagePicker(image),
        "model": picker,
        "target": _target_field(picker.load()),
        "foreground": make.slider("surely object", 0.5, 0.99, 0.95, step=0.01),
        "background": make.slider("surely ground", 0.01, 0.49, 0.3, step=0.01),
        "smooth": make.slider("smooth", 0.5, 8.0, 3.0, step=0.5, unit="px"),
    }  # fmt: skip

    def compute(image: str, target: str, **values: Any) -> CutView:
        net = picker.load()
        picture, heat = _saliency(net, image, _class(net, image, target))
        values.pop("model")
        return CutView(picture, heat, grab_cut(picture, heat, **values))

    def draw(view: CutView) -> Shown:
        mask = view.segment.mask
        shown = torch.where(mask, view.image, view.image.mean(0) * 0.35 + 0.6)
        share = float(mask.double().mean())
        cut = photo(shown, f"The object cut out: {share:.0%} of the picture")
        large = fit(cut, PHOTO)
        x0, y0, x1, y1 = (round(edge * large.width / cut.width) for edge in view.segment.box)
        framed: Raster = boxes(large, [(x0, y0, x1, y1)]) if share else large
        heat = overlay(view.image, view.heat, "The saliency map")
        return {"saliency": fit(heat, PHOTO), "cut": framed}

    def code(image: str, target: str, **values: Any) -> str:
        net = picker.load()
        settings = ", ".join(
            f"{name}={values[name]}" for name in ("foreground", "background", "smooth")
        )
        return "\n".join([
            "import torch",
            "import vizkit",
            "from IPython.display import display",
            "from vizkit.figures.pictures import boxes, fit, overlay, photo",
            "from vizkit.methods.gradients import saliency",
            "from vizkit.methods.segmentation import grab_cut",
            "",
            picker.line(values["model"]),
            image_line(image, _look_size(net)),
            f"heat = saliency(model, image, {_class(net, image, target)!r})",
            f"result = grab_cut(image, heat, {settings})",
            f"display(fit(overlay(image, heat, 'saliency'), {PHOTO}))",
            "cut = photo(torch.where(result.mask, image, image.mean(0) * 0.35 + 0.6), 'cut out')",
            f"large = fit(cut, {PHOTO})",
            "boxes(large, [[round(edge * large.width / cut.width) for edge in result.box]])",
        ])  # fmt: skip

    return Panel(
        "The object, grown from the saliency", controls, compute, draw, code=code,
        adjust=lambda c: make.offer_classes(c["target"], picker.load(), BEST),
        captions={"saliency": "the saliency map", "cut": "GrabCut, and the box around it"},
    )  # fmt: skip


# Against the truth ----------------------------------------------------------------------------


_scenes = lru_cache(maxsize=2)(make_scenes)


def score_panel(count: int = 500) -> LivePanel:
    """Score every method on scenes whose truth is known.

    Parameters
    ----------
    count : int
        Number of scenes at first.
    """
    controls = {
        "count": make.slider("scenes", 20, 500, count, step=20, live=False),
        "seed": make.slider("seed", 0, 20, 0, live=False),
    }

    def start(_: ScoreStep | None, count: int, seed: int) -> Iterator[ScoreStep]:
        return score_steps(make.loaded("scenes"), _scenes(count, seed=100 + seed), batch_size=10)

    def draw(step: ScoreStep, count: int, seed: int) -> Shown:
        sheet = scene_sheet(_scenes(count, seed=100 + seed))
        rows = "".join(
            f"<tr><td>{method}</td><td>{step.pointing[method]:.2f}</td>"
            f"<td>{step.overlap[method]:.2f}</td><td>{step.inside[method]:.2f}</td></tr>"
            for method in step.overlap
        )
        head = "<tr><th>method</th><th>pointing game</th><th>IoU</th><th>energy inside</th></tr>"
        return {
            "chart": score_chart(step), "table": f"<table>{head}{rows}</table>", "scenes": sheet
        }  # fmt: skip

    def code(count: int, seed: int) -> str:
        call = "score_steps(model, scenes, batch_size=10)"
        return "\n".join([
            "import vizkit",
            "from IPython.display import display",
            "from vizkit.core.scenes import make_scenes",
            "from vizkit.core.steps import last",
            "from vizkit.figures.attribution import scene_sheet, score_chart",
            "from vizkit.methods.localization import score_steps",
            "",
            'model = vizkit.load_model("scenes")',
            f"scenes = make_scenes({count}, seed={100 + seed})",
            "display(scene_sheet(scenes))",
            *code_of_run(call, panel.result.index, panel.result.total),
            "score_chart(result)",
        ])  # fmt: skip

    panel = LivePanel(
        "Against the truth", controls, start, draw, code=code, arrange=layouts.column, rate=2,
        name="scoring",
    )  # fmt: skip
    return panel


# The sanity check -----------------------------------------------------------------------------

#: Quick enough to follow a slider.
CHECKED = ("gradient", "saliency", "deconvnet", "guided backprop", "integrated gradients",
           "Grad-CAM", "SmoothGrad", "VisualBackProp", "occlusion")  # fmt: skip


@lru_cache(maxsize=128)
def _map(model: ImageModel, image: str, target: str, method: str) -> Attribution:
    return attribute(model, load_image(image, _look_size(model)), target, method)


@lru_cache(maxsize=16)
def _forgetful(model: ImageModel, count: int, seed: int) -> ImageModel:
    return forgetful(model, count, seed=seed)


@dataclass(frozen=True)
class SanityStep(Step):
    """The maps of a net that has forgotten layers, and how alike they are to the true ones."""

    image: Tensor
    found: tuple[Attribution, ...]
    correlation: tuple[float, ...]


def sanity_panel(model: str | ImageModel = "viznet", image: str = "chelsea") -> LivePanel:
    """Forget layers from the top and see which maps notice."""
    picker = make.ModelPicker(model)
    names = weighted_layers(picker.load())
    controls = {
        "image": make.ImagePicker(image),
        "model": picker,
        "count": make.slider("layers", 0, len(names), 3, live=False),
        "seed": make.slider("seed", 0, 20, 0, live=False),
        "percentile": make.slider("clip", 80.0, 100.0, 99.0, step=0.5, unit="%"),
    }

    def adjust(controls: dict[str, Any]) -> None:
        make.limit(controls["count"], len(weighted_layers(picker.load())))

    def start(
        step: SanityStep | None, image: str, count: int, seed: int, **_: Any
    ) -> Iterator[SanityStep]:
        net = picker.load()
        other, target = _forgetful(net, count, seed), _class(net, image, BEST)
        picture = load_image(image, _look_size(net))
        found, alike = (step.found, step.correlation) if step else ((), ())
        for index, method in enumerate(CHECKED[len(found) :], len(found)):
            true, now = (_map(one, image, target, method) for one in (net, other))
            found = (*found, now)
            alike = (*alike, rank_correlation(true.heat.abs(), now.heat.abs()))
            yield SanityStep(index + 1, len(CHECKED), picture, found, alike)

    def draw(step: SanityStep, percentile: float, count: int, **_: Any) -> Shown:
        captions = [
            f"{one.method} {value:.2f}"
            for one, value in zip(step.found, step.correlation, strict=True)
        ]
        forgotten = ", ".join(weighted_layers(picker.load())[:count]) or "nothing"
        sheet = attribution_sheet(
            step.image, step.found, percentile=percentile, captions=captions, side=176
        )
        return {
            "sheet": sheet,
            "text": f"Forgotten: <b>{forgotten}</b>. The number is the rank correlation with the "
            "trained net's map.",
        }

    def code(image: str, count: int, seed: int, percentile: float, **values: Any) -> str:
        net, done = picker.load(), CHECKED[: panel.result.index]
        return "\n".join([
            "import vizkit",
            "from vizkit.figures.attribution import attribution_sheet",
            "from vizkit.methods.attribution import attribute",
            "from vizkit.methods.sanity import forgetful, rank_correlation",
            "",
            picker.line(values["model"]),
            image_line(image, _look_size(net)),
            f"target = {_class(net, image, BEST)!r}",
            f"other = forgetful(model, {count}, seed={seed})",
            f"methods = {done}",
            "true = [attribute(model, image, target, method) for method in methods]",
            "result = [attribute(other, image, target, method) for method in methods]",
            "alike = [rank_correlation(a.heat.abs(), b.heat.abs()) for a, b in zip(true, result)]",
            "captions = [f'{one.method} {value:.2f}' for one, value in zip(result, alike)]",
            f"attribution_sheet(image, result, percentile={percentile}, captions=captions, "
            "side=176)",
        ])  # fmt: skip

    panel = LivePanel(
        "Forget and look again", controls, start, draw, code=code, adjust=adjust,
        looks={"percentile"}, arrange=layouts.column, rate=5, name="methods", auto=True,
    )  # fmt: skip
    return panel
