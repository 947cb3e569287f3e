import pytest

import vizkit
from tests.panels.tools import executed, mouse
from vizkit.panels import attack as attacks
from vizkit.panels import linear, nothing, one_pixel, sticker
from vizkit.panels.attacks import CHOICES


def test_ten_dimensions_and_many():
    panel = linear.show()
    assert panel.result.score == pytest.approx(-3)
    assert panel.result.moved_probability == pytest.approx(0.8808, abs=5e-5)
    assert "P = 0.0474" in panel.shown["table"].value
    executed(panel)
    panel.controls["power"].value = 3.0
    assert len(panel.result.x) == 1000
    assert panel.result.moved_score == pytest.approx(497)
    executed(panel)
    panel.reset()
    panel.controls["x"].value = "1, 2"
    assert "x and w must be as many numbers each" in str(panel.error)
    panel.reset()
    assert panel.error is None


def test_what_is_no_number_is_refused_by_its_name():
    panel = linear.show()
    panel.controls["x"].value = "1, 2, three"
    assert "x must be numbers between commas, got '1, 2, three'" in str(panel.error)
    assert panel.result.score == pytest.approx(-3), "the last good result stays"
    panel.reset()
    assert panel.error is None


@pytest.fixture(scope="module")
def attack():
    return attacks.show()


@pytest.mark.parametrize("name", CHOICES)
def test_every_attack(attack, name):
    attack.set(attack=name, epsilon=4.0, picture="motorcycle")
    assert attack.error is None
    assert attack.result.images.shape == (1, 3, 64, 64)
    executed(attack)
    attack.set(target="goldfish")
    assert attack.error is None
    assert ("it does not flip" in attack.shown["flips"].value) == (name == "random noise")
    attack.reset()


def test_epsilon_until_it_flips(attack):
    attack.set(attack="PGD", epsilon=0.0)
    assert "espresso" in attack.shown["before"].value
    label = int(attack.result.label[0])
    assert vizkit.load_model("viznet", "cpu").labels[label] == "espresso"
    assert not bool(attack.result.success[0])
    attack.controls["epsilon"].value = 12.0
    assert bool(attack.result.success[0])
    assert "it flips at" in attack.shown["flips"].value
    attack.controls["target"].value = "goldfish"
    attack.controls["epsilon"].value = 16.0
    assert "goldfish" in attack.shown["after"].value
    attack.controls["model"].value = "viznet-robust"
    assert attack.error is None
    attack.controls["model"].value = "scenes"
    assert attack.values["target"] is None
    attack.reset()


def test_one_pixel_is_searched_and_stops_when_it_wins():
    panel = one_pixel.show()
    panel.set(population=60, generations=5, pixels=20, target=None)
    panel.play()
    step = panel.wait(120)
    assert step.success or step.index == 5
    assert step.pixels.shape == (20, 5)
    executed(panel)


def test_a_sticker_is_trained_and_dragged():
    panel = sticker.show()
    panel.set(steps=20)
    panel.play()
    panel.wait(120)
    executed(panel)
    step, pasted = panel.result, panel.shown["pasted"]
    before = pasted.raster.pixels
    mouse(pasted, "press", 0.2, 0.3)
    assert panel.values["at"] == pytest.approx((0.2, 0.3), abs=0.01)
    assert panel.result is step, "the sticker itself stays"
    assert (pasted.raster.pixels != before).any()
    executed(panel)


@pytest.mark.parametrize("kind", ["CPPN", "direct", "gradient"])
def test_pictures_of_nothing(kind):
    panel = nothing.show(model="scenes", kind=kind)
    panel.set(steps=20)
    panel.play()
    step = panel.wait(120)
    assert step.index == 20
    assert step.confidence.max() > 0.5
    executed(panel)
