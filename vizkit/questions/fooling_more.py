"""What is asked in 08b, more about fooling networks."""

from statistics import mean

from torch import Tensor

import vizkit
from vizkit import panels
from vizkit.methods.patch import patch_success, random_placements
from vizkit.methods.sounds import WORDS
from vizkit.panels.common import surest_first
from vizkit.widgets import Choice, Number, Predict, Sketch

MOST, UNSURE, FEW = "nearly all of the twelve", "those of which it is unsure", "hardly one of the twelve"


@Predict(
    "One pixel of 64 x 64 may be changed, and 360 are tried. Six crops of which the network is least sure, six of "
    "which it is surest: of which does the answer change?",
    Choice(MOST, UNSURE, FEW),
)
def fooled_by_one_pixel() -> str:
    """One pixel moves the scores a little. That is enough where two classes are nearly as probable."""
    crops = surest_first(vizkit.load_model(), 600)

    def fooled(some: Tensor) -> int:
        runs = (vizkit.last(panels.one_pixel(one, population=60, generations=5)) for one in some)
        return sum(step.success for step, _ in runs)

    sure, unsure = fooled(crops[:6]), fooled(crops[-6:])
    return MOST if sure > 3 and unsure > 3 else UNSURE if unsure > sure + 2 else FEW


#: Sizes of the sticker at which the curve is asked, as shares of the picture's side.
SIZES = (0.1, 0.2, 0.3, 0.45, 0.6)


@Predict(
    "A round sticker has been trained to be taken for a goldfish wherever it is put. On 200 crops of photos: how many "
    "are called a goldfish, by the sticker's size?",
    Sketch(SIZES, "sticker / picture's side", "called a goldfish", tolerance=0.15),
)
def goldfish_by_size() -> tuple[float, ...]:
    """The network has one vote for the whole picture, and the sticker must outshout all that lies around it."""
    model = vizkit.load_model()
    step, _ = vizkit.last(panels.sticker())
    crops = surest_first(model, 600)[:200]

    def share(size: float) -> float:
        placements = random_placements(len(crops), scale=(size, size), seed=7)
        return float(patch_success(model, crops, step.patch, "goldfish", placements).float().mean())

    return tuple(map(share, SIZES))


@Predict(
    "From faint noise, twenty steps up the gradient, once for each of 200 classes. Of how many of its classes is the "
    "network then more than 99 % sure?",
    Number(0, 100, "%", tolerance=15),
)
def sure_of_noise() -> float:
    """It has to choose among its classes, and nobody has ever shown it what is none of them."""
    step, _ = vizkit.last(panels.nothing(kind="gradient", steps=20))
    return 100 * float((step.confidence > 0.99).float().mean())


ALONE, VOTERS, ALL = "the tree alone", "the tree and the five neighbors", "all five"


@Predict(
    "Digits are changed until a decision tree misreads them. A small net, logistic regression, an SVM and the five "
    "nearest neighbors read them, too. Who is fooled?",
    Choice(ALONE, VOTERS, ALL),
)
def made_on_the_tree() -> str:
    """A tree asks about a few pixels only, and only those are changed. The others look at all of them."""
    table, _ = panels.tried_on_all()
    row = table.changed[table.made_on.index("tree")]
    fooled = {name for name, share in zip(table.tried_on, row.tolist(), strict=True) if share > 0.25}
    return ALONE if fooled == {"tree"} else VOTERS if fooled == {"tree", "5 neighbors"} else ALL


#: Sizes of the change at which the curve is asked, in decibels.
DECIBELS = (-32, -26, -20, -14, -8)


@Predict(
    "No sample of a spoken word may change by more than so much, counted from the loudest one: -20 dB is a tenth of "
    "it. Of 16 words, how many does the net then hear as the word that was chosen?",
    Sketch(DECIBELS, "change [dB]", "heard as the chosen word", tolerance=0.15),
)
def heard_as_chosen() -> tuple[float, ...]:
    """Within a dozen decibels nothing becomes nearly everything. It takes more than a whisper, so it can be heard."""

    def share(decibels: float) -> float:
        said = [(word, WORDS[(place + 3) % len(WORDS)]) for place, word in enumerate(WORDS)]
        found = [panels.misheard(*pair, decibels=decibels, voice=voice)[0] for pair in said for voice in (0, 1)]
        return mean(float(one.success) for one in found)

    return tuple(map(share, DECIBELS))


@Predict(
    "A linear classifier reads digits of 32 x 32 pixels instead of 4 x 4, 64 times as many numbers. How large is the "
    "step that changes half of its answers now, as a share of what it was?",
    Number(1, 300, "%", tolerance=15),
)
def step_of_more_pixels() -> float:
    """More pixels add up to more change, but neighboring pixels say the same, so the scores are farther apart, too."""
    found, _ = panels.dimensions()
    halves = {
        one.dimension: mean(draw[place].half for draw in found["pictures"])
        for place, one in enumerate(found["pictures"][0])
    }
    return float(100 * halves[1024] / halves[16])
