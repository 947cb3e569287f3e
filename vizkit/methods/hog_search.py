"""What detectors were before networks: a template of gradients, slid over the picture (Dalal & Triggs 2005)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.methods.average_precision import Boxes
from vizkit.methods.boxes import nms
from vizkit.methods.class_svms import JudgedCrops, train_svm
from vizkit.methods.crops import CONTEXT
from vizkit.methods.hog import hog
from vizkit.methods.sliding import scaled, window_corners

__all__ = ["HogTemplate", "search_by_hog", "train_hog_template"]

#: Pixels to a side of a cell: windows are one cell apart.
CELL = 8


@dataclass(frozen=True)
class HogTemplate:
    """A linear function of a window's HOG.

    Parameters
    ----------
    weights : Tensor, shape (rows, columns, block, block, orientations)
        As `vizkit.hog` lays them out.
    bias : float
    """

    weights: Tensor
    bias: float

    def scores(self, image: Tensor) -> Tensor:
        """Return the score of each window of a picture (3, H, W), shape (rows, columns): one correlation."""
        blocks = hog(image[None], cell=CELL)[0].flatten(2).permute(2, 0, 1)
        kernel = self.weights.flatten(2).permute(2, 0, 1)
        return F.conv2d(blocks[None], kernel[None])[0, 0] + self.bias


def train_hog_template(found: JudgedCrops, label: int, *, strength: float = 0.01) -> HogTemplate:
    """Train a linear SVM on the HOGs of crops: those of one class against all others.

    Parameters
    ----------
    found : JudgedCrops
    label : int
    strength : float
        C of the SVM.

    Raises
    ------
    ValueError
        If `strength` is not positive, or no crop is of the class.
    """
    if not (found.labels == label).any():
        raise ValueError(f"the crops must show the class {label}, got none that does")
    histograms = hog(found.crops, cell=CELL)
    weights, bias = train_svm(histograms.flatten(1), found.labels == label, strength)
    return HogTemplate(weights.view(histograms.shape[1:]), bias)


@torch.no_grad()
def search_by_hog(
    template: HogTemplate, image: Tensor, *, scale: float = 1.0, least: float = 0.0
) -> tuple[Tensor, Boxes]:
    """Slide a template over a picture.

    Parameters
    ----------
    template : HogTemplate
    image : Tensor, float, shape (3, H, W), RGB in [0, 1]
    scale : float
        The picture is made larger or smaller by this first.
    least : float
        Score from which a window is one.

    Returns
    -------
    scores : Tensor, shape (rows, columns)
        Of the windows, 8 pixels apart in the scaled picture.
    found : Boxes
        Those that no better one overlaps by more than 0.3; their labels are 0.

    Raises
    ------
    TypeError, ValueError
        If it is no picture, or smaller than a window.
    """
    scores = template.scores(scaled(image, scale))
    boxes = window_corners(scores.shape, CONTEXT) / scale
    flat = scores.flatten()
    rows = (flat >= least).nonzero()[:, 0]
    kept = rows[nms(boxes[rows], flat[rows], 0.3)]
    return scores, Boxes(boxes[kept], torch.zeros_like(kept), flat[kept])
