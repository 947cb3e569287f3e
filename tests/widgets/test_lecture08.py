import pytest

import vizkit
from tests.widgets.listing import executed
from vizkit.widgets import lecture08


def test_ten_dimensions_and_many():
    panel = lecture08.linear_panel()
    assert panel.result.score == pytest.approx(-3)
    assert panel.result.moved_probability == pytest.approx(0.8808, abs=5e-5)
    assert "P = 0.0474" in panel.shown["table"].value
    executed(panel)
    panel.controls["power"].value = 3.0
    assert len(panel.result.x) == 1000
    assert panel.result.moved_score == pytest.approx(497)
    executed(panel)
    panel.reset()
    panel.controls["x"].value = "1, 2, three"
    assert "x must be numbers between commas, got '1, 2, three'" in str(panel.error)
    panel.controls["x"].value = "1, 2"
    assert "x and w must be as many numbers each" in str(panel.error)
    panel.reset()
    assert panel.error is None


@pytest.fixture(scope="module")
def attack():
    return lecture08.attack_panel()


@pytest.mark.parametrize("name", lecture08.CHOICES)
def test_every_attack(attack, name):
    attack.set(attack=name, epsilon=4.0, image="motorcycle")
    assert attack.error is None
    assert attack.result.attack.images.shape == (1, 3, 64, 64)
    executed(attack)
    attack.set(target="goldfish")
    assert attack.error is None
    assert ("it does not flip" in attack.shown["flips"].value) == (name == "random noise")
    attack.reset()


def test_epsilon_until_it_flips(attack):
    attack.set(attack="PGD", epsilon=0.0)
    assert attack.result.true == "espresso"
    label = int(attack.result.attack.label[0])
    assert vizkit.load_model("viznet", "cpu").labels[label] == "espresso"
    attack.controls["epsilon"].value = 12.0
    assert bool(attack.result.attack.success[0])
    assert "it flips at" in attack.shown["flips"].value
    attack.controls["target"].value = "goldfish"
    attack.controls["epsilon"].value = 16.0
    assert "goldfish" in attack.shown["after"].value
    attack.controls["model"].value = "viznet-robust"
    assert attack.error is None
    attack.controls["model"].value = "scenes"
    assert attack.values["target"] == lecture08.ANY
    attack.reset()


def test_one_pixel_is_searched_and_stops_when_it_wins():
    panel = lecture08.one_pixel_panel()
    panel.set(population=60, generations=5, pixels=20, target=lecture08.ANY)
    panel.runner.run()
    step = panel.runner.wait(120)
    assert step.success or step.index == 5
    assert step.pixels.shape == (20, 5)
    executed(panel)


def test_a_sticker_is_trained_and_dragged():
    panel = lecture08.patch_panel()
    panel.set(steps=20)
    panel.runner.run()
    panel.runner.wait(120)
    executed(panel)
    step, before = panel.result, panel.shown["pasted"].raster.pixels
    pasted = panel.shown["pasted"]
    pasted._events._dom_handlers({
        "type": "mousedown", "relativeX": 60, "relativeY": 90, "buttons": 1,
        "boundingRectWidth": pasted.raster.width, "boundingRectHeight": pasted.raster.height,
    })  # fmt: skip
    assert panel.controls["x"].value == pytest.approx(60 / pasted.raster.width, abs=0.01)
    assert panel.result is step, "the sticker itself stays"
    assert (pasted.raster.pixels != before).any()
    executed(panel)


@pytest.mark.parametrize("kind", ["CPPN", "direct", "gradient"])
def test_pictures_of_nothing(kind):
    panel = lecture08.fooling_panel("scenes", kind)
    panel.set(steps=20)
    panel.runner.run()
    step = panel.runner.wait(120)
    assert step.index == 20
    assert step.confidence.max() > 0.5
    executed(panel)
