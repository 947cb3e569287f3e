"""Several faces of one unit: what excites it, in groups, and a picture grown from each group's mean."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vizkit.core import checks
from vizkit.core.assets import ASSETS
from vizkit.core.data import PatchPool
from vizkit.core.models import ImageModel
from vizkit.core.remembered import remembered
from vizkit.core.steps import Step, last, step_method
from vizkit.methods.feature_vis import PictureStep, Recipe, maximize_steps, replaced
from vizkit.methods.neighbors import codes
from vizkit.methods.objectives import Channel
from vizkit.methods.tsne import embedding_steps, targets
from vizkit.methods.units import ScanStep, scan_steps, top_patches

__all__ = ["Facets", "FacetsStep", "class_facets", "facets", "facets_steps"]

#: Of how many pictures a mean is made, those nearest to the middle of their group.
NEAREST = 15
#: The bundled means: a row for each class of Tiny-ImageNet, the largest group first.
SHEET = ASSETS / "facets" / "tiny-imagenet-200.webp"


@dataclass(frozen=True)
class Facets:
    """Groups of pictures that excite one unit for different reasons.

    Parameters
    ----------
    means : Tensor, shape (k, 3, h, w), RGB in [0, 1]
        Mean of each group's middle.
    share : Tensor, shape (k,)
        Of all pictures, how many are in each group, the largest first.
    middle : Tensor, int64, shape (k, m)
        The pictures of each mean, the nearest to the group's center first; small groups repeat. Empty
        (k, 0) for the bundled means of classes, whose pictures are not bundled.
    """

    means: Tensor
    share: Tensor
    middle: Tensor


def facets(found: Tensor, images: Tensor, k: int = 4, *, nearest: int = NEAREST, seed: int = 0) -> Facets:
    """Group pictures by what a net sees in them, and average the middle of each group.

    Codes to 50 principal components, t-SNE to the plane, k-means there; the mean of the pictures nearest
    to each center is a start for `maximize_steps`.

    Parameters
    ----------
    found : Tensor, shape (N, D)
        Their codes.
    images : Tensor, shape (N, 3, h, w), RGB in [0, 1], or uint8
    k : int
        Number of groups, 1 to 12.
    nearest : int
        Pictures of a mean, at most.
    seed : int

    Raises
    ------
    TypeError, ValueError
        If there are fewer than 8 pictures or than groups, or a number is out of range.

    References
    ----------
    Nguyen, Yosinski & Clune, "Multifaceted feature visualization", 2016: Algorithm 1.
    """
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    k = checks.integer(k, 1, 12, "k")
    if len(images) < max(k, 8):
        raise ValueError(f"facets needs {max(k, 8)} pictures that excite the unit or more, got {len(images)}")
    reduced = torch.from_numpy(PCA(min(50, *found.shape), random_state=0).fit_transform(found.numpy()))
    affinities = targets(reduced.float(), min(30.0, (len(images) - 1) / 3), "tsne")
    places = last(embedding_steps(affinities, steps=500, seed=seed)).embedding
    kmeans = KMeans(k, n_init=10, random_state=seed).fit(places.double().numpy())
    group, centers = torch.from_numpy(kmeans.labels_).long(), torch.from_numpy(kmeans.cluster_centers_)
    counts = group.bincount(minlength=k)
    middle = [
        _nearest(places, center, (group == one).nonzero().flatten(), nearest)
        for one, center in enumerate(centers.to(places.dtype))
    ]
    order = counts.argsort(descending=True, stable=True)
    means = torch.stack([_unit_range(images[middle[one]]).mean(0) for one in order])
    return Facets(means, counts[order] / len(images), torch.stack([_filled(middle[one], nearest) for one in order]))


def _nearest(places: Tensor, center: Tensor, members: Tensor, count: int) -> Tensor:
    return members[(places[members] - center).norm(dim=1).argsort()[:count]]


def _filled(rows: Tensor, count: int) -> Tensor:
    return rows.repeat(-(-count // len(rows)))[:count]


def _unit_range(images: Tensor) -> Tensor:
    return images.float() / 255 if images.dtype == torch.uint8 else images


@lru_cache(maxsize=1)
def bundled_facets() -> tuple[Tensor, dict[str, list[float]]]:
    """Return all bundled means, shape (classes, k, 3, h, w) in [0, 1], and the groups' shares by class."""
    shares = json.loads(SHEET.with_suffix(".json").read_text())
    with Image.open(SHEET) as sheet:
        pixels = torch.from_numpy(np.array(sheet.convert("RGB"))).permute(2, 0, 1)
    side = pixels.shape[1] // len(shares)
    rows = pixels.unfold(1, side, side).unfold(2, side, side).permute(1, 2, 0, 3, 4)
    return rows.float() / 255, shares


