"""Panels that make pictures which excite a network."""

from typing import Annotated, Any

import torch
import torch.nn.functional as F
from torch import Tensor

import vizkit
from vizkit.core.models import ImageModel, map_layers
from vizkit.figures.attribution import top_bars
from vizkit.figures.pictures import fit, photo, sheet
from vizkit.figures.raster import Html
from vizkit.methods import objectives
from vizkit.methods.dream import dream_steps, zoom_steps
from vizkit.methods.feature_vis import RECIPES, faces_steps, maximize_steps, recipes_steps, replaced
from vizkit.methods.gradients import Unit
from vizkit.panels.common import last_layer, middle_layer, own_or, patch_pool, patch_size
from vizkit.widgets import Channel, Class, Form, Image, Layer, Model, OneOf, Pictures, Run, Slider, When, direct

#: Width of the picture that is being made, in pixels.
LARGE = 448
GRAY = (
    "Nothing of its score reached the pixels: the last ReLU before it was 0 everywhere. "
    "The aim is now before that ReLU."
)


# What a picture is to excite: the controls of the two forms below.
Kind = Annotated[str, OneOf(("class", "channel", "neuron", "layer"), label="excite a")]
Label = Annotated[str, Class(of="model", label="class"), When(lambda kind: kind == "class")]
Number = Annotated[int, Channel(of="layer", live=False), When(lambda kind: kind in ("channel", "neuron"))]
OF_LAYER = When(lambda kind: kind != "class")


def objective(
    kind: Kind = "class",
    label: Label = "king penguin",
    layer: Annotated[Any, Layer(of="model", first=middle_layer), OF_LAYER] = None,
    channel: Number = 0,
) -> objectives.Objective:
    """Return what a picture is to excite."""
    if kind == "class":
        return label
    if kind == "layer":
        return objectives.WholeLayer(layer)
    return (objectives.Channel if kind == "channel" else Unit)(layer, channel)


def as_seen(model: ImageModel, image: Tensor) -> Tensor:
    """Scale a picture to the size that the net was trained on."""
    side = (model.input_size, model.input_size)
    scaled = F.interpolate(image[None], side, mode="bilinear", antialias=True)
    return scaled[0].clamp(0, 1)


