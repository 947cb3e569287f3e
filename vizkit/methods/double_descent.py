"""More parameters than data: the test error of random features, with its peak where the two are as many."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.seeds import generator

__all__ = ["FeatureErrors", "feature_errors"]


@dataclass(frozen=True)
class FeatureErrors:
    """Errors of least squares by the number of its features.

    Parameters
    ----------
    counts : tuple of int
        Features.
    train, test : Tensor, float64, shape (draws, counts)
        Mean squared errors; without noise the test error of predicting the mean is 1.
    size : Tensor, shape (draws, counts)
        Length of the fitted weights.
    """

    counts: tuple[int, ...]
    train: Tensor
    test: Tensor
    size: Tensor


def feature_errors(
    counts: Sequence[int],
    *,
    samples: int = 40,
    inputs: int = 10,
    noise: float = 0.3,
    ridge: float = 0.0,
    draws: int = 20,
    seed: int = 0,
) -> FeatureErrors:
    """Fit random ReLU features by least squares: of all that fit the samples, the shortest weights.

    The truth is a linear function of the inputs, of variance 1; inputs are normal. A feature is the ReLU of a random
    mixture of the inputs and a constant.

    Parameters
    ----------
    counts : sequence of int
        Of features.
    samples, inputs : int
        Training samples, and the inputs of each.
    noise : float
        Standard deviation of what is added to the training answers.
    ridge : float
        Weight of the squared length of the fitted weights; 0: the shortest of the best.
    draws : int
        Of samples, features and noise.
    seed : int

    References
    ----------
    Belkin et al., "Reconciling modern machine-learning practice and the classical bias-variance trade-off", PNAS 2019.
    """
    draws, samples = checks.integer(draws, 1, None, "draws"), checks.integer(samples, 2, None, "samples")
    if not noise >= 0 or not ridge >= 0:
        raise ValueError(f"noise and ridge must be 0 or more, got {noise} and {ridge}")
    most = max(checks.integer(count, 1, None, "count") for count in counts)
    rows = []
    for draw in range(draws):
        random = generator(seed * 1000 + draw)

        def normal(*shape: int, random: torch.Generator = random) -> Tensor:
            return torch.randn(*shape, dtype=torch.float64, generator=random)

        truth = normal(inputs)
        truth = truth / truth.norm()
        x, held = normal(samples, inputs), normal(500, inputs)
        y = x @ truth + noise * normal(samples)
        mixtures, shifts = normal(inputs, most) / inputs**0.5, normal(most)
        known, new = ((one @ mixtures + shifts).relu() for one in (x, held))
        rows.append([_fitted(known[:, :n], y, new[:, :n], held @ truth, ridge) for n in counts])
    found = torch.tensor(rows, dtype=torch.float64)
    return FeatureErrors(tuple(counts), found[..., 0], found[..., 1], found[..., 2])


def _fitted(known: Tensor, y: Tensor, new: Tensor, truth: Tensor, ridge: float) -> tuple[float, float, float]:
    """Return the errors on known and new samples, and the weights' length."""
    if ridge:
        size = known.shape[1]
        weights = torch.linalg.solve(known.T @ known + ridge * torch.eye(size, dtype=known.dtype), known.T @ y)
    else:
        weights = torch.linalg.pinv(known, rtol=1e-12) @ y
    errors = [float((one @ weights - other).square().mean()) for one, other in ((known, y), (new, truth))]
    return errors[0], errors[1], float(weights.norm())
