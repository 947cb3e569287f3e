"""What notebook 01 says, over five seeds."""

import torch

from vizkit.core.steps import last
from vizkit.methods.loss_landscape import (
    largest_curvature,
    random_directions,
    rescaled,
    share_below,
    surface_steps,
    train_deep_net,
    width_steps,
)
from vizkit.methods.optimizers import descend
from vizkit.methods.small_nets import split_digits
from vizkit.panels.surfaces import trained

SEEDS = range(5)


def test_the_band_of_minima_widens_once_and_then_shrinks():
    for seed in SEEDS:
        losses = last(width_steps((2, 4, 8, 16), 60, data=split_digits(300), steps=200, seed=seed)).losses
        mean = [float(one.mean()) for one in losses.values()]
        band = [float(one.std()) for one in losses.values()]
        assert mean == sorted(mean, reverse=True)
        assert band[0] < band[1] > band[2] > band[3]


def below(net, point, seed, *, normalized):
    """Return how much of a random plane around a net lies below twice its minimum."""
    axis = torch.linspace(-1, 1, 25)
    ways = random_directions(net.train, point, filter_normalized=normalized, seed=seed)
    return share_below(last(surface_steps(net.train, point, ways, xs=axis, ys=axis)).values)


def test_one_net_rescaled_looks_sharper_and_is_the_same():
    one, other = (trained(4, skip) for skip in (False, True))
    moved = rescaled(other.train, other.point, 6.0)
    assert torch.allclose(other.train.losses(moved[None]), other.train.losses(other.point[None]), rtol=1e-3)
    nets = ((other, moved), (one, one.point), (other, other.point))
    for seed in SEEDS:
        shares = [below(net, point, seed, normalized=False) for net, point in nets]
        assert shares[0] < shares[1] < shares[2]
        assert below(other, moved, seed, normalized=True) == below(other, other.point, seed, normalized=True)


def test_trained_to_the_same_loss_the_net_with_skips_is_flatter_and_was_faster():
    for seed in SEEDS:
        plain, skipping = (train_deep_net(split_digits(200), skip=skip, seed=seed) for skip in (False, True))
        losses = [float(net.train.losses(net.point[None])) for net in (plain, skipping)]
        assert all(0.500 < loss <= 0.53 for loss in losses)
        sharpness = [largest_curvature(net.train, net.point) for net in (plain, skipping)]
        assert sharpness[0] > 4 * sharpness[1]
        assert below(plain, plain.point, seed, normalized=True) < below(skipping, skipping.point, seed, normalized=True)


def test_without_momentum_all_three_still_go_down():
    found = descend((-3.5, 3.0), momentum=0)
    assert torch.equal(found.places[0], found.places[1])
    assert (found.heights[:, -1] < found.heights[:, 0]).all()
