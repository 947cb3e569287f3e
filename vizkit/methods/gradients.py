"""What in the picture made the network say so: everything that one backward pass can tell."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.hooks import ReLURule, Rule, capture
from vizkit.core.models import ImageModel
from vizkit.core.seeds import generator
from vizkit.methods.activations import as_maps

__all__ = ["Unit", "grad_cam", "integrated_gradients", "pixel_gradient", "saliency", "smooth_grad", "unit_gradients"]


@dataclass(frozen=True)
class Unit:
    """One neuron of a layer.

    Parameters
    ----------
    layer : str
    channel : int
    row, column : int, optional
        Its place in the layer's map; where it answers most by default.
    """

    layer: str
    channel: int
    row: int | None = None
    column: int | None = None


#: A class by index or label, or a unit.
Target = int | str | Unit

# What bends a signal without being a ReLU: the rules say nothing about it.
_BENDS = (
    "Relu",
    "Clamp",
    "Threshold",
    "LeakyRelu",
    "Elu",
    "Gelu",
    "Silu",
    "Hardswish",
    "Hardtanh",
    "Hardsigmoid",
    "Mish",
    "Prelu",
    "Softplus",
    "Sigmoid",
    "Tanh",
    "Softmax",
    "Maximum",
    "Minimum",
    "Where",
    "MaskedFill",
    "jit",
    "Abs",
)
_COMPARISONS = frozenset({"gt", "ge", "lt", "le", "__gt__", "__ge__", "__lt__", "__le__", "sign", "heaviside"})


class _StrictRule(ReLURule):
    """A ReLU rule that notes decisions it does not govern, such as ``x * (x > 0)``."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(rule)
        self.compared = False

    def __torch_function__(self, func: Callable[..., Any], types: object, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in _COMPARISONS and any(
            isinstance(one, Tensor) and one.requires_grad for one in args
        ):
            self.compared = True
        return super().__torch_function__(func, types, args, kwargs)


@contextmanager
def _ruled(model: ImageModel, rule: Rule) -> Iterator[list[Tensor]]:
    """Run the body's forward pass under a rule; scores put into the list are checked behind it.

    Raises
    ------
    ValueError
        If the net bends signals in a way that the rule does not govern.
    """
    scores: list[Tensor] = []
    if rule == "backprop":
        yield scores
        return
    with _StrictRule(rule) as ruled:
        yield scores
    stray = _stray_bends(scores[0])
    if stray or ruled.compared or not ruled.count:
        what = "decides by comparing" if ruled.compared else f"uses {', '.join(sorted(stray))}"
        reason = what if stray or ruled.compared else "has no ReLU"
        raise ValueError(
            f"the {rule} rule is defined for ReLUs only, but {model.name} {reason}; "
            "take a net whose only nonlinearity is the ReLU, or plain backprop"
        )


def _stray_bends(score: Tensor) -> set[str]:
    """Name the nonlinear functions in a score's graph that no rule has replaced."""
    seen, todo, found = set(), [score.grad_fn], set()
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        name = type(node).__name__
        if name != "_RuledReLUBackward" and any(bend in name for bend in _BENDS):
            found.add(name.partition("Backward")[0])
        todo += [above for above, _ in node.next_functions]
    return found


def scores(model: ImageModel, pixels: Tensor, target: Target | None = None, *, rule: Rule = "backprop") -> Tensor:
    """Return a class's logit or a unit's activation for each picture, with its graph.

    Parameters
    ----------
    model : ImageModel
    pixels : Tensor, shape (N, 3, H, W), RGB in [0, 1]
    target : int, str, Unit, optional
        The first picture's most probable class by default.
    rule : {"backprop", "deconvnet", "guided"}

    Returns
    -------
    Tensor, shape (N,)

    Raises
    ------
    TypeError, ValueError
        If there is no such class, layer or unit, or the rule is not defined for the net.
    """
    with model.running(pixels) as net, _ruled(model, rule) as found:
        if isinstance(target, Unit):
            found.append(_unit_activation(_layer_maps(model, net, pixels, target.layer), target))
        else:
            logits = net(model.normalize(pixels))
            index = int(logits[0].argmax()) if target is None else model.label_index(target)
            found.append(logits[:, index])
    return found[0]


def _layer_maps(model: ImageModel, net: nn.Module, pixels: Tensor, layer: str) -> Tensor:
    """Return a layer's maps of each picture, with their graph."""
    name = model.layer(layer).name
    with capture(net, [name]) as captured:
        net(model.normalize(pixels))
    return as_maps(captured[name])


def _unit_activation(maps: Tensor, unit: Unit) -> Tensor:
    channel = checks.integer(unit.channel, 0, maps.shape[1] - 1, "channel")
    one = maps[:, channel]
    row, column = divmod(int(one[0].argmax()), maps.shape[3])
    if unit.row is not None:
        row = checks.integer(unit.row, 0, maps.shape[2] - 1, "row")
    if unit.column is not None:
        column = checks.integer(unit.column, 0, maps.shape[3] - 1, "column")
    return one[:, row, column]


def pixel_gradient(
    model: ImageModel, image: Tensor, target: Target | None = None, *, rule: Rule = "backprop"
) -> Tensor:
    """Send a class's score or a unit's activation back to the pixels.

    Max-pooling passes the gradient to the place of the maximum (the deconvnet's "switches"); that
    comes with automatic differentiation. The three rules differ only at the ReLUs.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    target : int, str, Unit, optional
        The most probable class by default.
    rule : {"backprop", "deconvnet", "guided"}

    Returns
    -------
    Tensor, shape (3, H, W)

    Raises
    ------
    TypeError, ValueError
        If the picture or the target is none, or the rule is not defined for the net.

    References
    ----------
    Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014;
    Springenberg et al., "Striving for Simplicity: The All Convolutional Net", ICLR 2015.
    """
    return _gradients(model, checks.image(image)[None], target, rule)[0]


def _gradients(model: ImageModel, images: Tensor, target: Target | None, rule: Rule = "backprop") -> Tensor:
    pixels = images.detach().to(model.device, model.dtype, copy=True).requires_grad_()
    total = scores(model, pixels, target, rule=rule).sum()
    (gradient,) = torch.autograd.grad(total, pixels)
    return gradient.float().cpu()


def unit_gradients(
    model: ImageModel, images: Tensor, layer: str, channel: int, row: Tensor, column: Tensor, *, rule: Rule = "backprop"
) -> Tensor:
    """Send one unit of each picture back to its pixels, all in one backward pass.

    What `pixel_gradient` gives picture by picture.

    Parameters
    ----------
    model : ImageModel
    images : Tensor, shape (N, 3, H, W), RGB in [0, 1]
    layer : str
    channel : int
    row, column : Tensor, int64, shape (N,)
        Each picture's own unit, a place in the layer's map.
    rule : {"backprop", "deconvnet", "guided"}

    Returns
    -------
    Tensor, shape (N, 3, H, W)

    Raises
    ------
    ValueError
        If there is no such layer or unit, not one place for each picture, or the rule is not
        defined for the net.
    """
    if row.shape != (len(images),) or column.shape != row.shape:
        raise ValueError(
            f"row and column must hold one place for each of the {len(images)} pictures, "
            f"got {tuple(row.shape)} and {tuple(column.shape)}"
        )
    pixels = images.detach().to(model.device, model.dtype, copy=True).requires_grad_()
    with model.running(pixels) as net, _ruled(model, rule) as found:
        maps = _layer_maps(model, net, pixels, layer)
        channel = checks.integer(channel, 0, maps.shape[1] - 1, "channel")
        for places, length, name in ((row, maps.shape[2], "row"), (column, maps.shape[3], "column")):
            for extreme in (places.min(), places.max()):
                checks.integer(int(extreme), 0, length - 1, name)
        found.append(maps[torch.arange(len(maps)), channel, row, column])
    (gradient,) = torch.autograd.grad(found[0].sum(), pixels)
    return gradient.float().cpu()


def saliency(model: ImageModel, image: Tensor, target: Target | None = None) -> Tensor:
    """Return ``M_ij = max_c |d score / d pixel_cij|``, shape (H, W).

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W)
        In [0, 1].
    target : int, str or Unit, optional
        A class by number or label, or a unit; the predicted class by default.

    References
    ----------
    Simonyan, Vedaldi & Zisserman, "Deep Inside Convolutional Networks", ICLR 2014 workshop.
    """
    return pixel_gradient(model, image, target).abs().amax(0)


def smooth_grad(
    model: ImageModel,
    image: Tensor,
    target: Target | None = None,
    *,
    samples: int = 25,
    noise: float = 0.15,
    batch_size: int = 25,
    seed: int = 0,
) -> Tensor:
    """Average the gradient over noisy copies of the picture, shape (3, H, W).

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    target : int, str, Unit, optional
    samples : int
    noise : float
        Standard deviation, in pixel units; noisy pixels may leave [0, 1].
    batch_size : int
        The result does not depend on it.
    seed : int

    References
    ----------
    Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017.
    """
    samples = checks.integer(samples, 1, None, "samples")
    if not noise >= 0:
        raise ValueError(f"noise must be 0 or more, got {noise}")
    target = _fixed(model, image, target)
    random = generator(seed)
    total = torch.zeros_like(image)
    for count in _batches(samples, batch_size):
        noisy = image + noise * torch.randn(count, *image.shape, generator=random)
        total += _gradients(model, noisy, target).sum(0)
    return total / samples


def integrated_gradients(
    model: ImageModel,
    image: Tensor,
    target: Target | None = None,
    *,
    baseline: Tensor | None = None,
    steps: int = 50,
    batch_size: int = 25,
) -> Tensor:
    """Integrate the gradient from a baseline to the picture, shape (3, H, W).

    ``(x - b) * mean over a of gradient(b + a (x - b))``: the values sum to the difference of the
    scores at the picture and at the baseline.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    target : int, str, Unit, optional
    baseline : Tensor, shape (3, H, W), optional
        Black by default.
    steps : int
        Of Gauss-Legendre quadrature.
    batch_size : int
        The result does not depend on it.

    References
    ----------
    Sundararajan, Taly & Yan, "Axiomatic Attribution for Deep Networks", ICML 2017.
    """
    steps = checks.integer(steps, 1, 1000, "steps")
    baseline = torch.zeros_like(image) if baseline is None else checks.image(baseline)
    target = _fixed(model, image, target)
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    places = torch.from_numpy((nodes + 1) / 2).float().view(-1, 1, 1, 1)
    shares = torch.from_numpy(weights / 2).float().view(-1, 1, 1, 1)
    total = torch.zeros_like(image)
    for place, share in zip(places.split(batch_size), shares.split(batch_size), strict=True):
        between = baseline + place * (image - baseline)
        total += (share * _gradients(model, between, target)).sum(0)
    return (image - baseline) * total


def _batches(count: int, size: int) -> list[int]:
    checks.integer(size, 1, None, "batch_size")
    return [min(size, count - start) for start in range(0, count, size)]


@torch.no_grad()
def _fixed(model: ImageModel, image: Tensor, target: Target | None) -> Target:
    """Decide on the clean picture what an open target means."""
    checks.image(image)
    if target is None:
        return int(model.logits(image).argmax())
    if isinstance(target, Unit) and target.row is None and target.column is None:
        with model.running(image) as net, capture(net, [model.layer(target.layer).name]) as found:
            net(model.normalize(image[None]))
        maps = as_maps(found[target.layer])[0]
        channel = checks.integer(target.channel, 0, len(maps) - 1, "channel")
        row, column = divmod(int(maps[channel].argmax()), maps.shape[2])
        return Unit(target.layer, target.channel, row, column)
    return target


def grad_cam(model: ImageModel, image: Tensor, target: int | str | None = None, *, layer: str | None = None) -> Tensor:
    """Weight a layer's channels by their mean gradient and keep what is positive, shape (H, W).

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    target : int, str, optional
        A class.
    layer : str, optional
        The last one with a map by default.

    Returns
    -------
    Tensor, shape (H, W)
        Scaled up bilinearly.

    References
    ----------
    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks", ICCV 2017.
    """
    maps, gradient = layer_gradient(model, image, target, layer)
    return enlarged((gradient.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True).relu(), image)


def layer_gradient(
    model: ImageModel, image: Tensor, target: int | str | None = None, layer: str | None = None
) -> tuple[Tensor, Tensor]:
    """Return a layer's maps and the gradient of a class's score there, each (1, C, h, w).

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    target : int, str, optional
        The most probable class by default.
    layer : str, optional
        The last one with a map by default.
    """
    checks.image(image)
    layer = last_map(model) if layer is None else model.layer(layer).name
    pixels = image.detach().to(model.device, model.dtype, copy=True)[None].requires_grad_()
    with model.running(pixels) as net, capture(net, [layer]) as captured:
        logits = net(model.normalize(pixels))[0]
    index = int(logits.argmax()) if target is None else model.label_index(target)
    maps = captured[layer]
    (gradient,) = torch.autograd.grad(logits[index], maps)
    return maps.detach(), gradient


def last_map(model: ImageModel) -> str:
    """Return the last layer whose output has more than one place."""
    maps = [name for name, layer in model.layers.items() if len(layer.shape) == 3 and min(layer.shape[1:]) > 1]
    if not maps:
        raise ValueError(f"{model.name} has no layer with a map")
    return maps[-1]


def enlarged(heat: Tensor, image: Tensor) -> Tensor:
    """Scale a map (1, 1, h, w) up to a picture's size bilinearly, shape (H, W)."""
    size = (image.shape[1], image.shape[2])
    return F.interpolate(heat, size, mode="bilinear", align_corners=False)[0, 0].float().cpu()
