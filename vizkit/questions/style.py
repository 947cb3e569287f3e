"""What is asked in 07, neural style."""

from statistics import mean

import vizkit
from vizkit import panels
from vizkit.panels.painting import style_net
from vizkit.widgets import Choice, Number, Predict, Sketch

PAINTINGS = ("swirls", "brushstrokes", "mosaic", "waves")


def changed(picture: str, layer: str, *, mirrored: bool = False, shuffle: bool = False) -> float:
    """Return by how much of its length a Gram matrix changes."""
    image = vizkit.load_image(picture, size=256)
    before, _ = panels.gram_matrix(picture=image, layer=layer)
    after, _ = panels.gram_matrix(picture=image.flip(-1) if mirrored else image, layer=layer, shuffle=shuffle)
    return float((after - before).norm() / before.norm())


@Predict(
    "All places of a layer are put in another order, the same for every channel. How much does the layer's Gram matrix "
    "change?",
    Choice("not at all", "by about half", "beyond recognition"),
)
def shuffled_places() -> str:
    """It is a mean over places, and a mean has no order. That is what makes it a style."""
    change = mean(changed(one, "relu3", shuffle=True) for one in PAINTINGS)
    return "not at all" if change < 0.01 else "by about half" if change < 1 else "beyond recognition"


@Predict(
    "A painting is mirrored, left for right. By how much of its length does the Gram matrix of relu3 change? The mean "
    "of four paintings; from one painting to another it is 80 % and more.",
    Number(0, 100, "%", tolerance=12),
)
def mirrored_painting() -> float:
    """Filters have directions: a stroke that rises to the right is another feature than one that falls."""
    return 100 * mean(changed(one, "relu3", mirrored=True) for one in PAINTINGS)


#: Steps at which the style's distance is asked, and how many are taken.
STEPS = (1, 5, 10, 20, 40, 60)


@Predict(
    "Sixty steps, beginning at the photo. How far is its style still from the painting's, as a share of what it was?",
    Sketch(STEPS, "step", "distance of the style", tolerance=0.15),
)
def style_falls() -> tuple[float, ...]:
    """Colors and edges come within a few steps; what is left is slow."""
    run = panels.style(content="china", style="swirls", size=128, steps=STEPS[-1], scales=1)
    distances = [step.style for step, _ in run]
    return tuple(distances[at - 1] / distances[0] for at in STEPS)


@Predict(
    "A small net repaints any picture in one pass. viznet, which knows 200 classes, has 2,424 thousand weights. How "
    "many has the net that paints?",
    Number(1, 10_000, "thousand", factor=2.5),
)
def painter_weights() -> float:
    """It knows one style, and has to name nothing."""
    return sum(one.numel() for one in style_net("brushstrokes").parameters()) / 1000
