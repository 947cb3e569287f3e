"""What one outlier does to a fitted Gaussian, and to a fitted Student t."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Normal, StudentT

__all__ = ["Fits", "fit_both"]

#: Rounds of the fit at most; a hundred are plenty unless two groups pull equally.
_ROUNDS = 2000


@dataclass(frozen=True)
class Fits:
    """A Gaussian and a Student t of fixed degrees of freedom, each of the largest likelihood.

    Parameters
    ----------
    samples : Tensor, shape (..., n)
    freedom : float
        Degrees of freedom of the t.
    mean, deviation : Tensor, shape (...)
        Of the Gaussian; its variance is the mean square, not corrected.
    location, scale : Tensor, shape (...)
        Of the t.
    weights : Tensor, shape (..., n)
        How much of a sample each counts in the t's location, the largest being 1.
    """

    samples: Tensor
    freedom: float
    mean: Tensor
    deviation: Tensor
    location: Tensor
    scale: Tensor
    weights: Tensor

    def densities(self, at: Tensor) -> tuple[Tensor, Tensor]:
        """Return the density of the Gaussian and of the t of one set of samples at some places."""
        gauss = Normal(self.mean, self.deviation).log_prob(at).exp()
        student = StudentT(self.freedom, self.location, self.scale, validate_args=False).log_prob(at).exp()
        return gauss, student


def fit_both(samples: Tensor, freedom: float = 3, *, tolerance: float = 1e-10) -> Fits:
    """Fit a Gaussian and a Student t to samples on a line, each by maximum likelihood.

    The t by expectation and maximization from the median on: samples count
    ``w_i = (v + 1) / (v + (x_i - m)^2 / s^2)``, then ``m = sum w_i x_i / sum w_i`` and
    ``s^2 = sum w_i (x_i - m)^2 / n``, until nothing moves.

    Parameters
    ----------
    samples : Tensor, shape (..., n)
        Sets of n of at least 3, each fitted by itself.
    freedom : float
        Degrees of freedom v of the t, positive: the fewer, the heavier its tails.
    tolerance : float
        Of location and scale, as a share of the samples' deviation.

    Raises
    ------
    ValueError
        If there are fewer than 3 samples, half of them or more are equal, one is not finite, or the degrees of
        freedom are not positive.

    References
    ----------
    Lange, Little & Taylor, "Robust Statistical Modeling Using the t Distribution", Journal of the
    American Statistical Association 1989.
    """
    x = torch.as_tensor(samples).detach().cpu().double()
    if x.ndim < 1 or x.shape[-1] < 3 or not x.isfinite().all():
        raise ValueError(f"samples must be finite (..., n) with n of at least 3, got shape {tuple(x.shape)}")
    if not freedom > 0:
        raise ValueError(f"freedom must be positive, got {freedom}")
    mean, deviation = x.mean(-1), x.std(-1, correction=0)
    location = x.median(-1, keepdim=True).values
    scale = (x - location).abs().median(-1, keepdim=True).values
    if (scale == 0).any():
        raise ValueError("samples must spread: half of them or more are equal")
    for _ in range(_ROUNDS):
        weights = (freedom + 1) / (freedom + ((x - location) / scale).square())
        moved = (weights * x).sum(-1, keepdim=True) / weights.sum(-1, keepdim=True)
        wide = (weights * (x - moved).square()).mean(-1, keepdim=True).sqrt()
        change = torch.maximum((moved - location).abs(), (wide - scale).abs()) / deviation[..., None]
        location, scale = moved, wide
        if change.max() < tolerance:
            break
    largest = weights.amax(-1, keepdim=True)
    return Fits(x, freedom, mean, deviation, location[..., 0], scale[..., 0], weights / largest)
