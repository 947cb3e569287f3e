"""One pixel: found by evolution, without a single gradient."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.models import ImageModel
from vizkit.core.seeds import generator, step_seed
from vizkit.core.steps import Step, step_method

__all__ = ["OnePixelStep", "one_pixel_steps"]


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
    population : Tensor, float64, shape (N, 5 k)
        All candidates; for `resume`.
    energy : Tensor, float64, shape (N,)
        What evolution lowers, of each.
    """

    image: Tensor
    pixels: Tensor
    probability: float
    label: int
    success: bool
    queries: int
    population: Tensor
    energy: Tensor


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


@step_method(live={"generations"})
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
    resume: OnePixelStep | None = None,
) -> Iterator[OnePixelStep]:
    """Look for pixels that change the answer, by differential evolution.

    The whole population in one batch: a child is ``a + 0.5 (b - c)`` of three random candidates,
    and takes its parent's place if it is no worse; a number that leaves its range is drawn anew.
    Ends at the first success.

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
    resume : OnePixelStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If the picture is none, a number is out of range, or there is no such class.

    References
    ----------
    Su, Vargas & Sakurai, "One pixel attack for fooling deep neural networks", 2018, sec. 3; Storn &
    Price, "Differential evolution", 1997 (rand/1, crossover 1).
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
    low = torch.tensor([top, left, 0, 0, 0] * pixels, dtype=torch.double)
    high_end = [top + high - 1e-3, left + wide - 1e-3, 1, 1, 1]
    size = torch.tensor(high_end * pixels, dtype=torch.double) - low

    def energies(found: Tensor) -> Tensor:
        """Return what evolution lowers, shape (N,)."""
        changed = with_pixels(original, _decode(found))
        shares = _shares(model, changed, batch_size).double().cpu()
        return shares[:, true] if wanted is None else -shares[:, wanted]

    if resume is None:
        found = _first_population(low, size, population, generator(seed))
        energy, asked = energies(found), population
    else:
        found, energy, asked = resume.population.clone(), resume.energy.clone(), resume.queries
        if resume.success:
            return
    for index in range(resume.index if resume else 0, generations):
        children = _children(found, low, size, generator(step_seed(seed, index + 1)))
        theirs = energies(children)
        better = theirs <= energy
        found = torch.where(better[:, None], children, found)
        energy, asked = torch.where(better, theirs, energy), asked + population
        best = _decode(found[int(energy.argmin())][None])
        changed = with_pixels(original, best)
        shares = _shares(model, changed, batch_size)[0]
        label = int(shares.argmax())
        success = label != true if wanted is None else label == wanted
        yield OnePixelStep(
            index + 1,
            generations,
            changed[0].cpu(),
            best[0],
            float(shares[true if wanted is None else wanted]),
            label,
            success,
            asked,
            found.clone(),
            energy.clone(),
        )
        if success:
            return


def _first_population(low: Tensor, size: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Draw places evenly and colors around middle gray, as the paper does."""
    found = low + size * torch.rand(count, len(low), generator=random, dtype=torch.double)
    colors = torch.arange(len(low)) % 5 >= 2
    drawn = torch.randn(count, int(colors.sum()), generator=random, dtype=torch.double)
    found[:, colors] = (0.5 + 0.5 * drawn).clamp(0, 1)
    return found


def _children(found: Tensor, low: Tensor, size: Tensor, random: torch.Generator) -> Tensor:
    """Return a child for each candidate, from three others."""
    lots = torch.rand(len(found), len(found), generator=random)
    a, b, c = lots.fill_diagonal_(2).argsort(1)[:, :3].unbind(1)  # never the candidate itself
    children = found[a] + 0.5 * (found[b] - found[c])
    anew = low + size * torch.rand(children.shape, generator=random, dtype=torch.double)
    return torch.where((children < low) | (children > low + size), anew, children)


def _decode(candidates: Tensor) -> Tensor:
    return candidates.float().view(len(candidates), -1, 5)


@torch.no_grad()
def _shares(model: ImageModel, images: Tensor, batch_size: int) -> Tensor:
    with model.running(images) as net:
        return torch.cat([net(model.normalize(batch)).softmax(1) for batch in images.split(batch_size)])
