"""What is asked in 09, inversion."""

from statistics import mean

import torch
from torch import Tensor

import vizkit
from vizkit import panels
from vizkit.core.inverters import load_inverter
from vizkit.core.models import ImageModel
from vizkit.methods.hog import alike, hog
from vizkit.methods.inversion import invert_steps, layer_code, psnr
from vizkit.panels.inversions import code_of, codes_between, distances
from vizkit.widgets import Choice, Number, Predict, Sketch

PHOTOS = ("coffee", "chelsea", "rocket", "motorcycle", "flower", "china")


def photos() -> Tensor:
    """Return photos at viznet's own size."""
    return torch.stack([vizkit.load_image(name, (64, 64)) for name in PHOTOS])


@vizkit.remembered(8)
def inverted(name: str, layer: str) -> Tensor:
    """Return an inversion of each of the photos."""
    model = vizkit.load_model(name)
    with torch.no_grad():
        code = layer_code(model, photos(), layer)
    return vizkit.last(invert_steps(model, code, layer)).images


def off_by(name: str, layer: str) -> float:
    """Return how far a color is off, root mean square, the mean over the photos."""
    return float((10 ** (-psnr(inverted(name, layer), photos()) / 20)).mean())


@Predict(
    "The code of relu5 has 12,288 numbers, exactly as many as the picture. Six photos are looked for from noise, by "
    "their codes alone. By how much of the range is a color then off, root mean square?",
    Number(0, 100, "%", tolerance=8),
)
def off_at_relu5() -> float:
    """As many numbers say less: many are 0 behind the ReLU, and each says that something is there, not just where."""
    return 100 * off_by("viznet", "relu5")


#: Layers at which the curve is asked.
DEPTHS = ("relu1", "relu3", "relu5", "relu6", "relu7")


@Predict(
    "The same six photos by viznet, from layer to layer: how far off is a color of what is found, as a share of the "
    "range?",
    Sketch(DEPTHS, "layer", "off by", high=0.5, tolerance=0.07),
)
def off_by_layer() -> tuple[float, ...]:
    """Each layer throws something away, the most behind relu5, and at relu7 it is no nearer than another photo."""
    return tuple(off_by("viznet", layer) for layer in DEPTHS)


PLAIN, ROBUST, SAME = "the plain network", "the robust one", "both the same"


@Predict(
    "viznet-robust is viznet, trained further on pictures with small perturbations; it is right less often. Which "
    "of the two knows more of the picture at relu7?",
    Choice(PLAIN, ROBUST, SAME),
)
def knows_more_at_relu7() -> str:
    """What a small change turns over is of no use to it. It keeps what only a large one moves: shapes, colors."""
    plain, robust = (off_by(name, "relu7") for name in ("viznet", "viznet-robust"))
    return SAME if abs(plain - robust) < 0.03 else PLAIN if plain < robust else ROBUST


@Predict(
    "Four pictures are looked for, each from its own noise, all with the code that the coffee has at relu7. How far "
    "is one of them from another, root mean square, as a share of the range?",
    Number(0, 100, "%", tolerance=8),
)
def apart_with_one_code() -> float:
    """It says what there is, and roughly where; how bright whole areas are is largely free. Two photos: 37 %."""
    model = vizkit.load_model("viznet")
    code = code_of(model, photos()[0], "relu7", 4)
    return 100 * float(distances(vizkit.last(invert_steps(model, code, "relu7")).images).mean())


WORSE, ALIKE, BETTER = "much farther from it", "about as near", "nearer"


def error_of(model: ImageModel, code: Tensor) -> Tensor:
    """Return how far from codes of relu5 a search ends, (N,)."""
    return vizkit.last(invert_steps(model, code, "relu5", shared=True)).error


@Predict(
    "By viznet-robust at relu5, a code half way between the coffee's and the cat's. A picture is looked for that has "
    "it. Does the search come as near to it as to the code of a real picture?",
    Choice(WORSE, ALIKE, BETTER),
)
def half_way_code() -> str:
    """Not every list of numbers is the code of a picture: a cup and a cat in one place, half of each, is none."""
    coffee, cat = photos()[:2]
    model = vizkit.load_model("viznet-robust")
    errors = error_of(model, codes_between(model, coffee, cat, "relu5")).tolist()
    share = errors[2] / mean((errors[0], errors[-1]))
    return WORSE if share > 3 else BETTER if share < 1 / 3 else ALIKE


NET, SEARCH = "the net is nearer in both", "the search is nearer in both"
EACH = "the net in the pixels, the search in the code"


@Predict(
    "A net is trained to draw pictures from their codes at relu7, with the pixels' squared error. It takes "
    "milliseconds, the search 250 steps. Six photos: which comes nearer to the picture, which to its code?",
    Choice(NET, SEARCH, EACH),
)
def nearer_by_net() -> str:
    """It draws the mean of all photos that could have this code. A mean is no photo, and it has not the code."""
    model, truth = vizkit.load_model("viznet"), photos()
    with torch.no_grad():
        wanted = layer_code(model, truth, "relu7")
        pictures = {NET: load_inverter("relu7")(wanted), SEARCH: inverted("viznet", "relu7")}
        apart = {who: (layer_code(model, one, "relu7") - wanted).square().sum() for who, one in pictures.items()}
    in_pixels = max(pictures, key=lambda who: float(psnr(pictures[who], truth).mean()))
    in_code = min(apart, key=lambda who: float(apart[who]))
    return in_pixels if in_pixels == in_code else EACH


@Predict(
    "Somebody has the code of a crop at relu7, 4 x 4 places, and an album of 300 crops of 16 photos. They let the "
    "net draw the code and take the crop that is nearest to the drawing. How often is it of the right photo?",
    Number(0, 100, "%", tolerance=12),
)
def photo_from_a_code() -> float:
    """A code is no anonymous number: blurred as it is, the drawing has light and dark where they mostly were."""
    found, _ = panels.whose_code(layer="relu7")
    return 100 * float(found.float().mean())


@Predict(
    "A photo and its negative, in which white is black. What is the cosine of their HOGs?",
    Number(0, 1, "", tolerance=0.03),
)
def hog_of_a_negative() -> float:
    """An edge counts by its direction, and from dark to bright or back is one direction."""
    image = vizkit.load_image("coffee", (128, 128))[None]
    return float(alike(hog(image), hog(1 - image)))


@Predict(
    "The coffee is changed until its HOG is that of the astronaut, while the correlation of their pixels is held "
    "near 0. How near can the cosine of the two HOGs come to 1? That of the two photos as they are is 0.4.",
    Number(0, 1, "", tolerance=0.05),
)
def hog_of_a_twin() -> float:
    """A HOG knows which way edges run in each cell and how strong beside their neighbors, not which side is bright."""
    step, _ = vizkit.last(panels.hog_twins(steps=150))
    return float(step.cosine)
