"""What is asked in 05, attribution."""

import vizkit
from vizkit import panels
from vizkit.figures.pictures import fit, photo
from vizkit.figures.raster import Raster
from vizkit.widgets import Choice, Number, Predict, Sketch, Spot


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
