"""Panels that make pictures which excite a network."""

from collections.abc import Sequence
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from torch import Tensor

import vizkit
from vizkit.core.data import PatchPool
from vizkit.core.models import ImageModel, map_layers
from vizkit.figures.attribution import top_bars
from vizkit.figures.pictures import Tiles, fit, over_white, photo, sheet
from vizkit.figures.raster import Html
from vizkit.methods import objectives
from vizkit.methods.dream import dream_steps, zoom_steps
from vizkit.methods.facets import Facets, bundled_facets, facets_steps
from vizkit.methods.feature_vis import RECIPES, Recipe, maximize_steps, nets_steps, recipes_steps, replaced
from vizkit.methods.gradients import Unit
from vizkit.panels.common import last_layer, middle_layer, own_or, patch_pool, patch_size
from vizkit.widgets import (
    Channel,
    Class,
    Form,
    Image,
    Layer,
    Model,
    OneOf,
    Pictures,
    Run,
    Slider,
    Text,
    Toggle,
    When,
    direct,
)

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


#: How the picture is written down: the recipe that each choice begins with.
WRITTEN = {"Fourier": "Fourier", "MACO": "MACO", "pixels": "pixels alone"}
PIXELS = When(lambda recipe: recipe == "pixels")


def tuned(
    recipe: Annotated[str, OneOf(tuple(WRITTEN))] = "Fourier",
    penalty: Annotated[float, Slider(0, 1000, 10, live=False, label="λ")] = 10,
    *,
    rate: Annotated[float, Slider(0.5, 40, 0.5, live=False, label="step", unit="/255"), PIXELS] = 2.0,
    noise: Annotated[float, Slider(0, 40, 1, live=False, label="first noise", unit="/255"), PIXELS] = 0,
    decay: Annotated[float, Slider(0, 0.5, 0.0001, live=False), PIXELS] = 0.0,
    blur: Annotated[float, Slider(0, 3, 0.1, live=False, unit="px"), PIXELS] = 0.0,
    blur_every: Annotated[int, Slider(1, 10, live=False, label="blur every"), PIXELS] = 4,
    small_norm: Annotated[float, Slider(0, 95, 5, live=False, label="small norm", unit="%"), PIXELS] = 0,
    small_contribution: Annotated[
        float, Slider(0, 95, 5, live=False, label="small contribution", unit="%"), PIXELS
    ] = 0,
) -> Recipe:
    """Return how a picture is pushed uphill; the regularizers of Yosinski et al. are for pixels."""
    own = {
        "rate": rate / 255,
        "noise": noise / 255,
        "decay": decay,
        "blur": blur,
        "blur_every": blur_every,
        "small_norm": small_norm,
        "small_contribution": small_contribution,
    }
    return replaced(WRITTEN[recipe], penalty=penalty, **(own if recipe == "pixels" else {}))


@vizkit.panel("What it wants to see", rate=8, auto=True, layout="picture bars")
def wanted(
    model: Model = "viznet-robust",
    what: Annotated[objectives.Objective | None, Form(objective)] = None,
    how: Annotated[Any, Form(tuned)] = None,
    steps: Annotated[int, Slider(16, 1024, 4, live=False)] = 128,
    size: Annotated[int, Slider(own_or(64), own_or(512), 32, live=False, unit="px")] = 128,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    mask: Annotated[bool, Toggle(label="fade where it looked least")] = False,
    *,
    run: Run = direct,
) -> Any:
    """The picture that a class, a channel, a neuron or a layer wants to see."""
    for step in run(maximize_steps, model, what, replaced(how, steps=steps), size=size, seed=seed):
        top = model.answers(as_seen(model, step.images[0]), min(5, len(model.labels)))
        title = f"{model.name} looks at it: score {float(step.score[0]):.2f}"
        note = f"<i>{GRAY}</i><br>" if step.opened.any() else ""
        alt = f"A picture made to excite {what}, after {step.index} steps"
        drawn = over_white(step.images, step.opacity())[0] if mask else step.images[0]
        yield (step, {"picture": fit(photo(drawn, alt), LARGE), "bars": Html(note + top_bars(top, title, str(what)))})


