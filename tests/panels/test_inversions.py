"""Panels of inversion: what they find, and what they say of what cannot be inverted."""

import pytest
import torch

import vizkit
from tests.panels.tools import executed, fresh
from vizkit.methods.hog import alike, hog
from vizkit.methods.inversion import layer_code, psnr
from vizkit.panels import hog_inverted, hog_twins, invert, layer_strip, one_channel, same_code, whose_code
from vizkit.panels.inversions import places


@pytest.fixture(scope="module")
def inverted():
    return invert.show(steps=50)


@pytest.mark.parametrize(
    "change",
    [
        {"layer": "relu3"},
        {"layer": "fc", "norm": 0.5},
        {"layer": None, "variation": 0.0},
        {"model": "viznet-robust", "layer": "relu7"},
        {"model": "scenes", "picture": "chelsea"},
    ],
)
def test_any_layer_of_any_network_is_inverted(inverted, change):
    fresh(inverted, **change)
    inverted.play()
    step = inverted.wait(120)
    assert inverted.error is None
    assert step.index == 50
    assert float(step.error) < 0.7
    executed(inverted)


def test_a_weight_acts_under_way(inverted):
    fresh(inverted, layer="relu3")
    inverted.play()
    sharp = inverted.wait(60)
    inverted.set(steps=100, variation=40.0)
    inverted.play()
    smooth = inverted.wait(60)
    assert smooth.index == 100
    differences = [float(step.images.diff(dim=-1).square().mean()) for step in (sharp, smooth)]
    assert differences[1] < differences[0] / 2


def test_a_picture_of_one_color_is_inverted_and_has_no_hog(inverted):
    flat = torch.full((3, 128, 128), 0.4)
    fresh(inverted, picture=flat)
    inverted.play()
    assert float(inverted.wait(60).error) < 0.7
    panel = hog_inverted.show(steps=50)
    panel.wait(60)
    before = panel.items["picture"]
    panel.set(picture=flat)
    with pytest.raises(ValueError, match="image must have an edge, got a picture of one color"):
        panel.wait(60)
    assert panel.items["picture"] is before, "what was shown stays"
    panel.set(picture="chelsea")
    panel.wait(60)
    assert panel.error is None


def test_the_strip_goes_from_the_first_layer_to_the_probabilities(viznet):
    assert places(viznet) == ["relu1", "relu3", "relu5", "relu7", "fc", "probabilities"]
    panel = layer_strip.show(steps=50)
    panel.play()
    step = panel.wait(200)
    assert [len(run.images) for run in step.runs] == [6, 6]
    # the deeper, the farther from the picture
    image = vizkit.load_image("coffee", (64, 64))
    near = psnr(step.runs[0].images, image)[:4].tolist()
    assert near == sorted(near, reverse=True)


def test_a_removed_channel_is_removed_from_the_code_that_is_looked_for():
    panel = one_channel.show(steps=50, times=0.0)
    panel.play()
    panel.wait(60)
    again = panel.result
    fresh(panel, times=1.0)
    panel.play()
    step = panel.wait(60)
    assert torch.allclose(step.images[0], step.images[1], atol=1e-3), "one code, one start, one picture"
    assert not torch.allclose(again.images[0], again.images[1], atol=1e-3)


def test_a_layer_without_places_has_no_channel_to_change():
    with pytest.raises(ValueError, match="layer with places 'fc' is not known"):
        next(one_channel(layer="fc"))


def test_four_starts_are_four_pictures():
    panel = same_code.show(steps=50)
    panel.play()
    step = panel.wait(100)
    assert step.images.shape == (4, 3, 64, 64)
    assert torch.pdist(step.images.flatten(1)).min() > 5
    assert "%" in panel.items["text"]


def test_the_album_is_searched_by_the_drawing(viznet):
    panel = whose_code.show()
    found = panel.result
    assert found.shape == (300,)
    panel.set(layer="relu3")
    assert panel.result.float().mean() > found.float().mean()
    executed(panel)


def test_a_twin_has_the_hog_and_not_the_pixels():
    panel = hog_twins.show(steps=100)
    panel.play()
    step = panel.wait(120)
    first, other = (vizkit.load_image(name, (128, 128)) for name in ("astronaut", "coffee"))
    again = hog_twins(steps=101)
    *_, (last, _) = again
    assert float(alike(hog(last.image[None]), hog(first[None]))) == pytest.approx(last.cosine, abs=1e-4)
    assert step.cosine > 0.95
    assert abs(step.correlation) < 0.1
    assert alike(step.image, other, centered=True) > 0.7


def test_a_code_is_what_the_layer_says(viznet):
    from vizkit.panels.inversions import code_of

    image = vizkit.load_image("coffee", (64, 64))
    four = code_of(viznet, image, "relu7", 4)
    assert four.shape == (4, 352, 4, 4)
    assert torch.equal(four[3:], layer_code(viznet, image[None], "relu7").detach())
