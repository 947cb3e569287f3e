"""Panels that paint one picture in the style of another."""

from typing import Annotated, Any

import torch

import vizkit
from vizkit.core.models import ImageModel
from vizkit.core.stylenet import StyleNet, load_style, styles, stylize
from vizkit.figures.pictures import colorize, enlarge, fit, photo, sheet
from vizkit.figures.raster import Raster
from vizkit.methods.fast_style import PRACTICE, train_fast_style_steps
from vizkit.methods.style import StyleLayers, content_targets, gram, shuffled, style_layers, style_steps
from vizkit.panels.common import PHOTO, patch_pool
from vizkit.widgets import Image, Layer, Model, OneOf, Run, Slider, Toggle, Weights, direct

#: Width of the picture that is being painted, in pixels.
LARGE = 620
#: Width of a picture beside another, in pixels.
HALF = 300
#: On what a net in training is tried.
TRIED = ("china", "chelsea", "coffee")


def content_layer(model: ImageModel) -> str:
    """Return the layer that tells a picture's content best."""
    return style_layers(model).content[0]


def style_layer(model: ImageModel) -> str:
    """Return the first layer whose Gram matrix tells a style."""
    return style_layers(model).style[0]


@vizkit.panel("Paint it in another style", rate=6, layout="picture style / text text")
def style(
    content: Annotated[Any, Image(size=lambda size: size)] = "china",
    style: Annotated[Any, Image(size=lambda size: size)] = "swirls",
    model: Model = "viznet",
    layer: Annotated[Any, Layer(of="model", maps=True, first=content_layer, label="content of")] = None,
    depth: Annotated[
        int, Slider(1, lambda model: len(style_layers(model).style), live=False, label="style layers")
    ] = 6,
    alpha: Annotated[float, Slider(0.0, 10.0, 0.5, live=False)] = 1.0,
    beta: Annotated[float, Slider(0.0, 60.0, 1.0, live=False)] = 10.0,
    tv: Annotated[float, Slider(0.0, 20.0, 0.5, live=False, label="TV")] = 2.0,
    optimizer: Annotated[Any, OneOf(("Adam", "L-BFGS"), label="by")] = "Adam",
    begin: Annotated[Any, OneOf(("content", "noise", "style"), label="start")] = "content",
    scales: Annotated[int, Slider(1, 3, live=False)] = 2,
    colors: Annotated[bool, Toggle(label="keep the content's colors")] = False,
    steps: Annotated[int, Slider(20, 600, 10, live=False)] = 150,
    size: Annotated[int, Slider(128, 640, 32, live=False, unit="px")] = 256,
    *,
    weights: Annotated[Any, Weights(of="model", label="or by weight")] = {},  # noqa: B006
    run: Run = direct,
) -> Any:
    """The content of one picture, the style of another; alpha, beta and TV act while it paints."""
    layers = StyleLayers((layer,), tuple(weights) or style_layers(model).style[:depth], weights)
    for step in run(
        style_steps,
        model,
        content,
        style,
        layers=layers,
        alpha=alpha,
        beta=beta,
        tv=tv,
        optimizer=optimizer,
        steps=steps,
        begin=begin,
        scales=scales,
        keep_colors=colors,
    ):
        yield (
            step,
            {
                "picture": fit(photo(step.image, f"Painted, step {step.index}"), LARGE),
                "style": fit(photo(style, "The picture whose style it is"), 200),
                "text": f"content {step.content:.3f}, style {step.style:.3f}, total variation "
                f"{step.variation:.4f}: each a share of its target's own size",
            },
        )


@vizkit.panel("Train a painter", rate=2, layout="pictures / text")
def painter(
    style: Annotated[Any, Image(size=256)] = "mosaic",
    model: Model = "viznet",
    alpha: Annotated[float, Slider(0.0, 10.0, 0.5, live=False)] = 1.5,
    beta: Annotated[float, Slider(0.0, 40.0, 1.0, live=False)] = 5.0,
    steps: Annotated[int, Slider(20, 3000, 20, live=False)] = 600,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """A small net learns one style; then it repaints any picture in a few milliseconds."""
    pool = patch_pool("bundled", PRACTICE, 128)
    tried = [vizkit.load_image(name, (192, 224)) for name in TRIED]
    for step in run(train_fast_style_steps, model, style, pool=pool, alpha=alpha, beta=beta, steps=steps, seed=seed):
        painted = torch.stack([stylize(step.net(), picture) for picture in tried])
        yield (
            step,
            {
                "pictures": sheet(painted, "Three pictures, repainted", side=224),
                "text": f"batch {step.index}: loss {step.loss:.2f}",
            },
        )


def style_net(style: Any) -> StyleNet:
    """Return a style net: a bundled one by name, or what a painter has learned so far."""
    return load_style(style) if isinstance(style, str) else style.net()


@vizkit.panel("At the speed of a slider")
def repaint(
    picture: Annotated[Any, Image(size=lambda size: size)] = "astronaut",
    style: Annotated[Any, OneOf(styles)] = "brushstrokes",
    strength: Annotated[float, Slider(0.0, 1.0, 0.05)] = 1.0,
    size: Annotated[int, Slider(64, 640, 32, unit="px")] = 256,
) -> Any:
    """Any picture repainted at once, by a net that was trained for one style.

    Shows
    -----
    picture : one pass of a small net, no optimization
    """
    painted = (1 - strength) * picture + strength * stylize(style_net(style), picture)
    return painted, {"picture": fit(photo(painted, "The picture, repainted"), LARGE)}


@vizkit.panel("Which channels go together", layout="picture matrix / map matrix / text text")
def gram_matrix(
    picture: Annotated[Any, Image(size=256)] = "swirls",
    model: Model = "viznet",
    layer: Annotated[Any, Layer(of="model", maps=True, first=style_layer)] = None,
    shuffle: Annotated[bool, Toggle(label="places in another order")] = False,
) -> Any:
    """The Gram matrix of a layer does not know where anything is.

    Shows
    -----
    picture : the picture
    map : the layer, its channels averaged
    matrix : the layer's Gram matrix: a row and a column for each channel
    """
    maps = content_targets(model, picture, [layer])[layer]
    maps = shuffled(maps) if shuffle else maps
    matrix = gram(maps)[0].cpu()
    size, drawn = len(matrix), enlarge(matrix.sqrt()[None], PHOTO)
    alt = f"The Gram matrix of {layer}, {size} x {size}, square roots"
    mean = colorize(maps[0].mean(0).cpu()[None])[0]
    return matrix, {
        "picture": fit(photo(picture, "The picture"), HALF),
        "map": fit(Raster(mean, "The mean of its channels"), HALF),
        "matrix": fit(Raster(colorize(drawn)[0], alt, exact=True), PHOTO),
        "text": f"**{size} x {size}**, symmetric, no places left; its trace is the mean square of "
        f"the layer: {float(matrix.trace()):.4g}",
    }
