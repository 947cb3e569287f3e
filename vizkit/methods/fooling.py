"""Pictures of nothing that a network is sure of: by evolution, and straight up the gradient."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core import checks
from vizkit.core.models import ImageModel
from vizkit.core.seeds import generator, step_seed
from vizkit.core.steps import Step, step_method

__all__ = ["FoolingStep", "fooling_steps"]

Kind = Literal["gradient", "direct", "CPPN"]


@dataclass(frozen=True)
class FoolingStep(Step):
    """The best picture so far of every class.

    Parameters
    ----------
    images : Tensor, shape (classes, 3, H, W), RGB in [0, 1]
    confidence : Tensor, shape (classes,)
        Of each picture's own class; 0 where there is none yet.
    memory : dict
        What the next step needs; for `resume`.
    """

    images: Tensor
    confidence: Tensor
    memory: dict[str, Any]


@step_method(live={"steps"})
def fooling_steps(
    model: ImageModel,
    kind: Kind = "CPPN",
    *,
    steps: int = 200,
    batch_size: int = 100,
    size: int | None = None,
    seed: int = 0,
    resume: FoolingStep | None = None,
) -> Iterator[FoolingStep]:
    """Breed pictures for all classes at once, or climb to each from noise.

    Evolution is MAP-Elites: the best picture of every class is kept; each step copies some of them,
    changes the copies a little, and asks the net once; a child takes the place of *any* class's
    picture that it beats. ``"direct"`` children change pixels; ``"CPPN"`` children change a small
    net that paints a picture from the coordinates of its pixels: regular patterns. ``"gradient"``
    follows the gradient of each class from uniform noise.

    Parameters
    ----------
    model : ImageModel
    kind : {"gradient", "direct", "CPPN"}
    steps, batch_size : int
        Children of a step; pictures in one forward pass.
    size : int, optional
        Side in pixels; the net's own by default.
    seed : int
    resume : FoolingStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If there is no such kind, or a number is out of range.

    References
    ----------
    Nguyen, Yosinski & Clune, "Deep neural networks are easily fooled", CVPR 2015. Its CPPNs grow
    their wiring (NEAT); here the wiring is fixed and the weights and the functions change.
    """
    checks.choice(kind, ("gradient", "direct", "CPPN"), "kind")
    steps = checks.integer(steps, 1, None, "steps")
    batch_size = checks.integer(batch_size, 1, None, "batch_size")
    side = model.input_size if size is None else checks.integer(size, 8, 1024, "size")
    if kind == "gradient":
        yield from _climb(model, steps, batch_size, side, seed, resume)
        return
    breed = _Pixels(side) if kind == "direct" else _Pattern(side)
    classes = len(model.labels)
    begun = resume.index if resume else 0
    genes = resume.memory["genes"] if resume else breed.first(classes, generator(seed))
    best = resume.confidence if resume else torch.zeros(classes)
    pictures = resume.images if resume else torch.full((classes, 3, side, side), 0.5)
    for index in range(begun, steps):
        random = generator(step_seed(seed, index))
        if index == 0:
            children = genes
        else:
            parents = torch.randint(classes, (batch_size,), generator=random)
            children = breed.child(genes[parents], random)
        painted = breed.paint(children)
        shares = _shares(model, painted, batch_size)
        value, winner = shares.max(0)  # of each class: the child that it likes best
        better = value > best
        genes, best, pictures = genes.clone(), best.clone(), pictures.clone()
        genes[better], best[better] = children[winner[better]], value[better]
        pictures[better] = painted[winner[better]]
        memory = {"genes": genes.clone()}
        yield FoolingStep(index + 1, steps, pictures.clone(), best.clone(), memory)


@torch.no_grad()
def _shares(model: ImageModel, images: Tensor, batch_size: int) -> Tensor:
    with model.running(images) as net:
        return torch.cat([net(model.normalize(batch)).softmax(1).cpu() for batch in images.split(batch_size)])


@dataclass(frozen=True)
class _Pixels:
    """Genes are pixels; a child redraws some of them nearby."""

    side: int

    def first(self, count: int, random: torch.Generator) -> Tensor:
        return torch.rand(count, 3, self.side, self.side, generator=random)

    def child(self, genes: Tensor, random: torch.Generator) -> Tensor:
        drawn = torch.rand(genes.shape, generator=random) < 0.1
        change = 0.25 * torch.randn(genes.shape, generator=random)
        return (genes + drawn * change).clamp(0, 1)

    def paint(self, genes: Tensor) -> Tensor:
        return genes


#: What a node of a pattern can do to its sum.
_FUNCTIONS: tuple[Callable[[Tensor], Tensor], ...] = (
    torch.sin,
    torch.cos,
    torch.tanh,
    lambda x: torch.exp(-x * x),
    torch.abs,
    lambda x: x,
)
_INPUTS, _HIDDEN, _LAYERS = 5, 8, 3


@dataclass(frozen=True)
class _Pattern:
    """Genes are the weights of a small net from a pixel's place to its color, and its functions."""

    side: int

    @property
    def _sizes(self) -> list[tuple[int, int]]:
        widths = [_INPUTS, *[_HIDDEN] * _LAYERS, 3]
        return list(itertools.pairwise(widths))

    def _count(self) -> int:
        weights = sum((before + 1) * after for before, after in self._sizes)
        return weights + _HIDDEN * _LAYERS

    def first(self, count: int, random: torch.Generator) -> Tensor:
        return torch.randn(count, self._count(), generator=random)

    def child(self, genes: Tensor, random: torch.Generator) -> Tensor:
        rate = 0.02 + 0.3 * torch.rand(len(genes), 1, generator=random)
        drawn = torch.rand(genes.shape, generator=random) < rate
        return genes + drawn * 0.6 * torch.randn(genes.shape, generator=random)

    def paint(self, genes: Tensor) -> Tensor:
        line = torch.linspace(-1, 1, self.side)
        y, x = torch.meshgrid(line, line, indexing="ij")
        places = torch.stack([x, y, torch.hypot(x, y), torch.sin(6 * x), torch.sin(6 * y)])
        values = places.flatten(1).expand(len(genes), -1, -1)
        used = 0
        for depth, (before, after) in enumerate(self._sizes):
            number = (before + 1) * after
            weights = genes[:, used : used + number].view(-1, after, before + 1)
            used += number
            values = 1.5 * weights[:, :, 1:] @ values + weights[:, :, :1]
            if depth < _LAYERS:
                values = self._bend(values, genes[:, used : used + after])
                used += after
        return values.sigmoid().view(-1, 3, self.side, self.side)

    @staticmethod
    def _bend(values: Tensor, genes: Tensor) -> Tensor:
        """Apply to each node the function that its gene picks."""
        which = genes.mul(1.5).floor().long() % len(_FUNCTIONS)
        found = torch.empty_like(values)
        for number, function in enumerate(_FUNCTIONS):
            found[which == number] = function(values[which == number])
        return found


