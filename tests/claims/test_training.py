"""What lecture 10b says of nets, over several seeds."""

import pytest
import torch

from vizkit.core.steps import last
from vizkit.methods.experiments import (
    dense_and_convolutional,
    depth_learners,
    few_learners,
    film_learner,
    plane_learners,
)
from vizkit.methods.live_training import learn_steps
from vizkit.methods.side_by_side import learner_steps
from vizkit.methods.small_nets import DeepNet, NetLoss, split_digits, train_steps
from vizkit.panels.capacity import linear_scores, noisy_nets
from vizkit.panels.training import roughness


def test_residual_trains_where_plain_fails():
    """98 layers; of the plain net the best of three rates counts, five seeds at once."""
    data, best = split_digits(300), {}
    for skip in (False, True):
        net = DeepNet(16, 48, skip=skip)
        loss = NetLoss(net, data.train, data.train_labels)
        rates = (1e-3, 3e-3, 1e-2) if not skip else (3e-3,)
        found = [
            loss.accuracy(
                last(train_steps(loss, loss.random_points(5, seed=1), steps=300, rate=rate, batch_size=64)).points
            )
            for rate in rates
        ]
        best[skip] = torch.stack(found).max(0).values
    assert best[True].min() > 0.95
    assert best[False].max() < 0.6


def test_dense_and_convolutional_on_moved_and_shuffled_digits():
    data, right = split_digits(1000), []
    for seed in range(3):
        nets = dense_and_convolutional(data, seed=seed)
        right.append(last(learner_steps(nets, steps=300, batch_size=25, seed=seed, every=300)).accuracies[-1])
    found = torch.stack(right)
    dense, convolutional = found[:, :3], found[:, 3:]
    assert (dense[:, 0, 1] > convolutional[:, 0, 1]).all()
    assert (convolutional[:, 0, 2] > 2 * dense[:, 0, 2]).all()
    assert (convolutional[:, 1, 2] > dense[:, 1, 2] + 0.1).all()
    assert (dense[:, 2, 1] - dense[:, 0, 1]).abs().max() < 0.03


def test_more_units_fit_more_points_and_miss_more_others():
    right = []
    for seed in range(5):
        nets = plane_learners("rings", (1, 4, 64), seed=seed)
        step = last(learner_steps(nets, steps=1000, rate=0.03, batch_size=60, seed=seed, every=1000))
        right.append(step.accuracies[-1])
    found = torch.stack(right)
    assert found[:, 0].mean(0).max() < 0.75
    assert (found[:, 2, 0] >= found[:, 1, 0]).all()
    assert found[:, 2, 1].mean() < found[:, 1, 1].mean()


def test_few_pictures_favor_the_linear_classifier_and_many_the_net():
    scores, data, right = linear_scores(), split_digits(1200), []
    for seed in range(3):
        nets = few_learners(data, (20, 300), seed=seed)
        right.append(last(learner_steps(nets, steps=200, batch_size=32, seed=seed, every=200)).accuracies[-1, :, 1])
    few, many = torch.stack(right).T
    assert few.max() < scores["pixels, linear"][0]
    assert many.min() > max(scores["pixels, linear"][2], scores["HOG, linear"][2])


def test_weight_decay_smooths_filters():
    for seed in range(2):
        learner = film_learner(seed=seed)
        rough = [
            float(roughness(last(learner_steps(
                [learner], steps=400, batch_size=128, optimizer="AdamW", decay=decay, seed=seed, every=400
            )).states[0]["0.weight"][:, 0]).median())
            for decay in (0.0, 1.0)
        ]  # fmt: skip
        assert rough[1] < 0.8 * rough[0]
        assert rough[1] < 0.75 * float(roughness(learner.net.state_dict()["0.weight"][:, 0]).median())


def test_depth_alone_does_not_help():
    data = split_digits(300)
    nets = depth_learners(data, (0, 16))
    right = last(learner_steps(nets, steps=100, every=100)).accuracies[-1, :, 1].view(2, 2, 3)
    assert right[0, 0].min() > right[1, 0].max() + 0.1
    assert (right[1, 1] > right[1, 0] + 0.1).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_what_rescues_twelve_blocks(seed):
    data = split_digits(200)
    right = {
        name: float(last(learn_steps(data, blocks=12, steps=steps, every=steps, seed=seed, **switch)).accuracies[-1, 0])
        for name, steps, switch in (
            ("plain", 150, {}),
            ("residual", 150, {"residual": True}),
            ("normalized", 300, {"batch_norm": True}),  # as in the preset: half way it goes up and down
        )
    }
    assert right["plain"] < 0.3
    assert right["residual"] > 0.95
    assert right["normalized"] > 0.5


def test_double_descent_of_networks():
    """The highest test loss is neither of the smallest nor of the largest nets."""
    for seed in range(2):
        step = last(learner_steps(noisy_nets(0.3, seed), steps=1500, batch_size=300, rate=0.005, every=1500))
        loss = step.losses[-1, :, 1]
        peak = int(loss.argmax())
        assert 2 <= peak <= 6
        assert loss[peak] > 1.3 * loss[-1]
        assert loss[peak] > 1.1 * loss[:2].min()
