"""The class's collected trails as one page: a histogram for each question beside the truth."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path

import numpy as np

from vizkit import questions
from vizkit.core.checks import first_line
from vizkit.core.trail import Answer, Trail, read_trail
from vizkit.figures.trail import curve_histogram, document, histogram
from vizkit.widgets import Choice, Number, Predict, Sketch, Spot

#: Bars of a question that is answered with a number.
BARS = 10
#: Bands of values in which a curve is counted.
BANDS = 5
THIRDS = ("left", "middle", "right"), ("upper", "middle", "lower")


@dataclass(frozen=True)
class Tally:
    """What a class answered.

    Parameters
    ----------
    trails : int
        How many files were read.
    left_out : list of str
        Why others were not, a sentence for each.
    page : str
        HTML: no scripts, nothing fetched.
    """

    trails: int
    left_out: list[str]
    page: str


def tally(folder: str | Path) -> Tally:
    """Count the answers of all trails below a folder.

    A question's truth is what most of the trails computed: their machines may differ in the last digit.

    Parameters
    ----------
    folder : str or Path
        Files ``*.json`` in it and below it; one that is no trail, or an answer that is none, is named and left out.

    Raises
    ------
    ValueError
        If there is no such folder, or no trail in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"folder must be one with the class's trails, there is no {folder}")
    answers: dict[str, list[Answer]] = {}
    left_out: list[str] = []
    read = 0
    for path in sorted(folder.rglob("*.json")):
        name = str(path.relative_to(folder))
        try:
            trail = read_trail(path)
        except (OSError, ValueError) as error:
            left_out.append(f"{name}: {first_line(error, 200)}")
            continue
        read += 1
        left_out += _sort_in(answers, trail, name)
    if not read:
        raise ValueError(f"{folder} must hold trails, vizkit-trail.json of each student, got none that can be read")
    order = [name for names in questions.LECTURES.values() for name in names if name in answers]
    parts = [_part(getattr(questions, name), answers[name]) for name in order]
    return Tally(read, left_out, document("What the class expected", _head(read, left_out) + "".join(parts)))


def _sort_in(answers: dict[str, list[Answer]], trail: Trail, file: str) -> list[str]:
    """Add a trail's answers to those of the others; return why some cannot be."""
    problems = []
    for one in trail.answers.values():
        try:
            if one.question not in questions.__all__:
                raise ValueError(f"{one.question[:40]!r} is no question of this kit")
            kind = getattr(questions, one.question).kind
            if one.answer is not None:
                kind.checked(one.answer, f"the answer to {one.question}")
                kind.checked(one.truth, f"the truth of {one.question}")
            answers.setdefault(one.question, []).append(one)
        except (TypeError, ValueError) as error:
            problems.append(f"{file}: {first_line(error, 200)}")
    return problems


def _head(read: int, left_out: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(one)}</li>" for one in left_out)
    return f"<p>{read} trails.</p>" + (f"<p>Left out:</p><ul>{items}</ul>" if items else "")


def _part(question: Predict, answers: Sequence[Answer]) -> str:
    """Return one question's histogram."""
    given = [one for one in answers if one.answer is not None]
    skipped = len(answers) - len(given)
    if not given:
        return histogram(question.asked, [("skipped", skipped)], [])
    kind = question.kind
    true = Counter(kind.checked(one.truth, "the truth") for one in given).most_common(1)[0][0]
    checked = [kind.checked(one.answer, "an answer") for one in given]
    right = sum(kind.right(one, true) for one in checked)
    shown = _SHOWN[kind.name](question.asked, kind, checked, true)
    words = f"<p>It is <b>{escape(kind.said(true))}</b>: {right} of {len(given)} were right, {skipped} skipped.</p>"
    return shown + words


def _of_choice(asked: str, kind: Choice, given: Sequence[str], true: str) -> str:
    counts = Counter(given)
    return histogram(asked, [(one, counts[one]) for one in kind.options], [true])


def _of_number(asked: str, kind: Number, given: Sequence[float], true: float) -> str:
    low, high = min([*given, true]), max([*given, true])
    counts, edges = np.histogram(given, BARS, (low, high if high > low else low + 1))
    digits = max(0, 1 - int(np.floor(np.log10(edges[1] - edges[0]))))
    names = [f"{a:.{digits}f} to {b:.{digits}f} {kind.unit}" for a, b in pairwise(edges)]
    at = min(int(np.searchsorted(edges, true, "right")) - 1, BARS - 1)
    return histogram(asked, list(zip(names, map(int, counts), strict=True)), [names[at]])


def _of_spot(asked: str, kind: Spot, given: Sequence[tuple[float, float]], true: tuple[float, float]) -> str:
    del kind

    def third(at: tuple[float, float]) -> str:
        column, row = (names[min(int(3 * one), 2)] for names, one in zip(THIRDS, at, strict=True))
        return f"{row} {column}"

    counts = Counter(map(third, given))
    names = [f"{row} {column}" for row in THIRDS[1] for column in THIRDS[0]]
    return histogram(asked, [(name, counts[name]) for name in names], [third(true)])


def _of_sketch(asked: str, kind: Sketch, given: Sequence[tuple[float, ...]], true: tuple[float, ...]) -> str:
    """Count, at each place, in which band of values the curves were drawn."""
    edges = np.linspace(kind.low, kind.high, BANDS + 1)

    def band(values: Sequence[float]) -> list[int]:
        """Return the band of each value, 0 the highest."""
        return [BANDS - 1 - min(int(np.searchsorted(edges, one, "right")) - 1, BANDS - 1) for one in values]

    counts = np.zeros((BANDS, len(kind.at)), int)
    for one in given:
        counts[band(one), range(len(kind.at))] += 1
    names = [f"{low:.2g} to {high:.2g}" for low, high in pairwise(edges)][::-1]
    return curve_histogram(asked, [f"{kind.x} {one}" for one in kind.at], names, counts.tolist(), band(true))


_SHOWN: dict[str, Callable[..., str]] = {
    "choice": _of_choice,
    "number": _of_number,
    "spot": _of_spot,
    "sketch": _of_sketch,
}


def write_tally(folder: str | Path, out: str | Path) -> Tally:
    """Count, and write the page.

    Raises
    ------
    ValueError
        As `tally`.
    """
    found = tally(folder)
    Path(out).write_text(found.page, encoding="utf-8")
    return found
