"""Pictures whose truth is known: one shape that decides the class, on real photos."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from vizkit.core import checks
from vizkit.core.data import cut_patches
from vizkit.core.images import images, open_image

#: The classes: what a scene is named after.
SHAPES = ("disk", "square", "triangle", "star", "cross", "ring", "crescent", "bars")
Plane = NDArray[np.float64]


@dataclass(frozen=True)
class Scenes:
    """Labeled scenes.

    Parameters
    ----------
    images : Tensor, uint8, shape (N, 3, size, size)
    label : Tensor, int64, shape (N,)
        An index into `SHAPES`.
    mask : Tensor, bool, shape (N, size, size)
        Where the shape is.
    box : Tensor, int64, shape (N, 4)
        ``x0, y0, x1, y1`` around it, the last two outside.
    """

    images: Tensor
    label: Tensor
    mask: Tensor
    box: Tensor

    def __len__(self) -> int:
        return len(self.label)


def make_scenes(count: int, *, size: int = 64, seed: int = 0) -> Scenes:
    """Draw scenes: a patch of a photo, on it one shape of a class and one blob of none.

    Both are painted alike, in a color, stripes, checks, or a piece of another photo: neither
    color nor texture gives the class away, only the outline does.

    Parameters
    ----------
    count : int
    size : int
        Of a scene in pixels, 32 or more.
    seed : int

    Raises
    ------
    TypeError, ValueError
        If a number is out of range.
    """
    count = checks.integer(count, 1, 1_000_000, "count")
    size = checks.integer(size, 32, 512, "size")
    random = np.random.default_rng(checks.integer(seed, 0, None, "seed"))
    grounds = cut_patches(count=min(2 * count, 4000), size=size, seed=seed).patches
    photos = grounds.permute(0, 2, 3, 1).numpy()
    images = np.empty((count, size, size, 3), np.uint8)
    masks = np.empty((count, size, size), bool)
    labels = random.integers(len(SHAPES), size=count)
    for index, label in enumerate(labels):
        scene = _piece(random, photos)
        shape, blob = _places(random, size)
        for place, outline in ((blob, _blob(random)), (shape, OUTLINES[SHAPES[label]])):
            cover = _cover(outline, place, size)
            scene = _painted(scene, cover, _paint(random, size, photos))
        images[index], masks[index] = scene.clip(0, 255).round(), cover > 0.5
    return Scenes(
        torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(),
        torch.from_numpy(labels),
        torch.from_numpy(masks),
        torch.from_numpy(np.stack([mask_box(mask) for mask in masks])),
    )


#: Photos that no detector of the kit is trained on: its test scenes are made of these.
UNSEEN = ("coffee", "flower", "moon", "grass")
#: Of each thing in a crowd so much can be seen at least.
VISIBLE = 0.6
#: Mean difference of a thing from what is behind it, of 255: a piece of night sky on night sky nobody could name.
CONTRAST = 40


@dataclass(frozen=True)
class Crowds:
    """Scenes of several things each.

    Parameters
    ----------
    images : Tensor, uint8, shape (N, 3, size, size)
    labels : tuple of Tensor, int64, shape (n,)
        Of each scene's things, indices into `SHAPES`; those behind come first.
    masks : tuple of Tensor, bool, shape (n, size, size)
        Where each can be seen.
    boxes : tuple of Tensor, float, shape (n, 4)
        ``x0, y0, x1, y1`` around that.
    """

    images: Tensor
    labels: tuple[Tensor, ...]
    masks: tuple[Tensor, ...]
    boxes: tuple[Tensor, ...]

    def __len__(self) -> int:
        return len(self.images)


def make_crowds(count: int, *, size: int = 160, most: int = 5, unseen: bool = False, seed: int = 0) -> Crowds:
    """Draw scenes of 1 to `most` shapes that may cover each other in part, and one blob of no class.

    Parameters
    ----------
    count : int
    size : int
        Of a scene in pixels, 64 or more.
    most : int
        Shapes in a scene, drawn evenly from 1 on.
    unseen : bool
        Whether grounds and paints come from the photos `UNSEEN`, or from all others.
    seed : int

    Raises
    ------
    TypeError, ValueError
        If a number is out of range.
    """
    count = checks.integer(count, 1, 1_000_000, "count")
    size, most = checks.integer(size, 64, 512, "size"), checks.integer(most, 1, 8, "most")
    random = np.random.default_rng(checks.integer(seed, 0, None, "seed"))
    names = [name for name, one in images().items() if one.package and (name in UNSEEN) == unseen]
    grounds = cut_patches([open_image(name) for name in names], count=min(2 * count, 2000), size=size, seed=seed)
    photos = grounds.patches.permute(0, 2, 3, 1).numpy()
    scenes = [_crowd(random, size, int(random.integers(most)) + 1, photos) for _ in range(count)]
    pictures = np.stack([picture for picture, _, _ in scenes])
    return Crowds(
        torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous(),
        tuple(torch.from_numpy(labels) for _, labels, _ in scenes),
        tuple(torch.from_numpy(masks) for _, _, masks in scenes),
        tuple(torch.tensor([mask_box(mask) for mask in masks], dtype=torch.float32) for _, _, masks in scenes),
    )


def _crowd(
    random: np.random.Generator, size: int, things: int, photos: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.bool_]]:
    """Draw a scene; a shape that would hide too much of another is placed anew."""
    scene = _piece(random, photos)
    labels = random.integers(len(SHAPES), size=things)
    outlines = [_blob(random), *(OUTLINES[SHAPES[label]] for label in labels)]
    whole: list[NDArray[np.bool_]] = []
    seen: list[NDArray[np.bool_]] = []
    for outline in outlines:
        while True:
            radius = random.uniform(0.09, 0.2) * size
            middle = random.uniform(radius, size - radius, 2)
            cover = _cover(outline, (*middle.tolist(), radius, random.uniform(-0.35, 0.35)), size)
            mask = cover > 0.5
            left = [one & ~mask for one in seen]
            if all(one.sum() >= VISIBLE * full.sum() for one, full in zip(left, whole, strict=True)):
                break
        paint = _paint(random, size, photos)
        while np.abs(paint - scene)[mask].mean() < CONTRAST:
            paint = _paint(random, size, photos)
        scene = _painted(scene, cover, paint)
        whole, seen = [*whole, mask], [*left, mask]
    return scene.clip(0, 255).round().astype(np.uint8), labels, np.stack(seen[1:])


Place = tuple[float, float, float, float]  # middle x and y, radius, angle


def _places(random: np.random.Generator, size: int) -> tuple[Place, Place]:
    """Draw a place for the shape and one for the blob that do not touch."""
    while True:
        radius = random.uniform(0.15, 0.26, 2) * size
        middle = [random.uniform(r, size - r, 2) for r in radius]
        if np.hypot(*(middle[0] - middle[1])) > radius.sum():
            break
    one, other = (
        (float(m[0]), float(m[1]), float(r), float(random.uniform(-0.35, 0.35)))
        for m, r in zip(middle, radius, strict=True)
    )
    return one, other


def _polygon(corners: int, inner: float = 1.0) -> list[Plane]:
    """Return a regular polygon of radius 1, or a star if every second corner lies further in."""
    angle = np.arange(2 * corners) * np.pi / corners - np.pi / 2
    radius = np.where(np.arange(2 * corners) % 2, inner, 1.0)
    return [np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)]


def _circle(radius: float = 1.0, x: float = 0.0) -> Plane:
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    return np.stack([x + radius * np.cos(angle), radius * np.sin(angle)], 1)


def _bar(x0: float, y0: float, x1: float, y1: float) -> Plane:
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


#: Outlines by class, within a circle of radius 1; every second polygon is a hole in the first.
OUTLINES: dict[str, list[Plane]] = {
    "disk": [_circle(0.95)],
    "square": [_bar(-0.78, -0.78, 0.78, 0.78)],
    "triangle": _polygon(3, 0.5),
    "star": _polygon(5, 0.42),
    "cross": [_bar(-1, -0.3, 1, 0.3) * 0.95, np.empty((0, 2)), _bar(-0.3, -1, 0.3, 1) * 0.95],
    "ring": [_circle(0.97), _circle(0.55)],
    "crescent": [_circle(0.97), _circle(0.8, 0.45)],
    "bars": [_bar(-0.9, -0.8, 0.9, -0.3), np.empty((0, 2)), _bar(-0.9, 0.3, 0.9, 0.8)],
}


def _blob(random: np.random.Generator) -> list[Plane]:
    """Draw a smooth outline of no class."""
    angle = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    waves = sum(
        random.uniform(-1, 1) / order * np.cos(order * angle + random.uniform(0, 2 * np.pi)) for order in (2, 3, 4, 5)
    )
    radius = 0.72 + 0.28 * waves / np.abs(waves).max()
    return [np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)]


def _cover(outline: list[Plane], place: Place, size: int) -> Plane:
    """Return how much of each pixel an outline covers, in [0, 1], shape (size, size)."""
    fine = 4
    x, y, radius, angle = place
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    picture = Image.new("L", (size * fine, size * fine))
    draw = ImageDraw.Draw(picture)
    for index, polygon in enumerate(outline):
        if len(polygon):
            points = (polygon @ turn.T * radius + [x, y]) * fine
            draw.polygon([tuple(point) for point in points.tolist()], fill=0 if index % 2 else 255)
    return np.asarray(picture.resize((size, size), Image.Resampling.BOX)) / 255.0


def _piece(random: np.random.Generator, photos: NDArray[np.uint8]) -> Plane:
    """Return one of some pictures, RGB from 0 to 255."""
    piece: Plane = photos[random.integers(len(photos))].astype(np.float64)
    return piece


def _painted(scene: Plane, cover: Plane, paint: Plane) -> Plane:
    """Return a scene with paint over it, as far as each pixel is covered."""
    share = cover[..., None]
    painted: Plane = scene * (1 - share) + paint * share
    return painted


def _paint(random: np.random.Generator, size: int, photos: NDArray[np.uint8]) -> Plane:
    """Return a surface to paint a shape with, RGB from 0 to 255, shape (size, size, 3)."""
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    one, other = random.uniform(0, 255, (2, 3))
    period, angle = random.uniform(3, 8), random.uniform(0, np.pi)
    along = (x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period
    across = (y * np.cos(angle) - x * np.sin(angle)) * 2 * np.pi / period
    kinds: tuple[Callable[[], Plane], ...] = (
        lambda: np.zeros((size, size)),
        lambda: np.sin(along) > 0,
        lambda: np.sin(along) * np.sin(across) > 0,
    )
    kind = random.integers(len(kinds) + 1)
    if kind == len(kinds):
        return _piece(random, photos)
    share = kinds[kind]()[..., None].astype(float)
    surface: Plane = one * (1 - share) + other * share
    return surface


def mask_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return ``x0, y0, x1, y1`` around a mask, the last two outside; all 0 around nothing."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
