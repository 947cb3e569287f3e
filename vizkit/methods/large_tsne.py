"""t-SNE of many points through openTSNE, and what each algorithm costs as N grows."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from openTSNE import TSNEEmbedding
from openTSNE.affinity import PerplexityBasedNN
from torch import Tensor

from vizkit.core import checks
from vizkit.core.data import digits
from vizkit.core.remembered import remembered
from vizkit.core.seeds import normal
from vizkit.core.steps import Step, from_callback, step_method
from vizkit.methods.tsne import EmbeddingStep, cost_and_gradient, default_learning_rate, embedding_steps, targets

__all__ = ["TSNEStep", "TimingStep", "large_embedding_steps", "neighbor_affinities", "timing_steps", "tsne_steps"]

Algorithm = Literal["exact", "bh", "fft"]


def neighbor_affinities(points: Tensor, perplexity: float = 30, *, jobs: int = 2, seed: int = 0) -> PerplexityBasedNN:
    """Return the sparse joint probabilities of near neighbors, which `large_embedding_steps` takes.

    Parameters
    ----------
    points : Tensor, shape (N, d)
    perplexity : float
        In (1, (N - 1) / 3): only three times as many neighbors of each point are looked at.
    jobs : int
        Threads.
    seed : int
        Of the approximate search for neighbors.

    Raises
    ------
    ValueError
        If the points are no finite table or the perplexity is out of range.
    """
    if points.ndim != 2 or not points.isfinite().all():
        raise ValueError(f"points must be (N, d) and finite, got {tuple(points.shape)}")
    most = (len(points) - 1) / 3
    if not 1 < perplexity < most:
        raise ValueError(f"perplexity must be between 1 and (N - 1) / 3 = {most:.0f}, got {perplexity:g}")
    table = points.detach().cpu().double().numpy()
    return PerplexityBasedNN(table, perplexity, n_jobs=jobs, random_state=seed)


@step_method(
    live={"affinities", "rate", "exaggeration", "exaggerated", "steps"},
    inexact="openTSNE keeps its momentum to itself: a run that goes on starts from rest",
)
def large_embedding_steps(
    affinities: PerplexityBasedNN,
    algorithm: Literal["bh", "fft"] = "fft",
    *,
    steps: int = 750,
    rate: float | None = None,
    exaggeration: float = 12,
    exaggerated: int = 250,
    every: int = 5,
    jobs: int = 2,
    seed: int = 0,
    resume: EmbeddingStep | None = None,
) -> Iterator[EmbeddingStep]:
    """Embed many points in the plane with openTSNE.

    Parameters
    ----------
    affinities : PerplexityBasedNN
        From `neighbor_affinities`.
    algorithm : {"bh", "fft"}
        For the forces between points that are no neighbors: a tree, O(N log N) (Barnes-Hut), or
        interpolation on a grid, O(N) (FIt-SNE).
    steps, exaggerated : int
        In all, and how many of them with exaggerated targets.
    rate : float, optional
        openTSNE's own by default, N / exaggeration.
    exaggeration : float
    every : int
        Iterations between two steps.
    jobs : int
        Threads.
    seed : int
    resume : EmbeddingStep, optional
        Go on behind a step of a run with as many points; it starts again from rest.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range.

    References
    ----------
    van der Maaten, "Accelerating t-SNE using Tree-Based Algorithms", JMLR 2014; Linderman et al.,
    "Fast interpolation-based t-SNE for improved visualization of single-cell RNA-seq data", Nature
    Methods 2019; Policar, Strazar & Zupan, "openTSNE", Journal of Statistical Software 2024.
    """
    checks.choice(algorithm, ("bh", "fft"), "algorithm")
    steps = checks.integer(steps, 1, None, "steps")
    every = checks.integer(every, 1, None, "every")
    done = resume.index if resume else 0
    start = 1e-4 * normal((affinities.P.shape[0], 2), seed) if resume is None else resume.embedding
    embedding = TSNEEmbedding(
        start.double().numpy().copy(),
        affinities,
        negative_gradient_method=algorithm,
        n_jobs=jobs,
        random_state=seed,
        learning_rate=rate or "auto",
    )
    early = min(exaggerated, steps)
    for end, factor, momentum in ((early, exaggeration, 0.5), (steps, 1.0, 0.8)):
        if done >= end:
            continue
        settings = {"n_iter": end - done, "exaggeration": factor, "momentum": momentum}
        states = from_callback(partial(_optimize, embedding, every, settings))
        with closing(states):  # type: ignore[type-var]
            for index, cost, points in states:
                yield EmbeddingStep(done + index, steps, cost, points, factor != 1)
        done = end


def _optimize(embedding: TSNEEmbedding, every: int, settings: dict[str, Any], report: Callable[[Any], bool]) -> None:
    """Run openTSNE's loop; it ends when its callback returns True, as `report` does."""

    def callback(index: int, cost: float, found: NDArray[np.float64]) -> bool:
        if index % every and index != settings["n_iter"]:
            return False
        points = torch.from_numpy(np.array(found))
        return report((index, float(cost), (points - points.mean(0)).float()))

    embedding.optimize(inplace=True, use_callbacks=True, callbacks=callback, callbacks_every_iters=1, **settings)


