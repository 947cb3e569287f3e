"""Nets small enough to train hundreds of at once: rows of one matrix of parameters."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, vmap

from vizkit.core import checks
from vizkit.core.data import digit_labels, digits
from vizkit.core.memory import recall, remember
from vizkit.core.seeds import generator, normal
from vizkit.core.steps import Step, step_method

__all__ = ["DeepNet", "DigitSplit", "NetLoss", "TrainStep", "split_digits", "train_steps"]

BatchNorm = Literal["re-estimated", "carried"]


class DeepNet(nn.Module):
    """A narrow classifier of digits, as deep as is asked for, with or without skip connections.

    A linear layer to `width`, then `depth` blocks of two linear layers, then a linear layer to
    the classes; every one but the last is followed by a ReLU. With skips a block adds its output,
    divided by the root of the depth, to its input. The parameters are the same with and without.

    Parameters
    ----------
    width : int
    depth : int
        Number of blocks; 0 leaves one hidden layer.
    skip : bool
    inputs, classes : int
    """

    def __init__(self, width: int, depth: int = 0, *, skip: bool = False, inputs: int = 64, classes: int = 10) -> None:
        super().__init__()
        width = checks.integer(width, 1, None, "width")
        self.skip, self.depth = skip, checks.integer(depth, 0, None, "depth")
        self.stem = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(
            nn.ModuleList([nn.Linear(width, width), nn.Linear(width, width)]) for _ in range(depth)
        )
        self.head = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, classes) of flat pictures (N, inputs)."""
        # Pictures in columns: for many nets at once that is three times as fast as in rows.
        hidden = _apply(self.stem, images.T).relu_()
        for block in self.blocks:
            first, second = block.children()
            change = _apply(second, _apply(first, hidden).relu_())
            if self.skip:
                change = torch.add(hidden, change, alpha=self.depth**-0.5)
            hidden = change.relu_()
        return _apply(self.head, hidden).T


def _apply(layer: Any, columns: Tensor) -> Tensor:
    return torch.addmm(layer.bias[:, None], layer.weight, columns)


@dataclass(frozen=True)
class DigitSplit:
    """Handwritten digits for training and for testing, centered and scaled.

    Parameters
    ----------
    train, test : Tensor, float32, shape (n, 64)
    train_labels, test_labels : Tensor, int64, shape (n,)
    """

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor


def split_digits(count: int = 600, *, random_labels: float = 0.0, seed: int = 0) -> DigitSplit:
    """Split scikit-learn's digits at random.

    Parameters
    ----------
    count : int
        Pictures to train on; the other of the 1,797 are for testing.
    random_labels : float
        Share of the training labels that are replaced by a random class, in [0, 1].
    seed : int

    Raises
    ------
    TypeError, ValueError
        If a number is out of range.
    """
    count = checks.integer(count, 10, 1700, "count")
    if not 0 <= random_labels <= 1:
        raise ValueError(f"random_labels must be in [0, 1], got {random_labels}")
    random = generator(seed)
    order = torch.randperm(1797, generator=random)
    images = digits().flatten(1).float()[order]
    images = (images - images.mean()) / images.std()
    labels = digit_labels()[order]
    train_labels = labels[:count].clone()
    wrong = torch.randperm(count, generator=random)[: round(random_labels * count)]
    train_labels[wrong] = torch.randint(10, (len(wrong),), generator=random)
    return DigitSplit(images[:count], train_labels, images[count:], labels[count:])


