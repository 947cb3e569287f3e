"""The panels of lecture 06: pictures made to excite, a layer's channels, faces, dreams."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core.data import PatchPool
from vizkit.core.images import load_image
from vizkit.core.models import ImageModel
from vizkit.core.steps import Step, last
from vizkit.figures.attribution import top_bars
from vizkit.figures.pictures import Tiles, fit, photo, sheet
from vizkit.methods.dream import DreamStep, dream_steps, zoom_steps
from vizkit.methods.feature_vis import (
    RECIPES,
    Faces,
    PictureStep,
    faces,
    maximize_steps,
    replaced,
)
from vizkit.methods.gradients import Unit
from vizkit.methods.objectives import Channel, Objective, WholeLayer
from vizkit.methods.units import ScanStep, scan_steps
from vizkit.widgets import controls as make
from vizkit.widgets import layouts
from vizkit.widgets.live import LivePanel, code_of_run
from vizkit.widgets.old_panel import Shown
from vizkit.widgets.sources import image_line, patch_size, source_code, source_pool

#: Width of the picture that is being made, in pixels.
LARGE = 448
#: Kinds of objective.
KINDS = ("class", "channel", "neuron", "layer")
GRAY = (
    "Nothing of its score reached the pixels: the last ReLU before it was 0 everywhere. "
    "The aim is now before that ReLU."
)


def _target_controls(net: ImageModel, target: str, layer: str, kind: str) -> dict[str, Any]:
    """Return the controls that say what a picture is to excite."""
    return {
        "kind": make.dropdown("excite a", KINDS, kind),
        "target": make.search("class", net.labels, target),
        "layer": make.dropdown("layer", make.layer_options(net), layer),
        "channel": make.slider("channel", 0, net.layers[layer].shape[0] - 1, 0, live=False),
    }


def _middle_layer(net: ImageModel) -> str:
    """Return a layer whose units have seen enough to be interesting."""
    names = [name for _, name in make.layer_options(net, maps_only=True)]
    return "relu5" if "relu5" in names else names[2 * len(names) // 3]


def _last_layer(net: ImageModel) -> str:
    """Return the last layer whose units have places."""
    names = [name for _, name in make.layer_options(net, maps_only=True)]
    return "relu7" if "relu7" in names else names[-2 if len(names) > 1 else -1]


def _fit_target(controls: dict[str, Any], net: ImageModel) -> None:
    """Adapt what can be chosen to the net and to the kind of objective."""
    field = controls["target"]
    make.offer_classes(field, net)
    make.offer(controls["layer"], make.layer_options(net), _middle_layer(net))
    make.limit(controls["channel"], net.layers[controls["layer"].value].shape[0] - 1)
    kind = controls["kind"].value
    field.disabled = kind != "class"
    controls["layer"].disabled = kind == "class"
    controls["channel"].disabled = kind not in ("channel", "neuron")


def _objective(values: dict[str, Any]) -> Objective:
    kind, layer = values["kind"], values["layer"]
    if kind == "class":
        return str(values["target"])
    if kind == "layer":
        return WholeLayer(layer)
    return (Channel if kind == "channel" else Unit)(layer, values["channel"])


_IMPORTS = (
    "import vizkit",
    "from vizkit.core.steps import last",
    "from vizkit.methods.feature_vis import maximize_steps",
    "from vizkit.methods.gradients import Unit",
    "from vizkit.methods.objectives import Channel, WholeLayer",
)


# One picture ----------------------------------------------------------------------------------


def picture_panel(
    model: str | ImageModel = "viznet-robust", target: str = "king penguin",
    recipe: str = "Fourier",
) -> LivePanel:  # fmt: skip
    """Make the picture that a class, a channel, a neuron or a layer wants to see."""
    picker = make.ModelPicker(model)
    net = picker.load()
    target = target if target in net.labels else net.labels[0]
    controls = {
        "model": picker,
        **_target_controls(net, target, _middle_layer(net), "class"),
        "recipe": make.dropdown("recipe", list(RECIPES), recipe),
        "steps": make.slider("steps", 16, 1024, RECIPES[recipe].steps, step=16, live=False),
        "size": make.slider("size", 64, 512, 128, step=32, live=False, unit="px"),
        "seed": make.slider("seed", 0, 20, 0, live=False),
    }

    def adjust(controls: dict[str, Any]) -> None:
        net = picker.load()
        _fit_target(controls, net)
        make.fit_size(controls["size"], net, 64, 512)

    def start(step: PictureStep | None, **values: Any) -> Iterator[PictureStep]:
        return maximize_steps(
            picker.load(), _objective(values), replaced(values["recipe"], steps=values["steps"]),
            size=values["size"], seed=values["seed"], resume=step,
        )  # fmt: skip

    def draw(step: PictureStep, **values: Any) -> Shown:
        net, what = picker.load(), _objective(values)
        alt = f"A picture made to excite {what}, after {step.index} steps"
        note = f"<i>{GRAY}</i><br>" if step.opened.any() else ""
        top = net.top(_as_seen(net, step.images[0]), min(5, len(net.labels)))
        title = f"{net.name} looks at it: score {float(step.score[0]):.2f}"
        return {
            "picture": fit(photo(step.images[0], alt), LARGE),
            "bars": note + top_bars(top, title, str(what)),
        }

    def code(**values: Any) -> str:
        recipe = f"replaced({values['recipe']!r}, steps={values['steps']})"
        call = (
            f"maximize_steps(model, {_objective(values)!r}, {recipe}, size={values['size']}, "
            f"seed={values['seed']})"
        )
        return "\n".join([
            *_IMPORTS,
            "from vizkit.figures.pictures import fit, photo",
            "from vizkit.methods.feature_vis import replaced",
            "",
            picker.line(values["model"]),
            *code_of_run(call, panel.result.index, panel.result.total),
            f"fit(photo(result.images[0], 'made to excite'), {LARGE})",
        ])  # fmt: skip

    panel = LivePanel(
        "What it wants to see", controls, start, draw, code=code, adjust=adjust, history="picture",
        arrange=layouts.column, rate=8, name="steps", auto=True,
    )  # fmt: skip
    return panel


def _as_seen(net: ImageModel, image: Tensor) -> Tensor:
    """Scale a picture to the size that the net was trained on."""
    side = (net.input_size, net.input_size)
    scaled = F.interpolate(image[None], side, mode="bilinear", antialias=True)
    return scaled[0].clamp(0, 1)


# Recipes side by side -------------------------------------------------------------------------


@dataclass(frozen=True)
class SeveralStep(Step):
    """Runs side by side, each as far as it is."""

    runs: tuple[PictureStep, ...]


#: What the lecture compares.
COMPARED = ("from zeros, L2", "Fourier", "MACO")


def recipe_panel(
    model: str | ImageModel = "viznet-robust", layer: str | None = None, channel: int = 38
) -> LivePanel:
    """Show the deck's recipe beside today's, on one unit."""
    picker = make.ModelPicker(model)
    net = picker.load()
    controls = {
        "model": picker,
        **_target_controls(net, net.labels[0], layer or _last_layer(net), "channel"),
        "others": make.dropdown("instead", ["the deck and today", "Yosinski's four"]),
        "steps": make.slider("steps", 16, 512, 160, step=16, live=False),
        "seed": make.slider("seed", 0, 20, 0, live=False),
    }
    make.update(controls["channel"], value=min(channel, controls["channel"].max))

    def names(values: dict[str, Any]) -> tuple[str, ...]:
        four = tuple(name for name in RECIPES if name.startswith("Yosinski"))
        return COMPARED if values["others"] == "the deck and today" else four

    def start(step: SeveralStep | None, **values: Any) -> Iterator[SeveralStep]:
        before = step.runs if step else (None,) * len(names(values))
        runs = [
            maximize_steps(picker.load(), _objective(values),
                           replaced(name, steps=values["steps"]), seed=values["seed"], resume=one)
            for name, one in zip(names(values), before, strict=True)
        ]  # fmt: skip
        for steps in zip(*runs, strict=True):
            yield SeveralStep(steps[0].index, steps[0].total, steps)

    def draw(step: SeveralStep, **values: Any) -> Shown:
        captions = [
            f"{name}: score {float(run.score[0]):.2f}"
            for name, run in zip(names(values), step.runs, strict=True)
        ]
        pictures = torch.cat([run.images for run in step.runs])
        note = f"<i>{GRAY}</i>" if any(run.opened.any() for run in step.runs) else ""
        alt = f"Pictures made to excite {_objective(values)}: " + ", ".join(captions)
        laid = sheet(pictures, alt, side=680 // len(pictures), captions=captions,
                     columns=len(pictures))  # fmt: skip
        return {"pictures": laid, "text": note}

    def code(**values: Any) -> str:
        done, steps = panel.result.index, values["steps"]
        run = f"maximize_steps(model, {_objective(values)!r}, replaced(name, steps={steps}), "
        return "\n".join([
            *_IMPORTS,
            "from itertools import islice",
            "import torch",
            "from vizkit.figures.pictures import sheet",
            "from vizkit.methods.feature_vis import replaced",
            "",
            picker.line(values["model"]),
            f"names = {names(values)!r}",
            "def run(name):",
            f"    return last(islice({run}seed={values['seed']}), {done}))",
            "result = [run(name) for name in names]",
            "captions = [f'{n}: score {float(r.score[0]):.2f}' for n, r in zip(names, result)]",
            "sheet(torch.cat([one.images for one in result]), 'recipes', "
            f"side=680 // {len(panel.result.runs)}, captions=captions, "
            f"columns={len(panel.result.runs)})",
        ])  # fmt: skip

    panel = LivePanel(
        "One unit, several recipes", controls, start, draw, code=code,
        adjust=lambda controls: _fit_target(controls, picker.load()), history="pictures",
        arrange=layouts.column, rate=6, name="steps", auto=True,
    )  # fmt: skip
    return panel


# All channels of a layer ----------------------------------------------------------------------


def layer_panel(model: str | ImageModel = "viznet-robust", layer: str | None = None) -> LivePanel:
    """Make the pictures of all channels of a layer at once."""
    picker = make.ModelPicker(model)
    net = picker.load()
    names = make.layer_options(net, maps_only=True)
    first = "relu3" if "relu3" in net.layers else names[len(names) // 3][1]
    controls = {
        "model": picker,
        "layer": make.dropdown("layer", names, layer or first),
        "most": make.slider("channels", 8, 512, 96, step=8, live=False),
        "size": make.slider("size", 32, 160, 48, step=16, live=False, unit="px"),
        "steps": make.slider("steps", 16, 256, 64, step=16, live=False),
        "seed": make.slider("seed", 0, 20, 0, live=False),
    }

    def adjust(controls: dict[str, Any]) -> None:
        net = picker.load()
        make.offer(controls["layer"], make.layer_options(net, maps_only=True))
        make.fit_size(controls["size"], net, 32, 160)

    def wanted(values: dict[str, Any]) -> list[Objective]:
        count = min(values["most"], picker.load().layers[values["layer"]].shape[0])
        return [Channel(values["layer"], channel) for channel in range(count)]

    def start(step: PictureStep | None, **values: Any) -> Iterator[PictureStep]:
        return maximize_steps(
            picker.load(), wanted(values), replaced("Fourier", rate=0.05, steps=values["steps"]),
            size=values["size"], seed=values["seed"], resume=step,
        )  # fmt: skip

    def draw(step: PictureStep, **values: Any) -> Shown:
        opened = int(step.opened.sum())
        note = f"; {opened} were silent and are aimed at before their ReLU" if opened else ""
        text = f"{len(step.images)} channels of <b>{values['layer']}</b>{note}"
        return {"grid": _channel_sheet(step.images, values["layer"]), "text": text}

    def code(**values: Any) -> str:
        count = len(wanted(values))
        call = (
            f"maximize_steps(model, channels, replaced('Fourier', rate=0.05, "
            f"steps={values['steps']}), size={values['size']}, seed={values['seed']})"
        )
        columns, side = _sheet_layout(count)
        return "\n".join([
            *_IMPORTS,
            "from vizkit.figures.pictures import sheet",
            "from vizkit.methods.feature_vis import replaced",
            "",
            picker.line(values["model"]),
            f"channels = [Channel({values['layer']!r}, channel) for channel in range({count})]",
            *code_of_run(call, panel.result.index, panel.result.total),
            f"sheet(result.images, 'every channel', side={side}, columns={columns})",
        ])  # fmt: skip

    panel = LivePanel(
        "Every channel of a layer", controls, start, draw, code=code, adjust=adjust,
        history="grid", arrange=layouts.column, rate=3, name="steps",
    )  # fmt: skip
    return panel


def _sheet_layout(count: int) -> tuple[int, int]:
    """Return the columns and the side of tiles that fill the page with `count` pictures."""
    columns = 12 if count > 24 else 8
    return columns, 700 // columns - 6


def _channel_sheet(images: Tensor, layer: str) -> Tiles:
    columns, side = _sheet_layout(len(images))
    return sheet(images, f"What each of {len(images)} channels of {layer} wants to see",
                 side=side, columns=columns)  # fmt: skip


# Faces ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FacesStep(Step):
    """The groups of a unit's patches and the picture grown from each."""

    found: Faces
    run: PictureStep


