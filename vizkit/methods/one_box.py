"""Localization as regression: one box, four numbers."""

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core import checks
from vizkit.core.detectors import BoxNet

__all__ = ["locate"]

#: The least side of a box, as a share of the picture.
_LEAST = 0.02


def whole_boxes(said: Tensor) -> Tensor:
    """Return boxes that end behind where they begin: four numbers of a net may be any."""
    return torch.cat([torch.minimum(said[:, :2], said[:, 2:] - _LEAST), said[:, 2:]], 1)


@torch.no_grad()
def locate(net: BoxNet, image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the box and the chances of the classes that a net says of a photo.

    Parameters
    ----------
    net : BoxNet
    image : Tensor, float, shape (3, H, W), RGB in [0, 1]
        Stretched to the net's 64 x 64 pixels.

    Returns
    -------
    box : Tensor, shape (4,)
        ``x0, y0, x1, y1`` as shares of the picture.
    probabilities : Tensor, shape (200,)

    Raises
    ------
    TypeError, ValueError
        If it is no picture.
    """
    picture = checks.image(image)[None]
    if picture.shape[2:] != (64, 64):
        picture = F.interpolate(picture, (64, 64), mode="bilinear", antialias=True, align_corners=False)
    said, logits = net(picture)
    return whole_boxes(said).clamp(0, 1)[0], logits[0].softmax(0)