def _climb(
    model: ImageModel, steps: int, batch_size: int, side: int, seed: int, resume: FoolingStep | None
) -> Iterator[FoolingStep]:
    """Follow the gradient from noise, for all classes; each step one step for every class."""
    classes = len(model.labels)
    images = torch.rand(classes, 3, side, side, generator=generator(seed))
    images = resume.memory["images"] if resume else images
    for index in range(resume.index if resume else 0, steps):
        moved, shares = [], []
        for rows in torch.arange(classes).split(batch_size):
            pixels = images[rows].to(model.device).requires_grad_()
            wanted = rows.to(model.device)
            with torch.enable_grad(), model.running(pixels) as net:
                logits = net(model.normalize(pixels))
                loss = F.cross_entropy(logits, wanted, reduction="sum")
                (slope,) = torch.autograd.grad(loss, pixels)
            size = slope.abs().mean((1, 2, 3), keepdim=True).clamp(min=1e-20)
            moved.append((pixels.detach() - 2 / 255 * slope / size).clamp(0, 1).cpu())
            picked = logits.detach().softmax(1)[torch.arange(len(rows)), wanted]
            shares.append(picked.cpu())
        judged, images = images, torch.cat(moved)
        memory = {"images": images.clone()}
        yield FoolingStep(index + 1, steps, judged, torch.cat(shares), memory)