class NetLoss:
    """The cross-entropy of a net on fixed data, as a function of all its parameters.

    The parameters of a net are one row of P numbers, those of B nets a matrix (B, P): nets are
    trained, mixed, moved and measured by linear algebra on rows.

    Parameters
    ----------
    net : nn.Module
        Its structure; it is copied and not changed. In evaluation mode, so without dropout.
    inputs : Tensor, shape (N, ...)
    labels : Tensor, int64, shape (N,), or (B, N) for other labels for each net
    label_smoothing : float
        In [0, 1); keeps the smallest loss away from 0.
    batch_norm : {"re-estimated", "carried"}
        How batch normalization gets its mean and variance when parameters change: from `inputs`
        at each point anew, or from the running averages that the net brought along, which were
        another point's. Re-estimated is the fair one; Li et al. carry theirs.
    chunk : int
        Nets that are evaluated together; bounds the memory, and does not change the result.

    Raises
    ------
    ValueError
        If inputs and labels differ in number.
    """

    def __init__(
        self,
        net: nn.Module,
        inputs: Tensor,
        labels: Tensor,
        *,
        label_smoothing: float = 0.0,
        batch_norm: BatchNorm = "re-estimated",
        chunk: int = 128,
    ) -> None:
        checks.choice(batch_norm, get_args(BatchNorm), "batch_norm")
        if len(inputs) != labels.shape[-1]:
            raise ValueError(f"inputs and labels must be as many, got {len(inputs)} and {labels.shape[-1]}")
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        if batch_norm == "re-estimated":
            _forget_statistics(self.net)
        self.inputs, self.labels = inputs, labels
        self.label_smoothing, self.chunk = label_smoothing, checks.integer(chunk, 1, None, "chunk")
        self.shapes = {name: one.shape for name, one in self.net.named_parameters()}
        self.sizes = [shape.numel() for shape in self.shapes.values()]

    def parameters_of(self, net: nn.Module) -> Tensor:
        """Return a net's parameters as one row, shape (P,)."""
        return torch.cat([one.detach().flatten() for one in net.parameters()])

    def named(self, row: Tensor) -> dict[str, Tensor]:
        """Return a row's parameters by name, as views."""
        pieces = row.split(self.sizes, -1)
        return {
            name: piece.view(*row.shape[:-1], *shape)
            for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)
        }

    def random_points(self, count: int, *, seed: int = 0) -> Tensor:
        """Draw parameters of `count` new nets, shape (count, P).

        Weights are normal with variance 2 / inputs (He et al. 2015), biases 0, scales of batch
        normalization 1.
        """
        rows = normal((count, sum(self.sizes)), seed)
        for name, values in self.named(rows).items():
            if values.ndim > 2:
                values *= (2 / values[0, 0].numel()) ** 0.5
            else:
                values.fill_(1.0 if _is_scale(self.net, name) else 0.0)
        return rows.to(self.inputs.device)

    def logits(self, points: Tensor, inputs: Tensor | None = None) -> Tensor:
        """Return what each net says of each input, shape (B, N, classes), differentiable."""
        inputs = self.inputs if inputs is None else inputs
        found: Tensor = vmap(lambda row: functional_call(self.net, self.named(row), (inputs,)))(points)
        return found

    def differentiable(self, points: Tensor, rows: Tensor | None = None) -> Tensor:
        """Return the mean loss of each net, shape (B,), with its graph.

        Parameters
        ----------
        points : Tensor, shape (B, P)
        rows : Tensor, int64, optional
            Which inputs; all by default.
        """
        inputs, labels = self.inputs, self.labels.expand(len(points), -1)
        if rows is not None:
            inputs, labels = inputs[rows], labels[:, rows]
        logits = self.logits(points, inputs).transpose(1, 2)
        losses = F.cross_entropy(logits, labels, reduction="none", label_smoothing=self.label_smoothing)
        return losses.mean(1)

    @torch.no_grad()
    def losses(self, points: Tensor) -> Tensor:
        """Return the mean loss of each net, shape (B,)."""
        return torch.cat([self.differentiable(part) for part in points.split(self.chunk)])

    @torch.no_grad()
    def accuracy(self, points: Tensor) -> Tensor:
        """Return the share of inputs that each net classifies as labeled, shape (B,)."""
        right = [self.logits(part).argmax(2) == self.labels for part in points.split(self.chunk)]
        return torch.cat(right).float().mean(1)


def _forget_statistics(net: nn.Module) -> None:
    """Make batch normalization take the statistics of what it is given, also in evaluation."""
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.track_running_stats = False
            module.running_mean = module.running_var = module.num_batches_tracked = None


def _is_scale(net: nn.Module, name: str) -> bool:
    owner, _, kind = name.rpartition(".")
    norm = isinstance(net.get_submodule(owner), nn.modules.batchnorm._BatchNorm)
    return norm and kind == "weight"


@dataclass(frozen=True)
class TrainStep(Step):
    """Many nets after one step of training.

    Parameters
    ----------
    points : Tensor, shape (B, P)
    losses : Tensor, shape (B,)
        Of the mini-batch, before the step.
    memory : dict
        The optimizer's, needed to continue.
    """

    points: Tensor
    losses: Tensor
    memory: dict[str, Any]


@step_method()
def train_steps(
    loss: NetLoss,
    points: Tensor,
    *,
    steps: int = 300,
    rate: float = 3e-3,
    batch_size: int = 128,
    seed: int = 0,
    resume: TrainStep | None = None,
) -> Iterator[TrainStep]:
    """Train many nets at once with Adam, each on the same mini-batches.

    Parameters
    ----------
    loss : NetLoss
    points : Tensor, shape (B, P)
        Where each net starts.
    steps : int
    rate : float
        Learning rate at first; it falls to 0 along a cosine.
    batch_size : int
    seed : int
        Of the mini-batches.
    resume : TrainStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range.
    """
    steps = checks.integer(steps, 1, None, "steps")
    batch_size = checks.integer(batch_size, 1, None, "batch_size")
    if not rate > 0:
        raise ValueError(f"rate must be positive, got {rate}")
    rows = (points if resume is None else resume.points).clone().requires_grad_()
    # Adam treats each number by itself: one optimizer serves all nets.
    optimizer = torch.optim.Adam([rows], lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    if resume is not None:
        recall(optimizer, resume.memory["optimizer"])
        schedule.load_state_dict(copy.deepcopy(resume.memory["schedule"]))
    count = len(loss.inputs)
    for index in range(resume.index if resume else 0, steps):
        # A generator per step, so that a run that is continued draws the same batches.
        picked = torch.randint(count, (min(batch_size, count),), generator=generator(seed + index))
        with torch.enable_grad():
            losses = loss.differentiable(rows, picked.to(rows.device))
            (rows.grad,) = torch.autograd.grad(losses.sum(), rows)
        optimizer.step()
        schedule.step()
        memory = {"optimizer": remember(optimizer), "schedule": copy.deepcopy(schedule.state_dict())}
        yield TrainStep(index + 1, steps, rows.detach().clone(), losses.detach(), memory)
