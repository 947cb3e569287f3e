"""Localization as regression: one box, four numbers."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from vizkit.core.detectors import HEADS, BoxHead, BoxNet, stretched
from vizkit.core.hooks import forward_to_all
from vizkit.core.models import ImageModel

__all__ = ["head_boxes", "locate"]

#: Pixels to a side of the photos that the nets were trained on.
SMALL = 64
#: The least side of a box, as a share of the picture.
_LEAST = 0.02


def whole_boxes(said: Tensor) -> Tensor:
    """Return boxes that end behind where they begin: four numbers of a net may be any."""
    return torch.cat([torch.minimum(said[:, :2], said[:, 2:] - _LEAST), said[:, 2:]], 1)


@torch.no_grad()
def head_boxes(
    model: ImageModel, heads: Mapping[str, BoxHead], image: Tensor, labels: Sequence[int]
) -> dict[str, Tensor]:
    """Return the boxes that each head of viznet says of a photo, shares of the picture.

    Parameters
    ----------
    model : ImageModel
        viznet.
    heads : mapping of str to BoxHead
    image : Tensor, float, shape (3, H, W), RGB in [0, 1]
    labels : sequence of int
        The classes that are asked of the head with a box for each.

    Returns
    -------
    dict of str to Tensor, shape (labels, 4)
        The same for all classes where a head has one box.

    Raises
    ------
    TypeError, ValueError
        If it is no picture.
    """
    picture = stretched(image, SMALL)
    with model.running(picture) as net:
        codes = forward_to_all(net, model.normalize(picture), {"relu7", "fc"})
    found = {}
    for kind, head in heads.items():
        said = head(codes[HEADS[kind][0]]).view(-1, 4)
        own = said[list(labels)] if len(said) > 1 else said.expand(len(labels), -1)
        found[kind] = whole_boxes(own).clamp(0, 1)
    return found


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
    said, logits = net(stretched(image, SMALL))
    return whole_boxes(said).clamp(0, 1)[0], logits[0].softmax(0)
