"""t-SNE of many points through openTSNE, and what each algorithm costs as N grows."""

import math
import time
import timeit
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from vizkit.methods.tsne import EmbeddingStep, Kind, cost_and_gradient, default_learning_rate, embedding_steps, targets

__all__ = [
    "TSNEStep",
    "TimingStep",
    "extrapolated",
    "fitted_growth",
    "large_embedding_steps",
    "neighbor_affinities",
    "place_new",
    "timed_steps",
    "timing_steps",
    "tsne_steps",
]

Approximation = Literal["bh", "fft"]
Algorithm = Literal["sne", "symmetric", "tsne", "bh", "fft"]


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
    algorithm: Approximation = "fft",
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
    checks.choice(algorithm, get_args(Approximation), "algorithm")
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


def place_new(embedding: Tensor, points: Tensor, new: Tensor, *, perplexity: float = 30, seed: int = 0) -> Tensor:
    """Place new points into a finished embedding, which stays as it is.

    Each begins at the median of its nearest neighbors' places and moves down the divergence by itself;
    t-SNE has no function that says where a point belongs, so this is an answer beside it.

    Parameters
    ----------
    embedding : Tensor, shape (N, 2)
        Finished, of `points`.
    points : Tensor, shape (N, d)
    new : Tensor, shape (M, d)
    perplexity : float
        In (1, (N - 1) / 3), for the points' own affinities.
    seed : int
        Of the approximate search for neighbors.

    Returns
    -------
    Tensor, float32, shape (M, 2)

    Raises
    ------
    ValueError
        If the tables do not fit each other or the perplexity is out of range.

    References
    ----------
    Policar, Strazar & Zupan, "Embedding to reference t-SNE space addresses batch effects in single-cell
    classification", Machine Learning 2023.
    """
    if len(embedding) != len(points) or embedding.ndim != 2 or new.ndim != 2 or new.shape[1:] != points.shape[1:]:
        raise ValueError(
            "embedding, points and new must be (N, 2), (N, d) and (M, d), "
            f"got {tuple(embedding.shape)}, {tuple(points.shape)} and {tuple(new.shape)}"
        )
    # One thread: the same twice.
    settings = {"negative_gradient_method": "bh", "n_jobs": 1, "random_state": seed}
    affinities = _affinities(points, perplexity, jobs=1, seed=seed)
    finished = TSNEEmbedding(embedding.double().numpy().copy(), affinities, **settings)
    found = torch.from_numpy(np.array(finished.transform(new.double().numpy())))
    # The library has moved the finished points to the middle first.
    moved = embedding[0].double() - torch.from_numpy(np.array(finished[0]))
    return (found + moved).float()


@dataclass(frozen=True)
class TimedStep(Step):
    """One state of an embedding, and what it has taken.

    Parameters
    ----------
    embedding : Tensor, float32, shape (N, 2)
    seconds : float
        Since the run began, without what its reader does between two steps.
    inner : TSNEStep
        The embedding's own step.
    """

    embedding: Tensor
    seconds: float
    inner: TSNEStep


@step_method(inexact="the seconds are this machine's: no two runs take the same")
def timed_steps(
    points: Tensor, *, perplexity: float = 30, steps: int = 500, seed: int = 0, resume: TimedStep | None = None
) -> Iterator[TimedStep]:
    """Embed points by exact t-SNE, see `tsne_steps`, and take the time.

    Parameters
    ----------
    points : Tensor, shape (N, d)
    perplexity : float
        How many neighbors each point is to have.
    steps : int
    seed : int
    resume : TimedStep, optional
        Goes on behind this one.

    Yields
    ------
    TimedStep

    Raises
    ------
    TypeError, ValueError
        As `tsne_steps` does.
    """
    inner, spent = (resume.inner, resume.seconds) if resume else (None, 0.0)
    run = tsne_steps(points, perplexity=perplexity, exaggerated=120, steps=steps, seed=seed, resume=inner)
    with closing(run):  # type: ignore[type-var]
        begun = time.perf_counter()
        for step in run:
            spent += time.perf_counter() - begun
            yield TimedStep(step.index, step.total, step.embedding.clone(), spent, step)
            begun = time.perf_counter()


@dataclass(frozen=True)
class TimingStep(Step):
    """The times taken so far, number of points by number of points.

    Parameters
    ----------
    seconds : dict of str to dict of int to float
        Seconds of one gradient step, by algorithm and number of points: exact SNE, symmetric SNE and
        t-SNE, then t-SNE by Barnes-Hut and by interpolation.
    sizes : dict of str to dict of int to int
        Bytes of the probabilities that the algorithm keeps, by algorithm and number of points.
    spent, budget : float
        Seconds in all.
    skipped : tuple of int
        Numbers of points that did not fit into the budget.
    """

    seconds: dict[Algorithm, dict[int, float]]
    sizes: dict[Algorithm, dict[int, int]]
    spent: float
    budget: float
    skipped: tuple[int, ...]


SIZES = (250, 500, 1000, 2000, 4000, 8000, 20000)
#: The exact algorithm keeps several N x N tables: 8,000 points would fill 2 GB.
MOST_EXACT = 4000


