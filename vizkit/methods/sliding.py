"""A classifier slid over a picture: window by window, or all at once with its dense layers as convolutions."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.detectors import CROP, STRIDE, CropNet
from vizkit.methods.average_precision import Boxes
from vizkit.methods.boxes import nms_rounds
from vizkit.methods.crops import CONTEXT, read_crops

__all__ = ["Windows", "as_convolutions", "ask_all_at_once", "ask_each_window", "merge_boxes", "window_costs"]


@dataclass(frozen=True)
class Windows:
    """What a `CropNet` says of each window of a picture.

    Parameters
    ----------
    said : Tensor, shape (13, rows, columns)
        Nine logits, the last of none, and four offsets.
    scale : float
        Of the picture that was looked at, to the one whose pixels count.
    shape : (int, int)
        Rows and columns of the latter.
    """

    said: Tensor
    scale: float
    shape: tuple[int, int]

    @property
    def windows(self) -> Tensor:
        """The windows in pixels of the picture, row by row, shape (rows * columns, 4)."""
        return window_corners(self.said.shape[1:]) / self.scale

    @property
    def boxes(self) -> Tensor:
        """The boxes that the windows are crops of: these without their border."""
        return window_corners(self.said.shape[1:], CONTEXT) / self.scale

    @property
    def probabilities(self) -> Tensor:
        """Of each class at each window, shape (9, rows, columns)."""
        return self.said[:-4].softmax(0)

    def read(self) -> tuple[Tensor, Tensor]:
        """Return the probabilities (n, 9) and the corrected boxes (n, 4) of all windows, row by row."""
        return read_crops(self.said.flatten(1).T, self.boxes, self.shape)


def window_corners(shape: Sequence[int], border: int = 0) -> Tensor:
    """Return windows in pixels of the picture that was looked at, without a border, row by row, shape (n, 4)."""
    rows, columns = shape
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    corner = STRIDE * torch.stack([x, y], -1).view(-1, 2).float()
    return torch.cat([corner + border, corner + CROP - border], 1)


def scaled(image: Tensor, scale: float) -> Tensor:
    """Return a picture of another size.

    Raises
    ------
    ValueError
        If it would be smaller than a window.
    """
    if not scale > 0:
        raise ValueError(f"scale must be positive, got {scale}")
    size = [round(scale * side) for side in checks.image(image).shape[1:]]
    if min(size) < CROP:
        raise ValueError(f"the picture must hold a window of {CROP} x {CROP} px, got {size[1]} x {size[0]}")
    return F.interpolate(image[None], size, mode="bilinear", antialias=True, align_corners=False)[0]


@torch.no_grad()
def ask_each_window(net: CropNet, image: Tensor, *, scale: float = 1.0) -> Windows:
    """Cut every window out, one each 8 pixels, and ask the net of each.

    Parameters
    ----------
    net : CropNet
    image : Tensor, float, shape (3, H, W), RGB in [0, 1]
    scale : float
        The picture is made larger or smaller by this first: the window stays 48 pixels wide.

    Raises
    ------
    TypeError, ValueError
        If it is no picture, or smaller than a window.
    """
    seen = scaled(image, scale)
    cut = seen.unfold(1, CROP, STRIDE).unfold(2, CROP, STRIDE)  # (3, rows, columns, 48, 48)
    crops = cut.permute(1, 2, 0, 3, 4).flatten(0, 1)
    said = torch.cat([net(part) for part in crops.split(64)])
    return Windows(said.T.unflatten(1, cut.shape[1:3]), scale, (image.shape[1], image.shape[2]))


def as_convolutions(net: CropNet) -> nn.Sequential:
    """Return a net whose dense layers are convolutions with the same weights (Sermanet et al. 2014, OverFeat).

    The first one's kernel is as large as the map that it was trained on, 3 x 3; the second's is 1 x 1. From a crop
    it says one column of numbers, from a larger picture a map of them.

    Parameters
    ----------
    net : CropNet
    """
    first = nn.utils.skip_init(nn.Conv2d, net.trunk[-3].out_channels, net.fc1.out_features, 3)
    second = nn.utils.skip_init(nn.Conv2d, net.fc1.out_features, net.fc2.out_features, 1)
    with torch.no_grad():
        for dense, layer in ((net.fc1, first), (net.fc2, second)):
            layer.weight.copy_(dense.weight.view_as(layer.weight))
            layer.bias.copy_(dense.bias)
    return nn.Sequential(net.trunk, first, nn.ReLU(), second).eval().requires_grad_(False)


@torch.no_grad()
def ask_all_at_once(net: CropNet, image: Tensor, *, scale: float = 1.0) -> Windows:
    """Ask the net of all windows in one pass: neighbors share what they have in common.

    Parameters
    ----------
    net : CropNet
    image : Tensor, float, shape (3, H, W), RGB in [0, 1]
    scale : float
        See `ask_each_window`, which says the same numbers.

    Raises
    ------
    TypeError, ValueError
        If it is no picture, or smaller than a window.
    """
    seen = scaled(image, scale)
    said = as_convolutions(net)(net.normalize(seen[None]))[0]
    return Windows(said, scale, (image.shape[1], image.shape[2]))


def window_costs(net: CropNet, rows: int, columns: int) -> tuple[int, int]:
    """Count the multiply-adds of a picture's windows, one by one and all at once.

    Parameters
    ----------
    net : CropNet
    rows, columns : int
        Of the picture in pixels.

    Raises
    ------
    ValueError
        If it is smaller than a window.
    """
    high, wide = (checks.integer(side, CROP, None, "a side of the picture") for side in (rows, columns))
    windows = ((high - CROP) // STRIDE + 1) * ((wide - CROP) // STRIDE + 1)
    return windows * _products(net, CROP, CROP), _products(net, high, wide)


def _products(net: CropNet, high: int, wide: int) -> int:
    count = 0
    for layer in (module for module in as_convolutions(net).modules() if isinstance(module, nn.Conv2d | nn.MaxPool2d)):
        if isinstance(layer, nn.MaxPool2d):
            high, wide = high // 2, wide // 2
            continue
        high, wide = high - layer.kernel_size[0] + 1, wide - layer.kernel_size[1] + 1
        count += layer.weight.numel() * high * wide
    return count


def merge_boxes(found: Boxes, overlap: float = 0.5) -> Boxes:
    """Merge boxes instead of choosing one: each group of those that overlap becomes their mean.

    Parameters
    ----------
    found : Boxes
        With scores, which are the weights.
    overlap : float
        Intersection over union with the group's best above which a box is one of the group, if its class is the same.

    Returns
    -------
    Boxes
        The best score of each group, the best first.

    Raises
    ------
    ValueError
        If there are no scores.
    """
    if found.scores is None:
        raise ValueError("found must have scores, got boxes without")
    merged: list[tuple[Tensor, int, Tensor]] = []
    for label in sorted(set(found.labels.tolist())):
        rows = (found.labels == label).nonzero()[:, 0]
        boxes, scores = found.boxes[rows], found.scores[rows]
        for one in nms_rounds(boxes, scores, overlap):
            group = torch.tensor([one.kept, *one.removed])
            weight = scores[group] / scores[group].sum()
            merged.append(((boxes[group] * weight[:, None]).sum(0), label, scores[one.kept]))
    merged.sort(key=lambda one: -float(one[2]))
    if not merged:
        return found
    return Boxes(
        torch.stack([box for box, _, _ in merged]),
        torch.tensor([label for _, label, _ in merged]),
        torch.stack([score for _, _, score in merged]),
    )
