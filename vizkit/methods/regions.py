"""Features of a region: cut out of the maps of the whole picture instead of computed anew."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.methods.boxes import checked_boxes

__all__ = ["RegionBins", "region_bins", "roi_align", "roi_pool"]


@dataclass(frozen=True)
class RegionBins:
    """The cells of a map that each bin of a pooled region is the largest of.

    Parameters
    ----------
    rows, columns : Tensor, int64, shape (bins, 2)
        First and one past the last; neighbors may share one, and a bin outside the map has none.
    """

    rows: Tensor
    columns: Tensor


def region_bins(box: Tensor, shape: tuple[int, int], size: int, *, scale: float) -> RegionBins:
    """Return which cells of a map belong to which bin of a region, rounded twice as RoI pooling does.

    Parameters
    ----------
    box : Tensor, float, shape (4,)
        In pixels of the picture.
    shape : (int, int)
        Rows and columns of the map.
    size : int
        Bins to a side.
    scale : float
        Cells of the map per pixel: 1 / stride.
    """
    placed = box.double() * scale
    cells = (placed.sign() * (placed.abs() + 0.5).floor()).long()  # a half goes away from 0
    bins = []
    for first, last, length in ((cells[1], cells[3], shape[0]), (cells[0], cells[2], shape[1])):
        wide = float((last - first + 1).clamp(min=1)) / size
        at = torch.arange(size + 1, dtype=torch.float64) * wide
        ends = torch.stack([at[:-1].floor(), at[1:].ceil()], 1).long() + first
        bins.append(ends.clamp(0, length))
    return RegionBins(*bins)


def roi_pool(maps: Tensor, boxes: Tensor, size: int = 7, *, scale: float = 1.0) -> Tensor:
    """Return the largest value of each bin of each region (Girshick 2015, Fast R-CNN).

    Parameters
    ----------
    maps : Tensor, float, shape (C, H, W)
    boxes : Tensor, float, shape (N, 4)
        Rows ``x0, y0, x1, y1`` in pixels of the picture.
    size : int
        Bins to a side.
    scale : float
        Cells of the map per pixel.

    Returns
    -------
    Tensor, shape (N, C, size, size)
        0 in a bin outside the map.

    Raises
    ------
    TypeError, ValueError
        If the boxes are none, or `size` or `scale` is out of range.
    """
    size = _checked(maps, boxes, size, scale)
    pooled = maps.new_zeros(len(boxes), len(maps), size, size)
    for index, box in enumerate(boxes):
        bins = region_bins(box, (maps.shape[1], maps.shape[2]), size, scale=scale)
        for row, (top, bottom) in enumerate(bins.rows.tolist()):
            for column, (left, right) in enumerate(bins.columns.tolist()):
                if top < bottom and left < right:
                    pooled[index, :, row, column] = maps[:, top:bottom, left:right].amax((1, 2))
    return pooled


def roi_align(maps: Tensor, boxes: Tensor, size: int = 7, *, scale: float = 1.0, samples: int = 2) -> Tensor:
    """Return the mean of some places in each bin of each region, nothing rounded (He et al. 2017, Mask R-CNN).

    Parameters
    ----------
    maps : Tensor, float, shape (C, H, W)
    boxes : Tensor, float, shape (N, 4)
    size : int
    scale : float
    samples : int
        Places to a side of a bin; the map is interpolated there.

    Returns
    -------
    Tensor, shape (N, C, size, size)

    Raises
    ------
    TypeError, ValueError
        If the boxes are none, or a number is out of range.
    """
    size = _checked(maps, boxes, size, scale)
    samples = checks.integer(samples, 1, 16, "samples")
    share = (torch.arange(size * samples, dtype=maps.dtype, device=maps.device) + 0.5) / (size * samples)
    placed = boxes.to(maps) * scale - 0.5  # the middle of the first cell is at 0
    ends = placed[:, :2], placed[:, 2:]
    x, y = ((ends[0][:, axis, None] + share * (ends[1] - ends[0])[:, axis, None]) for axis in (0, 1))
    columns, rows = _weights(x, maps.shape[2]), _weights(y, maps.shape[1])
    values = torch.einsum("nyh,chw,nxw->ncyx", rows, maps, columns)
    found: Tensor = values.unflatten(3, (size, samples)).unflatten(2, (size, samples)).mean((3, 5))
    return found


def _weights(places: Tensor, length: int) -> Tensor:
    """Return how much of each cell a place takes, shape (N, places, length); of a place far outside nothing."""
    inside = (places >= -1) & (places <= length)
    places = places.clamp(0, length - 1)
    cells = torch.arange(length, dtype=places.dtype, device=places.device)
    found: Tensor = (1 - (places[..., None] - cells).abs()).clamp(min=0) * inside[..., None]
    return found


def _checked(maps: Tensor, boxes: Tensor, size: int, scale: float) -> int:
    checked_boxes(boxes)
    if maps.ndim != 3 or not maps.is_floating_point() or not maps.numel():
        raise ValueError(f"maps must be fractional numbers of shape (C, H, W), got {maps.dtype} {tuple(maps.shape)}")
    if not scale > 0:
        raise ValueError(f"scale must be positive, got {scale}")
    return checks.integer(size, 1, 64, "size")
