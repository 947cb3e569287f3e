"""What features are good for: those that add nothing, and how many components a few samples bear."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, get_args

import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.seeds import generator, normal
from vizkit.methods.pca import check_table, pca

__all__ = ["ComponentScores", "component_scores", "learning_curve", "widened"]

Added = Literal["copies", "mixtures", "noise"]
Classifier = Literal["nearest neighbor", "least squares"]


def widened(samples: Tensor, kind: Added, count: int, *, seed: int = 0) -> Tensor:
    """Add features to samples that say nothing new.

    ======== ================================================================
    copies   features drawn at random, once more
    mixtures random sums of all features, about as wide as one of them
    noise    normal numbers that have to do with nothing, as wide as the samples
    ======== ================================================================

    Parameters
    ----------
    samples : Tensor, shape (m, n)
    kind : {"copies", "mixtures", "noise"}
    count : int
        Features to add, 0 or more.
    seed : int

    Returns
    -------
    Tensor, float64, shape (m, n + count)

    Raises
    ------
    TypeError, ValueError
        If the samples are no table of finite numbers or a setting is out of range.
    """
    table = check_table(samples)
    checks.choice(kind, get_args(Added), "kind of features")
    count = checks.integer(count, 0, None, "count")
    features = table.shape[1]
    if kind == "copies":
        more = table[:, torch.randint(features, (count,), generator=generator(seed))]
    elif kind == "mixtures":
        more = table @ normal((features, count), seed).double() / features**0.5
    else:
        more = table.std() * normal((len(table), count), seed).double()
    return torch.cat([table, more], 1)


def _split(count: int, train: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return which samples to learn from and which to hold out, drawn at random."""
    train = checks.integer(train, 2, count - 1, "train")
    order = torch.randperm(count, generator=generator(seed))
    return order[:train], order[train:]


def learning_curve(samples: Tensor, labels: Tensor, sizes: Sequence[int], *, seed: int = 0) -> Tensor:
    """Return how often the nearest of the first samples tells the class of those held out, shape (sizes,).

    Parameters
    ----------
    samples : Tensor, shape (m, n)
    labels : Tensor, int64, shape (m,)
    sizes : sequence of int
        How many samples to learn from, ascending, the last below m; all behind the last are held out.
    seed : int
        Of the order.

    Raises
    ------
    TypeError, ValueError
        If the samples are no table of finite numbers or too few.
    """
    table = check_table(samples)
    known, held = _split(len(table), sizes[-1], seed)
    distances = torch.cdist(table[held], table[known])
    right = [(labels[known[distances[:, :size].argmin(1)]] == labels[held]).double().mean() for size in sizes]
    return torch.stack(right)


def _running(parts: Iterable[Tensor], read: Callable[[Tensor], Tensor]) -> Tensor:
    """Return what is read off the sum of the first 1, 2, ... parts, a row each."""
    return torch.stack([read(total) for total in accumulate(parts)])


@dataclass(frozen=True)
class ComponentScores:
    """How often a classifier is right by the first 1, 2, ... components of its training samples.

    Parameters
    ----------
    train, held : Tensor, shape (k,)
        Of the samples it was fitted to, and of all others, in [0, 1].
    """

    train: Tensor
    held: Tensor


def component_scores(
    samples: Tensor, labels: Tensor, *, train: int = 50, classifier: Classifier = "least squares", seed: int = 0
) -> ComponentScores:
    """Fit a classifier to a few samples by their first 1, 2, ... components, as many as they have.

    Components are uncorrelated: each adds its own part to the distances between samples, and its own part to the
    least squares, so that all numbers of components cost what the largest does.

    Parameters
    ----------
    samples : Tensor, shape (m, n)
    labels : Tensor, int64, shape (m,)
        Classes from 0 up.
    train : int
        Samples to learn from, their components too; all others are held out.
    classifier : {"nearest neighbor", "least squares"}
        The second fits a linear function to each class, 1 for its samples and 0 for others; the largest wins.
    seed : int
        Of the split.

    Raises
    ------
    TypeError, ValueError
        If the samples are no table of finite numbers or a setting is out of range.
    """
    table = check_table(samples)
    checks.choice(classifier, get_args(Classifier), "classifier")
    known, held = _split(len(table), train, seed)
    found = pca(table[known])
    falling = found.eigenvalues.flip(0)
    rank = int((falling > 1e-9 * falling[0]).sum())
    own, others = ((table[rows] - found.mean) @ found.eigenvectors.flip(1)[:, :rank] for rows in (known, held))
    if classifier == "nearest neighbor":
        parts = ((places[:, None] - own).square().unbind(2) for places in (own, others))
        guesses = [_running(part, lambda total: labels[known[total.argmin(1)]]) for part in parts]
    else:
        truth = torch.nn.functional.one_hot(labels[known], int(labels.max()) + 1).double()
        slopes = own.T @ (truth - truth.mean(0)) / own.square().sum(0)[:, None]
        parts = ((places[:, :, None] * slopes).unbind(1) for places in (own, others))
        guesses = [_running(part, lambda total: (truth.mean(0) + total).argmax(1)) for part in parts]
    shares = ((guess == labels[rows]).double().mean(1) for guess, rows in zip(guesses, (known, held), strict=True))
    return ComponentScores(*shares)
