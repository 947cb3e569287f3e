"""Where something could be: regions that are merged step by step, each with its box."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from vizkit.core import checks
from vizkit.methods.boxes import box_iou, checked_boxes

__all__ = ["RegionTree", "proposal_recall", "propose", "selective_search"]

Numbers = NDArray[np.float64]
#: Bins of a color's histogram, directions of the texture's, and bins of each of them.
COLORS, DIRECTIONS, STRENGTHS = 25, 8, 10


@dataclass(frozen=True)
class RegionTree:
    """Regions of a picture, from the first segments to all of it.

    Parameters
    ----------
    segments : Tensor, int64, shape (H, W)
        The first n regions: each pixel's number.
    merges : Tensor, int64, shape (n - 1, 2)
        Which two became region n, n + 1, ...
    similarity : Tensor, float64, shape (n - 1,)
        Of those two, in [0, 4].
    boxes : Tensor, float64, shape (2 n - 1, 4)
        Around each region.
    """

    segments: Tensor
    merges: Tensor
    similarity: Tensor
    boxes: Tensor

    def at(self, count: int) -> Tensor:
        """Return each pixel's region when so many are left, int64, shape (H, W).

        Raises
        ------
        ValueError
            If there were never so many.
        """
        first = len(self.merges) + 1
        count = checks.integer(count, 1, first, "count")
        owner = torch.arange(2 * first - 1)
        for number, pair in enumerate(self.merges[: first - count], first):
            owner[torch.isin(owner, pair)] = number
        return owner[self.segments]


@dataclass
class _Region:
    """A region while it is merged: its size, its box, its histograms and its neighbors."""

    size: int
    box: Numbers
    color: Numbers
    texture: Numbers
    near: set[int]


def selective_search(image: Tensor, *, scale: float = 100, sigma: float = 0.8, least: int = 20) -> RegionTree:
    """Merge the two most similar neighbors again and again (Uijlings et al. 2013, selective search).

    The first regions are Felzenszwalb and Huttenlocher's segments (2004), by scikit-image. Similar are two of one color
    and one texture, small ones before large ones, and those that fill the box around both.

    Parameters
    ----------
    image : Tensor, float, shape (3, H, W), RGB in [0, 1]
    scale : float
        Of the first segments: the larger, the fewer.
    sigma : float
        Of the blur in front of the segmentation, in pixels.
    least : int
        Pixels of a segment.

    Raises
    ------
    TypeError, ValueError
        If it is no picture, or a number is out of range.
    """
    from skimage.segmentation import felzenszwalb

    pixels = checks.image(image).permute(1, 2, 0).double().cpu().numpy()
    least = checks.integer(least, 1, None, "least")
    if not scale > 0 or not sigma >= 0:
        raise ValueError(f"scale must be positive and sigma 0 or more, got {scale} and {sigma}")
    segments = felzenszwalb(pixels, scale=scale, sigma=sigma, min_size=least)
    regions, area = _first_regions(pixels, segments), segments.size
    likeness = {
        (one, other): _similarity(regions[one], regions[other], area)
        for one, region in enumerate(regions)
        for other in region.near
        if one < other
    }
    merges, found = [], []
    while likeness:
        pair = max(likeness, key=lambda key: (likeness[key], -key[0], -key[1]))
        merges.append(pair)
        found.append(likeness[pair])
        new = _merged(regions, pair)
        for one in pair:
            for other in regions[one].near:
                likeness.pop((min(one, other), max(one, other)), None)
                regions[other].near -= {one}
        for other in new.near:
            regions[other].near.add(len(regions))
            likeness[other, len(regions)] = _similarity(regions[other], new, area)
        regions.append(new)
    boxes = np.stack([region.box for region in regions])
    return RegionTree(
        torch.from_numpy(segments.astype(np.int64)),
        torch.tensor(merges, dtype=torch.int64).view(-1, 2),
        torch.tensor(found, dtype=torch.float64),
        torch.from_numpy(boxes),
    )


def _first_regions(pixels: Numbers, segments: NDArray[np.int64]) -> list[_Region]:
    count = int(segments.max()) + 1
    sizes = np.bincount(segments.ravel(), minlength=count)
    color = np.concatenate([_histogram(pixels[..., channel], segments, COLORS, 1.0) for channel in range(3)], 1)
    slopes = [
        [ndimage.gaussian_filter1d(pixels[..., channel], 1, axis=axis, order=1) for axis in (1, 0)]
        for channel in range(3)
    ]
    angles = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    steep = [np.cos(angle) * x + np.sin(angle) * y for x, y in slopes for angle in angles]
    texture = np.concatenate([_histogram(one.clip(0), segments, STRENGTHS, 0.3) for one in steep], 1)
    near: list[set[int]] = [set() for _ in range(count)]
    for one, other in ((segments[:, :-1], segments[:, 1:]), (segments[:-1], segments[1:])):
        for a, b in np.unique(np.stack([one.ravel(), other.ravel()], 1)[(one != other).ravel()], axis=0).tolist():
            near[a].add(b)
            near[b].add(a)
    regions = []
    for number, place in enumerate(ndimage.find_objects(segments + 1)):
        rows, columns = place
        box = np.array([columns.start, rows.start, columns.stop, rows.stop], np.float64)
        own = color[number] / color[number].sum(), texture[number] / texture[number].sum()
        regions.append(_Region(int(sizes[number]), box, *own, near[number]))
    return regions


def _histogram(values: Numbers, segments: NDArray[np.int64], bins: int, high: float) -> Numbers:
    """Count each segment's values in bins from 0 to `high`."""
    places = (values / high * bins).astype(np.int64).clip(0, bins - 1)
    count = int(segments.max()) + 1
    found = np.bincount((segments * bins + places).ravel(), minlength=count * bins)
    return found.reshape(count, bins).astype(np.float64)