#: Things of ten kinds.
TEN = "goldfish, tabby, lemon, school bus, ladybug, king penguin, monarch, jellyfish, bell pepper, espresso"


@vizkit.panel("The same classes, two networks", rate=3, layout="first / second")
def two_nets(
    classes: Annotated[str, Text("classes with commas between them")] = TEN,
    first: Model = "viznet",
    second: Model = "viznet-robust",
    recipe: Annotated[str, OneOf(tuple(WRITTEN))] = "Fourier",
    steps: Annotated[int, Slider(16, 512, 16, live=False)] = 128,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """What the same classes look like to two networks.

    Shows
    -----
    first : by the first network
    second : by the second
    """
    names = [name.strip() for name in classes.split(",") if name.strip()]
    recipe_now = replaced(WRITTEN[recipe], steps=steps)
    for step in run(nets_steps, [first, second], names, recipe_now, seed=seed):
        yield (
            step,
            {
                "first": sheet(step.runs[0].images, f"Classes by {first.name}", side=124, columns=5, captions=names),
                "second": sheet(step.runs[1].images, f"Classes by {second.name}", side=124, columns=5, captions=names),
            },
        )


def groupable(model: ImageModel) -> tuple[str, ...]:
    """Return of what a network the faces can be looked for: of classes where the means of some are bundled."""
    return ("class", "channel") if set(model.labels) & set(bundled_facets()[1]) else ("channel",)


def a_unit(
    kind: Annotated[str, OneOf(groupable, label="faces of a")] = "class",
    label: Label = "jellyfish",
    layer: Annotated[Any, Layer(of="model", maps=True, first=last_layer), OF_LAYER] = None,
    channel: Annotated[int, Channel(of="layer", live=False), OF_LAYER] = 8,
) -> objectives.Channel | str:
    """Return the unit whose faces are looked for."""
    return label if kind == "class" else objectives.Channel(layer, channel)


@vizkit.panel("The faces of one unit", rate=6, auto=True, layout="members / faces")
def faces(
    model: Model = "viznet-robust",
    unit: Annotated[Any, Form(a_unit)] = None,
    k: Annotated[int, Slider(2, 6, live=False, label="faces")] = 4,
    steps: Annotated[int, Slider(16, 512, 16, live=False)] = 128,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    pictures: Annotated[Any, Pictures(), OF_LAYER] = "bundled",
    *,
    patches: Annotated[int, Slider(160, 4000, 40, live=False), OF_LAYER] = 2000,
    run: Run = direct,
) -> Any:
    """Group what excites a class or a channel, and grow a picture from the mean of each group.

    Shows
    -----
    members : the mean of each group, where the run begins; of a channel, two of its patches below
    faces : grown from those means, in the same order
    """
    pool = None if isinstance(unit, str) else patch_pool(pictures, patches, patch_size(model))
    for step in run(facets_steps, model, unit, pool, k, steps=steps, seed=seed):
        groups = len(step.found.means)
        side = min(680 // groups, 170)
        shares = [f"{share:.0%} of them" for share in step.found.share.tolist()]
        scores = [f"score {one:.1f}" for one in step.run.score.tolist()]
        alt = f"The {groups} faces of {unit}"
        yield (
            step,
            {
                "members": means_sheet(step.found, pool, side, shares),
                "faces": sheet(step.run.images, alt, side=side, columns=groups, captions=scores),
            },
        )


def means_sheet(found: Facets, pool: PatchPool | None, side: int, captions: Sequence[str]) -> Tiles:
    """Lay out the mean of each group, a column each; below it three of its patches, where they are known."""
    alt, groups = "The mean of each group of what excites it", len(found.means)
    if pool is None:
        return sheet(found.means, alt, side=side, columns=groups, captions=captions)
    rows = found.middle[:, :2].T.flatten()
    pictures = torch.cat([found.means, pool.patches[rows] / 255])
    return sheet(pictures, f"{alt}, and two of its patches", side=side, columns=groups, captions=captions)


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
