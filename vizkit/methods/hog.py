"""Histograms of oriented gradients, differentiable: what detectors saw before networks."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core import checks
from vizkit.core.memory import recall, remember
from vizkit.core.seeds import generator
from vizkit.core.steps import Step, step_method
from vizkit.methods.canvas import FourierCanvas
from vizkit.methods.style import total_variation

__all__ = ["HogStep", "alike", "hog", "hog_twin_steps", "invert_hog_steps"]

_EPSILON = 1e-5


def hog(images: Tensor, *, orientations: int = 9, cell: int = 8, block: int = 3, interpolated: bool = False) -> Tensor:
    """Return histograms of oriented gradients, shape (N, rows, columns, block, block, orientations).

    Of each pixel's color with the steepest gradient, its size votes for its direction, in cells of
    `cell` x `cell` pixels; every block of cells is scaled to length 1, cut at 0.2, and scaled again
    (L2-Hys). The same as scikit-image's ``hog`` with a channel axis; where two colors are equally steep,
    either may be taken.

    Parameters
    ----------
    images : Tensor, shape (N, 3, H, W), RGB in [0, 1]
    orientations : int
        Bins of half a turn: an edge and its negative are one.
    cell, block : int
        In pixels, and in cells.
    interpolated : bool
        Whether a direction's vote is shared by the two nearest bins. Then a turning edge has a
        gradient, too; without, only its size has one.

    Raises
    ------
    TypeError, ValueError
        If the pictures are none or too small for one block, or a number is out of range.

    References
    ----------
    Dalal & Triggs, "Histograms of oriented gradients for human detection", CVPR 2005.
    """
    checks.images(images)
    orientations, cell, block = (
        checks.integer(value, 1, None, name)
        for name, value in (("orientations", orientations), ("cell", cell), ("block", block))
    )
    if min(images.shape[2:]) < cell * block:
        got = f"{images.shape[2]} x {images.shape[3]}"
        raise ValueError(f"images must have {cell * block} x {cell * block} pixels or more, a block, got {got}")
    down, across = _steepest(images)
    size = (down.square() + across.square()).clamp(min=1e-24).sqrt()
    place = torch.atan2(down, across).remainder(math.pi) * (orientations / math.pi)
    votes = _shared(place, orientations) if interpolated else _voted(place, orientations)
    cells = F.avg_pool2d(votes * (size * (size > 1e-11))[:, None], cell)
    blocks = cells.unfold(2, block, 1).unfold(3, block, 1).permute(0, 2, 3, 4, 5, 1)
    return _scaled(_scaled(blocks).clamp(max=0.2))


def _steepest(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return each pixel's differences down and across, (N, H, W), of the color in which they are largest."""
    down, across = torch.zeros_like(images), torch.zeros_like(images)
    down[:, :, 1:-1] = images[:, :, 2:] - images[:, :, :-2]
    across[..., 1:-1] = images[..., 2:] - images[..., :-2]
    color = torch.hypot(down, across).detach().argmax(1, keepdim=True)
    return down.gather(1, color)[:, 0], across.gather(1, color)[:, 0]


def _voted(place: Tensor, bins: int) -> Tensor:
    """Return 1 in the bin of each direction, shape (N, bins, H, W)."""
    return F.one_hot(place.detach().long().clamp(max=bins - 1), bins).movedim(-1, 1).to(place)


def _shared(place: Tensor, bins: int) -> Tensor:
    """Return each direction's shares in the bins whose middles are nearest, around the half turn."""
    middles = torch.arange(bins, device=place.device).view(1, -1, 1, 1) + 0.5
    apart = (place[:, None] - middles).abs()
    return (1 - torch.minimum(apart, bins - apart)).clamp(min=0)


def _scaled(blocks: Tensor) -> Tensor:
    squares = blocks.square().sum((-3, -2, -1), keepdim=True)
    return blocks / (squares + _EPSILON**2).sqrt()


def alike(one: Tensor, other: Tensor, *, centered: bool = False) -> Tensor:
    """Return the cosine of two tensors' numbers, in [-1, 1]; with `centered`, their correlation.

    Parameters
    ----------
    one, other : Tensor, of the same shape
    centered : bool
        Whether the mean of each is subtracted first.
    """
    first, second = ((each - each.mean() if centered else each).flatten() for each in (one, other))
    return F.cosine_similarity(first, second, dim=0)


@dataclass(frozen=True)
class HogStep(Step):
    """A picture on its way to a HOG.

    Parameters
    ----------
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    cosine : float
        Of its HOG and the wanted one, in [0, 1].
    correlation : float
        Of its numbers and the other picture's, in [-1, 1].
    memory : dict
        What the next step needs; for `resume`.
    """

    image: Tensor
    cosine: float
    correlation: float
    memory: dict[str, Any]


#: How far from 0 a twin's correlation with the first picture may go before it is held back.
_UNLIKE = 0.05