def class_facets(label: str, k: int = 4) -> Facets:
    """Return the means of the largest groups of a class's 500 training pictures, as bundled.

    `python -m vizkit.training facets` made them of Tiny-ImageNet by `facets`; the pictures are not bundled.

    Parameters
    ----------
    label : str
        A class of the bundled networks.
    k : int
        1 to 6.

    Raises
    ------
    TypeError, ValueError
        If there is no such class, or a number is out of range.
    """
    means, shares = bundled_facets()
    k = checks.integer(k, 1, means.shape[1], "k")
    label = checks.choice(label, list(shares), "class with bundled facets")
    row = list(shares).index(label)
    return Facets(means[row, :k], torch.tensor(shares[label][:k]), torch.empty(k, 0, dtype=torch.long))


@dataclass(frozen=True)
class FacetsStep(Step):
    """The groups of what excites a unit, and the picture grown from each.

    Parameters
    ----------
    found : Facets
    run : PictureStep
    """

    found: Facets
    run: PictureStep


@remembered(8)
def _channel_facets(model: ImageModel, pool: PatchPool, layer: str, channel: int, k: int, seed: int) -> Facets:
    index = top_patches(_whole_scan(model, pool, layer), pool, channel, min(120, len(pool.patches))).index
    found = facets(codes(model, pool.patches[index]), pool.patches[index], k, seed=seed)
    return Facets(found.means, found.share, index[found.middle])


@remembered(4)
def _whole_scan(model: ImageModel, pool: PatchPool, layer: str) -> ScanStep:
    return last(scan_steps(model, pool, layer))


@step_method()
def facets_steps(
    model: ImageModel,
    unit: Channel | str,
    pool: PatchPool | None = None,
    k: int = 4,
    *,
    recipe: str | Recipe = "facet",
    steps: int | None = None,
    seed: int = 0,
    resume: FacetsStep | None = None,
) -> Iterator[FacetsStep]:
    """Group what excites a class or a channel, and grow a picture from the mean of each group.

    Parameters
    ----------
    model : ImageModel
    unit : Channel or str
        A channel, whose 120 most exciting patches of the pool are grouped; or a class of the bundled networks,
        whose training pictures were (`class_facets`).
    pool : PatchPool, optional
        Needed for a channel.
    k : int
        Number of groups.
    recipe : str or Recipe
        As in `maximize_steps`; the default moves slowly, so that a picture keeps what its start has shown.
    steps : int, optional
        The recipe's own by default.
    seed : int
    resume : FacetsStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If there is no such class, layer or channel, a channel comes without a pool, or a number is out of range.
    """
    if isinstance(unit, Channel):
        if pool is None:
            raise ValueError(f"facets of {unit} need a pool of pictures, got None")
        found = _channel_facets(model, pool, unit.layer, unit.channel, k, seed)
    else:
        found = class_facets(unit, k)
    settings = {} if steps is None else {"steps": steps}
    for run in maximize_steps(
        model,
        [unit] * len(found.means),
        replaced(recipe, **settings),
        start=found.means,
        seed=seed,
        resume=resume.run if resume else None,
    ):
        copied = Facets(found.means.clone(), found.share.clone(), found.middle.clone())
        yield FacetsStep(run.index, run.total, copied, run)
