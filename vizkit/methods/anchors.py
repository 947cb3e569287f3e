"""Anchors: boxes laid over a picture before anything is known of it, and the way from them to the things in it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.detectors import RATIOS, SIDES
from vizkit.methods.boxes import box_iou, checked_boxes

__all__ = ["clip_boxes", "decode_boxes", "encode_boxes", "grid_anchors", "match_anchors"]

#: A width or height changes by a factor of this at most: what a net says of a box it never saw may be anything.
_MOST = 16.0


def grid_anchors(
    shape: tuple[int, int], *, stride: float = 8, sides: Sequence[float] = SIDES, ratios: Sequence[float] = RATIOS
) -> Tensor:
    """Return boxes of some sizes and shapes around the middle of each cell of a map.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the map.
    stride : float
        Pixels from a cell to the next.
    sides : sequence of float
        Roots of the areas, in pixels.
    ratios : sequence of float
        Heights over widths.

    Returns
    -------
    Tensor, float32, shape (rows * columns * sides * ratios, 4)
        Row by row, a cell's together, of each side all ratios; they may reach over the picture's border.

    Raises
    ------
    TypeError, ValueError
        If a number is not positive.
    """
    rows, columns = (checks.integer(length, 1, 10_000, "a side of the map") for length in shape)
    if not stride > 0 or any(not value > 0 for value in (*sides, *ratios)):
        raise ValueError(f"stride, sides and ratios must be positive, got {stride}, {tuple(sides)} and {tuple(ratios)}")
    half = torch.tensor([[side / ratio**0.5, side * ratio**0.5] for side in sides for ratio in ratios]) / 2
    places = [(torch.arange(length) + 0.5) * stride for length in (columns, rows)]
    x, y = torch.meshgrid(*places, indexing="xy")
    middle = torch.stack([x, y], -1).view(-1, 1, 2)
    return torch.cat([middle - half, middle + half], -1).view(-1, 4)


def _middles(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the middles and the widths and heights of boxes."""
    sizes = boxes[..., 2:] - boxes[..., :2]
    return boxes[..., :2] + sizes / 2, sizes


def encode_boxes(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Return how far boxes are from anchors, as a net learns it (Girshick et al. 2014, equations 6 to 9).

    Parameters
    ----------
    boxes, anchors : Tensor, float, shape (N, 4)
        With areas.

    Returns
    -------
    Tensor, shape (N, 4)
        The middle's way in widths and heights of the anchor, and the logs of the widths' and heights' ratios.
    """
    (to, wanted), (start, size) = _middles(boxes), _middles(anchors)
    return torch.cat([(to - start) / size, (wanted / size).log()], -1)


def decode_boxes(offsets: Tensor, anchors: Tensor) -> Tensor:
    """Return the boxes that offsets from anchors mean: the inverse of `encode_boxes`.

    Parameters
    ----------
    offsets : Tensor, float, shape (..., 4)
    anchors : Tensor, float, shape (..., 4)

    Returns
    -------
    Tensor, shape (..., 4)
        No more than 16 times as wide or high as the anchor.
    """
    start, size = _middles(anchors)
    most = torch.tensor(_MOST).log().item()
    middle, half = start + offsets[..., :2] * size, size * offsets[..., 2:].clamp(max=most).exp() / 2
    return torch.cat([middle - half, middle + half], -1)


def clip_boxes(boxes: Tensor, shape: tuple[int, int]) -> Tensor:
    """Cut boxes off at the border of a picture.

    Parameters
    ----------
    boxes : Tensor, float, shape (..., 4)
    shape : (int, int)
        Rows and columns of the picture.
    """
    rows, columns = shape
    most = boxes.new_tensor([columns, rows, columns, rows])
    return torch.minimum(boxes.clamp(min=0), most)


def match_anchors(anchors: Tensor, truths: Tensor, *, low: float = 0.3, high: float = 0.7) -> tuple[Tensor, Tensor]:
    """Say which anchors a net has to call a thing, and which it must not (Ren et al. 2015).

    Parameters
    ----------
    anchors : Tensor, float, shape (N, 4)
    truths : Tensor, float, shape (M, 4)
    low, high : float
        An anchor is a thing's if they overlap by `high`, or no anchor overlaps that thing more; it is none if it
        overlaps all by less than `low`. The others teach nothing.

    Returns
    -------
    kind : Tensor, int64, shape (N,)
        1 for a thing, 0 for none, -1 between.
    owner : Tensor, int64, shape (N,)
        The thing that it overlaps most.

    Raises
    ------
    ValueError
        If `low` is above `high`.
    """
    if not 0 <= low <= high <= 1:
        raise ValueError(f"0 <= low <= high <= 1 is needed, got {low} and {high}")
    kind = torch.full((len(checked_boxes(anchors, "anchors")),), -1)
    if not len(checked_boxes(truths, "truths")):
        return torch.zeros_like(kind), torch.zeros_like(kind)
    overlaps = box_iou(anchors, truths.to(anchors))
    most, owner = overlaps.max(1)
    kind[most < low] = 0
    kind[most >= high] = 1
    best = overlaps.max(0).values
    row, column = (overlaps == best).logical_and(best > 0).nonzero(as_tuple=True)
    kind[row], owner[row] = 1, column
    return kind, owner