@step_method()
def invert_hog_steps(
    image: Tensor,
    *,
    cell: int = 8,
    orientations: int = 9,
    steps: int = 200,
    rate: float = 0.05,
    variation: float = 5.0,
    seed: int = 0,
    resume: HogStep | None = None,
) -> Iterator[HogStep]:
    """Look for a gray picture that has the HOG of another one, from faint noise.

    Adam on a spectrum, its rate falling to nothing, lowers two cosine distances to the other's HOG: with
    interpolated votes, which know where to turn an edge, and with votes as they are counted; and the
    total variation.

    Parameters
    ----------
    image : Tensor, shape (3, H, H), RGB in [0, 1]
        The other picture.
    cell, orientations : int
        As in `hog`.
    steps : int
    rate : float
        Of Adam, in units of the spectrum.
    variation : float
        The weight of the total variation, 0 or more.
    seed : int
        Draws the noise.
    resume : HogStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If the picture is none, is not square, or has no edge: its HOG is 0.

    References
    ----------
    Vondrick, Khosla, Malisiewicz & Torralba, "HOGgles: Visualizing object detection features", ICCV
    2013, invert by paired dictionaries instead.
    """
    size = checks.image(image).shape[1]
    if image.shape[2] != size:
        raise ValueError(f"image must be square, got {image.shape[2]} x {size}")
    canvas = FourierCanvas(size)

    def decode(values: Tensor) -> Tensor:
        return canvas.decode(values)[0].mean(0, keepdim=True).repeat(3, 1, 1)

    wanted = _Wanted(image, cell, orientations, variation)
    yield from _search(wanted, canvas.start(1, generator(seed)), decode, steps, rate, resume)


@step_method()
def hog_twin_steps(
    image: Tensor,
    start: Tensor,
    *,
    cell: int = 8,
    orientations: int = 9,
    steps: int = 300,
    rate: float = 0.1,
    variation: float = 1.0,
    resume: HogStep | None = None,
) -> Iterator[HogStep]:
    """Change a picture until it has the HOG of another one, and stays unlike that one.

    As `invert_hog_steps`, on the pixels of `start`; the correlation of its numbers with the other's is held
    within about 0.05 of 0.

    Parameters
    ----------
    image, start : Tensor, shape (3, H, W), RGB in [0, 1]
        The other picture, and the one to be changed.
    cell, orientations : int
        As in `hog`.
    steps : int
    rate : float
        Of Adam, in units of the pixels' logits.
    variation : float
        The weight of the total variation, 0 or more.
    resume : HogStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If a picture is none, the two differ in size, or one of them has no edge: its HOG is 0.

    References
    ----------
    Tatu, Lauze, Nielsen & Kimia, "Exploring the representation capabilities of the HOG descriptor", ICCV
    Workshops 2011, who showed such pairs; the search is another one.
    """
    checks.image(start)
    if start.shape != checks.image(image).shape:
        raise ValueError(f"start must be {tuple(image.shape)}, as the other picture is, got {tuple(start.shape)}")
    if not hog(start[None], cell=cell, orientations=orientations).any():
        raise ValueError("start must have an edge, got a picture of one color: its HOG is 0 and leads nowhere")
    wanted = _Wanted(image, cell, orientations, variation, unlike=True)
    yield from _search(wanted, torch.logit(start.clamp(0.05, 0.95)), torch.sigmoid, steps, rate, resume)


class _Wanted:
    """What a picture is to have: the HOG of another one, and no more variation than that takes."""

    def __init__(self, image: Tensor, cell: int, orientations: int, variation: float, *, unlike: bool = False) -> None:
        self.image, self.variation, self.unlike = image, variation, unlike
        self.count = {"cell": cell, "orientations": orientations}
        self.hogs = [hog(image[None], interpolated=shared, **self.count) for shared in (True, False)]
        if not self.hogs[1].any():
            raise ValueError("image must have an edge, got a picture of one color: its HOG is 0 everywhere")

    def loss(self, now: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss of a picture, the cosine of the HOGs as they are counted, and the pixels' correlation."""
        found = [hog(now[None], interpolated=shared, **self.count) for shared in (True, False)]
        cosines = [alike(one, other) for one, other in zip(found, self.hogs, strict=True)]
        correlation = alike(now, self.image, centered=True)
        loss = 2 - cosines[0] - cosines[1] + self.variation * total_variation(now[None])
        if self.unlike:
            loss = loss + 10 * (correlation.abs() - _UNLIKE).clamp(min=0).square()
        return loss, cosines[1], correlation


def _search(
    wanted: _Wanted, start: Tensor, decode: Callable[[Tensor], Tensor], steps: int, rate: float, resume: HogStep | None
) -> Iterator[HogStep]:
    """Lower the loss by Adam, the rate falling to nothing."""
    steps = checks.integer(steps, 1, None, "steps")
    values = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([values], lr=rate)
    if resume is not None:
        values.data.copy_(resume.memory["values"])
        recall(optimizer, resume.memory["optimizer"])
    for index in range(resume.index if resume else 0, steps):
        optimizer.param_groups[0]["lr"] = rate * math.sqrt(1 - index / steps)
        with torch.enable_grad():
            now = decode(values)
            loss, cosine, correlation = wanted.loss(now)
            (values.grad,) = torch.autograd.grad(loss, values)
        optimizer.step()
        memory = {"values": values.detach().clone(), "optimizer": remember(optimizer)}
        reached = float(cosine.detach()), float(correlation.detach())
        yield HogStep(index + 1, steps, now.detach(), *reached, memory)