@dataclass(frozen=True)
class TSNEStep(EmbeddingStep):
    """One state of an embedding under way, with the way that led there.

    Parameters
    ----------
    iterations : tuple of int
    costs : tuple of float
        The divergence at each of them.
    learning_rate : float
        Of this step.
    inner : EmbeddingStep
        The algorithm's own, needed to continue.
    """

    iterations: tuple[int, ...]
    costs: tuple[float, ...]
    learning_rate: float
    inner: EmbeddingStep


#: The decks' three algorithms, and the library for many points.
KINDS = {"sne": "SNE", "symmetric": "symmetric SNE", "tsne": "t-SNE", "openTSNE": "t-SNE by openTSNE"}
_targets = remembered(4)(targets)
_affinities = remembered(4)(neighbor_affinities)


@step_method(live={"perplexity", "rate", "exaggeration", "exaggerated", "steps"})
def tsne_steps(
    points: Tensor,
    kind: str = "tsne",
    *,
    perplexity: float = 30,
    rate: float = 1.0,
    exaggeration: float = 12,
    exaggerated: int = 250,
    steps: int = 750,
    seed: int = 0,
    resume: TSNEStep | None = None,
) -> Iterator[TSNEStep]:
    """Embed points in the plane, from their neighborhoods on, one step at a time.

    Parameters
    ----------
    points : Tensor, shape (N, d)
    kind : {"sne", "symmetric", "tsne", "openTSNE"}
        As in `vizkit.methods.tsne.embedding_steps`, or openTSNE's interpolation.
    perplexity : float
        Effective number of neighbors, in (1, N - 1).
    rate : float
        Of learning, as a multiple of the usual one.
    exaggeration, exaggerated : float, int
        Factor on the targets, and in how many steps at first.
    steps, seed : int
    resume : TSNEStep, optional
        Go on behind a step of a run of the same kind on the same points. openTSNE starts from rest
        then; the others end where they would have ended.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range, or the points are no finite table.

    References
    ----------
    Hinton & Roweis 2002 (SNE); van der Maaten & Hinton 2008 (t-SNE); Policar et al. 2024.
    """
    checks.choice(kind, KINDS, "kind of embedding")
    inner = resume.inner if resume else None
    common: dict[str, Any] = {
        "exaggeration": exaggeration,
        "exaggerated": exaggerated,
        "steps": steps,
        "seed": seed,
        "resume": inner,
    }
    usual = len(points) / exaggeration
    if kind != "openTSNE":
        usual = default_learning_rate(len(points), kind)  # type: ignore[arg-type]
    learning_rate = float(f"{rate * usual:.4g}")
    run: Iterator[EmbeddingStep]
    if kind == "openTSNE":
        near = _affinities(points, perplexity)
        run = large_embedding_steps(near, every=1, rate=learning_rate, **common)
    else:
        wanted = _targets(points, perplexity, kind)  # type: ignore[arg-type]
        run = embedding_steps(wanted, kind, rate=learning_rate, **common)  # type: ignore[arg-type]
    marks, costs = (resume.iterations, resume.costs) if resume else ((), ())
    with closing(run):  # type: ignore[type-var]
        for step in run:
            marks, costs = (*marks, step.index), (*costs, step.cost)
            yield TSNEStep(
                step.index,
                step.total,
                step.cost,
                step.embedding.clone(),
                step.exaggerated,
                marks,
                costs,
                learning_rate,
                step,
            )


