"""Which patches excite a unit most."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core import checks
from vizkit.core.data import PatchPool
from vizkit.core.hooks import Rule, forward_to
from vizkit.core.models import ImageModel
from vizkit.core.steps import Step, step_method
from vizkit.methods.activations import as_maps
from vizkit.methods.gradients import unit_gradients
from vizkit.methods.receptive_field import ReceptiveField

__all__ = [
    "ScanStep",
    "SentBack",
    "TopPatches",
    "likeness",
    "scan_steps",
    "seen_windows",
    "selectivity",
    "sent_back",
    "top_patches",
]

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


def selectivity(scan: ScanStep, k: int = 9) -> Tensor:
    """Return how far each channel's `k` strongest patches stand above the pool, shape (channels,).

    ``(mean of the k strongest - mean of all) / standard deviation of all``, over the patches
    scanned so far; 0 for a channel that answers every patch alike.

    Parameters
    ----------
    scan : ScanStep
    k : int

    Raises
    ------
    ValueError
        If fewer than `k` patches are scanned.
    """
    value = scan.value[scan.value.isfinite().all(1)].double()
    top = value.topk(checks.integer(k, 1, len(value), "k"), 0).values.mean(0)
    spread = value.std(0, correction=0)
    return torch.where(spread > 0, (top - value.mean(0)) / spread.clamp(min=1e-12), 0.0).float()


@dataclass(frozen=True)
class SentBack:
    """The patches that excite some channels most, and what of their pixels does it.

    Parameters
    ----------
    layer : str
    rule : {"backprop", "deconvnet", "guided"}
    channels : tuple of int
    top : tuple of TopPatches
        Of each channel.
    patches : tuple of Tensor, shape (k, 3, height, width), RGB in [0, 1]
        Of each channel what the unit that answered sees, strongest first, see `seen_windows`.
    back : tuple of Tensor, shape (k, 3, height, width)
        That unit's activation sent back to these pixels; 0 beyond the border.
    """

    layer: str
    rule: Rule
    channels: tuple[int, ...]
    top: tuple[TopPatches, ...]
    patches: tuple[Tensor, ...]
    back: tuple[Tensor, ...]


def sent_back(
    model: ImageModel,
    pool: PatchPool,
    scan: ScanStep,
    field: ReceptiveField,
    channels: Sequence[int],
    *,
    rule: Rule = "deconvnet",
    k: int = 9,
) -> SentBack:
    """Find each channel's strongest patches and send them back to the pixels.

    Each patch from the very unit of the map that answered loudest; a channel's patches go back
    together, in one backward pass.

    Parameters
    ----------
    model : ImageModel
    pool : PatchPool
        The pool that was scanned.
    scan : ScanStep
        Of the layer's channels, the last step or an earlier one.
    field : ReceptiveField
        Of the layer's units, see `receptive_fields`.
    channels : sequence of int
    rule : {"backprop", "deconvnet", "guided"}
    k : int

    Raises
    ------
    ValueError
        If there is no such channel, the field is another layer's, or the rule is not defined for
        the net.

    References
    ----------
    Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, fig. 2.
    Springenberg et al., "Striving for Simplicity: The All Convolutional Net", ICLR 2015, fig. 5.
    """
    if field.layer != scan.layer:
        raise ValueError(f"field must be of {scan.layer}, the layer that was scanned, got {field.layer}")
    tops, patches, back = [], [], []
    for channel in channels:
        top = top_patches(scan, pool, channel, k)
        pixels = pool.pixels(top.index)
        gradient = unit_gradients(model, pixels, scan.layer, channel, top.row, top.column, rule=rule)
        tops.append(top)
        patches.append(seen_windows(model, pool, top, field))
        back.append(_windows(gradient, top, field))
    return SentBack(scan.layer, rule, tuple(channels), tuple(tops), tuple(patches), tuple(back))


def seen_windows(model: ImageModel, pool: PatchPool, top: TopPatches, field: ReceptiveField) -> Tensor:
    """Cut out what each unit that answered sees, shape (k, 3, height, width), RGB in [0, 1].

    Beyond a patch's border lies the color that the net's zeros stand for, its mean. Where the
    field is larger than the patches, whole patches are returned.

    Parameters
    ----------
    model : ImageModel
    pool : PatchPool
    top : TopPatches
    field : ReceptiveField
    """
    mean = torch.tensor(model.mean).view(-1, 1, 1)
    # The mean color becomes 0 and is added again: what is padded with 0 then has that color.
    return (_windows(pool.pixels(top.index) - mean, top, field) + mean).clamp(0, 1)


def likeness(windows: Tensor, weight: Tensor) -> float:
    """Return the correlation of the mean of some windows with a filter, in [-1, 1].

    Pearson's, over all pixels and colors; 0 where one of the two is the same everywhere.

    Parameters
    ----------
    windows : Tensor, shape (k, 3, h, w)
    weight : Tensor, shape (3, h, w)

    Raises
    ------
    ValueError
        If the windows are not of the filter's shape.
    """
    if windows.ndim != 4 or windows.shape[1:] != weight.shape:
        raise ValueError(f"windows must have the filter's shape {tuple(weight.shape)} each, got {tuple(windows.shape)}")
    one, other = (values.double().flatten() - values.double().mean() for values in (windows.mean(0), weight))
    return float(one @ other / (one.norm() * other.norm()).clamp(min=1e-12))


def _windows(pictures: Tensor, top: TopPatches, field: ReceptiveField) -> Tensor:
    """Cut each unit's field out of its picture, 0 beyond the border; a larger field cuts nothing."""
    size = pictures.shape[-1]
    axes = field.vertical, field.horizontal
    if max(axis.size for axis in axes) >= size:
        return pictures
    height, width = (int(axis.size) for axis in axes)
    padded = F.pad(pictures, (width, width, height, height))
    cut = []
    for one, row, column in zip(padded, top.row.tolist(), top.column.tolist(), strict=True):
        y, x = (int(axis.start + place * axis.stride) for axis, place in zip(axes, (row, column), strict=True))
        cut.append(one[:, y + height : y + 2 * height, x + width : x + 2 * width])
    return torch.stack(cut)
