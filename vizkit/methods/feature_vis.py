"""Pictures made to excite: a class, a channel, a neuron, a layer, by gradient ascent."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core import checks
from vizkit.core.memory import recall, remember
from vizkit.core.models import ImageModel
from vizkit.core.seeds import generator
from vizkit.core.steps import Step, step_method
from vizkit.methods.canvas import Canvas, FourierCanvas, PhaseCanvas, PixelCanvas
from vizkit.methods.objectives import Aim, Objective

__all__ = ["PictureStep", "Recipe", "SideBySideStep", "maximize_steps", "nets_steps", "recipes_steps"]


@dataclass(frozen=True)
class Recipe:
    """How a picture is written down, pushed uphill, and kept looking like one.

    Parameters
    ----------
    canvas : {"pixels", "fourier", "phase"}
        Of pixels or of the colors' spectrum, see `vizkit.methods.canvas`.
    steps : int
    rate : float
        Of Adam on a spectrum, in its units; on pixels, the mean size of a step in [0, 1] pixels.
    views : int
        How often the net sees the picture at every step, each time shifted, turned and scaled
        anew; 0 shows it as it is.
    penalty : float
        Lambda of ``score - lambda * mean((pixels - gray)^2)``.
    noise : float
        Standard deviation of the first picture's pixels.
    decay : float
        Share by which pixels move back to the mean color at each step.
    blur, blur_every : float, int
        Standard deviation in pixels, and after how many steps.
    small_norm, small_contribution : float
        Percentile of pixels, by their size and by ``|pixel * gradient|``, that are put back to the
        mean color at each step.
    """

    canvas: Literal["pixels", "fourier", "phase"] = "fourier"
    steps: int = 128
    rate: float = 0.05
    views: int = 2
    penalty: float = 0.0
    noise: float = 0.0
    decay: float = 0.0
    blur: float = 0.0
    blur_every: int = 1
    small_norm: float = 0.0
    small_contribution: float = 0.0


def _yosinski(**settings: float) -> Recipe:
    settings = {"rate": 4 / 255, **settings}
    return Recipe("pixels", steps=500, views=0, noise=10 / 255, **settings)  # type: ignore[arg-type]


#: From the deck's algorithm to today's. The four of Yosinski et al. 2015 are those of its table.
RECIPES: dict[str, Recipe] = {
    "Fourier": Recipe(penalty=10.0),
    "MACO": Recipe("phase", rate=0.5),
    "from zeros, L2": Recipe("pixels", steps=256, rate=2 / 255, views=0, penalty=100.0),
    "pixels alone": Recipe("pixels", rate=2 / 255, views=0),
    "Yosinski 1": _yosinski(blur=0.5, blur_every=4, small_norm=50),
    "Yosinski 2": _yosinski(rate=20 / 255, decay=0.3, small_norm=20),
    "Yosinski 3": _yosinski(decay=1e-4, blur=1.0, blur_every=4),
    "Yosinski 4": _yosinski(blur=0.5, blur_every=4, small_contribution=90),
    "facet": Recipe(rate=0.02),
}


@dataclass(frozen=True)
class PictureStep(Step):
    """Pictures on their way up.

    Parameters
    ----------
    images : Tensor, shape (N, 3, H, W), RGB in [0, 1]
    score : Tensor, shape (N,)
        Of each picture's objective, as the net saw it at this step.
    opened : Tensor, bool, shape (N,)
        Whether nothing reached the pixels through the last ReLU, so that the aim is before it.
    attention : Tensor, shape (N, H, W)
        The size of the score's gradient at each pixel, summed over colors and over the steps so far.
    memory : dict
        What the next step needs; for `resume`.
    """

    images: Tensor
    score: Tensor
    opened: Tensor
    attention: Tensor
    memory: dict[str, Any]

    def opacity(self, percentile: float = 80) -> Tensor:
        """Return MACO's mask, shape (N, H, W) in [0, 1]: opaque where the net has looked most.

        Parameters
        ----------
        percentile : float
            Of each picture's attention, from which on it is opaque.
        """
        most = torch.quantile(self.attention.flatten(1), percentile / 100, dim=1).clamp(min=1e-20)
        return (self.attention / most.view(-1, 1, 1)).clamp(max=1)


def recipe_named(recipe: str | Recipe) -> Recipe:
    """Look a recipe up by name; one of the user's own stays as it is.

    Raises
    ------
    ValueError
        If there is no such recipe.
    """
    return recipe if isinstance(recipe, Recipe) else RECIPES[checks.choice(recipe, RECIPES, "recipe")]


@step_method()
def maximize_steps(
    model: ImageModel,
    objectives: Objective | Sequence[Objective],
    recipe: str | Recipe = "Fourier",
    *,
    size: int | None = None,
    start: Tensor | None = None,
    seed: int = 0,
    resume: PictureStep | None = None,
) -> Iterator[PictureStep]:
    """Change pictures until they excite what they are asked to.

    ``argmax_I score(I) - lambda * ||I||^2`` by gradient ascent, one picture for each objective, all
    in one batch. If nothing of a score reaches the pixels because the last ReLU before it is 0
    everywhere, the aim of that picture moves before the ReLU, and its step says so.

    Parameters
    ----------
    model : ImageModel
    objectives : Objective or sequence of Objective
        A class by index or label, or of `vizkit.methods.objectives`.
    recipe : str or Recipe
        A key of `RECIPES`, or one's own.
    size : int, optional
        Side in pixels; 96 or the net's own size, if that is larger, by default.
    start : Tensor, shape (3, H, W) or (N, 3, H, W), RGB in [0, 1], optional
        Begin with these pictures.
    seed : int
    resume : PictureStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If there is no such recipe, class, layer or channel, or a picture is none.

    References
    ----------
    Simonyan, Vedaldi & Zisserman 2014 (from zeros, L2); Yosinski et al. 2015 (table of four
    settings); Olah, Mordvintsev & Schubert 2017; Fel et al. 2023 (MACO).
    """
    one = isinstance(objectives, (int, str)) or not isinstance(objectives, Sequence)
    aim = Aim(model, [objectives] if one else objectives)  # type: ignore[list-item, arg-type]
    recipe = recipe_named(recipe)
    size = _side(model) if size is None else checks.integer(size, 16, 2048, "size")
    canvas, zoom = _canvas(model, recipe, size)
    random = generator(seed)
    values = _first(canvas, len(aim), size, start, random).to(model.device).requires_grad_()
    update = _Spectral(values, recipe) if recipe.canvas != "pixels" else _Direct(values, recipe)
    opened, begun = torch.zeros(len(aim), dtype=torch.bool), 0
    attention = torch.zeros(len(aim), size, size)
    if resume is not None:
        opened, begun, attention = resume.opened.clone(), resume.index, resume.attention
        random.set_state(resume.memory["random"])
        update.restore(resume.memory)
    for index in range(begun, recipe.steps):
        views = _draw_views(recipe, zoom, size, random)
        climb = _climb(model, aim, canvas, values, recipe, views, opened)
        if climb.stuck.any():
            opened = opened | climb.stuck
            climb = _climb(model, aim, canvas, values, recipe, views, opened)
        update(climb.gradient, index)
        memory = {"random": random.get_state(), **update.memory()}
        attention = attention + climb.slope.cpu()
        yield PictureStep(index + 1, recipe.steps, climb.images, climb.score, opened.clone(), attention.clone(), memory)


def _side(model: ImageModel) -> int:
    return model.input_size if model.fixed_size else max(96, model.input_size)


def _canvas(model: ImageModel, recipe: Recipe, size: int) -> tuple[Canvas, float]:
    """Return the canvas, and the least share of its size at which the net will see it."""
    zoom = min(model.input_size / size, 0.8) if recipe.views and not model.fixed_size else 1.0
    if recipe.canvas == "pixels":
        mean = torch.tensor(model.mean).expand(3).clone()
        return PixelCanvas(size, mean, recipe.noise), zoom
    kind = FourierCanvas if recipe.canvas == "fourier" else PhaseCanvas
    return kind(size, 0.5 * zoom), zoom


def _first(canvas: Canvas, count: int, size: int, start: Tensor | None, random: torch.Generator) -> Tensor:
    if start is None:
        return canvas.start(count, random)
    single = isinstance(start, Tensor) and start.ndim == 3
    images = checks.image(start, "start")[None] if single else checks.images(start, "start")
    if len(images) not in (1, count):
        raise ValueError(f"start must be 1 or {count} pictures, got {len(images)}")
    images = F.interpolate(images, (size, size), mode="bilinear", antialias=True).clamp(0, 1)
    return canvas.encode(images.expand(count, -1, -1, -1)).contiguous()


@dataclass(frozen=True)
class _Views:
    """Random views of the pictures, each a turn, a shift and a scale as one affine map."""

    matrices: Tensor  # (views, 2, 3)
    side: int

    def __call__(self, images: Tensor) -> Tensor:
        """Return all views of all pictures, shape (views * N, 3, side, side)."""
        shape = [len(self.matrices), 3, self.side, self.side]
        grids = F.affine_grid(self.matrices.to(images.device), shape, align_corners=False)
        return torch.cat(
            [
                F.grid_sample(
                    images, grid.expand(len(images), -1, -1, -1), padding_mode="reflection", align_corners=False
                )
                for grid in grids
            ]
        )


def _draw_views(recipe: Recipe, zoom: float, size: int, random: torch.Generator) -> _Views | None:
    if not recipe.views:
        return None
    scale = 2 * float(torch.rand((), generator=random)) - 1
    side = round(size * zoom * (1.15 + 0.15 * scale)) if zoom < 1 else size
    turn, right, down = 2 * torch.rand(3, recipe.views, generator=random) - 1
    angle, shift = turn * math.radians(8), 2 * max(8 / size, 1 / 16)
    rows = (angle.cos(), -angle.sin(), right * shift, angle.sin(), angle.cos(), down * shift)
    return _Views(torch.stack(rows, 1).view(-1, 2, 3), side)


def _climb(
    model: ImageModel, aim: Aim, canvas: Canvas, values: Tensor, recipe: Recipe, views: _Views | None, opened: Tensor
) -> "_Climb":
    """Score the pictures and find the way up."""
    with torch.enable_grad():
        images = canvas.decode(values)
    pixels = images.detach().requires_grad_()
    with torch.enable_grad(), model.running(pixels) as net:
        seen = pixels if views is None else views(pixels)
        score = aim.scores(net, seen, opened).view(-1, len(aim)).mean(0)
        (slope,) = torch.autograd.grad(score.sum(), pixels)
        size = slope.abs().sum(1)
        stuck = size.flatten(1).amax(1) == 0
        if recipe.penalty:
            gray = canvas.gray.to(pixels.device).view(3, 1, 1)
            slope = slope - 2 * recipe.penalty / pixels[0].numel() * (pixels.detach() - gray)
        (gradient,) = torch.autograd.grad(images, values, slope)
    return _Climb(images.detach().cpu(), score.detach().float().cpu(), gradient, size, stuck.cpu() & ~opened)


@dataclass(frozen=True)
class _Climb:
    images: Tensor
    score: Tensor
    gradient: Tensor  # of what is to grow, in the canvas's numbers
    slope: Tensor  # the size of the score's gradient at each pixel, (N, H, W)
    stuck: Tensor  # where nothing of the score reaches the pixels


class _Spectral:
    """Adam on a spectrum; on phases with Nesterov's momentum, as in MACO."""

    def __init__(self, values: Tensor, recipe: Recipe) -> None:
        self.values = values
        kind = torch.optim.Adam if recipe.canvas == "fourier" else torch.optim.NAdam
        self.optimizer = kind([values], lr=recipe.rate)

    def __call__(self, gradient: Tensor, index: int) -> None:  # noqa: ARG002
        self.values.grad = -gradient
        self.optimizer.step()

    def memory(self) -> dict[str, Any]:
        return {"values": self.values.detach().clone(), "optimizer": remember(self.optimizer)}

    def restore(self, memory: dict[str, Any]) -> None:
        self.values.data.copy_(memory["values"])
        recall(self.optimizer, memory["optimizer"])