@dataclass(frozen=True)
class TimingStep(Step):
    """The times taken so far, number of points by number of points.

    Parameters
    ----------
    seconds : dict of str to dict of int to float
        Seconds of one gradient step, by algorithm and number of points.
    spent, budget : float
        Seconds in all.
    skipped : tuple of int
        Numbers of points that did not fit into the budget.
    """

    seconds: dict[Algorithm, dict[int, float]]
    spent: float
    budget: float
    skipped: tuple[int, ...]


SIZES = (250, 500, 1000, 2000, 4000, 8000, 20000)
#: The exact algorithm keeps several N x N tables: 8,000 points would fill 2 GB.
MOST_EXACT = 4000


@step_method(inexact="times of two moments do not mix: it measures again")
def timing_steps(budget: float = 40, *, sizes: Sequence[int] = SIZES) -> Iterator[TimingStep]:
    """Measure on this machine what one gradient step costs, exactly and approximated.

    On handwritten digits with noise, as many as are asked for.

    Parameters
    ----------
    budget : float
        Seconds in all; what would not fit into the rest of it is not begun.
    sizes : sequence of int
        Numbers of points, ascending.

    Raises
    ------
    ValueError
        If the budget is not positive.
    """
    if not budget > 0:
        raise ValueError(f"budget must be positive seconds, got {budget}")
    begun = time.perf_counter()
    seconds: dict[Algorithm, dict[int, float]] = {name: {} for name in get_args(Algorithm)}
    skipped: list[int] = []
    spent = guess = 0.0
    for index, count in enumerate(sizes):
        if index and guess * (count / sizes[index - 1]) ** 1.5 > budget - spent:
            skipped.append(count)
        else:
            for algorithm, taken in _seconds_per_step(count).items():
                seconds[algorithm][count] = taken
            now = time.perf_counter() - begun
            guess, spent = now - spent, now
        copied = {name: dict(found) for name, found in seconds.items()}
        yield TimingStep(index + 1, len(sizes), copied, spent, budget, tuple(skipped))


def _seconds_per_step(count: int) -> dict[Algorithm, float]:
    found: dict[Algorithm, float] = {}
    if count <= MOST_EXACT:
        # The numbers do not change the time.
        targets = torch.full((count, count), 1 / count**2)
        embedding = normal((count, 2), seed=0)
        cost_and_gradient(targets, embedding, "tsne")  # the first call is slower
        found["exact"] = _median_seconds(lambda: cost_and_gradient(targets, embedding, "tsne"), repeats=5)
    affinities = neighbor_affinities(_noisy_digits(count))
    for algorithm in ("bh", "fft"):
        steps = large_embedding_steps(affinities, algorithm, steps=24, exaggerated=0, every=4)
        with closing(steps):  # type: ignore[type-var]
            next(steps)
            found[algorithm] = _median_seconds(partial(next, steps), repeats=5) / 4
    return found


def _median_seconds(run: Callable[[], object], repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def _noisy_digits(count: int) -> Tensor:
    pictures = digits().flatten(1)
    chosen = pictures[torch.arange(count) % len(pictures)]
    return chosen + 0.05 * normal(tuple(chosen.shape), seed=1).double()
