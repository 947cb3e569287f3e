"""Panels of how much a net can: more units, more depth, more weights than data, and what structure spares."""

import functools
from collections.abc import Sequence
from typing import Annotated, Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

import vizkit
from vizkit.figures.charts import HALF, named_curves
from vizkit.figures.training import accuracy_bars, error_chart, plane_chart
from vizkit.methods.double_descent import FeatureErrors, feature_errors
from vizkit.methods.experiments import (
    as_he,
    dense_and_convolutional,
    depth_learners,
    few_learners,
    linear_score,
    plane_learners,
    width_for,
)
from vizkit.methods.hog import hog
from vizkit.methods.polynomials import fit_polynomial, noisy_curve, wave
from vizkit.methods.side_by_side import Learner, LearnerStep, learner_steps
from vizkit.methods.small_nets import DeepNet, split_digits
from vizkit.panels.training import by_set, digit_split
from vizkit.widgets import OneOf, Run, Slider, direct

#: Units of a hidden layer.
UNITS = (1, 2, 3, 4, 8, 64)
#: How far the plane is drawn, and in how many places.
ENDS, PLACES = 2.6, 61


@functools.cache
def plane_nets(kind: str, layers: int, activation: str, count: int, noise: float, seed: int) -> tuple[Learner, ...]:
    """Return nets of all widths for one set of points; a run is to recognize them."""
    way = {"layers": layers, "activation": activation, "count": count, "noise": noise, "seed": seed}
    return tuple(plane_learners(kind, UNITS, **way))  # type: ignore[arg-type]


@torch.no_grad()
def chance_map(net: nn.Module, state: dict[str, Tensor]) -> Tensor:
    """Return how likely a net takes the places of the plane for the second class, (n, n), from below."""
    axis = torch.linspace(-ENDS, ENDS, PLACES)
    places = torch.cartesian_prod(axis, axis).flip(1)
    found: Tensor = functional_call(net, state, (places,))
    return found.softmax(1)[:, 1].view(PLACES, PLACES)


def at_sizes(chart: Any, sizes: Sequence[int]) -> Any:
    """Make a chart's horizontal axis logarithmic, with a tick at each size."""
    return chart.update_xaxes(type="log", tickvals=list(sizes), ticktext=[f"{size}" for size in sizes])


def by_size(step: LearnerStep, sizes: tuple[int, ...], now: float, title: str, x: str) -> Any:
    """Draw the accuracy of all nets of a run over their sizes, on both sets."""
    chart = named_curves(by_set(step.accuracies[-1]), sizes, title, x, "right answers", form=".0%", now=now, size=HALF)
    return at_sizes(chart, sizes)


