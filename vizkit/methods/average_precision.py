"""How good a detector is: precision and recall over its threshold, and the area below."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.scenes import Crowds
from vizkit.methods.boxes import box_iou, checked_boxes, checked_scores

__all__ = [
    "COCO",
    "Boxes",
    "PrecisionRecall",
    "average_precision",
    "detection_curve",
    "mean_average_precision",
    "precision_recall",
]

Formula = Literal["all points", "11 points", "101 points"]
#: The overlaps over which COCO takes the mean.
COCO = tuple(step / 100 for step in range(50, 100, 5))


@dataclass(frozen=True)
class Boxes:
    """What is in a picture, or what a detector says is in it.

    Parameters
    ----------
    boxes : Tensor, float, shape (N, 4)
        Rows ``x0, y0, x1, y1``.
    labels : Tensor, int64, shape (N,)
    scores : Tensor, float, shape (N,), optional
        Of a detector.
    """

    boxes: Tensor
    labels: Tensor
    scores: Tensor | None = None

    @property
    def certainty(self) -> Tensor:
        """The scores, or 1 of each where there are none: what is true is certain."""
        return self.scores if self.scores is not None else torch.ones(len(self.boxes))


def true_boxes(scenes: Crowds) -> list[Boxes]:
    """Return what is in each scene, in pixels."""
    return [Boxes(boxes, labels) for boxes, labels in zip(scenes.boxes, scenes.labels, strict=True)]


@dataclass(frozen=True)
class PrecisionRecall:
    """Precision and recall when all down to some place in the list are taken.

    Parameters
    ----------
    scores : Tensor, shape (n,)
        Falling.
    right : Tensor, bool, shape (n,)
        Whether that one is right.
    truths : int
        How many there are to be found.
    """

    scores: Tensor
    right: Tensor
    truths: int

    @property
    def recall(self) -> Tensor:
        """Share of the truths that are found so far, float64."""
        return self.right.double().cumsum(0) / self.truths

    @property
    def precision(self) -> Tensor:
        """Share of those taken so far that are right, float64."""
        return self.right.double().cumsum(0) / torch.arange(1, len(self.right) + 1, dtype=torch.float64)

    @property
    def envelope(self) -> Tensor:
        """The best precision from here on: what both formulas take."""
        return self.precision.flip(0).cummax(0).values.flip(0) if len(self.right) else self.precision


def precision_recall(scores: Tensor, right: Tensor, truths: int) -> PrecisionRecall:
    """Sort what was found by its score.

    Parameters
    ----------
    scores : Tensor, shape (n,)
    right : Tensor, bool, shape (n,)
    truths : int

    Raises
    ------
    ValueError
        If there is nothing to be found, or more is right than there is.
    """
    checked_scores(scores, len(right))
    if truths < 1:
        raise ValueError(f"truths must be 1 or more: without any there is no recall, got {truths}")
    if int(right.sum()) > truths:
        raise ValueError(f"right must be at most the {truths} truths, got {int(right.sum())}")
    order = scores.argsort(descending=True, stable=True)
    return PrecisionRecall(scores[order], right[order].bool(), truths)


def average_precision(curve: PrecisionRecall, formula: Formula = "all points") -> float:
    """Return the area below precision over recall, in [0, 1].

    Parameters
    ----------
    curve : PrecisionRecall
    formula : {"all points", "11 points", "101 points"}
        The area below the envelope (PASCAL VOC from 2010 on), or the mean of the envelope at the recalls 0, 0.1 to 1
        (VOC 2007), or at 0, 0.01 to 1 (COCO); 0 where that recall is never reached.
    """
    checks.choice(formula, get_args(Formula), "formula")
    best, found = curve.envelope, curve.right.cumsum(0)
    if formula == "all points":
        return float(best[curve.right].sum() / curve.truths)
    if formula == "11 points":  # in whole numbers: 0.3 is none of the fractions that a computer knows
        places = torch.searchsorted(found * 10, torch.arange(11) * curve.truths)
    else:  # as COCO's own tool does it, which misses 0.7 where seven of ten are found
        places = torch.searchsorted(curve.recall, torch.from_numpy(np.linspace(0, 1, 101)))
    return float(best[places[places < len(best)]].sum()) / len(places)


def detection_curve(
    found: Sequence[Boxes], truths: Sequence[Boxes], label: int, *, overlap: float = 0.5
) -> PrecisionRecall:
    """Compare a detector's boxes of one class with the truth, picture by picture.

    In the order of their scores each takes the truth of its picture that it overlaps most, of those that are not
    taken yet; it is right if that is `overlap` or more (as COCO does it). A second box on one thing is wrong.

    Parameters
    ----------
    found, truths : sequence of Boxes
        One of each picture; `found` with scores.
    label : int
    overlap : float
        Intersection over union, in (0, 1].

    Raises
    ------
    TypeError, ValueError
        If there are not as many of one as of the other, scores are missing, or no picture has a thing of the class.
    """
    return _detection_curves(found, truths, label, (overlap,))[0]


def _detection_curves(
    found: Sequence[Boxes], truths: Sequence[Boxes], label: int, overlaps: Sequence[float]
) -> list[PrecisionRecall]:
    """Return `detection_curve` for several overlaps: boxes are sorted and laid over each other once."""
    if len(found) != len(truths):
        raise ValueError(f"found must be one for each picture, {len(truths)}, got {len(found)}")
    for overlap in overlaps:
        if not 0 < overlap <= 1:
            raise ValueError(f"overlap must be in (0, 1], got {overlap}")
    scores, pairs, count = [torch.empty(0, dtype=torch.float64)], [torch.empty(0, 0)], 0
    for here, truth in zip(found, truths, strict=True):
        if here.scores is None:
            raise ValueError("found must have scores, got boxes without")
        own, there = here.labels == label, truth.labels == label
        order = checked_scores(here.scores, len(checked_boxes(here.boxes)))[own].argsort(descending=True, stable=True)
        scores.append(here.scores[own][order].double())
        pairs.append(box_iou(here.boxes[own][order], truth.boxes[there]))
        count += int(there.sum())
    return [
        precision_recall(torch.cat(scores), torch.cat([_taken(pair, overlap) for pair in pairs]), count)
        for overlap in overlaps
    ]


def _taken(overlaps: Tensor, least: float) -> Tensor:
    """Return which rows find a column that is free: each in turn takes its largest."""
    free, right = overlaps.clone(), torch.zeros(len(overlaps), dtype=torch.bool)
    for row in range(len(free)):
        if free.shape[1] and free[row].max() >= least:
            right[row] = True
            free[:, free[row].argmax()] = -1
    return right


def mean_average_precision(
    found: Sequence[Boxes],
    truths: Sequence[Boxes],
    *,
    overlaps: Sequence[float] = (0.5,),
    formula: Formula = "all points",
) -> float:
    """Return the mean of the average precisions of all classes that are in the pictures.

    Parameters
    ----------
    found, truths : sequence of Boxes
        See `detection_curve`.
    overlaps : sequence of float
        The mean over these is taken; COCO's are .5, .55 to .95.
    formula : {"all points", "11 points", "101 points"}

    Raises
    ------
    ValueError
        If no picture has a thing in it.
    """
    labels = sorted({int(label) for one in truths for label in one.labels})
    if not labels:
        raise ValueError("truths must have a box in at least one picture, got none")
    values = [
        average_precision(curve, formula)
        for label in labels
        for curve in _detection_curves(found, truths, label, overlaps)
    ]
    return sum(values) / len(values)
