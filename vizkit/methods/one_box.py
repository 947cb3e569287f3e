"""Localization as regression: one box, four numbers."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core import checks
from vizkit.core.detectors import HEADS, BoxHead, BoxNet
from vizkit.core.hooks import forward_to_all
from vizkit.core.models import ImageModel

__all__ = ["head_boxes", "locate"]

#: The least side of a box, as a share of the picture.
_LEAST = 0.02


def whole_boxes(said: Tensor) -> Tensor:
    """Return boxes that end behind where they begin: four numbers of a net may be any."""
    return torch.cat([torch.minimum(said[:, :2], said[:, 2:] - _LEAST), said[:, 2:]], 1)


@torch.no_grad()
def head_boxes(model: ImageModel, heads: Mapping[str, BoxHead], image: Tensor, label: int) -> dict[str, Tensor]:
    """Return the box that each head of viznet says of a photo, shares of the picture.

    Parameters
    ----------
    model : ImageModel
        viznet.
    heads : mapping of str to BoxHead
    image : Tensor, float, shape (3, H, W), RGB in [0, 1]
    label : int
        The class that is asked of the head with a box for each.

    Raises
    ------
    TypeError, ValueError
        If it is no picture.
    """
    picture = small(image)
    with model.running(picture) as net:
        codes = forward_to_all(net, model.normalize(picture), {"relu7", "fc"})
    found = {}
    for kind, head in heads.items():
        said = head(codes[HEADS[kind][0]]).view(-1, 4)
        found[kind] = whole_boxes(said[label : label + 1] if len(said) > 1 else said).clamp(0, 1)[0]
    return found


def small(image: Tensor) -> Tensor:
    """Return a picture at the 64 x 64 pixels that the nets were trained on, (1, 3, 64, 64)."""
    picture = checks.image(image)[None]
    if picture.shape[2:] == (64, 64):
        return picture
    return F.interpolate(picture, (64, 64), mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)


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
    said, logits = net(small(image))
    return whole_boxes(said).clamp(0, 1)[0], logits[0].softmax(0)