@lru_cache(maxsize=4)
def _scan(model: ImageModel, pool: PatchPool, layer: str) -> ScanStep:
    return last(scan_steps(model, pool, layer))


def faces_panel(
    model: str | ImageModel = "viznet-robust", layer: str | None = None, channel: int = 8,
    source: str = "bundled", patches: int = 2000,
) -> LivePanel:  # fmt: skip
    """Show several faces of one unit: group what excites it, start from each group's mean."""
    picker = make.ModelPicker(model)
    net = picker.load()
    maps = make.layer_options(net, maps_only=True)
    controls = {
        "model": picker,
        "layer": make.dropdown("layer", maps, layer or _last_layer(net)),
        "channel": make.slider("channel", 0, 10_000, channel, live=False),
        "k": make.slider("faces", 2, 6, 4, live=False),
        "steps": make.slider("steps", 16, 512, 128, step=16, live=False),
        "seed": make.slider("seed", 0, 20, 0, live=False),
    }

    def adjust(controls: dict[str, Any]) -> None:
        net = picker.load()
        make.offer(controls["layer"], make.layer_options(net, maps_only=True))
        make.limit(controls["channel"], net.layers[controls["layer"].value].shape[0] - 1)

    def pool() -> PatchPool:
        return source_pool(source, patches, patch_size(picker.load()))

    def grouped(values: dict[str, Any]) -> Faces:
        net = picker.load()
        scan = _scan(net, pool(), values["layer"])
        return faces(net, pool(), scan, values["channel"], values["k"], seed=values["seed"])

    def start(step: FacesStep | None, **values: Any) -> Iterator[FacesStep]:
        found = step.found if step else grouped(values)
        wanted = [Channel(values["layer"], values["channel"])] * len(found.means)
        for run in maximize_steps(
            picker.load(), wanted, replaced("Fourier", steps=values["steps"]),
            start=found.means, seed=values["seed"], resume=step.run if step else None,
        ):  # fmt: skip
            yield FacesStep(run.index, run.total, found, run)

    def draw(step: FacesStep, **values: Any) -> Shown:
        title = f"channel {values['channel']} of {values['layer']}"
        groups = len(step.found.means)
        laid = sheet(step.run.images, f"The {groups} faces of {title}", side=_face(groups),
                     columns=groups)  # fmt: skip
        return {"members": _members(pool(), step.found), "faces": laid}

    def code(**values: Any) -> str:
        call = (
            f"maximize_steps(model, wanted, replaced('Fourier', steps={values['steps']}), "
            f"start=found.means, seed={values['seed']})"
        )
        layer, channel, groups = values["layer"], values["channel"], values["k"]
        return "\n".join([
            *_IMPORTS,
            "from IPython.display import display",
            "from vizkit.core.data import cut_patches",
            "from vizkit.figures.pictures import sheet",
            "from vizkit.methods.feature_vis import faces, replaced",
            "from vizkit.methods.units import scan_steps",
            "",
            picker.line(values["model"]),
            f"pool = cut_patches({source_code(source)}, count={patches}, "
            f"size={patch_size(picker.load())})",
            f"scan = last(scan_steps(model, pool, {layer!r}))",
            f"found = faces(model, pool, scan, {channel}, {groups}, seed={values['seed']})",
            "rows = found.members(6).flatten()",
            "display(sheet(pool.patches[rows] / 255, 'what excites it', side=60, columns=6))",
            f"wanted = [Channel({layer!r}, {channel})] * {groups}",
            *code_of_run(call, panel.result.index, panel.result.total),
            f"sheet(result.images, 'faces', side={_face(groups)}, columns={groups})",
        ])  # fmt: skip

    panel = LivePanel(
        "The faces of one unit", controls, start, draw, code=code, adjust=adjust, history="faces",
        arrange=layouts.column, rate=6, name="steps", auto=True,
        captions={
            "members": "each row a group of patches that excite it, by what else is in them",
            "faces": "grown from the mean of each group, in the same order",
        },
    )  # fmt: skip
    return panel


