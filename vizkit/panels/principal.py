"""Panels of principal components."""

from typing import Annotated, Any

import torch
from torch import Tensor

import vizkit
from vizkit.core.data import digit_labels, digits, faces, gray_pictures
from vizkit.figures.pca import (
    axis_chart,
    banded_curves,
    covariance_pair,
    eigenpictures,
    explained_chart,
    rebuilt_rows,
    steps,
)
from vizkit.figures.raster import Html
from vizkit.methods.features import Added, Classifier, component_scores, learning_curve, widened
from vizkit.methods.pca import EXAMPLE, PCA, pca
from vizkit.widgets import OneOf, Pictures, Slider, Table

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


@vizkit.panel("Components are uncorrelated", layout="matrices / text")
def uncorrelated(pictures: Annotated[Any, Pictures(hint="digits, faces, a folder, a dataset")] = "digits") -> Any:
    """Pixels vary together; the projections on the components do not: all off the diagonal is zero."""
    found = pca_of(pictures)
    projected = torch.cov((found.centered @ found.eigenvectors).T)
    before, behind = (float((one - one.diag().diag()).abs().max() / one.max()) for one in (found.covariance, projected))
    return found, {
        "matrices": covariance_pair(found),
        "text": f"The largest number off the diagonal is **{before:.0%}** of the largest on it; of the components "
        f"**{behind:.0e}**, which is rounding.",
    }


#: How many digits to learn from.
SIZES = (20, 50, 100, 200, 500, 1000)
DRAWS = range(5)
#: What is added, in words.
ADDED: dict[Added, str] = {"copies": "copies of pixels", "mixtures": "mixtures of pixels", "noise": "columns of noise"}


@vizkit.remembered(4)
def curve_of(samples: Tensor) -> Tensor:
    """Return the accuracy over the number of digits, each draw a row."""
    return torch.stack([learning_curve(samples, digit_labels(), SIZES, seed=seed) for seed in DRAWS])


def compared(plain: Tensor, more: Tensor, added: str) -> str:
    """Say what the most digits give with and without added features, and how many do without them."""
    share = float(more[-1])
    reached = [size for size, own in zip(SIZES, plain.tolist(), strict=True) if own >= share]
    fewer = f": {reached[0]:,} digits without them give as much" if reached and reached[0] < SIZES[-1] else ""
    return f"{SIZES[-1]:,} digits give **{plain[-1]:.1%}**, with {added} **{share:.1%}**{fewer}."


@vizkit.panel("Features that add nothing", layout="chart / text")
def added_features(
    kind: Annotated[Added, OneOf(tuple(ADDED), label="added")] = "noise",
    count: Annotated[int, Slider(0, 256, 16, label="features")] = 64,
    seed: Annotated[int, Slider(0, 20)] = 0,
) -> Any:
    """Digits of 64 pixels and more: what copies, mixtures and noise do to the nearest neighbor.

    Shows
    -----
    chart : of new digits, the share that the nearest known one is right about; the band holds five draws
    """
    flat = digits().flatten(1)
    added = f"{count} {ADDED[kind]}"
    curves = {"64 pixels": curve_of(flat), f"and {added}": curve_of(widened(flat, kind, count, seed=seed))}
    plain, more = (one.mean(0) for one in curves.values())
    title = "New digits, told by the nearest known one"
    return curves, {
        "chart": banded_curves(curves, SIZES, title, "known digits", log=True),
        "text": compared(plain, more, added),
    }


@vizkit.panel("Few samples, many components", layout="chart / text")
def few_samples(
    classifier: Annotated[Classifier, OneOf(("least squares", "nearest neighbor"))] = "least squares",
    train: Annotated[int, Slider(20, 200, 10, label="training digits", live=False)] = 50,
) -> Any:
    """Does PCA inhibit overfitting? A classifier by the first k components, fitted to a few digits.

    Shows
    -----
    chart : the band holds five draws
    """
    flat, labels = digits().flatten(1), digit_labels()
    found = [component_scores(flat, labels, train=train, classifier=classifier, seed=seed) for seed in DRAWS]
    most = min(len(one.held) for one in found)
    own, held = (torch.stack([getattr(one, name)[:most] for one in found]) for name in ("train", "held"))
    best = int(held.mean(0).argmax())
    return found, {
        "chart": banded_curves(
            {"training digits": own, "new digits": held},
            range(1, most + 1),
            f"{classifier}, {train} digits",
            "components k",
        ),
        "text": f"Of new digits **{held.mean(0)[best]:.1%}** are right with {best + 1} components, "
        f"**{held.mean(0)[-1]:.1%}** with all {most}; of the training digits {own.mean(0)[-1]:.1%}.",
    }
