"""Three ways down a hilly surface in the plane, for comparison."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vizkit.core import checks

__all__ = ["Descent", "descend"]

NAMES = ("SGD", "momentum", "Adam")


def hilly(points: Tensor) -> Tensor:
    """Return the height of a surface with several minima, at points (..., 2).

    A bowl, twice as steep along y, under waves: ``0.06 x^2 + 0.12 y^2 - cos(1.7 x) cos(1.3 y)``.
    Its lowest point is (0, 0), at -1.
    """
    x, y = points.unbind(-1)
    return 0.06 * x**2 + 0.12 * y**2 - torch.cos(1.7 * x) * torch.cos(1.3 * y)


@dataclass(frozen=True)
class Descent:
    """Where each optimizer went.

    Parameters
    ----------
    names : tuple of str
    places : Tensor, shape (3, steps + 1, 2)
    heights : Tensor, shape (3, steps + 1)
    """

    names: tuple[str, ...]
    places: Tensor
    heights: Tensor


def descend(start: tuple[float, float], *, rate: float = 0.1, momentum: float = 0.9, steps: int = 80) -> Descent:
    """Follow gradient descent, with momentum, and Adam on `hilly` from one point.

    Parameters
    ----------
    start : (float, float)
    rate : float
        Learning rate, the same for all three.
    momentum : float
        In [0, 1): of the second, and Adam's first decay rate (the second is 0.999).
    steps : int

    Raises
    ------
    TypeError, ValueError
        If a number is out of range.

    References
    ----------
    Polyak 1964; Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    """
    steps = checks.integer(steps, 1, 10_000, "steps")
    if not rate > 0 or not 0 <= momentum < 1:
        raise ValueError(f"rate must be positive and momentum in [0, 1), got {rate} and {momentum}")
    momentum = float(momentum)  # Adam takes no whole number
    ways = [torch.tensor(start, dtype=torch.float64, requires_grad=True) for _ in NAMES]
    optimizers = [
        torch.optim.SGD([ways[0]], lr=rate),
        torch.optim.SGD([ways[1]], lr=rate, momentum=momentum),
        torch.optim.Adam([ways[2]], lr=rate, betas=(momentum, 0.999)),
    ]
    places = [torch.stack(ways).detach()]
    for _ in range(steps):
        for way, optimizer in zip(ways, optimizers, strict=True):
            (way.grad,) = torch.autograd.grad(hilly(way), way)
            optimizer.step()
        places.append(torch.stack(ways).detach())
    path = torch.stack(places, 1)
    return Descent(NAMES, path, hilly(path))
