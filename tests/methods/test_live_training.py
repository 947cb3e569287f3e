"""A small net that learns digits: its switches do what they say."""

import pytest
import torch
from torch.nn import functional as F

from vizkit.core.steps import last
from vizkit.methods.live_training import BatchNorm, SmallConvNet, learn_steps, rate_at
from vizkit.methods.small_nets import split_digits


@pytest.fixture(scope="module")
def data():
    return split_digits(120)


def test_its_batch_normalization_is_the_peers_over_a_training(data):
    torch.manual_seed(0)
    ours, peer = BatchNorm(3), torch.nn.BatchNorm2d(3)
    for _ in range(5):
        values = 1 + torch.randn(8, 3, 4, 4)
        assert torch.allclose(ours(values), peer(values), atol=1e-5)
    assert torch.allclose(ours.eval()(values), peer.eval()(values), atol=1e-5)
    assert torch.allclose(ours.mean, peer.running_mean, atol=1e-6)


def test_residual_blocks_of_zero_weights_change_nothing():
    net, plain = SmallConvNet(4, 3, residual=True), SmallConvNet(4, 3)
    for one in (net, plain):
        for convolution in list(one.convolutions)[1:]:
            torch.nn.init.zeros_(convolution.weight)
            torch.nn.init.zeros_(convolution.bias)
    images = torch.randn(2, 1, 8, 8)
    first = F.max_pool2d(net.convolutions[0](images).relu(), 2)
    assert torch.allclose(net(images), net.head(first.mean((2, 3))), atol=1e-6)
    assert torch.allclose(plain(images), plain.head.bias.expand(2, -1), atol=1e-6)


def test_the_schedule():
    assert [rate_at(index, 100, 1.0, "steps") for index in (0, 49, 50, 74, 75)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    assert rate_at(50, 100, 2.0, "cosine") == pytest.approx(1.0)
    assert {rate_at(index, 10, 0.5, "constant") for index in range(10)} == {0.5}


def test_it_learns_and_batch_normalization_learns_faster(data):
    plain, normalized = (last(learn_steps(data, steps=60, batch_norm=one, every=30)) for one in (False, True))
    assert normalized.accuracies[-1, 0] > 0.9 > plain.accuracies[-1, 0]
    assert normalized.losses[-1, 0] < plain.losses[-1, 0]
    assert plain.running.shape == (3, 0)
    assert plain.by_batch.equal(plain.accuracies[:, 1])
    assert normalized.running.shape == normalized.batch.shape == (3, 16)
    # the running mean lags behind the batches', and comes after
    gap = (normalized.running - normalized.batch).abs().mean(1)
    assert gap[-1] < gap[0]


def test_dropout_and_augmentation_change_the_training_and_not_the_judging(data):
    first = {
        name: next(learn_steps(data, steps=2, every=1, rate=1e-12, **one))
        for name, one in {"plain": {}, "dropped": {"dropout": 0.5}, "moved": {"transforms": ("shift",)}}.items()
    }
    for one in first.values():
        assert torch.allclose(one.losses, first["plain"].losses, atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rate": 0.0}, "rate must be positive"),
        ({"dropout": 1.0}, r"dropout in \[0, 1\)"),
        ({"optimizer": "Adm"}, "optimizer 'Adm' is not known; did you mean 'Adam'"),
        ({"schedule": "cosin"}, "schedule 'cosin' is not known"),
        ({"transforms": ("flop",)}, "transform 'flop' is not known"),
        ({"batch_size": 1}, "batch_size must be"),
        ({"optimizer": "SGD", "rate": 1e6, "steps": 30}, "a rate of 1e.06 is too large"),
    ],
)
def test_what_cannot_be_trained_is_said(data, settings, message):
    with pytest.raises(ValueError, match=message):
        last(learn_steps(data, **{"steps": 3, **settings}))
