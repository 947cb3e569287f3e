"""What a network is made of: the shape, the weights and the products of each layer; and what known networks cost."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from math import prod

import torch
from torch import nn

from vizkit.core import checks
from vizkit.core.models import ImageModel

__all__ = ["KnownNetwork", "LayerCost", "Stage", "known_networks", "layer_costs", "stages"]

#: When each family was first published (its preprint, else its conference).
YEARS = {
    "alexnet": 2012,
    "convnext": 2022,
    "densenet": 2016,
    "efficientnet": 2019,
    "efficientnet_v2": 2021,
    "googlenet": 2014,
    "inception_v3": 2015,
    "maxvit": 2022,
    "mnasnet": 2018,
    "mobilenet_v2": 2018,
    "mobilenet_v3": 2019,
    "regnet": 2020,
    "resnet": 2015,
    "resnext": 2016,
    "shufflenet_v2": 2018,
    "squeezenet": 2016,
    "swin": 2021,
    "swin_v2": 2021,
    "vgg": 2014,
    "vit": 2020,
    "wide_resnet": 2016,
}


@dataclass(frozen=True)
class LayerCost:
    """One layer of a network.

    Parameters
    ----------
    name, kind : str
        ``"conv1"``, ``"Conv2d"``.
    shape : tuple of int
        Of what it puts out, without the batch.
    parameters : int
        Its own, biases included.
    products : int
        Multiplications for one picture; 0 for layers that are neither convolution nor linear.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    products: int


def layer_costs(model: ImageModel) -> list[LayerCost]:
    """Count the weights and the products of each layer of a network, at its own input size, in forward order.

    Parameters
    ----------
    model : ImageModel
    """
    modules = dict(model.net.named_modules())
    found = []
    for name, layer in model.layers.items():
        module, shape = modules.get(name), tuple(layer.shape)
        own = [one.numel() for one in module.parameters(recurse=False)] if module is not None else []
        products = 0
        if isinstance(module, nn.Conv2d):
            products = prod(shape) * module.weight[0].numel()
        elif isinstance(module, nn.Linear):
            products = prod(shape) * module.in_features
        found.append(LayerCost(name, layer.kind, shape, sum(own), products))
    return found


@cache
def structure(name: str) -> ImageModel:
    """Return a network of torchvision without its weights: what it is made of costs neither memory nor a download.

    Parameters
    ----------
    name : str
        A classifier, as `torchvision.models.get_model` knows it.
    """
    import torchvision.models

    checks.choice(name, torchvision.models.list_models(module=torchvision.models), "network")
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of how GoogLeNet's first weights will be drawn one day
        net = torchvision.models.get_model(name, weights=None)
    return ImageModel(net, input_size=299 if name == "inception_v3" else 224, name=name)


@dataclass(frozen=True)
class KnownNetwork:
    """A classifier as torchvision's card of its weights describes it.

    Parameters
    ----------
    name, family : str
    year : int
        Of the family's publication, not of these weights.
    parameters : int
    operations : float
        Billions of multiplications and additions for one picture.
    accuracy : float
        Top-1 on ImageNet's validation pictures, in [0, 1].
    """

    name: str
    family: str
    year: int
    parameters: int
    operations: float
    accuracy: float


def family_of(name: str) -> str:
    """Return a network's family: the longest of `YEARS` that its name begins with; empty for none."""
    alike = [family for family in YEARS if re.match(rf"{family}(?![a-z])", name)]
    return max(alike, key=len, default="")


def known_networks() -> list[KnownNetwork]:
    """Read the cards of torchvision's classifiers: the first weights of each, all trained on ImageNet alone.

    The cards are part of the package: nothing is downloaded. Weights that the recipe of 2021 gave to networks of before
    2020 are left out: they would tell what a better recipe does, not the network.
    """
    import torchvision.models

    found = []
    for name in torchvision.models.list_models(module=torchvision.models):
        weights = next((one for one in torchvision.models.get_model_weights(name) if "IMAGENET1K_V1" in one.name), None)
        family = family_of(name)
        if weights is None or not family:
            continue
        card = weights.meta
        if "new training recipe" in card.get("_docs", "") and YEARS[family] < 2020:
            continue
        accuracy = card["_metrics"]["ImageNet-1K"]["acc@1"] / 100
        found.append(KnownNetwork(name, family, YEARS[family], card["num_params"], card["_ops"], accuracy))
    return sorted(found, key=lambda one: (one.year, one.name))


#: The most stages in which a network is told.
MOST_STAGES = 24


@dataclass(frozen=True)
class Stage:
    """Layers in a row whose outputs have one shape.

    Parameters
    ----------
    last : str
        The last of these layers.
    shape : tuple of int
        Of the last one's output.
    layers, parameters, products : int
        How many, and their sums.
    """

    last: str
    shape: tuple[int, ...]
    layers: int
    parameters: int
    products: int


def stages(costs: Sequence[LayerCost]) -> list[Stage]:
    """Put layers of one output shape together; where these are too many, of one side whatever their channels.

    Parameters
    ----------
    costs : sequence of LayerCost
        In forward order.
    """
    for key in (lambda one: one.shape, lambda one: one.shape[1:]):
        parts = [list(part) for _, part in groupby(costs, key)]
        if len(parts) <= MOST_STAGES:
            break
    return [
        Stage(
            part[-1].name,
            part[-1].shape,
            len(part),
            sum(one.parameters for one in part),
            sum(one.products for one in part),
        )
        for part in parts[:MOST_STAGES]
    ]