class _Direct:
    """Steps of equal mean size on pixels, then Yosinski's four regularizers."""

    def __init__(self, values: Tensor, recipe: Recipe) -> None:
        self.values, self.recipe = values, recipe

    def __call__(self, gradient: Tensor, index: int) -> None:
        recipe = self.recipe
        size = gradient.abs().mean((1, 2, 3), keepdim=True).clamp(min=1e-20)
        found = self.values.detach() + recipe.rate * gradient / size
        found = found * (1 - recipe.decay)
        if recipe.blur and (index + 1) % recipe.blur_every == 0:
            from torchvision.transforms.functional import gaussian_blur

            found = gaussian_blur(found, 2 * math.ceil(3 * recipe.blur) + 1, recipe.blur)
        if recipe.small_norm:
            found = found * above(found.norm(dim=1), recipe.small_norm)
        if recipe.small_contribution:
            contribution = (found * gradient).sum(1).abs()
            found = found * above(contribution, recipe.small_contribution)
        self.values.data.copy_(found.clamp(-1, 1))

    def memory(self) -> dict[str, Any]:
        return {"values": self.values.detach().clone()}

    def restore(self, memory: dict[str, Any]) -> None:
        self.values.data.copy_(memory["values"])


def above(sizes: Tensor, percentile: float) -> Tensor:
    """Return where maps (N, H, W) lie above a percentile of their own, shape (N, 1, H, W)."""
    limit = torch.quantile(sizes.flatten(1).float(), percentile / 100, dim=1)
    return (sizes > limit.view(-1, 1, 1))[:, None]


