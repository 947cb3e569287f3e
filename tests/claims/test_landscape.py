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
from vizkit.methods.optimizers import descend, hilly
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
        assert len(skipping.path) < len(plain.path)
        sharpness = [largest_curvature(net.train, net.point) for net in (plain, skipping)]
        assert sharpness[0] > 4 * sharpness[1]
        assert below(plain, plain.point, seed, normalized=True) < below(skipping, skipping.point, seed, normalized=True)


def test_without_momentum_all_three_still_go_down():
    found = descend((-3.5, 3.0), momentum=0)
    assert torch.equal(found.places[0], found.places[1])
    assert (found.heights[:, -1] < found.heights[:, 0]).all()


def test_adam_alone_arrives_from_every_ninth_start_at_the_larger_rate_only():
    """Try 1, from a grid of 101 x 101 starts; all of them at once, each on its own."""
    axis = torch.linspace(-5, 5, 101, dtype=torch.float64)
    starts = torch.cartesian_prod(axis, axis)

    def arrived(make):
        places = starts.clone().requires_grad_()
        optimizer = make(places)
        for _ in range(80):
            (places.grad,) = torch.autograd.grad(hilly(places).sum(), places)
            optimizer.step()
        return places.detach().norm(dim=1) < 0.2

    shares = {}
    for rate in (0.1, 0.3):
        adam = arrived(lambda places, rate=rate: torch.optim.Adam([places], lr=rate, betas=(0.9, 0.999)))
        momentum = arrived(lambda places, rate=rate: torch.optim.SGD([places], lr=rate, momentum=0.9))
        alone = adam & ~momentum
        shares[rate] = float(alone.double().mean())
        start = starts[alone][0].tolist()
        ends = descend(tuple(start), rate=rate, momentum=0.9, steps=80).places[:, -1].norm(dim=1)
        assert ends[2] < 0.2 < ends[1], "the panel's own run"
    assert shares[0.1] < 0.005
    assert 0.09 < shares[0.3] < 0.13
