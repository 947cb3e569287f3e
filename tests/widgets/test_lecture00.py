import pytest

import vizkit
from tests.widgets.listing import executed
from vizkit.widgets.lecture00 import STOPS, slide_panel, tour_panel


@pytest.fixture(scope="module")
def tour():
    return tour_panel()


@pytest.mark.parametrize("stop", range(1, len(STOPS) + 1))
def test_the_code_of_each_stop_makes_its_picture(tour, stop):
    tour.set(stop=stop, image="astronaut")
    assert tour.error is None
    assert STOPS[stop - 1].notebook in tour.shown["text"].value
    executed(tour)


def test_neighbors_are_of_other_photos(tour):
    tour.set(stop=3, image="coffee")
    first = tour.result[1].pixels
    tour.set(image="astronaut")
    assert (tour.result[1].pixels != first).any()


def test_the_answer_changes_although_the_picture_hardly_does(tour):
    tour.set(stop=8, image="coffee")
    alt = tour.result[1].alt
    assert alt == "The answer before: espresso. The answer after: teapot."


def test_an_upload_takes_the_tour(tour):
    from vizkit.core.images import add_picture, open_image

    name = add_picture("mine.png", open_image(vizkit.load_image("moon", 90)))
    tour.set(stop=4, image=name)
    assert tour.error is None
    tour.reset()


def test_slides_are_found_by_their_words():
    panel = slide_panel()
    panel.set(find="GRAM style", deck="000")
    assert {slide.page for slide in panel.result} >= {87}
    assert {slide.deck for slide in panel.result} == {"000"}
    panel.set(find="p. 87")
    assert [slide.page for slide in panel.result] == [87]
    panel.set(find="p. 7 loss")
    assert [slide.page for slide in panel.result] == [7]
    panel.set(find="no such word")
    assert panel.result == []
    assert "No slide" in panel.shown["table"].value
    panel.set(find="", only=False, deck="all decks")
    assert len(panel.result) > 400
    assert "not in the kit" in panel.shown["table"].value
    assert len(executed_slides(panel)) == len(panel.result)


def executed_slides(panel):  # a list, no picture
    names = {}
    *lines, _ = panel.code.splitlines()
    exec("\n".join(lines), names)
    return names["result"]
