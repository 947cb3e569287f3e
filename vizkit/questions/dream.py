"""What is asked in 06, optimizing the picture."""

from statistics import mean
from typing import Any

import torch

import vizkit
from vizkit import panels
from vizkit.methods.feature_vis import maximize_steps
from vizkit.panels.excitation import as_seen
from vizkit.widgets import Choice, Number, Predict, Sketch

FIVE = ("goldfish", "school bus", "lemon", "king penguin", "monarch")
STEPS = 64


@vizkit.remembered(12)
def grown(model: str, label: str, recipe: str, penalty: float = 10) -> list[Any]:
    """Return the steps of a picture that a network is made to like."""
    run = panels.wanted(model=model, label=label, recipe=recipe, penalty=penalty, steps=STEPS, size=64)
    return [step for step, _ in run]


def sureness(net: str, label: str, step: Any) -> float:
    """Return how probable a network finds a class in the picture of a step."""
    model = vizkit.load_model(net)
    seen = as_seen(model, step.images[0])
    return float(model.probabilities(seen[None])[0, model.label_index(label)])


@Predict(
    "Pixels alone, viznet-robust, three classes. The penalty λ goes from 0 to 1,000. How much is left of the mean "
    "square distance from gray?",
    Number(0, 100, "%", tolerance=15),
)
def left_by_penalty() -> float:
    """Each pixel pays for its distance from gray: only those stay far from it that earn more than they cost."""

    def contrast(penalty: float) -> float:
        steps = (grown("viznet-robust", label, "pixels", penalty)[-1] for label in FIVE[:3])
        return mean(float((step.images - 0.5).square().mean()) for step in steps)

    return 100 * contrast(1000) / contrast(0)


#: Steps at which the curve is asked.
PLACES = (1, 4, 8, 16, 32, 64)


@Predict(
    "A picture begins as next to nothing and follows the gradient of a class, Fourier recipe, viznet. How sure is "
    "viznet of the class after so many steps? The mean of five classes.",
    Sketch(PLACES, "step", "probability of the class", tolerance=0.2),
)
def sure_after() -> tuple[float, ...]:
    """A network is quickly sure. What takes the time is the picture."""
    runs = {label: grown("viznet", label, "Fourier") for label in FIVE}
    return tuple(mean(sureness("viznet", label, run[at - 1]) for label, run in runs.items()) for at in PLACES)


@Predict(
    "Pixels alone and no penalty: of each of five classes viznet makes itself a picture that it is sure of. How "
    "probable does viznet-robust find that class there? The mean of the five.",
    Number(0, 100, "%", tolerance=18),
)
def asked_another() -> float:
    """Much of such a picture is meant for one network alone, and is noise to another."""
    pictures = {label: grown("viznet", label, "pixels", 0)[-1] for label in FIVE}
    return 100 * mean(sureness("viznet-robust", label, step) for label, step in pictures.items())


SURE, TORN, ELSE = "sure of the class, too", "torn between several", "sure of something else"


@Predict(
    "The other way round: viznet-robust makes itself pictures of the five classes. What does the plain viznet say of "
    "them?",
    Choice(SURE, TORN, ELSE),
)
def asked_the_plain_one() -> str:
    """What the robust network wants to see is a thing, and the other network knows it, too."""
    pictures = {label: grown("viznet-robust", label, "Fourier")[-1] for label in FIVE}
    share = mean(sureness("viznet", label, step) for label, step in pictures.items())
    return SURE if share > 0.8 else TORN if share > 0.3 else ELSE


SAME, DIFFERENT = "one picture, four times", "four different pictures"


@Predict(
    "A picture of a jellyfish is grown from faint noise, drawn four times. What comes of it?", Choice(SAME, DIFFERENT)
)
def from_four_noises() -> str:
    """The way uphill leads to nearly the same top. For another face the start must already be on another side."""
    model = vizkit.load_model("viznet-robust")
    pictures = vizkit.last(maximize_steps(model, ["jellyfish"] * 4, "facet")).images
    coarse = torch.nn.functional.adaptive_avg_pool2d(pictures, 8).flatten(1)
    alike = torch.corrcoef(coarse)[torch.ones(4, 4).triu(1).bool()]
    return SAME if float(alike.mean()) > 0.75 else DIFFERENT


@Predict(
    "DeepDream at one size, 20 steps along relu6 on a photo of a temple: how many times as large is half the square "
    "length of the layer in the end?",
    Number(1, 1000, "times", factor=1.8, digits=1),
)
def louder_by_dreaming() -> float:
    """Each step adds to what is there already: what is silent gets no push of its own."""
    steps = [step for step, _ in panels.dream("china", layer="relu6", size=160, octaves=1, steps=20)]
    return float(steps[-1].objective / steps[0].objective)
