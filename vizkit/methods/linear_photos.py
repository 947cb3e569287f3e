"""A linear classifier of photos: its templates, and how little fools it."""

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from vizkit.core.assets import ASSETS
from vizkit.core.models import ImageModel, tiny_imagenet_labels

__all__ = ["class_templates", "linear_photo_model"]

#: Side of its pictures in pixels.
SIDE = 32
WEIGHTS = ASSETS / "models" / "linear.safetensors"


def linear_photo_model() -> ImageModel:
    """Load a softmax regression on photos: 200 classes, 32 x 32 pixels, one weight for each number and class.

    Raises
    ------
    FileNotFoundError
        If its weights are not there.

    References
    ----------
    Karpathy, "Breaking linear classifiers on ImageNet", 2015 (blog post).
    """
    if not WEIGHTS.is_file():
        raise FileNotFoundError(f"{WEIGHTS} is missing; install vizkit again")
    labels = tiny_imagenet_labels()
    linear = nn.Linear(3 * SIDE * SIDE, len(labels))
    linear.load_state_dict({key: value.float() for key, value in load_file(WEIGHTS).items()})
    net = nn.Sequential(nn.Flatten(), linear)
    return ImageModel(net, mean=(0.5,) * 3, std=(0.5,) * 3, labels=labels, input_size=SIDE, name="linear")


def class_templates(model: ImageModel) -> Tensor:
    """Return the weights of each class as a picture around gray, shape (classes, 3, side, side) in [0, 1].

    Parameters
    ----------
    model : ImageModel
        A linear one, as `linear_photo_model` gives.
    """
    linear = next(module for module in model.net.modules() if isinstance(module, nn.Linear))
    weights = linear.weight.detach().cpu().view(len(model.labels), 3, model.input_size, model.input_size)
    limit = torch.quantile(weights.abs().flatten(1), 0.995, dim=1).view(-1, 1, 1, 1)
    return (weights / limit / 2 + 0.5).clamp(0, 1)
