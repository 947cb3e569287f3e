"""What is asked in 05, attribution."""

from statistics import mean

import torch

import vizkit
from vizkit import panels
from vizkit.core.scenes import make_scenes
from vizkit.figures.pictures import fit, photo
from vizkit.figures.raster import Raster
from vizkit.methods.attribution import attribute
from vizkit.methods.segmentation import cut_overlap
from vizkit.widgets import Choice, Number, Predict, Sketch, Spot

PICTURES = ("chelsea", "coffee", "astronaut", "rocket", "motorcycle")
ASKED = ("gradient", "guided backprop", "Grad-CAM")


@Predict(
    "A network is asked why it says its first answer, and why its second. Of which method are the two maps most alike? "
    "Five photos.",
    Choice(*ASKED),
)
def deaf_to_the_class() -> str:
    """What its two rules let through are edges, whichever class they are sent back from."""

    def alike(method: str) -> float:
        found = []
        for name in PICTURES:
            image = vizkit.load_image(name, (64, 64))
            labels = [label for label, _ in vizkit.load_model().answers(image, 2)]
            maps = [attribute(vizkit.load_model(), image, label, method).heat.abs().flatten() for label in labels]
            found.append(float(torch.corrcoef(torch.stack(maps))[0, 1]))
        return mean(found)

    return max(ASKED, key=alike)


def cup() -> Raster:
    """Return the picture of an espresso, as large as the network sees it, enlarged."""
    return fit(photo(vizkit.load_image("coffee", size=64), "a cup of espresso on a table"), 384)


@Predict("viznet says espresso. A gray square covers a quarter of the side. Where does it cost most?", Spot(cup, 0.25))
def costliest_square() -> tuple[float, float]:
    """The network needs the inside of the cup, not the saucer or the spoon."""
    step, _ = vizkit.last(panels.occluder(picture="coffee", target="espresso", share=0.25))
    rows, columns = step.drop.shape
    row, column = divmod(int(step.drop.argmax()), columns)
    _, height, width = vizkit.load_image("coffee", size=64).shape
    half = 0.25 * min(height, width) / 2  # the square's middle goes from here to as far from the other border

    def share(at: int, places: int, length: int) -> float:
        return (half + at / (places - 1) * (length - 2 * half)) / length

    return share(column, columns, width), share(row, rows, height)


@Predict(
    "GrabCut begins at the saliency, on scenes whose shapes are known: its cuts overlap them by about a quarter. Now a "
    "box, 3 pixels larger than the shape on each side, says where the ground is. By how much do they overlap, as "
    "intersection over union?",
    Number(0, 1, tolerance=0.12, digits=2),
)
def cut_with_a_box() -> float:
    """The network tells a few places of the thing. What it cannot tell, what is *not* the thing, the box does."""
    return float(cut_overlap(vizkit.load_model("scenes"), make_scenes(60, seed=1), margin=3).mean())


METHODS = ("VisualBackProp", "guided backprop", "saliency")
NONE = "none of them"


@Predict(
    "Scenes whose truth is known: which of these maps of a network is no better, by IoU, than the edges of the "
    "picture, for which no network is asked?",
    Choice(*METHODS, NONE),
)
def no_better_than_edges() -> str:
    """The gradient of one class is a scatter of specks, and a threshold cuts no shape out of specks."""
    step, _ = vizkit.last(panels.scores(count=40))
    edges = step.overlap["baseline: edges"]
    weakest = min(METHODS, key=lambda method: step.overlap[method])
    return weakest if step.overlap[weakest] < edges + 0.02 else NONE


#: How many layers have forgotten.
FORGOTTEN = (0, 1, 3, 5, 8)


@Predict(
    "Layers forget from the top, their weights drawn anew. How much does the map of guided backprop still look like "
    "the one of the trained network? The rank correlation, over pictures.",
    Sketch(FORGOTTEN, "layers that have forgotten", "rank correlation", tolerance=0.15),
)
def still_alike() -> tuple[float, ...]:
    """Its rules let little but edges through, so its maps are about the picture more than about what was learned."""
    step, _ = vizkit.last(panels.sanity(count=5))
    found = step.correlation[:, step.methods.index("guided backprop")].mean(1)
    return tuple(min(max(float(found[depth]), 0.0), 1.0) for depth in FORGOTTEN)


@Predict(
    "One layer of eight, the classifier, has forgotten everything: the network's answers are a lottery. How much "
    "does the plain gradient's map still look like before, as a rank correlation in percent?",
    Number(0, 100, "%", tolerance=20),
)
def gradient_forgets() -> float:
    """The gradient is that of the answer: where the answer is another, so is the map."""
    step, _ = vizkit.last(panels.sanity(count=5))
    return 100 * max(float(step.correlation[1, step.methods.index("gradient")].mean()), 0.0)
