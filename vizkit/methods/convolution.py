"""Correlation and convolution as the sums that they are, in any number of dimensions, and what is made of them."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from vizkit.core import checks

__all__ = ["LayerSize", "convolution_layer", "convolve", "correlate", "layer_size", "output_size", "pool", "window_at"]

Pooling = Literal["max", "average"]


def output_size(size: int, kernel: int, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Return how many places a kernel has along one side: ``(size + 2 p - d (k - 1) - 1) // s + 1``.

    Parameters
    ----------
    size, kernel : int
        Along that side, in pixels.
    stride : int
        How far the kernel moves from place to place.
    padding : int
        Zeros on either end.
    dilation : int
        How far apart the pixels are that the kernel sees; 1: neighbors.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range, or the kernel is larger than the padded picture.
    """
    size, kernel = checks.integer(size, 1, None, "size"), checks.integer(kernel, 1, None, "kernel")
    stride, dilation = checks.integer(stride, 1, None, "stride"), checks.integer(dilation, 1, None, "dilation")
    padding = checks.integer(padding, 0, None, "padding")
    reach = dilation * (kernel - 1) + 1
    if reach > size + 2 * padding:
        raise ValueError(
            f"a kernel that reaches over {reach} must fit into the picture, which has {size + 2 * padding} "
            "along that side, its padding included"
        )
    return (size + 2 * padding - reach) // stride + 1


def _padded(x: Tensor, padding: int, dims: int) -> Tensor:
    return torch.nn.functional.pad(x, [padding] * (2 * dims)) if padding else x


