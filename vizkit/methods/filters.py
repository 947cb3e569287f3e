"""The weights themselves: what a filter looks like, and how many there are."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.models import ImageModel

__all__ = ["Filters", "WeightCount", "convolution_matrix", "filters", "weight_sharing"]


@dataclass(frozen=True)
class Filters:
    """The filters of one convolution.

    Parameters
    ----------
    layer : str
    weight : Tensor, shape (filters, inputs, height, width)
        In the first layer, per pixel value: divided by the model's ``std``, so that the filter
        applies to RGB in [0, 1] as it is drawn.
    stride, padding : tuple of int
        (vertical, horizontal), in pixels of the layer's input.
    """

    layer: str
    weight: Tensor
    stride: tuple[int, ...]
    padding: tuple[int, ...]

    @property
    def is_color(self) -> bool:
        """Whether the filters see RGB and can be drawn in color."""
        return self.weight.shape[1] == 3


def convolutions(model: ImageModel) -> dict[str, nn.Conv2d]:
    """List the convolutions of a model by name, in forward order."""
    modules = dict(model.net.named_modules())
    found = {name: modules.get(name) for name in model.layers}
    return {name: module for name, module in found.items() if isinstance(module, nn.Conv2d)}


def filters(model: ImageModel, layer: str | None = None) -> Filters:
    """Return the filters of one convolution of a model.

    Parameters
    ----------
    model : ImageModel
    layer : str, optional
        A convolution's name; the first one by default.

    Raises
    ------
    ValueError
        If the layer is no convolution, or the model has none.

    References
    ----------
    Krizhevsky, Sutskever & Hinton, "ImageNet Classification with Deep Convolutional Neural
    Networks", NeurIPS 2012, fig. 3.
    """
    convs = convolutions(model)
    if not convs:
        raise ValueError(f"{model.name} has no 2-D convolution")
    first = next(iter(convs))
    layer = first if layer is None else checks.choice(layer, convs, f"convolution of {model.name}")
    conv = convs[layer]
    weight = conv.weight.detach().float().cpu()
    if layer == first and weight.shape[1] == len(model.std):
        weight = weight / torch.tensor(model.std).view(-1, 1, 1)
    height, width = _padding(conv)
    return Filters(layer, weight, tuple(conv.stride), (height, width))


def _padding(conv: nn.Conv2d) -> tuple[int, int]:
    if conv.padding == "valid":
        return 0, 0
    if isinstance(conv.padding, str):  # "same"
        reach = [d * (k - 1) // 2 for d, k in zip(conv.dilation, conv.kernel_size, strict=True)]
        return reach[0], reach[1]
    return conv.padding[0], conv.padding[1]


@dataclass(frozen=True)
class WeightCount:
    """How many weights one layer needs with and without weight sharing.

    Parameters
    ----------
    outputs : int
        Side of the output map, in positions.
    shared : int
        Weights of a convolution: each filter is one small window, used everywhere.
    connected : int
        Weights of a fully connected layer with as many inputs and outputs.
    """

    outputs: int
    shared: int
    connected: int

    @property
    def ratio(self) -> float:
        """How many times more weights the fully connected layer has."""
        return self.connected / self.shared


def weight_sharing(size: int = 28, kernel: int = 5, filters: int = 1) -> WeightCount:
    """Count the weights of a convolution against a fully connected layer, biases left out.

    A valid convolution of a ``size x size`` gray picture has ``(size - kernel + 1)^2`` outputs
    per filter: ``shared = kernel^2 filters``, ``connected = size^2 (size - kernel + 1)^2 filters``.

    Parameters
    ----------
    size, kernel : int
        Sides in pixels, ``kernel <= size``.
    filters : int

    Raises
    ------
    ValueError
        If the kernel is larger than the picture, or a number is not positive.
    """
    size = checks.integer(size, 1, None, "size")
    kernel = checks.integer(kernel, 1, size, "kernel")
    filters = checks.integer(filters, 1, None, "filters")
    outputs = size - kernel + 1
    return WeightCount(outputs, kernel**2 * filters, size**2 * outputs**2 * filters)


def convolution_matrix(size: int = 6, kernel: int = 3, *, stride: int = 1) -> Tensor:
    """Write a convolution as the fully connected layer that it is: which weight joins which pixel to which output.

    Parameters
    ----------
    size : int
        Side of the gray picture in pixels.
    kernel : int
        Side of the filter.
    stride : int

    Returns
    -------
    Tensor, int64, shape (outputs, size^2), of which outputs are ((size - kernel) // stride + 1)^2
        From 1 to ``kernel^2``, row by row of the filter: the weight; 0: none.

    Raises
    ------
    ValueError
        If the kernel is larger than the picture, or a number is not positive.
    """
    size = checks.integer(size, 1, None, "size")
    kernel = checks.integer(kernel, 1, size, "kernel")
    pixels = torch.arange(size**2, dtype=torch.float64).view(1, 1, size, size)
    stride = checks.integer(stride, 1, None, "stride")
    windows = F.unfold(pixels, kernel, stride=stride)[0].T.long()  # a row for each output: its pixels
    weights = torch.arange(1, kernel**2 + 1).expand_as(windows)
    return torch.zeros(len(windows), size**2, dtype=torch.int64).scatter(1, windows, weights)
