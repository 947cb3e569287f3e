"""Does an explanation depend on what the network has learned? Forget layers and look."""

import copy
from typing import Any

import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.models import ImageModel
from vizkit.core.seeds import generator


def weighted_layers(model: ImageModel) -> list[str]:
    """Return the convolutions and linear layers of a net, from the last to the first."""
    kinds = (nn.Conv2d, nn.Linear)
    return [name for name, one in model.net.named_modules() if isinstance(one, kinds)][::-1]


def forgetful(model: ImageModel, count: int, *, seed: int = 0) -> ImageModel:
    """Return a copy whose last `count` layers have forgotten what they learned.

    Their weights are drawn anew around 0, with the spread they had; the model is not changed.

    Parameters
    ----------
    model : ImageModel
    count : int
        From 0 up to the number of `weighted_layers`.
    seed : int

    Raises
    ------
    TypeError, ValueError
        If `count` is out of range.

    References
    ----------
    Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018: cascading randomization.
    """
    names = weighted_layers(model)
    count = checks.integer(count, 0, len(names), "count")
    net = copy.deepcopy(model.net)
    random = generator(seed)
    for name in names[:count]:
        weight: Any = net.get_submodule(name).weight
        with torch.no_grad():
            fresh = torch.randn(weight.shape, generator=random).to(weight)
            weight.copy_(fresh * weight.std())
    return ImageModel(
        net, mean=model.mean, std=model.std, labels=model.labels, input_size=model.input_size,
        name=f"{model.name}, {count} layers forgotten",
    )  # fmt: skip


def rank_correlation(one: Tensor, other: Tensor) -> float:
    """Return Spearman's rank correlation of two maps: 1 is the same order, 0 is none.

    A constant map has no order: 0.
    """
    if one.min() == one.max() or other.min() == other.max():
        return 0.0
    return float(spearmanr(one.flatten().numpy(), other.flatten().numpy()).statistic)
