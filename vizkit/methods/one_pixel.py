"""One pixel: found by evolution, without a single gradient."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import differential_evolution
from torch import Tensor

from vizkit.core import checks
from vizkit.core.models import ImageModel
from vizkit.core.steps import Step, from_callback

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class OnePixelStep(Step):
    """The best pixels of one generation.

    Parameters
    ----------
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    pixels : Tensor, shape (k, 5)
        Row, column, red, green, blue of each changed pixel.
    probability : float
        Of the true class, or of the target if there is one.
    label : int
        What the net answers.
    success : bool
    queries : int
        Pictures that the net has been asked about so far.
    """

    image: Tensor
    pixels: Tensor
    probability: float
    label: int
    success: bool
    queries: int


def with_pixels(image: Tensor, pixels: Tensor) -> Tensor:
    """Return copies of a picture with pixels replaced, shape (N, 3, H, W).

    Parameters
    ----------
    image : Tensor, shape (3, H, W)
    pixels : Tensor, shape (N, k, 5)
        Row, column, red, green, blue of each; places are rounded down and kept inside.
    """
    height, width = image.shape[1:]
    pixels = pixels.to(image.device)
    copies = image.expand(len(pixels), -1, -1, -1).clone()
    rows = pixels[..., 0].long().clamp(0, height - 1)
    columns = pixels[..., 1].long().clamp(0, width - 1)
    which = torch.arange(len(pixels), device=image.device)[:, None].expand_as(rows)
    copies[which, :, rows, columns] = pixels[..., 2:].to(image.dtype)
    return copies


def one_pixel_steps(
    model: ImageModel,
    image: Tensor,
    *,
    target: int | str | None = None,
    pixels: int = 1,
    population: int = 400,
    generations: int = 75,
    window: tuple[int, int, int, int] | None = None,
    batch_size: int = 200,
    seed: int = 0,
) -> Iterator[OnePixelStep]:
    """Look for pixels that change the answer, by differential evolution.

    SciPy's, the whole population in one batch: a child is ``a + 0.5 (b - c)`` of three random
    parents, and replaces its parent if it is better. Ends at the first success.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
        Its true class is the net's own answer.
    target : int or str, optional
        Make it this class; any other by default.
    pixels : int
        How many may change.
    population, generations : int
    window : (int, int, int, int), optional
        Top, left, height, width of where they may lie, for large pictures; anywhere by default.
    batch_size : int
        Pictures in one forward pass. The result does not depend on it.
    seed : int

    Raises
    ------
    TypeError, ValueError
        If the picture is none, a number is out of range, or there is no such class.

    References
    ----------
    Su, Vargas & Sakurai, "One pixel attack for fooling deep neural networks", 2018, sec. 3.
    """
    height, width = checks.image(image).shape[1:]
    pixels = checks.integer(pixels, 1, height * width, "pixels")
    population = checks.integer(population, 5, None, "population")
    generations = checks.integer(generations, 1, None, "generations")
    top, left, high, wide = window or (0, 0, height, width)
    if not (0 <= top < top + high <= height and 0 <= left < left + wide <= width):
        raise ValueError(f"window must lie in the picture of {height} x {width}, got {window}")
    original = image.detach().to(model.device)
    true = int(_shares(model, original[None], batch_size).argmax())
    wanted = None if target is None else model.label_index(target)
    asked = 0

    def energy(candidates: Numbers) -> Numbers:
        """Return what evolution lowers, for candidates of shape (5 k, N)."""
        nonlocal asked
        asked += candidates.shape[1]
        shares = _shares(model, with_pixels(original, _decode(candidates.T)), batch_size)
        found: Numbers = (
            (shares[:, true] if wanted is None else -shares[:, wanted]).double().cpu().numpy()
        )
        return found

    def state(index: int, best: Numbers) -> OnePixelStep:
        decoded = _decode(best[None])
        changed = with_pixels(original, decoded)
        shares = _shares(model, changed, batch_size)[0]
        label = int(shares.argmax())
        success = label != true if wanted is None else label == wanted
        share = float(shares[true if wanted is None else wanted])
        return OnePixelStep(
            index, generations, changed[0].cpu(), decoded[0].cpu(), share, label, success, asked
        )

    low = [top, left, 0, 0, 0] * pixels
    top_of = [top + high - 1e-3, left + wide - 1e-3, 1, 1, 1] * pixels
    first = _first_population(low, top_of, population, np.random.default_rng(seed))
    yield from from_callback(
        _evolution(energy, state, list(zip(low, top_of, strict=True)), first, generations, seed)
    )


def _evolution(
    energy: Callable[[Numbers], Numbers], state: Callable[[int, Numbers], OnePixelStep],
    bounds: list[tuple[float, float]], first: Numbers, generations: int, seed: int,
) -> Callable[[Callable[[OnePixelStep], bool]], Any]:  # fmt: skip
    def run(report: Callable[[OnePixelStep], bool]) -> None:
        index = 0

        def generation(intermediate_result: Any) -> bool:
            nonlocal index
            index += 1
            step = state(index, intermediate_result.x)
            return report(step) or step.success

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # parents that differ in nothing
            differential_evolution(
                energy, bounds, strategy="rand1bin", maxiter=generations, init=first, tol=0,
                atol=-1, mutation=0.5, recombination=1.0, seed=seed, polish=False,
                updating="deferred", vectorized=True, callback=generation,
            )  # fmt: skip

    return run


def _first_population(
    low: Sequence[float], high: Sequence[float], population: int, random: np.random.Generator
) -> Numbers:
    """Draw places evenly and colors around middle gray, as the paper does."""
    bottom, top = np.array(low, float), np.array(high, float)
    found: Numbers = bottom + (top - bottom) * random.random((population, len(low)))
    colors = np.arange(len(low)) % 5 >= 2
    found[:, colors] = random.normal(0.5, 0.5, (population, int(colors.sum()))).clip(0, 1)
    return found


def _decode(candidates: Numbers) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(candidates)).float().view(len(candidates), -1, 5)


@torch.no_grad()
def _shares(model: ImageModel, images: Tensor, batch_size: int) -> Tensor:
    with model.running(images) as net:
        return torch.cat([
            net(model.normalize(batch)).softmax(1) for batch in images.split(batch_size)
        ])  # fmt: skip
