"""Panels of the loss landscape."""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import torch
from torch import Tensor

import vizkit
from vizkit.core.steps import last
from vizkit.figures.landscape import (
    descent_chart,
    fit_chart,
    landscape_chart,
    line_chart,
    predicted_digits,
    width_chart,
    width_histogram,
)
from vizkit.figures.texts import table
from vizkit.methods.loss_landscape import (
    SurfaceStep,
    TrainedNet,
    default_axis,
    fit_steps,
    interpolate,
    largest_curvature,
    random_directions,
    rescaled,
    share_below,
    surface_steps,
    train_deep_net,
    trajectory_plane,
    width_steps,
)
from vizkit.methods.optimizers import descend
from vizkit.methods.small_nets import DeepNet, NetLoss, split_digits, train_steps
from vizkit.widgets import Numbers, On, OneOf, Place, Point, Run, Slider, Toggle, When, direct


@vizkit.panel("Three ways down")
def descent(
    start: Annotated[Place, On("chart", Point(x=(-5.0, 5.0), y=(-5.0, 5.0)))] = (-3.5, 3.0),
    rate: Annotated[float, Slider(0.01, 1.0, 0.01, label="learning rate")] = 0.1,
    momentum: Annotated[float, Slider(0.0, 0.99, 0.01)] = 0.9,
    steps: Annotated[int, Slider(10, 200, 10)] = 80,
) -> Any:
    """Three optimizers from a point picked by hand.

    Shows
    -----
    chart : click the surface to start there
    """
    found = descend(start, rate=rate, momentum=momentum, steps=steps)
    return found, {"chart": descent_chart(found)}


def whole(sizes: Sequence[float]) -> tuple[int, ...]:
    """Return a few widths of nets, each once.

    Raises
    ------
    ValueError
        If there are none or more than 8, or one is no whole number from 1 to 128.
    """
    if not 1 <= len(sizes) <= 8 or any(not float(size).is_integer() or not 1 <= size <= 128 for size in sizes):
        shown = ", ".join(f"{size:g}" for size in sizes)
        raise ValueError(f"widths must be 1 to 8 whole numbers from 1 to 128, got {shown}")
    return tuple(sorted({int(size) for size in sizes}))


@vizkit.panel("More width, better minima", rate=4)
def widths(
    sizes: Annotated[Any, Numbers(label="widths")] = (2, 4, 8, 16, 32),
    count: Annotated[int, Slider(20, 400, 10, live=False, label="nets a width")] = 150,
    steps: Annotated[int, Slider(50, 600, 50, live=False)] = 200,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    drawn: Annotated[str, OneOf(("densities", "histogram"), label="draw")] = "densities",
    *,
    run: Run = direct,
) -> Any:
    """Many nets of each width, trained at once."""
    data = split_digits(300)
    for step in run(width_steps, whole(sizes), count, data=data, steps=steps, seed=seed):
        yield (
            step,
            {
                "chart": width_chart(step) if drawn == "densities" else width_histogram(step),
                "table": table(
                    ("width", "mean loss", "spread (std)"),
                    [
                        (f"{width}", f"{losses.mean():.3f}", f"{losses.std():.3f}")
                        for width, losses in step.losses.items()
                    ],
                ),
            },
        )


LINES = {"start to solution": (0, 1), "solution to solution": (1, 2), "random point to solution": (3, 1)}


@vizkit.remembered(1)
def line_points() -> tuple[NetLoss, NetLoss, Tensor]:
    """Train two nets from different starts: the start, both solutions, and a random point."""
    data, net = split_digits(600), DeepNet(32, 1)
    train = NetLoss(net, data.train, data.train_labels)
    test = NetLoss(net, data.test, data.test_labels)
    starts = train.random_points(3)
    ends = last(train_steps(train, starts[:2])).points
    return train, test, torch.cat([starts[:1], ends, starts[2:]])


class Walk(NamedTuple):
    """What nets on a straight line do, at shares of the way."""

    shares: Tensor
    train: Tensor
    test: Tensor
    accuracy: Tensor


@vizkit.remembered(3)
def along(path: str) -> Walk:
    """Return where on a line, and the loss, the test loss and the accuracy there."""
    train, test, points = line_points()
    shares = torch.linspace(-0.5, 1.5, 101)
    begin, end = LINES[path]
    rows = interpolate(points[begin], points[end], shares)
    return Walk(shares, train.losses(rows), test.losses(rows), test.accuracy(rows))


def ink(rows: Tensor, every: Tensor) -> Tensor:
    """Turn standardized digits back into ink in [0, 1], shape (n, 8, 8)."""
    return ((rows - every.min()) / (every.max() - every.min())).view(-1, 8, 8)


@vizkit.panel("The loss on a line", layout="chart digits")
def line(
    path: Annotated[str, OneOf(tuple(LINES), label="line")] = "start to solution",
    share: Annotated[float, Slider(-0.5, 1.5, 0.02, label="a")] = 0.5,
) -> Any:
    """Walk on a straight line between nets, and see what the net there predicts.

    Shows
    -----
    digits : what the net at a takes digits for that it has not seen
    """
    _, test, points = line_points()
    walk = along(path)
    begin, end = LINES[path]
    here = interpolate(points[begin], points[end], torch.tensor([share]))
    predicted = test.logits(here, test.inputs[:20])[0].argmax(1)
    nearest = int((walk.shares - share).abs().argmin())
    title = f"a = {share:.2f}: {float(walk.accuracy[nearest]):.0%} right"
    return walk, {
        "chart": line_chart(*walk, share, title),
        "digits": predicted_digits(ink(test.inputs[:20], test.inputs), predicted.tolist(), test.labels[:20].tolist()),
    }


