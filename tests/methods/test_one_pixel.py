import itertools

import numpy as np
import pytest
import torch
from torch import nn

import vizkit
from tests.conftest import same, snapshot
from vizkit.core.steps import last
from vizkit.methods.one_pixel import one_pixel_steps, with_pixels


class Corner(nn.Module):
    """Class 1 wins when the pixel in row 3, column 5 is red."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(20.0))

    def forward(self, x):
        red = x[:, 0, 3, 5] - x[:, 1, 3, 5] - 0.2
        return torch.stack([torch.zeros_like(red), self.scale * red], 1)


@pytest.fixture(scope="module")
def corner():
    return vizkit.ImageModel(Corner(), input_size=8)


def test_pixels_are_put_where_they_belong_and_nowhere_else():
    image = torch.rand(3, 6, 7)
    pixels = torch.tensor([[[2.7, 3.2, 0.1, 0.2, 0.3]], [[5.0, 6.0, 1.0, 0.0, 1.0]]])
    found = with_pixels(image, pixels)
    torch.testing.assert_close(found[0, :, 2, 3], torch.tensor([0.1, 0.2, 0.3]))
    torch.testing.assert_close(found[1, :, 5, 6], torch.tensor([1.0, 0.0, 1.0]))
    assert (found != image).any(1).sum((1, 2)).tolist() == [1, 1]


def test_evolution_finds_the_only_pixel_that_counts(corner):
    image = torch.full((3, 8, 8), 0.5)
    steps = list(one_pixel_steps(corner, image, seed=1))
    found = steps[-1]
    assert found.success
    assert len(steps) < 75, "it ends at the first success"
    assert found.pixels[0, :2].long().tolist() == [3, 5]
    assert found.label == 1
    assert (found.image != image).any(0).sum() == 1
    assert found.queries == 400 * (len(steps) + 1)
    again = last(one_pixel_steps(corner, image, seed=1))
    assert torch.equal(again.image, found.image)


def test_what_is_lowered_falls_and_a_window_is_kept(viznet):
    image = vizkit.load_image("motorcycle", (64, 64))
    steps = list(one_pixel_steps(viznet, image, population=40, generations=6, pixels=3, window=(10, 20, 8, 6), seed=0))
    shares = [step.probability for step in steps]
    assert all(later <= earlier + 1e-6 for earlier, later in itertools.pairwise(shares))
    changed = (steps[-1].image != image).any(0).nonzero()
    assert len(changed) <= 3
    assert changed.amin(0).tolist() >= [10, 20]
    assert changed.amax(0).tolist() < [18, 26]


def test_the_whole_population_is_asked_at_once(corner, monkeypatch):
    sizes = []
    forward = corner.net.forward
    monkeypatch.setattr(corner.net, "forward", lambda x: (sizes.append(len(x)), forward(x))[1])
    list(one_pixel_steps(corner, torch.full((3, 8, 8), 0.5), generations=2, batch_size=400, target=0))
    assert max(sizes) == 400


def test_a_run_can_be_closed_and_the_net_is_left_as_it_was(corner):
    before = snapshot(corner.net)
    steps = one_pixel_steps(corner, torch.full((3, 8, 8), 0.5), target=0, population=20)
    next(steps)
    steps.close()
    assert same(snapshot(corner.net), before)


def test_bad_input_is_named(corner):
    image = torch.full((3, 8, 8), 0.5)
    for arguments, message in (
        ({"pixels": 0}, "pixels must be from 1 to 64, got 0"),
        ({"population": 3}, "population must be 5 or more"),
        ({"window": (0, 0, 9, 8)}, "window must lie in the picture of 8 x 8"),
        ({"target": "class 9"}, "is not known"),
    ):
        with pytest.raises(ValueError, match=message):
            next(one_pixel_steps(corner, image, **arguments))
    assert np.isfinite(last(one_pixel_steps(corner, image, generations=1)).probability)
