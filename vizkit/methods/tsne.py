"""Stochastic neighbor embedding in three steps of its history: SNE, symmetric SNE, t-SNE.

All three place points so that neighbors stay neighbors, by gradient descent on a Kullback-Leibler
divergence. The exact algorithms, O(N^2) in time and memory.

Two denominators are printed on the slides (003) as ``sum over k != i`` where the joint
probabilities of symmetric SNE and t-SNE need the sum over *all* pairs ``k != l``: only then do the
q sum to 1 as the p do, and only then is the printed gradient the gradient. The slides also set
``sigma^2 = 1 / sqrt(2)`` in the plane; ``exp(-d^2)`` is ``sigma = 1 / sqrt(2)``.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.seeds import generator
from vizkit.core.steps import Step, step_method

__all__ = [
    "DescentStep",
    "EmbeddingStep",
    "ball_distances",
    "conditional_probabilities",
    "cost_and_gradient",
    "embedding_steps",
    "perplexities",
    "sigma_search",
    "squared_distances",
]

Kind = Literal["sne", "symmetric", "tsne"]
_TINY = 1e-12


def squared_distances(points: Tensor) -> Tensor:
    """Return ``||x_i - x_j||^2`` for all pairs, shape (N, N), the diagonal exactly 0.

    Parameters
    ----------
    points : Tensor, shape (N, d)
    """
    norms = points.square().sum(1)
    distances = (norms[:, None] + norms - 2 * points @ points.T).clamp(min=0)
    return distances.fill_diagonal_(0)


def conditional_probabilities(points: Tensor, perplexity: float = 30, *, tolerance: float = 1e-5) -> Tensor:
    """Return how likely each point would pick each other as its neighbor.

    ``p[i, j] = exp(-d_ij^2 / 2 sigma_i^2) / sum_k!=i exp(-d_ik^2 / 2 sigma_i^2)``, each sigma_i
    searched by bisection so that the row's entropy is ``log(perplexity)``.

    Parameters
    ----------
    points : Tensor, shape (N, d)
    perplexity : float
        Effective number of neighbors, in (1, N - 1).
    tolerance : float
        Of the entropy, in nats.

    Returns
    -------
    Tensor, float64, shape (N, N)
        Rows sum to 1, the diagonal is 0.

    Raises
    ------
    ValueError
        If the points are no finite table, the perplexity is out of range, or a row cannot reach
        it because too many points coincide.

    References
    ----------
    Hinton & Roweis, "Stochastic Neighbor Embedding", NeurIPS 2002.
    """
    for step in _bisection(points, perplexity, tolerance):
        rows = step[0]  # one step's at a time: each is N x N
    return rows


def bandwidths(points: Tensor, perplexity: float = 30, *, tolerance: float = 1e-5) -> Tensor:
    """Return the sigma_i that `conditional_probabilities` finds, float64, shape (N,).

    Wide where points are sparse, narrow where they are dense: each point gets the same effective
    number of neighbors.

    Raises
    ------
    ValueError
        As `conditional_probabilities` does.
    """
    return sigma_search(points, perplexity, tolerance=tolerance)[0][-1]


def sigma_search(points: Tensor, perplexity: float = 30, *, tolerance: float = 1e-5) -> tuple[Tensor, Tensor]:
    """Return what the search for sigma tries, and how many neighbors each point gets by it.

    Parameters
    ----------
    points : Tensor, shape (N, d)
    perplexity : float
        How many neighbors each point is to have, from 1 to N - 1.
    tolerance : float
        Of the entropy, in nats.

    Returns
    -------
    sigma : Tensor, float64, shape (steps, N)
        Bisection halves an interval of its logarithm; the last row is what is found.
    neighbors : Tensor, float64, shape (steps, N)
        The perplexity at that sigma: the exponential of the entropy of the point's row.

    Raises
    ------
    ValueError
        As `conditional_probabilities` does.
    """
    tried = [(sigma, entropy.exp()) for _, sigma, entropy in _bisection(points, perplexity, tolerance)]
    sigma, neighbors = zip(*tried, strict=True)
    return torch.stack(sigma), torch.stack(neighbors)


def perplexities(points: Tensor, index: int, sigma: Tensor) -> Tensor:
    """Return how many neighbors one point has at each sigma, shape (n,): the curve that the search walks on.

    Parameters
    ----------
    points : Tensor, shape (N, d)
    index : int
        Which point's neighbors are counted.
    sigma : Tensor, shape (n,)
        Widths of the Gaussian around it, in the points' units, above 0.
    """
    points = _check_points(points)
    distances = (points - points[index]).square().sum(1)[torch.arange(len(points)) != index]
    rows = torch.softmax(-distances / (2 * sigma.double()[:, None] ** 2), 1)
    found: Tensor = torch.special.entr(rows).sum(1).exp()
    return found


def _bisection(points: Tensor, perplexity: float, tolerance: float) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield the rows (N, N), the sigma (N,) and the entropies (N,) of every step, to the one that is near enough."""
    points = _check_points(points)
    count = len(points)
    if not 1 < perplexity < count - 1:
        raise ValueError(f"perplexity must be between 1 and N - 1 = {count - 1}, got {perplexity:g}")
    distances = squared_distances(points)
    # Against overflow: only differences of distances within a row matter.
    others = distances + torch.diag(torch.full((count,), torch.inf, dtype=torch.float64))
    others = others - others.amin(1, keepdim=True)
    goal = math.log(perplexity)
    scale = others[others.isfinite()].mean().clamp(min=_TINY)
    low = torch.full((count, 1), -60.0, dtype=torch.float64)
    high = -low
    for _ in range(100):
        middle = (low + high) / 2
        rows = torch.softmax(-others * torch.exp(middle) / scale, 1)
        entropy = torch.special.entr(rows).sum(1, keepdim=True)
        precision = torch.exp(middle[:, 0]) / scale  # 1 / (2 sigma^2)
        yield rows, (2 * precision).rsqrt(), entropy[:, 0]
        if (entropy - goal).abs().max() < tolerance:
            return
        low = torch.where(entropy > goal, middle, low)  # too many neighbors: a sharper Gaussian
        high = torch.where(entropy > goal, high, middle)
    row = int((entropy - goal).abs().argmax())
    raise ValueError(
        f"point {row} cannot have {perplexity:g} neighbors: too many points coincide "
        f"(it reached {float(entropy[row].exp()):.3g})"
    )