NETS = ("without skips", "with skips")


@vizkit.remembered(8)
def trained(depth: int, skip: bool) -> TrainedNet:
    """Train a deep net on two hundred digits."""
    return train_deep_net(split_digits(200), depth=depth, skip=skip)


@vizkit.remembered(32)
def numbers(depth: int, skip: bool, factor: float) -> tuple[float, float, float]:
    """Return a net's training loss, test accuracy and sharpness."""
    net = trained(depth, skip)
    point = rescaled(net.train, net.point, factor)
    loss, right = net.train.losses(point[None]), net.test.accuracy(point[None])
    return float(loss), float(right), largest_curvature(net.train, point)


def around(places: Tensor) -> Tensor:
    """Return 51 coordinates that cover places with a margin."""
    low, high = float(places.min()), float(places.max())
    return 1.15 * (high - low) * default_axis() / 2 + (high + low) / 2


@vizkit.remembered(8)
def plane_of(
    net: TrainedNet, plane: str, normalized: bool, factor: float, seed: int
) -> tuple[Any, dict[str, Any], Tensor | None]:
    """Return what `surface_steps` takes for a plane around a net, and the run in it if any."""
    if plane == "training path":
        found = trajectory_plane(net.path)
        xs, ys = (around(found.places[:, axis]) for axis in range(2))
        return (net.train, net.point, found.directions), {"xs": xs, "ys": ys}, found.places
    point = rescaled(net.train, net.point, factor)
    ways = random_directions(net.train, point, filter_normalized=normalized, seed=seed)
    return (net.train, point, ways), {}, None


def surface_row(name: str, found: tuple[float, float, float], step: SurfaceStep) -> list[str]:
    """Return a net's numbers as texts."""
    loss, accuracy, sharpness = found
    below = share_below(step.values[step.values.isfinite()])
    return [name, f"{loss:.3f}", f"{accuracy:.1%}", f"**{sharpness:,.0f}**", f"**{below:.2%}**"]


@vizkit.panel("The landscape around two nets", rate=5, auto=True, layout="table / chart")
def landscape(
    depth: Annotated[int, Slider(1, 14, live=False, label="blocks")] = 10,
    plane: Annotated[str, OneOf(("random", "training path"))] = "random",
    normalized: Annotated[bool, Toggle(label="filter normalization"), When(lambda plane: plane == "random")] = True,
    factor: Annotated[
        float, Slider(0.25, 8.0, 0.25, live=False, label="rescale by"), When(lambda plane: plane == "random")
    ] = 1.0,
    which: Annotated[
        str, OneOf(("both nets", *NETS), label="rescale"), When(lambda plane, factor: plane == "random" and factor != 1)
    ] = "both nets",
    seed: Annotated[int, Slider(0, 20, live=False), When(lambda plane: plane == "random")] = 0,
    *,
    run: Run = direct,
) -> Any:
    """The loss around a deep net, with and without skip connections."""
    plain, skipping = trained(depth, False), trained(depth, True)
    scales = [factor if plane == "random" and which in ("both nets", name) else 1.0 for name in NETS]
    one, one_grid, one_path = plane_of(plain, plane, normalized, scales[0], seed)
    two, two_grid, two_path = plane_of(skipping, plane, normalized, scales[1], seed)
    head = (
        f"{2 * depth + 2} layers",
        "training loss",
        "test accuracy",
        "sharpness (largest Hessian eigenvalue)",
        "plane below 2x its minimum",
    )
    for without, with_skips in zip(
        run(surface_steps, *one, **one_grid), run(surface_steps, *two, **two_grid), strict=False
    ):
        pairs = zip(NETS, (without, with_skips), strict=True)
        rows = [
            surface_row(name, numbers(depth, bool(index), scales[index]), step)
            for index, (name, step) in enumerate(pairs)
        ]
        yield (
            (without, with_skips),
            {"table": table(head, rows), "chart": landscape_chart((without, with_skips), NETS, (one_path, two_path))},
        )


@vizkit.panel("Random labels fit too", rate=5, layout="chart / text")
def random_labels(
    share: Annotated[float, Slider(0.0, 1.0, 0.05, live=False, label="random share")] = 1.0,
    depth: Annotated[int, Slider(0, 10, live=False, label="blocks")] = 2,
    skip: Annotated[bool, Toggle(label="skip connections")] = False,
    width: Annotated[int, Slider(4, 128, 4, live=False)] = 64,
    steps: Annotated[int, Slider(50, 1500, 50, live=False)] = 400,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """The same net learns true labels, and random ones by heart."""
    data = split_digits(300)
    drawn = split_digits(300, random_labels=share).train_labels
    for step in run(fit_steps, data, drawn, width=width, depth=depth, skip=skip, steps=steps, seed=seed):
        yield (
            step,
            {
                "chart": fit_chart(step, share),
                "text": f"After {step.index} steps the net has learned **{step.train[-1, 1]:.0%}** "
                f"of the labels of the random teacher by heart, and of new digits it then gets "
                f"{step.test[-1, 1]:.0%} right; with true labels {step.test[-1, 0]:.0%}.",
            },
        )
