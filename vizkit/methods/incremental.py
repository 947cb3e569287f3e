"""Forward passes that recompute only what a changed window of the picture can reach."""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from threading import get_ident
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn


@dataclass(frozen=True)
class _Window:
    """Changed maps of a batch: everything outside the window is as in the clean pass.

    Parameters
    ----------
    values : Tensor, shape (B, h, w, C)
        Channels last, so that a place of the map is one stretch of memory.
    start : Tensor, int64, shape (B, 2)
        Row and column of the window's first place in the map.
    clean : Tensor, shape (H, W, C)
        The clean pass's map.
    """

    values: Tensor
    start: Tensor
    clean: Tensor

    @property
    def size(self) -> tuple[int, int]:
        return self.values.shape[1], self.values.shape[2]

    def cut(self, start: Tensor, size: tuple[int, int], frame: "_Frame | None" = None) -> Tensor:
        """Return another window of the changed maps, shape (B, *size, C).

        Parameters
        ----------
        start : Tensor, shape (B, 2)
            Of the other window, in the frame's coordinates.
        size : (int, int)
        frame : _Frame, optional
            The clean map with its padding; without padding by default.
        """
        frame = frame or _Frame(self.clean)
        rows, columns = (start[:, axis, None] + torch.arange(size[axis], device=start.device) for axis in range(2))
        index = rows[:, :, None] * frame.values.shape[1] + columns[:, None]
        count, channels = index.numel(), self.clean.shape[2]
        # One row more than is needed takes what lies outside.
        found = self.values.new_empty(count + 1, channels)
        torch.index_select(frame.values.flatten(0, 1), 0, index.flatten(), out=found[:count])
        own = self.start + torch.tensor(frame.before, device=start.device) - start
        rows, columns = (own[:, axis, None] + torch.arange(self.size[axis], device=start.device) for axis in range(2))
        batch = torch.arange(len(start), device=start.device)[:, None, None]
        index = (batch * size[0] + rows[:, :, None]) * size[1] + columns[:, None]
        inside = ((rows >= 0) & (rows < size[0]))[:, :, None] & ((columns >= 0) & (columns < size[1]))[:, None]
        index = index.masked_fill(~inside, count)
        found.index_copy_(0, index.flatten(), self.values.reshape(-1, channels))
        return found[:count].view(len(start), *size, channels)

    def whole(self) -> Tensor:
        """Return the whole changed maps, shape (B, C, H, W)."""
        full = (self.clean.shape[0], self.clean.shape[1])
        if self.size == full:
            return _channels_first(self.values)
        return _channels_first(self.cut(torch.zeros_like(self.start), full))


@dataclass(frozen=True)
class _Frame:
    """A clean map (H, W, C) with what pads it, and the rows and columns before it."""

    values: Tensor
    before: tuple[int, int] = (0, 0)


def _channels_first(values: Tensor) -> Tensor:
    return values.permute(0, 3, 1, 2)


def _channels_last(maps: Tensor) -> Tensor:
    return maps.permute(0, 2, 3, 1).contiguous()


def _pair(value: Any) -> tuple[int, int]:
    return (int(value[0]), int(value[-1])) if hasattr(value, "__len__") else (int(value),) * 2


@dataclass(frozen=True)
class _Sliding:
    """A convolution or a pooling: what it needs to know of its sliding window."""

    run: Callable[[Tensor], Tensor]  # on maps (B, C, H, W), without padding
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    fill: float

    def frame(self, inputs: Tensor, clean: Tensor) -> _Frame:
        """Pad the clean input (H, W, C) as far as the clean output needs it."""
        before, reach = (
            self.padding,
            [
                (clean.shape[axis] - 1) * self.stride[axis] + self.dilation[axis] * (self.kernel[axis] - 1) + 1
                for axis in range(2)
            ],
        )
        after = [max(reach[axis] - before[axis] - inputs.shape[axis], 0) for axis in range(2)]
        sides = (0, 0, before[1], after[1], before[0], after[0])
        return _Frame(F.pad(inputs, sides, value=self.fill), before)

    def __call__(self, window: _Window, clean: Tensor, frame: _Frame) -> _Window:
        """Apply it where the changed window reaches; `clean` is the clean output (H, W, C)."""
        if self.kernel == self.stride == (1, 1) and self.padding == (0, 0):
            values = _channels_last(self.run(_channels_first(window.values)))
            return _Window(values, window.start, clean)
        sizes, starts = [], []
        for axis in range(2):
            extent = self.dilation[axis] * (self.kernel[axis] - 1) + 1
            stride, full = self.stride[axis], clean.shape[axis]
            begin = window.start[:, axis] + self.padding[axis]
            first = -torch.div(extent - 1 - begin, stride, rounding_mode="floor")  # rounded up
            last = torch.div(begin + window.size[axis] - 1, stride, rounding_mode="floor")
            first, last = first.clamp(min=0), last.clamp(max=full - 1)
            size = int((last - first).max()) + 1
            sizes.append((size, (size - 1) * stride + extent))
            starts.append(first.clamp(max=full - size))
        start = torch.stack(starts, 1)
        corner = start * torch.tensor(self.stride, device=start.device)
        inputs = window.cut(corner, (sizes[0][1], sizes[1][1]), frame)
        values = _channels_last(self.run(_channels_first(inputs)))
        return _Window(values, start, clean)


