"""A small convolutional net that learns digits while one looks: every trick of the slides is a switch."""

import copy
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.memory import recall, remember
from vizkit.core.seeds import fresh_weights, generator, step_seed
from vizkit.core.steps import Step, step_method
from vizkit.methods.augmentation import augment
from vizkit.methods.normalization import Normalized, RunningStatistics, batch_norm
from vizkit.methods.side_by_side import JUDGED, Optimizer, judged, optimizer_of, take_step
from vizkit.methods.small_nets import DigitSplit

__all__ = ["BatchNorm", "LearnStep", "SmallConvNet", "learn_steps", "rate_at"]

Schedule = Literal["constant", "cosine", "steps"]


class BatchNorm(nn.Module):
    """Batch normalization of (N, C, H, W) by its formula; `seen` is what the last forward pass used.

    Parameters
    ----------
    channels : int
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma, self.shift = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))
        self.seen: Normalized | None = None

    def forward(self, values: Tensor) -> Tensor:
        """Normalize, and in training move the running statistics."""
        kept = RunningStatistics(self.mean, self.variance)
        self.seen = batch_norm(values, kept, gamma=self.gamma, shift=self.shift, training=self.training)
        self.mean, self.variance = self.seen.statistics.mean, self.seen.statistics.variance
        return self.seen.values


class SmallConvNet(nn.Module):
    """A convolution, blocks of two, the mean over all places, and a linear layer to the classes.

    Every convolution is 3 x 3 and followed by batch normalization, if asked for, and a ReLU; behind the first block
    the picture is halved. With residual connections a block adds its output to its input.

    Parameters
    ----------
    channels, blocks : int
    batch_norm, residual : bool
    classes : int
    """

    def __init__(
        self,
        channels: int = 16,
        blocks: int = 2,
        *,
        batch_norm: bool = False,
        residual: bool = False,
        classes: int = 10,
    ) -> None:
        super().__init__()
        self.residual = residual
        sizes = [1, *[checks.integer(channels, 1, 256, "channels")] * (1 + 2 * checks.integer(blocks, 0, 64, "blocks"))]
        self.convolutions = nn.ModuleList(
            # Batch normalization takes the mean off: a bias before it does nothing.
            nn.Conv2d(one, other, 3, padding=1, bias=not batch_norm)
            for one, other in pairwise(sizes)
        )
        self.norms = nn.ModuleList(BatchNorm(channels) for _ in self.convolutions) if batch_norm else None
        self.head = nn.Linear(channels, classes)

    @property
    def first_norm(self) -> BatchNorm | None:
        """The batch normalization behind the first convolution, if there is one."""
        return next((one for one in self.norms or () if isinstance(one, BatchNorm)), None)

    def _layer(self, index: int, values: Tensor) -> Tensor:
        found: Tensor = self.convolutions[index](values)
        return self.norms[index](found) if self.norms is not None else found

    def forward(self, images: Tensor, dropped: Tensor | None = None) -> Tensor:
        """Return logits (N, classes) of pictures (N, 1, H, W).

        Parameters
        ----------
        images : Tensor
        dropped : Tensor, shape (N, channels), optional
            Factors of the numbers in front of the last layer: dropout's.
        """
        hidden = self._layer(0, images).relu()
        for first in range(1, len(self.convolutions), 2):
            change = self._layer(first + 1, self._layer(first, hidden).relu())
            hidden = (hidden + change if self.residual else change).relu()
            if first == 1:
                hidden = F.max_pool2d(hidden, 2)
        means = hidden.mean((2, 3))
        found: Tensor = self.head(means if dropped is None else means * dropped)
        return found


@dataclass(frozen=True)
class LearnStep(Step):
    """A net that learns, after a number of steps.

    Parameters
    ----------
    iterations : tuple of int
        Steps at which it was measured.
    losses, accuracies : Tensor, shape (measured, 2)
        Of the training and the test pictures, in evaluation mode.
    by_batch : Tensor, shape (measured,)
        Accuracy on the test pictures in training mode, where batch normalization takes their own statistics.
    running, batch : Tensor, shape (measured, channels)
        Of the first batch normalization: the running mean, and the mean of the last batch; without columns if it has
        none.
    state : dict
        The net's parameters and running statistics, by name.
    memory : dict
        The optimizer's.
    """

    iterations: tuple[int, ...]
    losses: Tensor
    accuracies: Tensor
    by_batch: Tensor
    running: Tensor
    batch: Tensor
    state: dict[str, Tensor]
    memory: dict[str, Any]


def rate_at(index: int, steps: int, rate: float, schedule: Schedule) -> float:
    """Return the learning rate of a step: constant, falling to 0 along a cosine, or to a tenth at 1/2 and at 3/4.

    Parameters
    ----------
    index, steps : int
        From 0 to `steps` - 1.
    rate : float
        The first one.
    schedule : {"constant", "cosine", "steps"}
    """
    checks.choice(schedule, get_args(Schedule), "schedule")
    if schedule == "cosine":
        return rate * (1 + math.cos(math.pi * index / steps)) / 2
    return rate * 0.1 ** sum(index >= steps * share for share in (0.5, 0.75) if schedule == "steps")


@step_method(live={"rate", "dropout", "transforms"})
def learn_steps(
    data: DigitSplit,
    *,
    channels: int = 16,
    blocks: int = 2,
    batch_norm: bool = False,
    residual: bool = False,
    dropout: float = 0.0,
    transforms: Collection[str] = (),
    optimizer: Optimizer = "Adam",
    schedule: Schedule = "constant",
    rate: float = 3e-3,
    batch_size: int = 32,
    steps: int = 400,
    every: int = 5,
    seed: int = 0,
    resume: LearnStep | None = None,
) -> Iterator[LearnStep]:
    """Train a `SmallConvNet` on digits and measure it on both sets every few steps.

    Parameters
    ----------
    data : DigitSplit
    channels, blocks : int
    batch_norm, residual : bool
    dropout : float
        Share of the numbers in front of the last layer that are set to 0 in training, in [0, 1); the others are
        enlarged, so that their mean stays (Srivastava et al. 2014).
    transforms : collection of str
        How training pictures are changed, see `augment`.
    optimizer : {"SGD", "momentum", "Adam", "AdamW"}
        AdamW without a weight decay.
    schedule : {"constant", "cosine", "steps"}
        See `rate_at`.
    rate : float
    batch_size, steps : int
    every : int
        Steps between two that are yielded.
    seed : int
        Of the first weights, the batches, dropout and augmentation.
    resume : LearnStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, or the loss is no number any more: a rate was too large.
    """
    steps, every = checks.integer(steps, 1, None, "steps"), checks.integer(every, 1, None, "every")
    if not rate > 0 or not 0 <= dropout < 1:
        raise ValueError(f"rate must be positive and dropout in [0, 1), got {rate} and {dropout}")
    train, test = (images.view(-1, 1, 8, 8) for images in (data.train, data.test[:JUDGED]))
    batch_size = checks.integer(batch_size, 2, len(train), "batch_size")
    with fresh_weights(seed):
        net = SmallConvNet(channels, blocks, batch_norm=batch_norm, residual=residual)
    net.to(memory_format=torch.channels_last)  # for so few channels twice as fast
    mover = optimizer_of(optimizer, net, rate)
    if resume is not None:
        net.load_state_dict(resume.state)
        recall(mover, resume.memory)
    told = resume
    for index in range(resume.index if resume else 0, steps):
        random = generator(step_seed(seed, index))
        picked = torch.randperm(len(train), generator=random)[:batch_size]
        kept = (torch.rand(batch_size, channels, generator=random) >= dropout) / (1 - dropout)
        for group in mover.param_groups:
            group["lr"] = rate_at(index, steps, rate, schedule)
        images, labels = augment(train[picked], transforms, random), data.train_labels[picked]
        factors = kept if dropout else None
        take_step(mover, net.train(), partial(_loss, net, images, labels, factors), index)
        norm = net.first_norm
        batch = norm.seen.mean.detach() if norm is not None and norm.seen is not None else torch.empty(0)
        if (index + 1) % every == 0 or index + 1 in (1, steps):
            told = _measured(net, mover, data, (train, test), batch, told, index + 1, steps)
            yield copy.deepcopy(told)  # what a reader does to it does not come back


def _loss(net: SmallConvNet, images: Tensor, labels: Tensor, factors: Tensor | None) -> Tensor:
    return F.cross_entropy(net(images, factors), labels)


def _measured(
    net: SmallConvNet,
    mover: torch.optim.Optimizer,
    data: DigitSplit,
    images: tuple[Tensor, Tensor],
    batch: Tensor,
    before: LearnStep | None,
    index: int,
    steps: int,
) -> LearnStep:
    """Return a step: what is found now, behind what was found before."""
    labels = (data.train_labels, data.test_labels[:JUDGED])
    found = [judged(net, *one) for one in zip(images, labels, strict=True)]
    mixed = found[1][1] if net.first_norm is None else judged(net, images[1], labels[1], training=True)[1]
    running = torch.empty(0) if net.first_norm is None else net.first_norm.mean
    now: tuple[Tensor, ...] = (
        torch.tensor([[loss for loss, _ in found]]),
        torch.tensor([[accuracy for _, accuracy in found]]),
        torch.tensor([mixed]),
        running[None].clone(),
        batch[None].clone(),
    )
    if before is not None:
        old = (before.losses, before.accuracies, before.by_batch, before.running, before.batch)
        now = tuple(torch.cat(pair) for pair in zip(old, now, strict=True))
    losses, accuracies, by_batch, means, batches = now
    state = {name: value.detach().clone() for name, value in net.state_dict().items()}
    marks = (*(before.iterations if before else ()), index)
    memory = remember(mover)
    return LearnStep(index, steps, marks, losses, accuracies, by_batch, means, batches, state, memory)
