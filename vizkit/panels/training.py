"""Panels of training: derivatives by hand, one net and all its switches, filters as they are learned."""

import functools
from typing import Annotated, Any

import torch
from torch import Tensor

import vizkit
from vizkit.core.seeds import generator
from vizkit.core.steps import last
from vizkit.figures.charts import HALF, named_curves
from vizkit.figures.pictures import Tiles, sheet
from vizkit.figures.training import back_product, class_bars, learned_filters, net_graph, outer_product
from vizkit.methods.augmentation import TRANSFORMS, augment
from vizkit.methods.backprop import Backprop, backprop
from vizkit.methods.experiments import film_learner, listing_learner
from vizkit.methods.kernels import sobel_kernel
from vizkit.methods.live_training import LearnStep, SmallConvNet, learn_steps
from vizkit.methods.pass_times import PassTimes, pass_times
from vizkit.methods.side_by_side import Learner, LearnerStep, kept_buffers, learner_steps
from vizkit.methods.small_nets import DigitSplit, split_digits
from vizkit.panels.convolution import finite
from vizkit.widgets import Button, Image, Measured, Numbers, OneOf, Run, Slider, Table, Toggle, When, direct

#: The slides' net, 2-3-3-1, with weights that are easy to follow.
FIRST = ((1.0, -0.5), (0.5, 1.0), (-1.0, 0.5))
SECOND = ((1.0, 0.5, -0.5), (-0.5, 1.0, 0.5), (0.5, -1.0, 1.0))
THIRD = ((1.0, -1.0, 0.5),)
LOSS, ANSWER = "the loss ½(z - target)²", "z, as on the slides"
Rows = tuple[tuple[float, ...], ...]


def net_of(x: tuple[float, ...], tables: dict[str, Rows]) -> tuple[Tensor, list[Tensor]]:
    """Return a typed input and typed matrices.

    Raises
    ------
    ValueError
        If a matrix has not a column for each number in front of it, or the net is too large to draw.
    """
    weights = [finite(rows, name) for name, rows in tables.items()]
    sizes = [len(x), *(len(one) for one in weights)]
    for size, (name, matrix) in zip(sizes, zip(tables, weights, strict=True), strict=False):
        if matrix.ndim != 2 or matrix.shape[1] != size:
            raise ValueError(
                f"{name} must have {size} columns, one for each number in front of it, got {matrix.shape[-1]}"
            )
    if sizes[-1] != 1 or max(sizes) > 5 or not len(x):
        raise ValueError(f"the net must have 1 to 5 units in each layer and 1 at the end, got {sizes}")
    return finite(x, "the input"), weights


def descent_path(
    weights: list[Tensor], x: Tensor, target: Tensor | None, activation: str, rate: float, steps: int = 50
) -> list[tuple[list[Tensor], Backprop]]:
    """Go down the loss, and return the weights and all derivatives at the start and behind each step.

    Raises
    ------
    ValueError
        If the loss is above a million: the rate was too large.
    """
    path = []
    for index in range(steps + 1):
        found = backprop(weights, x, target, activation)
        if not abs(found.loss) < 1e6:
            raise ValueError(
                f"rate must be small enough for the loss to stay below a million, got {rate:g} at step {index}"
            )
        path.append((weights, found))
        weights = [matrix - rate * slope for matrix, slope in zip(weights, found.gradient, strict=True)]
    return path


def shapes(found: Backprop, layer: int) -> str:
    """Write a gradient's formula with its shapes, and the slides' one."""
    rows, columns = found.gradient[layer].shape
    bare = "." if torch.equal(found.delta_bar[layer], found.delta[layer + 1]) else ", and its δ lacks the bar."
    return (
        f"Δ{layer} = δ̄{layer + 1} v{layer}ᵀ: ({rows} x 1)(1 x {columns}) = **{rows} x {columns}**, as W{layer} is.\n"
        f"The slides' v{layer} δ{layer + 1}ᵀ would be ({columns} x 1)(1 x {rows}) = {columns} x {rows}{bare}"
    )


