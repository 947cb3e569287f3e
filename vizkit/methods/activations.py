"""What a layer says about a picture, and what the answer would gain from it saying more."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.hooks import capture, forward_to
from vizkit.core.models import ImageModel

__all__ = ["ActivationMaps", "activation_gradients", "activations"]


@dataclass(frozen=True)
class ActivationMaps:
    """One layer's response to one picture.

    Parameters
    ----------
    layer : str
    maps : Tensor, shape (channels, height, width)
        A layer behind the flattening has one position: (units, 1, 1).
    target : str, optional
        For gradients: the class whose score was differentiated.
    """

    layer: str
    maps: Tensor
    target: str | None = None

    def order(self, by: str = "index") -> Tensor:
        """Return the channels' indices by ``"index"`` or, largest first, by ``"strength"``."""
        if checks.choice(by, ("index", "strength"), "order") == "index":
            return torch.arange(len(self.maps))
        return self.maps.abs().amax((1, 2)).argsort(descending=True, stable=True)


def activations(model: ImageModel, image: Tensor, layer: str) -> ActivationMaps:
    """Run a picture through a model as far as one layer.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    layer : str

    Raises
    ------
    TypeError, ValueError
        If the picture is none, or the layer does not exist.
    """
    checks.image(image)
    model.layer(layer)
    with torch.no_grad(), model.running(image) as net:
        output = forward_to(net, model.normalize(image[None]), layer)
    return ActivationMaps(layer, as_maps(output)[0].float().cpu())


def activation_gradients(
    model: ImageModel, image: Tensor, layer: str, target: int | str | None = None
) -> ActivationMaps:
    """Differentiate a class score by a layer's activations.

    ``maps[c, i, j] = d logit[target] / d activation[c, i, j]``: positive where more activation
    would raise the score.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    layer : str
    target : int or str, optional
        A class by index or label; the most probable one by default.

    Raises
    ------
    TypeError, ValueError
        If the picture is none, or the layer or class does not exist.
    """
    checks.image(image)
    model.layer(layer)
    with model.running(image) as net, capture(net, [layer]) as captured:
        logits = net(model.normalize(image[None]).requires_grad_())[0]
    index = int(logits.argmax()) if target is None else model.label_index(target)
    (gradient,) = torch.autograd.grad(logits[index], captured[layer])
    return ActivationMaps(layer, as_maps(gradient)[0].float().cpu(), model.labels[index])


def as_maps(output: Tensor) -> Tensor:
    """Give outputs (N, units) or token sequences the shape of feature maps (N, C, H, W)."""
    if output.ndim == 4:
        return output
    if output.ndim == 2:
        return output[:, :, None, None]
    return output.flatten(2).transpose(1, 2)[..., None]  # (N, tokens, features)
