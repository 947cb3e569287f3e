"""Panels of what else is fooled: other models, the ear of a net, rows of a table."""

from typing import Annotated, Any

import torch
from torch import Tensor

import vizkit
from vizkit.core.seeds import generator
from vizkit.figures.fooling import cross_chart, epsilon_curves, needed_chart
from vizkit.figures.pictures import Tiles, sheet
from vizkit.figures.sounds import sound, spectrogram_chart, word_bars
from vizkit.methods.adversarial_training import held_out_digits
from vizkit.methods.fooled_models import CrossTable, cross_table, digit_classifiers
from vizkit.methods.needed_epsilon import SIZES, needed_by_dimension
from vizkit.methods.sounds import LENGTH, RATE, WORDS, attack_sound, bundled_listener, make_sounds, spectrogram
from vizkit.widgets import OneOf, Slider, Text

#: The five classifiers, in the order of the table.
KINDS = ("small net", "logistic regression", "SVM", "tree", "5 neighbors")
classifiers_of = vizkit.remembered(1)(digit_classifiers)
needed_of = vizkit.remembered(15)(needed_by_dimension)
#: Of six pairs of digits to be judged.
DRAWS = 21


@vizkit.remembered(8)
def crossed(epsilon: float) -> CrossTable:
    """Attack a hundred digits on each classifier."""
    return cross_table(classifiers_of(), epsilon=epsilon)


@vizkit.panel("Made on one, tried on all", layout="chart pictures / text text")
def tried_on_all(
    epsilon: Annotated[float, Slider(0.0, 0.4, 0.05)] = 0.15, made_on: Annotated[str, OneOf(KINDS)] = "small net"
) -> Any:
    """Digits attacked on one kind of classifier change the answers of others."""
    found = crossed(epsilon)
    row = found.made_on.index(made_on)
    names = ", ".join(
        f"{name} {share:.0%}" for name, share in zip(found.tried_on, found.accuracy.tolist(), strict=True)
    )
    return found, {
        "chart": cross_chart(found.changed, found.made_on, found.tried_on),
        "pictures": sheet(found.images[row, :9], f"Nine digits attacked on: {made_on}", side=110, columns=3),
        "text": f"right on the digits as they are: {names}",
    }


def pairs(images: Tensor, attacked: Tensor, changed_below: Tensor) -> Tiles:
    """Draw each digit and its changed copy, one above the other."""
    below = changed_below.view(-1, 1, 1, 1)
    upper, lower = torch.where(below, images, attacked), torch.where(below, attacked, images)
    captions = [*(f"{n} A" for n in range(1, 7)), *(f"{n} B" for n in range(1, 7))]
    alt = "Six pairs of digits; in each one is changed"
    return sheet(torch.cat([upper, lower]), alt, side=110, columns=6, captions=captions)


def drawn(number: int) -> tuple[Tensor, Tensor]:
    """Draw six digits, and of which the changed one is below."""
    random = generator(number)
    chosen = torch.randperm(len(held_out_digits()[0]), generator=random)[:6]
    return chosen, torch.rand(6, generator=random) < 0.5


def found_so_far(answers: list[str]) -> str:
    """Count over all draws that were answered."""
    known = ["".join("AB"[below] for below in drawn(number)[1].tolist()) for number in range(len(answers))]
    right = sum(letter == true for letter, true in zip("".join(answers), "".join(known), strict=True))
    return f"over {len(answers)} draws **{right} of {6 * len(answers)}**; guessing finds {3 * len(answers)}"


