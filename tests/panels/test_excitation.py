import numpy as np
import pytest
import torch
from torch import nn

import vizkit
from tests.methods.test_objectives import Silent
from tests.panels.tools import executed, fresh, hidden
from tests.widgets.test_controls import png, upload
from vizkit.methods.feature_vis import RECIPES, replaced
from vizkit.methods.gradients import Unit
from vizkit.methods.objectives import Channel, WholeLayer
from vizkit.panels import channels, faces, recipes, wanted
from vizkit.panels import dream as dreams
from vizkit.panels.excitation import WRITTEN, tuned
from vizkit.widgets.presets import prepared


@pytest.fixture(scope="module")
def picture():
    panel = wanted.show()
    panel.set(steps=16, size=64)
    panel.wait(60)
    return panel


def test_a_picture_grows_and_the_code_repeats_it(picture):
    assert picture.result.index == 16
    assert "king penguin" in picture.shown["bars"].value
    executed(picture)


@pytest.mark.parametrize("kind", ["class", "channel", "neuron", "layer"])
def test_every_kind_of_objective(picture, kind):
    fresh(picture, kind=kind, layer="relu4", channel=11, steps=16, size=64)
    step = picture.wait(60)
    assert picture.error is None
    assert step.index == 16
    assert hidden(picture, "label") == (kind != "class")
    assert hidden(picture, "layer") == (kind == "class")
    assert hidden(picture, "channel") == (kind in ("class", "layer"))
    aims = {
        "class": "king penguin",
        "channel": Channel("relu4", 11),
        "neuron": Unit("relu4", 11),
        "layer": WholeLayer("relu4"),
    }
    assert executed(picture)["what"] == aims[kind]


@pytest.mark.parametrize("recipe", WRITTEN)
def test_every_recipe(picture, recipe):
    fresh(picture, recipe=recipe, steps=16, size=64)
    picture.wait(60)
    whole = picture.shown["picture"].raster.pixels
    picture.set(mask=True)
    assert picture.error is None
    assert hidden(picture, "blur") == (recipe != "pixels")
    faded = picture.shown["picture"].raster.pixels
    assert faded.mean() > whole.mean() + 5, "towards white"
    executed(picture)


@pytest.mark.parametrize("name", [name for name in RECIPES if name.startswith(("Yosinski", "from zeros"))])
def test_presets_load_the_recipes_of_the_papers(name):
    title = "The slides' algorithm" if name.startswith("from") else name
    (values,) = (one.values for one in prepared()["06_dream"] if (one.panel, one.name) == (wanted.title, title))
    own = {key: value for key, value in values.items() if key not in ("model", "label", "steps")}
    loaded = replaced(tuned(**own), steps=values["steps"])
    if not loaded.blur:
        loaded = replaced(loaded, blur_every=RECIPES[name].blur_every)
    assert loaded == RECIPES[name]


def test_the_history_goes_back_and_continue_goes_on(picture):
    fresh(picture, steps=64, size=64)
    picture.wait(60)
    last = picture.shown["picture"].raster.pixels
    picture.history.slider.value = 0
    assert not np.array_equal(picture.shown["picture"].raster.pixels, last)
    picture.play()  # at its end: once more
    picture.pause()
    assert picture.result.index < 64
    picture.play()
    assert picture.wait(60).index == 64
    np.testing.assert_allclose(picture.shown["picture"].raster.pixels.astype(int), last, atol=3)
    picture.reset()


def test_a_gray_picture_is_explained():
    torch.manual_seed(0)
    model = vizkit.ImageModel(Silent(True, False), input_size=32, name="silent")
    panel = wanted.show(model=model)
    assert "the last ReLU before it was 0 everywhere" in panel.shown["bars"].value


@pytest.mark.parametrize("function", [wanted, channels, recipes], ids=lambda one: one.name)
def test_a_net_of_ones_own_of_one_size(function):
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 6, 5, stride=2)
            self.fc = nn.Linear(6 * 22 * 22, 4)

        def forward(self, x):
            return self.fc(self.conv(x).relu().flatten(1))

    panel = function.show(model=vizkit.ImageModel(Fixed(), input_size=48, name="fixed"))
    assert panel.error is None
    panel.controls["model"].value = "viznet"
    assert panel.error is None
    panel.pause()


def test_recipes_side_by_side():
    panel = recipes.show()
    panel.set(steps=16)
    step = panel.wait(60)
    assert len(step.runs) == 3
    assert panel.shown["pictures"].raster.count == 3
    executed(panel)
    panel.set(others="Yosinski's four")
    assert len(panel.wait(60).runs) == 4
    executed(panel)


def test_all_channels_fill_in():
    panel = channels.show()
    panel.set(layer="relu1", most=512, steps=16, size=32)
    panel.play()
    assert len(panel.wait(60).images) == 48
    assert panel.shown["grid"].raster.count == 48
    executed(panel)


def test_faces_of_a_class_and_of_a_channel():
    panel = faces.show(patches=200)
    panel.set(steps=16, k=3)
    step = panel.wait(90)
    assert len(step.found.means) == 3
    assert panel.shown["members"].raster.count == 3
    executed(panel)
    panel.set(kind="channel")
    assert len(panel.wait(90).found.middle) == 3
    assert panel.shown["members"].raster.count == 9
    executed(panel)


@pytest.fixture(scope="module")
def dream():
    return dreams.show(size=128, octaves=2, steps=2)


@pytest.mark.parametrize("change", [{}, {"guide": "flower"}, {"second": "relu4"}, {"mode": "zoom", "steps": 1}])
def test_every_way_to_dream(dream, change):
    fresh(dream, **change)
    dream.play()
    dream.wait(120)
    assert dream.error is None
    zooms = change.get("mode") == "zoom"
    assert hidden(dream, "guide") == hidden(dream, "octaves") == zooms
    executed(dream)


def test_an_upload_can_be_dreamed_on_and_a_bad_one_changes_nothing(dream):
    fresh(dream)
    before = dream.values
    upload(dream.controls["picture"], "no.png", b"no picture")
    assert "is no picture" in str(dream.error)
    assert dream.values == before
    upload(dream.controls["picture"], "mine.png", png())
    assert dream.values["picture"].startswith("mine.png")
    assert dream.error is None
