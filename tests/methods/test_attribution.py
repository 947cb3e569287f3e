"""What holds of every method of attribution: a new one is here by being registered."""

import inspect

import pytest
import torch

import vizkit
from tests.conftest import same, snapshot
from tests.methods.test_gradients import Shared
from vizkit.core.scenes import make_scenes
from vizkit.methods.attribution import METHODS, QUICK, attribute, classic
from vizkit.methods.gradients import Unit
from vizkit.methods.localization import localization


@pytest.fixture(scope="module")
def scenes():
    return make_scenes(20, seed=7)


@pytest.mark.parametrize("name", METHODS)
def test_a_map_for_each_picture(viznet, chelsea, name):
    image = chelsea[:, :64, :64].clone()
    before = image.clone()
    found = attribute(viznet, image, "tabby", name)
    assert (found.method, found.problem) == (name, "")
    assert found.heat.shape == (64, 64)
    assert found.heat.dtype == torch.float32
    assert found.heat.isfinite().all()
    assert not found.heat.requires_grad
    assert found.heat.std() > 0, "a constant map says nothing"
    assert torch.equal(image, before)
    torch.testing.assert_close(attribute(viznet, image, "tabby", name).heat, found.heat)  # chance has a seed


@pytest.mark.parametrize("name", METHODS)
def test_a_unit_is_explained_or_refused_in_a_sentence(viznet, chelsea, name):
    found = attribute(viznet, chelsea[:, :64, :64], Unit("relu3", 2), name)
    assert bool(found.problem) != METHODS[name].units
    if found.problem:
        assert found.problem == f"{name} explains the score of a class, not a unit"


@pytest.mark.parametrize("name", METHODS)
def test_the_net_is_left_as_it_was(name):
    net = Shared().train()
    net.one.weight.requires_grad_(False)
    net.head.bias.grad = torch.ones(5)
    model, image = vizkit.ImageModel(net, input_size=24), torch.rand(3, 24, 24)
    before = snapshot(net)
    METHODS[name](model, image, 1)
    assert same(snapshot(net), before)
    handle = net.two.register_forward_hook(lambda *_: (_ for _ in ()).throw(ArithmeticError("half way")))
    before = snapshot(net)
    with pytest.raises(ArithmeticError, match="half way"):
        METHODS[name](model, image, 0)
    assert same(snapshot(net), before)
    handle.remove()


@pytest.mark.parametrize("name", METHODS)
def test_it_finds_the_shape_more_often_than_chance(name, scenes):
    model = vizkit.load_model("scenes")
    some = slice(None if METHODS[name].quick else 4)
    pairs = zip(scenes.images[some], scenes.label[some], strict=True)
    heats = [attribute(model, image / 255, int(label), name).heat for image, label in pairs]
    chance = float(scenes.mask[some].double().mean())
    assert float(localization(torch.stack(heats), scenes.mask[some]).inside.mean()) > 1.3 * chance


@pytest.mark.parametrize("name", METHODS)
def test_its_function_is_in_the_public_face(name):
    explain = METHODS[name].explain
    place = inspect.getmodule(getattr(explain, "func", explain))
    if place is not classic:  # those of the deck are named where they are written
        assert set(place.__all__) & set(vizkit.__all__), f'{place.__name__} needs __all__ = ["its function"]'


def test_the_slow_ones_are_asked_only_by_name():
    assert set(QUICK) <= set(METHODS)
    assert all(METHODS[name].quick for name in QUICK)


def test_bad_input(viznet, chelsea):
    with pytest.raises(ValueError, match="method 'crystal ball' is not known; known are 'gradient'"):
        attribute(viznet, chelsea, 0, "crystal ball")
    with pytest.raises(ValueError, match="no such class"):
        attribute(viznet, chelsea, "no such class", "saliency")
