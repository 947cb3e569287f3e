"""What is asked in 01, the loss landscape."""

import vizkit
from vizkit import panels
from vizkit.panels.surfaces import numbers
from vizkit.widgets import Choice, Number, Predict, Sketch

ARRIVED = {(): "none of them", ("momentum",): "momentum alone", ("momentum", "Adam"): "momentum and Adam"}


@Predict(
    "SGD, momentum and Adam start at (-3.5, 3) among the hills: learning rate 0.1, momentum 0.9, 80 steps. Which of "
    "them come to the lowest point?",
    Choice(*ARRIVED.values(), "all three"),
)
def at_the_bottom() -> str:
    """Who rolls comes over the first hump. Adam takes small steps of about one length, and stays where SGD does."""
    found, _ = panels.descent()
    ends = dict(zip(("SGD", "momentum", "Adam"), found.heights[:, -1].tolist(), strict=True))
    return ARRIVED.get(tuple(name for name, height in ends.items() if height < -0.95), "all three")


#: Widths at which the curve is asked.
WIDTHS = (2, 4, 8, 16, 32)


@Predict(
    "150 nets of each width learn the same 300 digits. How much do their final losses differ from each other, as a "
    "standard deviation?",
    Sketch(WIDTHS, "hidden units", "spread of the losses", high=0.5, alike=0.95),
)
def spread_by_width() -> tuple[float, ...]:
    """The narrowest are about equally bad, those of 4 units differ most; from there on, the wider, the more alike."""
    step, _ = vizkit.last(panels.widths(sizes=WIDTHS))
    return tuple(float(step.losses[width].std()) for width in WIDTHS)


@Predict(
    "Two nets, trained from different starts, each read more than 90 % of new digits rightly. How many does the net "
    "read whose every weight is halfway between theirs?",
    Number(0, 100, "%", tolerance=12),
)
def halfway() -> float:
    """Each net has put the same work on other units; the mean of two ways to do it is none of them."""
    walk, _ = panels.line("solution to solution", share=0.5)
    return 100 * float(walk.accuracy[int((walk.shares - 0.5).abs().argmin())])


@Predict(
    "Two nets of 22 layers are trained to the same training loss, one with skip connections. How many times as sharp "
    "is the place where the one *without* has come to? Sharpness is the largest eigenvalue of the Hessian.",
    Number(0.01, 10_000, "times", factor=2.5),
)
def times_as_sharp() -> float:
    """Without skips a small change of an early layer goes through all the later ones, and grows."""
    (*_, without), (*_, skipping) = (numbers(10, skip, 1.0) for skip in (False, True))
    return without / skipping


SHARPER, FLATTER, ALIKE = "sharper", "flatter", "as before"


@Predict(
    "In each block the first layer is multiplied by 6 and the second divided by 6. With ReLUs that is the same "
    "function. What does the largest eigenvalue of the Hessian say of the place?",
    Choice(SHARPER, FLATTER, ALIKE),
)
def written_otherwise() -> str:
    """The function is the same, its parameters are not: a step in a layer that was made small counts for more."""
    (*_, before), (*_, after) = (numbers(4, True, factor) for factor in (1.0, 6.0))
    return SHARPER if after > 1.5 * before else FLATTER if after < before / 1.5 else ALIKE


#: Shares of random labels at which the curve is asked, in percent.
SHARES = (0, 25, 50, 75, 100)


@Predict(
    "So many of the 300 training labels are drawn at random, and the net is trained until it has learned them. Which "
    "share of **new** digits does it get right?",
    Sketch(SHARES, "random labels [%]", "new digits that are right", tolerance=0.12),
)
def after_random_labels() -> tuple[float, ...]:
    """All labels are learned by heart, the wrong ones, too: what is left is about the share of true ones."""
    runs = (vizkit.last(panels.random_labels(share=share / 100)) for share in SHARES)
    return tuple(float(step.test[-1, 1]) for step, _ in runs)
