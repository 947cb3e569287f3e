"""From a saliency map to an object: GrabCut, told by the map where to begin."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vizkit.core import checks
from vizkit.core.scenes import mask_box

__all__ = ["Segment", "grab_cut"]


@dataclass(frozen=True)
class Segment:
    """An object cut out.

    Parameters
    ----------
    mask : Tensor, bool, shape (H, W)
    box : (int, int, int, int)
        ``x0, y0, x1, y1`` around it, the last two outside; all 0 if nothing is left.
    """

    mask: Tensor
    box: tuple[int, int, int, int]


def grab_cut(
    image: Tensor,
    heat: Tensor,
    *,
    foreground: float = 0.95,
    background: float = 0.3,
    steps: int = 5,
    smooth: float = 3.0,
) -> Segment:
    """Cut the largest object out, its color model grown from where a saliency map is high.

    Parameters
    ----------
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    heat : Tensor, shape (H, W), 0 or more
    foreground, background : float
        Quantiles of the smoothed map: above the first is surely object, below the second surely
        ground; 0 < background < foreground < 1.
    steps : int
        Of GrabCut.
    smooth : float
        Standard deviation of the Gaussian that joins the map's specks, in pixels.

    Raises
    ------
    TypeError, ValueError
        If the picture is none, the map does not fit it, or the quantiles are out of order.

    References
    ----------
    Simonyan, Vedaldi & Zisserman 2014, sec. 3.2; Rother, Kolmogorov & Blake, "GrabCut",
    SIGGRAPH 2004.
    """
    if tuple(heat.shape) != tuple(checks.image(image).shape[1:]):
        raise ValueError(f"heat must be {tuple(image.shape[1:])} as the picture, got {tuple(heat.shape)}")
    if not 0 < background < foreground < 1:
        raise ValueError(f"quantiles must be 0 < background < foreground < 1, got {background} and {foreground}")
    smoothed = cv2.GaussianBlur(heat.double().numpy(), (0, 0), smooth)
    low, high = np.quantile(smoothed, [background, foreground])
    seeds = np.full(smoothed.shape, cv2.GC_PR_BGD, np.uint8)
    seeds[smoothed > (low + high) / 2] = cv2.GC_PR_FGD
    seeds[smoothed <= low], seeds[smoothed >= high] = cv2.GC_BGD, cv2.GC_FGD
    pixels = image.mul(255).round().byte().permute(1, 2, 0).flip(2).contiguous().numpy()  # BGR
    cv2.setRNGSeed(0)
    models = np.zeros((2, 1, 65))
    whole = (0, 0, 0, 0)  # not used with a mask
    cv2.grabCut(pixels, seeds, whole, models[0], models[1], steps, cv2.GC_INIT_WITH_MASK)
    mask = _largest((seeds == cv2.GC_FGD) | (seeds == cv2.GC_PR_FGD))
    return Segment(torch.from_numpy(mask), mask_box(mask))


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the largest connected part of a mask, as Simonyan et al. do."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return mask
    largest: NDArray[np.bool_] = parts == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    return largest