@vizkit.panel("Backpropagation as matrices", layout="net chart / outer back / text text")
def by_hand(
    x: Annotated[Any, Numbers(label="input")] = (1.0, -1.0),
    first: Annotated[Any, Table(label="W0")] = FIRST,
    second: Annotated[Any, Table(label="W1")] = SECOND,
    third: Annotated[Any, Table(label="W2")] = THIRD,
    activation: Annotated[str, OneOf(("sigmoid", "tanh", "ReLU", "none"))] = "sigmoid",
    of: Annotated[str, OneOf((LOSS, ANSWER), label="derivatives of")] = LOSS,
    target: Annotated[float, Slider(-2.0, 2.0, 0.1), When(lambda of: of == LOSS)] = 1.0,
    layer: Annotated[int, OneOf({0: "W0", 1: "W1", 2: "W2"}, label="matrix")] = 0,
    rate: Annotated[float, Slider(0.0, 2.0, 0.05)] = 0.2,
    step: Annotated[int, Slider(0, 50)] = 0,
) -> Any:
    """Every derivative of the slides' net, and where its steps lead.

    Shows
    -----
    net : in each node its value, and below it the derivative by it
    outer : the derivatives behind times the values in front: one for each weight
    back : from the derivatives of one layer to those of the layer in front
    """
    numbers, start = net_of(x, {"W0": first, "W1": second, "W2": third})
    wanted = numbers.new_tensor([target]) if of == LOSS else None
    path = descent_path(start, numbers, wanted, activation, rate)
    weights, found = path[step]
    losses = [one.loss for _, one in path]
    name = "loss" if of == LOSS else "z"
    title = f"Step {step}: {name} {losses[step]:.4f}"
    return found, {
        "net": net_graph(found, weights, layer),
        "chart": named_curves({name: losses}, range(51), title, "steps", name, now=step, size=HALF),
        "outer": outer_product(found, layer),
        "back": back_product(found, weights, layer),
        "text": shapes(found, layer),
    }


WIDTHS = (64, 128, 256, 512, 1024, 1448)


@vizkit.remembered(4)
def timed(layers: int, again: int) -> PassTimes:
    """Measure once for each press of the button."""
    del again
    return pass_times(WIDTHS, layers=layers)


@vizkit.panel("What the two passes cost", layout="chart / text")
def passes(
    layers: Annotated[int, Slider(2, 8, live=False)] = 4, again: Annotated[int, Button("measure again")] = 0
) -> Any:
    """Forward and backward time of dense nets over their number of parameters, measured here and now."""
    found = timed(layers, again)
    rows = {"forward": found.forward, "backward": found.backward}
    curves = {name: [1000 * one for one in seconds] for name, seconds in rows.items()}
    chart = named_curves(curves, found.parameters, "A batch of 64", "parameters", "milliseconds")
    chart.update_xaxes(type="log", dtick=1).update_yaxes(type="log", dtick=1)
    ratio = sum(found.backward[-3:]) / sum(found.forward[-3:])
    slopes = ", ".join(f"{name} **{found.slope(seconds):.2f}**" for name, seconds in rows.items())
    return found, {
        "chart": Measured(chart),
        "text": Measured(
            f"Slopes of the three largest: {slopes}; 1 is proportional to the parameters.\n"
            f"Backward takes **{ratio:.1f}** times as long as forward."
        ),
    }


@functools.cache
def digit_split(count: int) -> DigitSplit:
    """Split the digits once for all panels: a run is to recognize them."""
    return split_digits(count)


@functools.cache
def listing_of(hidden: int, seed: int) -> tuple[Learner, ...]:
    """Return the listing's net, on 1,000 digits."""
    return (listing_learner(digit_split(1000), hidden, seed=seed),)


