"""The panels of lecture 01: ways down, widths, lines, planes, random labels."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from html import escape
from typing import Any

import ipywidgets as widgets
import torch
from torch import Tensor

from vizkit.core.steps import Step, last
from vizkit.figures.landscape import (
    REACH,
    descent_chart,
    fit_chart,
    landscape_change,
    landscape_chart,
    line_chart,
    predicted_digits,
    width_chart,
)
from vizkit.methods.loss_landscape import (
    FitStep,
    SurfaceStep,
    TrainedNet,
    WidthStep,
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
from vizkit.methods.optimizers import Descent, descend
from vizkit.methods.small_nets import DeepNet, NetLoss, split_digits, train_steps
from vizkit.widgets import controls as make
from vizkit.widgets import layouts
from vizkit.widgets.live import LivePanel, code_of_run
from vizkit.widgets.old_panel import Panel, Shown

# Ways down ------------------------------------------------------------------------------------


def descent_panel() -> Panel:
    """Start three optimizers from a point picked by hand: by sliders or by a click."""
    controls = {
        "x": make.slider("start x", -REACH, REACH, -3.5, step=0.1),
        "y": make.slider("start y", -REACH, REACH, 3.0, step=0.1),
        "rate": make.slider("learning rate", 0.01, 1.0, 0.1, step=0.01),
        "momentum": make.slider("momentum", 0.0, 0.99, 0.9, step=0.01),
        "steps": make.slider("steps", 10, 200, 80, step=10),
    }

    def compute(x: float, y: float, rate: float, momentum: float, steps: int) -> Descent:
        return descend((x, y), rate=rate, momentum=momentum, steps=steps)

    def code(x: float, y: float, rate: float, momentum: float, steps: int) -> str:
        return "\n".join([
            "from vizkit.figures.landscape import descent_chart",
            "from vizkit.methods.optimizers import descend",
            "",
            f"result = descend(({x}, {y}), rate={rate}, momentum={momentum}, steps={steps})",
            "descent_chart(result)",
        ])  # fmt: skip

    panel = Panel(
        "Three ways down", controls, compute, lambda found: {"chart": descent_chart(found)},
        code=code, captions={"chart": "click the surface to start there"},
    )  # fmt: skip

    def start_here(_: Any, points: Any, __: Any) -> None:
        if points.xs:
            panel.set(x=round(points.xs[0], 1), y=round(points.ys[0], 1))

    panel.shown["chart"].data[0].on_click(start_here)
    return panel


# Widths ---------------------------------------------------------------------------------------


def width_panel(count: int = 150) -> LivePanel:
    """Train hundreds of nets of each width and watch their losses.

    Parameters
    ----------
    count : int
        Nets of each width at first.
    """
    controls = {
        "widest": widgets.SelectionSlider(
            options=(4, 8, 16, 32, 64), value=32, description="widest net",
            continuous_update=False, style={"description_width": "92px"},
            layout=widgets.Layout(width=make.WIDTH),
        ),
        "count": make.slider("nets a width", 20, 400, count, step=10, live=False),
        "iterations": make.slider("iterations", 50, 600, 200, step=50, live=False),
        "seed": make.slider("seed", 0, 20, 0, live=False),
    }  # fmt: skip

    def widths(widest: int) -> tuple[int, ...]:
        return tuple(width for width in (2, 4, 8, 16, 32, 64) if width <= widest)

    def start(
        _: WidthStep | None, widest: int, count: int, iterations: int, seed: int
    ) -> Iterator[WidthStep]:
        return width_steps(
            widths(widest), count, data=split_digits(300), iterations=iterations, seed=seed
        )

    def draw(step: WidthStep, **_: int) -> Shown:
        rows = "".join(
            f"<tr><td>{width}</td><td>{losses.mean():.3f}</td><td>{losses.std():.3f}</td></tr>"
            for width, losses in step.losses.items()
        )
        table = "<table><tr><th>width</th><th>mean loss</th><th>spread (std)</th></tr>"
        return {"chart": width_chart(step), "table": f"{table}{rows}</table>"}

    def code(widest: int, count: int, iterations: int, seed: int) -> str:
        call = (
            f"width_steps({widths(widest)}, {count}, data=split_digits(300), "
            f"iterations={iterations}, seed={seed})"
        )
        return "\n".join([
            "from vizkit.core.steps import last",
            "from vizkit.figures.landscape import width_chart",
            "from vizkit.methods.loss_landscape import width_steps",
            "from vizkit.methods.small_nets import split_digits",
            "",
            *code_of_run(call, panel.result.index, panel.result.total),
            "width_chart(result)",
        ])  # fmt: skip

    panel = LivePanel(
        "More width, better minima", controls, start, draw, code=code, rate=4, name="training"
    )
    return panel


# Lines ----------------------------------------------------------------------------------------

LINES = {
    "start to solution": (0, 1),
    "solution to solution": (1, 2),
    "random point to solution": (3, 1),
}


@dataclass(frozen=True)
class LineView:
    """What the line panel shows."""

    shares: Tensor
    train: Tensor
    test: Tensor
    accuracy: Tensor
    share: float
    predicted: Tensor
    path: str


@cache
def _line_points() -> tuple[NetLoss, NetLoss, Tensor]:
    """Train two nets from different starts: the start, both solutions, and a random point."""
    data, net = split_digits(600), DeepNet(32, 1)
    train, test = (
        NetLoss(net, images, labels)
        for images, labels in ((data.train, data.train_labels), (data.test, data.test_labels))
    )
    starts = train.random_points(3)
    ends = last(train_steps(train, starts[:2])).points
    return train, test, torch.cat([starts[:1], ends, starts[2:]])


@cache
def _line(path: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    train, test, points = _line_points()
    shares = torch.linspace(-0.5, 1.5, 101)
    start, end = LINES[path]
    rows = interpolate(points[start], points[end], shares)
    return shares, train.losses(rows), test.losses(rows), test.accuracy(rows)


def line_panel() -> Panel:
    """Walk on a straight line between nets and see what the net there predicts."""
    controls = {
        "path": make.dropdown("line", list(LINES)),
        "share": make.slider("a", -0.5, 1.5, 0.5, step=0.02),
    }

    def compute(path: str, share: float) -> LineView:
        _, test, points = _line_points()
        start, end = LINES[path]
        here = interpolate(points[start], points[end], torch.tensor([share]))
        predicted = test.logits(here, test.inputs[:20])[0].argmax(1)
        return LineView(*_line(path), share, predicted, path)

    def draw(view: LineView) -> Shown:
        test = _line_points()[1]
        nearest = int((view.shares - view.share).abs().argmin())
        title = f"a = {view.share:.2f}: {float(view.accuracy[nearest]):.0%} right"
        chart = line_chart(view.shares, view.train, view.test, view.accuracy, view.share, title)
        sheet = predicted_digits(
            _pictures(test.inputs[:20]), view.predicted.tolist(), test.labels[:20].tolist()
        )
        return {"chart": chart, "digits": sheet}

    def code(path: str, share: float) -> str:
        start, end = LINES[path]
        return "\n".join([
            "import torch",
            "from vizkit.core.steps import last",
            "from vizkit.figures.landscape import line_chart, predicted_digits",
            "from vizkit.methods.loss_landscape import interpolate",
            "from vizkit.methods.small_nets import DeepNet, NetLoss, split_digits, train_steps",
            "from IPython.display import display",
            "",
            "data, net = split_digits(600), DeepNet(32, 1)",
            "train = NetLoss(net, data.train, data.train_labels)",
            "test = NetLoss(net, data.test, data.test_labels)",
            "starts = train.random_points(3)",
            "ends = last(train_steps(train, starts[:2])).points",
            "points = torch.cat([starts[:1], ends, starts[2:]])",
            "shares = torch.linspace(-0.5, 1.5, 101)",
            f"rows = interpolate(points[{start}], points[{end}], shares)",
            "losses, test_losses = train.losses(rows), test.losses(rows)",
            "right = test.accuracy(rows)",
            f"display(line_chart(shares, losses, test_losses, right, {share}, 'loss'))",
            f"here = interpolate(points[{start}], points[{end}], torch.tensor([{share}]))",
            "result = test.logits(here, test.inputs[:20])[0].argmax(1)",
            "low = test.inputs.min()",
            "ink = ((test.inputs[:20] - low) / (test.inputs.max() - low)).view(-1, 8, 8)",
            "predicted_digits(ink, result.tolist(), test.labels[:20].tolist())",
        ])  # fmt: skip

    return Panel(
        "The loss on a line", controls, compute, draw, code=code,
        captions={"digits": "what the net at a takes digits for that it has not seen"},
    )  # fmt: skip


def _pictures(rows: Tensor) -> Tensor:
    """Turn standardized digits back into ink in [0, 1], shape (n, 8, 8)."""
    every = _line_points()[1].inputs
    low, high = every.min(), every.max()
    return ((rows - low) / (high - low)).view(-1, 8, 8)


# Planes ---------------------------------------------------------------------------------------

NETS = ("without skips", "with skips")


@lru_cache(maxsize=8)
def _trained(depth: int, skip: bool) -> TrainedNet:
    return train_deep_net(split_digits(200), depth=depth, skip=skip)


@lru_cache(maxsize=32)
def _numbers(depth: int, skip: bool, factor: float) -> tuple[float, float, float]:
    """Return training loss, test accuracy and sharpness."""
    net = _trained(depth, skip)
    point = rescaled(net.train, net.point, factor)
    return (
        float(net.train.losses(point[None])),
        float(net.test.accuracy(point[None])),
        largest_curvature(net.train, point),
    )


@dataclass(frozen=True)
class PairStep(Step):
    """Both surfaces, as far as they are known, without skips first."""

    surfaces: tuple[SurfaceStep, SurfaceStep]
    paths: tuple[Tensor | None, Tensor | None]


class LandscapePanel(LivePanel):
    """The loss around a deep net with and without skip connections.

    Parameters
    ----------
    depth : int
        Number of blocks of two layers at first.
    """

    def __init__(self, depth: int = 10) -> None:
        controls = {
            "depth": make.slider("blocks", 1, 14, depth, live=False),
            "plane": make.choices("plane", ["random", "training path"]),
            "normalized": make.toggle("filter normalization", True),
            "factor": make.slider("rescale by", 0.25, 8.0, 1.0, step=0.25, live=False),
            "seed": make.slider("seed", 0, 20, 0, live=False),
        }
        super().__init__(
            "The landscape around two nets", controls, self._steps, self._paint,
            code=self._listing_of, adjust=self._fit, arrange=layouts.column, rate=5, name="surface",
            auto=True,
        )  # fmt: skip

    @staticmethod
    def _fit(controls: dict[str, Any]) -> None:
        on_path = controls["plane"].value == "training path"
        for name in ("normalized", "factor", "seed"):
            controls[name].disabled = on_path

    @staticmethod
    def _one(step: SurfaceStep | None, skip: bool, values: dict[str, Any]) -> Any:
        """Return one net's surface steps, and its run in the same plane if that was asked for."""
        net = _trained(values["depth"], skip)
        if values["plane"] == "training path":
            found = trajectory_plane(net.path)
            xs, ys = (_around(found.places[:, axis]) for axis in range(2))
            run = surface_steps(net.train, net.point, found.directions, xs=xs, ys=ys, resume=step)
            return run, found.places
        point = rescaled(net.train, net.point, values["factor"])
        directions = random_directions(
            net.train, point, filter_normalized=values["normalized"], seed=values["seed"]
        )
        return surface_steps(net.train, point, directions, resume=step), None

    def _steps(self, step: PairStep | None, **values: Any) -> Iterator[PairStep]:
        before = step.surfaces if step else (None, None)
        (plain, one), (skip, two) = (
            self._one(before[index], bool(index), values) for index in range(2)
        )
        for pair in zip(plain, skip, strict=True):
            done, total = sum(part.index for part in pair), sum(part.total for part in pair)
            yield PairStep(done, total, pair, (one, two))

    def _paint(self, step: PairStep, **values: Any) -> Shown:
        depth = values["depth"]
        if not self.shown:
            chart: Any = landscape_chart(step.surfaces, NETS, step.paths)
        else:
            chart = landscape_change(step.surfaces, step.paths)
        factor = 1.0 if values["plane"] == "training path" else values["factor"]
        rows = "".join(
            self._row(name, _numbers(depth, bool(index), factor), step.surfaces[index])
            for index, name in enumerate(NETS)
        )
        head = "".join(
            f"<th>{escape(text)}</th>" for text in
            (f"{2 * depth + 2} layers", "training loss", "test accuracy",
             "sharpness (largest Hessian eigenvalue)", "plane below 2x its minimum")
        )  # fmt: skip
        return {"table": f"<table><tr>{head}</tr>{rows}</table>", "chart": chart}

    @staticmethod
    def _row(name: str, numbers: tuple[float, float, float], step: SurfaceStep) -> str:
        loss, accuracy, sharpness = numbers
        known = step.values[step.values.isfinite()]
        return (
            f"<tr><td>{name}</td><td>{loss:.3f}</td><td>{accuracy:.1%}</td>"
            f"<td><b>{sharpness:,.0f}</b></td><td><b>{share_below(known):.2%}</b></td></tr>"
        )

    def _listing_of(self, **values: Any) -> str:
        lines = [
            "from vizkit.core.steps import last",
            "from vizkit.figures.landscape import landscape_chart",
            "from vizkit.methods.loss_landscape import (",
            "    default_axis, random_directions, rescaled, surface_steps, train_deep_net,",
            "    trajectory_plane,",
            ")",
            "from vizkit.methods.small_nets import split_digits",
            "",
            "data = split_digits(200)",
            "surfaces, paths = [], []",
            "for skip in (False, True):",
            f"    net = train_deep_net(data, depth={values['depth']}, skip=skip)",
        ]
        if values["plane"] == "training path":
            lines += [
                "    plane = trajectory_plane(net.path)",
                "    xs, ys = ((1.15 * (axis.max() - axis.min()) * default_axis() / 2",
                "               + (axis.max() + axis.min()) / 2) for axis in plane.places.T)",
                "    run = surface_steps(net.train, net.point, plane.directions, xs=xs, ys=ys)",
                "    paths.append(plane.places)",
            ]
        else:
            lines += [
                f"    point = rescaled(net.train, net.point, {values['factor']})",
                "    directions = random_directions(net.train, point, "
                f"filter_normalized={values['normalized']}, seed={values['seed']})",
                "    run = surface_steps(net.train, point, directions)",
                "    paths.append(None)",
            ]
        return "\n".join([
            *lines,
            "    surfaces.append(last(run))",
            "result = surfaces",
            f"landscape_chart(surfaces, {NETS}, paths)",
        ])  # fmt: skip


