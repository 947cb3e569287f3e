"""Regions cut out of a picture, each asked alone (Girshick et al. 2014, R-CNN)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core import checks
from vizkit.core.detectors import CROP, CropNet
from vizkit.core.scenes import SHAPES
from vizkit.methods.anchors import clip_boxes, decode_boxes, encode_boxes
from vizkit.methods.average_precision import Boxes
from vizkit.methods.boxes import box_iou, checked_boxes

__all__ = ["judge_crops", "warp_crops", "widened"]

#: Pixels of a crop's border that lie outside its box: R-CNN's 16 of 227, here 4 of 48.
CONTEXT = 4
#: Boxes of a picture that a step learns from: moved truths, and others.
_THINGS, _OTHERS = 8, 16


def widened(boxes: Tensor, size: int = CROP, context: int = CONTEXT) -> Tensor:
    """Return what is cut out for boxes: so much more that each box fills a crop but for its border."""
    more = (boxes[:, 2:] - boxes[:, :2]) * context / (size - 2 * context)
    return torch.cat([boxes[:, :2] - more, boxes[:, 2:] + more], 1)


def warp_crops(image: Tensor, boxes: Tensor, *, size: int = CROP, context: int = CONTEXT) -> Tensor:
    """Cut boxes out of a picture with a border and stretch each to one size.

    Parameters
    ----------
    image : Tensor, float, shape (3, H, W), RGB in [0, 1]
    boxes : Tensor, float, shape (N, 4)
        Rows ``x0, y0, x1, y1`` in pixels.
    size : int
        Of a crop in pixels.
    context : int
        Pixels of the crop's border.

    Returns
    -------
    Tensor, shape (N, 3, size, size)
        The mean color outside the picture; four samples make a pixel.

    Raises
    ------
    TypeError, ValueError
        If the boxes are none, or a number is out of range.
    """
    checked_boxes(boxes)
    size = checks.integer(size, 8, 512, "size")
    context = checks.integer(context, 0, size // 2 - 1, "context")
    height, width = image.shape[-2:]
    if not len(boxes):
        return image.new_zeros(0, len(image), size, size)
    wide = widened(boxes.to(image), size, context)
    share = (torch.arange(2 * size, device=image.device) + 0.5) / (2 * size)
    x, y = ((wide[:, axis, None] + share * (wide[:, axis + 2] - wide[:, axis])[:, None]) for axis in (0, 1))
    x, y = x / width * 2 - 1, y / height * 2 - 1
    grid = torch.stack([x[:, None].expand(-1, 2 * size, -1), y[:, :, None].expand(-1, -1, 2 * size)], -1)
    mean = image.mean((1, 2), keepdim=True)
    flat = grid.reshape(1, -1, 2 * size, 2)  # one tall picture of all crops: the source is read in place
    crops = F.grid_sample((image - mean)[None], flat, align_corners=False)[0]
    pooled = (F.avg_pool2d(crops, 2) + mean).clamp(0, 1)  # a mean may round to less than 0
    cut: Tensor = pooled.unflatten(1, (len(boxes), size)).transpose(0, 1)
    return cut


@torch.no_grad()
def judge_crops(net: CropNet, image: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a net says of each box, asked one by one.

    Parameters
    ----------
    net : CropNet
    image : Tensor, float, shape (3, H, W), RGB in [0, 1]
    boxes : Tensor, float, shape (n, 4)

    Returns
    -------
    probabilities : Tensor, shape (n, 9)
        The last of there being nothing.
    boxes : Tensor, shape (n, 4)
        Corrected.
    """
    boxes = boxes.to(image)
    said = [net(part) for part in warp_crops(image, boxes).split(64)] or [image.new_zeros(0, len(SHAPES) + 5)]
    return read_crops(torch.cat(said), boxes, (image.shape[1], image.shape[2]))


def read_crops(said: Tensor, boxes: Tensor, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return the probabilities and the corrected boxes that a `CropNet` says, as in `judge_crops`."""
    logits, offsets = said.split([len(SHAPES) + 1, 4], 1)
    return logits.softmax(1), clip_boxes(decode_boxes(offsets, boxes), shape)


def crop_loss(net: CropNet, images: Tensor, truths: Sequence[Boxes], random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return the losses of classes and of offsets, on a draw of boxes of pictures."""
    crops, labels, wanted = [], [], []
    for image, truth in zip(images, truths, strict=True):
        boxes, label, owner = labeled_boxes(truth, (image.shape[1], image.shape[2]), random)
        crops.append(warp_crops(image, boxes))
        labels.append(label)
        wanted.append(encode_boxes(truth.boxes[owner], boxes))
    every, label, offsets = torch.cat(crops), torch.cat(labels), torch.cat(wanted)
    logits, said = net(every).split([len(SHAPES) + 1, 4], 1)
    things = label < len(SHAPES)
    away = F.smooth_l1_loss(said[things], offsets[things], beta=0.1, reduction="sum") / len(label)
    return F.cross_entropy(logits, label), 2 * away


def labeled_boxes(truth: Boxes, shape: tuple[int, int], random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Draw boxes of a scene; return them, what each shows, the last class if nothing by half, and the nearest thing."""
    boxes = training_boxes(truth.boxes, shape, random)
    overlap, owner = box_iou(boxes, truth.boxes).max(1)
    return boxes, torch.where(overlap >= 0.5, truth.labels[owner], len(SHAPES)), owner


def training_boxes(truths: Tensor, shape: tuple[int, int], random: torch.Generator) -> Tensor:
    """Draw boxes to learn from: truths that were moved a little or much, and boxes anywhere."""
    near = truths[torch.randint(len(truths), (_THINGS,), generator=random)]
    far = truths[torch.randint(len(truths), (_THINGS,), generator=random)]
    moved = decode_boxes(torch.randn(_THINGS, 4, generator=random) * 0.12, near)
    away = decode_boxes(torch.randn(_THINGS, 4, generator=random) * 0.4, far)
    height, width = shape
    size = torch.exp(torch.empty(_OTHERS, 2).uniform_(2.9, 4.4, generator=random))
    middle = torch.rand(_OTHERS, 2, generator=random) * torch.tensor([width, height])
    anywhere = torch.cat([middle - size / 2, middle + size / 2], 1)
    boxes = clip_boxes(torch.cat([moved, away, anywhere]), shape)
    return boxes[((boxes[:, 2:] - boxes[:, :2]) >= 8).all(1)]
