"""Which pixels a unit can see, computed from the layers and measured by a gradient."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from vizkit.core import checks
from vizkit.core.hooks import capture, forward_to
from vizkit.core.models import ImageModel
from vizkit.core.windows import Window, is_transposed, window_of

__all__ = ["ReceptiveField", "measured_field", "receptive_fields"]


@dataclass(frozen=True)
class Axis:
    """The receptive field along one axis: unit i sees `size` pixels from ``start + i stride``.

    Parameters
    ----------
    size : float
        In pixels; infinite where a unit sees the whole picture.
    stride : float
        Pixels between the fields of neighboring units.
    start : float
        First pixel that unit 0 sees; negative by the padding.
    """

    size: float = 1
    stride: float = 1
    start: float = 0

    def window(self, window: Window, axis: int) -> "Axis":
        """Return the field, along one of its axes, of a window that slides over this layer."""
        if math.isinf(self.size):
            return self
        size = self.size + window.dilation[axis] * (window.kernel[axis] - 1) * self.stride
        start = self.start - window.padding[axis] * self.stride
        return Axis(size, self.stride * window.stride[axis], start)

    def union(self, other: "Axis") -> "Axis":
        """Return the smallest field that holds both: where branches of a net meet."""
        if math.inf in (self.size, other.size) or self.stride != other.stride:
            return WHOLE
        start = min(self.start, other.start)
        stop = max(self.start + self.size, other.start + other.size)
        return Axis(stop - start, self.stride, start)

    def span(self, index: int, length: int) -> tuple[int, int]:
        """Return the first pixel that unit `index` sees and the one behind its last.

        Clipped to a picture of `length` pixels.
        """
        if math.isinf(self.size):
            return 0, length
        start = int(self.start + index * self.stride)
        return min(max(start, 0), length), max(min(start + int(self.size), length), 0)


WHOLE = Axis(math.inf, math.inf, -math.inf)


@dataclass(frozen=True)
class ReceptiveField:
    """The pixels that each unit of a layer depends on.

    Parameters
    ----------
    layer : str
    vertical, horizontal : Axis
    """

    layer: str
    vertical: Axis
    horizontal: Axis

    @property
    def is_whole(self) -> bool:
        """Whether a unit sees the whole picture, whatever its size."""
        return math.isinf(self.vertical.size) or math.isinf(self.horizontal.size)

    def box(self, row: int, column: int, height: int, width: int) -> tuple[int, int, int, int]:
        """Return ``(x0, y0, x1, y1)`` of one unit's field in a picture, clipped to it.

        Parameters
        ----------
        row, column : int
            The unit's position in the layer's map.
        height, width : int
            Of the picture, in pixels. The last pixel seen is ``(x1 - 1, y1 - 1)``; at the right
            and lower border a layer without padding may leave the last few pixels out.
        """
        y0, y1 = self.vertical.span(row, height)
        x0, x1 = self.horizontal.span(column, width)
        return x0, y0, x1, y1


Field = tuple[Axis, Axis]
_aten = torch.ops.aten

# Operations through which a unit keeps seeing what the unit at its place saw.
_POINTWISE = frozenset(
    {
        "add",
        "add_",
        "sub",
        "sub_",
        "mul",
        "mul_",
        "div",
        "div_",
        "relu",
        "relu_",
        "gelu",
        "silu",
        "silu_",
        "hardtanh",
        "hardtanh_",
        "hardswish",
        "hardswish_",
        "hardsigmoid",
        "hardsigmoid_",
        "sigmoid",
        "sigmoid_",
        "tanh",
        "tanh_",
        "elu",
        "elu_",
        "leaky_relu",
        "leaky_relu_",
        "clamp",
        "clamp_",
        "clamp_min",
        "clamp_min_",
        "maximum",
        "minimum",
        "native_batch_norm",
        "clone",
        "_native_batch_norm_legit_no_training",
        "native_dropout",
        "cat",
        "detach",
        "_to_copy",
        "copy_",
        "exp",
        "pow",
        "where",
        "softplus",
        "mish",
        "mish_",
        "threshold",
        "threshold_",
        "alias",
        "contiguous",
        "squeeze_",
        "neg",
        "abs",
        "sqrt",
        "rsqrt",
        "empty_like",
        "bernoulli_",
    }
)
# Cutting out channels keeps the places; cutting out rows or columns does not.
_CHANNELWISE = frozenset({"slice", "select", "split", "split_with_sizes", "unbind", "chunk"})


class _FieldTracker(TorchDispatchMode):
    """Follows a forward pass operation by operation and keeps each tensor's field.

    Works on any net that runs: branches, reused modules and function calls included. An
    operation that is not known to look only at one place is taken to look at all of them.
    """

    def __init__(self, pixels: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._fields: dict[int, Field] = {id(pixels): (Axis(), Axis())}
        self._alive: list[Tensor] = [pixels]  # an id is unique only while its tensor lives

    def field(self, tensor: Tensor) -> Field | None:
        return self._fields.get(id(tensor))

    def __torch_dispatch__(self, func: Any, types: object, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        tensors = [tensor for tensor in _tensors(args) if id(tensor) in self._fields]
        if tensors:
            field = self._propagate(func, args, tensors)
            for result in _tensors([output]):
                self._fields[id(result)] = field
                self._alive.append(result)
        return output

    def _propagate(self, func: Any, args: Any, tensors: list[Tensor]) -> Field:
        name = func.overloadpacket.__name__
        vertical, horizontal = self._fields[id(tensors[0])]
        for tensor in tensors[1:]:
            other = self._fields[id(tensor)]
            vertical, horizontal = vertical.union(other[0]), horizontal.union(other[1])
        if is_transposed(func, args):
            raise ValueError("the receptive field of a transposed convolution is not computed")
        window = window_of(func, args)
        if window is not None:
            return vertical.window(window, 0), horizontal.window(window, 1)
        if name in _POINTWISE or (name in _CHANNELWISE and _dimension(name, args) == 1):
            return vertical, horizontal
        return WHOLE, WHOLE


def _dimension(name: str, args: Any) -> int:
    """Return the dimension along which slice, select, split, unbind or chunk cuts."""
    position = 2 if name in ("split", "split_with_sizes", "chunk") else 1
    return int(args[position]) if len(args) > position else 0


def _tensors(values: Any) -> list[Tensor]:
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += _tensors(value)
    return found


def receptive_fields(model: ImageModel) -> dict[str, ReceptiveField]:
    """Compute the receptive field of every layer of a model.

    A window of ``k`` inputs, dilated by ``d``, turns a field of size ``r`` and stride ``j`` into
    ``r + d (k - 1) j`` and stride ``j s``; its first pixel moves by ``-p j``. Where branches
    meet, the field is the smallest that holds all of them.

    Parameters
    ----------
    model : ImageModel

    Returns
    -------
    dict of str to ReceptiveField
        By layer, in forward order.

    Raises
    ------
    ValueError
        If the net has a transposed convolution.

    References
    ----------
    Araujo, Norris & Sim, "Computing Receptive Fields of Convolutional Neural Networks",
    Distill 2019.
    """
    size = model.input_size
    pixels = torch.zeros(1, 3, size, size)
    names = list(model.layers)
    with torch.no_grad(), model.running(pixels) as net:
        inputs = model.normalize(pixels)
        fields: dict[str, ReceptiveField] = {}
        with _FieldTracker(inputs) as tracker, capture(net, names) as captured:
            net(inputs)
        for name in names:
            vertical, horizontal = tracker.field(captured[name]) or (WHOLE, WHOLE)
            fields[name] = ReceptiveField(name, vertical, horizontal)
    return fields


def measured_field(
    model: ImageModel, image: Tensor, layer: str, row: int, column: int, channel: int | None = None
) -> Tensor:
    """Measure what one unit sees: the gradient of its activation by the pixels.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    layer : str
    row, column : int
        The unit's position in the layer's map.
    channel : int, optional
        The sum over all channels by default.

    Returns
    -------
    Tensor, shape (H, W)
        ``max_c |d activation / d pixel_c|``: zero outside the receptive field. Inside it, most
        of it lies near the middle.

    Raises
    ------
    TypeError, ValueError
        If the picture is none, or there is no such layer or unit.

    References
    ----------
    Luo et al., "Understanding the Effective Receptive Field in Deep Convolutional Neural
    Networks", NeurIPS 2016.
    """
    checks.image(image)
    model.layer(layer)
    pixels = image.detach().to(model.dtype, copy=True).requires_grad_()
    with model.running(image) as net:
        maps = forward_to(net, model.normalize(pixels[None]), layer)[0]
    if maps.ndim != 3:
        raise ValueError(f"layer {layer!r} has no map; its units see the whole picture")
    row = checks.integer(row, 0, maps.shape[1] - 1, "row")
    column = checks.integer(column, 0, maps.shape[2] - 1, "column")
    if channel is None:
        unit = maps[:, row, column].sum()
    else:
        unit = maps[checks.integer(channel, 0, len(maps) - 1, "channel"), row, column]
    (gradient,) = torch.autograd.grad(unit, pixels)
    return gradient.abs().amax(0).cpu()
