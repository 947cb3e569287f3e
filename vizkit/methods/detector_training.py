"""A two-stage detector that learns while one looks: one network, four losses (Ren et al. 2015)."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.detectors import RegionNet, start_trunk
from vizkit.core.memory import recall, remember
from vizkit.core.scenes import Crowds
from vizkit.core.seeds import fresh_weights, generator, step_seed
from vizkit.core.steps import Step, step_method
from vizkit.methods.average_precision import true_boxes
from vizkit.methods.side_by_side import take_step
from vizkit.methods.two_stage import TwoStageLoss, two_stage_loss

__all__ = ["DetectorStep", "detector_steps", "region_net"]

Order = Literal["joint", "alternating", "first stage only"]
#: The four losses.
TERMS = tuple(field.name for field in fields(TwoStageLoss))


@dataclass(frozen=True)
class DetectorStep(Step):
    """A detector that learns, after a number of steps.

    Parameters
    ----------
    iterations : tuple of int
        Steps of which the losses are known: all so far.
    losses : Tensor, shape (iterations, 4)
        The four of Faster R-CNN on the scenes of that step, see `TwoStageLoss`.
    state : dict
        The net's parameters, by name.
    memory : dict
        The optimizer's.
    """

    iterations: tuple[int, ...]
    losses: Tensor
    state: dict[str, Tensor]
    memory: dict[str, Any]


def region_net(state: dict[str, Tensor]) -> RegionNet:
    """Return the net of a step, ready to be asked.

    Parameters
    ----------
    state : dict of str to Tensor
        The step's.
    """
    net = RegionNet()
    net.load_state_dict(state)
    return net.eval().requires_grad_(False)


@step_method(live={"rate", "order"})
def detector_steps(
    scenes: Crowds,
    pretrained: nn.Module | None = None,
    *,
    order: Order = "joint",
    rate: float = 1e-3,
    batch_size: int = 4,
    steps: int = 100,
    every: int = 5,
    seed: int = 0,
    resume: DetectorStep | None = None,
) -> Iterator[DetectorStep]:
    """Train a `RegionNet` by Adam, a few scenes a step.

    Parameters
    ----------
    scenes : Crowds
    pretrained : nn.Module, optional
        A viznet of half the width, whose first layers it starts from.
    order : {"joint", "alternating", "first stage only"}
        Whether each step lowers all four losses, those of the two stages by turns, or only those of the first.
    rate : float
    batch_size, steps : int
    every : int
        Steps between two that are yielded.
    seed : int
        Of the new weights, and of which scenes, anchors and regions a step learns from.
    resume : DetectorStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, or the loss is no number any more.
    """
    steps, every = checks.integer(steps, 1, None, "steps"), checks.integer(every, 1, None, "every")
    batch_size = checks.integer(batch_size, 1, len(scenes), "batch_size")
    checks.choice(order, get_args(Order), "order")
    if not rate > 0:
        raise ValueError(f"rate must be positive, got {rate}")
    with fresh_weights(seed):
        net = RegionNet()
    if pretrained is not None:
        start_trunk(net, pretrained)
    net.to(memory_format=torch.channels_last)
    mover = torch.optim.Adam(net.parameters(), lr=rate)
    if resume is not None:
        net.load_state_dict(resume.state)
        recall(mover, resume.memory)
    kept = list(resume.losses) if resume else []
    known = true_boxes(scenes)
    for index in range(resume.index if resume else 0, steps):
        random = generator(step_seed(seed, index))
        rows = torch.randperm(len(scenes), generator=random)[:batch_size]
        images = scenes.images[rows].float() / 255
        truths = [known[row] for row in rows.tolist()]
        for group in mover.param_groups:
            group["lr"] = rate
        shares = torch.tensor(_shares(order, index))

        def loss(images: Tensor = images, shares: Tensor = shares, random: torch.Generator = random) -> Tensor:
            found = two_stage_loss(net, images, truths, random)  # noqa: B023 - called in this very round
            terms = torch.stack([getattr(found, name) for name in TERMS])
            kept.append(terms.detach())
            return (terms * shares).sum()

        take_step(mover, net, loss, index)
        if (index + 1) % every == 0 or index + 1 in (1, steps):
            state = {name: value.detach().clone() for name, value in net.state_dict().items()}
            marks, losses = tuple(range(1, index + 2)), torch.stack(kept)
            yield DetectorStep(index + 1, steps, marks, losses, state, copy.deepcopy(remember(mover)))


def _shares(order: Order, index: int) -> tuple[float, float, float, float]:
    """Return the weights of the four losses in a step."""
    if order == "joint":
        return 1.0, 1.0, 1.0, 1.0
    if order == "first stage only" or index % 2 == 0:
        return 1.0, 1.0, 0.0, 0.0
    return 0.0, 0.0, 1.0, 1.0