def replaced(recipe: str | Recipe, **settings: Any) -> Recipe:
    """Return a recipe with some of its numbers changed."""
    return replace(recipe_named(recipe), **settings)


def recognition(
    model: ImageModel, images: Tensor, labels: Sequence[int | str], *, shift: int = 8
) -> tuple[Tensor, Tensor]:
    """Return how sure a net is of each picture's class: as it is, and at worst under four shifts.

    Parameters
    ----------
    model : ImageModel
    images : Tensor, shape (N, 3, H, W), RGB in [0, 1]
        Scaled to the net's own size.
    labels : sequence of int or str
        The class of each.
    shift : int
        In the pictures' pixels, up, down, left and right; what leaves comes back at the other side.

    Returns
    -------
    (Tensor, Tensor), each of shape (N,)
    """
    index, side = [model.label_index(label) for label in labels], model.input_size
    found = []
    for move in ((0, 0), (shift, 0), (-shift, 0), (0, shift), (0, -shift)):
        moved = images.roll(move, (2, 3))
        seen = F.interpolate(moved, (side, side), mode="bilinear", antialias=True).clamp(0, 1)
        with torch.no_grad():
            found.append(model.probabilities(seen)[range(len(index)), index])
    return found[0], torch.stack(found).amin(0)


@dataclass(frozen=True)
class SideBySideStep(Step):
    """The same objectives by several recipes or several nets, each as far as it is.

    Parameters
    ----------
    runs : tuple of PictureStep
    """

    runs: tuple[PictureStep, ...]