def by_set(values: Tensor, names: tuple[str, ...] = ("training", "test")) -> dict[str, list[float]]:
    """Name the columns of a table: a set each."""
    return {name: values[:, number].tolist() for number, name in enumerate(names)}


def history(step: LearnerStep, what: str, per: float = 1.0, word: str = "steps") -> Any:
    """Draw what became of one net on all its sets."""
    values = (step.losses if what == "loss" else step.accuracies)[:, 0]
    curves = by_set(values, ("training", "validation"))
    across = [mark / per for mark in step.marks]
    return named_curves(curves, across, what.capitalize(), word, what, form="" if what == "loss" else ".0%", size=HALF)


@vizkit.panel("The slides' listing, live", rate=10, layout="accuracy loss / text text")
def listing(
    hidden: Annotated[int, Slider(1, 200, live=False, label="hidden units")] = 100,
    rate: Annotated[float, Slider(0.001, 0.1, 0.001)] = 0.01,
    epochs: Annotated[int, Slider(1, 100, live=False)] = 30,
    batch_size: Annotated[int, Slider(10, 500, 10, live=False, label="batch")] = 100,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """Dense, sigmoid, dense, softmax, on 1,000 digits; an epoch is as many draws as fill the set once.

    Shows
    -----
    accuracy : of the pictures that it learns from, and of those it has never seen
    """
    per = 1000 / batch_size
    steps = round(epochs * per)
    taken = {"steps": steps, "rate": rate, "batch_size": batch_size, "every": max(1, round(per)), "seed": seed}
    for step in run(learner_steps, listing_of(hidden, seed), **taken):
        known, new = step.accuracies[-1, 0].tolist()
        yield (
            step,
            {
                "accuracy": history(step, "accuracy", per, "epochs"),
                "loss": history(step, "loss", per, "epochs"),
                "text": f"epoch {step.index / per:.0f}: **{known:.1%}** of the training pictures (the first 500), "
                f"**{new:.1%}** of the validation pictures",
            },
        )


#: Ways to change training pictures that are offered together.
AUGMENTED = {
    "nothing": (),
    "shift": ("shift",),
    "shift, rotate, zoom": ("shift", "rotate", "zoom"),
    "noise": ("noise",),
    "flip": ("flip",),
}


def tracked(step: LearnStep, channel: int) -> Any:
    """Draw a channel's mean in the last batches and the running one."""
    curves = {"batch": step.batch[:, channel].tolist(), "running": step.running[:, channel].tolist()}
    looks = {"batch": {"width": 1.5}}
    title = f"Means of channel {channel}"
    return named_curves(curves, step.iterations, title, "steps", "mean", looks=looks, size=HALF)


def seen_now(step: LearnStep, data: DigitSplit, transforms: tuple[str, ...], seed: int) -> Tiles:
    """Show digits as the net is given them."""
    images = augment(data.train[:8].view(-1, 1, 8, 8), transforms, generator(seed + step.index))
    low, high = data.train.min(), data.train.max()
    shown = 1 - ((images - low) / (high - low)).clamp(0, 1)
    return sheet(shown.expand(-1, 3, -1, -1), "What it learns from", side=84, columns=4)


@vizkit.panel("One net, every switch", rate=15, layout="accuracy loss / statistics seen / text text")
def learning(
    normalized: Annotated[bool, Toggle(label="batch normalization")] = False,
    residual: Annotated[bool, Toggle(label="residual connections")] = False,
    blocks: Annotated[int, Slider(0, 12, live=False, label="blocks")] = 2,
    dropout: Annotated[float, Slider(0.0, 0.9, 0.1)] = 0.0,
    augmentation: Annotated[str, OneOf(tuple(AUGMENTED))] = "nothing",
    optimizer: Annotated[str, OneOf(("SGD", "momentum", "Adam"))] = "Adam",
    schedule: Annotated[str, OneOf(("constant", "cosine", "steps"))] = "constant",
    rate: Annotated[float, Slider(0.001, 0.3, 0.001)] = 0.003,
    count: Annotated[int, Slider(50, 1000, 50, live=False, label="pictures")] = 200,
    steps: Annotated[int, Slider(50, 1000, 50, live=False)] = 300,
    channel: Annotated[int, Slider(0, 15), When(lambda normalized: normalized)] = 0,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """A small convolutional net learns digits; rate, dropout and augmentation can be changed under way.

    Shows
    -----
    accuracy : in evaluation mode, of all training pictures and of 500 others
    statistics : what evaluation will use, and what training uses
    seen : eight training pictures, changed in the same way
    """
    data, transforms = digit_split(count), AUGMENTED[augmentation]
    switches = {"batch_norm": normalized, "residual": residual, "dropout": dropout, "transforms": transforms}
    way = {"optimizer": optimizer, "schedule": schedule, "rate": rate, "steps": steps, "blocks": blocks, "seed": seed}
    for step in run(learn_steps, data, **switches, **way, every=2):
        known, new = step.accuracies[-1].tolist()
        said = f"step {step.index}: **{known:.1%}** of the training pictures, **{new:.1%}** of the others"
        if normalized:
            said += f"; in training mode {float(step.by_batch[-1]):.1%} of the others"
        yield (
            step,
            {
                "accuracy": named_curves(
                    by_set(step.accuracies), step.iterations, "Accuracy", "steps", "accuracy", form=".0%", size=HALF
                ),
                "loss": named_curves(by_set(step.losses), step.iterations, "Loss", "steps", "loss", size=HALF),
                "statistics": tracked(step, channel) if normalized else "Without batch normalization: no statistics.",
                "seen": seen_now(step, data, transforms, seed),
                "text": said,
            },
        )


@vizkit.remembered(1)
def normalized_net() -> SmallConvNet:
    """Train a net with batch normalization."""
    net = SmallConvNet(16, 2, batch_norm=True)
    net.load_state_dict(last(learn_steps(digit_split(500), batch_norm=True, steps=200, every=200)).state)
    return net


EVALUATION, TRAINING = "evaluation", "training"


@torch.no_grad()
def answers_in_company(net: SmallConvNet, others: int, draw: int, mode: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return the chances of a digit's classes beside others, what the first normalization took off, the pictures."""
    data = digit_split(500)
    picked = torch.randperm(1000, generator=generator(draw))[:others] + 100
    images = data.test[[0, *picked.tolist()]].view(-1, 1, 8, 8)
    with kept_buffers(net):
        logits = net.train(mode == TRAINING)(images)
    norm = net.first_norm
    assert norm is not None
    assert norm.seen is not None
    return logits[0].softmax(0), norm.seen.mean.clone(), images


@vizkit.panel("One picture, in changing company", layout="pictures pictures / answer means / text text")
def company(
    mode: Annotated[str, OneOf((EVALUATION, TRAINING))] = TRAINING,
    others: Annotated[int, Slider(1, 31)] = 3,
    draw: Annotated[int, Slider(0, 20, label="which others")] = 0,
) -> Any:
    """Batch normalization in training takes the mean of all pictures of a batch: so each depends on the others.

    Shows
    -----
    pictures : the first one is asked about, the others stand beside it
    answer : the first picture's
    means : what the first normalization took off each channel
    """
    net = normalized_net()
    chances, mean, images = answers_in_company(net, others, draw, mode)
    every = torch.stack([answers_in_company(net, others, one, mode)[0] for one in range(21)])
    kept = answers_in_company(net, others, draw, EVALUATION)[1]
    low, high = images.min(), images.max()
    shown = (1 - (images - low) / (high - low)).expand(-1, 3, -1, -1)
    digit = int(digit_split(500).test_labels[0])
    means = {"taken off now": mean.tolist(), "running means": kept.tolist()}
    return every, {
        "pictures": sheet(shown, "The first picture and its company", side=52, columns=12),
        "answer": class_bars(chances, digit),
        "means": named_curves(means, range(len(mean)), "The first layer's means", "channel", "mean", size=HALF),
        "text": f"It is a {digit}. With twenty-one draws of the others its chance is between "
        f"**{float(every[:, digit].min()):.1%}** and **{float(every[:, digit].max()):.1%}**.",
    }


ALL = "all of them"


@vizkit.panel("New pictures from one", layout="pictures / text")
def augmented(
    picture: Annotated[Any, Image(size=(128, 128))] = "chelsea",
    how: Annotated[str, OneOf((ALL, *TRANSFORMS))] = ALL,
    seed: Annotated[int, Slider(0, 20)] = 0,
) -> Any:
    """Training pictures that cost nothing: what is it that must not change?"""
    names = TRANSFORMS if how == ALL else (how,)
    found = augment(picture[None].repeat(11, 1, 1, 1), names, generator(seed)).clamp(0, 1)
    sheets = torch.cat([picture[None], found])
    captions = ["as it is", *[""] * 11]
    return found, {
        "pictures": sheet(sheets, "A picture and eleven made of it", side=130, columns=6, captions=captions),
        "text": f"{', '.join(names)}: drawn anew for each picture.",
    }


@functools.cache
def film_of(filters: int, seed: int) -> tuple[Learner, ...]:
    """Return the net that learns which photo a patch is of."""
    return (film_learner(filters=filters, seed=seed),)


def roughness(filters: Tensor) -> Tensor:
    """Return how much neighbors in each filter differ, as a share of its size; 2 for noise."""
    filters = filters - filters.mean((1, 2), keepdim=True)
    steps = [filters.diff(dim=axis).square().mean((1, 2)) for axis in (1, 2)]
    return (steps[0] + steps[1]) / 2 / filters.square().mean((1, 2)).clamp(min=1e-12)


@vizkit.panel("Filters while they are learned", rate=8, layout="filters chart / first sobel / text text")
def film(
    decay: Annotated[float, Slider(0.0, 3.0, 0.1, live=False, label="weight decay")] = 1.0,
    filters: Annotated[int, Slider(8, 32, 8, live=False)] = 16,
    steps: Annotated[int, Slider(100, 2000, 100, live=False)] = 600,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """A net learns which of the bundled photos a gray patch is of: what becomes of its first layer.

    Shows
    -----
    filters : now; each by its own largest weight
    first : before the first step: random
    sobel : set by hand: at 0°, 45°, 90° and 135°
    chart : how much neighbors in a filter differ; noise has 2
    """
    learners = film_of(filters, seed)
    first = learners[0].net.state_dict()["0.weight"][:, 0]
    still = {
        "first": learned_filters(first, "The first layer as it was drawn"),
        "sobel": learned_filters(
            torch.stack([sobel_kernel(angle) for angle in (0, 45, 90, 135)]),
            "Sobel's filters at 0, 45, 90 and 135 degrees",
        ),
    }
    chance = 1 / len(learners[0].net.state_dict()["6.bias"])
    way = {"steps": steps, "batch_size": 128, "optimizer": "AdamW", "decay": decay, "seed": seed, "every": 20}
    for step in run(learner_steps, learners, **way):
        now = step.states[0]["0.weight"][:, 0]
        rough = {"as drawn": sorted(roughness(first).tolist()), "now": sorted(roughness(now).tolist())}
        new = float(step.accuracies[-1, 0, 1])
        yield (
            step,
            {
                "filters": learned_filters(now, f"The first layer after {step.index} steps"),
                "first": still["first"],
                "sobel": still["sobel"],
                "chart": named_curves(
                    rough, range(len(now)), "Rough or smooth?", "filter, by rank", "roughness", size=HALF
                ),
                "text": f"step {step.index}: it names the photo of **{new:.0%}** of other patches, by "
                f"chance {chance:.0%}. Median roughness {float(roughness(now).median()):.2f}.",
            },
        )
