"""What notebook 04 says, over twenty pictures."""

import torch

import vizkit
from vizkit.core.data import cut_patches
from vizkit.methods.activations import activations

LAYERS = [f"relu{number}" for number in range(1, 8)]


def shares(model, image):
    """Return the share of places at work in each layer."""
    return [float((activations(model, image, layer).maps > 0).float().mean()) for layer in LAYERS]


def test_deeper_is_quieter_but_not_at_every_step(viznet):
    pictures = cut_patches(count=20, size=64, seed=1).patches.float() / 255
    found = torch.tensor([shares(viznet, one) for one in pictures])
    assert (found[:, 5:].amax(1) < found[:, :2].amin(1)).all()
    assert (found.diff(dim=1) > 0).any(1).all(), "in every picture a deeper layer is busier than the one before"


def test_most_first_filters_light_two_opposite_arcs_of_the_zone_plate(viznet):
    maps = activations(viznet, vizkit.load_image("zone plate", 256), "relu1").maps
    height, width = maps.shape[1:]
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    angle, ring = torch.atan2(y, x), (x**2 + y**2).sqrt() < 0.95
    # the second circular harmonic: 1 if all lies on one axis through the middle, 0 if it is all around
    strength = maps * ring
    axis = torch.hypot((strength * (2 * angle).cos()).sum((1, 2)), (strength * (2 * angle).sin()).sum((1, 2)))
    directed = axis / strength.sum((1, 2)).clamp(min=1e-9)
    assert 0.5 < (directed > 0.3).float().mean() < 0.9
