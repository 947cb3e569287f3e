import numpy as np
import pytest
import torch
from torch import nn

import vizkit
from tests.panels.tools import executed, hidden, mouse
from vizkit.methods.attribution import METHODS
from vizkit.panels import attributions, cut_out, forgetting, occluder, scores


@pytest.fixture(scope="module")
def sheet():
    panel = attributions.show()
    panel.play()
    panel.wait(60)
    return panel


def test_every_method_fills_in_and_the_code_repeats_it(sheet):
    assert [one.method for one in sheet.result.found] == list(METHODS)
    assert sheet.shown["sheet"].raster.count == 1 + len(METHODS)
    executed(sheet)


def test_colors_change_without_computing_anew(sheet):
    found = sheet.result.found
    pixels = sheet.shown["sheet"].raster.pixels
    for change in ({"colors": "signed"}, {"clip": 85.0}):
        sheet.set(**change)
        assert sheet.result.found is found
        assert not np.array_equal(pixels, sheet.shown["sheet"].raster.pixels)
        pixels = sheet.shown["sheet"].raster.pixels
    sheet.reset()


def test_a_target_by_name_or_a_unit_by_click(sheet):
    assert hidden(sheet, "channel")
    assert hidden(sheet, "at")
    sheet.controls["target"].value = "goldfish"
    sheet.wait(60)
    assert "goldfish" in sheet.shown["text"].value
    sheet.controls["layer"].value = "relu4"
    sheet.controls["channel"].value = 30
    assert not hidden(sheet, "channel")
    assert not hidden(sheet, "at")
    x0, y0, x1, y1 = sheet.shown["sheet"].raster.picture_box(0)
    width, height = sheet.shown["sheet"].raster.width, sheet.shown["sheet"].raster.height
    mouse(sheet.shown["sheet"], "press", (x0 + x1) / 2 / width, (y0 + y1) / 2 / height)
    assert sheet.values["at"] == pytest.approx((0.5, 0.5), abs=0.01)
    step = sheet.wait(60)
    assert step.index == len(METHODS)
    text = sheet.shown["text"].value
    assert "occlusion</b>: occlusion explains the score of a class, not a unit" in text
    names = executed(sheet)
    assert names["aim"].row is not None
    assert (names["aim"].layer, names["aim"].channel) == ("relu4", 30)
    before = sheet.values
    for nowhere in ("somewhere", (0.5, 7.0)):
        with pytest.raises(ValueError, match="at cannot be"):
            sheet.set(at=nowhere)
    assert sheet.values == before
    sheet.reset()
    assert sheet.error is None


def test_a_class_cannot_be_chosen_while_a_unit_is_asked_for(sheet):
    assert not hidden(sheet, "target")
    sheet.controls["layer"].value = "relu4"
    alone = hidden(sheet, "target")
    sheet.reset()
    assert alone


def test_a_net_without_relus_says_which_methods_are_not_for_it():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 5, 2), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    panel = attributions.show(model=vizkit.ImageModel(net, input_size=64, name="smooth"))
    panel.play()
    found = {one.method: one.problem for one in panel.wait(60).found}
    assert "uses Silu" in found["guided backprop"]
    assert not found["integrated gradients"]
    assert "defined for ReLUs only" in panel.shown["text"].value


def test_the_square_is_dragged_and_the_probability_follows():
    panel = occluder.show()
    clean = panel.result.probability
    title = panel.shown["bars"].value
    covered = panel.shown["covered"]
    mouse(covered, "press", 0.9, 0.9)
    assert panel.values["at"][0] > 0.8
    assert panel.shown["bars"].value != title
    mouse(covered, "move", 0.2, 0.5)
    here = panel.values["at"]
    assert here == pytest.approx((0.2, 0.5), abs=0.01)
    panel.play()
    step = panel.wait(60)
    assert step.index == step.total
    assert step.probability == clean
    executed(panel)
    panel.controls["target"].value = "lemon"
    assert "lemon" in panel.shown["bars"].value
    panel.wait(60)


def test_the_object_is_cut_out():
    panel = cut_out.show()
    assert panel.result.mask.any()
    executed(panel)
    panel.controls["foreground"].value = 0.8
    assert panel.error is None
    panel.controls["model"].value = "viznet"
    assert panel.error is None
    executed(panel)


def test_forgetting_is_seen_by_honest_methods():
    panel = forgetting.show()
    panel.controls["count"].value = 0
    same = panel.wait(60)
    assert all(value == pytest.approx(1, abs=1e-6) for value in same.correlation)
    panel.controls["count"].value = 8
    step = panel.wait(60)
    alike = dict(zip([one.method for one in step.found], step.correlation, strict=True))
    assert max(alike["gradient"], alike["Grad-CAM"]) < 0.5
    assert "conv1" in panel.shown["text"].value
    executed(panel)


def test_methods_are_scored_against_the_truth():
    panel = scores.show(count=20)
    panel.play()
    step = panel.wait(120)
    assert 10 < step.count <= 20, "those named right"
    assert len(panel.items["chart"].data) == 3
    assert f"{step.overlap['occlusion']:.2f}" in panel.shown["table"].value
    assert executed(panel)["result"].inside == pytest.approx(step.inside)
