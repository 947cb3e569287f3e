"""The panels of lecture 07: Gram matrices, neural style, fast neural style."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from vizkit.core.images import load_image
from vizkit.core.models import ImageModel
from vizkit.core.stylenet import StyleNet, load_style, styles, stylize
from vizkit.figures.pictures import colorize, enlarge, fit, photo, sheet
from vizkit.figures.raster import Raster
from vizkit.methods.fast_style import PRACTICE, FastStyleStep, train_fast_style_steps
from vizkit.methods.style import (
    StyleLayers,
    StyleStep,
    content_targets,
    gram,
    style_layers,
    style_steps,
)
from vizkit.widgets import controls as make
from vizkit.widgets import layouts
from vizkit.widgets.live import LivePanel, code_of_run
from vizkit.widgets.old_panel import Panel, Shown
from vizkit.widgets.sources import PHOTO, image_line, source_pool

#: Width of the picture that is being painted, in pixels.
LARGE = 620
#: Width of a picture beside another, in pixels.
HALF = 300

# Gram matrices --------------------------------------------------------------------------------


@dataclass(frozen=True)
class GramView:
    """A picture and the Gram matrix of a layer on it."""

    image: Tensor
    layer: str
    map: Tensor
    matrix: Tensor


def shuffled(maps: Tensor) -> Tensor:
    """Return maps (1, C, H, W) with their places in another order, the same for all channels."""
    order = torch.randperm(
        maps.shape[2] * maps.shape[3], generator=torch.Generator().manual_seed(0)
    )
    return maps.flatten(2)[:, :, order.to(maps.device)].view_as(maps)


def gram_panel(model: str | ImageModel = "viznet", image: str = "swirls") -> Panel:
    """Show the Gram matrix of any layer, and that it does not know where anything is."""
    picker = make.ModelPicker(model)
    net = picker.load()
    names = make.layer_options(net, maps_only=True)
    controls = {
        "image": make.ImagePicker(image),
        "model": picker,
        "layer": make.dropdown("layer", names, style_layers(net).style[0]),
        "shuffle": make.toggle("places in another order"),
    }

    def adjust(controls: dict[str, Any]) -> None:
        net = picker.load()
        names = make.layer_options(net, maps_only=True)
        make.offer(controls["layer"], names, style_layers(net).style[0])

    def compute(image: str, layer: str, shuffle: bool, **_: Any) -> GramView:
        net, picture = picker.load(), load_image(image, 256)
        maps = content_targets(net, picture, [layer])[layer]
        maps = shuffled(maps) if shuffle else maps
        return GramView(picture, layer, maps[0].mean(0).cpu(), gram(maps)[0].cpu())

    def draw(view: GramView) -> Shown:
        size = len(view.matrix)
        each = enlarge(view.matrix.sqrt()[None], PHOTO)
        alt = f"The Gram matrix of {view.layer}, {size} x {size}, square roots"
        matrix = fit(Raster(colorize(each)[0], alt, exact=True), PHOTO)
        return {
            "picture": fit(photo(view.image, "The picture"), HALF),
            "map": fit(Raster(colorize(view.map[None])[0], "The mean of its channels"), HALF),
            "matrix": matrix,
            "text": f"<b>{size} x {size}</b>, symmetric, no places left; its trace is the mean "
            f"square of the layer: {float(view.matrix.trace()):.4g}",
        }

    def code(image: str, layer: str, shuffle: bool, **values: Any) -> str:
        maps = "shuffled(maps)" if shuffle else "maps"
        return "\n".join([
            "import vizkit",
            "from IPython.display import display",
            "from vizkit.figures.pictures import colorize, enlarge, fit, photo",
            "from vizkit.figures.raster import Raster",
            "from vizkit.methods.style import content_targets, gram",
            *(["from vizkit.widgets.lecture07 import shuffled"] if shuffle else []),
            "",
            picker.line(values["model"]),
            image_line(image, 256),
            f"maps = content_targets(model, image, [{layer!r}])[{layer!r}]",
            f"result = gram({maps})[0].cpu()",
            f"display(fit(photo(image, 'the picture'), {HALF}))",
            f"one = colorize({maps}[0].mean(0).cpu()[None])[0]",
            f"display(fit(Raster(one, 'the mean of its channels'), {HALF}))",
            f"painted = colorize(enlarge(result.sqrt()[None], {PHOTO}))[0]",
            f"fit(Raster(painted, 'its Gram matrix', exact=True), {PHOTO})",
        ])  # fmt: skip

    return Panel(
        "Which channels go together", controls, compute, draw, code=code, adjust=adjust,
        captions={
            "picture": "the picture", "map": "the layer, its channels averaged",
            "matrix": "the layer's Gram matrix: a row and a column for each channel",
        },
    )  # fmt: skip


# Neural style ---------------------------------------------------------------------------------


def style_panel(
    model: str | ImageModel = "viznet", content: str = "china", style: str = "swirls"
) -> LivePanel:
    """Paint one picture in the style of another."""
    picker = make.ModelPicker(model)
    net = picker.load()
    names = [name for _, name in make.layer_options(net, maps_only=True)]
    controls = {
        "content": make.ImagePicker(content, "content"),
        "style": make.ImagePicker(style, "style"),
        "model": picker,
        "layer": make.dropdown("content of", names, style_layers(net).content[0]),
        "depth": make.slider("style layers", 1, 6, len(style_layers(net).style), live=False),
        "alpha": make.slider("alpha", 0.0, 10.0, 1.0, step=0.5, live=False),
        "beta": make.slider("beta", 0.0, 60.0, 10.0, step=1.0, live=False),
        "tv": make.slider("TV", 0.0, 20.0, 2.0, step=0.5, live=False),
        "optimizer": make.choices("by", ["Adam", "L-BFGS"]),
        "begin": make.choices("start", ["content", "noise", "style"]),
        "scales": make.slider("scales", 1, 3, 2, live=False),
        "colors": make.toggle("keep the content's colors"),
        "steps": make.slider("steps", 20, 600, 150, step=10, live=False),
        "size": make.slider("size", 128, 640, 256, step=32, live=False, unit="px"),
    }

    def adjust(controls: dict[str, Any]) -> None:
        net = picker.load()
        names = [name for _, name in make.layer_options(net, maps_only=True)]
        suited = style_layers(net)
        if tuple(names) != tuple(controls["layer"].options):
            make.offer(controls["layer"], names, suited.content[0])
            make.limit(controls["depth"], len(suited.style))

    def layers(values: dict[str, Any]) -> StyleLayers:
        return StyleLayers((values["layer"],), style_layers(picker.load()).style[: values["depth"]])

    def settings(values: dict[str, Any]) -> dict[str, Any]:
        return {
            "layers": layers(values), "alpha": values["alpha"], "beta": values["beta"],
            "tv": values["tv"], "optimizer": values["optimizer"], "steps": values["steps"],
            "begin": values["begin"], "scales": values["scales"],
            "keep_colors": values["colors"],
        }  # fmt: skip

    def start(step: StyleStep | None, **values: Any) -> Iterator[StyleStep]:
        pictures = (load_image(values[name], values["size"]) for name in ("content", "style"))
        return style_steps(picker.load(), *pictures, **settings(values), resume=step)

    @lru_cache(maxsize=2)
    def style_photo(name: str) -> Raster:
        return fit(photo(load_image(name, 256), f"The style: {name}"), 200)

    def draw(step: StyleStep, **values: Any) -> Shown:
        alt = f"{values['content']} in the style of {values['style']}, step {step.index}"
        return {
            "picture": fit(photo(step.image, alt), LARGE),
            "style": style_photo(values["style"]),
            "text": f"content {step.content:.3f}, style {step.style:.3f}, total variation "
            f"{step.variation:.4f}: each a share of its target's own size",
        }

    def code(**values: Any) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in settings(values).items())
        call = f"style_steps(model, content, style, {given})"
        return "\n".join([
            "import vizkit",
            "from IPython.display import display",
            "from vizkit.core.steps import last",
            "from vizkit.figures.pictures import fit, photo",
            "from vizkit.methods.style import StyleLayers, style_steps",
            "",
            picker.line(values["model"]),
            *(f"{name} = vizkit.load_image({values[name]!r}, size={values['size']})"
              for name in ("content", "style")),
            *code_of_run(call, panel.result.index, panel.result.total),
            f"display(fit(photo(vizkit.load_image({values['style']!r}, 256), 'style'), 200))",
            f"fit(photo(result.image, 'painted'), {LARGE})",
        ])  # fmt: skip

    panel = LivePanel(
        "Paint it in another style", controls, start, draw, code=code, adjust=adjust,
        history="picture", rate=6, name="steps", arrange=layouts.column,
    )  # fmt: skip
    return panel


# Fast neural style ----------------------------------------------------------------------------

#: Style nets that were trained in this session, by name.
_trained: dict[str, StyleNet] = {}


@lru_cache(maxsize=8)
def _bundled(name: str) -> StyleNet:
    return load_style(name)


def _net(name: str) -> StyleNet:
    return _trained[name] if name in _trained else _bundled(name)


def fast_panel(image: str = "astronaut", style: str | None = None) -> Panel:
    """Repaint any picture at once, by a net that was trained for one style."""
    offered = styles()
    controls = {
        "image": make.ImagePicker(image),
        "style": make.dropdown("style", offered, style or offered[0]),
        "strength": make.slider("strength", 0.0, 1.0, 1.0, step=0.05),
        "size": make.slider("size", 64, 640, 256, step=32, unit="px"),
    }

    def adjust(controls: dict[str, Any]) -> None:
        make.offer(controls["style"], [*styles(), *_trained])

    def compute(image: str, style: str, strength: float, size: int) -> Tensor:
        picture = load_image(image, size)
        return (1 - strength) * picture + strength * stylize(_net(style), picture)

    def draw(painted: Tensor) -> Shown:
        return {"picture": fit(photo(painted, "The picture, repainted"), LARGE)}

    def code(image: str, style: str, strength: float, size: int) -> str:
        known = style in styles() and style not in _trained
        return "\n".join([
            "import vizkit",
            "from vizkit.core.stylenet import load_style, stylize",
            "from vizkit.figures.pictures import fit, photo",
            "",
            f"net = load_style({style!r})" if known else "# net is what you trained: result.net()",
            image_line(image, size),
            f"result = {1 - strength:g} * image + {strength:g} * stylize(net, image)",
            f"fit(photo(result, 'repainted'), {LARGE})",
        ])  # fmt: skip

    return Panel(
        "At the speed of a slider", controls, compute, draw, code=code, adjust=adjust,
        captions={"picture": "one pass of a small net, no optimization"},
    )  # fmt: skip


#: On what a net in training is tried.
TRIED = ("china", "chelsea", "coffee")


def train_panel(
    model: str | ImageModel = "viznet", style: str = "mosaic", steps: int = 600
) -> LivePanel:
    """Train a fast style net, live; when it is done, the panel above it offers it."""
    picker = make.ModelPicker(model)
    controls = {
        "style": make.ImagePicker(style, "style"),
        "model": picker,
        "alpha": make.slider("alpha", 0.0, 10.0, 1.5, step=0.5, live=False),
        "beta": make.slider("beta", 0.0, 40.0, 5.0, step=1.0, live=False),
        "steps": make.slider("steps", 20, 3000, steps, step=20, live=False),
        "seed": make.slider("seed", 0, 20, 0, live=False),
    }

    def settings(values: dict[str, Any]) -> str:
        return ", ".join(f"{name}={values[name]}" for name in ("alpha", "beta", "steps", "seed"))

    def start(step: FastStyleStep | None, **values: Any) -> Iterator[FastStyleStep]:
        given = {name: values[name] for name in ("alpha", "beta", "steps", "seed")}
        pool = source_pool("bundled", PRACTICE, 128)
        style = load_image(values["style"], 256)
        return train_fast_style_steps(picker.load(), style, pool=pool, **given, resume=step)

    def draw(step: FastStyleStep, style: str, **_: Any) -> Shown:
        net = step.net()
        _trained[f"{style}, trained here"] = net
        painted = [stylize(net, load_image(name, (192, 224))) for name in TRIED]
        laid = sheet(torch.stack(painted), f"Pictures in the style of {style}", side=224)
        return {"pictures": laid, "text": f"batch {step.index}: loss {step.loss:.2f}"}

    def code(style: str, **values: Any) -> str:
        call = f"train_fast_style_steps(model, style, {settings(values)})"
        return "\n".join([
            "import torch",
            "import vizkit",
            "from vizkit.core.steps import last",
            "from vizkit.core.stylenet import stylize",
            "from vizkit.figures.pictures import sheet",
            "from vizkit.methods.fast_style import train_fast_style_steps",
            "",
            picker.line(values["model"]),
            f"style = vizkit.load_image({style!r}, size=256)",
            *code_of_run(call, panel.result.index, panel.result.total),
            f"pictures = [vizkit.load_image(name, (192, 224)) for name in {TRIED}]",
            "painted = [stylize(result.net(), picture) for picture in pictures]",
            "sheet(torch.stack(painted), 'repainted', side=224)",
        ])  # fmt: skip

    panel = LivePanel(
        "Train a painter", controls, start, draw, code=code, history="pictures", rate=2,
        name="batches", arrange=layouts.column,
    )  # fmt: skip
    return panel
