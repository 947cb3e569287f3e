"""Looking inside a network and leaving it exactly as it was found.

Every function here is a context manager that restores what it touched in ``finally``, also when
the body raises. Forward hooks hand a *clone* to the rest of the net and keep the original, so an
in-place ReLU behind a layer (torchvision's nets are full of them) cannot overwrite what was
captured, and gradients still flow through it.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from vizkit.core.windows import Window, window_of


@dataclass(frozen=True)
class Layer:
    """One output of a module during a forward pass.

    Parameters
    ----------
    name : str
        The module's name in ``net.named_modules()``. A module that runs more than once gets
        ``_1``, ``_2``, ... appended from its second run on, as torchvision's feature
        extraction names it.
    kind : str
        The module's class, such as ``"Conv2d"``.
    shape : tuple of int
        Shape of the output for one picture, without the batch: (channels, height, width) for
        feature maps, (units,) behind the flattening.
    """

    name: str
    kind: str
    shape: tuple[int, ...]


class _Calls:
    """Names each run of each module within one forward pass of the net."""

    def __init__(self, net: nn.Module) -> None:
        self.names = {module: name for name, module in net.named_modules() if name}
        self.taken = set(self.names.values())
        self.runs: dict[str, int] = {}

    def next_name(self, module: nn.Module) -> str:
        name = self.names[module]
        while True:
            run = self.runs.get(name, 0)
            self.runs[name] = run + 1
            full = f"{name}_{run}" if run else name
            if not run or full not in self.taken:
                return full

    def restart(self, *_: object) -> None:
        self.runs.clear()


@contextmanager
def _forward_hooks(
    net: nn.Module, modules: Collection[nn.Module], hook: Callable[..., Any], calls: _Calls
) -> Iterator[None]:
    handles = [net.register_forward_pre_hook(calls.restart)]
    try:
        handles += [module.register_forward_hook(hook) for module in modules]
        yield
    finally:
        for handle in handles:
            handle.remove()


def trace_layers(net: nn.Module, example: Tensor) -> tuple[Layer, ...]:
    """List every module output of one forward pass, in forward order.

    A container that returns its last child's output is left out; so is a module that returns
    something else than one tensor whose first dimension is the batch.

    Parameters
    ----------
    net : nn.Module
    example : Tensor, shape (1, ...)
        An input of the net.
    """
    calls = _Calls(net)
    layers: list[Layer] = []
    last: tuple[str, int, int] = ("", 0, 0)

    def record(module: nn.Module, _: object, output: object) -> None:
        nonlocal last
        name = calls.next_name(module)
        if not isinstance(output, Tensor) or output.ndim < 2 or len(output) != len(example):
            return
        # The version tells a container from one that works in place on its last child's output.
        identity = (id(output), output._version)
        if last[1:] == identity and last[0].startswith(f"{calls.names[module]}."):
            return
        last = (name, *identity)
        layers.append(Layer(name, type(module).__name__, tuple(output.shape[1:])))

    with evaluation(net), torch.no_grad(), _forward_hooks(net, calls.names, record, calls):
        net(example)
    return tuple(layers)


@contextmanager
def capture(net: nn.Module, layers: Collection[str]) -> Iterator[dict[str, Tensor]]:
    """Keep the outputs of named layers of every forward pass in the body.

    Parameters
    ----------
    net : nn.Module
    layers : collection of str
        Names as `trace_layers` gives them.

    Yields
    ------
    dict of str to Tensor
        Filled by each forward pass. The tensors are part of the autograd graph:
        ``torch.autograd.grad(score, captured["conv1"])`` is the gradient at that layer.

    Raises
    ------
    ValueError
        If a layer names no module.
    """
    calls = _Calls(net)
    modules = [_owner(net, calls, layer) for layer in layers]
    captured: dict[str, Tensor] = {}

    def keep(module: nn.Module, _: object, output: object) -> Tensor | None:
        name = calls.next_name(module)
        if name not in layers or not isinstance(output, Tensor):
            return None
        captured[name] = output
        return output.clone()

    with _forward_hooks(net, dict.fromkeys(modules), keep, calls):
        yield captured


def _owner(net: nn.Module, calls: _Calls, layer: str) -> nn.Module:
    """Find the module of a layer name, with or without the number of its run."""
    name, _, run = layer.rpartition("_")
    name = layer if layer in calls.taken else name
    if name not in calls.taken or (name != layer and not run.isdigit()):
        raise ValueError(f"layer {layer!r} is no module of {type(net).__name__}")
    return net.get_submodule(name)


class _LayerReached(Exception):  # noqa: N818 - it is no error
    """Ends a forward pass whose remaining layers nobody needs."""


def forward_to(net: nn.Module, inputs: Tensor, layer: str) -> Tensor:
    """Run a net only as far as one layer and return that layer's output.

    Raises
    ------
    ValueError
        If the layer names no module or does not run.
    """
    return forward_to_all(net, inputs, [layer])[layer]


def forward_to_all(net: nn.Module, inputs: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
    """Run a net only until all of some layers have run and return their outputs by name.

    Raises
    ------
    ValueError
        If a layer names no module or does not run.
    """
    wanted = frozenset(layers)
    calls = _Calls(net)
    modules = [_owner(net, calls, layer) for layer in wanted]
    found: dict[str, Tensor] = {}

    def keep(module: nn.Module, _: object, output: Tensor) -> Tensor | None:
        name = calls.next_name(module)
        if name not in wanted:
            return None
        found[name] = output
        if len(found) == len(wanted):
            raise _LayerReached
        return output.clone()

    with _forward_hooks(net, dict.fromkeys(modules), keep, calls):
        try:
            if wanted:
                net(inputs)
        except _LayerReached:
            pass
    for layer in wanted - found.keys():
        raise ValueError(f"layer {layer!r} did not run in the forward pass")
    return found


@contextmanager
def evaluation(net: nn.Module) -> Iterator[None]:
    """Run the body with the net in evaluation mode and its parameters frozen.

    Training flags, ``requires_grad`` and ``.grad`` of every module and parameter are put back.
    """
    training = [module for module in net.modules() if module.training]
    learning = [parameter for parameter in net.parameters() if parameter.requires_grad]
    gradients = [(parameter, parameter.grad) for parameter in net.parameters()]
    try:
        for module in training:
            module.training = False
        for parameter in learning:
            parameter.requires_grad_(False)
        yield
    finally:
        for module in training:
            module.training = True
        for parameter in learning:
            parameter.requires_grad_(True)
        for parameter, gradient in gradients:
            parameter.grad = gradient


Rule = Literal["backprop", "deconvnet", "guided"]
_RELUS = frozenset({F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_})
_IN_PLACE = frozenset({torch.relu_, Tensor.relu_})


def _ceiling(func: Callable[..., Any], args: Any, kwargs: Any) -> float | None:
    """Return where a ReLU is clipped, infinity for a plain one; None if it is no ReLU."""
    if func in _RELUS:
        return float("inf")
    if func is F.relu6:
        return 6.0
    if func is F.hardtanh:  # what nn.ReLU6 calls
        low = args[1] if len(args) > 1 else kwargs.get("min_val", -1.0)
        high = args[2] if len(args) > 2 else kwargs.get("max_val", 1.0)
        return float(high) if low == 0 else None
    return None


def _works_in_place(func: Callable[..., Any], args: Any, kwargs: Any) -> bool:
    position = 3 if func is F.hardtanh else 1
    given = args[position] if len(args) > position else kwargs.get("inplace", False)
    return func in _IN_PLACE or bool(given)


class _RuledReLU(torch.autograd.Function):
    """A ReLU, clipped at `high`, whose backward pass follows one of three rules."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, high: float, rule: Rule) -> Tensor:
        ctx.save_for_backward((inputs > 0) & (inputs < high))
        ctx.rule = rule
        return inputs.clamp(0, high)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (active,) = ctx.saved_tensors
        if ctx.rule != "backprop":
            gradient = gradient.clamp(min=0)
        if ctx.rule != "deconvnet":
            gradient = gradient * active
        return gradient, None, None


