import numpy as np
import pytest
import torch

import vizkit
from tests.widgets.listing import executed
from vizkit.widgets import lecture07


def test_the_gram_matrix_does_not_know_where():
    panel = lecture07.gram_panel()
    matrix = panel.result.matrix
    assert matrix.shape == (48, 48)
    executed(panel)
    panel.controls["shuffle"].value = True
    torch.testing.assert_close(panel.result.matrix, matrix, rtol=1e-3, atol=1e-4)
    executed(panel)
    panel.controls["layer"].value = "pool2"
    assert panel.result.matrix.shape == (96, 96)
    panel.controls["model"].value = "scenes"
    assert panel.error is None


@pytest.fixture(scope="module")
def style():
    panel = lecture07.style_panel()
    panel.set(size=128, steps=20)
    return panel


@pytest.mark.parametrize("change", [
    {}, {"optimizer": "L-BFGS"}, {"begin": "noise", "scales": 1}, {"colors": True},
    {"depth": 2, "layer": "relu3"},
])  # fmt: skip
def test_every_way_to_paint(style, change):
    style.reset()
    style.set(size=128, steps=20, **change)
    style.runner.run()
    step = style.runner.wait(120)
    assert style.error is None
    assert step.index == 20
    executed(style)


def test_stop_and_continue_give_the_same_picture(style):
    style.reset()
    style.set(size=128, steps=20)
    style.runner.run()
    style.runner.wait(60)
    last = style.shown["picture"].raster.pixels.astype(int)
    style.runner.run()
    while style.runner.step is None:
        pass
    style.runner.stop()
    assert style.runner.step.index < 20
    style.runner.resume()
    style.runner.wait(60)
    assert np.abs(style.shown["picture"].raster.pixels.astype(int) - last).mean() < 1


def test_another_net_brings_its_own_layers(style):
    style.reset()
    style.controls["model"].value = "scenes"
    assert style.error is None
    style.reset()
    assert style.error is None


def test_any_picture_at_once():
    panel = lecture07.fast_panel()
    executed(panel)
    assert panel.result.shape == vizkit.load_image("astronaut", 256).shape
    for name in lecture07.styles():
        panel.controls["style"].value = name
        assert panel.error is None
    panel.controls["strength"].value = 0.0
    assert torch.equal(panel.result, vizkit.load_image("astronaut", 256))
    panel.controls["size"].value = 64
    assert panel.error is None


def test_a_painter_is_trained_and_offered():
    panel = lecture07.train_panel()
    panel.set(steps=20, style="waves")
    panel.runner.run()
    assert panel.runner.wait(120).index == 20
    executed(panel)
    fast = lecture07.fast_panel()
    assert "waves, trained here" in fast.controls["style"].options
    fast.controls["style"].value = "waves, trained here"
    assert fast.error is None
    assert "what you trained" in fast.code
