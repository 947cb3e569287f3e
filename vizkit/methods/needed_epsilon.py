"""How small a change fools a linear classifier, by the number of its inputs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core import checks
from vizkit.core.data import digit_labels, digits
from vizkit.core.remembered import remembered
from vizkit.core.seeds import generator
from vizkit.methods.sounds import spectrogram, spoken_words

__all__ = ["NeededEpsilon", "needed_by_dimension", "smallest_change"]

#: What is classified, and its sizes: pixels a side, bands a sound, columns of a table.
SIZES = {"pictures": (2, 4, 8, 16, 32), "sounds": (4, 8, 16, 32, 64), "table rows": (1, 3, 10, 30)}


@dataclass(frozen=True)
class NeededEpsilon:
    """How far the rows of one table are from another answer.

    Parameters
    ----------
    kind : str
    dimension : int
        Numbers in a row.
    accuracy : float
        On held-out rows, in [0, 1].
    needed : Tensor, shape (N,), sorted
        The smallest epsilon that changes the answer, of each held-out row that is named rightly; in
        standard deviations of the features.
    advantage : float
        How many times as far the attack moves the scores as random signs of the same size do.
    """

    kind: str
    dimension: int
    accuracy: float
    needed: Tensor
    advantage: float

    @property
    def half(self) -> float:
        """The epsilon at which half of the answers have changed."""
        return float(self.needed.median())

    def changed(self, epsilon: float) -> float:
        """Return the share of answers that an epsilon changes."""
        return float((self.needed <= epsilon).float().mean())


def smallest_change(weights: Tensor, biases: Tensor, rows: Tensor) -> Tensor:
    """Return how little of every number changes a linear classifier's answer, in closed form.

    A step of epsilon against the sign of the difference of two classes' weights closes the gap of their
    scores by epsilon times the difference's L1 norm, and no other step of that size closes more of it.

    Parameters
    ----------
    weights : Tensor, shape (classes, features)
    biases : Tensor, shape (classes,)
    rows : Tensor, shape (N, features)

    Returns
    -------
    Tensor, shape (N,)
        The smallest epsilon under the largest change of a number.

    References
    ----------
    Goodfellow, Shlens & Szegedy, ICLR 2015, section 3.
    """
    scores = rows @ weights.T + biases
    first, answer = scores.max(1)
    sizes = (weights[:, None] - weights).abs().sum(2)[answer]
    gaps = (first[:, None] - scores) / sizes
    return gaps.scatter(1, answer[:, None], torch.inf).amin(1)


def _pictures(side: int) -> tuple[Tensor, Tensor]:
    small = digits().float()[:, None]
    return F.interpolate(small, (side, side), mode="area" if side < 8 else "bilinear").flatten(1), digit_labels()


@remembered(1)
def _loudness() -> tuple[Tensor, Tensor]:
    sounds, words = spoken_words(400, seed=9)
    return spectrogram(sounds)[:, None, 1:, 2:-2], words


def _sounds(bands: int) -> tuple[Tensor, Tensor]:
    """Return the loudness of bands of pitch in the first and the second half of each word."""
    loud, words = _loudness()
    return F.adaptive_avg_pool2d(loud, (bands, 2)).flatten(1), words


def _rows(columns: int, seed: int) -> tuple[Tensor, Tensor]:
    from sklearn.datasets import load_breast_cancer

    table = load_breast_cancer()
    chosen = torch.randperm(table.data.shape[1], generator=generator(seed))[:columns]
    return torch.from_numpy(table.data).float()[:, chosen], torch.from_numpy(table.target)


def needed_by_dimension(kind: str, sizes: Sequence[int] | None = None, *, seed: int = 0) -> list[NeededEpsilon]:
    """Fit a linear classifier at several sizes of the same data and measure what fools it.

    Logistic regression on features of mean 0 and standard deviation 1, two thirds of the rows; the
    others are attacked. "pictures" are handwritten digits scaled to `size` pixels a side, "sounds" the
    loudness of words of two vowels in `size` bands of pitch in each half, "table rows" `size` random
    columns of scikit-learn's breast cancer table.

    Parameters
    ----------
    kind : {"pictures", "sounds", "table rows"}
    sizes : sequence of int, optional
        `SIZES` of the kind by default.
    seed : int
        Of what is held out, and of the table's columns.

    Raises
    ------
    TypeError, ValueError
        If there is no such kind, or the seed is none.
    """
    checks.choice(kind, SIZES, "kind")
    makers: dict[str, Callable[[int], tuple[Tensor, Tensor]]] = {
        "pictures": _pictures,
        "sounds": _sounds,
        "table rows": partial(_rows, seed=seed),
    }
    found = []
    for size in sizes or SIZES[kind]:
        rows, labels = makers[kind](size)
        found.append(_measured(kind, rows, labels, seed))
    return found


def _measured(kind: str, rows: Tensor, labels: Tensor, seed: int) -> NeededEpsilon:
    order = torch.randperm(len(rows), generator=generator(seed))
    train, test = order[: 2 * len(rows) // 3], order[2 * len(rows) // 3 :]
    spread = rows[train].std(0).clamp(min=1e-6)  # a pixel that is always black stays at 0
    rows = (rows - rows[train].mean(0)) / spread
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(max_iter=1000).fit(rows[train].numpy(), labels[train].numpy())
    weights, biases = (torch.from_numpy(part).float() for part in (fitted.coef_, fitted.intercept_))
    if len(weights) == 1:  # two classes have one row of weights
        weights, biases = torch.cat([-weights, weights]) / 2, torch.cat([-biases, biases]) / 2
    right = torch.from_numpy(fitted.predict(rows[test].numpy())) == labels[test]
    needed = smallest_change(weights, biases, rows[test][right]).sort().values
    return NeededEpsilon(kind, rows.shape[1], float(right.float().mean()), needed, _advantage(weights))


def _advantage(weights: Tensor) -> float:
    """Return the mean over pairs of classes of their weights' difference, L1 against L2 norm.

    Random signs move a score by the L2 norm (its standard deviation), the gradient's by the L1 norm.
    """
    pairs = torch.combinations(torch.arange(len(weights)))
    between = weights[pairs[:, 0]] - weights[pairs[:, 1]]
    return float((between.abs().sum(1) / between.norm(dim=1)).mean())