class _ReLUCalls(TorchFunctionMode):
    """Within this context, counts ReLU calls of every kind and replaces those that it wants to."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def _replaced(self, inputs: Tensor, high: float) -> Tensor | None:
        """Return what the present call gives instead of its own output, or None for its own."""
        raise NotImplementedError

    def __torch_function__(self, func: Callable[..., Any], types: object, args: Any = (), kwargs: Any = None) -> Any:
        """Meet a ReLU and let every other function pass."""
        kwargs = kwargs or {}
        high = _ceiling(func, args, kwargs)
        if high is None:
            return func(*args, **kwargs)
        self.count += 1
        inputs = args[0] if args else kwargs["input"]
        output = self._replaced(inputs, high)
        if output is None:
            return func(*args, **kwargs)
        return inputs.copy_(output) if _works_in_place(func, args, kwargs) else output


class ReLURule(_ReLUCalls):
    """Within this context, every ReLU passes gradients back by the chosen rule.

    Modules, in-place ReLUs, modules used more than once and plain function calls are all caught,
    because the rule replaces the *function call*, not a module. The net is not touched.

    ===========  ====================================================
    backprop     ``g * (input > 0)``: the true gradient
    deconvnet    ``max(g, 0)``: a ReLU on the way back (Zeiler)
    guided       ``max(g, 0) * (input > 0)``: both (Springenberg)
    ===========  ====================================================

    Parameters
    ----------
    rule : {"backprop", "deconvnet", "guided"}

    Attributes
    ----------
    count : int
        Number of ReLU calls that the rule has caught.

    References
    ----------
    Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.
    Springenberg et al., "Striving for Simplicity: The All Convolutional Net", ICLR 2015.
    """

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self.rule: Rule = rule

    def _replaced(self, inputs: Tensor, high: float) -> Tensor:
        found: Tensor = _RuledReLU.apply(inputs, high, self.rule)
        return found


class ReLUMaps(TorchFunctionMode):
    """Within this context, keeps the mean over channels of every map behind a ReLU, and the way from one to the next.

    Attributes
    ----------
    means : list of Tensor, shape (N, 1, H, W)
        In forward order; modules and function calls alike.
    windows : list of list of Window
        Convolutions and poolings before each of those maps, behind the map before it, in forward order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.means: list[Tensor] = []
        self.windows: list[list[Window]] = []
        self._met = _Windows()

    def __enter__(self) -> "ReLUMaps":
        """Begin to look at operations, too."""
        self._met.__enter__()  # type: ignore[no-untyped-call]
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *raised: Any) -> None:
        """Look no more."""
        super().__exit__(*raised)  # type: ignore[no-untyped-call]
        self._met.__exit__(*raised)  # type: ignore[no-untyped-call]

    def __torch_function__(self, func: Callable[..., Any], types: object, args: Any = (), kwargs: Any = None) -> Any:
        """Look at a ReLU's output and let every function pass."""
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        if _ceiling(func, args, kwargs) is not None and output.ndim == 4:
            self.means.append(output.mean(1, keepdim=True))
            self.windows.append(self._met.found)
            self._met.found = []
        return output


