"""VisualBackProp: where the maps of all layers agree that something is."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core import checks
from vizkit.core.hooks import ReLUMaps
from vizkit.core.models import ImageModel
from vizkit.core.windows import Window

__all__ = ["VisualBackProp", "visual_backprop", "visual_backprop_masks"]


@dataclass(frozen=True)
class VisualBackProp:
    """The two columns of the paper's figure, from the first ReLU to the last, and their outcome.

    Parameters
    ----------
    means : tuple of Tensor, shape (h, w)
        The mean over the channels of each map behind a ReLU.
    masks : tuple of Tensor, shape (h, w)
        Each of them times what comes from the deeper ones, the largest value 1.
    heat : Tensor, shape (H, W)
        The first mask, spread over the picture.
    """

    means: tuple[Tensor, ...]
    masks: tuple[Tensor, ...]
    heat: Tensor


def visual_backprop_masks(model: ImageModel, image: Tensor) -> VisualBackProp:
    """Multiply the channel means of every ReLU's maps, from the deepest up, and keep what comes in between.

    A mask goes down to the map before it as the paper has it: through transposed convolutions with weights of 1, of the
    kernel and stride of the convolution (or pooling) that lies between. Where a net branches, so that no single way
    leads from one map to the other, it is scaled bilinearly.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]

    Raises
    ------
    TypeError, ValueError
        If the picture is none, or the net has no map behind a ReLU.

    References
    ----------
    Bojarski et al., "VisualBackProp: efficient visualization of CNNs", ICRA 2018.
    """
    checks.image(image)
    with torch.no_grad(), model.running(image) as net, ReLUMaps() as maps:
        net(model.normalize(image[None]))
    if not maps.means:
        raise ValueError(f"VisualBackProp reads maps behind ReLUs, and {model.name} has none")
    masks = [_scaled(maps.means[-1])]
    for mean, windows in zip(maps.means[-2::-1], maps.windows[:0:-1], strict=True):
        masks.append(_scaled(_spread(masks[-1], windows, mean.shape[2:]) * mean))
    heat = _spread(masks[-1], maps.windows[0], image.shape[1:])
    return VisualBackProp(
        tuple(mean[0, 0].float().cpu() for mean in maps.means),
        tuple(mask[0, 0].float().cpu() for mask in reversed(masks)),
        heat[0, 0].float().cpu(),
    )


def visual_backprop(model: ImageModel, image: Tensor) -> Tensor:
    """Return where all maps agree that something is, shape (H, W); it knows no class.

    See `visual_backprop_masks`, which keeps the masks of the layers.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W)
        In [0, 1].
    """
    return visual_backprop_masks(model, image).heat


def _spread(mask: Tensor, windows: list[Window], size: torch.Size) -> Tensor:
    """Bring a mask to the size of the map before it, by the windows between them if they lead there."""
    found = mask
    for window in reversed(windows):
        if window.leads_to(found.shape[2:]):
            found = window.spread(found)
    if found.shape[2:] == size:
        return found
    return F.interpolate(mask, size, mode="bilinear", align_corners=False)


def _scaled(mask: Tensor) -> Tensor:
    """Divide by the largest value: the product of many would vanish."""
    return mask / mask.max().clamp(min=1e-30)