def _similarity(one: _Region, other: _Region, area: int) -> float:
    """Return the sum of the paper's four measures, each in [0, 1]."""
    both = _around(one, other)
    gap = float((both[2] - both[0]) * (both[3] - both[1])) - one.size - other.size
    alike = np.minimum(one.color, other.color).sum() + np.minimum(one.texture, other.texture).sum()
    return float(alike) + (1 - (one.size + other.size) / area) + (1 - gap / area)


def _around(one: _Region, other: _Region) -> Numbers:
    return np.concatenate([np.minimum(one.box[:2], other.box[:2]), np.maximum(one.box[2:], other.box[2:])])


def _merged(regions: Sequence[_Region], pair: tuple[int, int]) -> _Region:
    one, other = (regions[number] for number in pair)
    size = one.size + other.size
    mixed = [
        (one.size * a + other.size * b) / size for a, b in ((one.color, other.color), (one.texture, other.texture))
    ]
    return _Region(size, _around(one, other), mixed[0], mixed[1], (one.near | other.near) - set(pair))


def propose(image: Tensor, *, scales: Sequence[float] = (50, 100, 200), most: int = 300, side: int = 8) -> Tensor:
    """Return boxes in which something could be: those of the regions of several searches, none twice.

    Late regions, which are few and large, come first; so do the searches by turns.

    Parameters
    ----------
    image : Tensor, float, shape (3, H, W), RGB in [0, 1]
    scales : sequence of float
        A search for each.
    most : int
        Boxes.
    side : int
        The shortest side of a box, in pixels.

    Returns
    -------
    Tensor, float64, shape (n, 4)

    Raises
    ------
    TypeError, ValueError
    """
    most, side = checks.integer(most, 1, None, "most"), checks.integer(side, 1, None, "side")
    found = [selective_search(image, scale=scale).boxes.flip(0) for scale in scales]
    longest = max(map(len, found))
    turns = torch.cat([boxes[place : place + 1] for place in range(longest) for boxes in found])
    wide = ((turns[:, 2:] - turns[:, :2]) >= side).all(1)
    once = list(dict.fromkeys(map(tuple, turns[wide].tolist())))[:most]
    return torch.tensor(once, dtype=torch.float64).view(-1, 4)


def proposal_recall(boxes: Tensor, truths: Tensor, *, overlap: float = 0.5) -> Tensor:
    """Return the share of things found over the number of boxes, the first 1, 2, ... of them.

    Parameters
    ----------
    boxes, truths : Tensor, float, shape (n, 4) and (m, 4)
    overlap : float
        Intersection over union from which a thing is found.

    Returns
    -------
    Tensor, float64, shape (n,)

    Raises
    ------
    ValueError
        If there is nothing to be found.
    """
    if not len(checked_boxes(truths, "truths")):
        raise ValueError("truths must have a box at least, got none")
    hit = box_iou(boxes, truths.to(boxes)) >= overlap
    return hit.cummax(0).values.double().mean(1)
