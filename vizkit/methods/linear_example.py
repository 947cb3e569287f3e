"""The slides' linear classifier in ten dimensions, and in as many as one likes."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.seeds import generator

__all__ = ["LinearExample", "linear_example", "random_example"]

#: The slides' input and weights: the score is -3.
SLIDE_X = (2.0, -1.0, 3.0, -2.0, 2.0, 2.0, 1.0, -4.0, 5.0, 1.0)
SLIDE_W = (-1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0)


@dataclass(frozen=True)
class LinearExample:
    """A linear classifier ``P = sigmoid(w.x)`` before and after one step of ``epsilon * sign(w)``.

    Parameters
    ----------
    x, w, moved : Tensor, float64, shape (n,)
    score, moved_score : float
        ``w.x`` before and after.
    probability, moved_probability : float
    """

    x: Tensor
    w: Tensor
    moved: Tensor
    score: float
    moved_score: float
    probability: float
    moved_probability: float


def linear_example(x: Tensor, w: Tensor, epsilon: float = 0.5) -> LinearExample:
    """Move every number of x a little, the way its weight points.

    The score grows by ``epsilon * ||w||_1``: a little for each number, and there are many.

    Parameters
    ----------
    x, w : Tensor, shape (n,)
    epsilon : float

    Raises
    ------
    ValueError
        If x and w are not two lists of as many numbers.
    """
    x, w = torch.as_tensor(x).double(), torch.as_tensor(w).double()
    if x.ndim != 1 or x.shape != w.shape or not len(x):
        raise ValueError(f"x and w must be as many numbers each, got {tuple(x.shape)} and {tuple(w.shape)}")
    moved = x + epsilon * w.sign()
    scores = [float(w @ one) for one in (x, moved)]
    shares = [float(torch.tensor(score, dtype=torch.float64).sigmoid()) for score in scores]
    return LinearExample(x, w, moved, *scores, *shares)


def random_example(dimensions: int, epsilon: float = 0.5, *, seed: int = 0) -> LinearExample:
    """Make an example of any dimension whose score is -3, as the slides' is.

    Weights are plus or minus 1, as on the slides; inputs are whole numbers around 0, all of them then moved by
    one small amount along the weights, which makes the score -3.

    Parameters
    ----------
    dimensions : int
        From 1.
    epsilon : float
        What is added to each input along the sign of its weight.
    seed : int

    Raises
    ------
    TypeError, ValueError
        If there is not one dimension or more.
    """
    dimensions = checks.integer(dimensions, 1, None, "dimensions")
    random = generator(seed)
    w = 2.0 * torch.randint(0, 2, (dimensions,), generator=random).double() - 1
    x = (2 * torch.randn(dimensions, generator=random)).round().double()
    x = x - w * ((w @ x) + 3) / dimensions  # moved evenly until w.x = -3
    return linear_example(x, w, epsilon)
