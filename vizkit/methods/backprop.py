"""Backpropagation as matrices: a small net of full layers, every derivative written out."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.seeds import generator

__all__ = ["Backprop", "backprop", "finite_differences", "random_net"]

Activation = Literal["sigmoid", "tanh", "ReLU", "none"]


@dataclass(frozen=True)
class Backprop:
    """All that one forward and one backward pass compute, layer by layer, for one input; of L matrices.

    In the slides' words: ``v[i]`` is layer i, ``before[i]`` is v-bar, what it was in front of its activation,
    ``delta[i]`` the derivative of the loss by ``v[i]``, ``delta_bar[i]`` that by ``before[i]``, and ``gradient[i]``,
    the slides' Delta, that by the matrix from layer i to layer i + 1.

    Parameters
    ----------
    v, delta : tuple of Tensor, shapes (n0,), ..., (nL,)
    before, delta_bar : tuple of Tensor
        Of layers 1 to L: ``before[0]`` belongs to layer 1.
    gradient : tuple of Tensor, shapes (n1, n0), ..., (nL, n(L-1))
        ``gradient[i] = outer(delta_bar[i], v[i])``.
    loss : float
    """

    v: tuple[Tensor, ...]
    before: tuple[Tensor, ...]
    delta: tuple[Tensor, ...]
    delta_bar: tuple[Tensor, ...]
    gradient: tuple[Tensor, ...]
    loss: float


def activate(values: Tensor, kind: str) -> Tensor:
    """Apply an activation entrywise."""
    if kind == "sigmoid":
        return values.sigmoid()
    if kind == "tanh":
        return values.tanh()
    return values.relu() if kind == "ReLU" else values


def slope(values: Tensor, kind: str) -> Tensor:
    """Return an activation's derivative, entrywise; of the ReLU at 0 it is 0, as in PyTorch."""
    if kind == "sigmoid":
        return values.sigmoid() * (1 - values.sigmoid())
    if kind == "tanh":
        return 1 - values.tanh().square()
    return (values > 0).to(values) if kind == "ReLU" else torch.ones_like(values)


def _checked(weights: Sequence[Tensor], x: Tensor, activation: str) -> None:
    checks.choice(activation, get_args(Activation), "activation")
    if not weights:
        raise ValueError("a net must have a matrix or more, got none")
    for number, (matrix, inputs) in enumerate(zip(weights, [len(x), *(len(one) for one in weights)], strict=False)):
        if matrix.ndim != 2 or matrix.shape[1] != inputs:
            raise ValueError(
                f"matrix {number} must have a column for each of its {inputs} inputs, got {tuple(matrix.shape)}"
            )


def forward(weights: Sequence[Tensor], x: Tensor, activation: str = "sigmoid") -> tuple[list[Tensor], list[Tensor]]:
    """Return each layer's values, and what they were before the activation; the last layer has none."""
    v, before = [x], []
    for matrix, kind in zip(weights, _kinds(weights, activation), strict=True):
        before.append(matrix @ v[-1])
        v.append(activate(before[-1], kind))
    return v, before


def _kinds(weights: Sequence[Tensor], activation: str) -> list[str]:
    """Return the activation behind each matrix: behind the last there is none."""
    return [activation] * (len(weights) - 1) + ["none"]


def backprop(
    weights: Sequence[Tensor], x: Tensor, target: Tensor | None = None, activation: str = "sigmoid"
) -> Backprop:
    """Run a net forward and back: ``delta[i] = W[i]^T delta_bar[i]``, ``gradient[i] = delta_bar[i] v[i]^T``.

    Parameters
    ----------
    weights : sequence of Tensor, shapes (n1, n0), ..., (nL, n(L-1))
        A column for each input, a row for each output; without biases. The last layer has no activation.
    x : Tensor, shape (n0,)
    target : Tensor, shape (nL,), optional
        The loss is half the squared distance to it; without one it is the sum of the outputs.
    activation : {"sigmoid", "tanh", "ReLU", "none"}

    Raises
    ------
    ValueError
        If shapes do not fit, or the activation is not known.

    References
    ----------
    Rumelhart, Hinton & Williams, "Learning representations by back-propagating errors", Nature 1986.
    """
    _checked(weights, x, activation)
    v, before = forward(weights, x, activation)
    if target is not None and target.shape != v[-1].shape:
        raise ValueError(f"target must have shape {tuple(v[-1].shape)}, got {tuple(target.shape)}")
    delta = [torch.ones_like(v[-1]) if target is None else v[-1] - target]
    delta_bar: list[Tensor] = []
    gradient: list[Tensor] = []
    layers = list(zip(weights, v[:-1], before, _kinds(weights, activation), strict=True))
    for matrix, seen, summed, kind in reversed(layers):
        delta_bar.insert(0, slope(summed, kind) * delta[0])
        gradient.insert(0, torch.outer(delta_bar[0], seen))
        delta.insert(0, matrix.T @ delta_bar[0])
    loss = v[-1].sum() if target is None else (v[-1] - target).square().sum() / 2
    return Backprop(tuple(v), tuple(before), tuple(delta), tuple(delta_bar), tuple(gradient), float(loss))


def finite_differences(
    weights: Sequence[Tensor],
    x: Tensor,
    target: Tensor | None = None,
    activation: str = "sigmoid",
    *,
    step: float = 1e-5,
) -> tuple[Tensor, ...]:
    """Estimate the gradients of `backprop` by moving each weight a little up and down.

    Parameters
    ----------
    weights, x, target, activation
        As `backprop` takes them.
    step : float
    """
    found = []
    for number, matrix in enumerate(weights):
        slopes = torch.zeros_like(matrix)
        for index in range(matrix.numel()):
            ends = []
            for sign in (1, -1):
                moved = matrix.clone()
                moved.view(-1)[index] += sign * step
                ends.append(backprop([*weights[:number], moved, *weights[number + 1 :]], x, target, activation).loss)
            slopes.view(-1)[index] = (ends[0] - ends[1]) / (2 * step)
        found.append(slopes)
    return tuple(found)


def random_net(sizes: Sequence[int], *, seed: int = 0) -> list[Tensor]:
    """Draw the matrices of a net, normal with variance 1 / inputs, float64.

    Parameters
    ----------
    sizes : sequence of int
        Of the layers, the input's first.
    seed : int
    """
    random = generator(seed)
    return [torch.randn(out, into, dtype=torch.float64, generator=random) / into**0.5 for into, out in pairwise(sizes)]
