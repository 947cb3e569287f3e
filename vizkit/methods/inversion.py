"""What a layer still knows of a picture: pictures that have its code."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.hooks import capture, forward_to_all
from vizkit.core.memory import recall, remember
from vizkit.core.models import ImageModel
from vizkit.core.seeds import generator
from vizkit.core.steps import Step, step_method
from vizkit.methods.canvas import FourierCanvas
from vizkit.methods.style import total_variation

__all__ = [
    "InversionStep",
    "SeveralInversionsStep",
    "code_error",
    "invert_steps",
    "layer_code",
    "psnr",
    "several_steps",
]

#: Instead of a layer: what the net says in the end.
PROBABILITIES = "probabilities"
#: Of Adam, in units of the spectrum.
RATE = 0.1


@dataclass(frozen=True)
class InversionStep(Step):
    """Pictures on their way to a code.

    Parameters
    ----------
    images : Tensor, shape (N, 3, H, W), RGB in [0, 1]
    error : Tensor, shape (N,)
        How far each picture's code is from the wanted one, ``||code - wanted||^2 / ||wanted||^2``.
    memory : dict
        What the next step needs; for `resume`.
    """

    images: Tensor
    error: Tensor
    memory: dict[str, Any]


def layer_code(model: ImageModel, images: Tensor, layer: str) -> Tensor:
    """Return what a layer says of pictures, all of its numbers, shape (N, ...); differentiable.

    Parameters
    ----------
    model : ImageModel
    images : Tensor, shape (N, 3, H, W), RGB in [0, 1]
    layer : str
        A layer's name, the last one's being the logits, or ``"probabilities"``.

    Raises
    ------
    TypeError, ValueError
        If the pictures are none, or there is no such layer.
    """
    checks.images(images)
    if layer != PROBABILITIES:
        model.layer(layer)
    return _codes(model, images, [layer])[layer]


def _codes(model: ImageModel, images: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
    """Return the codes of pictures that are some, at layers that are there, by one pass: a run asks at every step."""
    with model.running(images) as net:
        inputs = model.normalize(images)
        if PROBABILITIES not in layers:
            return forward_to_all(net, inputs, layers)
        with capture(net, [one for one in layers if one != PROBABILITIES]) as found:
            return found | {PROBABILITIES: net(inputs).softmax(1)}


def code_error(found: Tensor, wanted: Tensor) -> Tensor:
    """Return how far codes are from wanted ones, ``||found - wanted||^2 / ||wanted||^2``, shape (N,).

    Parameters
    ----------
    found, wanted : Tensor, shape (N, ...)
    """
    return (found - wanted).flatten(1).square().sum(1) / wanted.flatten(1).square().sum(1).clamp(min=1e-12)


def psnr(images: Tensor, truth: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio of pictures in dB, shape (N,).

    ``-10 log10`` of the mean square difference, for values in [0, 1].

    Parameters
    ----------
    images, truth : Tensor, shape (N, 3, H, W) or one (3, H, W)
    """
    return -10 * (images - truth).square().mean((-3, -2, -1)).clamp(min=1e-12).log10()


@step_method(live={"steps", "norm", "variation"})
def invert_steps(
    model: ImageModel,
    code: Tensor,
    layer: str,
    *,
    size: int | None = None,
    steps: int = 250,
    rate: float = RATE,
    norm: float = 0.0,
    variation: float = 1.0,
    seed: int = 0,
    shared: bool = False,
    resume: InversionStep | None = None,
) -> Iterator[InversionStep]:
    """Look for pictures whose code at a layer is a wanted one, from noise.

    Each minimizes ``||code(x) - code||^2 / ||code||^2 + norm * mean((2 x - 1)^6) + variation * TV(x)``
    by Adam on the spectrum of the colors, where ``TV`` is the mean square difference of neighboring
    pixels. A code that is repeated is looked for from as many different starts.

    Parameters
    ----------
    model : ImageModel
    code : Tensor, shape (N, ...)
        What `layer_code` gave, or a change of it.
    layer : str
        As in `layer_code`.
    size : int, optional
        Side of the pictures in pixels, the one at which the code was made; the net's own by default.
    steps : int
    rate : float
        Of Adam, in units of the spectrum.
    norm, variation : float
        The weights of the two terms that keep a picture one, 0 or more.
    seed : int
        Draws the first noise.
    shared : bool
        Whether all of them begin at the same noise: then they differ by their codes alone.
    resume : InversionStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If there is no such layer, the code is not one of it at this size or is 0, or a weight is below 0.

    References
    ----------
    Mahendran & Vedaldi, "Understanding deep image representations by inverting them", CVPR 2015;
    there on pixels, by gradient descent with momentum.
    """
    size = model.input_size if size is None else checks.integer(size, 16, 2048, "size")
    wanted = {layer: _checked(model, code, layer, size)}
    how = {"norm": norm, "variation": variation, "rate": rate}
    yield from _search(model, wanted, size, steps, how, generator(seed), resume, shared=shared)


