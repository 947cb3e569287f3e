"""The index of slides against the notebooks: which cells it names, and whether they show something."""

import json
from collections import defaultdict
from functools import cache

from tests.conftest import ROOT
from vizkit.core.course import labeled_cell, slides


@cache
def cells_of(notebook):
    return json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]


@cache
def named_cells(notebook):
    """Which slides name a notebook's cell, by its number among the cells of code."""
    cells, found = cells_of(notebook), defaultdict(list)
    for slide in slides():
        if slide.notebook == notebook:
            number = labeled_cell(slide, cells)
            if number is not None and cells[number]["cell_type"] == "code":
                before = sum(cell["cell_type"] == "code" for cell in cells[:number])
                found[before].append(f"{slide.deck}/{slide.page}")
    return found


def shows_something(outputs):
    """Whether a cell's outputs hold words, a picture, a chart or a widget; warnings do not count."""
    return any(output.get("data") or (output.get("name") == "stdout" and output["text"].strip()) for output in outputs)


def complaint(notebook, number, outputs):
    """What is wrong with the outputs of a notebook's cell; empty if nothing is."""
    named = named_cells(notebook).get(number)
    if not named or shows_something(outputs):
        return ""
    return f"assets/slides.csv says that this cell shows {', '.join(named)}; it shows nothing"