def _face(groups: int) -> int:
    return min(680 // groups, 200)


def _members(pool: PatchPool, found: Faces) -> Tiles:
    rows = found.members(6).flatten()
    return sheet(pool.patches[rows] / 255, "What excites it, by group", side=60, columns=6)


# Dreams ---------------------------------------------------------------------------------------

NONE = "none"


def dream_panel(
    model: str | ImageModel = "viznet-robust", image: str = "china", layer: str | None = None
) -> LivePanel:
    """Dream on any picture, from any layer, guided or falling into it."""
    picker = make.ModelPicker(model)
    net = picker.load()
    names = make.layer_options(net, maps_only=True)
    guide = make.ImagePicker(NONE, "guide", NONE)
    controls = {
        "image": make.ImagePicker(image),
        "model": picker,
        "layer": make.dropdown("layer", names, layer or _last_layer(net)),
        "second": make.dropdown("and layer", [NONE, *(name for _, name in names)]),
        "guide": guide,
        "mode": make.choices("way", ["octaves", "zoom"]),
        "size": make.slider("size", 128, 1024, 320, step=32, live=False, unit="px"),
        "octaves": make.slider("octaves", 1, 8, 4, live=False),
        "iterations": make.slider("iterations", 1, 40, 10, live=False),
        "rate": make.slider("step", 0.5, 8.0, 3.0, step=0.5, live=False, unit="/255"),
        "jitter": make.slider("jitter", 0, 64, 16, live=False, unit="px"),
        "seed": make.slider("seed", 0, 20, 0, live=False),
    }

    def adjust(controls: dict[str, Any]) -> None:
        net = picker.load()
        names = make.layer_options(net, maps_only=True)
        make.offer(controls["layer"], names, _last_layer(net))
        make.offer(controls["second"], [NONE, *(name for _, name in names)], NONE)
        zooming = controls["mode"].value == "zoom"
        controls["octaves"].disabled = controls["guide"].disabled = zooming

    def layers(values: dict[str, Any]) -> list[str]:
        second = values["second"]
        return list(dict.fromkeys([values["layer"], *([second] if second != NONE else [])]))

    def settings(values: dict[str, Any]) -> str:
        common = (
            f"iterations={values['iterations']}, rate={values['rate']} / 255, "
            f"jitter={values['jitter']}, seed={values['seed']}"
        )
        return common if values["mode"] == "zoom" else f"octaves={values['octaves']}, {common}"

    def start(step: DreamStep | None, **values: Any) -> Iterator[DreamStep]:
        net, picture = picker.load(), load_image(values["image"], values["size"])
        common = {
            "iterations": values["iterations"], "rate": values["rate"] / 255,
            "jitter": values["jitter"], "seed": values["seed"], "resume": step,
        }  # fmt: skip
        if values["mode"] == "zoom":
            return zoom_steps(net, picture, layers(values), **common)
        guide = None if values["guide"] == NONE else load_image(values["guide"], values["size"])
        return dream_steps(
            net, picture, layers(values), guide=guide, octaves=values["octaves"], **common
        )

    def draw(step: DreamStep, **values: Any) -> Shown:
        height, width = step.image.shape[1:]
        alt = f"{values['image']} dreamed by {', '.join(layers(values))}, step {step.index}"
        size = f"{width} x {height} px"
        return {
            "picture": fit(photo(step.image, alt), max(680, values["size"])),
            "text": f"octave {step.octave + 1}, {size}; 1/2 ||a||² per number {step.objective:.3g}",
        }

    def code(**values: Any) -> str:
        method = "zoom_steps" if values["mode"] == "zoom" else "dream_steps"
        guided = values["guide"] != NONE and method == "dream_steps"
        guide = [f"guide = vizkit.load_image({values['guide']!r}, size={values['size']})"]
        call = (
            f"{method}(model, image, {layers(values)}, {'guide=guide, ' if guided else ''}"
            f"{settings(values)})"
        )
        return "\n".join([
            "import vizkit",
            "from vizkit.core.steps import last",
            "from vizkit.figures.pictures import fit, photo",
            f"from vizkit.methods.dream import {method}",
            "",
            picker.line(values["model"]),
            image_line(values["image"], values["size"]),
            *(guide if guided else []),
            *code_of_run(call, panel.result.index, panel.result.total),
            f"fit(photo(result.image, 'a dream'), {max(680, values['size'])})",
        ])  # fmt: skip

    panel = LivePanel(
        "DeepDream", controls, start, draw, code=code, adjust=adjust, history="picture",
        arrange=layouts.column, rate=8, name="steps",
    )  # fmt: skip
    return panel