def _search(
    model: ImageModel,
    wanted: Mapping[str, Tensor],
    size: int,
    steps: int,
    how: Mapping[str, float],
    random: torch.Generator,
    resume: InversionStep | None,
    *,
    shared: bool,
) -> Iterator[InversionStep]:
    """Look for a picture for each row of each layer's codes, all of them in one batch."""
    steps, canvas = checks.integer(steps, 1, None, "steps"), FourierCanvas(size)
    for name, value in how.items():
        if not value >= 0:
            raise ValueError(f"{name} must be 0 or more, got {value}")
    if not all(codes.flatten(1).any(1).all() for codes in wanted.values()):
        raise ValueError("code must not be 0 everywhere: no error can be a share of it")
    count = sum(map(len, wanted.values()))
    start = canvas.start(1, random).repeat(count, 1, 1, 1, 1) if shared else canvas.start(count, random)
    values = start.to(model.device).requires_grad_()
    optimizer = torch.optim.Adam([values], lr=how["rate"])
    if resume is not None:
        values.data.copy_(resume.memory["values"])
        recall(optimizer, resume.memory["optimizer"])
    for index in range(resume.index if resume else 0, steps):
        with torch.enable_grad():
            images = canvas.decode(values)
            apart = _apart(model, images, wanted)
            kept = how["norm"] * (2 * images - 1).pow(6).mean((1, 2, 3)).sum()
            smooth = how["variation"] * count * total_variation(images)
            (values.grad,) = torch.autograd.grad(apart.sum() + kept + smooth, values)
        optimizer.step()
        memory = {"values": values.detach().clone(), "optimizer": remember(optimizer)}
        yield InversionStep(index + 1, steps, images.detach().cpu(), apart.detach().cpu(), memory)


def _apart(model: ImageModel, images: Tensor, wanted: Mapping[str, Tensor]) -> Tensor:
    """Return the code error of each picture, (N,): the first ones are those of the first layer."""
    found, first, errors = _codes(model, images, wanted), 0, []
    for layer, codes in wanted.items():
        errors.append(code_error(found[layer][first : first + len(codes)], codes))
        first += len(codes)
    return torch.cat(errors)


@dataclass(frozen=True)
class SeveralInversionsStep(Step):
    """Several layers of several nets on their way to the codes of one picture.

    Parameters
    ----------
    runs : tuple of InversionStep
        One for each net, with a picture for each of its layers.
    """

    runs: tuple[InversionStep, ...]


@step_method(live={"steps", "norm", "variation"})
def several_steps(
    places: Sequence[tuple[ImageModel, Sequence[str]]],
    image: Tensor,
    *,
    steps: int = 250,
    norm: float = 0.0,
    variation: float = 1.0,
    seed: int = 0,
    resume: SeveralInversionsStep | None = None,
) -> Iterator[SeveralInversionsStep]:
    """Invert what several layers say of one picture, side by side, all from the same noise.

    The layers of a net are one batch: six of viznet take about as long as three of its deepest alone.

    Parameters
    ----------
    places : sequence of (ImageModel, sequence of str)
        Nets, and some layers of each, as in `layer_code`.
    image : Tensor, shape (3, H, H), RGB in [0, 1]
    steps, norm, variation, seed
        As in `invert_steps`.
    resume : SeveralInversionsStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        As `invert_steps` does.
    """
    size = checks.image(image).shape[1]
    if image.shape[2] != size:
        raise ValueError(f"image must be square, got {image.shape[2]} x {size}")
    how = {"norm": norm, "variation": variation, "rate": RATE}
    runs = []
    for (model, layers), one in zip(places, resume.runs if resume else (None,) * len(places), strict=True):
        wanted = {layer: layer_code(model, image[None], layer).detach() for layer in layers}
        runs.append(_search(model, wanted, size, steps, how, generator(seed), one, shared=True))
    for now in zip(*runs, strict=True):
        yield SeveralInversionsStep(now[0].index, now[0].total, now)


def _checked(model: ImageModel, code: Tensor, layer: str, size: int) -> Tensor:
    """Return a code on the model's device, if it can be one of the layer's."""
    with torch.no_grad():
        shape = tuple(layer_code(model, torch.full((1, 3, size, size), 0.5), layer).shape[1:])
    if not isinstance(code, Tensor) or code.ndim < 2 or tuple(code.shape[1:]) != shape:
        got = tuple(code.shape) if isinstance(code, Tensor) else type(code).__name__
        raise ValueError(f"code must be (N, {', '.join(map(str, shape))}), as {layer} makes it of {size} px, got {got}")
    if not bool(code.isfinite().all()):
        raise ValueError("code must be finite, got numbers that are not")
    return code.detach().to(model.device)