@vizkit.panel("Decision boundaries", rate=10, layout="plane sizes / text text")
def boundaries(
    kind: Annotated[str, OneOf(("two moons", "rings", "spirals", "four corners"), label="shape")] = "rings",
    units: Annotated[int, OneOf(UNITS)] = 4,
    layers: Annotated[int, Slider(1, 3, live=False, label="hidden layers")] = 1,
    activation: Annotated[str, OneOf(("sigmoid", "tanh", "ReLU"))] = "sigmoid",
    count: Annotated[int, Slider(20, 300, 20, live=False, label="points")] = 60,
    noise: Annotated[float, Slider(0.0, 0.6, 0.05, live=False)] = 0.35,
    rate: Annotated[float, Slider(0.005, 0.1, 0.005)] = 0.03,
    steps: Annotated[int, Slider(100, 3000, 100, live=False)] = 1000,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """Nets of six widths learn the same points side by side; the boundary is that of the chosen one.

    Shows
    -----
    plane : the training points; the line is where the net changes its mind
    sizes : all six nets; the test is of 500 other points
    """
    nets, which = plane_nets(kind, layers, activation, count, noise, seed), UNITS.index(units)
    for step in run(learner_steps, nets, steps=steps, rate=rate, batch_size=count, seed=seed, every=20):
        known, new = step.accuracies[-1, which].tolist()
        best = UNITS[int(step.accuracies[-1, :, 1].argmax())]
        title = f"{units} units, step {step.index}"
        yield (
            step,
            {
                "plane": plane_chart(chance_map(nets[which].net, step.states[which]), nets[which].train, ENDS, title),
                "sizes": by_size(step, UNITS, units, "All six nets", "units of a hidden layer"),
                "text": f"{units} units: **{known:.0%}** of the {count} training points, **{new:.0%}** of the others. "
                f"Best on the others now: {best} units.",
            },
        )


@functools.cache
def both_kinds(count: int, seed: int) -> tuple[Learner, ...]:
    """Return the nets of the comparison, on so many digits."""
    return tuple(dense_and_convolutional(digit_split(count), seed=seed))


#: What is trained on, what is tested on, and where that stands: which of three nets, which set.
SITUATIONS = {
    "middle,<br>tested there": (0, 1),
    "middle,<br>tested anywhere": (0, 2),
    "anywhere,<br>tested anywhere": (1, 2),
    "pixels shuffled,<br>tested alike": (2, 1),
}


@vizkit.panel("Dense or convolutional", rate=6, layout="chart / text")
def dense_or_convolutional(
    count: Annotated[int, Slider(100, 1000, 100, live=False, label="pictures")] = 1000,
    steps: Annotated[int, Slider(50, 600, 50, live=False)] = 300,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """Two nets of the same size, a dense and a convolutional one, each trained on three versions of the same digits.

    Shows
    -----
    chart : below the bars: where the digits of the training stood, and where those of the test
    """
    for step in run(learner_steps, both_kinds(count, seed), steps=steps, batch_size=25, seed=seed, every=10):
        right = step.accuracies[-1]
        rows = {
            name: [float(right[first + net, on]) for net, on in SITUATIONS.values()]
            for first, name in ((0, "dense, 4,815 weights"), (3, "convolutional, 4,970 weights"))
        }
        yield (
            step,
            {
                "chart": accuracy_bars(tuple(SITUATIONS), rows, f"Step {step.index}", 0.1),
                "text": f"step {step.index} of {step.total}, batches of 25",
            },
        )


#: Blocks of two layers.
DEPTHS = (0, 1, 4, 16)


@functools.cache
def deep_and_wide(budget: int, count: int) -> tuple[Learner, ...]:
    """Return nets of all depths with as many weights, three seeds of each."""
    return tuple(depth_learners(digit_split(count), DEPTHS, budget=budget))


@vizkit.panel("Depth or width", rate=4, layout="training test / text text")
def depth_or_width(
    budget: Annotated[int, Slider(2000, 20000, 1000, live=False, label="weights")] = 8000,
    count: Annotated[int, Slider(100, 1000, 100, live=False, label="pictures")] = 300,
    rate: Annotated[float, Slider(0.0005, 0.01, 0.0005)] = 0.003,
    steps: Annotated[int, Slider(20, 600, 20, live=False)] = 100,
    *,
    run: Run = direct,
) -> Any:
    """Twenty-four nets with equally many weights, few wide layers or many narrow ones, learn digits.

    Shows
    -----
    training : pictures that they learn from; the mean of three seeds
    test : pictures that they have not seen
    """
    sizes = [2 * depth + 2 for depth in DEPTHS]
    for step in run(learner_steps, deep_and_wide(budget, count), steps=steps, rate=rate, every=10):
        by_net = step.accuracies[-1].view(len(DEPTHS), 2, 3, 2)
        charts = {}
        for number, name in enumerate(("training", "test")):
            means = by_net[..., number].mean(2)
            curves = {"plain": means[:, 0].tolist(), "with skips": means[:, 1].tolist()}
            chart = named_curves(
                curves, sizes, f"{name.capitalize()}, step {step.index}", "layers", "right", form=".0%", size=HALF
            )
            charts[name] = at_sizes(chart, sizes)
        widths = ", ".join(
            f"{width_for(depth, budget)} in {size} layers" for depth, size in zip(DEPTHS, sizes, strict=True)
        )
        yield step, {"training": charts["training"], "test": charts["test"], "text": f"units of a layer: {widths}"}


COUNTS = (20, 100, 300, 1000)


@vizkit.remembered(1)
def linear_scores() -> dict[str, list[float]]:
    """Return what linear classifiers get right, by pixels and by HOG, over the number of training pictures."""
    data = digit_split(1200)
    low, high = data.train.min(), data.train.max()

    def by_hog(rows: Tensor) -> Tensor:
        pictures = ((rows - low) / (high - low)).view(-1, 1, 8, 8).expand(-1, 3, -1, -1)
        return hog(pictures, cell=2, block=2).flatten(1)

    found = {}
    codes = {"pixels, linear": (data.train, data.test), "HOG, linear": (by_hog(data.train), by_hog(data.test))}
    for name, (known, new) in codes.items():
        found[name] = [
            linear_score(known[:count], data.train_labels[:count], new, data.test_labels) for count in COUNTS
        ]
    return found


@functools.cache
def few_nets(seed: int) -> tuple[Learner, ...]:
    """Return a convolutional net for each number of training pictures."""
    return tuple(few_learners(digit_split(1200), COUNTS, seed=seed))


@vizkit.panel("Set by hand or learned", rate=4, layout="chart / text")
def few_pictures(
    steps: Annotated[int, Slider(50, 400, 50, live=False)] = 200,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """Digits by a linear classifier on pixels and on histograms of gradients, and by a net that learns its filters.

    Shows
    -----
    chart : the linear ones at their best strength for these very tests
    """
    linear = linear_scores()
    for step in run(learner_steps, few_nets(seed), steps=steps, batch_size=32, seed=seed, every=10):
        curves = {**linear, "convolutional net": step.accuracies[-1, :, 1].tolist()}
        chart = named_curves(curves, COUNTS, f"Step {step.index}", "training pictures", "right answers", form=".0%")
        best = [max(zip(values, curves, strict=True))[1] for values in zip(*curves.values(), strict=True)]
        yield (
            step,
            {"chart": at_sizes(chart, COUNTS), "text": f"best with 20 pictures: {best[0]}; with 1,000: **{best[-1]}**"},
        )


DEGREES = (1, 2, 3, 5, 8, 11, 14, 17, 20, 30, 50, 100, 300, 1000)


@vizkit.panel("Polynomials with too many coefficients", layout="chart errors / text text")
def polynomial(
    degree: Annotated[int, OneOf(DEGREES)] = 14,
    start: Annotated[float, Slider(0.0, 3.0, 0.1, label="start's size")] = 0.0,
    count: Annotated[int, Slider(5, 40, label="points")] = 15,
    noise: Annotated[float, Slider(0.0, 0.5, 0.05)] = 0.1,
    seed: Annotated[int, Slider(0, 20)] = 0,
) -> Any:
    """Where gradient descent ends, with fewer coefficients than points, and with more.

    Shows
    -----
    errors : over all degrees, for these points
    """
    x, y = noisy_curve(count, noise, seed=seed)
    axis = torch.linspace(-1, 1, 401, dtype=torch.float64)
    between = axis[(axis >= x.min()) & (axis <= x.max())]
    errors: dict[str, list[float]] = {"at the points": [], "between them": []}
    fits = {one: fit_polynomial(x, y, one, start=start, seed=seed) for one in DEGREES}
    for fit in fits.values():
        errors["at the points"].append(max(fit.train, 1e-9))
        errors["between them"].append(float((fit.at(between) - wave(between)).square().mean()))
    here = fits[degree]
    curves = {"truth": wave(axis).tolist(), "polynomial": here.at(axis).clamp(-3, 3).tolist()}
    looks = {"truth": {"color": "#999999", "width": 6}, "polynomial": {"color": "#d55e00", "width": 2.5}}
    chart = named_curves(
        curves, axis.tolist(), f"{degree + 1} coefficients, {count} points", "x", "y", looks=looks, size=HALF
    )
    chart.add_scatter(
        x=x.tolist(), y=y.tolist(), mode="markers", name="points", marker={"size": 11, "color": "#222222"}
    )
    over = named_curves(errors, DEGREES, "Mean squared error", "degree", "error", now=degree, size=HALF)
    over.update_xaxes(type="log", tickvals=[1, 3, 14, 50, 300, 1000]).update_yaxes(
        type="log", dtick=4, exponentformat="power", range=[-9.5, 9.5]
    )
    new = errors["between them"][DEGREES.index(degree)]
    return here, {
        "chart": chart.update_yaxes(range=[-2.2, 2.2]),
        "errors": over,
        "text": f"mean squared error at the points **{here.train:.2g}**, between them **{new:.2g}**; the truth itself "
        f"varies by {float(wave(between).var()):.2f} there",
    }


FEATURES = (2, 5, 10, 15, 20, 25, 30, 35, 38, 40, 42, 45, 50, 60, 80, 120, 200, 400)


@vizkit.remembered(16)
def errors_of(noise: float, ridge: float, draws: int) -> FeatureErrors:
    """Fit all numbers of features, many times."""
    return feature_errors(FEATURES, noise=noise, ridge=ridge, draws=draws)


@vizkit.panel("Double descent", layout="chart / text")
def double_descent(
    ridge: Annotated[float, OneOf({0.0: "none", 0.01: "0.01", 0.1: "0.1", 1.0: "1"})] = 0.0,
    noise: Annotated[float, Slider(0.0, 1.0, 0.1, live=False)] = 0.3,
    draws: Annotated[int, Slider(4, 40, 4, live=False)] = 20,
) -> Any:
    """Least squares on random features, from fewer than there are samples to ten times as many.

    Shows
    -----
    chart : medians, and the middle half of the draws
    """
    found = errors_of(noise, ridge, draws)
    medians = dict(zip(found.counts, found.test.quantile(0.5, 0).tolist(), strict=True))
    rows = {"40 samples it learns from": found.train, "new samples": found.test}
    before, at, behind = min(medians[n] for n in FEATURES if n < 40), medians[40], medians[400]
    return found, {
        "chart": error_chart(found.counts, rows, "Random features", "features", 40, "as many as samples"),
        "text": f"test error with fewer features at best {before:.2g}, with 40 **{at:.2g}**, with 400 {behind:.2g}",
    }


NET_WIDTHS = (2, 4, 6, 8, 11, 16, 24, 48, 96)


@functools.cache
def noisy_nets(wrong: float, seed: int) -> tuple[Learner, ...]:
    """Return nets of one hidden layer for 300 digits, of which some have a wrong label."""
    data = split_digits(300, random_labels=wrong, seed=seed)
    found = []
    for width in NET_WIDTHS:
        net = DeepNet(width)
        as_he(net, seed)
        found.append(Learner(f"{width}", net, (data.train, data.train_labels), {"test": (data.test, data.test_labels)}))
    return tuple(found)


@vizkit.panel("And networks?", rate=4, layout="loss accuracy / text text")
def net_descent(
    wrong: Annotated[float, Slider(0.0, 0.6, 0.1, live=False, label="labels drawn anew")] = 0.3,
    steps: Annotated[int, Slider(100, 3000, 100, live=False)] = 1500,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """Nets of nine widths learn 300 digits, some with a label drawn by chance, as long as it takes.

    Shows
    -----
    loss : training with wrong labels, test with true ones
    """
    for step in run(learner_steps, noisy_nets(wrong, seed), steps=steps, batch_size=300, rate=0.005, every=50):
        worst = NET_WIDTHS[int(step.losses[-1, :, 1].argmax())]
        chart = named_curves(by_set(step.losses[-1]), NET_WIDTHS, f"Step {step.index}", "width", "loss", size=HALF)
        yield (
            step,
            {
                "loss": at_sizes(chart, NET_WIDTHS),
                "accuracy": by_size(step, NET_WIDTHS, worst, "Right answers", "width"),
                "text": f"the highest test loss now: width **{worst}**",
            },
        )
