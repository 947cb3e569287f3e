"""What is asked in 04, filters and activations."""

from collections import Counter
from statistics import mean

from vizkit import panels
from vizkit.panels.layers import inner_share
from vizkit.widgets import Choice, Number, Predict, Sketch

PHOTOS = ("chelsea", "astronaut", "coffee", "rocket", "china", "motorcycle")
RELUS = tuple(f"relu{number}" for number in range(1, 8))


@Predict(
    "A picture of 28 x 28 pixels goes through one filter of 5 x 5. A fully connected layer takes the same picture and "
    "gives as many outputs. How many times as many weights does it have?",
    Number(1, 10_000_000, "times", factor=3),
)
def shared_weights() -> float:
    """It has a weight for each pair of a pixel and an output; the filter has 25, used everywhere."""
    count, _ = panels.sharing(size=28, kernel=5, number=1)
    return float(count.ratio)


@Predict(
    "Behind each ReLU of viznet, which share of the numbers is not zero? The mean over six photos.",
    Sketch(RELUS, "layer", "share at work", alike=0.8),
)
def share_at_work() -> tuple[float, ...]:
    """Later layers are quieter than the first two, but not each of them quieter than the one before."""

    def share(photo: str, layer: str) -> float:
        found, _ = panels.activations(photo, layer=layer)
        return float((found.maps != 0).float().mean())

    return tuple(mean(share(photo, layer) for photo in PHOTOS) for layer in RELUS)


@Predict(
    "A unit's frame is computed: no pixel outside of it can matter. How many of the pixels inside hold 90 % of the "
    "squared gradient of a unit of pool2? The mean over six photos.",
    Number(0, 100, "%", tolerance=10),
)
def used_of_the_frame() -> float:
    """Few ways lead from the rim to the unit, and many from the middle (Luo 2016)."""
    shares: list[float] = []
    for photo in PHOTOS:
        ((x0, y0, x1, y1), gradient), _ = panels.receptive_field(photo)
        energy = gradient.square()
        shares.append(inner_share(energy / energy.sum()) / ((x1 - x0) * (y1 - y0)))
    return 100 * mean(shares)


@Predict(
    "A red motorcycle, and patches of all bundled photos. Of which photo are most of its eight nearest neighbors, "
    "pixel by pixel?",
    Choice("its own", "the moon", "the cat"),
)
def nearest_in_pixels() -> str:
    """A smooth patch is halfway to anything; the motorcycle, moved by a few pixels, is far from itself."""
    (in_pixels, _, pool), _ = panels.neighbors()
    names = Counter(pool.names[pool.picture[index]] for index in in_pixels.index.tolist())
    words = {"motorcycle": "its own", "moon": "the moon", "chelsea": "the cat"}
    return words[names.most_common(1)[0][0]]
