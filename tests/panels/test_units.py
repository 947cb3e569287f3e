import numpy as np
import pytest
from PIL import Image

from tests.panels.tools import PICTURES, click_tile, executed, mouse, until
from vizkit.methods.units import selectivity
from vizkit.panels import loudest, unit, unit_sheet
from vizkit.panels.units import STEPS
from vizkit.widgets.agreement import disagreements


@pytest.fixture(scope="module")
def units():
    panel = unit.show(patches=160)
    panel.wait(60)
    return panel


def test_a_unit_is_shown_where_it_is_excited_most(units):
    one = units.result.maps[0]
    row, column = divmod(int(one.argmax()), one.shape[1])
    text = units.shown["text"].value
    assert f"channel 0, row {row}, column {column}" in text
    assert f"activation {one.max():.3f} of at most {one.max():.3f}" in text


def test_units_link_their_views(units):
    click_tile(units.shown["grid"], 30)
    assert units.values["channel"] == units.result.order("strength")[30]
    before = units.shown["text"].value
    mouse(units.shown["map"], "press", 0.8, 0.2)
    assert units.values["at"] == pytest.approx((0.8, 0.2), abs=0.01)
    assert units.shown["text"].value != before, "another place sees other pixels"
    assert units.shown["patches"].raster.alt.startswith("The 9 patches that excite channel")
    units.wait(60)
    assert disagreements(units) == []


def test_the_picture_it_wants_to_see_follows_the_channel(units):
    units.wait(60)
    assert units.steps["wanted"].index == STEPS
    before = units.shown["wanted"].raster.pixels
    channel = units.controls["channel"].value
    units.controls["channel"].value = channel + 3
    units.wait(60)
    second = units.steps["wanted"]
    assert second.index == STEPS
    alt = units.shown["wanted"].raster.alt
    assert alt == f"What channel {channel + 3} of relu5 wants to see"
    assert not np.array_equal(units.shown["wanted"].raster.pixels, before)
    assert second.score > 0
    units.set(at=(0.1, 0.5))
    assert units.steps["wanted"] is second, "a place of the same channel needs no other picture"
    units.reset()
    units.wait(60)


def test_another_layer_starts_another_scan(units):
    scan = units.steps["patches"]
    units.controls["layer"].value = "relu3"
    units.pause()
    assert units.steps["patches"] is not scan
    units.play()
    units.wait(60)
    step = units.steps["patches"]
    assert step.layer == units.result.layer == "relu3"
    assert "relu3, channel 0, row" in units.shown["text"].value
    assert step.index == step.total
    assert units.error is None
    assert units.shown["patches"].raster.alt.startswith("The 9 patches that excite channel 0 of")
    units.reset()
    units.wait(60)


def test_layers_changed_during_scans_leave_nothing_behind(units):
    for turn in range(12):
        layer = ("relu4", "relu6")[turn % 2]
        units.controls["layer"].value = layer
        assert units.result.layer == layer, "the result is there when the cell goes on"
    units.wait(60)
    assert units.steps["patches"].layer == "relu6"
    assert "relu6" in units.shown["patches"].raster.alt
    assert "relu6" in units.shown["wanted"].raster.alt
    units.reset()
    units.wait(60)
    assert units.steps["patches"].layer == "relu5"


def test_a_scan_that_is_reset_leaves_the_page(units):
    with units._drawing:  # nothing is drawn behind our back
        units.reset()
        assert units.items["patches"] == units.items["wanted"] == "on its way ..."
    units.wait(60)
    assert units.steps["patches"].index == units.steps["patches"].total
    assert units.shown["patches"].raster.alt.startswith("The 9 patches")


def test_a_folder_can_be_named_in_the_panel(tmp_path, units):
    for name in ("red", "lime"):
        Image.new("RGB", (90, 70), name).save(tmp_path / f"{name}.png")
    units.controls["pictures"].value = str(tmp_path)
    units.wait(60)
    assert executed(units)["pool"].names == ("lime.png", "red.png")
    units.controls["pictures"].value = "no/such/folder"
    assert "there is no folder no/such/folder" in units.shown["patches"].value
    assert "there is no folder" in str(units._slots["patches"].error)
    assert units.error is None
    units.controls["channel"].value = 2
    assert units.error is None
    assert "channel 2," in units.shown["text"].value, "the rest of it goes on"
    until(lambda: units.steps["wanted"] and units.steps["wanted"].index == STEPS)
    units.controls["pictures"].value = "CIFAR10"
    assert "was not downloaded" in units.shown["patches"].value
    units.reset()
    units.wait(60)
    assert units.error is None
    assert "chelsea" in executed(units)["pool"].names


def test_pictures_of_ones_own_are_scanned():
    panel = unit.show(pictures=PICTURES, patches=40)
    panel.wait(60)
    assert panel.values["pictures"] == "yours"
    assert executed(panel)["pool"].names == ("list 0", "list 1", "list 2")
    assert panel.error is None


@pytest.fixture(scope="module")
def sheet():
    panel = unit_sheet.show(patches=160)
    panel.play()
    panel.wait(60)
    return panel


def test_a_rule_and_other_units_need_no_other_scan(sheet):
    scan, before = sheet.result, sheet.shown["sheet"].raster
    assert before.alt.startswith("Channels 0, 1, 2, 3, 4, 5 of relu5:")
    sheet.set(rule="guided")
    assert sheet.result is scan
    assert sheet.shown["sheet"].raster.alt.endswith("sent back by guided")
    assert not np.array_equal(sheet.shown["sheet"].raster.pixels, before.pixels)
    sheet.set(first=186)
    assert sheet.result is scan
    assert "Channels 186, 187, 188, 189, 190, 191 of" in sheet.shown["sheet"].raster.alt
    sheet.reset()


def test_the_most_selective_come_first(sheet):
    sheet.play()
    sheet.wait(60)
    sheet.set(order="selectivity")
    first = selectivity(sheet.result).argsort(descending=True)[:6].tolist()
    assert f"Channels {', '.join(map(str, first))} of" in sheet.shown["sheet"].raster.alt
    sheet.reset()


def test_the_sheet_is_of_the_layer_that_is_picked(sheet):
    sheet.set(layer="relu1", first=42)
    sheet.play()
    sheet.wait(60)
    assert sheet.result.layer == "relu1"
    assert "sees 7 x 7 px of it" in sheet.shown["text"].value
    assert disagreements(sheet) == []
    sheet.reset()


def test_filters_and_the_share_that_looks_like_its_windows():
    panel = loudest.show(patches=160, first=36)
    panel.play()
    panel.wait(60)
    assert panel.shown["sheet"].raster.alt.startswith("Filters 36 to 47 of conv1")
    assert "Of the 48 filters of <b>conv1</b>" in panel.shown["text"].value
    assert disagreements(panel) == []
