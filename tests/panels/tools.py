"""What the tests of single panels share: a mouse, their listings, pictures of a user's own."""

import time

import pytest
import torch

from vizkit.widgets import agreement
from vizkit.widgets.agreement import shown_by

#: A user's own pictures.
PICTURES = [(image, 0) for image in torch.rand(3, 3, 40, 50, generator=torch.manual_seed(0))]


def mouse(picture, kind, x, y):
    """Send what a page sends for a press, or a move with the pointer down; x and y are shares of the picture."""
    assert picture.hand != "click" or kind == "press", "the browser sends nothing else"
    assert picture.hand, "no hand is on it"
    width, height = picture.size
    picture._handle_custom_msg({"kind": kind, "x": x * width, "y": y * height}, [])


def click_tile(picture, number):
    """Click into the middle of one tile of a sheet."""
    x0, y0, x1, y1 = picture.raster.box(number)
    mouse(picture, "press", (x0 + x1) / 2 / picture.raster.width, (y0 + y1) / 2 / picture.raster.height)


def executed(panel):
    """Run the listing, see that it shows all that the page shows, and return its names."""
    names = {}

    def run(code, given=None):
        shown, found = shown_by(code, given)
        names.update(found)
        return shown, found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agreement, "shown_by", run)
        assert agreement.disagreements(panel) == []
    return names


def hidden(panel, name):
    """Whether a control is not there to be seen."""
    return panel.controls[name].layout.display == "none"


def until(condition, seconds=60):
    """Wait for what a run in the background brings."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def fresh(panel, **values):
    """Bring a panel that several tests share back, and set some of its controls."""
    panel.reset()
    panel.set(**values)
    return panel
