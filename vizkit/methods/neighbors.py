"""Which pictures lie near each other, in pixels and in a layer's code."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core import checks
from vizkit.core.data import PatchPool
from vizkit.core.hooks import forward_to
from vizkit.core.models import ImageModel

__all__ = ["Neighbors", "codes", "nearest"]


@dataclass(frozen=True)
class Neighbors:
    """The patches nearest to a picture.

    Parameters
    ----------
    index : Tensor, int64, shape (k,)
        Patches of the pool, nearest first.
    distance : Tensor, shape (k,)
        Euclidean; between pixels in gray levels.
    """

    index: Tensor
    distance: Tensor


def codes(model: ImageModel, images: Tensor, layer: str | None = None, *, batch_size: int = 64) -> Tensor:
    """Compute the code of each picture: a layer's output, averaged over positions.

    Parameters
    ----------
    model : ImageModel
    images : Tensor, shape (N, 3, H, W), RGB in [0, 1], or uint8 as a `PatchPool` keeps them
    layer : str, optional
        `code_layer` by default.
    batch_size : int
        The result does not depend on it.

    Returns
    -------
    Tensor, float32, shape (N, channels)

    Raises
    ------
    ValueError
        If the layer does not exist.
    """
    layer = code_layer(model) if layer is None else model.layer(layer).name
    return torch.cat([_code(model, batch, layer) for batch in images.split(batch_size)])


def _code(model: ImageModel, images: Tensor, layer: str) -> Tensor:
    pixels = images.float() / 255 if images.dtype == torch.uint8 else images
    with torch.no_grad(), model.running(pixels) as net:
        output = forward_to(net, model.normalize(pixels), layer)
    # Feature maps are (N, C, H, W), token sequences (N, tokens, C).
    dims = {4: (2, 3), 3: (1,)}.get(output.ndim)
    return (output.mean(dims) if dims else output).float().cpu()


def code_layer(model: ImageModel) -> str:
    """Return the layer immediately before the classifier, whose output is a picture's code."""
    names = list(model.layers)
    last = len(names) - 1
    while last and model.layers[names[last]].kind != "Linear":
        last -= 1
    if last:
        return names[last - 1]
    # No linear layer (SqueezeNet): what its last convolution reads.
    convs = [name for name in names if model.layers[name].kind == "Conv2d"]
    return names[max(names.index(convs[-1]) - 1, 0)]


def nearest(query: Tensor, vectors: Tensor, k: int = 8, *, among: Tensor | None = None) -> Neighbors:
    """Find the vectors nearest to one vector.

    Parameters
    ----------
    query : Tensor, float, shape (d,)
    vectors : Tensor, any type, shape (N, d)
    k : int
    among : Tensor, bool, shape (N,), optional
        Which vectors may be found; all by default.

    Raises
    ------
    ValueError
        If the dimensions differ or fewer than `k` vectors may be found.
    """
    if query.ndim != 1 or vectors.ndim != 2 or vectors.shape[1] != len(query):
        raise ValueError(
            f"query and vectors must be (d,) and (N, d), got {tuple(query.shape)} and {tuple(vectors.shape)}"
        )
    if among is None:
        among = torch.ones(len(vectors), dtype=torch.bool)
    k = checks.integer(k, 1, int(among.sum()), "k")
    # In pieces: all differences at once would take hundreds of megabytes for pixels.
    distance = torch.cat([(piece.to(query) - query).square().sum(1).sqrt() for piece in vectors.split(256)])
    found = distance.masked_fill(~among, torch.inf).topk(k, largest=False)
    return Neighbors(found.indices, found.values)


def pixel_vectors(pool: PatchPool) -> Tensor:
    """Return every patch as one row of gray levels, uint8, shape (N, 3 size size)."""
    return pool.patches.flatten(1)


def center(image: Tensor, zoom: float, size: int) -> Tensor:
    """Cut the middle square out of a picture and scale it to `size` pixels.

    Parameters
    ----------
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    zoom : float
        1 or more; the square's side is the picture's shorter side divided by it.
    size : int
    """
    if zoom < 1:
        raise ValueError(f"zoom must be 1 or more, got {zoom}")
    height, width = checks.image(image).shape[1:]
    side = max(1, round(min(height, width) / zoom))
    top, left = (height - side) // 2, (width - side) // 2
    square = image[None, :, top : top + side, left : left + side]
    return F.interpolate(square, (size, size), mode="bicubic", antialias=True)[0].clamp(0, 1)
