"""What panels of several subjects take their pictures and layers from."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import vizkit
from vizkit.core.data import PatchPool, cut_patches
from vizkit.core.images import images, uploads
from vizkit.core.models import ImageModel, map_layers, own_size
from vizkit.methods import attack_rates
from vizkit.methods.activations import activations
from vizkit.methods.neighbors import codes
from vizkit.methods.receptive_field import receptive_fields

#: Width of a photo beside a grid, in pixels.
PHOTO = 380

maps_of = vizkit.remembered(2)(activations)
fields_of = vizkit.remembered(2)(receptive_fields)
codes_of = vizkit.remembered(12)(codes)


@vizkit.remembered(4)
def patch_pool(pictures: Any, count: int, size: int) -> PatchPool:
    """Cut patches once for all panels; a name that is typed starts no download of gigabytes."""
    return cut_patches(pictures, count=count, size=size, download=False)


@vizkit.remembered(4)
def surest_first(model: ImageModel, count: int) -> Tensor:
    """Return those of 600 crops of the bundled photos of whose answers a net is surest, the surest first."""
    pool = patch_pool("bundled", 600, patch_size(model))
    return attack_rates.surest_first(model, pool.pixels(slice(None)))[:count]


def patch_size(model: ImageModel) -> int:
    """Return the side of the patches that suits a net: its own pictures', 128 at most."""
    return min(model.input_size, 128)


def own_or(side: int) -> Callable[[ImageModel], int]:
    """Return a bound of pictures' sizes: `side`, or the only size of a net that takes no other."""
    return lambda model: model.input_size if model.fixed_size else side


def middle_layer(model: ImageModel) -> str:
    """Return a layer whose units have seen enough to be interesting."""
    names = map_layers(model)
    return "relu5" if "relu5" in names else names[2 * len(names) // 3]


def last_layer(model: ImageModel) -> str:
    """Return the last layer whose units have places and are not all of the picture."""
    names = map_layers(model)
    return "relu7" if "relu7" in names else names[-2 if len(names) > 1 else -1]


@vizkit.remembered(8)
def own_answers(model: ImageModel, picture: Any) -> list[tuple[str, float]]:
    """Return what a net sees in a picture at its own size, five classes at most."""
    return model.answers(vizkit.load_image(picture, own_size(model)), min(5, len(model.labels)))


def top_class(model: ImageModel, picture: Any) -> str:
    """Return what a net sees in a picture at its own size."""
    return own_answers(model, picture)[0][0]


@vizkit.remembered(8)
def name_of(picture: Any, names: tuple[str, ...], size: Any = None) -> str:
    """Return which of some bundled or uploaded pictures a picture is; empty if it is none."""
    known = {*images(), *uploads()}
    for name in names:
        if name in known and torch.equal(vizkit.load_image(name, size), picture):
            return name
    return ""


def unit_at(one: Tensor, at: tuple[float, float] | None) -> tuple[int, int]:
    """Return the row and column of a map at a place of the picture, or where it is largest."""
    height, width = one.shape
    if at is None:
        row, column = divmod(int(one.argmax()), width)
        return row, column
    return min(int(at[1] * height), height - 1), min(int(at[0] * width), width - 1)
