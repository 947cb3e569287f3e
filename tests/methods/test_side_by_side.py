"""Nets trained side by side: each learns as it would alone."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from vizkit.core.seeds import fresh_weights, generator, step_seed
from vizkit.core.steps import last
from vizkit.methods.experiments import few_learners, listing_learner
from vizkit.methods.side_by_side import Learner, learner_steps
from vizkit.methods.small_nets import split_digits


@pytest.fixture(scope="module")
def data():
    return split_digits(120)


def test_a_net_learns_as_in_a_plain_loop(data):
    learner = listing_learner(data, 12, seed=3)
    found = last(learner_steps([learner], steps=9, rate=0.02, batch_size=30, seed=5, every=9))
    with fresh_weights(3):
        net = nn.Sequential(nn.Linear(64, 12), nn.Sigmoid(), nn.Linear(12, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    with torch.enable_grad():
        for index in range(9):
            picked = torch.randperm(120, generator=generator(step_seed(5, index)))[:30]
            optimizer.zero_grad()
            F.cross_entropy(net(data.train[picked]), data.train_labels[picked]).backward()
            optimizer.step()
    for name, value in net.state_dict().items():
        assert torch.allclose(found.states[0][name], value, atol=1e-6), name
    with torch.no_grad():
        right = (net(data.train).argmax(1) == data.train_labels).float().mean()
    assert float(found.accuracies[-1, 0, 0]) == pytest.approx(float(right))


def test_company_changes_nothing(data):
    pair = [listing_learner(data, 6), *few_learners(data, (60,))]
    both = last(learner_steps(pair, steps=6, every=3))
    for number, one in enumerate(pair):
        alone = last(learner_steps([one], steps=6, every=3))
        assert both.accuracies[:, number, 0].equal(alone.accuracies[:, 0, 0])
        assert all(both.states[number][name].equal(value) for name, value in alone.states[0].items())
    assert both.marks == (1, 3, 6)
    assert both.accuracies[:, 0, 2].isnan().all(), "a set that it has not"


def test_judging_leaves_running_statistics_alone(data):
    (learner,) = few_learners(data, (60,))
    often = last(learner_steps([learner], steps=6, every=1))
    seldom = last(learner_steps([learner], steps=6, every=6))
    assert all(often.states[0][name].equal(value) for name, value in seldom.states[0].items())
    assert not any(value.requires_grad for value in often.states[0].values())
    assert all(
        value.equal(learner.net.state_dict()[name])
        for name, value in few_learners(data, (60,))[0].net.state_dict().items()
    )


def test_bad_input(data):
    learner = listing_learner(data, 4)
    with pytest.raises(ValueError, match="there must be a net and rate must be positive, got 0 nets"):
        next(learner_steps([]))
    with pytest.raises(ValueError, match="got 1 nets and -1"):
        next(learner_steps([learner], rate=-1))
    with pytest.raises(ValueError, match="optimizer 'Newton' is not known"):
        next(learner_steps([learner], optimizer="Newton"))
    wild = Learner("wild", nn.Linear(64, 10), (1e30 * data.train, data.train_labels))
    with pytest.raises(ValueError, match="the loss is no number any more at step"):
        last(learner_steps([wild], rate=1e20, optimizer="SGD", steps=20))