def _sliding(module: nn.Module) -> _Sliding | None:
    """Return how a module slides over its input, or None if it does not."""
    if isinstance(module, nn.Conv2d):
        if isinstance(module.padding, str) or module.padding_mode != "zeros":
            return None
        return _Sliding(
            lambda maps: F.conv2d(maps, module.weight, module.bias, module.stride, 0, module.dilation, module.groups),
            _pair(module.kernel_size),
            _pair(module.stride),
            _pair(module.padding),
            _pair(module.dilation),
            0.0,
        )
    if isinstance(module, nn.MaxPool2d) and not module.return_indices:
        stride = module.stride or module.kernel_size
        return _Sliding(
            lambda maps: F.max_pool2d(maps, module.kernel_size, stride, 0, module.dilation),
            _pair(module.kernel_size),
            _pair(stride),
            _pair(module.padding),
            _pair(module.dilation),
            -math.inf,
        )
    if isinstance(module, nn.AvgPool2d) and not module.ceil_mode and _pair(module.padding) == (0, 0):
        stride = module.stride or module.kernel_size
        return _Sliding(
            lambda maps: F.avg_pool2d(maps, module.kernel_size, stride),
            _pair(module.kernel_size),
            _pair(stride),
            (0, 0),
            (1, 1),
            0.0,
        )
    return None


#: Act on each place by itself; in-place ones are replaced by their ordinary twins.
_POINTWISE: dict[type[nn.Module], Callable[[nn.Module, Tensor], Tensor]] = {
    nn.ReLU: lambda _, maps: F.relu(maps),
    nn.ReLU6: lambda _, maps: F.relu6(maps),
    nn.SiLU: lambda _, maps: F.silu(maps),
    nn.Hardswish: lambda _, maps: F.hardswish(maps),
    nn.GELU: lambda module, maps: module(maps),
    nn.BatchNorm2d: lambda module, maps: module(maps),
    nn.Identity: lambda _, maps: maps,
    nn.Dropout: lambda _, maps: maps,
}
_RELU_CALLS = frozenset({F.relu, torch.relu, torch.relu_, "relu", "relu_"})
_SUMS = frozenset({operator.add, operator.iadd, torch.add, "add", "add_"})
_IDENTITIES = frozenset({F.dropout, "contiguous", "clone"})


class _Tracer(fx.Tracer):
    """Follows its own thread only.

    While torch.fx traces, it has replaced the call of every module, in all threads: a net that another
    thread asks meanwhile would be taken for a part of the traced one.
    """

    def trace(self, root: Any, concrete_args: dict[str, Any] | None = None) -> fx.Graph:
        self._thread = get_ident()
        return super().trace(root, concrete_args)

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        if get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)


