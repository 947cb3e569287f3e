"""What is asked in 04, filters and activations."""

from collections import Counter
from statistics import mean

import torch
from torch import Tensor

import vizkit
from vizkit import panels
from vizkit.figures.pictures import fit, photo
from vizkit.figures.raster import Raster
from vizkit.methods.filters import filters
from vizkit.methods.units import likeness, scan_steps
from vizkit.panels.common import patch_pool
from vizkit.panels.layers import inner_share
from vizkit.panels.units import loudest_windows
from vizkit.widgets import Choice, Number, Predict, Sketch, Spot

PHOTOS = ("chelsea", "astronaut", "coffee", "rocket", "china", "motorcycle")
#: The pairs of nine.
ABOVE = torch.ones(9, 9).triu(1).bool()
RELUS = tuple(f"relu{number}" for number in range(1, 8))


def windows_of(layer: str, count: int) -> list[Tensor]:
    """Return what the first units of a layer of viznet see in the nine patches that excite each most."""
    model, pool = vizkit.load_model(), patch_pool("bundled", 2000, 64)
    step = vizkit.last(scan_steps(model, pool, layer, batch_size=32))
    return loudest_windows(model, pool, step, layer, count)


@Predict(
    "The nine windows that a filter of the first layer answers loudest in 2,000 patches: how many of the 48 "
    "filters look like the mean of their nine, with a correlation above 0.5?",
    Number(0, 100, "%", tolerance=12),
)
def like_their_windows() -> float:
    """The answer is an inner product, and of all windows of one length the one like the filter has the largest."""
    own = filters(vizkit.load_model())
    pairs = zip(windows_of(own.layer, len(own.weight)), own.weight, strict=True)
    alike = [likeness(*pair) > 0.5 for pair in pairs]
    return 100 * mean(alike)


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
    for name in PHOTOS:
        ((x0, y0, x1, y1), gradient), _ = panels.receptive_field(name)
        energy = gradient.square()
        shares.append(inner_share(energy / energy.sum()) / ((x1 - x0) * (y1 - y0)))
    return 100 * mean(shares)


def astronaut() -> Raster:
    """Return the portrait, as large as the panel shows it."""
    return fit(photo(vizkit.load_image("astronaut", size=256), "an astronaut before a flag and a rocket"), 384)


@Predict(
    "viznet was never told what a face is, and yet one channel of relu5 answers to faces. Where in this picture is it "
    "loudest?",
    Spot(astronaut, 0.15),
)
def loudest_place() -> tuple[float, float]:
    """A unit of relu5 sees 67 pixels, here about the whole face, and is loudest where the face is in its frame."""
    maps, _ = panels.unit("astronaut", layer="relu5", channel=164)
    one = maps.maps[164]
    row, column = divmod(int(one.argmax()), one.shape[1])
    return (column + 0.5) / one.shape[1], (row + 0.5) / one.shape[0]


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


DEPTHS = ("relu1", "relu2", "relu3", "relu4")


@Predict(
    "The nine patches that excite a unit most: how alike are they pixel by pixel? The mean correlation of two of the "
    "nine, over the first 24 units of a layer.",
    Sketch(DEPTHS, "layer", "correlation", tolerance=0.12),
)
def nine_alike() -> tuple[float, ...]:
    """A unit of the first layer wants certain pixels. A later one takes the same thing moved, turned, or larger."""

    def alike(layer: str) -> float:
        pairs = [torch.corrcoef(windows.double().flatten(1))[ABOVE] for windows in windows_of(layer, 24)]
        return float(torch.stack(pairs).nanmean())

    return tuple(map(alike, DEPTHS))
