"""The recipe of the net that says one box: Tiny-ImageNet's, half an hour on one core."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizkit.core.detectors import DETECTORS, HEADS, BoxHead, BoxNet, start_trunk
from vizkit.core.hooks import forward_to_all
from vizkit.core.models import load_model
from vizkit.core.seeds import fresh_weights
from vizkit.methods.boxes import paired_iou
from vizkit.methods.one_box import whole_boxes
from vizkit.training.detectors import save_detector
from vizkit.training.runs import Run
from vizkit.training.tiny_imagenet import LabeledImages

EPOCHS, BATCH, RATE = 8, 125, 1.5e-3
HEAD_EPOCHS = 4
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
        net.classes.load_state_dict(pretrained.get_submodule("fc").state_dict())
        torch.nn.init.zeros_(net.box[-1].get_parameter("weight"))
        net.box[-1].get_parameter("bias").data.copy_(torch.tensor([0.1, 0.1, 0.9, 0.9]))
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


class HeadTraining(Run):
    """A resumable training run of a head of viznet, whose own layers stay as they are, by the squared distance.

    Parameters
    ----------
    kind : str
        One of `HEADS`.
    codes : Tensor, float16, shape (N, ...)
        What the head's layer says of the pictures.
    boxes : Tensor, shape (N, 4)
    labels : Tensor, int64, shape (N,)
    seed : int
    """

    def __init__(self, kind: str, codes: Tensor, boxes: Tensor, labels: Tensor, *, seed: int = 0) -> None:
        self.codes, self.boxes, self.labels = codes, boxes, labels
        with fresh_weights(seed):
            net = BoxHead(kind)
        super().__init__(net, len(boxes), batch=500, epochs=HEAD_EPOCHS, rate=1e-3, decay=0.01, seed=seed)

    def losses(self, rows: Tensor) -> dict[str, Tensor]:
        """Return the squared distance of the corners."""
        said = own_boxes(self.net(self.codes[rows].float()), self.labels[rows])
        return {"corners": (said - self.boxes[rows]).square().sum(1).mean()}


def own_boxes(said: Tensor, labels: Tensor) -> Tensor:
    """Return a head's boxes (N, 4), those of the pictures' classes where it says one for each."""
    boxes = said.unflatten(1, (-1, 4))
    own: Tensor = boxes[torch.arange(len(labels)), labels] if boxes.shape[1] > 1 else boxes[:, 0]
    return own


@torch.no_grad()
def viznet_codes(images: Tensor) -> dict[str, Tensor]:
    """Return what relu7 and fc of viznet say of pictures (N, 3, 64, 64), float16."""
    model, found = load_model("viznet"), []
    for part in images.split(250):
        pixels = part.float() / 255
        with model.running(pixels) as net:
            codes = forward_to_all(net, model.normalize(pixels), {"relu7", "fc"})
        found.append({name: one.half() for name, one in codes.items()})
    return {name: torch.cat([one[name] for one in found]) for name in ("relu7", "fc")}


def save_heads(heads: dict[str, nn.Module], folder: Path = DETECTORS) -> None:
    """Write all heads' weights in half precision, in one file."""
    save_detector("heads", nn.ModuleList(heads[kind] for kind in HEADS), folder)


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


@torch.no_grad()
def head_overlap(head: nn.Module, codes: Tensor, boxes: Tensor, labels: Tensor) -> float:
    """Return the mean IoU of a head's boxes, of the right class where it has one for each."""
    said = own_boxes(head(codes.float()), labels)
    return float(paired_iou(whole_boxes(said.clamp(0, 1)), boxes).mean())


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
