"""Principal component analysis, each step of the worked example a field of the result."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core import checks
from vizkit.core.tables import parse_rows

__all__ = ["PCA", "patch_reconstruction", "pca", "variance_along"]

#: The ten samples of the worked example (slides 003), from Smith, "A Tutorial on Principal
#: Components Analysis", 2002.
EXAMPLE = torch.tensor(
    [
        [2.5, 2.4],
        [0.5, 0.7],
        [2.2, 2.9],
        [1.9, 2.2],
        [3.1, 3.0],
        [2.3, 2.7],
        [2.0, 1.6],
        [1.0, 1.1],
        [1.5, 1.6],
        [1.1, 0.9],
    ],
    dtype=torch.float64,
)

#: Eigenvalues closer than this share of the largest count as equal.
_EQUAL = 1e-9


@dataclass(frozen=True)
class PCA:
    """The steps of a principal component analysis of m samples with n features, in float64.

    Parameters
    ----------
    samples : Tensor, shape (m, n)
    mean : Tensor, shape (n,)
        Step 1: ``sum(samples) / m``.
    centered : Tensor, shape (m, n)
        Step 1: ``samples - mean``.
    covariance : Tensor, shape (n, n)
        Step 2: ``centered.T @ centered / (m - 1)``.
    polynomial : Tensor or None, shape (n + 1,)
        Step 3: coefficients of ``det(lambda I - covariance)``, highest power first; None for more
        than 10 features, where the coefficients lose all digits.
    eigenvalues : Tensor, shape (n,)
        Step 3, from the smallest to the largest: the variance along each eigenvector.
    eigenvectors : Tensor, shape (n, n)
        Step 3, in columns, of length 1; the last number that is not zero is positive.
    components : Tensor, shape (n, k)
        Step 4: the eigenvectors of the k largest eigenvalues, the largest first.
    projection : Tensor, shape (m, k)
        Step 5: ``centered @ components``.
    notes : tuple of str
        What is special about these samples, a sentence each.
    """

    samples: Tensor
    mean: Tensor
    centered: Tensor
    covariance: Tensor
    polynomial: Tensor | None
    eigenvalues: Tensor
    eigenvectors: Tensor
    components: Tensor
    projection: Tensor
    notes: tuple[str, ...] = ()

    @property
    def explained(self) -> Tensor:
        """Share of the total variance along each axis, the largest first, shape (n,)."""
        falling = self.eigenvalues.flip(0)
        total = falling.sum()
        return falling / total if total > 0 else torch.zeros_like(falling)

    def reconstruction(self, k: int) -> Tensor:
        """Return the samples rebuilt from their first k components, shape (m, n).

        ``mean + centered @ E @ E.T`` with the k leading eigenvectors in the columns of E: of all
        planes of k dimensions, the one that leaves the smallest squared error.

        Raises
        ------
        TypeError, ValueError
            If k is not in [0, n].
        """
        k = checks.integer(k, 0, len(self.eigenvalues), "k")
        leading = self.eigenvectors.flip(1)[:, :k]
        return self.mean + self.centered @ leading @ leading.T

    def kept(self, new: Tensor) -> Tensor:
        """Return the share of other samples' variance that the first 1, 2, ... components keep, shape (n,).

        ``sum |(x - mean) E|^2 / sum |x - mean|^2`` over the new samples x: how well the components
        of these samples serve those.

        Parameters
        ----------
        new : Tensor, shape (l, n)

        Raises
        ------
        TypeError, ValueError
            If they are no such table.
        """
        centered = check_table(new) - self.mean
        total = centered.square().sum()
        return ((centered @ self.eigenvectors.flip(1)) ** 2).sum(0).cumsum(0) / (total if total > 0 else 1)


def pca(samples: Tensor, k: int = 1) -> PCA:
    """Run the five steps of principal component analysis.

    Parameters
    ----------
    samples : Tensor or array, shape (m, n)
        m >= 2 samples in rows, n >= 1 features in columns.
    k : int
        Number of components to keep, from 1 to n.

    Raises
    ------
    TypeError, ValueError
        If the samples are no table of finite numbers, there is only one, or k is out of range.

    References
    ----------
    Pearson, "On Lines and Planes of Closest Fit to Systems of Points in Space", 1901.
    """
    samples = check_table(samples)
    count, features = samples.shape
    k = checks.integer(k, 1, features, "k")
    mean = samples.mean(0)
    centered = samples - mean
    covariance = centered.T @ centered / (count - 1)
    eigenvalues, eigenvectors = torch.linalg.eigh(covariance)
    eigenvalues = eigenvalues.clamp(min=0)  # rounding leaves zeros a hair below zero
    eigenvectors = _fix_signs(eigenvectors)
    components = eigenvectors.flip(1)[:, :k]
    polynomial = torch.from_numpy(np.poly(covariance.numpy())) if features <= 10 else None
    return PCA(
        samples,
        mean,
        centered,
        covariance,
        polynomial,
        eigenvalues,
        eigenvectors,
        components,
        centered @ components,
        _notes(samples, eigenvalues, k),
    )


def check_table(samples: Tensor) -> Tensor:
    """Return a table of samples as float64, shape (m, n).

    Raises
    ------
    TypeError, ValueError
        If it is no table of finite numbers or has fewer than two rows.
    """
    try:
        table = torch.as_tensor(samples).to(torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"samples must be a table of numbers ({checks.first_line(error)})") from error
    if table.ndim != 2 or table.shape[1] == 0:
        raise ValueError(f"samples must be a table (m, n), got shape {tuple(table.shape)}")
    if len(table) < 2:
        raise ValueError(f"samples must be two or more, got {len(table)}: the covariance divides by m - 1")
    if not table.isfinite().all():
        row, column = (~table.isfinite()).nonzero()[0].tolist()
        raise ValueError(
            f"samples must be finite, got {table[row, column].item()} in row {row + 1}, column {column + 1}"
        )
    return table.detach().cpu()


def _fix_signs(vectors: Tensor) -> Tensor:
    """Turn each column so that its last number that is not zero is positive."""
    solid = vectors.abs() > 1e-12
    last = solid.shape[0] - 1 - solid.flip(0).to(torch.int8).argmax(0)
    return vectors * vectors.gather(0, last[None]).sign()


def _notes(samples: Tensor, eigenvalues: Tensor, k: int) -> tuple[str, ...]:
    notes = []
    count, features = samples.shape
    largest = eigenvalues[-1]
    if largest == 0:
        return ("All samples are equal: there is no variance, and any axis is as good.",)
    constant = (samples == samples[0]).all(0).nonzero().flatten() + 1
    if len(constant):
        columns = ", ".join(map(str, constant.tolist()))
        notes.append(f"Column {columns} is constant: it has no variance and no part in any axis.")
    falling = eigenvalues.flip(0)
    equal = (falling[:-1] - falling[1:] <= _EQUAL * largest) & (falling[1:] > _EQUAL * largest)
    if equal.any():
        first = int(equal.nonzero()[0]) + 1
        notes.append(
            f"Eigenvalues {first} and {first + 1} are equal: any rotation of their two axes is as "
            "good, so their directions mean nothing."
        )
        if equal[k - 1 : k].any():
            notes.append(f"The choice of {k} components cuts between equal eigenvalues.")
    rank = int((eigenvalues > _EQUAL * largest).sum())
    if count <= features:
        notes.append(
            f"{count} samples span at most {count - 1} axes; the other {features - rank} eigenvalues are zero."
        )
    return tuple(notes)


def variance_along(samples: Tensor, angle: float | Tensor) -> Tensor:
    """Return the variance of two-dimensional samples along an axis.

    ``u.T @ covariance @ u`` with ``u = (cos angle, sin angle)``: its maximum over all angles is
    the largest eigenvalue, its minimum the smallest.

    Parameters
    ----------
    samples : Tensor, shape (m, 2)
    angle : float or Tensor
        In degrees, counterclockwise from the first feature's axis.

    Raises
    ------
    ValueError
        If the samples have not two features.
    """
    table = check_table(samples)
    if table.shape[1] != 2:
        raise ValueError(f"samples must have 2 features to turn an axis, got {table.shape[1]}")
    radians = torch.deg2rad(torch.as_tensor(angle, dtype=torch.float64))
    axis = torch.stack([radians.cos(), radians.sin()], -1)
    covariance = torch.cov(table.T)
    return (axis @ covariance * axis).sum(-1)


def parse_table(text: str) -> Tensor:
    """Read a table typed by hand or pasted from a spreadsheet, shape (m, n).

    Numbers are separated by spaces, tabs, commas or semicolons; one sample a line; empty lines
    are skipped.

    Raises
    ------
    ValueError
        Naming the line that is no row of numbers or has another length than the first.
    """
    rows = parse_rows(text)
    if not rows:
        raise ValueError("the table must have at least two lines of numbers, got none")
    return torch.tensor(rows, dtype=torch.float64)


def patch_reconstruction(image: Tensor, k: int, *, side: int = 8) -> Tensor:
    """Rebuild a picture from the k leading components of its own small squares.

    Parameters
    ----------
    image : Tensor, shape (3, H, W), RGB in [0, 1]
        Cut to whole squares.
    k : int
        Numbers that each square is written with, at most ``3 side^2``.
    side : int
        Of the squares, in pixels.

    Returns
    -------
    Tensor, shape (3, H', W'), RGB in [0, 1]

    Raises
    ------
    TypeError, ValueError
        If the picture is none or smaller than two squares, or k is out of range.
    """
    side = checks.integer(side, 1, None, "side")
    height, width = (length // side * side for length in checks.image(image).shape[1:])
    cut = image[:, :height, :width].detach().cpu()
    squares = F.unfold(cut[None], side, stride=side)[0].T.double()
    k = checks.integer(k, 0, squares.shape[1], "k")
    rebuilt = pca(squares, max(k, 1)).reconstruction(k)
    picture = F.fold(rebuilt.T[None], (height, width), side, stride=side)[0]
    return picture.clamp(0, 1).to(image.dtype)
