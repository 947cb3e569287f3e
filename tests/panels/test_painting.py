import numpy as np
import pytest
import torch

import vizkit
from tests.panels.tools import executed, fresh
from vizkit.core.stylenet import styles
from vizkit.panels import gram_matrix, painter, repaint
from vizkit.panels import style as painting


def test_the_gram_matrix_does_not_know_where():
    panel = gram_matrix.show()
    matrix = panel.result
    assert matrix.shape == (48, 48)
    executed(panel)
    panel.controls["shuffle"].value = True
    torch.testing.assert_close(panel.result, matrix, rtol=1e-3, atol=1e-4)
    executed(panel)
    panel.controls["layer"].value = "pool2"
    assert panel.result.shape == (96, 96)
    panel.controls["model"].value = "scenes"
    assert panel.error is None


@pytest.fixture(scope="module")
def style():
    return painting.show(size=128, steps=20)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"optimizer": "L-BFGS"},
        {"begin": "noise", "scales": 1},
        {"colors": True},
        {"depth": 2, "layer": "relu3"},
        {"weights": {"relu1": 1.0, "relu5": 0.2}},
    ],
)
def test_every_way_to_paint(style, change):
    fresh(style, **change)
    style.play()
    step = style.wait(120)
    assert style.error is None
    assert step.index == 20
    executed(style)


def test_stop_and_continue_give_the_same_picture(style):
    fresh(style)
    style.play()
    style.wait(60)
    last = style.shown["picture"].raster.pixels.astype(int)
    style.play()  # at its end: once more
    style.pause()
    assert style.result.index < 20
    style.play()
    assert style.wait(60).index == 20
    assert np.abs(style.shown["picture"].raster.pixels.astype(int) - last).mean() < 1


def test_another_net_brings_its_own_layers(style):
    fresh(style)
    style.controls["model"].value = "scenes"
    assert style.error is None
    style.reset()
    assert style.error is None


def test_any_picture_at_once():
    panel = repaint.show()
    executed(panel)
    assert panel.result.shape == vizkit.load_image("astronaut", 256).shape
    assert [value for _, value in panel.controls["style"].options] == list(styles())
    for name in styles():
        panel.controls["style"].value = name
        assert panel.error is None
    panel.controls["strength"].value = 0.0
    assert torch.equal(panel.result, vizkit.load_image("astronaut", 256))
    panel.controls["size"].value = 64
    assert panel.error is None


def test_a_painter_is_trained_and_its_net_repaints():
    trained = painter.show(steps=20, style="waves")
    fast = repaint.show(style=trained)
    before = fast.result
    trained.play()
    assert trained.wait(120).index == 20
    executed(trained)
    assert not torch.equal(fast.result, before), "what it learns is followed"
    assert fast.error is None
    assert fast.values["style"] == "yours"
    assert ("yours", "yours") in fast.controls["style"].options
    assert "the result of 'Train a painter'" in fast.code
    fast.controls["style"].value = "brushstrokes"
    assert fast.error is None
    fast.controls["style"].value = "yours"
    assert fast.error is None
    assert fast.values["style"] == "yours", "it is still offered"


def test_the_code_of_a_painters_net_makes_its_picture():
    fast = repaint.show(style=painter.show(steps=20, style="waves"))
    executed(fast)
