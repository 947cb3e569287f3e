"""Which patches excite a unit most."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.data import PatchPool
from vizkit.core.hooks import forward_to
from vizkit.core.models import ImageModel
from vizkit.core.steps import Step, step_method
from vizkit.methods.activations import as_maps

__all__ = ["ScanStep", "TopPatches", "scan_steps", "top_patches"]

Box = list[int]


@dataclass(frozen=True)
class ScanStep(Step):
    """The strongest response of every channel of a layer to every patch seen so far.

    Parameters
    ----------
    layer : str
    value : Tensor, float32, shape (patches, channels)
        ``max_ij activation[c, i, j]`` of each patch; -inf where a patch is not scanned yet.
    place : Tensor, int32, shape (patches, channels)
        Where that maximum lies, ``row * width + column`` in the layer's map.
    width : int
        Of the layer's map, in units.
    """

    layer: str
    value: Tensor
    place: Tensor
    width: int


@dataclass(frozen=True)
class TopPatches:
    """The patches that excite one channel, or one direction, most.

    Parameters
    ----------
    index : Tensor, int64, shape (k,)
        Patches of the pool, strongest first.
    value : Tensor, shape (k,)
        Their activations.
    row, column : Tensor, int64, shape (k,)
        The unit that responded, in the layer's map.
    """

    index: Tensor
    value: Tensor
    row: Tensor
    column: Tensor


@step_method()
def scan_steps(
    model: ImageModel,
    pool: PatchPool,
    layer: str,
    *,
    directions: Tensor | None = None,
    batch_size: int = 64,
    resume: ScanStep | None = None,
) -> Iterator[ScanStep]:
    """Scan a pool of patches for what excites each channel of a layer.

    The net runs only as far as the layer. One step is one batch.

    Parameters
    ----------
    model : ImageModel
    pool : PatchPool
    layer : str
    directions : Tensor, shape (n, channels), optional
        Scan n mixtures of the layer's channels instead: a weight per channel each.
    batch_size : int
        The result does not depend on it.
    resume : ScanStep, optional
        A step of an earlier scan with the same arguments: go on behind it.

    Yields
    ------
    ScanStep
        The whole pool's, filled further with each step.

    Raises
    ------
    ValueError
        If the layer does not exist, `directions` has not one weight per channel, or
        `batch_size` is not positive.

    References
    ----------
    Girshick, Donahue, Darrell & Malik, "Rich Feature Hierarchies for Accurate Object Detection
    and Semantic Segmentation", CVPR 2014, sec. 3.1.
    Szegedy et al., "Intriguing Properties of Neural Networks", ICLR 2014, sec. 3: random
    directions look as meaningful as units.
    """
    channels = model.layer(layer).shape[0]
    if directions is not None:
        if directions.ndim != 2 or directions.shape[1] != channels:
            raise ValueError(
                f"directions must be (n, {channels}), one weight per channel of {layer}, got {tuple(directions.shape)}"
            )
        channels = len(directions)
    batch_size = checks.integer(batch_size, 1, None, "batch_size")
    value = torch.full((len(pool), channels), -torch.inf)
    place = torch.zeros(len(pool), channels, dtype=torch.int32)
    if resume is not None:
        if resume.layer != layer or resume.value.shape != value.shape:
            raise ValueError(f"resume must be a step of a scan of {layer} over this pool")
        value, place = resume.value.clone(), resume.place.clone()
    total = -(-len(pool) // batch_size)
    for step in range(resume.index if resume else 0, total):
        rows = slice(step * batch_size, (step + 1) * batch_size)
        maps = _maps(model, pool.pixels(rows), layer)
        if directions is not None:
            maps = torch.einsum("nchw,dc->ndhw", maps, directions.to(maps))
        best, where = _strongest(maps)
        value[rows], place[rows] = best, where
        # A copy: what is kept of a step must not change when the scan goes on.
        yield ScanStep(step + 1, total, layer, value.clone(), place.clone(), maps.shape[-1])


def _maps(model: ImageModel, images: Tensor, layer: str) -> Tensor:
    with torch.no_grad(), model.running(images) as net:
        return as_maps(forward_to(net, model.normalize(images), layer))


def _strongest(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return the maximum over positions of maps (N, C, H, W) and where it lies, each (N, C)."""
    # In the layout that the convolution left it, the reduction runs along whole cache lines.
    flat = maps.permute(0, 2, 3, 1).flatten(1, 2)
    best, where = flat.max(1)
    return best.float().cpu(), where.to(torch.int32).cpu()


def top_patches(scan: ScanStep, pool: PatchPool, channel: int, k: int = 9, *, overlap: float = 0.25) -> TopPatches:
    """Pick the `k` patches that excite a channel most, none a near copy of a stronger one.

    Parameters
    ----------
    scan : ScanStep
        The last step of `scan_steps`, or an earlier one.
    pool : PatchPool
        The pool that was scanned.
    channel : int
    k : int
    overlap : float
        Two patches of one picture whose intersection over union is larger count as one, in
        [0, 1].

    Raises
    ------
    ValueError
        If there is no such channel.
    """
    channel = checks.integer(channel, 0, scan.value.shape[1] - 1, "channel")
    value, place = scan.value[:, channel], scan.place[:, channel].long()
    index = _strongest_apart(value, pool, checks.integer(k, 1, len(pool), "k"), overlap)
    row, column = place[index] // scan.width, place[index] % scan.width
    return TopPatches(index, value[index], row, column)


def _strongest_apart(value: Tensor, pool: PatchPool, k: int, overlap: float) -> Tensor:
    """Go down from the strongest patch and keep what overlaps with none that is kept."""
    order = value.argsort(descending=True, stable=True)
    kept: list[tuple[int, int, Box]] = []
    for some in order[value[order].isfinite()].split(32):  # the first few nearly always suffice
        candidates = (some.tolist(), pool.picture[some].tolist(), pool.box[some].tolist())
        for index, picture, box in zip(*candidates, strict=True):
            rivals = (other for _, of, other in kept if of == picture)
            if all(_overlap(box, other) <= overlap for other in rivals):
                kept.append((index, picture, box))
            if len(kept) == k:
                return torch.tensor([index for index, *_ in kept])
    return torch.tensor([index for index, *_ in kept], dtype=torch.int64)


def _overlap(one: Box, other: Box) -> float:
    """Return the intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return common / (sum(areas) - common)
