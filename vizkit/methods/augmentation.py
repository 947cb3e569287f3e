"""New training pictures from old ones: moved, turned, slanted, mirrored, darkened, colored."""

import math
from collections.abc import Callable, Collection

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core import checks

__all__ = ["TRANSFORMS", "augment"]

#: How far pictures are moved at most, as a share of their side; turned, in degrees; and so on.
SHIFT, TURN, SKEW, ZOOM, LIGHT, TINT, NOISE = 0.15, 20.0, 0.25, 0.2, 0.5, 0.35, 0.1


def _uniform(count: int, random: torch.Generator) -> Tensor:
    """Return numbers between -1 and 1."""
    return 2 * torch.rand(count, generator=random) - 1


def _shifted(matrix: Tensor, random: torch.Generator) -> Tensor:
    # The sampling grid's coordinates run from -1 to 1: a share of the side is twice as much there.
    offset = 2 * SHIFT * torch.stack([_uniform(len(matrix), random) for _ in range(2)], 1)
    return torch.cat([matrix[:, :, :2], matrix[:, :, 2:] + offset[:, :, None]], 2)


def _turned(matrix: Tensor, random: torch.Generator) -> Tensor:
    angle = math.radians(TURN) * _uniform(len(matrix), random)
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1) @ matrix


def _skewed(matrix: Tensor, random: torch.Generator) -> Tensor:
    slant = torch.eye(2).repeat(len(matrix), 1, 1)
    slant[:, 0, 1] = SKEW * _uniform(len(matrix), random)
    return slant @ matrix


def _zoomed(matrix: Tensor, random: torch.Generator) -> Tensor:
    return matrix * (1 + ZOOM * _uniform(len(matrix), random))[:, None, None]


def _flipped(matrix: Tensor, random: torch.Generator) -> Tensor:
    sign = torch.ones(len(matrix), 2, 1)
    sign[torch.rand(len(matrix), generator=random) < 0.5, 0] = -1
    return matrix * sign


def _lit(images: Tensor, random: torch.Generator) -> Tensor:
    return images * (1 + LIGHT * _uniform(len(images), random)).view(-1, 1, 1, 1)


def _tinted(images: Tensor, random: torch.Generator) -> Tensor:
    channels = images.shape[1]
    return images * (1 + TINT * _uniform(len(images) * channels, random)).view(-1, channels, 1, 1)


def _noisy(images: Tensor, random: torch.Generator) -> Tensor:
    return images + NOISE * torch.randn(images.shape, generator=random)


Change = Callable[[Tensor, torch.Generator], Tensor]
#: Those that move pixels, which change where a picture is sampled, and those that change their values.
_PLACES: dict[str, Change] = {"shift": _shifted, "rotate": _turned, "skew": _skewed, "zoom": _zoomed, "flip": _flipped}
_VALUES: dict[str, Change] = {"darken or lighten": _lit, "shift colors": _tinted, "noise": _noisy}
#: All transforms by their names, in the order in which they are applied.
TRANSFORMS = (*_PLACES, *_VALUES)


def augment(images: Tensor, transforms: Collection[str], random: torch.Generator) -> Tensor:
    """Transform each picture at random, in every way that is named, and no other.

    torchvision's transforms draw from the global generator, one picture at a time; a run that can be continued needs
    its own, and a batch at once is faster.

    Parameters
    ----------
    images : Tensor, shape (N, C, H, W)
        What comes in from beyond the border is the nearest pixel.
    transforms : collection of str
        Of `TRANSFORMS`.
    random : torch.Generator

    Returns
    -------
    Tensor, shape (N, C, H, W)
        Not clipped.

    Raises
    ------
    ValueError
        If a transform is not known, or `images` is not a batch.
    """
    if images.ndim != 4:
        raise ValueError(f"images must have shape (N, C, H, W), got {tuple(images.shape)}")
    for name in transforms:
        checks.choice(name, TRANSFORMS, "transform")
    if any(name in transforms for name in _PLACES):
        matrix = torch.eye(2, 3).repeat(len(images), 1, 1)
        for name, move in _PLACES.items():
            if name in transforms:
                matrix = move(matrix, random)
        grid = F.affine_grid(matrix.to(images), list(images.shape), align_corners=False)
        images = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    for name, change in _VALUES.items():
        if name in transforms:
            images = change(images, random)
    return images