def correlate(x: Tensor, kernel: Tensor, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Tensor:
    """Slide a kernel over numbers, in 1, 2, 3 or more dimensions; at each place, sum the products.

    ``out[i, ...] = sum_j x[s i + d j - p, ...] kernel[j, ...]``. Networks call it convolution; signal
    processing calls it correlation, since the kernel is not flipped.

    Parameters
    ----------
    x : Tensor, shape (d1, ..., dn)
    kernel : Tensor, shape (k1, ..., kn)
    stride, padding, dilation : int
        The same along each side; see `output_size`.

    Returns
    -------
    Tensor, of as many dimensions

    Raises
    ------
    ValueError
        If the dimensions differ, or the kernel is larger than the padded numbers.

    References
    ----------
    Goodfellow, Bengio & Courville, "Deep Learning", 2016, chapter 9.
    """
    if x.ndim != kernel.ndim or not x.ndim:
        raise ValueError(f"the kernel must have as many dimensions as the numbers, {x.ndim}, got {kernel.ndim}")
    return convolution_layer(x[None], kernel[None, None], stride=stride, padding=padding, dilation=dilation)[0]


def convolve(x: Tensor, kernel: Tensor, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Tensor:
    """Convolve as signal processing does: `correlate` with the kernel flipped along each side.

    Parameters
    ----------
    x, kernel : Tensor
        Of as many dimensions.
    stride, padding, dilation : int
        See `output_size`.
    """
    return correlate(x, kernel.flip(*range(kernel.ndim)), stride=stride, padding=padding, dilation=dilation)


def convolution_layer(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Tensor:
    """Apply a layer of filters to one picture of many channels, the sum written out.

    The sum has a term for each place in the kernel; each term is one product of matrices for all places of
    the picture at once. PyTorch's own layer computes the same.

    Parameters
    ----------
    x : Tensor, shape (C, d1, ..., dn)
    weight : Tensor, shape (F, C / groups, k1, ..., kn)
    bias : Tensor, shape (F,), optional
    stride, padding, dilation : int
        See `output_size`.
    groups : int
        Parts into which channels and filters are divided; a filter sees the channels of its part.

    Returns
    -------
    Tensor, shape (F, o1, ..., on)

    Raises
    ------
    ValueError
        If shapes do not fit.
    """
    sizes, shape = x.shape[1:], weight.shape[2:]
    filters, channels = weight.shape[:2]
    if len(sizes) != len(shape):
        raise ValueError(f"the kernel must have {len(sizes)} sides, as the picture, got {len(shape)}")
    groups = checks.integer(groups, 1, None, "groups")
    if filters % groups or channels * groups != len(x):
        raise ValueError(
            f"{groups} groups must divide the {filters} filters and the {len(x)} channels, "
            f"of which each filter sees {channels}"
        )
    places = [
        output_size(size, kernel, stride=stride, padding=padding, dilation=dilation)
        for size, kernel in zip(sizes, shape, strict=True)
    ]
    padded = _padded(x, padding, len(sizes)).unflatten(0, (groups, channels))
    parts = weight.unflatten(0, (groups, filters // groups))
    out = x.new_zeros(groups, filters // groups, *places)
    for at in itertools.product(*map(range, shape)):
        seen = tuple(
            slice(dilation * offset, dilation * offset + stride * (count - 1) + 1, stride)
            for offset, count in zip(at, places, strict=True)
        )
        out = out + torch.einsum("gfc,gc...->gf...", parts[(..., *at)], padded[(slice(None), slice(None), *seen)])
    out = out.flatten(0, 1)
    return out if bias is None else out + bias.view(-1, *[1] * len(sizes))


def window_at(
    x: Tensor, shape: Sequence[int], place: Sequence[int], *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Tensor:
    """Return the numbers that a kernel sees at one of its places.

    Parameters
    ----------
    x : Tensor, shape (d1, ..., dn)
    shape : sequence of int
        The kernel's.
    place : sequence of int
        The place in the output.
    stride, padding, dilation : int
        See `output_size`.

    Returns
    -------
    Tensor, of the kernel's shape
    """
    padded = _padded(x, padding, x.ndim)
    seen = [
        slice(stride * at, stride * at + dilation * (kernel - 1) + 1, dilation)
        for at, kernel in zip(place, shape, strict=True)
    ]
    return padded[tuple(seen)]


@dataclass(frozen=True)
class LayerSize:
    """What a convolutional layer makes, and what it costs.

    Parameters
    ----------
    output : tuple of int
        (filters, height, width).
    weights : int
        Without biases.
    biases : int
    products : int
        Multiplications for one picture.
    """

    output: tuple[int, int, int]
    weights: int
    biases: int
    products: int


def layer_size(
    channels: int,
    size: int,
    filters: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> LayerSize:
    """Count what a layer of square filters makes of a square picture: ``weights = filters (channels / groups) k^2``.

    Parameters
    ----------
    channels, size : int
        Of the picture.
    filters, kernel : int
        How many, and their side.
    stride, padding, dilation, groups : int
        See `convolution_layer`.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range, or the groups do not divide channels and filters.
    """
    channels, filters = (checks.integer(n, 1, None, what) for n, what in ((channels, "channels"), (filters, "filters")))
    groups = checks.integer(groups, 1, None, "groups")
    if channels % groups or filters % groups:
        raise ValueError(f"groups must divide the {channels} channels and the {filters} filters, got {groups}")
    side = output_size(size, kernel, stride=stride, padding=padding, dilation=dilation)
    weights = filters * (channels // groups) * kernel**2
    return LayerSize((filters, side, side), weights, filters, weights * side**2)


def pool(x: Tensor, size: int, kind: Pooling = "max", *, stride: int | None = None) -> Tensor:
    """Take the largest of each window of pixels, or their mean.

    Parameters
    ----------
    x : Tensor, shape (..., H, W)
    size : int
        Side of the window.
    kind : {"max", "average"}
    stride : int, optional
        From window to window; the window's side by default.

    Returns
    -------
    Tensor, shape (..., h, w)
    """
    checks.choice(kind, get_args(Pooling), "pooling")
    stride = size if stride is None else stride
    for side in x.shape[-2:]:
        output_size(side, size, stride=stride)
    windows = x.unfold(-2, size, stride).unfold(-2, size, stride)
    return windows.amax((-1, -2)) if kind == "max" else windows.mean((-1, -2))


def same_padding(kernel: int, dilation: int = 1) -> int:
    """Return the padding with which a kernel of odd side leaves a picture as large as it is: ``d (k - 1) / 2``."""
    return dilation * (kernel - 1) // 2
