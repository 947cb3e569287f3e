"""You only look once: a grid whose cells each say some boxes and one class (Redmon et al. 2016)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vizkit.core.detectors import BOXES
from vizkit.methods.average_precision import Boxes
from vizkit.methods.boxes import paired_iou

__all__ = ["GridBoxes", "YoloLoss", "grid_boxes", "yolo_loss"]

#: The paper's weights of the boxes' places, and of cells in which there is nothing.
PLACE, EMPTY = 5.0, 0.5


@dataclass(frozen=True)
class GridBoxes:
    """What the cells of a grid say, in units of the picture.

    Parameters
    ----------
    boxes : Tensor, shape (N, S, S, B, 4)
        ``x0, y0, x1, y1``, the whole picture from 0 to 1.
    confidence : Tensor, shape (N, S, S, B)
        Of there being something, times how well the box fits it.
    classes : Tensor, shape (N, S, S, C)
        Of each class if there is something.
    """

    boxes: Tensor
    confidence: Tensor
    classes: Tensor

    @property
    def scores(self) -> Tensor:
        """Of each box for each class, shape (N, S, S, B, C)."""
        return self.confidence[..., None] * self.classes[:, :, :, None]


def grid_boxes(grid: Tensor) -> GridBoxes:
    """Read a net's grid.

    Parameters
    ----------
    grid : Tensor, shape (N, 5 B + C, S, S)
        In each cell, for each box: x and y in the cell, the roots of width and height in the picture, the confidence;
        then the classes.

    Raises
    ------
    ValueError
        If it has no room for the boxes and a class.
    """
    if grid.ndim != 4 or grid.shape[1] <= 5 * BOXES:
        raise ValueError(f"grid must have shape (N, {5 * BOXES} + classes, S, S), got {tuple(grid.shape)}")
    said, classes = _parts(grid)
    size = grid.new_tensor([grid.shape[3], grid.shape[2]])
    x, y = torch.meshgrid(torch.arange(grid.shape[3]), torch.arange(grid.shape[2]), indexing="xy")
    corner = torch.stack([x, y], -1).to(grid)[:, :, None]
    middle, half = (corner + said[..., :2]) / size, said[..., 2:4].square() / 2
    return GridBoxes(torch.cat([middle - half, middle + half], -1), said[..., 4], classes)


def _parts(grid: Tensor) -> tuple[Tensor, Tensor]:
    """Return the boxes' numbers (N, S, S, B, 5) and the classes (N, S, S, C) of each cell."""
    cells = grid.permute(0, 2, 3, 1)
    return cells[..., : 5 * BOXES].unflatten(-1, (BOXES, 5)), cells[..., 5 * BOXES :]


@dataclass(frozen=True)
class YoloLoss:
    """The five terms of YOLO's loss, weighted, each the sum over a picture's cells.

    Parameters
    ----------
    middle, size : Tensor, scalar
        Squared errors of the responsible boxes' middles, and of the roots of their widths and heights.
    thing, empty : Tensor, scalar
        Of their confidence, whose target is their overlap with the truth, and of all other boxes', whose target is 0.
    classes : Tensor, scalar
        Of the classes, in the cells that have something.
    """

    middle: Tensor
    size: Tensor
    thing: Tensor
    empty: Tensor
    classes: Tensor

    @property
    def total(self) -> Tensor:
        """Their sum."""
        return self.middle + self.size + self.thing + self.empty + self.classes


def yolo_loss(grid: Tensor, truths: Sequence[Boxes]) -> YoloLoss:
    """Compare a grid with the truth, term by term.

    Parameters
    ----------
    grid : Tensor, shape (N, 5 B + C, S, S)
    truths : sequence of Boxes
        One of each picture, ``x0, y0, x1, y1`` with the whole picture from 0 to 1.

    Raises
    ------
    ValueError
        If there are not as many truths as grids.
    """
    if len(grid) != len(truths):
        raise ValueError(f"truths must be one for each of the {len(grid)} grids, got {len(truths)}")
    found = grid_boxes(grid)
    place = responsible(found, truths)
    at = place.picture, place.row, place.column
    said = _parts(grid)[0][(*at, place.box)]
    count = len(grid)
    empty = torch.ones_like(found.confidence)
    empty[(*at, place.box)] = 0
    wanted = torch.eye(found.classes.shape[-1]).to(grid)[place.label]
    return YoloLoss(
        PLACE * (said[:, :2] - place.target[:, :2]).square().sum() / count,
        PLACE * (said[:, 2:4] - place.target[:, 2:]).square().sum() / count,
        (said[:, 4] - place.overlap).square().sum() / count,
        EMPTY * (empty * found.confidence.square()).sum() / count,
        (found.classes[at] - wanted).square().sum() / count,
    )


@dataclass(frozen=True)
class Responsible:
    """Which box of which cell has to say which thing: the cell its middle is in, and the box that overlaps it most.

    Parameters
    ----------
    picture, row, column, box, label : Tensor, int64, shape (things,)
    overlap : Tensor, shape (things,)
        The box's with the thing.
    target : Tensor, shape (things, 4)
        What it should have said: x and y in the cell, the roots of width and height.
    """

    picture: Tensor
    row: Tensor
    column: Tensor
    box: Tensor
    label: Tensor
    overlap: Tensor
    target: Tensor


@torch.no_grad()
def responsible(found: GridBoxes, truths: Sequence[Boxes]) -> Responsible:
    """Find the boxes that are responsible for the things in pictures."""
    rows, columns = found.boxes.shape[1:3]
    picture = torch.cat([torch.full((len(one.labels),), index) for index, one in enumerate(truths)])
    boxes = torch.cat([one.boxes.to(found.boxes) for one in truths])
    size = boxes.new_tensor([columns, rows])
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2 * size
    column, row = torch.minimum(middle.floor(), size - 1).long().unbind(1)
    overlap, box = paired_iou(boxes[:, None], found.boxes[picture, row, column]).max(1)
    inside = middle - torch.stack([column, row], 1)
    target = torch.cat([inside, (boxes[:, 2:] - boxes[:, :2]).sqrt()], 1)
    return Responsible(picture, row, column, box, torch.cat([one.labels for one in truths]), overlap, target)
