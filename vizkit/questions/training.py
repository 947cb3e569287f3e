"""What is asked in 10b, training."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from vizkit.core.seeds import normal
from vizkit.core.steps import last
from vizkit.methods.backprop import backprop
from vizkit.methods.double_descent import feature_errors
from vizkit.methods.experiments import dense_and_convolutional, depth_learners, listing_learner, plane_learners
from vizkit.methods.normalization import RunningStatistics, batch_norm
from vizkit.methods.polynomials import fit_polynomial, noisy_curve, wave
from vizkit.methods.side_by_side import learner_steps
from vizkit.methods.small_nets import split_digits
from vizkit.panels.training import TRAINING, answers_in_company, normalized_net
from vizkit.widgets import Choice, Number, Predict, Sketch

ALIKE, APART, STILL = "the three stay alike", "they come apart", "nothing moves"


@Predict(
    "The slides' net, 2-3-3-1, sigmoids. All its weights begin at 0.5, and fifty steps of gradient descent are taken. "
    "What becomes of the three units of a layer?",
    Choice(ALIKE, APART, STILL),
)
def equal_weights() -> str:
    """What is alike gets the same derivative, and so stays alike: three units do the work of one."""
    shapes = [(3, 2), (3, 3), (1, 3)]
    weights = [torch.full(shape, 0.5, dtype=torch.float64) for shape in shapes]
    x, target = torch.tensor([1.0, -1.0], dtype=torch.float64), torch.tensor([1.0], dtype=torch.float64)
    first = weights
    for _ in range(50):
        found = backprop(weights, x, target)
        weights = [matrix - 0.2 * slope for matrix, slope in zip(weights, found.gradient, strict=True)]
    if all(torch.equal(one, other) for one, other in zip(first, weights, strict=True)):
        return STILL
    return ALIKE if all(torch.allclose(one, one[:1].expand_as(one)) for one in weights[:2]) else APART


@Predict(
    "A net of dense layers, all of one width. How many times as many multiplications as the forward pass takes the "
    "backward pass, for all derivatives by weights?",
    Number(0.1, 1000, "times", factor=1.25),
)
def backward_work() -> float:
    """Two for each one forward: by the weights, and by the layer in front. The first layer needs no second one."""
    layers = [torch.nn.Linear(64, 64) for _ in range(8)]
    with FlopCounterMode(display=False) as forward:
        loss = torch.nn.Sequential(*layers)(normal((16, 64), 0)).sum()
    with FlopCounterMode(display=False) as backward:
        loss.backward()
    return float(backward.get_total_flops() / forward.get_total_flops())


@Predict(
    "The slides' listing: 100 hidden sigmoids, 30 epochs, here on 1,000 digits. At the end it has all training "
    "pictures right. How many of 500 others?",
    Number(0, 100, "%", tolerance=4),
)
def others_right() -> float:
    """Seven and a half times as many weights as pictures, and yet it has learned more than the pictures."""
    step = last(learner_steps([listing_learner(split_digits(1000))], steps=300, rate=0.01, batch_size=100, every=300))
    return 100 * float(step.accuracies[-1, 0, 1])


BOTH, APART_THEN, NEITHER = (
    "the one with 64: more of both",
    "the one with 64: more of the sixty, fewer of the others",
    "the one with 64: fewer of both",
)


@Predict(
    "Sixty noisy points of two rings. A net with four hidden units is trained, and one with sixty-four: which has more "
    "points right, of the sixty and of five hundred others?",
    Choice(BOTH, APART_THEN, NEITHER),
)
def more_units() -> str:
    """It can draw a line around single points that lie wrong by chance; of the others, other ones lie wrong."""
    right = []
    for seed in range(2):
        nets = plane_learners("rings", (4, 64), seed=seed)
        right.append(
            last(learner_steps(nets, steps=1000, rate=0.03, batch_size=60, seed=seed, every=1000)).accuracies[-1]
        )
    gain = torch.stack(right).mean(0).diff(dim=0)[0]
    return BOTH if gain.min() > 0 else NEITHER if gain.max() < 0 else APART_THEN


CHANCE, LESS, SAME = "one in ten, by chance", "clearly fewer", "as many, to two in a hundred"


@Predict(
    "The pixels of all digits, for training and for testing, are put in another order, the same for all. A dense net "
    "is trained on them. How many does it get right, compared with digits as they are?",
    Choice(CHANCE, LESS, SAME),
)
def shuffled_pixels() -> str:
    """It never knew which pixels are neighbors, so it misses nothing."""
    nets = dense_and_convolutional(split_digits(1000))[:3:2]
    right = last(learner_steps(nets, steps=300, batch_size=25, every=300)).accuracies[-1, :, 1]
    if right[1] < 0.2:
        return CHANCE
    return SAME if abs(float(right[0] - right[1])) < 0.02 else LESS


FEW, MANY, BOTH_ALIKE = "the one with 2 layers", "the one with 34 layers", "both alike, to two in a hundred"


@Predict(
    "Two dense nets of 8,000 weights learn 300 digits, one with 2 layers, one with 34, both without skips. Which one "
    "has more of the other digits right after 100 steps?",
    Choice(FEW, MANY, BOTH_ALIKE),
)
def depth_alone() -> str:
    """Signals and derivatives get lost on the way. What made depth work came with it: skips, normalization, starts."""
    nets = [one for one in depth_learners(split_digits(300), (0, 16), seeds=(0,)) if "plain" in one.name]
    right = last(learner_steps(nets, steps=100, every=100)).accuracies[-1, :, 1]
    return BOTH_ALIKE if abs(float(right[0] - right[1])) < 0.02 else FEW if right[0] > right[1] else MANY


NEVER, LITTLE, MUCH = "never", "by a few percent", "from nearly none to nearly all"


@Predict(
    "A net with batch normalization, in training mode. It is shown a 9, and beside it three other digits; then the 9 "
    "with three others, and so on. How does its chance for a 9 change?",
    Choice(NEVER, LITTLE, MUCH),
)
def changing_company() -> str:
    """Mean and variance are those of the four together. With more company they change less."""
    net = normalized_net()
    chances = torch.stack([answers_in_company(net, 3, draw, TRAINING)[0][9] for draw in range(21)])
    spread = float(chances.max() - chances.min())
    return NEVER if spread < 0.001 else LITTLE if spread < 0.3 else MUCH


#: Batches after which the running mean is asked for.
BATCHES = (1, 5, 10, 20, 40, 80)


@Predict(
    "With each batch the running mean moves a tenth of the way to the batch's mean. It begins at 0, and every batch "
    "has mean 1. Where is it after 1 to 80 batches?",
    Sketch(BATCHES, "batches", "running mean", tolerance=0.08),
)
def running_behind() -> tuple[float, ...]:
    """What is missing shrinks to nine tenths with each batch: after 10 it is a third, after 44 a hundredth."""
    kept = RunningStatistics.new(1, torch.float64)
    values = torch.tensor([[0.0], [2.0]], dtype=torch.float64)
    means = []
    for _ in range(max(BATCHES)):
        kept = batch_norm(values, kept).statistics
        means.append(float(kept.mean))
    return tuple(means[batch - 1] for batch in BATCHES)


WORSE, EQUAL, BETTER = "larger", "about the same", "smaller, by far"


@Predict(
    "Fifteen noisy points of a wave. A polynomial of degree 14 goes through all of them; so does one of degree 1,000, "
    "found by gradient descent from coefficients of 0. Is its error between the points larger?",
    Choice(WORSE, EQUAL, BETTER),
)
def degree_of_a_thousand() -> str:
    """Degree 14 has one way through. Degree 1,000 has ever so many; descent ends at the one nearest to its start."""
    x, y = noisy_curve()
    axis = torch.linspace(float(x.min()), float(x.max()), 401, dtype=torch.float64)
    few, many = (float((fit_polynomial(x, y, degree).at(axis) - wave(axis)).square().mean()) for degree in (14, 1000))
    return BETTER if many < few / 2 else WORSE if many > 2 * few else EQUAL


@Predict(
    "Forty noisy samples; least squares on 2 to 400 random features, the shortest of the best weights. With how many "
    "features is the error on new samples largest?",
    Number(2, 400, "features", factor=1.15, digits=0),
)
def worst_features() -> float:
    """With as many features as samples there is one way through all, noise and all, however long its weights."""
    counts = (2, 5, 10, 20, 30, 35, 38, 40, 42, 45, 50, 80, 200, 400)
    return counts[int(feature_errors(counts).test.quantile(0.5, 0).argmax())]
