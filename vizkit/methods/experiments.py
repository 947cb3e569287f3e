"""Nets and pictures of the comparisons of lecture 10b, ready for `learner_steps`."""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.images import images, load_image
from vizkit.core.seeds import fresh_weights, generator
from vizkit.methods.live_training import SmallConvNet
from vizkit.methods.side_by_side import Learner
from vizkit.methods.small_nets import DeepNet, DigitSplit

__all__ = [
    "as_he",
    "dense_and_convolutional",
    "depth_learners",
    "few_learners",
    "film_learner",
    "linear_score",
    "listing_learner",
    "on_canvas",
    "photo_patches",
    "plane_learners",
    "plane_points",
    "width_for",
]

Plane = Literal["two moons", "rings", "spirals", "four corners"]
Activation = Literal["sigmoid", "tanh", "ReLU"]
#: Of the canvas on which digits of 8 px are moved, and of patches of photos, in pixels.
CANVAS, PATCH = 12, 16


def listing_learner(data: DigitSplit, hidden: int = 100, *, seed: int = 0) -> Learner:
    """Return the net of the slides' listing: a hidden layer of sigmoids, and a softmax, which is in the loss.

    Parameters
    ----------
    data : DigitSplit
    hidden : int
        Units of the hidden layer.
    seed : int
        Of the first weights.
    """
    hidden = checks.integer(hidden, 1, 10_000, "hidden")
    with fresh_weights(seed):
        net = nn.Sequential(nn.Linear(data.train.shape[1], hidden), nn.Sigmoid(), nn.Linear(hidden, 10))
    return Learner("listing", net, (data.train, data.train_labels), {"validation": (data.test, data.test_labels)})


