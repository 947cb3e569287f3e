"""Covering parts of a picture: how much of the answer goes with them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.hooks import forward_to
from vizkit.core.models import ImageModel
from vizkit.core.steps import Step, step_method
from vizkit.methods.incremental import Incremental

__all__ = ["OcclusionStep", "StrongestMap", "occlude", "occlusion_steps", "strongest_map"]


@dataclass(frozen=True)
class OcclusionStep(Step):
    """What each covered patch costs, as far as it is known.

    Parameters
    ----------
    drop : Tensor, shape (rows, columns)
        Probability lost at each place of the patch; NaN where it is not known yet.
    answer : Tensor, int64, shape (rows, columns)
        The class that is most probable with the patch there; -1 where it is not known yet.
    probability : float
        Of the target on the clean picture.
    target : int
    patch, stride : int
        In pixels.
    size : (int, int)
        Height and width of the picture.
    incremental : bool
        Whether only the windows were recomputed.
    """

    drop: Tensor
    answer: Tensor
    probability: float
    target: int
    patch: int
    stride: int
    size: tuple[int, int]
    incremental: bool

    @property
    def remaining(self) -> Tensor:
        """The target's probability at each place of the patch, NaN where it is not known yet."""
        return self.probability - self.drop

    def pixels(self) -> Tensor:
        """Return, for each pixel, the mean drop over the patches that cover it, shape (H, W)."""
        height, width = self.size
        tops, lefts = (_places(length, self.patch, self.stride) for length in self.size)
        ones = [
            (torch.arange(length) >= starts[:, None]) & (torch.arange(length) < starts[:, None] + self.patch)
            for length, starts in ((height, tops), (width, lefts))
        ]
        down, across = (one.double() for one in ones)
        known = self.drop.isfinite().double()
        total = down.T @ self.drop.nan_to_num(0).double() @ across
        return (total / (down.T @ known @ across).clamp(min=1)).float()


