"""Batch normalization against PyTorch's."""

import pytest
import torch
from torch.nn import functional as F

from vizkit.methods.normalization import RunningStatistics, batch_norm


@pytest.mark.parametrize("shape", [(8, 5), (4, 5, 7), (3, 5, 6, 4)])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("momentum", [0.0, 0.1, 1.0])
def test_equal_to_the_peer_with_its_running_statistics(shape, training, momentum):
    random = torch.Generator().manual_seed(sum(shape))
    mean, variance = torch.randn(5, generator=random).double(), 1 + torch.rand(5, generator=random).double()
    gamma, shift = torch.randn(2, 5, generator=random).double()
    statistics = RunningStatistics(mean.clone(), variance.clone())
    for _ in range(3):  # they move on
        values = 2 + 3 * torch.randn(shape, generator=random).double()
        found = batch_norm(values, statistics, gamma=gamma, shift=shift, training=training, momentum=momentum)
        peer = F.batch_norm(values, mean, variance, gamma, shift, training, momentum)
        assert torch.allclose(found.values, peer, atol=1e-10, rtol=0)
        statistics = found.statistics
        assert torch.allclose(statistics.mean, mean, atol=1e-10, rtol=0)
        assert torch.allclose(statistics.variance, variance, atol=1e-10, rtol=0)


def test_its_gradient_is_the_peers():
    random = torch.Generator().manual_seed(0)
    values = torch.randn(6, 3, 4, dtype=torch.float64, generator=random, requires_grad=True)
    weights = torch.randn(6, 3, 4, dtype=torch.float64, generator=random)
    ours = batch_norm(values, RunningStatistics.new(3, torch.float64)).values
    (found,) = torch.autograd.grad((ours * weights).sum(), values)
    (peer,) = torch.autograd.grad((F.batch_norm(values, None, None, training=True) * weights).sum(), values)
    assert torch.allclose(found, peer, atol=1e-10, rtol=0)


def test_a_channel_that_is_constant_becomes_its_shift():
    found = batch_norm(torch.full((4, 2), 7.0), RunningStatistics.new(2), shift=torch.tensor([1.0, -1.0]))
    assert found.values.tolist() == [[1, -1]] * 4


@pytest.mark.parametrize(
    ("values", "settings", "message"),
    [
        (torch.ones(4, 3), {}, r"shape \(N, 2, ...\), got \(4, 3\)"),
        (torch.ones(2), {}, "shape"),
        (torch.ones(1, 2), {}, "two numbers or more per channel, got 1"),
        (torch.ones(4, 2), {"momentum": 2}, r"momentum must be in \[0, 1\], got 2"),
    ],
)
def test_what_cannot_be_normalized_is_said(values, settings, message):
    with pytest.raises(ValueError, match=message):
        batch_norm(values, RunningStatistics.new(2), **settings)
