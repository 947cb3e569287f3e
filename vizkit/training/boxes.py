"""The recipe of the net that says one box: Tiny-ImageNet's, half an hour on one core."""

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core.detectors import BoxNet, start_trunk
from vizkit.core.models import load_model
from vizkit.core.seeds import fresh_weights
from vizkit.methods.boxes import paired_iou
from vizkit.methods.one_box import whole_boxes
from vizkit.training.runs import Run
from vizkit.training.tiny_imagenet import LabeledImages

EPOCHS, BATCH, RATE = 8, 125, 1.5e-3
#: Share of a thing's area that a random crop keeps at least.
_KEPT = 0.7


class BoxTraining(Run):
    """A resumable training run of `BoxNet`: a box's overlap and corners, and the class a little.

    Parameters
    ----------
    data : LabeledImages
    boxes : Tensor, shape (N, 4)
        Shares of the pictures.
    epochs, seed : int
    """

    def __init__(self, data: LabeledImages, boxes: Tensor, *, epochs: int = EPOCHS, seed: int = 0) -> None:
        self.data, self.boxes = data, boxes
        with fresh_weights(seed):
            net = BoxNet()
        pretrained = load_model("viznet-small").net
        start_trunk(net, pretrained)
        net.classes.load_state_dict(pretrained.fc.state_dict())  # type: ignore[union-attr]
        torch.nn.init.zeros_(net.box[-1].weight)  # type: ignore[arg-type]
        net.box[-1].bias.data.copy_(torch.tensor([0.1, 0.1, 0.9, 0.9]))
        super().__init__(net, len(boxes), batch=BATCH, epochs=epochs, rate=RATE, decay=0.05, seed=seed)

    def losses(self, rows: Tensor) -> dict[str, Tensor]:
        """Return 1 - IoU, the corners' distance, and the cross-entropy, on pictures cropped and flipped by lot."""
        images, boxes = varied(self.data.images[rows].float() / 255, self.boxes[rows], self.random)
        said, logits = self.net(images)
        return {
            "overlap": (1 - paired_iou(whole_boxes(said), boxes)).mean(),
            "corners": 0.5 * (said - boxes).abs().sum(1).mean(),
            "classes": 0.3 * F.cross_entropy(logits, self.data.labels[rows], label_smoothing=0.1),
        }


def varied(images: Tensor, boxes: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Crop, move and flip pictures (N, 3, H, W) by lot, and their boxes with them; no crop loses most of its thing."""
    draw = torch.rand(4, len(images), generator=random)
    side, flip = 0.75 + 0.3 * draw[0], draw[1] < 0.5
    corner = ((1 - side) * draw[2:]).T
    moved = ((boxes - corner.repeat(1, 2)) / side[:, None]).clamp(0, 1)
    area = (moved[:, 2:] - moved[:, :2]).prod(1) * side.square()
    lost = area < _KEPT * (boxes[:, 2:] - boxes[:, :2]).prod(1)
    side[lost], corner[lost], moved[lost] = 1, 0, boxes[lost]
    theta = torch.zeros(len(images), 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = torch.where(flip, -side, side), side
    theta[:, :, 2] = 2 * corner + side[:, None] - 1
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    pixels = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    mirrored = torch.stack([1 - moved[:, 2], moved[:, 1], 1 - moved[:, 0], moved[:, 3]], 1)
    return pixels, torch.where(flip[:, None], mirrored, moved)


@torch.no_grad()
def box_overlap(net: BoxNet, data: LabeledImages, boxes: Tensor) -> tuple[float, float, float]:
    """Return the mean IoU, the share of at least 0.5, and the accuracy, on unchanged pictures."""
    overlaps, right = [], 0
    for images, labels, truth in zip(data.images.split(500), data.labels.split(500), boxes.split(500), strict=True):
        said, logits = net(images.float() / 255)
        overlaps.append(paired_iou(whole_boxes(said.clamp(0, 1)), truth))
        right += int((logits.argmax(1) == labels).sum())
    every = torch.cat(overlaps)
    return float(every.mean()), float((every >= 0.5).float().mean()), right / len(every)


def best_fixed_box(boxes: Tensor) -> tuple[Tensor, float]:
    """Return the one box that overlaps all boxes most on the average, and how much, by moving its sides."""
    best = boxes.median(0).values
    now = float(paired_iou(best[None], boxes).mean())
    for step in (8 / 64, 4 / 64, 2 / 64, 1 / 64):
        moved = True
        while moved:
            moved = False
            for place in range(8):
                trial = best.clone()
                trial[place // 2] = (trial[place // 2] + step * (1 - 2 * (place % 2))).clamp(0, 1)
                found = float(paired_iou(trial[None], boxes).mean())
                if found > now:
                    best, now, moved = trial, found, True
    return best, now
