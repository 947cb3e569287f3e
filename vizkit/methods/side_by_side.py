"""Nets trained side by side, each on its own pictures, and measured on several sets as they learn."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.memory import recall, remember
from vizkit.core.seeds import generator, step_seed
from vizkit.core.steps import Step, step_method

__all__ = ["Learner", "LearnerStep", "learner_steps"]

Optimizer = Literal["SGD", "momentum", "Adam", "AdamW"]
#: Samples of a set that are judged: all of a large one would take longer than the training.
JUDGED = 500
Set = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Learner:
    """A net and what it is to learn.

    Parameters
    ----------
    name : str
    net : nn.Module
        With its first weights; it is copied and not changed.
    train : (Tensor, Tensor)
        Inputs (N, ...) and their classes (N,).
    tests : mapping of str to (Tensor, Tensor)
        Sets that it is measured on.
    """

    name: str
    net: nn.Module
    train: Set
    tests: Mapping[str, Set] = field(default_factory=dict)

    @property
    def sets(self) -> dict[str, Set]:
        """All sets that it is measured on, the training set first; the first samples of each."""
        return {name: (x[:JUDGED], y[:JUDGED]) for name, (x, y) in {"training": self.train, **self.tests}.items()}


@dataclass(frozen=True)
class LearnerStep(Step):
    """Nets that learn side by side, after a number of steps.

    Parameters
    ----------
    marks : tuple of int
        Steps at which they were measured.
    losses, accuracies : Tensor, shape (measured, nets, sets)
        In evaluation mode; the training set first. A set that a net has not is NaN.
    states : tuple of dict
        Each net's parameters and buffers, by name.
    memories : tuple of dict
        The optimizers'.
    """

    marks: tuple[int, ...]
    losses: Tensor
    accuracies: Tensor
    states: tuple[dict[str, Tensor], ...]
    memories: tuple[dict[str, Any], ...]


def optimizer_of(kind: str, net: nn.Module, rate: float, decay: float = 0.0) -> torch.optim.Optimizer:
    """Return an optimizer by its name; only AdamW takes a weight decay."""
    checks.choice(kind, get_args(Optimizer), "optimizer")
    if kind == "AdamW":
        return torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay)
    if kind == "Adam":
        return torch.optim.Adam(net.parameters(), lr=rate)
    return torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9 if kind == "momentum" else 0)


def take_step(mover: torch.optim.Optimizer, net: nn.Module, loss: Callable[[], Tensor], index: int) -> None:
    """Go one step down a loss.

    Raises
    ------
    ValueError
        If the loss is no number any more.
    """
    with torch.enable_grad():
        value = loss()
        grads = torch.autograd.grad(value, list(net.parameters()))
    if not value.isfinite():
        rate = mover.param_groups[0]["lr"]
        raise ValueError(f"the loss is no number any more at step {index + 1}: a rate of {rate:g} is too large")
    for parameter, grad in zip(net.parameters(), grads, strict=True):
        parameter.grad = grad
    mover.step()


@contextmanager
def kept_buffers(net: nn.Module) -> Iterator[None]:
    """Give a net its buffers back behind the body: running statistics that a look must not move."""
    kept = {name: value.clone() for name, value in net.named_buffers()}
    try:
        yield
    finally:
        net.load_state_dict(kept, strict=False)


@torch.no_grad()
def judged(net: nn.Module, images: Tensor, labels: Tensor, *, training: bool = False) -> tuple[float, float]:
    """Return loss and accuracy; the buffers stay as they are."""
    with kept_buffers(net):
        logits = net.train(training)(images)
    return float(F.cross_entropy(logits, labels)), float((logits.argmax(1) == labels).float().mean())


@step_method(live={"rate"})
def learner_steps(
    learners: Sequence[Learner],
    *,
    steps: int = 300,
    rate: float = 3e-3,
    batch_size: int = 50,
    optimizer: Optimizer = "Adam",
    decay: float = 0.0,
    every: int = 10,
    seed: int = 0,
    resume: LearnerStep | None = None,
) -> Iterator[LearnerStep]:
    """Train nets as classifiers, each a step in turn, and measure them every few steps.

    Parameters
    ----------
    learners : sequence of Learner
    steps : int
    rate : float
    batch_size : int
        Samples of a step, drawn anew; all, if there are fewer.
    optimizer : {"SGD", "momentum", "Adam", "AdamW"}
    decay : float
        Of the weights, for AdamW.
    every : int
        Steps between two that are yielded.
    seed : int
        Of the batches; nets with equally many samples see the same ones.
    resume : LearnerStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, or a loss is no number any more: a rate was too large.
    """
    steps, every = checks.integer(steps, 1, None, "steps"), checks.integer(every, 1, None, "every")
    batch_size = checks.integer(batch_size, 1, None, "batch_size")
    if not rate > 0 or not learners:
        raise ValueError(f"there must be a net and rate must be positive, got {len(learners)} nets and {rate}")
    nets = [copy.deepcopy(one.net) for one in learners]
    movers = [optimizer_of(optimizer, net, rate, decay) for net in nets]
    if resume is not None:
        for net, mover, state, memory in zip(nets, movers, resume.states, resume.memories, strict=True):
            net.load_state_dict(state)
            recall(mover, memory)
    told = resume
    for index in range(resume.index if resume else 0, steps):
        for one, net, mover in zip(learners, nets, movers, strict=True):
            for group in mover.param_groups:
                group["lr"] = rate
            images, labels = _batch(one.train, batch_size, step_seed(seed, index))
            take_step(mover, net.train(), partial(_loss, net, images, labels), index)
        if (index + 1) % every == 0 or index + 1 in (1, steps):
            told = _measured(learners, nets, movers, told, index + 1, steps)
            yield copy.deepcopy(told)  # what a reader does to it does not come back


def _loss(net: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(net(images), labels)


def _batch(train: Set, size: int, seed: int) -> Set:
    images, labels = train
    if size >= len(images):
        return images, labels
    picked = torch.randperm(len(images), generator=generator(seed))[:size]
    return images[picked], labels[picked]


def _measured(
    learners: Sequence[Learner],
    nets: Sequence[nn.Module],
    movers: Sequence[torch.optim.Optimizer],
    before: LearnerStep | None,
    index: int,
    steps: int,
) -> LearnerStep:
    """Return a step: what is found now, behind what was found before."""
    names = list(dict.fromkeys(name for one in learners for name in one.sets))
    nothing = (float("nan"), float("nan"))
    found = torch.tensor(
        [
            [judged(net, *one.sets[name]) if name in one.sets else nothing for name in names]
            for one, net in zip(learners, nets, strict=True)
        ]
    )
    losses, accuracies = found[None, ..., 0], found[None, ..., 1]
    if before is not None:
        losses, accuracies = torch.cat([before.losses, losses]), torch.cat([before.accuracies, accuracies])
    states = tuple({name: value.detach().clone() for name, value in net.state_dict().items()} for net in nets)
    marks = (*(before.marks if before else ()), index)
    return LearnerStep(index, steps, marks, losses, accuracies, states, tuple(map(remember, movers)))