def _check_points(points: Tensor) -> Tensor:
    if points.ndim != 2 or len(points) < 4:
        raise ValueError(f"points must be (N, d) with N of at least 4, got {tuple(points.shape)}")
    if not points.isfinite().all():
        raise ValueError("points must be finite, got NaN or infinity")
    return points.detach().cpu().to(torch.float64)


def joint_probabilities(conditional: Tensor) -> Tensor:
    """Return ``p_ij = (p_j|i + p_i|j) / 2N``: symmetric, all pairs together sum to 1."""
    return (conditional + conditional.T) / (2 * len(conditional))


def targets(points: Tensor, perplexity: float, kind: Kind) -> Tensor:
    """Return the probabilities that a kind of embedding is to match, shape (N, N)."""
    checks.choice(kind, get_args(Kind), "kind of embedding")
    conditional = conditional_probabilities(points, perplexity)
    return conditional if kind == "sne" else joint_probabilities(conditional)


def cost_and_gradient(
    targets: Tensor, embedding: Tensor, kind: Kind, *, exaggeration: float = 1, entropy: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the Kullback-Leibler divergence of an embedding and its gradient.

    ========== ============================================ ====================================
    kind       q                                            dC / dy_i
    ========== ============================================ ====================================
    sne        ``exp(-d_ij^2) / sum_k!=i exp(-d_ik^2)``     ``2 sum_j (p_j|i - q_j|i + p_i|j -
                                                            q_i|j)(y_i - y_j)``
    symmetric  ``exp(-d_ij^2) / sum_k!=l exp(-d_kl^2)``     ``4 sum_j (p_ij - q_ij)(y_i - y_j)``
    tsne       ``(1 + d_ij^2)^-1 / sum_k!=l (...)^-1``      ``4 sum_j (p_ij - q_ij)(y_i - y_j)
                                                            (1 + d_ij^2)^-1``
    ========== ============================================ ====================================

    Parameters
    ----------
    targets : Tensor, shape (N, N)
        Conditional for ``"sne"``, else joint.
    embedding : Tensor, shape (N, 2 or 3)
    kind : {"sne", "symmetric", "tsne"}
    exaggeration : float
        Factor on the targets in the gradient; the cost is always the true one.
    entropy : Tensor, scalar, optional
        Of the targets, if it is known already: a third of the time.

    Returns
    -------
    (Tensor, Tensor)
        The cost, a scalar; the gradient, the shape of `embedding`.

    References
    ----------
    van der Maaten & Hinton, "Visualizing Data using t-SNE", JMLR 2008.
    """
    distances = squared_distances(embedding)
    log_close = -torch.log1p(distances) if kind == "tsne" else -distances
    closeness = 1 / (1 + distances) if kind == "tsne" else torch.exp(log_close)
    closeness = closeness.fill_diagonal_(0)
    total = closeness.sum(1, keepdim=True) if kind == "sne" else closeness.sum()
    total = total.clamp(min=_TINY)
    found = closeness / total
    if entropy is None:
        entropy = torch.special.entr(targets).sum()  # 0 log 0 is 0
    normalization = (targets.sum(1, keepdim=True) * total.log()).sum()
    cost = normalization - (targets * log_close).sum() - entropy
    pull = exaggeration * targets - found
    weights = 2 * (pull + pull.T) if kind == "sne" else 4 * (pull * closeness if kind == "tsne" else pull)
    # sum_j w_ij (y_i - y_j), without forming the N x N x 2 differences
    return cost, weights.sum(1, keepdim=True) * embedding - weights @ embedding


def closeness(distance: Tensor, kind: Kind) -> Tensor:
    """Return how close a pair at a distance counts in the plane, before normalization.

    The Gaussian ``exp(-d^2)``, or for t-SNE the Student tail ``1 / (1 + d^2)``, whose far pairs
    may be much farther apart at the same closeness: that gives crowded points room.
    """
    squared = distance.square()
    return 1 / (1 + squared) if kind == "tsne" else torch.exp(-squared)


def distance_at(value: float, kind: Kind) -> float:
    """Return the distance at which `closeness` has a value in (0, 1)."""
    if not 0 < value < 1:
        raise ValueError(f"closeness must be in (0, 1), got {value}")
    return math.sqrt(1 / value - 1) if kind == "tsne" else math.sqrt(-math.log(value))


def ball_distances(dimension: int, count: int = 400, *, seed: int = 0) -> Tensor:
    """Return the distances of all pairs of points drawn evenly from a ball of radius 1.

    In high dimension nearly all pairs are equally far apart, which no drawing in the plane can
    keep: the crowding problem.

    Parameters
    ----------
    dimension : int
        Of the ball, from 1.
    count : int
        Points; ``count (count - 1) / 2`` pairs.
    seed : int

    Returns
    -------
    Tensor, float64, shape (pairs,)
    """
    dimension = checks.integer(dimension, 1, None, "dimension")
    random = generator(seed)
    directions = torch.nn.functional.normalize(torch.randn(count, dimension, generator=random))
    radius = torch.rand(count, 1, generator=random) ** (1 / dimension)
    return torch.pdist(directions * radius)


def default_learning_rate(count: int, kind: Kind) -> float:
    """Return a learning rate that suits N points.

    ``max(N / 48, 50)`` for t-SNE (Belkina et al. 2019). With Gaussians in the plane the forces do
    not fade with the distance, and a tenth of it is stable under exaggeration; the targets of
    SNE sum to N and not to 1: an N-th of that.
    """
    rate = max(count / 48, 50.0)
    return rate if kind == "tsne" else rate / 10 / (count if kind == "sne" else 1)


@dataclass(frozen=True)
class EmbeddingStep(Step):
    """One state of an embedding under way.

    Parameters
    ----------
    cost : float
        Kullback-Leibler divergence in nats, without exaggeration.
    embedding : Tensor, float32, shape (N, 2)
        Centered.
    exaggerated : bool
        Whether the targets were exaggerated in this step.
    """

    cost: float
    embedding: Tensor
    exaggerated: bool


@dataclass(frozen=True)
class DescentStep(EmbeddingStep):
    """One step of the exact gradient descent; its cost is that before the step.

    Parameters
    ----------
    velocity, gains : Tensor, shape (N, 2)
        The optimizer's memory, needed to continue.
    """

    velocity: Tensor
    gains: Tensor


@step_method(live={"targets", "rate", "exaggeration", "exaggerated", "steps"})
def embedding_steps(
    targets: Tensor,
    kind: Kind = "tsne",
    *,
    steps: int = 750,
    rate: float | None = None,
    exaggeration: float = 12,
    exaggerated: int = 250,
    seed: int = 0,
    resume: DescentStep | None = None,
) -> Iterator[DescentStep]:
    """Embed points in the plane by gradient descent, one step at a time.

    Momentum 0.5 while the targets are exaggerated and 0.8 behind that; a gain per coordinate
    grows where the gradient keeps its sign (van der Maaten's own code).

    Parameters
    ----------
    targets : Tensor, shape (N, N)
        From `targets`, of the same kind.
    kind : {"sne", "symmetric", "tsne"}
    steps : int
    rate : float, optional
        `default_learning_rate` by default.
    exaggeration : float
        Factor on the targets in the first steps, so that clusters form before they spread.
    exaggerated : int
        Number of those steps.
    seed : int
    resume : DescentStep, optional
        A step of an earlier run with the same targets: go on behind it.

    Raises
    ------
    ValueError
        If a number is out of range or the targets are not square.
    """
    checks.choice(kind, get_args(Kind), "kind of embedding")
    steps = checks.integer(steps, 1, None, "steps")
    if targets.ndim != 2 or len(targets) != len(targets.T):
        raise ValueError(f"targets must be (N, N), got {tuple(targets.shape)}")
    if rate is not None and not rate > 0:
        raise ValueError(f"rate must be positive, got {rate}")
    count = len(targets)
    rate = rate or default_learning_rate(count, kind)
    targets = targets.float()
    entropy = torch.special.entr(targets).sum()
    if resume is None:
        embedding = 1e-2 * torch.randn(count, 2, generator=generator(seed))
        velocity, gains = torch.zeros_like(embedding), torch.ones_like(embedding)
    else:
        embedding, velocity, gains = resume.embedding, resume.velocity, resume.gains
    for index in range(resume.index if resume else 0, steps):
        early = index < exaggerated
        factor = exaggeration if early else 1
        cost, gradient = cost_and_gradient(targets, embedding, kind, exaggeration=factor, entropy=entropy)
        gains = torch.where(gradient.sign() == velocity.sign(), gains * 0.8, gains + 0.2)
        gains = gains.clamp(min=0.01)
        velocity = (0.5 if early else 0.8) * velocity - rate * gains * gradient
        embedding = embedding + velocity
        embedding = embedding - embedding.mean(0)
        held = (embedding.clone(), early, velocity.clone(), gains.clone())
        yield DescentStep(index + 1, steps, float(cost), *held)