class _Windows(TorchDispatchMode):
    """Within this context, keeps the windows of convolutions and poolings."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[Window] = []

    def __torch_dispatch__(self, func: Any, types: object, args: Any = (), kwargs: Any = None) -> Any:
        if window := window_of(func, args):
            self.found.append(window)
        return func(*args, **(kwargs or {}))


class _OpenedReLU(torch.autograd.Function):
    """A ReLU that lets the gradient of some rows of the batch pass as if it were not there."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, high: float, rows: Tensor) -> Tensor:
        opened = rows.view(-1, *[1] * (inputs.ndim - 1))
        ctx.save_for_backward(((inputs > 0) & (inputs < high)) | opened)
        return inputs.clamp(0, high)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (passing,) = ctx.saved_tensors
        return gradient * passing, None, None


class OpenReLU(_ReLUCalls):
    """Within this context, counts ReLU calls and opens one of them to the gradient.

    Where a ReLU is 0 at every place, nothing of a score behind it reaches the pixels. With its last
    ReLU opened, the gradient is that of the score *before* that ReLU: the signal is not changed.

    Parameters
    ----------
    opened : int
        Which call, counted from 1; 0 opens none.
    rows : Tensor, bool, shape (N,), optional
        The rows of the batch for which it is open.

    Attributes
    ----------
    count : int
        Number of ReLU calls so far.
    """

    def __init__(self, opened: int = 0, rows: Tensor | None = None) -> None:
        super().__init__()
        self.opened, self.rows = opened, rows

    def _replaced(self, inputs: Tensor, high: float) -> Tensor | None:
        if self.count != self.opened or self.rows is None:
            return None
        found: Tensor = _OpenedReLU.apply(inputs, high, self.rows)
        return found