@step_method()
def recipes_steps(
    model: ImageModel,
    objective: Objective,
    recipes: Sequence[str | Recipe],
    *,
    steps: int = 128,
    seed: int = 0,
    resume: SideBySideStep | None = None,
) -> Iterator[SideBySideStep]:
    """Make the picture that excites one objective by several recipes, side by side.

    Parameters
    ----------
    model : ImageModel
    objective : Objective
    recipes : sequence of str or Recipe
    steps, seed : int
        As in `maximize_steps`.
    resume : SideBySideStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        As `maximize_steps` does.
    """
    before = resume.runs if resume else (None,) * len(recipes)
    runs = [
        maximize_steps(model, objective, replaced(recipe, steps=steps), seed=seed, resume=one)
        for recipe, one in zip(recipes, before, strict=True)
    ]
    for now in zip(*runs, strict=True):
        yield SideBySideStep(now[0].index, now[0].total, now)


@step_method()
def nets_steps(
    models: Sequence[ImageModel],
    objectives: Sequence[Objective],
    recipe: str | Recipe = "Fourier",
    *,
    seed: int = 0,
    resume: SideBySideStep | None = None,
) -> Iterator[SideBySideStep]:
    """Make the pictures that excite the same objectives in several nets, side by side.

    Parameters
    ----------
    models : sequence of ImageModel
    objectives : sequence of Objective
        That each of the nets has.
    recipe, seed
        As in `maximize_steps`.
    resume : SideBySideStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        As `maximize_steps` does.
    """
    before = resume.runs if resume else (None,) * len(models)
    runs = [
        maximize_steps(model, objectives, recipe, seed=seed, resume=one)
        for model, one in zip(models, before, strict=True)
    ]
    for now in zip(*runs, strict=True):
        yield SideBySideStep(now[0].index, now[0].total, now)
