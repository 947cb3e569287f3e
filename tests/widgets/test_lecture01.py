import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.widgets.listing import executed
from vizkit.widgets import lecture01


def test_start_by_slider_or_by_click():
    panel = lecture01.descent_panel()
    assert "momentum -1.00" in panel.shown["chart"].layout.title.text
    panel.controls["x"].value = 1.0
    assert panel.result.places[0, 0, 0] == 1
    surface = panel.shown["chart"].data[0]
    surface._dispatch_on_click(
        SimpleNamespace(xs=[-2.04], ys=[4.0], point_inds=[0], trace_index=0), None
    )
    assert panel.controls["x"].value == -2
    assert panel.controls["y"].value == 4
    assert panel.result.places[0, 0].tolist() == [-2, 4]
    assert torch.equal(executed(panel).places, panel.result.places)


def test_width_makes_losses_lower_and_closer():
    panel = lecture01.width_panel(count=30)
    panel.set(widest=8, iterations=50)
    panel.runner.run()
    step = panel.runner.wait(60)
    assert list(step.losses) == [2, 4, 8]
    assert len(panel.shown["chart"].data) == 3
    assert f"{step.losses[8].mean():.3f}" in panel.shown["table"].value
    found = executed(panel)
    torch.testing.assert_close(found.losses[8], step.losses[8], rtol=1e-3, atol=1e-3)


def test_the_number_of_widths_can_change_on_the_page():
    panel = lecture01.width_panel(count=20)
    panel.set(widest=64, iterations=50)
    assert panel.error is None
    panel.set(widest=4)
    assert panel.error is None
    assert "4 wide" in str(panel.shown["chart"].data[1].name)


def test_the_line_between_solutions_has_a_barrier():
    panel = lecture01.line_panel()
    panel.controls["path"].value = "solution to solution"
    view = panel.result
    assert view.train[50] > 3 * max(view.train[25], view.train[75])
    panel.controls["share"].value = 1.0
    assert "9" in panel.shown["chart"].layout.title.text
    right = panel.shown["digits"].raster.alt
    assert int(right.split()[2]) >= 16, right
    panel.controls["share"].value = -0.5
    assert panel.error is None
    assert torch.equal(executed(panel), panel.result.predicted)


@pytest.fixture(scope="module")
def landscape():
    panel = lecture01.landscape_panel(depth=3)
    panel.runner.run()
    panel.runner.wait(60)
    return panel


def test_the_plane_fills_in_and_stop_keeps_it(landscape):
    assert landscape.result.index == 2 * 51 * 51
    assert "with skips" in landscape.shown["table"].value
    assert np.isfinite(landscape.shown["chart"].data[0].z).all()
    executed(landscape)


def test_normalization_is_a_toggle_that_shows_at_once(landscape):
    before = np.array(landscape.shown["chart"].data[0].z)
    landscape.controls["normalized"].value = False
    landscape.runner.wait(60)
    raw = np.array(landscape.shown["chart"].data[0].z)
    assert not np.allclose(before, raw, atol=0.2)
    landscape.controls["factor"].value = 8.0
    landscape.runner.wait(60)
    assert not np.allclose(raw, landscape.shown["chart"].data[0].z, atol=0.2)
    landscape.controls["normalized"].value = True
    landscape.runner.wait(60)
    assert np.allclose(before, landscape.shown["chart"].data[0].z, atol=0.05)
    landscape.reset()
    landscape.runner.wait(60)


def test_the_plane_of_the_run_shows_its_path(landscape):
    landscape.controls["plane"].value = "training path"
    step = landscape.runner.wait(60)
    assert landscape.controls["normalized"].disabled
    path = landscape.shown["chart"].data[2]
    assert len(path.x) == len(step.paths[0]) == 51
    assert step.surfaces[0].xs.min() < path.x.min()
    executed(landscape)
    landscape.reset()
    landscape.runner.wait(60)
    assert len(landscape.shown["chart"].data[2].x) == 0


def test_random_labels():
    panel = lecture01.fit_panel()
    panel.set(share=0.5, width=32, iterations=60, depth=1, skip=True)
    panel.runner.run()
    while panel.runner.step is None:
        time.sleep(0.01)
    panel.runner.stop()
    panel.runner.resume()
    step = panel.runner.wait(60)
    assert step.index == 60
    assert "50% random labels" in panel.shown["chart"].data[2].name
    found = executed(panel)
    torch.testing.assert_close(found.train, step.train, atol=0.02, rtol=0)
