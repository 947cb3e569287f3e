"""What is asked in 08, fooling networks."""

from typing import Any

import vizkit
from vizkit import panels
from vizkit.panels.rates import STRENGTHS, curves_of
from vizkit.widgets import Choice, Number, Predict, Sketch


@Predict(
    "The score of a linear classifier is a sum over 10,000 numbers, each weight 1 or -1. Every number now changes by "
    "0.05 in the direction in which its weight points. By how much does the score grow?",
    Number(0, 1000, tolerance=60),
)
def grown_score() -> float:
    """No number changes much, but none of the changes cancel: they all add up, and there are many."""
    found, _ = panels.linear(epsilon=0.05, power=4.0)
    return float(found.moved_score - found.score)


@Predict(
    "viznet is 43 % sure that the temple is a beacon, its second answer far behind. PGD moves each number by at most "
    "so many gray levels of 255. How many does it take?",
    Number(0, 255, "gray levels", tolerance=1, digits=1),
)
def least_that_fools() -> float:
    """Less than one can see: the boundary is near in a direction in which no photo of a temple differs from another."""
    levels = (0.5 * step for step in range(1, 33))
    return next(level for level in levels if bool(panels.attack("china", attack="PGD", epsilon=level)[0].success))


@vizkit.remembered(1)
def rates() -> Any:
    """Return how often noise and attacks of each size work."""
    step, _ = vizkit.last(panels.success(count=24))
    return step


@Predict(
    "Each number of 24 pictures is moved up or down by 2 gray levels of 255, at random. How many of the network's "
    "answers change?",
    Number(0, 100, "%", tolerance=10),
)
def changed_by_noise() -> float:
    """Random steps cancel each other: size is not what fools a network, direction is."""
    found = rates()
    return 100 * float(found.curve("random noise")[found.epsilons.index(2 / 255)])


#: Gray levels of 255 at which the curve is asked.
LEVELS = (1, 2, 4, 8)


@Predict(
    "Now PGD looks for the worst change of at most so many gray levels of 255. Which share of the answers changes?",
    Sketch(LEVELS, "gray levels", "answers that change", tolerance=0.15),
)
def changed_by_pgd() -> tuple[float, ...]:
    """A few gray levels in the right direction do what eight at random do not."""
    found = rates()
    return tuple(float(found.curve("PGD")[found.epsilons.index(level / 255)]) for level in LEVELS)


STRANGER, KIN = "a stranger, smaller and trained from scratch", "its kin, viznet trained on against attacks"


@Predict("Attacks are made on viznet. Which other network do they fool more often?", Choice(STRANGER, KIN))
def fooled_more() -> str:
    """The stranger learned the same patterns, and nothing against attacks. Kinship counts less than training."""
    step, _ = vizkit.last(panels.transfer(count=20))
    return STRANGER if step.table[0, 1] > step.table[0, 2] else KIN


@Predict(
    "A small net reads 97 % of new digits. PGD may move every pixel by a tenth of its range, and it reads 20 %. "
    "How many does one read that has learned for six epochs from digits attacked by up to 0.15?",
    Number(0, 100, "%", tolerance=15),
)
def after_attacked_batches() -> float:
    """It has learned not to lean on what can be moved so easily. What is left is less than what was there to learn."""
    step, _ = vizkit.last(panels.defense(epochs=6))
    return 100 * curves_of(step)["robust"][STRENGTHS.index(0.1)]