def judged(answer: str, draw: int, seen: Tensor, read: Tensor, known: Tensor) -> str:
    """Tell how many of the answers are right, of this draw and of all, once there are six."""
    letters = "".join(letter for letter in answer.upper() if letter in "AB")[: 6 * DRAWS]
    answers = [letters[first : first + 6] for first in range(0, len(letters) // 6 * 6, 6)]
    total = f"So far {found_so_far(answers)}." if answers else ""
    if draw >= len(answers):
        number = max(0, len(letters) - 6 * draw)
        return (
            f"Which of each pair was changed? Write six letters A or B for each draw, one draw after the other; "
            f"of draw {draw} there are {number}.\n{total}"
        )
    changed = "".join("AB"[below] for below in drawn(draw)[1].tolist())
    right = sum(letter == true for letter, true in zip(answers[draw], changed, strict=True))
    return (
        f"You found **{right} of 6**; the changed ones were {changed}. {total}\nThe digits are {known.tolist()}. "
        f"The net reads {seen.tolist()} before and **{read.tolist()}** after. What do you read?"
    )


@vizkit.panel("Which was changed?", layout="pictures / text")
def which_changed(
    epsilon: Annotated[float, Slider(0.0, 0.4, 0.05)] = 0.1,
    draw: Annotated[int, Slider(0, DRAWS - 1, label="draw")] = 0,
    answer: Annotated[str, Text("six letters a draw, such as ABBABA BABAAB", label="changed ones")] = "",
) -> Any:
    """Six digits before and after an attack on the small net, in random order."""
    net = classifiers_of()["small net"]
    images, labels = held_out_digits()
    chosen, below = drawn(draw)
    images, labels = images[chosen], labels[chosen]
    attacked = net.attack(images, labels, epsilon)
    return attacked, {
        "pictures": pairs(images, attacked, below),
        "text": judged(answer, draw, net.answers(images), net.answers(attacked), labels),
    }


@vizkit.panel("Another word", layout="before after / spectrograms spectrograms / bars text")
def misheard(
    word: Annotated[str, OneOf(WORDS)] = "a-i",
    target: Annotated[str, OneOf(WORDS)] = "e-o",
    decibels: Annotated[float, Slider(-40.0, -6.0, 1.0, unit=" dB")] = -14.0,
    voice: Annotated[int, Slider(0, 20)] = 0,
) -> Any:
    """Change a spoken word until a net hears another one."""
    net = bundled_listener()
    spoken = make_sounds(torch.tensor([WORDS.index(word)]), seed=1000 + voice)
    found = attack_sound(net, spoken, WORDS.index(target), decibels=decibels)
    parts = {"before": spoken[0], "what is added": found.change[0], "after": found.sounds[0]}
    loudness = {name: spectrogram(part) for name, part in parts.items()}
    shares, now = net(spoken)[0].softmax(0), found.probabilities[0]
    return found, {
        "before": sound(spoken[0], RATE, f"before: the net hears {WORDS[shares.argmax()]}"),
        "after": sound(found.sounds[0], RATE, f"after: the net hears {WORDS[now.argmax()]}"),
        "spectrograms": spectrogram_chart(loudness, LENGTH / RATE, RATE / 2),
        "bars": word_bars(WORDS, shares, now),
        "text": f"P({target}) = **{now[WORDS.index(target)]:.1%}**\nheld-out accuracy of the net: {net.accuracy:.1%}",
    }


@vizkit.panel("Less is enough?", layout="needed advantage / curves text")
def dimensions(
    kind: Annotated[str, OneOf(tuple(SIZES))] = "pictures", draws: Annotated[int, Slider(2, 5, live=False)] = 3
) -> Any:
    """The change that fools a linear classifier, by the number of its inputs.

    Shows
    -----
    curves : FGSM on held-out rows, a curve for each size
    """
    found = {name: [needed_of(name, seed=seed) for seed in range(draws)] for name in SIZES}
    sizes = {name: [one.dimension for one in ones[0]] for name, ones in found.items()}
    half = {name: torch.tensor([[one.half for one in row] for row in rows]) for name, rows in found.items()}
    better = {name: torch.tensor([[one.advantage for one in row] for row in rows]) for name, rows in found.items()}
    rights = torch.tensor([[one.accuracy for one in row] for row in found[kind]]).mean(0).tolist()
    shares = ", ".join(f"{size}: {right:.0%}" for size, right in zip(sizes[kind], rights, strict=True))
    return found, {
        "needed": needed_chart(sizes, half, "Needed for half of the answers", "epsilon [std]"),
        "advantage": needed_chart(sizes, better, "Attack against random signs", "times as far"),
        "curves": epsilon_curves(found[kind], f"FGSM on {kind}"),
        "text": f"curves: means of {draws} draws of what is held out (and of a table's columns), bands: all of them\n"
        f"right by numbers in a row: {shares}",
    }
