"""Four detectors on the same pictures, with the time that each of their stages takes here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.detectors import SIZE, CropNet, GridNet, RegionNet, stretched
from vizkit.methods.average_precision import Boxes
from vizkit.methods.boxes import nms
from vizkit.methods.crops import judge_crops
from vizkit.methods.proposals import propose
from vizkit.methods.two_stage import judge_regions, propose_by_net
from vizkit.methods.yolo import grid_boxes

__all__ = ["Detection", "best_boxes", "fast_rcnn", "faster_rcnn", "rcnn", "yolo"]

#: Proposals by selective search, and by a net: its first ones are better.
SEARCHED, NET_PROPOSALS = 300, 50
Propose = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Detection:
    """What a detector finds in a picture, and what it took.

    Parameters
    ----------
    found : Boxes
        In pixels of the picture, the best first.
    proposals : Tensor, shape (n, 4)
        The regions that were judged; none for YOLO.
    seconds : dict of str to float
        Of each stage.
    """

    found: Boxes
    proposals: Tensor
    seconds: dict[str, float]

    @property
    def total(self) -> float:
        """Seconds of all stages."""
        return sum(self.seconds.values())


@dataclass
class _Stages:
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        start = perf_counter()
        yield
        self.seconds[name] = perf_counter() - start


def best_boxes(scores: Tensor, boxes: Tensor, *, least: float = 0.05, overlap: float = 0.5) -> Boxes:
    """Return the boxes that are left when each class has suppressed its own.

    Parameters
    ----------
    scores : Tensor, shape (n, C)
        Of each box for each class.
    boxes : Tensor, float, shape (n, C, 4) or (n, 4)
    least : float
        Lower scores are none.
    overlap : float
        See `vizkit.nms`.

    Returns
    -------
    Boxes
        The best first.
    """
    boxes = boxes if boxes.ndim == 3 else boxes[:, None].expand(-1, scores.shape[1], -1)
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for label in range(scores.shape[1]):
        rows = (scores[:, label] >= least).nonzero()[:, 0]
        kept = rows[nms(boxes[rows, label], scores[rows, label], overlap)]
        found.append((boxes[kept, label], torch.full_like(kept, label), scores[kept, label]))
    every, labels, values = (torch.cat(part) for part in zip(*found, strict=True))
    order = values.argsort(descending=True, stable=True)
    return Boxes(every[order], labels[order], values[order])


def _in_pixels(boxes: Tensor, image: Tensor) -> Tensor:
    """Return boxes of the net's picture in pixels of the given one."""
    height, width = image.shape[1:]
    return boxes * (boxes.new_tensor([width, height, width, height]) / SIZE)


def _detection(found: Boxes, proposals: Tensor, image: Tensor, stages: _Stages) -> Detection:
    placed = Boxes(_in_pixels(found.boxes, image), found.labels, found.scores)
    return Detection(placed, _in_pixels(proposals, image), stages.seconds)


def rcnn(net: CropNet, image: Tensor, *, most: int = SEARCHED) -> Detection:
    """Search regions, cut each out, and ask a net of each (Girshick et al. 2014).

    Parameters
    ----------
    net : CropNet
    image : Tensor, float, shape (3, H, W), RGB in [0, 1]
    most : int
        Regions.

    Raises
    ------
    TypeError, ValueError
        If it is no picture, or `most` no number of regions.
    """
    stages, picture = _Stages(), stretched(image, SIZE)
    with stages.of("selective search"):
        proposals = propose(picture[0], most=most).to(picture)
    with stages.of("a net for each crop"):
        probabilities, boxes = judge_crops(net, picture[0], proposals)
    with stages.of("suppression"):
        found = best_boxes(probabilities[:, :-1], boxes)
    return _detection(found, proposals, image, stages)


def fast_rcnn(net: RegionNet, image: Tensor, *, most: int = SEARCHED) -> Detection:
    """Search regions, and judge each by what a net's maps of the whole picture hold there (Girshick 2015).

    Parameters
    ----------
    net : RegionNet
    image : Tensor, float, shape (3, H, W), RGB in [0, 1]
    most : int
        Regions.

    Raises
    ------
    TypeError, ValueError
        If it is no picture, or `most` no number of regions.
    """
    stages, picture = _Stages(), stretched(image, SIZE)
    with stages.of("selective search"):
        proposals = propose(picture[0], most=most).to(picture)
    return _judged(net, image, picture, proposals, stages)


def faster_rcnn(net: RegionNet, image: Tensor, *, most: int = NET_PROPOSALS) -> Detection:
    """Let the maps themselves say where something is, and then what it is (Ren et al. 2015).

    Parameters
    ----------
    net : RegionNet
    image : Tensor, float, shape (3, H, W), RGB in [0, 1]
    most : int
        Regions.

    Raises
    ------
    TypeError, ValueError
        If it is no picture, or `most` no number of regions.
    """
    most = checks.integer(most, 1, None, "most")
    stages, picture = _Stages(), stretched(image, SIZE)
    with stages.of("maps"), torch.no_grad():
        maps = net.maps(picture)
    with stages.of("region proposal net"):
        proposals = propose_by_net(net, maps, (SIZE, SIZE), most).boxes
    return _judged(net, image, picture, proposals, stages, maps)


def _judged(
    net: RegionNet, image: Tensor, picture: Tensor, proposals: Tensor, stages: _Stages, maps: Tensor | None = None
) -> Detection:
    if maps is None:
        with stages.of("maps"), torch.no_grad():
            maps = net.maps(picture)
    with stages.of("pooled regions"):
        probabilities, boxes = judge_regions(net, maps, proposals, (SIZE, SIZE))
    with stages.of("suppression"):
        found = best_boxes(probabilities[:, :-1], boxes)
    return _detection(found, proposals, image, stages)


def yolo(net: GridNet, image: Tensor) -> Detection:
    """Ask a net for boxes and classes of all cells of a grid at once (Redmon et al. 2016).

    Parameters
    ----------
    net : GridNet
    image : Tensor, float, shape (3, H, W), RGB in [0, 1]

    Raises
    ------
    TypeError, ValueError
        If it is no picture.
    """
    stages, picture = _Stages(), stretched(image, SIZE)
    with stages.of("grid"), torch.no_grad():
        grid = grid_boxes(net(picture))
    with stages.of("suppression"):
        scores, boxes = grid.scores[0].flatten(0, 2), SIZE * grid.boxes[0].flatten(0, 2)
        found = best_boxes(scores, boxes.clamp(0, SIZE))
    return _detection(found, boxes[:0], image, stages)
