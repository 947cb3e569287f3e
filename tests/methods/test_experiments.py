"""The nets and pictures of lecture 10b are what they are said to be."""

import pytest
import torch

from vizkit.methods.experiments import (
    dense_and_convolutional,
    depth_learners,
    film_learner,
    linear_score,
    on_canvas,
    photo_patches,
    plane_learners,
    plane_points,
    width_for,
)
from vizkit.methods.small_nets import DeepNet, split_digits


def size(net):
    return sum(one.numel() for one in net.parameters())


@pytest.mark.parametrize("kind", ["two moons", "rings", "spirals", "four corners"])
def test_points_of_two_classes(kind):
    points, labels = plane_points(kind, 201, noise=0.0)
    assert points.shape == (201, 2)
    assert labels.bincount().tolist() == [101, 100]
    assert points.abs().max() < 2.2
    if kind == "rings":
        radius = points.norm(dim=1)
        assert torch.allclose(radius, 0.6 + 0.9 * labels)
    if kind == "four corners":
        assert ((points.prod(1) < 0) == (labels == 1)).all()
    apart = torch.cdist(points[labels == 0], points[labels == 1]).min()
    assert apart > 0.05, "without noise the classes do not touch"


def test_points_of_a_seed_are_the_same_and_others_are_not():
    assert plane_points("rings", 10, seed=1)[0].equal(plane_points("rings", 10, seed=1)[0])
    assert not plane_points("rings", 10, seed=1)[0].equal(plane_points("rings", 10, seed=2)[0])
    (known, _), tests = plane_learners("rings", (3,))[0].train, plane_learners("rings", (3,))[0].tests
    assert torch.cdist(known, tests["test"][0]).min() > 0


def test_digits_on_a_canvas():
    rows = split_digits(30).train
    still, moved = on_canvas(rows), on_canvas(rows, moved=True, seed=4)
    assert still.shape == moved.shape == (30, 1, 12, 12)
    assert still[:, 0, 2:10, 2:10].flatten(1).equal(rows)
    least = rows.min()
    assert torch.allclose((moved - least).sum((1, 2, 3)), (still - least).sum((1, 2, 3)), atol=1e-3)
    assert len({tuple((one[0] > least).nonzero().amin(0).tolist()) for one in moved}) > 5


def test_both_kinds_are_equally_large_and_shuffling_keeps_all_pixels():
    nets = dense_and_convolutional(split_digits(40))
    assert [one.name for one in nets][::3] == ["dense, in the middle", "convolutional, in the middle"]
    sizes = [size(one.net) for one in nets]
    assert max(sizes) < 1.05 * min(sizes)
    plain, _, shuffled = nets[:3]
    assert plain.train[0].flatten(1).sort().values.equal(shuffled.train[0].flatten(1).sort().values)
    assert not plain.train[0].equal(shuffled.train[0])
    assert shuffled.train[0].equal(nets[5].train[0]), "the same order for both nets"


def test_patches_of_photos():
    patches, labels, names = photo_patches()
    assert patches.shape[1:] == (1, 16, 16)
    assert patches.mean((1, 2, 3)).abs().max() < 1e-4
    assert set(labels.tolist()) == set(range(len(names)))
    learner = film_learner(filters=8, size=5)
    assert learner.net(patches[:3]).shape == (3, len(names))
    assert learner.net[0].weight.shape == (8, 1, 5, 5)


def test_deep_nets_have_about_as_many_weights():
    for depth in (0, 1, 4, 16):
        assert abs(size(DeepNet(width_for(depth, 8000), depth)) - 8000) < 600
    nets = depth_learners(split_digits(40), (0, 8), seeds=(0, 1))
    assert [one.name for one in nets][:3] == ["0, plain, 0", "0, plain, 1", "0, skips, 0"]
    first = nets[4].net.blocks[0][0].weight
    assert float(first.detach().std()) == pytest.approx((2 / first.shape[1]) ** 0.5, rel=0.15)
    assert not nets[4].net.stem.bias.any()


def test_a_linear_classifier():
    points, labels = plane_points("two moons", 200, noise=0.1)
    assert 0.8 < linear_score(points, labels, points, labels) < 1
    tall = torch.cat([points, (labels[:, None] * 5.0)], 1)
    assert linear_score(tall, labels, tall, labels) == 1


def test_bad_input():
    with pytest.raises(ValueError, match="kind 'squares' is not known"):
        plane_points("squares", 10)
    with pytest.raises(ValueError, match="noise must be 0 or more, got -1"):
        plane_points("rings", 10, noise=-1)
    with pytest.raises(ValueError, match="layers must be"):
        plane_learners("rings", (3,), layers=0)
