"""The course as a whole: its lectures, and where each slide's picture or number lives."""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from vizkit.core.assets import ASSETS, NOTEBOOKS

#: The decks of slides, by the number that the notebooks name them with.
DECKS = {
    "000": "Visualizing and Understanding Deep Neural Networks (Hua)",
    "001": "Convolutional Neural Networks, Adversarial Examples (Rafiey, Musco)",
    "002": "Visualizing and Understanding Neural Networks (TJ Machine Learning)",
    "003": "Framework, Visualization, Competitive Problem (Yang)",
    "004": "Convolutional Neural Networks (Cheng)",
}


@dataclass(frozen=True)
class Lecture:
    """One notebook.

    Parameters
    ----------
    name : str
        The file's name without its ending.
    title, question : str
        The first heading, and the first words in bold type.
    thumbnail : Path
        A picture of 480 x 300; it need not be there.
    """

    name: str
    title: str
    question: str
    thumbnail: Path


@dataclass(frozen=True)
class Slide:
    """One slide of a deck.

    Parameters
    ----------
    deck : str
    page : int
    title : str
    notebook, section : str
        Where its picture or number lives; empty if nowhere.
    label : str
        The name of the panel that shows it there, or a few words of the cell; empty if nowhere.
    shows : str
        Which picture or number, or why there is none.
    """

    deck: str
    page: int
    title: str
    notebook: str
    section: str
    label: str
    shows: str

    @property
    def link(self) -> str:
        """The notebook's section, relative to the notebooks; empty if there is none."""
        return f"{self.notebook}.ipynb#{self.section.replace(' ', '-')}" if self.notebook else ""


def heading(cells: Sequence[str], name: str) -> Lecture:
    """Read a notebook's title and question from its cells of Markdown."""
    text = cells[0] if cells else ""
    title = re.search(r"^# (.+)$", text, re.M)
    question = re.search(r"\*\*(.+?)\*\*", text, re.S)
    words = " ".join(question[1].split()) if question else ""
    picture = ASSETS / "thumbnails" / f"{name}.jpg"
    return Lecture(name, title[1] if title else name, words, picture)


@cache
def lectures() -> tuple[Lecture, ...]:
    """Return the lectures in their order, without the start page."""
    found = []
    # 08 and 08b: two lectures may share a number
    for path in sorted(NOTEBOOKS.glob("[0-9][0-9]*_*.ipynb")):
        if not path.stem.startswith("00"):
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            texts = ["".join(one["source"]) for one in cells if one["cell_type"] == "markdown"]
            found.append(heading(texts, path.stem))
    return tuple(found)


@cache
def slides() -> tuple[Slide, ...]:
    """Return every slide of every deck, in order."""
    with (ASSETS / "slides.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Slide(**{**row, "page": int(row["page"])})  # type: ignore[arg-type]
            for row in csv.DictReader(file)
        )


def section_of(cells: Sequence[Mapping[str, Any]], name: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of each cell of a notebook's section; of Markdown, the lines that belong to it."""
    level = 0  # of the section's heading; 0 outside of it
    for number, cell in enumerate(cells):
        lines = []
        for line in "".join(cell["source"]).splitlines():
            if cell["cell_type"] == "markdown" and (found := re.match(r"(#{1,3}) (.+)", line)):
                here = len(found[1])
                level = here if found[2] == name else level if here > level else 0
            lines += [line] if level else []
        if lines:
            yield number, "\n".join(lines)


def labeled_cell(slide: Slide, cells: Sequence[Mapping[str, Any]]) -> int | None:
    """Return the number of the cell that a slide's label names; None if there is none.

    It is the first cell of the slide's section that shows the panel of that name, or else the first
    cell of code, or else of Markdown, with these words.

    Parameters
    ----------
    slide : Slide
    cells : sequence of mappings
        The cells of the slide's notebook, as in its file.
    """
    section = list(section_of(cells, slide.section))
    code = [(number, text) for number, text in section if cells[number]["cell_type"] == "code"]
    for part, words in ((code, f"panels.{slide.label}.show("), (code, slide.label), (section, slide.label)):
        for number, text in part:
            if words in text:
                return number
    return None
