"""Detection in two stages: where is something, and what is it (Girshick 2015, Ren et al. 2015)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core.detectors import BINS, RegionNet
from vizkit.methods.anchors import clip_boxes, decode_boxes, encode_boxes, grid_anchors, match_anchors
from vizkit.methods.average_precision import Boxes
from vizkit.methods.boxes import box_iou, nms
from vizkit.methods.regions import roi_align

__all__ = ["TwoStageLoss", "judge_regions", "propose_by_net", "two_stage_loss"]

#: Anchors and regions of a picture that a step learns from, and the share of them that are things at most.
_ANCHORS, _REGIONS, _THINGS = 128, 48, 0.33
#: Proposals before their overlaps are looked at.
_BEFORE = 300


@dataclass(frozen=True)
class TwoStageLoss:
    """The four losses of Faster R-CNN, each a mean.

    Parameters
    ----------
    objectness, anchor_offsets : Tensor, scalar
        Of the first stage: is there something, and where is it from the anchor?
    classes, box_offsets : Tensor, scalar
        Of the second: what is it, and where is it from the proposal?
    """

    objectness: Tensor
    anchor_offsets: Tensor
    classes: Tensor
    box_offsets: Tensor

    @property
    def total(self) -> Tensor:
        """Their sum, which joint training lowers."""
        return self.objectness + self.anchor_offsets + self.classes + self.box_offsets


def two_stage_loss(net: RegionNet, images: Tensor, truths: Sequence[Boxes], random: torch.Generator) -> TwoStageLoss:
    """Compare what a net says of pictures with the truth, on a draw of anchors and of regions.

    Parameters
    ----------
    net : RegionNet
    images : Tensor, float, shape (N, 3, H, W), RGB in [0, 1]
    truths : sequence of Boxes
    random : torch.Generator
    """
    maps = net.maps(images)
    said, shape = net.anchors(maps), (images.shape[2], images.shape[3])
    anchors = grid_anchors((maps.shape[2], maps.shape[3])).to(images)
    first, second = [], []
    for index, truth in enumerate(truths):
        first.append(_first_loss(said.objectness[index], said.offsets[index], anchors, truth, random))
        scores, offsets = said.objectness[index].detach(), said.offsets[index].detach()
        top = scores.topk(min(_BEFORE, len(scores))).indices
        proposals = _with_area(clip_boxes(decode_boxes(offsets[top], anchors[top]), shape))
        second.append(_second_loss(net, maps[index], torch.cat([proposals, truth.boxes.to(proposals)]), truth, random))
    terms = torch.stack([torch.stack([*one, *other]) for one, other in zip(first, second, strict=True)]).mean(0)
    return TwoStageLoss(*terms)


def _first_loss(
    scores: Tensor, offsets: Tensor, anchors: Tensor, truth: Boxes, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    kind, owner = match_anchors(anchors, truth.boxes)
    take = _sample(kind, _ANCHORS, random)
    objectness = F.binary_cross_entropy_with_logits(scores[take], (kind[take] == 1).to(scores))
    things = take[kind[take] == 1]
    wanted = encode_boxes(truth.boxes[owner[things]], anchors[things])
    return objectness, F.smooth_l1_loss(offsets[things], wanted, beta=1 / 9, reduction="sum") / len(take)


def _second_loss(
    net: RegionNet, maps: Tensor, regions: Tensor, truth: Boxes, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    overlap, owner = box_iou(regions, truth.boxes.to(regions)).max(1)
    take = _sample((overlap >= 0.5).long(), _REGIONS, random)
    things = (overlap >= 0.5)[take]
    logits, offsets = net.judge(roi_align(maps, regions[take], BINS, scale=1 / 8))
    labels = torch.where(things, truth.labels[owner[take]], logits.shape[1] - 1)
    found = offsets[things, labels[things]]
    wanted = encode_boxes(truth.boxes[owner[take[things]]].to(regions), regions[take[things]])
    away = F.smooth_l1_loss(found, wanted, beta=0.1, reduction="sum") / len(take)
    return F.cross_entropy(logits, labels), 2 * away


def _sample(kind: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Draw places where `kind` is 1 and where it is 0, of the first a share at most."""
    order = torch.randperm(len(kind), generator=random)
    things = order[kind[order] == 1][: int(count * _THINGS)]
    return torch.cat([things, order[kind[order] == 0][: count - len(things)]])


def _with_area(boxes: Tensor) -> Tensor:
    """Return those boxes that are wider and higher than a pixel."""
    return boxes[((boxes[:, 2:] - boxes[:, :2]) > 1).all(1)]


@torch.no_grad()
def propose_by_net(net: RegionNet, maps: Tensor, shape: tuple[int, int], most: int = 50) -> Boxes:
    """Return the boxes in which a net's first stage expects something, the likeliest first.

    Parameters
    ----------
    net : RegionNet
    maps : Tensor, shape (1, 96, h, w)
        What ``net.maps`` said of the picture.
    shape : (int, int)
        Rows and columns of the picture, in pixels.
    most : int
        Boxes; of those that overlap a likelier one by more than .7 none.

    Returns
    -------
    Boxes
        Labels are all 0: not asked yet.
    """
    said = net.anchors(maps)
    anchors = grid_anchors((maps.shape[2], maps.shape[3])).to(maps)
    top = said.objectness[0].topk(min(_BEFORE, len(anchors))).indices
    boxes = clip_boxes(decode_boxes(said.offsets[0, top], anchors[top]), shape)
    kept = nms(boxes, said.objectness[0, top], 0.7)[:most]
    return Boxes(boxes[kept], torch.zeros_like(kept), said.objectness[0, top][kept].sigmoid())


@torch.no_grad()
def judge_regions(net: RegionNet, maps: Tensor, boxes: Tensor, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return what a net's second stage says of regions.

    Parameters
    ----------
    net : RegionNet
    maps : Tensor, shape (1, 96, h, w)
    boxes : Tensor, float, shape (n, 4)
    shape : (int, int)
        Rows and columns of the picture, in pixels.

    Returns
    -------
    probabilities : Tensor, shape (n, 9)
        The last of there being nothing.
    boxes : Tensor, shape (n, 8, 4)
        For each class the corrected box.
    """
    boxes = boxes.to(maps)
    logits, offsets = net.judge(roi_align(maps[0], boxes, BINS, scale=maps.shape[2] / shape[0]))
    return logits.softmax(1), clip_boxes(decode_boxes(offsets, boxes[:, None]), shape)
