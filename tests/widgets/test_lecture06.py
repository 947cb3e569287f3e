import numpy as np
import pytest
import torch
from torch import nn

import vizkit
from tests.methods.test_objectives import Silent
from tests.widgets.listing import executed
from vizkit.methods.feature_vis import RECIPES
from vizkit.methods.gradients import Unit
from vizkit.methods.objectives import Channel, WholeLayer
from vizkit.widgets import lecture06


@pytest.fixture(scope="module")
def picture():
    panel = lecture06.picture_panel()
    panel.set(steps=16, size=64)
    panel.runner.wait(60)
    return panel


def test_a_picture_grows_and_the_code_repeats_it(picture):
    assert picture.result.index == 16
    assert "king penguin" in picture.shown["bars"].value
    executed(picture)


@pytest.mark.parametrize("kind", lecture06.KINDS)
def test_every_kind_of_objective(picture, kind):
    picture.set(kind=kind, layer="relu4", channel=11, steps=16, size=64)
    step = picture.runner.wait(60)
    assert picture.error is None
    assert step.index == 16
    assert picture.controls["target"].disabled == (kind != "class")
    assert picture.controls["channel"].disabled == (kind in ("class", "layer"))
    wanted = {
        "class": "king penguin", "channel": Channel("relu4", 11), "neuron": Unit("relu4", 11),
        "layer": WholeLayer("relu4"),
    }  # fmt: skip
    assert lecture06._objective(picture.values) == wanted[kind]
    executed(picture)
    picture.reset()
    picture.runner.wait(60)


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe(picture, recipe):
    picture.set(recipe=recipe, steps=16, size=64)
    picture.runner.wait(60)
    assert picture.error is None
    assert recipe in picture.code


def test_the_history_goes_back_and_continue_goes_on(picture):
    picture.set(steps=64, size=64, recipe="Fourier")
    picture.runner.wait(60)
    last = picture.shown["picture"].raster.pixels
    picture.history.slider.value = 0
    assert not np.array_equal(picture.shown["picture"].raster.pixels, last)
    picture.runner.run()
    while picture.runner.step is None:
        pass
    picture.runner.stop()
    stopped = picture.runner.step.index
    assert stopped < 64
    picture.runner.resume()
    assert picture.runner.wait(60).index == 64
    np.testing.assert_allclose(picture.shown["picture"].raster.pixels.astype(int), last, atol=3)
    picture.reset()


def test_a_gray_picture_is_explained():
    torch.manual_seed(0)
    model = vizkit.ImageModel(Silent(True, False), input_size=32, name="silent")
    panel = lecture06.picture_panel(model)
    assert "the last ReLU before it was 0 everywhere" in panel.shown["bars"].value


def test_a_net_of_ones_own_of_one_size():
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 6, 5, stride=2)
            self.fc = nn.Linear(6 * 22 * 22, 4)

        def forward(self, x):
            return self.fc(self.conv(x).relu().flatten(1))

    model = vizkit.ImageModel(Fixed(), input_size=48, name="fixed")
    for make in (lecture06.picture_panel, lecture06.layer_panel, lecture06.recipe_panel):
        panel = make(model)
        assert panel.error is None
        panel.controls["model"].value = "viznet"
        assert panel.error is None
        panel.runner.stop()


def test_recipes_side_by_side():
    panel = lecture06.recipe_panel()
    panel.set(steps=16)
    step = panel.runner.wait(60)
    assert len(step.runs) == 3
    assert panel.shown["pictures"].raster.count == 3
    executed(panel)
    panel.set(others="Yosinski's four")
    assert len(panel.runner.wait(60).runs) == 4
    executed(panel)


def test_all_channels_fill_in():
    panel = lecture06.layer_panel()
    panel.set(layer="relu1", most=512, steps=16, size=32)
    panel.runner.run()
    assert len(panel.runner.wait(60).images) == 48
    assert panel.shown["grid"].raster.count == 48
    executed(panel)


def test_faces_of_a_unit():
    panel = lecture06.faces_panel(patches=200)
    panel.set(steps=16, k=3)
    step = panel.runner.wait(90)
    assert len(step.found.means) == 3
    assert panel.shown["members"].raster.count == 18
    executed(panel)


@pytest.fixture(scope="module")
def dream():
    panel = lecture06.dream_panel()
    panel.set(size=128, octaves=2, iterations=2)
    return panel


@pytest.mark.parametrize("change", [
    {}, {"guide": "flower"}, {"second": "relu4"}, {"mode": "zoom", "iterations": 1},
])  # fmt: skip
def test_every_way_to_dream(dream, change):
    dream.reset()
    dream.set(**{"size": 128, "octaves": 2, "iterations": 2, **change})
    dream.runner.run()
    dream.runner.wait(120)
    assert dream.error is None
    assert dream.controls["guide"].disabled == (change.get("mode") == "zoom")
    executed(dream)


def test_an_upload_can_be_dreamed_on_and_a_bad_one_changes_nothing(dream):
    from tests.browser.test_lecture04 import png

    dream.reset()
    picker = dream.controls["image"]
    picker._uploaded({"new": [{"name": "no.png", "content": b"no picture"}]})
    assert "is no picture" in str(dream.error)
    picker._uploaded({"new": [{"name": "mine.png", "content": png()}]})
    assert dream.values["image"].startswith("mine.png")
    assert dream.error is None
