"""What notebook 04 says, over twenty pictures."""

import torch

import vizkit
from vizkit.core.data import cut_patches
from vizkit.core.steps import last
from vizkit.methods.activations import activations
from vizkit.methods.filters import filters
from vizkit.methods.receptive_field import receptive_fields
from vizkit.methods.units import likeness, scan_steps, seen_windows, sent_back, top_patches

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


def test_four_in_five_first_filters_look_like_their_loudest_windows(viznet):
    weight, field = filters(viznet).weight, receptive_fields(viznet)["conv1"]
    pool = cut_patches(count=2000, size=64)  # the panel's
    scan = last(scan_steps(viznet, pool, "conv1"))
    tops = [top_patches(scan, pool, channel) for channel in range(len(weight))]
    found = torch.tensor(
        [likeness(seen_windows(viznet, pool, top, field), one) for top, one in zip(tops, weight, strict=True)]
    )
    assert (found > 0.5).float().mean() > 0.8


def in_common(pictures):
    """Return the mean correlation of pictures in pairs."""
    k = len(pictures)
    return float((pictures.flatten(1).corrcoef().sum() - k) / (k * (k - 1)))


def test_what_nine_patches_send_back_has_less_in_common_the_deeper(viznet):
    fields = receptive_fields(viznet)
    for seed in range(5):
        pool, found = cut_patches(count=400, size=64, seed=seed), {}
        for layer in ("relu1", "relu2", "relu3", "relu4"):
            scan = last(scan_steps(viznet, pool, layer))
            at_work = [one for one in range(0, 48, 4) if (scan.value[:, one] > 0).sum() > 40]
            sheet = sent_back(viznet, pool, scan, fields[layer], at_work)
            pairs = zip(sheet.top, sheet.back, strict=True)
            found[layer] = sum(in_common(back[top.value > 0]) for top, back in pairs) / len(at_work)
        assert found["relu1"] > 0.9, seed
        assert all(0.1 < found[layer] < 0.5 for layer in ("relu2", "relu3")), (seed, found)
        assert found["relu4"] < 0.1, (seed, found)
