"""Histograms of oriented gradients, differentiable: what detectors saw before networks."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core import checks

__all__ = ["hog"]

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
