"""RISE: what the answer keeps when random parts of the picture are hidden; needs no gradient."""

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core import checks
from vizkit.core.models import ImageModel
from vizkit.core.seeds import generator
from vizkit.methods.attribution import attribution

__all__ = ["rise"]


@attribution("RISE", units=False, quick=False)
def signed_rise(model: ImageModel, image: Tensor, target: int | str | None = None) -> Tensor:
    """Return how much seeing a pixel adds to the probability, from so few masks that it takes seconds."""
    return rise(model, image, target, count=500, centered=True)


@torch.no_grad()
def rise(
    model: ImageModel,
    image: Tensor,
    target: int | str | None = None,
    *,
    count: int = 4000,
    cells: int = 7,
    keep: float = 0.5,
    centered: bool = False,
    seed: int = 0,
    batch_size: int = 100,
) -> Tensor:
    """Hide random parts of the picture, and average what was left, weighted by the class's probability.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    target : int, str, optional
        A class, the most probable one by default.
    count : int
        Masks, as many as the paper takes for VGG. The noise of the map falls with its square root.
    cells : int
        A mask's cells along a side.
    keep : float
        Probability that a cell is seen, in (0, 1).
    centered : bool
        Whether to take off what the same masks would give if the answer did not depend on them.
    seed : int
    batch_size : int

    Returns
    -------
    Tensor, shape (H, W)
        The expected probability where the pixel is seen: black is put where it is not.

    Raises
    ------
    TypeError, ValueError
        If there is no such picture or class, or a number is out of its range.

    References
    ----------
    Petsiuk, Das & Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models",
    BMVC 2018, equation 6.
    """
    checks.image(image)
    count, cells = checks.integer(count, 1, None, "count"), checks.integer(cells, 1, None, "cells")
    if not 0 < keep < 1:
        raise ValueError(f"keep must be between 0 and 1, got {keep!r}")
    index = int(model.logits(image).argmax()) if target is None else model.label_index(target)
    random, mean = generator(seed), 0.0
    heat, seen = torch.zeros(image.shape[1:]), torch.zeros(image.shape[1:])
    for size in map(len, torch.arange(count).split(checks.integer(batch_size, 1, None, "batch_size"))):
        masks = random_masks(size, (image.shape[1], image.shape[2]), cells=cells, keep=keep, random=random)
        shares = model.probabilities(masks[:, None] * image)[:, index].cpu()
        heat += torch.einsum("n,nhw->hw", shares, masks) / (count * keep)
        seen += masks.sum(0) / (count * keep)
        mean += float(shares.sum()) / count
    return heat - mean * seen if centered else heat


def random_masks(count: int, size: tuple[int, int], *, cells: int, keep: float, random: torch.Generator) -> Tensor:
    """Draw masks of soft cells, each shifted by less than a cell, shape (count, height, width) in [0, 1]."""
    (height, width), high, wide = size, -(-size[0] // cells), -(-size[1] // cells)
    grid = (torch.rand(count, 1, cells, cells, generator=random) < keep).float()
    large = F.interpolate(grid, ((cells + 1) * high, (cells + 1) * wide), mode="bilinear", align_corners=False)[:, 0]
    tops = torch.randint(high, (count, 1), generator=random)
    lefts = torch.randint(wide, (count, 1), generator=random)
    rows, columns = tops + torch.arange(height), lefts + torch.arange(width)
    return large[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
