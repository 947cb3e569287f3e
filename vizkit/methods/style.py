"""Neural style: the content of one picture in the style of another."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.hooks import forward_to_all
from vizkit.core.memory import recall, remember
from vizkit.core.models import ImageModel
from vizkit.core.seeds import normal
from vizkit.core.steps import Step, share_of_work, step_method

__all__ = ["StyleStep", "gram", "match_colors", "style_steps", "total_variation"]


def gram(maps: Tensor) -> Tensor:
    """Return how the channels of maps go together, shape (N, C, C).

    ``G = V^T V / n`` for V with a row for each of the n places and a column for each channel. The
    slide sums over the places; the mean is the same for pictures of any size.

    Parameters
    ----------
    maps : Tensor, shape (N, C, H, W)
    """
    found: Tensor = _Gram.apply(maps.permute(0, 2, 3, 1).flatten(1, 2))
    return found


class _Gram(torch.autograd.Function):
    """``V^T V / n`` for V (N, n, C); its gradient is one product where autograd makes two."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        ctx.save_for_backward(values)
        return values.transpose(1, 2) @ values / values.shape[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (values,) = ctx.saved_tensors
        slope: Tensor = values @ ((gradient + gradient.transpose(1, 2)) / values.shape[1])
        return slope


def total_variation(images: Tensor) -> Tensor:
    """Return the mean square difference of neighboring pixels, down and across.

    Parameters
    ----------
    images : Tensor, shape (N, C, H, W)
    """
    down, across = images.diff(dim=-2), images.diff(dim=-1)
    return down.square().mean() + across.square().mean()


@dataclass(frozen=True)
class StyleLayers:
    """Where content and style are measured.

    Parameters
    ----------
    content : tuple of str
    style : tuple of str
    weights : dict of str to float
        Of the style layers, 0 or more; 1 where none is given.
    """

    content: tuple[str, ...]
    style: tuple[str, ...]
    weights: Mapping[str, float] = field(default_factory=dict)

    def style_weights(self) -> dict[str, float]:
        """Return the weight of each style layer.

        Raises
        ------
        ValueError
            If one is below 0, all are 0, or one is of a layer that is not among them.
        """
        found = {name: float(self.weights.get(name, 1)) for name in self.style}
        strangers = [name for name in self.weights if name not in found]
        if strangers or (found and (min(found.values()) < 0 or max(found.values()) == 0)):
            raise ValueError(
                f"weights of the style layers {', '.join(self.style)} must be 0 or more and not all 0, "
                f"got {dict(self.weights)}"
            )
        return found


#: Layers by the net's name. VGG's are those of Gatys et al. 2016 (conv4_2; conv1_1 to conv5_1),
#: each behind its ReLU; SqueezeNet's and viznet's were chosen by looking.
LAYERS: dict[str, StyleLayers] = {
    "vgg19": StyleLayers(("features.22",), ("features.1", "features.6", "features.11", "features.20", "features.29")),
    "vgg16": StyleLayers(("features.20",), ("features.1", "features.6", "features.11", "features.18", "features.25")),
    "squeezenet1_1": StyleLayers(
        ("features.4",), ("features.1", "features.3", "features.4", "features.6", "features.7")
    ),
    "viznet": StyleLayers(("relu5",), ("relu1", "relu2", "relu3", "relu4", "relu5", "relu6")),
}
LAYERS["viznet-robust"] = LAYERS["viznet-small"] = LAYERS["viznet"]


def style_layers(model: ImageModel) -> StyleLayers:
    """Return layers that suit a net: its own, or five spread over the lower two thirds.

    Raises
    ------
    ValueError
        If the net has no layer that keeps places.
    """
    if model.name in LAYERS:
        return LAYERS[model.name]
    names = [name for name, layer in model.layers.items() if len(layer.shape) == 3]
    if not names:
        raise ValueError(f"{model.name} has no layer that keeps places: nothing to take a style of")
    lower = names[: max(1, 2 * len(names) // 3)]
    picked = [lower[round(share * (len(lower) - 1) / 4)] for share in range(5)]
    return StyleLayers((picked[3],), tuple(dict.fromkeys(picked)))


@dataclass(frozen=True)
class Targets:
    """What the picture is to match.

    Parameters
    ----------
    content : dict of str to Tensor, shape (1, C, h, w)
        Activations of the content picture: step 1 of the slides.
    style : dict of str to Tensor, shape (1, C, C)
        Gram matrices of the style picture: step 2.
    weights : dict of str to float
        Of the style layers; 1 where none is given.
    """

    content: dict[str, Tensor]
    style: dict[str, Tensor]
    weights: Mapping[str, float] = field(default_factory=dict)


def shuffled(maps: Tensor) -> Tensor:
    """Return maps (N, C, H, W) with their places in another order, the same for all channels."""
    order = torch.randperm(maps.shape[2] * maps.shape[3], generator=torch.Generator().manual_seed(0))
    return maps.flatten(2)[:, :, order.to(maps.device)].view_as(maps)


def content_targets(model: ImageModel, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """Return the activations of a picture at some layers, each (1, C, h, w).

    Raises
    ------
    TypeError, ValueError
        If the picture is none or there is no such layer.
    """
    return content_targets_of(model, checks.image(image)[None], layers)


def content_targets_of(model: ImageModel, pixels: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """Return the activations of a batch of pictures at some layers, each (N, C, h, w)."""
    layers = [model.layer(layer).name for layer in layers]
    with torch.no_grad(), model.running(pixels) as net:
        return forward_to_all(net, model.normalize(pixels), layers)


def style_targets(model: ImageModel, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """Return the Gram matrices of a picture at some layers, each (1, C, C).

    Raises
    ------
    TypeError, ValueError
        If the picture is none or there is no such layer.
    """
    return {name: gram(maps) for name, maps in content_targets(model, image, layers).items()}


@dataclass(frozen=True)
class Losses:
    """The three parts of the loss, before their weights.

    Parameters
    ----------
    content, style, variation : Tensor, shape ()
    """

    content: Tensor
    style: Tensor
    variation: Tensor

    def weighted(self, alpha: float, beta: float, tv: float) -> Tensor:
        """Return ``alpha * content + beta * style + tv * variation``."""
        return alpha * self.content + beta * self.style + tv * self.variation


def _relative(found: Tensor, target: Tensor) -> Tensor:
    """Return the square distance from a target over the target's own square length."""
    size = (
        target.square().mean((1, 2), keepdim=True)
        if target.ndim == 3
        else target.square().mean((1, 2, 3), keepdim=True)
    )
    return ((found - target).square() / size.clamp(min=1e-20)).mean()


def style_losses(model: ImageModel, net: nn.Module, pixels: Tensor, targets: Targets) -> Losses:
    """Measure how far pictures are from their targets: step 3 of the slides.

    Each layer's square distance is divided by its target's square length, so that the weights mean
    the same in every net; the content layers are averaged, the style layers by their weights: Gatys'
    ``sum w_l E_l`` with weights that sum to 1.

    Parameters
    ----------
    model : ImageModel
    net : nn.Module
        The model's, in evaluation mode.
    pixels : Tensor, shape (N, 3, H, W)
    targets : Targets
        Of one picture, or of N content pictures.
    """
    layers = {*targets.content, *targets.style}
    found = forward_to_all(net, model.normalize(pixels), layers)
    content = [_relative(found[name], maps) for name, maps in targets.content.items()]
    style = [_relative(gram(found[name]), one) for name, one in targets.style.items()]
    shares = pixels.new_tensor([targets.weights.get(name, 1.0) for name in targets.style])
    return Losses(
        torch.stack(content).mean() if content else pixels.new_zeros(()),
        (torch.stack(style) * shares).sum() / shares.sum() if style else pixels.new_zeros(()),
        total_variation(pixels),
    )


@dataclass(frozen=True)
class StyleStep(Step):
    """A picture on its way.

    Parameters
    ----------
    image : Tensor, shape (3, h, w), RGB in [0, 1]
        At the size of its scale.
    content, style, variation : float
        The parts of the loss before their weights, as the net saw them at this step.
    memory : dict
        What the next step needs; for `resume`.
    done : float
        Share of the work that is done, in [0, 1]: later scales are larger.
    """

    image: Tensor
    content: float
    style: float
    variation: float
    memory: dict[str, Any]
    done: float

    @property
    def work(self) -> float:
        """Share of the work that is done, in [0, 1]."""
        return self.done


Begin = Literal["content", "noise", "style"]
Optimizer = Literal["Adam", "L-BFGS"]


@step_method(live={"alpha", "beta", "tv"})
def style_steps(
    model: ImageModel,
    content: Tensor,
    style: Tensor,
    *,
    layers: StyleLayers | None = None,
    alpha: float = 1.0,
    beta: float = 10.0,
    tv: float = 2.0,
    optimizer: Optimizer = "Adam",
    rate: float = 0.02,
    steps: int = 200,
    begin: Begin = "content",
    scales: int = 1,
    keep_colors: bool = False,
    seed: int = 0,
    resume: StyleStep | None = None,
) -> Iterator[StyleStep]:
    """Change a picture until it has the content of one and the style of another.

    ``alpha * L_content + beta * L_style + tv * L_variation``, by gradient descent on the pixels.

    Parameters
    ----------
    model : ImageModel
    content, style : Tensor, shape (3, H, W), RGB in [0, 1]
        The style picture may have another size.
    layers : StyleLayers, optional
        `style_layers` of the net by default.
    alpha, beta, tv : float
        Weights, 0 or more; see `style_losses` for their unit.
    optimizer : {"Adam", "L-BFGS"}
    rate : float
        Of Adam, in [0, 1] pixels; L-BFGS takes its own steps, 50 times as long at most.
    steps : int
    begin : {"content", "noise", "style"}
    scales : int
        Start at half the size ``scales - 1`` times: strokes larger than the net's field.
    keep_colors : bool
        Give the style picture the content's mean color and color spread first.
    seed : int
        Of the noise.
    resume : StyleStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If a picture is none, there is no such layer, or a number is out of range.

    References
    ----------
    Gatys, Ecker & Bethge, "Image style transfer using convolutional neural networks", CVPR 2016;
    "Preserving color in neural artistic style transfer", 2016 (linear color matching).
    """
    checks.image(content, "content")
    checks.image(style, "style")
    layers = layers or style_layers(model)
    layers.style_weights()
    steps = checks.integer(steps, 1, None, "steps")
    scales = checks.integer(scales, 1, 5, "scales")
    checks.choice(optimizer, ("Adam", "L-BFGS"), "optimizer")
    checks.choice(begin, ("content", "noise", "style"), "begin")
    if min(alpha, beta, tv) < 0 or not rate > 0:
        raise ValueError(f"alpha, beta and tv must be 0 or more and rate above 0, got {alpha}, {beta}, {tv} and {rate}")
    if keep_colors:
        style = match_colors(style, content)
    sizes = _sizes(content, scales, model)
    costs = [float(math.prod(sizes[index * len(sizes) // steps])) for index in range(steps)]
    values, scale, targets = None, -1, Targets({}, {})
    descent: torch.optim.Optimizer | None = None
    for index in range(resume.index if resume else 0, steps):
        wanted = index * len(sizes) // steps
        if wanted != scale or values is None or descent is None:
            scale = wanted
            targets = _targets(model, content, style, layers, sizes, scale)
            previous = values.detach() if values is not None else None
            if resume is not None and previous is None:
                previous = resume.memory["values"]
            values = _begin(content, style, begin, previous, sizes[scale], seed)
            values = values.to(model.device).requires_grad_()
            descent = _optimizer(optimizer, values, rate)
            if resume is not None and resume.memory["scale"] == scale and index == resume.index:
                recall(descent, resume.memory["optimizer"])
        image = values.detach().clamp(0, 1)[0].cpu()
        losses = _descend(model, values, targets, descent, (alpha, beta, tv))
        memory = {"values": values.detach().clone(), "optimizer": remember(descent), "scale": scale}
        yield StyleStep(index + 1, steps, image, *losses, memory, share_of_work(costs, index + 1))


def _sizes(content: Tensor, scales: int, model: ImageModel) -> list[tuple[int, int]]:
    """Return the sizes from the coarsest on; none smaller than the net's own pictures."""
    height, width = content.shape[1:]
    sizes = [(round(height / 2**level), round(width / 2**level)) for level in reversed(range(scales))]
    least = min(model.input_size, height, width)
    return [size for size in sizes if min(size) >= least] or [(height, width)]


def _resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Return pictures (1, 3, *size)."""
    batch = image if image.ndim == 4 else image[None]
    if tuple(batch.shape[2:]) == size:
        return batch
    return F.interpolate(batch, size, mode="bilinear", antialias=True).clamp(0, 1)


def _targets(
    model: ImageModel, content: Tensor, style: Tensor, layers: StyleLayers, sizes: list[tuple[int, int]], scale: int
) -> Targets:
    shrink = sizes[scale][0] / content.shape[1]
    style_size = (max(1, round(style.shape[1] * shrink)), max(1, round(style.shape[2] * shrink)))
    return Targets(
        content_targets(model, _resized(content, sizes[scale])[0], layers.content),
        style_targets(model, _resized(style, style_size)[0], layers.style),
        layers.style_weights(),
    )


def _begin(
    content: Tensor, style: Tensor, begin: Begin, previous: Tensor | None, size: tuple[int, int], seed: int
) -> Tensor:
    if previous is not None:
        return _resized(previous, size).clone()
    if begin == "noise":
        return (0.5 + 0.1 * normal((1, 3, *size), seed)).clamp(0, 1)
    return _resized(content if begin == "content" else style, size).clone()


def _optimizer(name: Optimizer, values: Tensor, rate: float) -> torch.optim.Optimizer:
    if name == "Adam":
        return torch.optim.Adam([values], lr=rate)
    return torch.optim.LBFGS(
        [values], lr=min(1.0, 50 * rate), max_iter=1, history_size=10, tolerance_grad=0, tolerance_change=0
    )


def _descend(
    model: ImageModel,
    values: Tensor,
    targets: Targets,
    descent: torch.optim.Optimizer,
    weights: tuple[float, float, float],
) -> tuple[float, float, float]:
    """Take one step; the pixels stay in [0, 1]."""
    measured: list[Losses] = []

    def closure() -> float:
        losses = style_losses(model, net, values, targets)
        loss = losses.weighted(*weights)
        (values.grad,) = torch.autograd.grad(loss, values)
        measured.append(losses)
        return float(loss.detach())

    with torch.enable_grad(), model.running(values) as net:
        descent.step(closure)
    values.data.clamp_(0, 1)
    found = measured[0]
    return tuple(float(one.detach()) for one in (found.content, found.style, found.variation))  # type: ignore[return-value]


def match_colors(image: Tensor, like: Tensor) -> Tensor:
    """Give a picture the mean color and the color covariance of another, shape (3, H, W).

    Parameters
    ----------
    image, like : Tensor, shape (3, H, W), RGB in [0, 1]
    """
    mean, root = _color_spread(image)
    wanted, wanted_root = _color_spread(like)
    turn = wanted_root @ torch.linalg.inv(root)
    colors = turn @ (image.flatten(1).double() - mean[:, None]) + wanted[:, None]
    matched: Tensor = colors.clamp(0, 1).view_as(image).float()
    return matched


def _color_spread(image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean color and the symmetric root of the colors' covariance."""
    flat = image.flatten(1).double()
    values, axes = torch.linalg.eigh(torch.cov(flat) + 1e-5 * torch.eye(3, dtype=torch.double))
    return flat.mean(1), axes @ torch.diag(values.sqrt()) @ axes.T
