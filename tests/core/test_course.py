"""The course's table of contents: what it names must be there."""

import csv
import re
from dataclasses import replace

import nbformat
import pytest
from nbval.plugin import IPyNbCell, NbCellError

import conftest
from tests.conftest import ROOT
from tests.index import cells_of, complaint, named_cells, shows_something
from vizkit import panels
from vizkit.core.course import DECKS, heading, labeled_cell, lectures, section_of, slides
from vizkit.panels.start import STOPS

NOT_HERE = ("no picture or number", "a page without words")
WORDLESS = {("003", 37), *(("004", page) for page in (26, 66, 67, 68, 71, 72, 102, 133, 161))}


def headings(notebook):
    text = (ROOT / "notebooks" / "source" / f"{notebook}.py").read_text()
    return re.findall(r"^# #{2,3} (.+)$", text, re.M)


def test_every_slide_leads_to_a_section_that_exists():
    known = {name: set(headings(name)) for name in ("00_start", *(lecture.name for lecture in lectures()))}
    for slide in slides():
        if slide.notebook:
            assert slide.section in known[slide.notebook], slide
            assert slide.shows
            assert not slide.shows.startswith(NOT_HERE)
        else:
            assert slide.section == slide.label == ""
            assert slide.shows.partition(":")[0] in NOT_HERE, slide


def test_every_slide_names_a_panel_or_words_of_a_cell_in_that_section():
    for slide in slides():
        if slide.notebook:
            assert 0 < len(slide.label) <= 30, slide
            cells = cells_of(slide.notebook)
            number = labeled_cell(slide, cells)
            assert number is not None, slide
            if slide.label in panels.__all__:
                assert f"panels.{slide.label}.show(" in "".join(cells[number]["source"]), slide
    assert sum(map(len, named_cells("05_deconv").values())) > 20, "most are of code, and nbval runs those"


EXAMPLE = [
    {"cell_type": "markdown", "source": ["# 01 One\n", "\n", "alpha\n"]},
    {"cell_type": "markdown", "source": "alpha\n## 1 Here\nalpha, panels.line.show()\n### Below\nbeta"},
    {"cell_type": "code", "source": "line = 1"},
    {"cell_type": "code", "source": "panels.line.show()"},
    {"cell_type": "markdown", "source": "delta\n## 2 There\ngamma"},
    {"cell_type": "code", "source": "gamma"},
]


@pytest.mark.parametrize(
    ("section", "label", "number"),
    [
        ("1 Here", "line", 3),  # the panel before other words of code, code before Markdown
        ("1 Here", "line = 1", 2),
        ("1 Here", "alpha", 1),
        ("1 Here", "beta", 1),
        ("1 Here", "delta", 4),
        ("1 Here", "gamma", None),
        ("2 There", "gamma", 5),
        ("2 There", "delta", None),
        ("Below", "beta", 1),
        ("3 Nowhere", "alpha", None),
    ],
)
def test_a_label_is_looked_for_in_its_section_only(section, label, number):
    slide = replace(slides()[0], section=section, label=label)
    assert labeled_cell(slide, EXAMPLE) == number
    assert all(text for _, text in section_of(EXAMPLE, section))


def test_a_named_cell_that_shows_nothing_fails():
    number, pages = next(iter(named_cells("05_deconv").items()))
    for shown in (
        [{"output_type": "stream", "name": "stdout", "text": "saliency (128, 128)\n"}],
        [{"output_type": "display_data", "data": {"text/html": "<b>1</b>"}, "metadata": {}}],
    ):
        assert shows_something(shown)
        assert complaint("05_deconv", number, shown) == ""
    for nothing in (
        [],
        [{"output_type": "stream", "name": "stdout", "text": "\n"}],
        [{"output_type": "stream", "name": "stderr", "text": "a warning"}],
        [{"output_type": "display_data", "data": {}, "metadata": {}}],
    ):
        assert pages[0] in complaint("05_deconv", number, nothing)
        assert complaint("05_deconv", 10_000, nothing) == "", "a cell that no slide names"


def test_the_hook_around_nbval_fails_such_a_cell():
    cell = IPyNbCell.__new__(IPyNbCell)
    cell.path, cell.cell_num = ROOT / "notebooks" / "05_deconv.ipynb", next(iter(named_cells("05_deconv")))
    cell.cell, cell.test_outputs = nbformat.v4.new_code_cell("pass"), []
    with pytest.raises(NbCellError, match="it shows nothing"):
        ran(cell)
    cell.test_outputs = [{"name": "stdout", "text": "saliency"}]
    assert ran(cell) == "the cell's own result"
    cell.path, cell.test_outputs = ROOT / "notebooks" / "homework" / "05_deconv.ipynb", []
    assert ran(cell) == "the cell's own result"


def ran(cell):
    """Drive the hook as pytest does."""
    hook = conftest.pytest_runtest_call(cell)
    next(hook)
    try:
        hook.send("the cell's own result")
    except StopIteration as end:
        return end.value


def test_no_page_stands_twice_and_readme_counts_them():
    pages = [(slide.deck, slide.page) for slide in slides()]
    assert len(set(pages)) == len(pages)
    found = [slide.shows.startswith("in words: ") for slide in slides() if slide.notebook]
    readme = (ROOT / "README.md").read_text()
    assert f"{found.count(False)} of the {len(pages)} slides" in readme
    assert f", {found.count(True)} more to words" in readme


def test_all_decks_are_there_page_by_page():
    assert sorted({slide.deck for slide in slides()}) == sorted(DECKS)
    for deck in DECKS:
        pages = [slide.page for slide in slides() if slide.deck == deck]
        assert pages == list(range(1, len(pages) + 1))
    assert [sum(slide.deck == deck for slide in slides()) for deck in DECKS] == [99, 79, 13, 72, 164]
    with (ROOT / "assets" / "slides.csv").open(newline="") as file:
        assert all(row["title"] and len(row["title"]) <= 90 for row in csv.DictReader(file))


def test_pages_without_words_are_listed_as_such():
    assert {(slide.deck, slide.page) for slide in slides() if slide.shows == "a page without words"} == WORDLESS


@pytest.mark.parametrize(
    ("deck", "page", "notebook"),
    [  # as the course is planned
        ("000", 7, "01_loss_landscape"),
        ("000", 20, "03_tsne"),
        ("000", 36, "04_filters"),
        ("000", 47, "06_dream"),
        ("000", 76, "08b_fooling_more"),
        ("000", 66, "09_inversion"),
        ("000", 77, "08_fooling"),
        ("000", 87, "07_style"),
        ("001", 25, "10_convolution"),
    ],
)
def test_well_known_slides(deck, page, notebook):
    found = [slide for slide in slides() if (slide.deck, slide.page) == (deck, page)]
    assert [slide.notebook for slide in found] == [notebook]
    assert found[0].link.startswith(f"{notebook}.ipynb#")
    assert " " not in found[0].link


def test_lectures_and_their_thumbnails():
    assert sorted({lecture.name[:2] for lecture in lectures()}) == [f"{n:02}" for n in range(1, 12)]
    assert [lecture.name for lecture in lectures()] == sorted(lecture.name for lecture in lectures())
    assert [lecture.name for lecture in lectures()] == [stop.notebook for stop in STOPS]
    for lecture in lectures():
        assert lecture.title.split()[0] == lecture.name.partition("_")[0]
        assert lecture.question
        assert lecture.thumbnail.is_file()
    none = heading([], "mine")
    assert (none.title, none.question) == ("mine", "")
