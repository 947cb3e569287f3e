"""Batch normalization, by its formula: what training uses, and what is kept for later."""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Normalized", "RunningStatistics", "batch_norm"]


@dataclass(frozen=True)
class RunningStatistics:
    """What a layer of batch normalization keeps for when it sees one picture alone.

    Parameters
    ----------
    mean, variance : Tensor, shape (C,)
    """

    mean: Tensor
    variance: Tensor

    @classmethod
    def new(cls, channels: int, dtype: torch.dtype = torch.float32) -> "RunningStatistics":
        """Return those of a layer that has seen nothing: mean 0, variance 1."""
        return cls(torch.zeros(channels, dtype=dtype), torch.ones(channels, dtype=dtype))


@dataclass(frozen=True)
class Normalized:
    """The output of batch normalization.

    Parameters
    ----------
    values : Tensor, shape (N, C, ...)
    mean, variance : Tensor, shape (C,)
        By which they were normalized.
    statistics : RunningStatistics
        Those to keep; in evaluation those that were given.
    """

    values: Tensor
    mean: Tensor
    variance: Tensor
    statistics: RunningStatistics


def batch_norm(
    values: Tensor,
    statistics: RunningStatistics,
    *,
    gamma: Tensor | None = None,
    shift: Tensor | None = None,
    training: bool = True,
    momentum: float = 0.1,
    epsilon: float = 1e-5,
) -> Normalized:
    """Normalize each channel: ``gamma (z - mean) / sqrt(variance + epsilon) + shift``.

    In training the mean and the variance are the batch's, over samples and places, and the running ones move toward
    them by the share `momentum`; the running variance takes the unbiased one, over n - 1. In evaluation they are the
    running ones, so that the output for a picture does not depend on which others stand beside it.

    Parameters
    ----------
    values : Tensor, shape (N, C) or (N, C, ...)
    statistics : RunningStatistics
    gamma, shift : Tensor, shape (C,), optional
        Learned; 1 and 0 by default. The slides write gamma and c.
    training : bool
    momentum : float
        In [0, 1].
    epsilon : float
        Keeps a channel that is constant from a division by 0.

    Raises
    ------
    ValueError
        If shapes do not fit, `momentum` is out of range, or there is one number per channel in training.

    References
    ----------
    Ioffe & Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift",
    ICML 2015.
    """
    channels = len(statistics.mean)
    if values.ndim < 2 or values.shape[1] != channels:
        raise ValueError(f"values must have shape (N, {channels}, ...), got {tuple(values.shape)}")
    if not 0 <= momentum <= 1:
        raise ValueError(f"momentum must be in [0, 1], got {momentum}")
    count = values.numel() // channels
    mean, variance = statistics.mean, statistics.variance
    if training:
        if count < 2:
            raise ValueError(f"a batch must have two numbers or more per channel, got {count}")
        over = [0, *range(2, values.ndim)]
        mean, variance = values.mean(over), values.var(over, correction=0)
        kept = [
            (1 - momentum) * old + momentum * new
            for old, new in ((statistics.mean, mean), (statistics.variance, variance * count / (count - 1)))
        ]
        statistics = RunningStatistics(kept[0].detach(), kept[1].detach())
    shape = (1, channels, *[1] * (values.ndim - 2))
    found = (values - mean.view(shape)) / (variance.view(shape) + epsilon).sqrt()
    if gamma is not None:
        found = found * gamma.view(shape)
    if shift is not None:
        found = found + shift.view(shape)
    return Normalized(found, mean, variance, statistics)
