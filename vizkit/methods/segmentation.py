"""From a saliency map to an object: GrabCut, told by the map where to begin."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vizkit.core import checks
from vizkit.core.models import ImageModel
from vizkit.core.scenes import Scenes, mask_box
from vizkit.methods.gradients import saliency

__all__ = ["Segment", "cut_overlap", "grab_cut"]


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
    box: tuple[float, float, float, float] | None = None,
) -> Segment:
    """Cut the largest object out, its color model grown from where a saliency map is high.

    Parameters
    ----------
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    heat : Tensor, shape (H, W), 0 or more
    foreground, background : float
        Quantiles of the smoothed map: above the first is surely object, below the second surely
        ground if there is no box; 0 < background < foreground < 1.
    steps : int
        Of GrabCut.
    smooth : float
        Standard deviation of the Gaussian that joins the map's specks, in pixels.
    box : (float, float, float, float), optional
        ``x0, y0, x1, y1`` as shares of the width and height: what lies outside is surely ground, what lies inside
        probably object, surely where the map is high. The whole picture by default: then the map alone says where
        ground is.

    Raises
    ------
    TypeError, ValueError
        If the picture is none, the map does not fit it, the quantiles are out of order, or the box holds no pixel.

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
    seeds = _seeds(smoothed, _inside(smoothed.shape, box), foreground, background)
    pixels = image.mul(255).round().byte().permute(1, 2, 0).flip(2).contiguous().numpy()  # BGR
    cv2.setRNGSeed(0)
    models = np.zeros((2, 1, 65))
    whole = (0, 0, 0, 0)  # not used with a mask
    cv2.grabCut(pixels, seeds, whole, models[0], models[1], steps, cv2.GC_INIT_WITH_MASK)
    mask = _largest((seeds == cv2.GC_FGD) | (seeds == cv2.GC_PR_FGD))
    return Segment(torch.from_numpy(mask), mask_box(mask))


def cut_overlap(model: ImageModel, scenes: Scenes, *, margin: int | None = None, smooth: float = 3.0) -> Tensor:
    """Score GrabCut, begun from the saliency of the scene's class, against the true shape.

    Parameters
    ----------
    model : ImageModel
        That knows the classes of the scenes.
    scenes : Scenes
    margin : int, optional
        Of a box around the shape, in pixels; none by default.
    smooth : float
        As in `grab_cut`.

    Returns
    -------
    Tensor, shape (N,)
        Intersection over union, in [0, 1].
    """
    height, width = scenes.mask.shape[1:]
    shares = torch.tensor([width, height, width, height])
    overlap = []
    for image, label, mask, (x0, y0, x1, y1) in zip(
        scenes.images / 255, scenes.label.tolist(), scenes.mask, scenes.box.tolist(), strict=True
    ):
        box = None
        if margin is not None:
            corners = torch.tensor([x0 - margin, y0 - margin, x1 + margin, y1 + margin])
            box = tuple((corners / shares).clamp(0, 1).tolist())
        cut = grab_cut(image, saliency(model, image, label), smooth=smooth, box=box).mask
        overlap.append((cut & mask).sum() / (cut | mask).sum().clamp(min=1))
    return torch.stack(overlap)


def _seeds(heat: NDArray[Any], inside: NDArray[np.bool_], foreground: float, background: float) -> NDArray[np.uint8]:
    """Say of each pixel, as GrabCut wants it, whether it is object or ground, surely or probably."""
    low, high = np.quantile(heat[inside], [background, foreground])
    if inside.all():
        seeds = np.where(heat > (low + high) / 2, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
        seeds[heat <= low] = cv2.GC_BGD
    else:
        seeds = np.where(inside, cv2.GC_PR_FGD, cv2.GC_BGD)
    seeds[(heat >= high) & inside] = cv2.GC_FGD
    return seeds.astype(np.uint8)


def _inside(shape: tuple[int, ...], box: tuple[float, float, float, float] | None) -> NDArray[np.bool_]:
    """Mark the pixels of a box, all of them without one."""
    x0, y0, x1, y1 = box or (0, 0, 1, 1)
    inside = np.zeros(shape, np.bool_)
    rows, columns = (
        slice(round(first * size), round(last * size)) for first, last, size in ((y0, y1, shape[0]), (x0, x1, shape[1]))
    )
    inside[rows, columns] = True
    if not inside.any():
        raise ValueError(f"box must be x0, y0, x1, y1 with x0 < x1 and y0 < y1, shares of the picture, got {box}")
    return inside


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the largest connected part of a mask, as Simonyan et al. do."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return mask
    largest: NDArray[np.bool_] = parts == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    return largest