def _places(length: int, patch: int, stride: int) -> Tensor:
    """Return where patches start: every stride, until the last pixel is covered."""
    return torch.arange(-(-(length - patch) // stride) + 1) * stride


def _neighborhoods(unknown: Tensor, batch_size: int) -> Iterator[Tensor]:
    """Yield the flat indices of the unknown places of a map, those of one tile together.

    What patches near a border can reach ends at that border: in a batch of neighbors all windows
    are as small as the smallest need, and about a third of the work is saved.
    """
    side = max(math.isqrt(batch_size), 1)
    flat = torch.arange(unknown.numel()).view(unknown.shape)
    for rows, found in zip(flat.split(side), unknown.split(side), strict=True):
        for tile, mask in zip(rows.split(side, 1), found.split(side, 1), strict=True):
            if mask.any():
                yield tile[mask]


def occlude(image: Tensor, top: int, left: int, *, patch: int = 32, fill: float = 0.5) -> Tensor:
    """Return the picture with a square covered, clipped at the border, shape (3, H, W).

    Parameters
    ----------
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    top, left : int
        The square's upper left pixel.
    patch : int
        Its side in pixels.
    fill : float
        Its gray level in [0, 1].

    Raises
    ------
    TypeError, ValueError
        If the picture is none or a number is out of range.
    """
    height, width = checks.image(image).shape[1:]
    top = checks.integer(top, 0, height - 1, "top")
    left = checks.integer(left, 0, width - 1, "left")
    _check_square(patch, fill, height, width)
    covered = image.clone()
    covered[:, top : top + patch, left : left + patch] = fill
    return covered


def _check_square(patch: int, fill: float, height: int, width: int) -> None:
    checks.integer(patch, 1, min(height, width), "patch")
    if not 0 <= fill <= 1:
        raise ValueError(f"fill must be in [0, 1], got {fill}")


@step_method()
def occlusion_steps(
    model: ImageModel,
    image: Tensor,
    target: int | str | None = None,
    *,
    patch: int = 32,
    stride: int = 8,
    fill: float = 0.5,
    batch_size: int = 32,
    resume: OcclusionStep | None = None,
) -> Iterator[OcclusionStep]:
    """Measure how much probability each covered patch costs.

    ``drop[i, j] = p(target | image) - p(target | image with patch (i, j) filled)``. Exact: only
    the windows of each layer that the patch can reach are recomputed, for any net that
    ``torch.fx`` can trace; other nets are run whole, in batches.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    target : int or str, optional
        A class by index or label; the most probable one by default.
    patch, stride : int
        In pixels; the last row and column are clipped at the border.
    fill : float
        Gray level of the patch, in [0, 1].
    batch_size : int
        Places that are computed together. The result does not depend on it.
    resume : OcclusionStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If the picture is none, a number is out of range, or there is no such class.

    References
    ----------
    Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, sec. 4.2.
    """
    height, width = checks.image(image).shape[1:]
    _check_square(patch, fill, height, width)
    stride = checks.integer(stride, 1, None, "stride")
    batch_size = checks.integer(batch_size, 1, None, "batch_size")
    with torch.no_grad(), model.running(image) as net:
        pixels = model.normalize(image[None])
        try:
            incremental = Incremental(net, pixels)
        except ValueError:
            incremental = None
        logits = net(pixels) if incremental is None else incremental.clean_output
    probabilities = logits[0].softmax(0)
    index = int(probabilities.argmax()) if target is None else model.label_index(target)
    clean = float(probabilities[index])
    tops, lefts = (_places(length, patch, stride) for length in (height, width))
    places = torch.cartesian_prod(tops, lefts).view(-1, 2)
    drop = resume.drop.clone() if resume else torch.full((len(tops), len(lefts)), torch.nan)
    answer = resume.answer.clone() if resume else torch.full(drop.shape, -1)
    for rows in _neighborhoods(drop.isnan(), batch_size):
        with torch.no_grad(), model.running(image) as net:
            if incremental is None:
                covered = [occlude(image, top, left, patch=patch, fill=fill) for top, left in places[rows].tolist()]
                logits = net(model.normalize(torch.stack(covered)))
            else:
                logits = _changed(model, incremental, image, places[rows], patch, fill)
            found = clean - logits.softmax(1)[:, index]
        drop.view(-1)[rows] = found.cpu()
        answer.view(-1)[rows] = logits.argmax(1).cpu()
        done = int(drop.isfinite().sum())
        yield OcclusionStep(
            done,
            drop.numel(),
            drop.clone(),
            answer.clone(),
            clean,
            index,
            patch,
            stride,
            (height, width),
            incremental is not None,
        )


@dataclass(frozen=True)
class StrongestMap:
    """How much of a layer's strongest map is left at each place of the patch.

    Parameters
    ----------
    channel : int
        The map with the largest sum on the clean picture.
    clean : float
        That sum.
    total : Tensor, shape (rows, columns)
        The same map's sum with the patch there.
    """

    channel: int
    clean: float
    total: Tensor


def strongest_map(
    model: ImageModel, image: Tensor, layer: str, *, patch: int = 32, stride: int = 8, fill: float = 0.5
) -> StrongestMap:
    """Follow the strongest map of a layer while the patch goes over the picture.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    layer : str
        Whose output is a map.
    patch, stride, fill
        As in `occlusion_steps`.

    Raises
    ------
    TypeError, ValueError
        If the picture is none, a number is out of range, or the layer has no map.

    References
    ----------
    Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, fig. 7 (b).
    """
    height, width = checks.image(image).shape[1:]
    _check_square(patch, fill, height, width)
    if len(model.layer(layer).shape) != 3:
        raise ValueError(f"layer must have a map, got {layer} of shape {model.layer(layer).shape}")
    tops, lefts = (_places(length, patch, checks.integer(stride, 1, None, "stride")) for length in (height, width))
    places = torch.cartesian_prod(tops, lefts).view(-1, 2).tolist()
    covered = torch.stack([image, *(occlude(image, top, left, patch=patch, fill=fill) for top, left in places)])
    with torch.no_grad(), model.running(image) as net:
        sums = torch.cat([forward_to(net, model.normalize(some), layer).sum((2, 3)) for some in covered.split(64)])
    channel = int(sums[0].argmax())
    total = sums[1:, channel].view(len(tops), len(lefts)).cpu()
    return StrongestMap(channel, float(sums[0, channel]), total)


def _changed(
    model: ImageModel, incremental: Incremental, image: Tensor, places: Tensor, patch: int, fill: float
) -> Tensor:
    """Cover squares: windows of equal size, in which a clipped square covers only its part."""
    limit = torch.tensor(image.shape[1:]) - patch
    starts = torch.minimum(places, limit)
    line = torch.arange(patch)
    rows, columns = (starts[:, axis, None] + line for axis in range(2))
    windows = image[:, rows[:, :, None], columns[:, None]].transpose(0, 1)
    cover = line >= (places - starts)[..., None]  # (B, 2, patch)
    cover = cover[:, 0, :, None] & cover[:, 1, None]
    windows = windows.masked_fill(cover[:, None], fill)
    return incremental.changed(model.normalize(windows), starts.to(model.device))
