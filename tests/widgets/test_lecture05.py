import numpy as np
import pytest
import torch
from torch import nn

import vizkit
from tests.widgets.listing import executed
from tests.widgets.test_lecture04 import Click
from vizkit.methods.attribution import METHODS
from vizkit.widgets import lecture05


@pytest.fixture(scope="module")
def sheet():
    panel = lecture05.attribution_panel()
    panel.runner.run()
    panel.runner.wait(60)
    return panel


def test_every_method_fills_in_and_the_code_repeats_it(sheet):
    assert [one.method for one in sheet.result.found] == list(METHODS)
    assert sheet.shown["sheet"].raster.count == 1 + len(METHODS)
    executed(sheet)


def test_colors_change_without_computing_anew(sheet):
    found = sheet.result.found
    pixels = sheet.shown["sheet"].raster.pixels
    for change in ({"signed": "signed"}, {"percentile": 85.0}, {"opacity": 0.3}):
        sheet.set(**change)
        assert sheet.result.found is found
        assert not np.array_equal(pixels, sheet.shown["sheet"].raster.pixels)
        pixels = sheet.shown["sheet"].raster.pixels
    sheet.reset()


def test_a_target_by_name_or_a_unit_by_click(sheet):
    sheet.controls["target"].value = "goldfish"
    sheet.runner.wait(60)
    assert "goldfish" in sheet.shown["text"].value
    sheet.controls["layer"].value = "relu4"
    sheet.controls["channel"].value = 30
    assert sheet.controls["target"].disabled
    Click(0.1, 0.25).on(sheet.shown["sheet"])
    row, _ = lecture05._place(sheet.controls["place"].value)
    assert row is not None
    step = sheet.runner.wait(60)
    assert step.index == len(METHODS)
    assert (
        "occlusion</b>: occlusion measures the probability of a class" in sheet.shown["text"].value
    )
    executed(sheet)
    sheet.controls["place"].value = "somewhere"
    assert "a place must be 'strongest' or 'row, column', got 'somewhere'" in str(sheet.error)
    sheet.reset()
    sheet.runner.wait(60)
    assert sheet.error is None


def test_a_net_without_relus_says_which_methods_are_not_for_it():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 5, 2), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)
    )
    panel = lecture05.attribution_panel(vizkit.ImageModel(net, input_size=64, name="smooth"))
    panel.runner.run()
    found = {one.method: one.problem for one in panel.runner.wait(60).found}
    assert "uses Silu" in found["guided backprop"]
    assert not found["integrated gradients"]
    assert "defined for ReLUs only" in panel.shown["text"].value


def test_the_square_is_dragged_and_the_probability_follows():
    panel = lecture05.occluder_panel()
    clean = panel.result.probability
    title = panel.shown["bars"].value
    covered = panel.shown["covered"]
    width, height = covered.raster.width, covered.raster.height

    def mouse(kind, x, y, buttons=1):
        covered._events._dom_handlers({
            "type": kind, "relativeX": x * width, "relativeY": y * height, "buttons": buttons,
            "boundingRectWidth": width, "boundingRectHeight": height,
        })  # fmt: skip

    mouse("mousedown", 0.9, 0.9)
    assert panel.controls["x"].value > 0.8
    assert panel.shown["bars"].value != title
    mouse("mousemove", 0.2, 0.5)
    assert panel.controls["x"].value < 0.2
    here = panel.controls["x"].value
    mouse("mousemove", 0.8, 0.5, buttons=0)
    assert panel.controls["x"].value == here, "the mouse only passes over"
    panel.runner.run()
    step = panel.runner.wait(60)
    assert step.index == step.total
    assert step.probability == clean
    executed(panel)
    panel.controls["target"].value = "lemon"
    assert "lemon" in panel.shown["bars"].value
    panel.runner.wait(60)


def test_the_object_is_cut_out():
    panel = lecture05.grab_cut_panel()
    assert panel.result.segment.mask.any()
    executed(panel)
    panel.controls["foreground"].value = 0.8
    assert panel.error is None
    panel.controls["model"].value = "viznet"
    assert panel.error is None
    executed(panel)


def test_forgetting_is_seen_by_honest_methods():
    panel = lecture05.sanity_panel()
    panel.controls["count"].value = 0
    same = panel.runner.wait(60)
    assert all(value == pytest.approx(1, abs=1e-6) for value in same.correlation)
    panel.controls["count"].value = 8
    step = panel.runner.wait(60)
    alike = dict(zip([one.method for one in step.found], step.correlation, strict=True))
    assert max(alike["gradient"], alike["Grad-CAM"]) < 0.5
    assert "conv1" in panel.shown["text"].value
    executed(panel)


def test_methods_are_scored_against_the_truth():
    panel = lecture05.score_panel(count=20)
    panel.runner.run()
    step = panel.runner.wait(120)
    assert step.count == 20
    assert len(panel.shown["chart"].data) == 3
    assert f"{step.overlap['occlusion']:.2f}" in panel.shown["table"].value
    found = executed(panel)
    assert found.inside == pytest.approx(step.inside)
