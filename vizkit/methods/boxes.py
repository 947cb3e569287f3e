"""Boxes: how much two have in common, and which of many on one thing are left."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from vizkit.core import checks

__all__ = ["NmsRound", "box_iou", "nms", "nms_rounds", "soft_nms"]

Decay = Literal["linear", "gaussian"]


def checked_boxes(boxes: Tensor, what: str = "boxes") -> Tensor:
    """Return boxes that are some.

    Raises
    ------
    TypeError, ValueError
        If they are not fractional numbers of shape (N, 4), not finite, or one ends before it begins.
    """
    if not isinstance(boxes, Tensor) or not boxes.is_floating_point():
        got = boxes.dtype if isinstance(boxes, Tensor) else type(boxes).__name__
        raise TypeError(f"{what} must be a tensor of fractional numbers, got {got}")
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"{what} must be rows x0, y0, x1, y1, shape (N, 4), got shape {tuple(boxes.shape)}")
    wrong = ~(boxes.isfinite().all(1) & (boxes[:, :2] <= boxes[:, 2:]).all(1))
    if wrong.any():
        row = ", ".join(f"{value:g}" for value in boxes[wrong][0].tolist())
        raise ValueError(f"{what} must be finite with x0 <= x1 and y0 <= y1, got {row}")
    return boxes


def checked_scores(scores: Tensor, count: int) -> Tensor:
    """Return scores if there is a number for each of so many boxes.

    Raises
    ------
    ValueError
    """
    if scores.shape != (count,) or scores.isnan().any():
        got = "a NaN" if scores.shape == (count,) else f"shape {tuple(scores.shape)}"
        raise ValueError(f"scores must be a number for each of the {count} boxes, got {got}")
    return scores


def box_iou(one: Tensor, other: Tensor) -> Tensor:
    """Return the intersection over the union of each box with each other: Jaccard's index of their areas.

    Parameters
    ----------
    one : Tensor, float, shape (N, 4)
        Rows ``x0, y0, x1, y1``, the sides at these very places: a box from 0 to 2 is 2 wide.
    other : Tensor, float, shape (M, 4)

    Returns
    -------
    Tensor, shape (N, M), in [0, 1]
        0 where neither has an area.

    Raises
    ------
    TypeError, ValueError
        If one is no set of boxes.
    """
    checked_boxes(one, "one")
    checked_boxes(other, "other")
    return _iou(one, other)


def paired_iou(one: Tensor, other: Tensor) -> Tensor:
    """Return the intersection over the union of boxes (..., 4) with boxes of such a shape, one by one."""
    sides = (torch.minimum(one[..., 2:], other[..., 2:]) - torch.maximum(one[..., :2], other[..., :2])).clamp(min=0)
    common = sides.prod(-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).prod(-1) for boxes in (one, other)]
    union = areas[0] + areas[1] - common
    return torch.where(union > 0, common / union, 0.0)


def _iou(one: Tensor, other: Tensor) -> Tensor:
    """Return `box_iou` of boxes that have been checked."""
    return paired_iou(one[:, None], other)


@dataclass(frozen=True)
class NmsRound:
    """One round of non-maximum suppression.

    Parameters
    ----------
    kept : int
        The box with the highest score of those that are left.
    removed : tuple of int
        Those that overlap it by more than the threshold, by score.
    overlaps : tuple of float
        Their intersection over union with it.
    """

    kept: int
    removed: tuple[int, ...]
    overlaps: tuple[float, ...]


def nms_rounds(boxes: Tensor, scores: Tensor, threshold: float = 0.5) -> list[NmsRound]:
    """Suppress boxes that overlap a better one, round by round.

    Parameters
    ----------
    boxes : Tensor, float, shape (N, 4)
    scores : Tensor, shape (N,)
        Of two equal ones the first goes first.
    threshold : float
        Intersection over union, in [0, 1], above which the worse box goes.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range.
    """
    scores = checked_scores(scores, len(checked_boxes(boxes)))
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold must be in [0, 1], got {threshold}")
    left, rounds = scores.argsort(descending=True, stable=True), []
    while len(left):
        best, rest = left[0], left[1:]
        overlap = _iou(boxes[best][None], boxes[rest])[0]
        gone = overlap > threshold
        rounds.append(NmsRound(int(best), tuple(rest[gone].tolist()), tuple(overlap[gone].tolist())))
        left = rest[~gone]
    return rounds


def nms(boxes: Tensor, scores: Tensor, threshold: float = 0.5) -> Tensor:
    """Return which boxes non-maximum suppression leaves, the best first.

    Parameters
    ----------
    boxes : Tensor, float, shape (N, 4)
    scores : Tensor, shape (N,)
    threshold : float
        See `nms_rounds`.

    Returns
    -------
    Tensor, int64, shape (kept,)
    """
    return torch.tensor([one.kept for one in nms_rounds(boxes, scores, threshold)], dtype=torch.int64)


def soft_nms(
    boxes: Tensor, scores: Tensor, *, decay: Decay = "gaussian", threshold: float = 0.3, sigma: float = 0.5
) -> tuple[Tensor, Tensor]:
    """Lower the scores of boxes that overlap a better one, instead of removing them (Bodla et al. 2017).

    Parameters
    ----------
    boxes : Tensor, float, shape (N, 4)
    scores : Tensor, float, shape (N,)
    decay : {"linear", "gaussian"}
        Times 1 - IoU where that is above `threshold`, or times exp(-IoU^2 / sigma).
    threshold, sigma : float

    Returns
    -------
    order : Tensor, int64, shape (N,)
        The best first.
    lowered : Tensor, shape (N,)
        Their scores, in that order.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range.
    """
    left = checked_scores(scores, len(checked_boxes(boxes))).clone()
    checks.choice(decay, get_args(Decay), "decay")
    if not 0 <= threshold <= 1 or not sigma > 0:
        raise ValueError(f"threshold must be in [0, 1] and sigma positive, got {threshold} and {sigma}")
    overlaps, order, lowered = _iou(boxes, boxes), [], []
    for _ in range(len(boxes)):
        best = int(left.argmax())
        order.append(best)
        lowered.append(float(left[best]))
        overlap = overlaps[best]
        gone = 1 - overlap * (overlap > threshold) if decay == "linear" else (-overlap.square() / sigma).exp()
        left *= gone
        left[order] = -torch.inf
    return torch.tensor(order, dtype=torch.int64), scores.new_tensor(lowered)