@vizkit.panel("What it wants to see", rate=8, auto=True, layout="picture bars")
def wanted(
    model: Model = "viznet-robust",
    what: Annotated[objectives.Objective | None, Form(objective)] = None,
    recipe: Annotated[str, OneOf(tuple(RECIPES))] = "Fourier",
    steps: Annotated[int, Slider(16, 1024, 16, live=False)] = 128,
    size: Annotated[int, Slider(own_or(64), own_or(512), 32, live=False, unit="px")] = 128,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """The picture that a class, a channel, a neuron or a layer wants to see."""
    for step in run(maximize_steps, model, what, replaced(recipe, steps=steps), size=size, seed=seed):
        top = model.answers(as_seen(model, step.images[0]), min(5, len(model.labels)))
        title = f"{model.name} looks at it: score {float(step.score[0]):.2f}"
        note = f"<i>{GRAY}</i><br>" if step.opened.any() else ""
        alt = f"A picture made to excite {what}, after {step.index} steps"
        yield (
            step,
            {"picture": fit(photo(step.images[0], alt), LARGE), "bars": Html(note + top_bars(top, title, str(what)))},
        )


@vizkit.panel("The faces of one unit", rate=6, auto=True, layout="members / faces")
def faces(
    model: Model = "viznet-robust",
    layer: Annotated[Any, Layer(of="model", maps=True, first=last_layer)] = None,
    channel: Annotated[int, Channel(of="layer", live=False)] = 8,
    k: Annotated[int, Slider(2, 6, live=False, label="faces")] = 4,
    steps: Annotated[int, Slider(16, 512, 16, live=False)] = 128,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    pictures: Annotated[Any, Pictures()] = "bundled",
    *,
    patches: Annotated[int, Slider(160, 4000, 40, live=False)] = 2000,
    run: Run = direct,
) -> Any:
    """Group what excites a unit, and grow a picture from the mean of each group.

    Shows
    -----
    members : each row a group of patches that excite it, by what else is in them
    faces : grown from the mean of each group, in the same order
    """
    pool = patch_pool(pictures, patches, patch_size(model))
    for step in run(faces_steps, model, pool, layer, channel, k, steps=steps, seed=seed):
        rows, groups = step.found.members(6).flatten(), len(step.found.means)
        alt = f"The {groups} faces of channel {channel} of {layer}"
        side = min(680 // groups, 200)
        yield (
            step,
            {
                "members": sheet(pool.patches[rows] / 255, "What excites it, by group", side=60, columns=6),
                "faces": sheet(step.run.images, alt, side=side, columns=groups),
            },
        )


@vizkit.panel("DeepDream", rate=8, layout="picture / text")
def dream(
    picture: Annotated[Any, Image(size=lambda size: size)] = "china",
    model: Model = "viznet-robust",
    layer: Annotated[Any, Layer(of="model", maps=True, first=last_layer)] = None,
    second: Annotated[str | None, Layer(of="model", maps=True, none="none", label="and layer")] = None,
    mode: Annotated[str, OneOf(("octaves", "zoom"), label="way")] = "octaves",
    guide: Annotated[Any, Image(size=lambda size: size, none="none"), When(lambda mode: mode == "octaves")] = None,
    size: Annotated[int, Slider(128, 1024, 32, live=False, unit="px")] = 320,
    octaves: Annotated[int, Slider(1, 8, live=False), When(lambda mode: mode == "octaves")] = 4,
    steps: Annotated[int, Slider(1, 40, live=False)] = 10,
    rate: Annotated[float, Slider(0.5, 8.0, 0.5, live=False, unit="/255")] = 3.0,
    jitter: Annotated[int, Slider(0, 64, live=False, unit="px")] = 16,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """Whatever a layer sees in a picture, let it see more of it."""
    layers = list(dict.fromkeys(one for one in (layer, second) if one))
    method = zoom_steps if mode == "zoom" else dream_steps
    only_octaves = {"guide": guide, "octaves": octaves} if mode == "octaves" else {}
    for step in run(
        method, model, picture, layers, steps=steps, rate=rate / 255, jitter=jitter, seed=seed, **only_octaves
    ):
        height, width = step.image.shape[1:]
        alt = f"A picture dreamed by {', '.join(layers)}, step {step.index}"
        yield (
            step,
            {
                "picture": fit(photo(step.image, alt), max(680, size)),
                "text": f"octave {step.octave + 1}, {width} x {height} px; 1/2 ||a||² per number {step.objective:.3g}",
            },
        )


def unit_objective(
    kind: Kind = "channel",
    label: Label = "goldfish",
    layer: Annotated[Any, Layer(of="model", first=last_layer), OF_LAYER] = None,
    channel: Number = 38,
) -> objectives.Objective:
    """Return what the pictures are to excite: a unit at first."""
    return objective(kind, label, layer, channel)


#: What the lecture compares.
COMPARED = {
    "the deck and today": ("from zeros, L2", "Fourier", "MACO"),
    "Yosinski's four": tuple(name for name in RECIPES if name.startswith("Yosinski")),
}


@vizkit.panel("One unit, several recipes", rate=6, auto=True, layout="pictures / text")
def recipes(
    model: Model = "viznet-robust",
    what: Annotated[objectives.Objective | None, Form(unit_objective)] = None,
    others: Annotated[str, OneOf(tuple(COMPARED), label="instead")] = "the deck and today",
    steps: Annotated[int, Slider(16, 512, 16, live=False)] = 160,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """The deck's recipe beside today's."""
    names = COMPARED[others]
    for step in run(recipes_steps, model, what, names, steps=steps, seed=seed):
        captions = [f"{name}: score {float(one.score[0]):.2f}" for name, one in zip(names, step.runs, strict=True)]
        images = torch.cat([one.images for one in step.runs])
        alt = f"Pictures made to excite {what}: " + ", ".join(captions)
        yield (
            step,
            {
                "pictures": sheet(images, alt, side=680 // len(names), captions=captions, columns=len(names)),
                "text": GRAY if any(one.opened.any() for one in step.runs) else "",
            },
        )


def early_layer(model: ImageModel) -> str:
    """Return a layer whose channels are simple and not too many."""
    names = map_layers(model)
    return "relu3" if "relu3" in names else names[len(names) // 3]


@vizkit.panel("Every channel of a layer", rate=3, layout="text / grid")
def channels(
    model: Model = "viznet-robust",
    layer: Annotated[Any, Layer(of="model", maps=True, first=early_layer)] = None,
    most: Annotated[int, Slider(8, 512, 8, live=False, label="channels")] = 96,
    size: Annotated[int, Slider(own_or(32), own_or(160), 16, live=False, unit="px")] = 48,
    steps: Annotated[int, Slider(16, 256, 16, live=False)] = 64,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """The pictures of all channels of a layer, made at once."""
    count = min(most, model.layers[layer].shape[0])
    wanted = [objectives.Channel(layer, channel) for channel in range(count)]
    columns = 12 if count > 24 else 8
    recipe = replaced("Fourier", rate=0.05, steps=steps)
    for step in run(maximize_steps, model, wanted, recipe, size=size, seed=seed):
        opened = int(step.opened.sum())
        note = f"; {opened} were silent and are aimed at before their ReLU" if opened else ""
        alt = f"What each of {count} channels of {layer} wants to see"
        yield (
            step,
            {
                "text": f"{count} channels of **{layer}**{note}",
                "grid": sheet(step.images, alt, side=700 // columns - 6, columns=columns),
            },
        )
