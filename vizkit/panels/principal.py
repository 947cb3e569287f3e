"""Panels of principal components."""

from typing import Annotated, Any

import torch
from torch import Tensor

import vizkit
from vizkit.core.data import digits, faces, gray_pictures
from vizkit.figures.pca import axis_chart, eigenpictures, explained_chart, rebuilt_rows, steps
from vizkit.figures.raster import Html
from vizkit.methods.pca import EXAMPLE, PCA, pca
from vizkit.widgets import Pictures, Slider, Table

SAMPLES = tuple(map(tuple, EXAMPLE.tolist()))


def features(samples: Any) -> int:
    """Return how many numbers each sample has."""
    return len(samples[0]) if samples else 1


@vizkit.panel("PCA, step by step")
def pca_steps(samples: Annotated[Any, Table()] = SAMPLES, k: Annotated[int, Slider(1, features)] = 1) -> Any:
    """A table, typed or pasted, through the five steps."""
    found = pca(torch.tensor(samples, dtype=torch.float64), k)
    return found, {"steps": Html(steps(found))}


@vizkit.panel("The axis of largest variance", layout="chart / text")
def axis(
    samples: Annotated[Any, Table()] = SAMPLES,
    angle: Annotated[int, Slider(0, 180, unit="°")] = 0,
    unit: Annotated[float, Slider(0.1, 10.0, 0.1, label="feature 2 x")] = 1.0,
) -> Any:
    """Turn an axis through the cloud: its variance peaks at the largest eigenvalue."""
    if features(samples) != 2:
        raise ValueError(f"the axis turns in a table of 2 columns, got {features(samples)}")
    scaled = torch.tensor(samples, dtype=torch.float64) * torch.tensor([1.0, unit]).double()
    found = pca(scaled)
    first = found.components[:, 0]
    best = float(torch.rad2deg(torch.atan2(first[1], first[0]))) % 180
    return found, {
        "chart": axis_chart(found, angle),
        "text": f"The largest eigenvalue is **{found.eigenvalues[-1]:.7f}**, its eigenvector lies "
        f"at **{best:.1f}°**; the smallest is {found.eigenvalues[0]:.7f}.",
    }


@vizkit.remembered(4)
def gray(pictures: Any) -> Tensor:
    """Return gray pictures: digits, faces, or those of a folder, a dataset, or uploads."""
    known = {"digits": digits, "faces": faces}
    return known[pictures]() if pictures in known else gray_pictures(pictures)


@vizkit.remembered(4)
def pca_of(pictures: Any) -> PCA:
    """Return the components of pictures."""
    return pca(gray(pictures).flatten(1))


@vizkit.remembered(4)
def kept_of_new(pictures: Any) -> Tensor:
    """Return what the components of four fifths of some pictures keep of the others, those behind the last."""
    flat = gray(pictures).flatten(1)
    cut = len(flat) * 4 // 5
    return pca(flat[:cut]).kept(flat[cut:])[: cut - 1]


@vizkit.panel("Pictures from k components", layout="rows rows / components curve")
def components(
    pictures: Annotated[Any, Pictures(hint="digits, faces, a folder, a dataset")] = "digits",
    k: Annotated[int, Slider(1, lambda pictures: len(pca_of(pictures).eigenvalues))] = 8,
    first: Annotated[int, Slider(0, lambda pictures: len(gray(pictures)) - 12, live=False, label="from number")] = 0,
) -> Any:
    """What the first k components keep of each picture.

    Shows
    -----
    rows : above twelve pictures, in the middle what k components keep, below the loss
    components : the leading eigenvectors
    curve : what they keep of the pictures; dashed, what those of the first four fifths keep of the rest
    """
    height, width = gray(pictures).shape[1:]
    found, rows = pca_of(pictures), torch.arange(first, first + 12)
    return found, {
        "rows": rebuilt_rows(found, k, rows, (height, width)),
        "components": eigenpictures(found, (height, width)),
        "curve": explained_chart(found, k, kept_of_new(pictures)),
    }
