import pytest
import torch
from torch import nn

import vizkit
from vizkit.core.seeds import generator
from vizkit.methods.attribution import QUICK
from vizkit.methods.attribution.rise import random_masks, rise, signed_rise


class Corner(nn.Module):
    """Knows one thing: how bright the upper left quarter is."""

    def forward(self, x):
        bright = x[:, :, :16, :16].mean((1, 2, 3))
        return torch.stack([torch.zeros_like(bright), 4 * bright], 1)


@pytest.fixture
def corner():
    return vizkit.ImageModel(Corner(), input_size=32)


def test_masks_are_soft_shifted_and_fair():
    masks = random_masks(4000, (32, 48), cells=4, keep=0.3, random=generator(0))
    assert masks.shape == (4000, 32, 48)
    assert 0 <= masks.min() < 0.01
    assert 0.99 < masks.max() <= 1
    assert masks.mean(0) == pytest.approx(0.3 * torch.ones(32, 48), abs=0.05)
    assert ((masks > 0.1) & (masks < 0.9)).double().mean() > 0.2, "bilinear: no hard edges"
    steps = (masks[:, 1:] - masks[:, :-1]).abs().amax()
    assert steps < 1.5 / (32 / 4), "a cell is 8 pixels: no step is larger than that of a ramp over one"


def test_equation_6_in_a_slow_loop(corner):
    image, random, heat = torch.rand(3, 32, 32), generator(3), torch.zeros(32, 32)
    for mask in random_masks(50, (32, 32), cells=5, keep=0.4, random=random):
        share = float(corner.net(corner.normalize((mask * image)[None])).softmax(1)[0, 1])
        heat += share * mask / (50 * 0.4)
    found = rise(corner, image, 1, count=50, cells=5, keep=0.4, seed=3, batch_size=50)
    torch.testing.assert_close(found, heat, rtol=1e-4, atol=1e-5)


def test_a_pixel_that_does_not_matter_gets_the_mean(corner):
    heat = signed_rise(corner, torch.ones(3, 32, 32), 1)
    assert heat[:10, :10].min() > 0.01
    assert heat[24:, 24:].abs().max() < 0.01, "independent of the answer: nothing is added"
    assert (heat == heat.max()).nonzero()[0].max() < 16


def test_it_is_slow_so_it_is_not_in_the_scores():
    assert "RISE" not in QUICK


def test_bad_input(corner):
    image = torch.rand(3, 32, 32)
    with pytest.raises(ValueError, match="keep must be between 0 and 1, got 1"):
        rise(corner, image, keep=1)
    with pytest.raises(ValueError, match="count must be"):
        rise(corner, image, count=0)