@step_method(inexact="times of two moments do not mix: it measures again")
def timing_steps(budget: float = 40, *, sizes: Sequence[int] = SIZES) -> Iterator[TimingStep]:
    """Measure on this machine what one gradient step costs, of each algorithm, exactly and approximated.

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
    costs: dict[Algorithm, dict[int, tuple[float, int]]] = {name: {} for name in get_args(Algorithm)}
    skipped: list[int] = []
    spent = guess = 0.0
    for index, count in enumerate(sizes):
        if index and guess * (count / sizes[index - 1]) ** 1.5 > budget - spent:
            skipped.append(count)
        else:
            for name, cost in _costs_of_step(count).items():
                costs[name][count] = cost
            now = time.perf_counter() - begun
            guess, spent = now - spent, now
        taken = {name: {at: one[0] for at, one in found.items()} for name, found in costs.items()}
        kept = {name: {at: one[1] for at, one in found.items()} for name, found in costs.items()}
        yield TimingStep(index + 1, len(sizes), taken, kept, spent, budget, tuple(skipped))


def _costs_of_step(count: int) -> dict[Algorithm, tuple[float, int]]:
    """Return the seconds of a step and the bytes of the probabilities, by algorithm."""
    found: dict[Algorithm, tuple[float, int]] = {}
    if count <= MOST_EXACT:
        # The numbers do not change the time.
        targets = torch.full((count, count), 1 / count**2)
        embedding = normal((count, 2), seed=0)
        for kind in get_args(Kind):
            cost_and_gradient(targets, embedding, kind)  # the first call is slower
            taken = _least_seconds(partial(cost_and_gradient, targets, embedding, kind), repeats=3)
            found[kind] = taken, targets.nbytes
    affinities = neighbor_affinities(_noisy_digits(count))
    size = sum(part.nbytes for part in (affinities.P.data, affinities.P.indices, affinities.P.indptr))
    for algorithm in get_args(Approximation):
        steps = large_embedding_steps(affinities, algorithm, steps=24, exaggerated=0, every=4)
        with closing(steps):  # type: ignore[type-var]
            next(steps)
            found[algorithm] = _least_seconds(partial(next, steps), repeats=5) / 4, size
    return found


#: What a step's time grows as, N points large enough: every pair, a tree, a grid.
ORDERS: dict[Algorithm, Callable[[float], float]] = {
    "sne": lambda count: count**2,
    "symmetric": lambda count: count**2,
    "tsne": lambda count: count**2,
    "bh": lambda count: count * math.log(count),
    "fft": lambda count: count,
}


def fitted_growth(measured: Mapping[int, float], count: int, *, last: int = 3) -> tuple[float, float]:
    """Carry on what grows with the number of points by a straight line in logarithms.

    Parameters
    ----------
    measured : mapping of int to float
        A positive number at each number of points, ascending.
    count : int
        Where to: an extrapolation, no measurement.
    last : int
        So many of the largest numbers of points are fitted: with few points what does not grow hides what does.

    Returns
    -------
    (float, float)
        The slope, 2 for what grows as N^2; the value at `count`.

    Raises
    ------
    ValueError
        If there are fewer than two numbers of points.
    """
    if len(measured) < 2:
        raise ValueError(f"measured must have two numbers of points or more, got {len(measured)}")
    points, values = (np.log(list(one)[-last:]) for one in (measured.keys(), measured.values()))
    slope, offset = np.polyfit(points, values, 1)
    return float(slope), float(np.exp(offset + slope * np.log(count)))


@dataclass(frozen=True)
class Extrapolation:
    """What one algorithm would take for more points than were measured.

    Parameters
    ----------
    slope : float
        Of the logarithm of the seconds over that of the number of points, at the three largest.
    fitted, ordered : float
        Seconds of a step, that slope carried on; and as theory has it from the largest size on, see `ORDERS`.
    size : float
        Bytes of the probabilities, carried on by their own slope.
    """

    slope: float
    fitted: float
    ordered: float
    size: float


def extrapolated(step: TimingStep, count: int) -> dict[Algorithm, Extrapolation]:
    """Return what each algorithm would take for `count` points; of those measured at two sizes or more.

    Parameters
    ----------
    step : TimingStep
        The last one of `timing_steps`.
    count : int
        Points, more than were measured.
    """
    found = {}
    for name, taken in step.seconds.items():
        if len(taken) > 1:
            largest = max(taken)
            ordered = taken[largest] * ORDERS[name](count) / ORDERS[name](largest)
            found[name] = Extrapolation(
                *fitted_growth(taken, count), ordered, fitted_growth(step.sizes[name], count)[1]
            )
    return found


def _least_seconds(run: Callable[[], object], repeats: int) -> float:
    """Return the least time of some: what others do on the machine only adds to it."""
    return min(timeit.repeat(run, number=1, repeat=repeats))


def _noisy_digits(count: int) -> Tensor:
    pictures = digits().flatten(1)
    chosen = pictures[torch.arange(count) % len(pictures)]
    return chosen + 0.05 * normal(tuple(chosen.shape), seed=1).double()
