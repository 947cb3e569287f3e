"""What to make of points in the plane: a number for their neighborhoods, clusters, a grid."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.cluster import DBSCAN, HDBSCAN
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from vizkit.core import checks

__all__ = ["Clusters", "class_gaps", "class_sizes", "dbscan", "hdbscan", "neighbor_accuracy", "snap_to_grid"]


def neighbor_accuracy(points: Tensor, labels: Tensor) -> float:
    """Return the share of points whose nearest other point has their label, in [0, 1].

    The leave-one-out accuracy of a nearest-neighbor classifier: how much of the labels a picture
    still shows.

    Parameters
    ----------
    points : Tensor, shape (N, d)
    labels : Tensor, int64, shape (N,)

    Raises
    ------
    ValueError
        If there are not as many labels as points, or fewer than two.
    """
    if len(points) != len(labels) or len(points) < 2:
        raise ValueError(f"labels must be one per point, 2 or more, got {len(labels)} for {len(points)} points")
    # Without a query, a point is not its own neighbor.
    nearest = NearestNeighbors(n_neighbors=1).fit(points.numpy())
    index = torch.from_numpy(nearest.kneighbors(return_distance=False)[:, 0])
    return float((labels[index] == labels).double().mean())


def class_sizes(points: Tensor, labels: Tensor) -> Tensor:
    """Return the root mean square distance of each class's points from their mean, shape (C,).

    Parameters
    ----------
    points : Tensor, shape (N, d)
    labels : Tensor, shape (N,)
        Classes by their numbers, C of them.
    """
    groups = [points[labels == label] for label in labels.unique()]
    return torch.stack([(one - one.mean(0)).square().sum(1).mean().sqrt() for one in groups])


def class_gaps(points: Tensor, labels: Tensor) -> Tensor:
    """Return the distance of each class's mean from the next class's mean, shape (C - 1,).

    Parameters
    ----------
    points : Tensor, shape (N, d)
    labels : Tensor, shape (N,)
        Classes by their numbers, C of them.
    """
    means = torch.stack([points[labels == label].mean(0) for label in labels.unique()])
    gaps: Tensor = torch.linalg.vector_norm(means[1:] - means[:-1], dim=1)
    return gaps


@dataclass(frozen=True)
class Clusters:
    """What a density-based clustering found.

    Parameters
    ----------
    labels : Tensor, int64, shape (N,)
        A number per cluster from 0; -1 is noise.
    """

    labels: Tensor

    @property
    def count(self) -> int:
        """Number of clusters."""
        return int(self.labels.max()) + 1

    @property
    def noise(self) -> float:
        """Share of points in no cluster, in [0, 1]."""
        return float((self.labels < 0).double().mean())

    def agreement(self, labels: Tensor) -> float:
        """Return the adjusted Rand index with known labels: 1 is the same, 0 is chance."""
        return float(adjusted_rand_score(labels.numpy(), self.labels.numpy()))


def dbscan(points: Tensor, *, radius: float = 3.0, neighbors: int = 5) -> Clusters:
    """Cluster by density with one radius for all (Ester et al. 1996).

    Parameters
    ----------
    points : Tensor, shape (N, 2)
    radius : float
        Two points closer than this are neighbors; in the points' own unit.
    neighbors : int
        A point with so many neighbors, itself included, is inside a cluster.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range.
    """
    if not radius > 0:
        raise ValueError(f"radius must be positive, got {radius}")
    neighbors = checks.integer(neighbors, 1, None, "neighbors")
    found = DBSCAN(eps=radius, min_samples=neighbors).fit_predict(points.numpy())
    return Clusters(torch.from_numpy(found).long())


def hdbscan(points: Tensor, *, smallest: int = 20, neighbors: int = 5) -> Clusters:
    """Cluster by density at every radius and keep what lasts longest (Campello et al. 2013).

    Parameters
    ----------
    points : Tensor, shape (N, 2)
    smallest : int
        Fewest points that are called a cluster, 2 or more.
    neighbors : int
        Density at a point is measured by the distance of its so many-th neighbor.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range.
    """
    smallest = checks.integer(smallest, 2, len(points), "smallest")
    neighbors = checks.integer(neighbors, 1, len(points), "neighbors")
    model = HDBSCAN(min_cluster_size=smallest, min_samples=neighbors, copy=True)
    return Clusters(torch.from_numpy(model.fit_predict(points.numpy())).long())


def snap_to_grid(points: Tensor, columns: int | None = None) -> Tensor:
    """Give each point a cell of a grid of its own, moving all of them as little as possible.

    The sum of squared distances between points and cells is the smallest there is, by linear
    assignment.

    Parameters
    ----------
    points : Tensor, shape (N, 2)
    columns : int, optional
        The least that makes a square by default; there are as many rows as are needed.

    Returns
    -------
    Tensor, int64, shape (N, 2)
        Column and row of each point, no two the same; row 0 is at the top, where y is largest.

    Raises
    ------
    TypeError, ValueError
        If `columns` is no positive number.
    """
    count = len(points)
    columns = checks.integer(columns or int(np.ceil(count**0.5)), 1, None, "columns")
    rows = -(-count // columns)
    cells = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(-1, 2)
    goal = cells / np.maximum([columns - 1, rows - 1], 1)
    flipped = points.double().numpy() * [1, -1]
    _, chosen = linear_sum_assignment(cdist(_unit_square(flipped), goal, "sqeuclidean"))
    return torch.from_numpy(cells[chosen])


def _unit_square(points: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = points.min(0), points.max(0)
    scaled: NDArray[np.float64] = (points - low) / np.maximum(high - low, 1e-12)
    return scaled
