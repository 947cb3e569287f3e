"""DeepDream: whatever a layer sees in a picture, let it see more of it."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core import checks
from vizkit.core.hooks import forward_to_all
from vizkit.core.models import ImageModel
from vizkit.core.seeds import generator, step_seed
from vizkit.core.steps import Step, share_of_work, step_method
from vizkit.methods.activations import as_maps

__all__ = ["DreamStep", "dream_steps", "zoom_steps"]


@dataclass(frozen=True)
class DreamStep(Step):
    """A picture on its way into a dream.

    Parameters
    ----------
    image : Tensor, shape (3, h, w), RGB in [0, 1]
        At the size of its octave.
    detail : Tensor, shape (3, h, w)
        What the dream has added to the photo at this size.
    octave : int
        From 0, the smallest.
    objective : float
        ``1/2 ||a||^2`` per number of the layers, as the net saw it at this step.
    done : float
        Share of the work that is done, in [0, 1]: later octaves are larger.
    """

    image: Tensor
    detail: Tensor
    octave: int
    objective: float
    done: float

    @property
    def work(self) -> float:
        """Share of the work that is done, in [0, 1]."""
        return self.done


#: Layers, each with its weight.
Layers = str | Sequence[str] | Mapping[str, float]


@step_method(live={"rate", "jitter"})
def dream_steps(
    model: ImageModel,
    image: Tensor,
    layers: Layers,
    *,
    guide: Tensor | None = None,
    octaves: int = 4,
    scale: float = 1.4,
    steps: int = 10,
    rate: float = 1.5 / 255,
    jitter: int = 32,
    tile: int = 384,
    seed: int = 0,
    resume: DreamStep | None = None,
) -> Iterator[DreamStep]:
    """Dream on a picture, from a small copy of it to its full size.

    At each step the picture is shifted at random, the gradient of ``1/2 ||a||^2`` at the layers is
    scaled to a mean size of 1, and the picture moves by `rate` along it. Behind each octave, the
    detail that was added is carried up to the next.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    layers : str, sequence of str, or mapping of str to float
        Any layer, several at once, or with weights.
    guide : Tensor, shape (3, h, w), RGB in [0, 1], optional
        Dream of this picture: each place grows towards the guide's code that it is most like.
    octaves : int
        Sizes, each `scale` times the one before it.
    scale : float
        Above 1.
    steps : int
        Steps at each size.
    rate : float
        Mean change of a pixel in one step.
    jitter : int
        Largest shift in pixels.
    tile : int
        Larger pictures are computed in tiles of this side, whose seams the shifts wash out: the
        memory needed does not grow with the picture.
    seed : int
    resume : DreamStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If a picture is none, there is no such layer, or a number is out of range.

    References
    ----------
    Mordvintsev, Olah & Tyka, "Inceptionism", 2015, and the listing in github.com/google/deepdream.
    """
    checks.image(image)
    octaves = checks.integer(octaves, 1, 12, "octaves")
    steps = checks.integer(steps, 1, None, "steps")
    jitter = checks.integer(jitter, 0, None, "jitter")
    tile = checks.integer(tile, 64, None, "tile")
    if not scale > 1 or not rate > 0:
        raise ValueError(f"scale must be above 1 and rate above 0, got {scale} and {rate}")
    weights = _weights(model, layers)
    wanted = _Guide(model, guide, weights) if guide is not None else _energy
    photos = _pyramid(image, octaves, scale, max(32, min(model.input_size, *image.shape[1:]) // 2))
    total, begun = len(photos) * steps, resume.index if resume else 0
    costs = [float(photo[0].numel()) for photo in photos for _ in range(steps)]
    detail = resume.detail if resume else torch.zeros_like(photos[0])
    for index in range(begun, total):
        octave = index // steps
        photo = photos[octave]
        if detail.shape != photo.shape:
            detail = _resize(detail, photo.shape[1:])
        random = generator(step_seed(seed, index))
        shift = torch.randint(-jitter, jitter + 1, (2,), generator=random).tolist()
        picture = photo + detail
        gradient, objective = _gradient(model, picture, weights, wanted, shift, tile)
        size = gradient.abs().mean()
        if size > 0:
            picture = (picture + rate / size * gradient).clamp(0, 1)
        detail = picture - photo
        work = share_of_work(costs, index + 1)
        yield DreamStep(index + 1, total, picture, detail.clone(), octave, objective, work)


@step_method(live={"rate", "jitter", "zoom"})
def zoom_steps(
    model: ImageModel,
    image: Tensor,
    layers: Layers,
    *,
    frames: int = 60,
    zoom: float = 1.04,
    steps: int = 3,
    rate: float = 1.5 / 255,
    jitter: int = 32,
    seed: int = 0,
    resume: DreamStep | None = None,
) -> Iterator[DreamStep]:
    """Fall into the dream: each frame is the one before it, enlarged around its middle, dreamed on.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    layers : str, sequence of str, or mapping of str to float
    frames : int
    zoom : float
        From frame to frame, 1 or more.
    steps, rate, jitter, seed
        As in `dream_steps`, for each frame.
    resume : DreamStep, optional
        Go on behind a frame of the same run.

    Raises
    ------
    TypeError, ValueError
        If the picture is none, there is no such layer, or a number is out of range.
    """
    picture = checks.image(image) if resume is None else resume.image
    frames = checks.integer(frames, 1, None, "frames")
    if not zoom >= 1:
        raise ValueError(f"zoom must be 1 or more, got {zoom}")
    height, width = image.shape[1:]
    for index in range(resume.index if resume else 0, frames):
        if index:
            inner = (round(height / zoom), round(width / zoom))
            top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
            picture = _resize(picture[:, top : top + inner[0], left : left + inner[1]], (height, width))
        *_, step = dream_steps(
            model, picture.clamp(0, 1), layers, octaves=1, steps=steps, rate=rate, jitter=jitter, seed=seed + index
        )
        picture = step.image
        yield DreamStep(index + 1, frames, picture.clone(), step.detail, 0, step.objective, (index + 1) / frames)


def _weights(model: ImageModel, layers: Layers) -> dict[str, float]:
    if isinstance(layers, str):
        layers = [layers]
    named = dict(layers) if isinstance(layers, Mapping) else dict.fromkeys(layers, 1.0)
    if not named:
        raise ValueError("layers must be one or more, got none")
    return {model.layer(name).name: float(weight) for name, weight in named.items()}


def _pyramid(image: Tensor, octaves: int, scale: float, least: int) -> list[Tensor]:
    """Return the picture at each size, smallest first; none smaller than `least`."""
    photos = [image.cpu()]
    for _ in range(octaves - 1):
        height, width = (round(side / scale) for side in photos[0].shape[1:])
        if min(height, width) < least:
            break
        photos.insert(0, _resize(photos[0], (height, width)))
    return photos


def _resize(picture: Tensor, size: Sequence[int]) -> Tensor:
    """Scale a picture or a detail, smoothly."""
    return F.interpolate(picture[None], tuple(size), mode="bicubic", antialias=True, align_corners=False)[0]


Wanted = Callable[[str, Tensor], Tensor]


def _energy(_: str, maps: Tensor) -> Tensor:
    return maps.square().sum() / 2


class _Guide:
    """The code of a second picture that each place of the dream is most like."""

    def __init__(self, model: ImageModel, guide: Tensor, weights: Mapping[str, float]) -> None:
        checks.image(guide, "guide")
        with torch.no_grad(), model.running(guide) as net:
            found = forward_to_all(net, model.normalize(guide[None]), weights)
        self.codes = {name: as_maps(one)[0].flatten(1) for name, one in found.items()}

    def __call__(self, layer: str, maps: Tensor) -> Tensor:
        """Return the sum over places of the product with the best code, which is held fixed."""
        own, codes = as_maps(maps)[0].flatten(1), self.codes[layer]
        best = (own.detach().T @ codes).argmax(1)
        return (own * codes[:, best]).sum()


def _gradient(
    model: ImageModel, picture: Tensor, weights: Mapping[str, float], wanted: Wanted, shift: Sequence[int], tile: int
) -> tuple[Tensor, float]:
    """Return the gradient (3, H, W) of the objective at a shifted picture, and the objective."""
    rolled = torch.roll(picture, tuple(shift), (1, 2))
    gradient, objective = torch.empty_like(rolled), 0.0
    for top, bottom in _parts(rolled.shape[1], tile):
        for left, right in _parts(rolled.shape[2], tile):
            part = rolled[None, :, top:bottom, left:right].to(model.device).requires_grad_()
            with torch.enable_grad(), model.running(part) as net:
                found = forward_to_all(net, model.normalize(part), weights)
                # Per number of the layer, so that large layers do not drown small ones.
                value = sum(
                    (weights[name] * wanted(name, maps) / maps.numel() for name, maps in found.items()),
                    start=part.new_zeros(()),
                ) * (part[0, 0].numel() / picture[0].numel())
                (one,) = torch.autograd.grad(value, part)
            gradient[:, top:bottom, left:right] = one[0].cpu()
            objective += float(value.detach())
    return torch.roll(gradient, (-shift[0], -shift[1]), (1, 2)), objective


def _parts(length: int, most: int) -> list[tuple[int, int]]:
    """Cut a length into equal parts of at most `most`."""
    count = math.ceil(length / most)
    edges = [round(index * length / count) for index in range(count + 1)]
    return list(pairwise(edges))
