import pytest

import vizkit
from tests.panels.tools import executed
from vizkit.core.images import add_picture, open_image
from vizkit.panels import slide_search
from vizkit.panels.start import STOPS
from vizkit.widgets.agreement import disagreements


@pytest.fixture(scope="module")
def tour():
    return vizkit.panels.tour.show()


@pytest.mark.parametrize("stop", range(1, len(STOPS) + 1))
def test_the_code_of_each_stop_makes_its_picture(tour, stop):
    tour.set(stop=stop, picture="astronaut")
    assert tour.error is None
    assert STOPS[stop - 1].notebook in tour.shown["text"].value
    assert disagreements(tour) == []


def test_neighbors_are_of_other_photos(tour):
    tour.set(stop=3, picture="coffee")
    first = tour.items["picture"].pixels
    tour.set(picture="astronaut")
    assert (tour.items["picture"].pixels != first).any()


def test_the_answer_changes_although_the_picture_hardly_does(tour):
    tour.set(stop=8, picture="coffee")
    words = "The answer before: espresso. The answer after: teapot."
    assert tour.items["picture"].alt == words
    assert words in tour.shown["caption"].value


def test_an_upload_takes_the_tour(tour):
    name = add_picture("mine.png", open_image(vizkit.load_image("moon", 90)))
    tour.set(stop=4, picture=name)
    assert tour.error is None
    tour.reset()


def test_slides_are_found_by_their_words():
    panel = slide_search.show()
    panel.set(find="GRAM style", deck="000")
    assert {slide.page for slide in panel.result} >= {87}
    assert {slide.deck for slide in panel.result} == {"000"}
    panel.set(find="p. 87")
    assert [slide.page for slide in panel.result] == [87]
    for typed in ("87", "page 87", "P.87"):
        panel.set(find=typed)
        assert [slide.page for slide in panel.result] == [87], typed
    panel.set(find="p. 7 loss")
    assert [slide.page for slide in panel.result] == [7]
    for typed in ("47", "page 47", "p. 47"):
        panel.set(find=typed, deck="all decks")
        assert [(slide.deck, slide.notebook[:2]) for slide in panel.result] == [
            ("000", "06"),
            ("001", "10"),
            ("003", "05"),
            ("004", "11"),
        ], typed
    for typed, lectures in {
        "tsne": {"03"},
        "t-SNE": {"03"},
        "adam": {"01"},
        "mnist": {"01", "03", "08"},
        "openvino": {"00"},
        "occluder": {"05"},  # a panel's name
    }.items():
        panel.set(find=typed, deck="all decks")
        assert lectures <= {slide.notebook[:2] for slide in panel.result}, typed
        assert len(panel.result) < 20, "found, not listed"
    panel.set(find="no such word")
    assert panel.result == []
    assert "No slide" in panel.shown["table"].value
    panel.set(find="", only=False, deck="all decks")
    assert len(panel.result) > 400
    assert "no picture or number" in panel.shown["table"].value
    assert len(executed(panel)["result"]) == len(panel.result)
