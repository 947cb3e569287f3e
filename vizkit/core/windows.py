"""What a convolution or a pooling looks at: read off torch's own operations while a net runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """A window that slides over a map; each field is (vertical, horizontal).

    Parameters
    ----------
    kernel, stride, padding, dilation : (int, int)
    size : (int, int)
        Of the map that it slides over, without padding.
    """

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    size: Pair

    def leads_to(self, size: torch.Size) -> bool:
        """Return whether as many windows as `size` says, (vertical, horizontal), fit; a pooling may round up."""
        axes = zip(self.size, self.kernel, self.stride, self.padding, self.dilation, size, strict=True)
        for length, kernel, stride, padding, dilation, count in axes:
            room = length + 2 * padding - dilation * (kernel - 1) - 1
            if not room // stride + 1 <= count <= -(-room // stride) + 1:
                return False
        return True

    def spread(self, heat: Tensor) -> Tensor:
        """Give every place of the map below the sum of the windows that look at it.

        A transposed convolution whose weights are all 1.

        Parameters
        ----------
        heat : Tensor, shape (N, 1, h, w)
            A value for each window.

        Returns
        -------
        Tensor, shape (N, 1, *size)
        """
        ones = heat.new_ones(1, 1, *self.kernel)
        whole = F.conv_transpose2d(heat, ones, stride=self.stride, dilation=self.dilation)
        # What the last window leaves out at the right and at the bottom gets nothing.
        (top, left), (height, width) = self.padding, self.size
        missing = [max(0, top + height - whole.shape[2]), max(0, left + width - whole.shape[3])]
        return F.pad(whole, (0, missing[1], 0, missing[0]))[:, :, top : top + height, left : left + width]


def window_of(operation: Any, args: Any) -> Window | None:
    """Return the window of one call of an ATen operation; None if it has none, as a transposed convolution has not.

    Parameters
    ----------
    operation : torch._ops.OpOverload
        As a ``TorchDispatchMode`` meets it.
    args : tuple
        Its arguments.
    """
    found = _SIGNATURES.get(operation.overloadpacket.__name__)
    if found is None or args[0].ndim != 4 or is_transposed(operation, args):
        return None
    kernel, stride, padding, dilation = (_pair(value) for value in found(*args))
    return Window(kernel, stride, padding, dilation, (args[0].shape[2], args[0].shape[3]))


def is_transposed(operation: Any, args: Any) -> bool:
    """Return whether a call of an ATen operation is a transposed convolution."""
    return operation.overloadpacket.__name__ == "convolution" and bool(args[6])


def _convolution(
    inputs: Tensor, weight: Tensor, bias: object, stride: Any, padding: Any, dilation: Any, *_: object
) -> tuple[Any, ...]:
    return weight.shape[2:], stride, padding, dilation


def _max_pool(
    inputs: Tensor, kernel: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, *_: object
) -> tuple[Any, ...]:
    return kernel, stride or kernel, padding, dilation


def _avg_pool(inputs: Tensor, kernel: Any, stride: Any = (), padding: Any = 0, *_: object) -> tuple[Any, ...]:
    return kernel, stride or kernel, padding, 1


_SIGNATURES: dict[str, Callable[..., tuple[Any, ...]]] = {
    "convolution": _convolution,
    "max_pool2d_with_indices": _max_pool,
    "avg_pool2d": _avg_pool,
}


def _pair(value: Any) -> Pair:
    values = tuple(value) if hasattr(value, "__len__") else (value,)
    return (int(values[0]), int(values[-1]))
