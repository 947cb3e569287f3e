"""The course's table of contents: what it names must be there."""

import csv
import re

import pytest

from tests.conftest import ROOT
from vizkit.core.course import DECKS, heading, lectures, slides
from vizkit.panels.start import STOPS

NOT_HERE = {"no picture or number", "not in the kit"}


def headings(notebook):
    text = (ROOT / "notebooks" / "source" / f"{notebook}.py").read_text()
    return re.findall(r"^# #{2,3} (.+)$", text, re.M)


def test_every_slide_leads_to_a_section_that_exists():
    known = {name: set(headings(name)) for name in ("00_start", *(lecture.name for lecture in lectures()))}
    for slide in slides():
        if slide.notebook:
            assert slide.section in known[slide.notebook], slide
            assert slide.shows
            assert slide.shows not in NOT_HERE
        else:
            assert slide.section == ""
            assert slide.shows in NOT_HERE, slide


def test_no_page_stands_twice_and_readme_counts_them():
    pages = [(slide.deck, slide.page) for slide in slides()]
    assert len(set(pages)) == len(pages)
    shown = sum(bool(slide.notebook) for slide in slides())
    assert f"{shown} of the {len(pages)} slides" in (ROOT / "README.md").read_text()


def test_all_decks_are_there_page_by_page():
    assert sorted({slide.deck for slide in slides()}) == sorted(DECKS)
    for deck in DECKS:
        pages = [slide.page for slide in slides() if slide.deck == deck]
        assert pages == sorted(pages)
        assert pages[0] == 1
    counts = {deck: sum(slide.deck == deck for slide in slides()) for deck in DECKS}
    assert counts["000"] >= 95
    assert counts["004"] >= 150
    with (ROOT / "assets" / "slides.csv").open(newline="") as file:
        assert all(row["title"] and len(row["title"]) <= 90 for row in csv.DictReader(file))


@pytest.mark.parametrize(
    ("deck", "page", "notebook"),
    [  # as the course is planned
        ("000", 7, "01_loss_landscape"),
        ("000", 20, "03_tsne"),
        ("000", 36, "05_deconv"),
        ("000", 47, "06_dream"),
        ("000", 76, "08b_fooling_more"),
        ("000", 77, "08_fooling"),
        ("000", 87, "07_style"),
    ],
)
def test_well_known_slides(deck, page, notebook):
    found = [slide for slide in slides() if (slide.deck, slide.page) == (deck, page)]
    assert [slide.notebook for slide in found] == [notebook]
    assert found[0].link.startswith(f"{notebook}.ipynb#")
    assert " " not in found[0].link


def test_lectures_and_their_thumbnails():
    assert sorted({lecture.name[:2] for lecture in lectures()}) == [f"{n:02}" for n in range(1, 9)]
    assert [lecture.name for lecture in lectures()] == sorted(lecture.name for lecture in lectures())
    assert [lecture.name for lecture in lectures()] == [stop.notebook for stop in STOPS]
    for lecture in lectures():
        assert lecture.title.split()[0] == lecture.name.partition("_")[0]
        assert lecture.question
        assert lecture.thumbnail.is_file()
    none = heading([], "mine")
    assert (none.title, none.question) == ("mine", "")
