import time
from typing import Annotated

import numpy as np
from PIL import Image

import vizkit
from tests.widgets.test_function import slow_steps
from vizkit.figures.raster import Raster
from vizkit.widgets import Run, Slider, direct
from vizkit.widgets.history import MOST, History


def raster(value):
    return Raster(np.full((8, 12, 3), value % 256, np.uint8), f"picture {value}")


def test_memory_is_bounded_and_frames_stay_evenly_spread():
    history = History(lambda _: None)
    for index in range(1000):
        history.add(index, raster(index))
    assert len(history.frames) <= MOST
    places = [frame.index for frame in history.frames]
    assert places[0] == 0
    assert places[-1] > 950
    assert len(set(np.diff(places))) == 1
    assert history.slider.max == len(history.frames) - 1 == history.slider.value


def test_the_slider_goes_back_and_a_new_run_forgets():
    shown = []
    history = History(shown.append)
    for index in range(5):
        history.add(index, raster(40 * index))
    assert shown == [], "the run itself shows its pictures"
    history.slider.value = 1
    assert shown[-1].alt == "picture 40"
    assert np.abs(shown[-1].pixels.astype(int) - 40).max() <= 2
    history.clear()
    assert history.slider.disabled
    assert history.slider.max == 0


@vizkit.panel("Sum", rate=20)
def summing(start: Annotated[int, Slider(0, 9)] = 0, *, run: Run = direct):
    """A picture that gets brighter."""
    for step in run(slow_steps, 30):
        yield step, {"picture": raster(4 * step.index + start), "text": ""}


def test_a_run_is_saved_as_a_film(tmp_path):
    panel = summing.show()
    assert [path.suffix for path in panel.save(tmp_path)] == [".png"]
    panel.play()
    panel.wait(20)
    assert len(panel.history.frames) > 5
    assert panel.history.frames[-1].index == 30, "the last state is kept"
    paths = panel.save(tmp_path)
    assert [path.suffix for path in paths] == [".png", ".gif"]
    with Image.open(paths[1]) as film:
        assert film.n_frames > 5
        assert film.size == (12, 8)
    panel.history.slider.value = 0
    assert panel.shown["picture"].raster.alt == panel.history.frames[0].alt
    panel.play()
    time.sleep(0.2)
    panel.pause()
    assert len(panel.history.frames) < 10, "a new run begins a new film"
