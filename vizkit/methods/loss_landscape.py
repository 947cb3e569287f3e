"""What the loss looks like around, between and on the way to trained nets."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import torch
from joblib import Parallel, delayed
from torch import Tensor
from torch.func import functional_call, grad

from vizkit.core import checks
from vizkit.core.seeds import normal
from vizkit.core.steps import Step, step_method
from vizkit.methods.small_nets import DeepNet, DigitSplit, NetLoss, TrainStep, train_steps

__all__ = [
    "FitStep",
    "SurfaceStep",
    "TrainedNet",
    "Trajectory",
    "WidthStep",
    "fit_steps",
    "interpolate",
    "largest_curvature",
    "random_directions",
    "surface_steps",
    "train_deep_net",
    "trajectory_plane",
    "width_steps",
]


def interpolate(start: Tensor, end: Tensor, shares: Tensor) -> Tensor:
    """Return the points ``(1 - a) start + a end`` for each share a, shape (A, P).

    Parameters
    ----------
    start, end : Tensor, shape (P,)
    shares : Tensor, shape (A,)
        0 is the start, 1 the end; others lie before, between and beyond.

    References
    ----------
    Goodfellow, Vinyals & Saxe, "Qualitatively characterizing neural network optimization
    problems", ICLR 2015.
    """
    return torch.lerp(start, end, shares[:, None].to(start))


def random_directions(loss: NetLoss, point: Tensor, *, filter_normalized: bool = True, seed: int = 0) -> Tensor:
    """Draw two directions around a point, shape (2, P); zero for biases and batch norm.

    Parameters
    ----------
    loss : NetLoss
    point : Tensor, shape (P,)
    filter_normalized : bool
        Give the part of each filter (each output's row of weights) the length of the point's own
        filter: ``d <- d ||w|| / ||d||``. Otherwise the whole direction gets the length of all
        weights together, and the picture changes when a net is rescaled into an equal one.
    seed : int

    References
    ----------
    Li, Xu, Taylor, Studer & Goldstein, "Visualizing the Loss Landscape of Neural Nets", NeurIPS
    2018.
    """
    found = normal((2, len(point)), seed).to(point)
    weights = loss.named(point)
    moved = torch.zeros_like(point, dtype=torch.bool)
    for (name, part), mask in zip(loss.named(found).items(), loss.named(moved).values(), strict=True):
        if weights[name].ndim < 2:
            continue
        mask.fill_(True)
        if filter_normalized:
            own = weights[name].flatten(1).norm(dim=1)
            length = part.flatten(2).norm(dim=2).clamp(min=1e-12)
            part *= (own / length).view(2, -1, *[1] * (part.ndim - 2))
    found = found * moved
    if not filter_normalized:
        found *= (point * moved).norm() / found.norm(dim=1, keepdim=True)
    return found


@dataclass(frozen=True)
class SurfaceStep(Step):
    """The loss on a plane, as far as it is known.

    Parameters
    ----------
    values : Tensor, shape (len(ys), len(xs))
        NaN where it is not known yet.
    xs, ys : Tensor
        Coordinates along the first and second direction.
    """

    values: Tensor
    xs: Tensor
    ys: Tensor


def default_axis(size: int = 51, reach: float = 1.0) -> Tensor:
    """Return `size` coordinates from -reach to reach."""
    return torch.linspace(-reach, reach, checks.integer(size, 2, 1001, "size"))


@step_method()
def surface_steps(
    loss: NetLoss,
    center: Tensor,
    directions: Tensor,
    *,
    xs: Tensor | None = None,
    ys: Tensor | None = None,
    resume: SurfaceStep | None = None,
) -> Iterator[SurfaceStep]:
    """Compute the loss at ``center + x directions[0] + y directions[1]``, coarse to fine.

    The pieces go through joblib: inside ``joblib.parallel_config(backend="dask")`` they are
    computed by a cluster.

    Parameters
    ----------
    loss : NetLoss
    center : Tensor, shape (P,)
    directions : Tensor, shape (2, P)
    xs, ys : Tensor, optional
        51 coordinates from -1 to 1 by default.
    resume : SurfaceStep, optional
        Go on behind a step on the same plane.

    Raises
    ------
    ValueError
        If center and directions do not fit the net.
    """
    count = sum(loss.sizes)
    if center.shape != (count,) or directions.shape != (2, count):
        raise ValueError(
            f"center and directions must be ({count},) and (2, {count}), got "
            f"{tuple(center.shape)} and {tuple(directions.shape)}"
        )
    xs = default_axis() if xs is None else xs
    ys = default_axis() if ys is None else ys
    empty = torch.full((len(ys), len(xs)), torch.nan, dtype=center.dtype)
    values = resume.values.clone() if resume else empty
    for piece in _coarse_to_fine(len(ys), len(xs)):
        todo = piece[values.view(-1)[piece].isnan()]
        if not len(todo):
            continue
        rows, columns = todo // len(xs), todo % len(xs)
        places = torch.stack([xs[columns], ys[rows]], 1)
        # Each task makes its own points: a cluster is sent numbers, not nets.
        tasks = places.split(2 * loss.chunk)
        found = Parallel()(delayed(_plane_losses)(loss, center, directions, part) for part in tasks)
        values.view(-1)[todo] = torch.cat(found).cpu()
        done = int(values.isfinite().sum())
        yield SurfaceStep(done, values.numel(), values.clone(), xs.clone(), ys.clone())


def _plane_losses(loss: NetLoss, center: Tensor, directions: Tensor, places: Tensor) -> Tensor:
    parts = places.to(center).split(loss.chunk)
    # 1e30 keeps an overflowing loss on the chart.
    return torch.cat(
        [loss.losses(torch.addmm(center, part, directions)).nan_to_num(1e30, 1e30).clamp(max=1e30) for part in parts]
    )


def _coarse_to_fine(height: int, width: int, piece: int = 512) -> Iterator[Tensor]:
    """Yield flat indices of a grid: every tenth point, every fifth, then the others in pieces."""
    index = torch.arange(height * width).view(height, width)
    yield index[::10, ::10].flatten()
    yield index[::5, ::5].flatten()
    yield from index.flatten().split(piece)


@dataclass(frozen=True)
class Trajectory:
    """A run of training in the plane in which it moved most.

    Parameters
    ----------
    directions : Tensor, shape (2, P)
        Orthonormal, the first explains most.
    places : Tensor, shape (T, 2)
        The run's points in the plane; the last is (0, 0).
    explained : Tensor, shape (2,)
        Share of the variance along each direction.
    """

    directions: Tensor
    places: Tensor
    explained: Tensor


def trajectory_plane(path: Tensor) -> Trajectory:
    """Find the plane of a run's two principal directions, around its last point.

    Parameters
    ----------
    path : Tensor, shape (T, P)
        Parameters along a run, T of 3 or more.

    Raises
    ------
    ValueError
        If there are fewer than 3 points.
    """
    if path.ndim != 2 or len(path) < 3:
        raise ValueError(f"path must be (T, P) with T of 3 or more, got {tuple(path.shape)}")
    moved = path - path[-1]
    _, lengths, directions = torch.linalg.svd(moved, full_matrices=False)
    shares = lengths.square() / lengths.square().sum()
    return Trajectory(directions[:2], moved @ directions[:2].T, shares[:2])


def largest_curvature(loss: NetLoss, point: Tensor, *, steps: int = 30, seed: int = 0) -> float:
    """Return the Hessian's eigenvalue of largest magnitude, by power iteration.

    Parameters
    ----------
    loss : NetLoss
    point : Tensor, shape (P,)
    steps : int
        Products with the Hessian; the error shrinks by the ratio of the two largest each time.
    seed : int
    """
    steps = checks.integer(steps, 1, None, "steps")

    def value(row: Tensor) -> Tensor:
        logits = functional_call(loss.net, loss.named(row), (loss.inputs,))
        return torch.nn.functional.cross_entropy(logits, loss.labels, label_smoothing=loss.label_smoothing)

    direction = normal((len(point),), seed).to(point)
    eigenvalue = 0.0
    for _ in range(steps):
        unit = direction / direction.norm()
        # The gradient of the gradient's component along a direction is the Hessian's product.
        product = grad(lambda row, unit=unit: grad(value)(row) @ unit)(point)
        eigenvalue = float(unit @ product)
        direction = product
    return eigenvalue


def share_below(values: Tensor, factor: float = 2.0) -> float:
    """Return the share of a surface below `factor` times its smallest value, in [0, 1]."""
    return float((values < factor * values.min()).double().mean())


def rescaled(loss: NetLoss, point: Tensor, factor: float) -> Tensor:
    """Return other parameters of the same function of a `DeepNet`, shape (P,).

    In each block the first layer is multiplied and the second divided by the factor; a ReLU
    between them lets it through.

    References
    ----------
    Dinh, Pascanu, Bengio & Bengio, "Sharp minima can generalize for deep nets", ICML 2017.
    """
    if not factor > 0:
        raise ValueError(f"factor must be positive, got {factor}")
    row = point.clone()
    named = loss.named(row)
    for name in named:
        if name.endswith(".0.weight"):  # the first layer of a block
            block = name.removesuffix("0.weight")
            named[f"{block}0.weight"] *= factor
            named[f"{block}0.bias"] *= factor
            named[f"{block}1.weight"] /= factor
    return row


@dataclass(frozen=True)
class TrainedNet:
    """A net, its run, and what it was trained and tested on.

    Parameters
    ----------
    train, test : NetLoss
    path : Tensor, shape (T, P)
        Its parameters from the start to the end, every few steps.
    """

    train: NetLoss
    test: NetLoss
    path: Tensor

    @property
    def point(self) -> Tensor:
        """The trained parameters, shape (P,)."""
        return self.path[-1]


def train_deep_net(
    data: DigitSplit,
    *,
    depth: int = 10,
    skip: bool = False,
    width: int = 16,
    until: float = 0.53,
    steps: int = 1500,
    every: int = 10,
    seed: int = 0,
) -> TrainedNet:
    """Train a `DeepNet` on digits to a training loss, with a label smoothing of 0.1, and keep its way.

    Sharpness can only be compared between nets that fit their data equally well.

    Parameters
    ----------
    data : DigitSplit
    depth, width : int
    skip : bool
    until : float
        Training loss at which it ends; the lowest that there is, the entropy of the smoothed labels, is 0.500.
    steps : int
        Steps of Adam at most: a deep net without skips may never get there.
    every : int
        Steps between two points of the path, at which the loss is looked at.
    seed : int
        Of the first weights; the same with and without skips.
    """
    net = DeepNet(width, depth, skip=skip)
    train = NetLoss(net, data.train, data.train_labels, label_smoothing=0.1)
    start = train.random_points(1, seed=seed)
    path = [start]
    with closing(train_steps(train, start, steps=steps)) as run:  # type: ignore[type-var]
        for step in run:
            if step.index % every == 0 or step.index == step.total:
                path.append(step.points)
                if float(train.losses(step.points)) <= until:
                    break
    return TrainedNet(train, NetLoss(net, data.test, data.test_labels), torch.cat(path))


@dataclass(frozen=True)
class WidthStep(Step):
    """Many nets of each width after one more stretch of training.

    Parameters
    ----------
    losses : dict of int to Tensor, shape (count,)
        Test loss of each net, by width.
    runs : dict of int to TrainStep
        Needed to continue.
    """

    losses: dict[int, Tensor]
    runs: dict[int, TrainStep]


@step_method()
def width_steps(
    widths: Sequence[int] = (2, 4, 8, 16, 32),
    count: int = 150,
    *,
    data: DigitSplit,
    steps: int = 200,
    rate: float = 1e-2,
    every: int = 10,
    seed: int = 0,
    resume: WidthStep | None = None,
) -> Iterator[WidthStep]:
    """Train `count` nets with one hidden layer of each width, all at once.

    Parameters
    ----------
    widths : sequence of int
    count : int
        Nets of each width.
    data : DigitSplit
    steps : int
    rate : float
    every : int
        Iterations between two steps.
    seed : int
    resume : WidthStep, optional
        Go on behind a step of the same run.

    References
    ----------
    Choromanska, Henaff, Mathieu, Ben Arous & LeCun, "The Loss Surfaces of Multilayer Networks",
    AISTATS 2015, sec. 5.
    """
    count = checks.integer(count, 1, 10_000, "count")
    runs, tests = {}, {}
    for width in widths:
        net = DeepNet(width)
        train = NetLoss(net, data.train, data.train_labels)
        tests[width] = NetLoss(net, data.test, data.test_labels)
        runs[width] = train_steps(
            train,
            train.random_points(count, seed=seed),
            steps=steps,
            rate=rate,
            batch_size=64,
            resume=resume.runs[width] if resume else None,
        )
    for done in zip(*runs.values(), strict=True):
        index = done[0].index
        if index % every == 0 or index in (1, steps):
            yield WidthStep(
                index,
                steps,
                {width: tests[width].losses(step.points) for width, step in zip(runs, done, strict=True)},
                dict(zip(runs, done, strict=True)),
            )


@dataclass(frozen=True)
class FitStep(Step):
    """One net learning true labels and one learning random ones.

    Parameters
    ----------
    iterations : tuple of int, length K
    train, test : Tensor, shape (K, 2)
        Accuracy on the labels that each was given, and on true ones it has not seen; true labels
        first.
    run : TrainStep
        Needed to continue.
    """

    iterations: tuple[int, ...]
    train: Tensor
    test: Tensor
    run: TrainStep


@step_method()
def fit_steps(
    data: DigitSplit,
    random_labels: Tensor,
    *,
    width: int = 64,
    depth: int = 2,
    skip: bool = False,
    steps: int = 400,
    every: int = 10,
    seed: int = 0,
    resume: FitStep | None = None,
) -> Iterator[FitStep]:
    """Train the same net on true and on random labels, side by side.

    Parameters
    ----------
    data : DigitSplit
        With true labels.
    random_labels : Tensor, int64, shape (n,)
        Other labels for the training pictures.
    width, depth : int
    skip : bool
    steps : int
    every : int
        Iterations between two steps.
    seed : int
    resume : FitStep, optional
        Go on behind a step of the same run.

    References
    ----------
    Zhang, Bengio, Hardt, Recht & Vinyals, "Understanding deep learning requires rethinking
    generalization", ICLR 2017.
    """
    net = DeepNet(width, depth, skip=skip)
    train = NetLoss(net, data.train, torch.stack([data.train_labels, random_labels]))
    test = NetLoss(net, data.test, data.test_labels)
    start = train.random_points(1, seed=seed).expand(2, -1)
    run = train_steps(train, start, steps=steps, rate=3e-3, seed=seed, resume=resume.run if resume else None)
    marks = resume.iterations if resume else ()
    trained = resume.train if resume else torch.empty(0, 2)
    tested = resume.test if resume else torch.empty(0, 2)
    for step in run:
        if step.index % every == 0 or step.index in (1, steps):
            marks = (*marks, step.index)
            trained = torch.cat([trained, train.accuracy(step.points)[None]])
            tested = torch.cat([tested, test.accuracy(step.points)[None]])
            yield FitStep(step.index, steps, marks, trained.clone(), tested.clone(), step)