def _around(places: Tensor) -> Tensor:
    """Return 51 coordinates that cover places with a margin."""
    low, high = float(places.min()), float(places.max())
    return 1.15 * (high - low) * default_axis() / 2 + (high + low) / 2


def landscape_panel(depth: int = 10) -> LandscapePanel:
    """Draw the loss around a deep net with and without skip connections."""
    return LandscapePanel(depth)


# Random labels --------------------------------------------------------------------------------


def fit_panel() -> LivePanel:
    """Train one net on true and on random labels."""
    controls = {
        "share": make.slider("random share", 0.0, 1.0, 1.0, step=0.05, live=False),
        "depth": make.slider("blocks", 0, 10, 2, live=False),
        "skip": make.toggle("skip connections"),
        "width": make.slider("width", 4, 128, 64, step=4, live=False),
        "iterations": make.slider("iterations", 50, 1500, 400, step=50, live=False),
        "seed": make.slider("seed", 0, 20, 0, live=False),
    }

    def start(step: FitStep | None, share: float, **values: Any) -> Iterator[FitStep]:
        data = split_digits(300)
        random = split_digits(300, random_labels=share).train_labels
        return fit_steps(data, random, resume=step, **values)

    def draw(step: FitStep, share: float, **_: Any) -> Shown:
        text = (
            f"After {step.index} steps the net has learned <b>{step.train[-1, 1]:.0%}</b> of the "
            f"labels of the random teacher by heart, and of new digits it then gets "
            f"{step.test[-1, 1]:.0%} right; with true labels {step.test[-1, 0]:.0%}."
        )
        return {"chart": fit_chart(step, share), "text": text}

    def code(share: float, **values: Any) -> str:
        settings = ", ".join(f"{key}={value}" for key, value in values.items())
        call = f"fit_steps(data, random, {settings})"
        return "\n".join([
            "from vizkit.core.steps import last",
            "from vizkit.figures.landscape import fit_chart",
            "from vizkit.methods.loss_landscape import fit_steps",
            "from vizkit.methods.small_nets import split_digits",
            "",
            "data = split_digits(300)",
            f"random = split_digits(300, random_labels={share}).train_labels",
            *code_of_run(call, panel.result.index, panel.result.total),
            f"fit_chart(result, {share})",
        ])  # fmt: skip

    panel = LivePanel(
        "Random labels fit too", controls, start, draw, code=code, arrange=layouts.column,
        rate=5, name="training",
    )  # fmt: skip
    return panel