class Incremental:
    """A net whose clean pass on one picture is kept, to be changed window by window.

    Parameters
    ----------
    net : nn.Module
        In evaluation mode; anything that ``torch.fx`` can trace.
    inputs : Tensor, shape (1, C, H, W)
        The clean, normalized picture.

    Raises
    ------
    ValueError
        If the net cannot be traced, or its trace does not repeat its own output.

    References
    ----------
    Nakandala, Kumar & Papakonstantinou, "Incremental and Approximate Inference for Faster
    Occlusion-based Deep CNN Explanations", SIGMOD 2019: the exact mode.
    """

    def __init__(self, net: nn.Module, inputs: Tensor) -> None:
        try:
            self._graph = fx.GraphModule(net, _Tracer().trace(net))
        except Exception as error:  # whatever the net's own Python raises on a proxy
            raise ValueError(f"{type(net).__name__} cannot be traced ({error})") from error
        self._modules = dict(self._graph.named_modules())
        self._clean: dict[fx.Node, Tensor] = {}
        self._frames: dict[fx.Node, _Frame] = {}
        self.clean_output = self._run(inputs, keep=True)
        if not torch.allclose(self.clean_output, net(inputs), rtol=1e-4, atol=1e-5):
            raise ValueError(f"the trace of {type(net).__name__} does not repeat its output")

    def changed(self, values: Tensor, start: Tensor) -> Tensor:
        """Return the net's outputs when a window of its input is replaced, shape (B, ...).

        Parameters
        ----------
        values : Tensor, shape (B, C, h, w)
            Of the windows, normalized.
        start : Tensor, int64, shape (B, 2)
            Row and column of each; they lie within the picture.
        """
        node = next(iter(self._graph.graph.nodes))
        return self._run(_Window(_channels_last(values), start, self._clean[node]), keep=False)

    def _run(self, inputs: Any, *, keep: bool) -> Tensor:
        values: dict[fx.Node, Any] = {}
        users = {node: len(node.users) for node in self._graph.graph.nodes}
        for node in self._graph.graph.nodes:
            if node.op == "placeholder":
                values[node] = inputs
            elif node.op == "output":
                found: Tensor = _plain(values[node.args[0]])
                return found
            else:
                values[node] = self._apply(node, values)
            if keep and isinstance(values[node], Tensor) and values[node].ndim == 4:
                self._clean[node] = _channels_last(values[node])[0]
            for used in node.all_input_nodes:  # large windows are let go as soon as possible
                users[used] -= 1
                if not users[used]:
                    del values[used]
        raise ValueError("the net returns nothing")

    def _apply(self, node: fx.Node, values: dict[fx.Node, Any]) -> Any:
        args, kwargs = (fx.map_arg(part, lambda used: values[used]) for part in (node.args, node.kwargs))
        windows = [part for part in _flat(args) if isinstance(part, _Window)]
        if windows and node in self._clean:
            found = self._on_window(node, args, windows)
            if found is not None:
                return found
        args, kwargs = (_deep(part, _plain) for part in (args, kwargs))
        if node.op == "call_module":
            return _not_in_place(self._modules[str(node.target)], *args, **kwargs)
        if node.op == "get_attr":
            return operator.attrgetter(str(node.target))(self._graph)
        if node.target in _RELU_CALLS:
            return F.relu(args[0])
        if node.target in _SUMS and not kwargs:
            return args[0] + args[1]
        if node.op == "call_function":
            return node.target(*args, **kwargs)  # type: ignore[operator]
        return getattr(args[0], str(node.target))(*args[1:], **kwargs)

    def _on_window(self, node: fx.Node, args: Any, windows: list[_Window]) -> _Window | None:
        """Apply a node to windows, or return None if it needs whole maps."""
        clean, first = self._clean[node], windows[0]
        if node.op == "call_module":
            module = self._modules[str(node.target)]
            sliding = _sliding(module)
            if sliding is not None:
                if node not in self._frames:
                    self._frames[node] = sliding.frame(first.clean, clean)
                return sliding(first, clean, self._frames[node])
            if type(module) is nn.ReLU:
                return self._relu(node, first)
            pointwise = _POINTWISE.get(type(module))
            if pointwise is None:
                return None
            maps = pointwise(module, _channels_first(first.values))
            return _Window(maps.permute(0, 2, 3, 1), first.start, clean)
        if node.target in _RELU_CALLS:
            return self._relu(node, first)
        if node.target in _IDENTITIES:
            return first
        if node.target in _SUMS and len(windows) == 2 and not node.kwargs:
            one, other, start = _together(windows)
            return _Window(one + other, start, clean)
        if node.target is torch.cat and len(windows) == len(args[0]) and _dimension(node) == 1:
            *parts, start = _together(windows)
            return _Window(torch.cat(parts, 3), start, clean)
        return None

    def _relu(self, node: fx.Node, window: _Window) -> _Window:
        # In place where nobody else reads the values, whatever the net itself does.
        alone = len(node.all_input_nodes[0].users) == 1
        values = window.values.relu_() if alone else window.values.relu()
        return _Window(values, window.start, self._clean[node])


def _dimension(node: fx.Node) -> int:
    found: Any = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
    return int(found)


def _together(windows: list[_Window]) -> list[Tensor]:
    """Return the values of several windows over the place that holds all of them, and its start."""
    if all(window.size == windows[0].size and torch.equal(window.start, windows[0].start) for window in windows):
        return [*(window.values for window in windows), windows[0].start]
    start = torch.stack([window.start for window in windows]).amin(0)
    ends = [window.start + torch.tensor(window.size, device=start.device) for window in windows]
    size = (torch.stack(ends).amax(0) - start).amax(0)
    full = torch.tensor(windows[0].clean.shape[:2], device=start.device)
    start = torch.minimum(start, full - size)
    high, wide = (int(length) for length in size)
    return [*(window.cut(start, (high, wide)) for window in windows), start]


def _plain(value: Any) -> Any:
    return value.whole() if isinstance(value, _Window) else value


def _flat(values: Any) -> list[Any]:
    if isinstance(values, (tuple, list)):
        return [part for value in values for part in _flat(value)]
    return [values]


def _deep(values: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(values, (tuple, list)):
        return type(values)(_deep(value, change) for value in values)
    if isinstance(values, dict):
        return {key: _deep(value, change) for key, value in values.items()}
    return change(values)


def _not_in_place(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    pointwise = _POINTWISE.get(type(module))
    return pointwise(module, args[0]) if pointwise else module(*args, **kwargs)
