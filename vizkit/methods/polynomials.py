"""Polynomials with far more coefficients than points: of all that fit, the one that gradient descent finds."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.seeds import generator

__all__ = ["PolynomialFit", "fit_polynomial", "legendre_features", "noisy_curve"]


def legendre_features(x: Tensor, degree: int) -> Tensor:
    """Return the Legendre polynomials at some places, each of mean square 1 over [-1, 1].

    Parameters
    ----------
    x : Tensor, float64, shape (n,), in [-1, 1]
    degree : int

    Returns
    -------
    Tensor, shape (n, degree + 1)
    """
    degree = checks.integer(degree, 0, 2000, "degree")
    if not bool((x.abs() <= 1).all()):
        raise ValueError(f"x must be in [-1, 1], got {float(x.abs().max()):g}")
    values = torch.from_numpy(np.polynomial.legendre.legvander(x.double().numpy(), degree))
    return values * (2 * torch.arange(degree + 1, dtype=torch.float64) + 1).sqrt()


@dataclass(frozen=True)
class PolynomialFit:
    """A polynomial through or near some points.

    Parameters
    ----------
    weights : Tensor, float64, shape (degree + 1,)
        Of `legendre_features`, each divided by its degree + 1.
    train : float
        Mean squared error on the points.
    """

    weights: Tensor
    train: float

    def at(self, x: Tensor) -> Tensor:
        """Return the polynomial's values at some places in [-1, 1]."""
        return features(x, len(self.weights) - 1) @ self.weights


def features(x: Tensor, degree: int) -> Tensor:
    """Return Legendre polynomials, those of a high degree small: so that short weights make a smooth curve."""
    return legendre_features(x, degree) / (torch.arange(degree + 1, dtype=torch.float64) + 1)


def fit_polynomial(x: Tensor, y: Tensor, degree: int, *, start: float = 0.0, seed: int = 0) -> PolynomialFit:
    """Return where gradient descent on the squared error ends, from random weights of a size.

    A step moves the weights along the rows of the features alone. So of all weights that fit best gradient descent
    finds those nearest to its start: ``w0 + pinv(X) (y - X w0)``; from 0, the shortest.

    Parameters
    ----------
    x, y : Tensor, float64, shape (n,)
        `x` in [-1, 1].
    degree : int
    start : float
        Standard deviation of the first weights.
    seed : int

    Raises
    ------
    ValueError
        If the points do not fit together, or a number is out of range.
    """
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"x and y must have one shape (n,), got {tuple(x.shape)} and {tuple(y.shape)}")
    if not start >= 0:
        raise ValueError(f"start must be 0 or more, got {start}")
    matrix = features(x, degree)
    first = start * torch.randn(degree + 1, dtype=torch.float64, generator=generator(seed))
    weights = first + torch.linalg.pinv(matrix, rtol=1e-12) @ (y.double() - matrix @ first)
    return PolynomialFit(weights, float((matrix @ weights - y).square().mean()))


def noisy_curve(count: int = 15, noise: float = 0.1, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Draw places in [-1, 1] and the values of a wave there, with noise.

    Parameters
    ----------
    count : int
    noise : float
        Standard deviation.
    seed : int

    Returns
    -------
    (Tensor, Tensor), float64, shape (count,)
    """
    count = checks.integer(count, 1, 10_000, "count")
    if not noise >= 0:
        raise ValueError(f"noise must be 0 or more, got {noise}")
    random = generator(seed)
    x = (2 * torch.rand(count, dtype=torch.float64, generator=random) - 1).sort().values
    return x, wave(x) + noise * torch.randn(count, dtype=torch.float64, generator=random)


def wave(x: Tensor) -> Tensor:
    """Return the curve that is to be learned."""
    return (3 * x).sin()
