"""How the classes of labeled pictures come apart from layer to layer of a network."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from sklearn.decomposition import PCA
from torch import Tensor

from vizkit.core.models import ImageModel
from vizkit.core.steps import Step, step_method
from vizkit.methods.embeddings import neighbor_accuracy
from vizkit.methods.neighbors import codes

__all__ = ["SeparationStep", "main_plane", "picture_codes", "separation_steps"]

#: What stands for no layer: the pictures' own numbers.
PIXELS = "pixels"


@dataclass(frozen=True)
class SeparationStep(Step):
    """How well the nearest neighbor tells a picture's class, layer by layer.

    Parameters
    ----------
    code : dict of str to float
        Leave-one-out accuracy of the nearest neighbor by the layer's code, in [0, 1]; of the pixels first.
    plane : dict of str to float
        The same on the plane of the code's two leading components.
    chance : float
        What a neighbor drawn at random would reach.
    """

    code: dict[str, float]
    plane: dict[str, float]
    chance: float


def picture_codes(model: ImageModel, images: Tensor, layer: str | None = None) -> Tensor:
    """Return a layer's code of each picture, or its pixels, float32, shape (N, d).

    Parameters
    ----------
    model : ImageModel
    images : Tensor, uint8, shape (N, 3, H, W)
    layer : str, optional
        See `vizkit.methods.neighbors.codes`; the pixels, RGB in [0, 1], by default.

    Raises
    ------
    ValueError
        If the layer does not exist.
    """
    return images.flatten(1).float() / 255 if layer is None else codes(model, images, layer)


def main_plane(points: Tensor) -> Tensor:
    """Return points on the plane of their two leading components, float32, shape (N, 2).

    Of thousands of numbers, where `vizkit.methods.pca.pca` would form their covariance; of one number
    the second coordinate is 0.

    Parameters
    ----------
    points : Tensor, shape (N, d)
    """
    table = points.detach().cpu().double()
    flat = PCA(min(2, table.shape[1]), random_state=0).fit_transform(table.numpy())
    return torch.nn.functional.pad(torch.from_numpy(flat).float(), (0, 2 - flat.shape[1]))


@step_method()
def separation_steps(
    model: ImageModel, images: Tensor, labels: Tensor, *, resume: SeparationStep | None = None
) -> Iterator[SeparationStep]:
    """Measure how well each layer tells the classes of pictures apart, from the pixels on.

    Parameters
    ----------
    model : ImageModel
    images : Tensor, uint8, shape (N, 3, H, W)
    labels : Tensor, int64, shape (N,)
    resume : SeparationStep, optional
        Go on behind a step of a run on the same pictures.

    Raises
    ------
    TypeError, ValueError
        If the pictures are no such tensor, or there are not as many labels, or fewer than two.
    """
    if images.ndim != 4 or images.dtype != torch.uint8:
        raise TypeError(f"images must be uint8 (N, 3, H, W), got {images.dtype} {tuple(images.shape)}")
    if len(labels) != len(images) or len(labels) < 2:
        raise ValueError(f"labels must be one per picture, 2 or more, got {len(labels)} for {len(images)}")
    names = (PIXELS, *model.layers)
    sizes = labels.unique(return_counts=True)[1].double()
    chance = float((sizes * (sizes - 1)).sum() / (len(labels) * (len(labels) - 1)))
    by_code, by_plane = (dict(resume.code), dict(resume.plane)) if resume else ({}, {})
    for index in range(resume.index if resume else 0, len(names)):
        found = picture_codes(model, images, None if names[index] == PIXELS else names[index])
        by_code[names[index]] = neighbor_accuracy(found, labels)
        by_plane[names[index]] = neighbor_accuracy(main_plane(found), labels)
        yield SeparationStep(index + 1, len(names), dict(by_code), dict(by_plane), chance)
