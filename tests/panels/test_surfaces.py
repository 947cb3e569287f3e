import numpy as np
import pytest
import torch

from tests.panels.tools import executed, hidden
from vizkit.panels import descent, line, random_labels, widths
from vizkit.panels import landscape as landscapes
from vizkit.panels.surfaces import trained


def clicked(chart, trace, x, y):
    """Send what a page sends for a click on a trace."""
    chart._handle_custom_msg({"kind": "click", "trace": trace, "x": [x], "y": [y]}, [])


def test_start_by_slider_or_by_click():
    panel = descent.show()
    assert "momentum -1.00" in panel.items["chart"].layout.title.text
    panel.controls["start"].children[0].value = 1.0
    assert panel.result.places[0, 0, 0] == 1
    clicked(panel.shown["chart"], 0, -2.04, 4.0)
    assert panel.values["start"] == (-2.04, 4)
    assert [one.value for one in panel.controls["start"].children] == [-2.04, 4]
    assert panel.result.places[0, 0].tolist() == [-2.04, 4]
    assert torch.equal(executed(panel)["result"].places, panel.result.places)


def test_a_click_starts_only_where_the_surface_is():
    panel = descent.show()
    heights = panel.items["chart"].data[2]
    assert heights.xaxis == "x2", "the height at each step, no place of the surface"
    clicked(panel.shown["chart"], 2, 3.0, 1.0)
    assert panel.error is None
    assert panel.values["start"] == (-3.5, 3)


def test_width_makes_losses_lower_and_closer():
    panel = widths.show(count=30)
    panel.set(sizes=(2, 4, 8), steps=50)
    panel.play()
    step = panel.wait(60)
    assert list(step.losses) == [2, 4, 8]
    assert len(panel.items["chart"].data) == 3
    assert f"{step.losses[8].mean():.3f}" in panel.shown["table"].value
    found = executed(panel)["result"]
    torch.testing.assert_close(found.losses[8], step.losses[8], rtol=1e-3, atol=1e-3)


def test_the_number_of_widths_can_change_on_the_page():
    panel = widths.show(count=20)
    panel.set(sizes=(2, 64), steps=50)
    assert panel.error is None
    panel.set(sizes=(4, 2))
    assert panel.error is None
    assert "4 wide" in str(panel.items["chart"].data[1].name)
    panel.set(drawn="histogram")
    shown = panel.items["chart"].data
    assert [one.name for one in shown] == ["2 wide", "4 wide"]
    assert [len(one.x) for one in shown] == [20, 20]
    panel.controls["sizes"].value = "2, 2.5"
    assert "widths must be 1 to 8 whole numbers from 1 to 128, got 2, 2.5" in str(panel.error)
    panel.controls["sizes"].value = "2, 8"
    assert panel.error is None


def test_the_line_between_solutions_has_a_barrier():
    panel = line.show()
    panel.controls["path"].value = "solution to solution"
    train = panel.result.train
    assert train[50] > 3 * max(train[25], train[75])
    panel.controls["share"].value = 1.0
    assert "9" in panel.items["chart"].layout.title.text
    right = panel.shown["digits"].raster.alt
    assert int(right.split()[2]) >= 16, right
    panel.controls["share"].value = -0.5
    assert panel.error is None
    names = executed(panel)
    assert torch.equal(names["result"].train, panel.result.train)
    assert len(names["predicted"]) == 20


@pytest.fixture(scope="module")
def landscape():
    panel = landscapes.show(depth=3)
    panel.play()
    panel.wait(60)
    return panel


def test_the_plane_fills_in(landscape):
    assert sum(step.index for step in landscape.result) == 2 * 51 * 51
    assert "with skips" in landscape.shown["table"].value
    assert np.isfinite(landscape.items["chart"].data[0].z).all()
    executed(landscape)


def test_normalization_is_a_toggle_that_shows_at_once(landscape):
    before = np.array(landscape.items["chart"].data[0].z)
    landscape.controls["normalized"].value = False
    landscape.wait(60)
    raw = np.array(landscape.items["chart"].data[0].z)
    assert not np.allclose(before, raw, atol=0.2)
    landscape.controls["factor"].value = 8.0
    landscape.wait(60)
    assert not np.allclose(raw, landscape.items["chart"].data[0].z, atol=0.2)
    landscape.controls["normalized"].value = True
    landscape.wait(60)
    assert np.allclose(before, landscape.items["chart"].data[0].z, atol=0.05)
    landscape.reset()
    landscape.play()
    landscape.wait(60)


def test_the_plane_of_the_run_shows_its_path(landscape):
    landscape.controls["plane"].value = "training path"
    without, _ = landscape.wait(60)
    assert all(hidden(landscape, name) for name in ("normalized", "factor", "seed"))
    path = landscape.items["chart"].data[2]
    names = executed(landscape)
    depth = landscape.values["depth"]
    assert len(path.x) == len(names["one_path"]) == len(trained(depth, False).path) > 20
    assert without.xs.min() < path.x.min()
    landscape.reset()
    landscape.play()
    landscape.wait(60)
    assert len(landscape.items["chart"].data[2].x) == 0
    assert not hidden(landscape, "normalized")


def test_random_labels():
    panel = random_labels.show()
    panel.set(share=0.5, width=32, steps=60, depth=1, skip=True)
    panel.play()
    panel.pause()
    assert 0 < panel.result.index < 60
    panel.play()
    step = panel.wait(60)
    assert step.index == 60
    assert "50% random labels" in panel.items["chart"].data[2].name
    found = executed(panel)["result"]
    torch.testing.assert_close(found.train, step.train, atol=0.02, rtol=0)