def plane_points(kind: Plane, count: int, *, noise: float = 0.2, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Draw points of two classes in a plane, most of them within [-2, 2].

    Parameters
    ----------
    kind : {"two moons", "rings", "spirals", "four corners"}
    count : int
        Half of them, rounded up, of the first class.
    noise : float
        Standard deviation of what is added to each coordinate.
    seed : int

    Returns
    -------
    (Tensor, Tensor), shapes (count, 2) and (count,)

    Raises
    ------
    ValueError
        If the kind is not known or a number is out of range.
    """
    checks.choice(kind, get_args(Plane), "kind")
    count = checks.integer(count, 2, 100_000, "count")
    if not noise >= 0:
        raise ValueError(f"noise must be 0 or more, got {noise}")
    random = generator(seed)
    labels = torch.arange(count) % 2
    way = torch.rand(count, generator=random)
    sign = 1.0 - 2 * labels
    if kind == "two moons":
        angle = torch.pi * way
        places = torch.stack([sign * angle.cos() - sign / 2, sign * angle.sin() - sign / 4], 1)
    elif kind == "four corners":  # the exclusive or
        corner = torch.where(torch.rand(count, generator=random) < 0.5, 1.0, -1.0)
        places = torch.stack([corner, sign * corner], 1)
    else:
        angle = 2 * torch.pi * way if kind == "rings" else 3 * torch.pi * way.sqrt()
        radius = 0.6 + 0.9 * labels if kind == "rings" else sign * (0.2 + 1.5 * way.sqrt())
        places = radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
    return places + noise * torch.randn(count, 2, generator=random), labels


def plane_learners(
    kind: Plane,
    widths: Sequence[int],
    *,
    layers: int = 1,
    activation: Activation = "sigmoid",
    count: int = 60,
    noise: float = 0.35,
    seed: int = 0,
) -> list[Learner]:
    """Return nets of several widths for points in a plane, with 1,000 other points as a test.

    Parameters
    ----------
    kind : str
        See `plane_points`.
    widths : sequence of int
        Units of each hidden layer.
    layers : int
        Hidden layers.
    activation : {"sigmoid", "tanh", "ReLU"}
    count, noise, seed
        Of the training points.
    """
    layers = checks.integer(layers, 1, 8, "layers")
    checks.choice(activation, get_args(Activation), "activation")
    bend: Callable[[], nn.Module] = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "ReLU": nn.ReLU}[activation]
    known = plane_points(kind, count, noise=noise, seed=seed)
    test = {"test": plane_points(kind, 1000, noise=noise, seed=seed + 1_000_000)}
    found = []
    for width in widths:
        sizes = [2, *[checks.integer(width, 1, 1000, "width")] * layers]
        with fresh_weights(seed):
            hidden = [part for i in range(layers) for part in (nn.Linear(sizes[i], sizes[i + 1]), bend())]
            net = nn.Sequential(*hidden, nn.Linear(width, 2))
        found.append(Learner(f"{width}", net, known, test))
    return found


def on_canvas(rows: Tensor, *, moved: bool = False, seed: int = 0) -> Tensor:
    """Put digits on a larger canvas, in its middle or anywhere.

    Parameters
    ----------
    rows : Tensor, shape (N, 64)
        Digits as `split_digits` has them.
    moved : bool
        Whether each is put anywhere, at random.
    seed : int

    Returns
    -------
    Tensor, shape (N, 1, 12, 12)
    """
    free = CANVAS - 8
    places = torch.full((len(rows), 2), free // 2)
    if moved:
        places = torch.randint(free + 1, (len(rows), 2), generator=generator(seed))
    found = rows.min() * torch.ones(len(rows), CANVAS, CANVAS)
    index = torch.arange(len(rows))[:, None, None]
    down = (places[:, :1] + torch.arange(8))[:, :, None]
    right = (places[:, 1:] + torch.arange(8))[:, None]
    found[index, down, right] = rows.view(-1, 8, 8)
    return found[:, None]


def dense_and_convolutional(data: DigitSplit, *, seed: int = 0) -> list[Learner]:
    """Return a dense and a convolutional net of nearly as many weights, each for three kinds of training pictures.

    The digits are in the middle of the canvas, or anywhere, or their pixels are put in another order, the same for
    all pictures.

    Parameters
    ----------
    data : DigitSplit
    seed : int
        Of first weights, places and order.

    Returns
    -------
    list of Learner
        Named "dense, in the middle", ..., "convolutional, shuffled"; each with the tests "as trained" and "moved".
    """
    order = torch.randperm(CANVAS**2, generator=generator(seed))

    def shuffled(pictures: Tensor) -> Tensor:
        return pictures.flatten(1)[:, order].view(-1, 1, CANVAS, CANVAS)

    train, test = on_canvas(data.train), on_canvas(data.test)
    moved = [on_canvas(rows, moved=True, seed=seed + i) for i, rows in enumerate((data.train, data.test))]
    pictures = {
        "in the middle": (train, test, moved[1]),
        "anywhere": (moved[0], moved[1], moved[1]),
        "shuffled": (shuffled(train), shuffled(test), shuffled(moved[1])),
    }
    found = []
    for name in ("dense", "convolutional"):
        for kind, (known, new, elsewhere) in pictures.items():
            with fresh_weights(seed):
                net = SmallConvNet(16, 1) if name == "convolutional" else _dense()
            tests = {"as trained": (new, data.test_labels), "moved": (elsewhere, data.test_labels)}
            found.append(Learner(f"{name}, {kind}", net, (known, data.train_labels), tests))
    return found


def _dense() -> nn.Module:
    """Return a dense net with 4,815 weights; the convolutional one has 4,970."""
    return nn.Sequential(nn.Flatten(), nn.Linear(CANVAS**2, 31), nn.ReLU(), nn.Linear(31, 10))


def photo_patches(*, seed: int = 0) -> tuple[Tensor, Tensor, list[str]]:
    """Cut the bundled photos, shrunk to 160 px, into gray patches of 16 px, each of mean 0 and much the same contrast.

    Parameters
    ----------
    seed : int
        Of the order.

    Returns
    -------
    (Tensor, Tensor, list of str)
        Patches (N, 1, 16, 16) in random order, which photo each is of (N,), and the photos' names.
    """
    names = list(images("photo"))
    patches, labels = [], []
    for label, name in enumerate(names):
        photo = load_image(name, 160).mean(0)
        cut = photo.unfold(0, PATCH, 4).unfold(1, PATCH, 4).reshape(-1, PATCH, PATCH)
        patches.append(cut)
        labels.append(torch.full((len(cut),), label))
    found, numbers = torch.cat(patches)[:, None], torch.cat(labels)
    found = found - found.mean((2, 3), keepdim=True)
    found = found / (found.std((2, 3), keepdim=True) + 0.05)
    order = torch.randperm(len(found), generator=generator(seed))
    return found[order], numbers[order], names


def film_learner(*, filters: int = 16, size: int = 7, seed: int = 0) -> Learner:
    """Return a net that learns which photo a gray patch is of; its first layer's weights are worth a look.

    Parameters
    ----------
    filters, size : int
        Of the first layer, and their side in pixels.
    seed : int
    """
    patches, labels, names = photo_patches(seed=seed)
    size = checks.integer(size, 2, PATCH - 1, "size")
    known = 4 * len(patches) // 5
    side = (PATCH - size + 1) // 2
    with fresh_weights(seed):
        net = nn.Sequential(
            nn.Conv2d(1, checks.integer(filters, 1, 256, "filters"), size),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(filters * side**2, 64),
            nn.ReLU(),
            nn.Linear(64, len(names)),
        )
    tests = {"other patches": (patches[known:], labels[known:])}
    return Learner("film", net, (patches[:known], labels[:known]), tests)


def as_he(net: nn.Module, seed: int) -> nn.Module:
    """Draw weights of variance 2 / inputs, biases 0 (He et al. 2015): deep nets would die with torch's own.

    Parameters
    ----------
    net : nn.Module
        Its linear layers are changed.
    seed : int
    """
    random = generator(seed)
    for one in net.modules():
        if isinstance(one, nn.Linear):
            one.weight.data = torch.randn(one.weight.shape, generator=random) * (2 / one.weight.shape[1]) ** 0.5
            one.bias.data.zero_()
    return net


def width_for(depth: int, budget: int) -> int:
    """Return the width of a `DeepNet` of a depth that has about as many weights as asked for.

    Parameters
    ----------
    depth : int
        Blocks of two layers.
    budget : int
        Weights.
    """
    return min(range(2, 400), key=lambda width: abs(_count(width, depth) - budget))


def _count(width: int, depth: int) -> int:
    return 65 * width + 2 * depth * width * (width + 1) + 10 * (width + 1)


def depth_learners(
    data: DigitSplit, depths: Sequence[int], *, budget: int = 8000, seeds: Sequence[int] = (0, 1, 2)
) -> list[Learner]:
    """Return nets of several depths with about equally many weights, with and without skips.

    Parameters
    ----------
    data : DigitSplit
    depths : sequence of int
        In blocks of two layers; a net has two layers more.
    budget : int
        Weights.
    seeds : sequence of int

    Returns
    -------
    list of Learner
        For each depth, without and with skips, one for each seed.
    """
    found = []
    for depth in depths:
        width = width_for(depth, budget)
        for skip in (False, True):
            for seed in seeds:
                net = as_he(DeepNet(width, depth, skip=skip), seed)
                name = f"{depth}, {'skips' if skip else 'plain'}, {seed}"
                tests = {"test": (data.test, data.test_labels)}
                found.append(Learner(name, net, (data.train, data.train_labels), tests))
    return found


def few_learners(data: DigitSplit, counts: Sequence[int], *, seed: int = 0) -> list[Learner]:
    """Return convolutional nets with batch normalization, each for the first so many training pictures.

    Parameters
    ----------
    data : DigitSplit
    counts : sequence of int
    seed : int
        Of the first weights.
    """
    found = []
    for count in counts:
        with fresh_weights(seed):
            net = SmallConvNet(16, 2, batch_norm=True)
        known = (data.train[:count].view(-1, 1, 8, 8), data.train_labels[:count])
        tests = {"test": (data.test.view(-1, 1, 8, 8), data.test_labels)}
        found.append(Learner(f"{count}", net, known, tests))
    return found


def linear_score(known: Tensor, labels: Tensor, new: Tensor, new_labels: Tensor) -> float:
    """Return the share that a linear classifier gets right, the best of three strengths of regularization.

    The strength is chosen on the test: a gift to the linear classifier, so that the net does not win by it.

    Parameters
    ----------
    known, new : Tensor, shapes (N, d) and (M, d)
    labels, new_labels : Tensor, shapes (N,) and (M,)
    """
    from sklearn.linear_model import LogisticRegression

    return max(
        float(LogisticRegression(C=c, max_iter=2000).fit(known, labels).score(new, new_labels)) for c in (0.01, 1, 100)
    )
