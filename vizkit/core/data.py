"""Many pictures at once: the bundled ones, a folder, a torchvision dataset; and patches of them."""

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from vizkit.core import checks
from vizkit.core.images import add_picture, images, open_image, resize

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})

#: What names a set of pictures: ``"bundled"``, a folder, a torchvision dataset's name, or any
#: sequence of pictures or of (picture, label).
Source = str | Path | Sequence[Any]


@dataclass(frozen=True)
class PatchPool:
    """Square patches of equal size, cut from pictures at several scales.

    Parameters
    ----------
    patches : Tensor, uint8, shape (N, 3, size, size)
    picture : Tensor, int64, shape (N,)
        Which picture each patch is from, an index into `names`.
    box : Tensor, int64, shape (N, 4)
        Where in that picture: ``x0, y0, x1, y1`` in its pixels.
    names : tuple of str
        The pictures' names.
    """

    patches: Tensor
    picture: Tensor
    box: Tensor
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.patches)

    @property
    def size(self) -> int:
        """Side of the patches in pixels."""
        return self.patches.shape[-1]

    def pixels(self, indices: Tensor | Sequence[int] | slice) -> Tensor:
        """Return patches as float RGB in [0, 1], shape (n, 3, size, size)."""
        return self.patches[indices].float() / 255


def open_source(
    source: Source = "bundled", *, root: str | Path = "data", most: int = 1000, download: bool = True
) -> Iterator[tuple[str, Image.Image]]:
    """Yield pictures with their names, one by one.

    Parameters
    ----------
    source : str, Path or sequence
        ``"bundled"`` (the bundled photos and textures), a folder of pictures (read with its
        subfolders), the name of a torchvision dataset such as ``"CIFAR10"``, or a dataset.
    root : str or Path
        Where a torchvision dataset is, or will be downloaded to.
    most : int
        At most so many pictures, evenly spread over the source.
    download : bool
        Whether a torchvision dataset may be downloaded.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        If there is no such source, or no picture in it.
    """
    most = checks.integer(most, 1, None, "most")
    if isinstance(source, str) and source == "bundled":
        names = [name for name, image in images().items() if image.package]
        yield from ((name, open_image(name)) for name in _spread(names, most))
    elif isinstance(source, (str, Path)) and Path(source).expanduser().is_dir():
        yield from _open_folder(Path(source).expanduser(), most)
    elif isinstance(source, (str, Path)):
        yield from _open_dataset(_torchvision_dataset(str(source), Path(root), download), most)
    elif hasattr(source, "__len__") and hasattr(source, "__getitem__"):
        yield from _open_dataset(source, most)
    else:
        raise TypeError(
            f"source must be 'bundled', a folder, a torchvision dataset or its name, got {type(source).__name__}"
        )


def _spread(items: Sequence[Any], most: int) -> Sequence[Any]:
    picked = np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(int)
    return [items[index] for index in picked]


def _open_folder(folder: Path, most: int) -> Iterator[tuple[str, Image.Image]]:
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    opened = 0
    for path in _spread(paths, most) if paths else []:
        try:
            yield str(path.relative_to(folder)), open_image(path)
        except ValueError:
            continue  # one bad file among many is not worth losing the folder
        opened += 1
    if not opened:
        known = ", ".join(sorted(SUFFIXES))
        raise ValueError(f"{folder} has no picture that can be read ({known})")


def _torchvision_dataset(name: str, root: Path, download: bool) -> Sequence[Any]:
    import torchvision

    datasets = [one for one in torchvision.datasets.__all__ if one[0].isupper()]
    if name not in datasets and ("/" in name or "\\" in name):
        raise FileNotFoundError(f"there is no folder {name}")
    kind = getattr(torchvision.datasets, checks.choice(name, datasets, "folder or dataset"))
    if name == "FakeData":
        return kind()  # type: ignore[no-any-return]
    try:
        try:
            return kind(root)  # type: ignore[no-any-return]
        except RuntimeError:  # torchvision's "not found, use download=True"
            if not download:
                raise
            return kind(root, download=True)  # type: ignore[no-any-return]
    except TypeError as error:
        raise ValueError(
            f"torchvision's {name} needs more than its root folder; make the dataset and pass it "
            f"({checks.first_line(error)})"
        ) from error
    except (OSError, RuntimeError, ImportError) as error:
        raise FileNotFoundError(
            f"torchvision's {name} is not in {root.resolve()} and was not downloaded "
            f"({checks.first_line(error)}); torchvision.datasets.{name}({str(root)!r}, "
            "download=True) does it"
        ) from error


def _open_dataset(dataset: Sequence[Any], most: int) -> Iterator[tuple[str, Image.Image]]:
    if not len(dataset):
        raise ValueError(f"{type(dataset).__name__} holds no picture")
    name = type(dataset).__name__
    for index in _spread(range(len(dataset)), most):
        item = dataset[int(index)]
        yield f"{name} {index}", open_image(item[0] if isinstance(item, tuple) else item)


def cut_patches(
    source: Source = "bundled",
    *,
    count: int = 2000,
    size: int = 64,
    scales: Sequence[float] = (1.0, 0.7, 0.5, 0.35, 0.25),
    seed: int = 0,
    root: str | Path = "data",
    download: bool = True,
) -> PatchPool:
    """Cut square patches from pictures, at places drawn at random and at several scales.

    Parameters
    ----------
    source : str, Path or sequence
        See `open_source`.
    count : int
        Number of patches.
    size : int
        Side of a patch in pixels, after scaling.
    scales : sequence of float
        Sides of the squares that are cut, as shares of a picture's shorter side, in (0, 1].
    seed : int
    root, download
        Of a torchvision dataset, see `open_source`.

    Returns
    -------
    PatchPool
        Each picture gives as many patches as the next and each scale too, give or take one.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        If there is no such source, or a number is out of range.
    """
    count = checks.integer(count, 1, 1_000_000, "count")
    size = checks.integer(size, 8, 1024, "size")
    if not scales or not all(0 < scale <= 1 for scale in scales):
        raise ValueError(f"scales must be in (0, 1], got {tuple(scales)}")
    pictures = list(open_source(source, root=root, most=count, download=download))
    random = np.random.default_rng(checks.integer(seed, 0, None, "seed"))
    patches = np.empty((count, size, size, 3), np.uint8)
    boxes = np.empty((count, 4), np.int64)
    for index in range(count):
        _, picture = pictures[index % len(pictures)]
        scale = scales[index // len(pictures) % len(scales)]
        boxes[index] = _random_square(picture, scale, random)
        patch = picture.resize((size, size), Image.Resampling.BICUBIC, box=tuple(boxes[index]), reducing_gap=2.0)
        patches[index] = np.asarray(patch)
    return PatchPool(
        torch.from_numpy(patches).permute(0, 3, 1, 2).contiguous(),
        torch.arange(count) % len(pictures),
        torch.from_numpy(boxes),
        tuple(name for name, _ in pictures),
    )


def _random_square(picture: Image.Image, scale: float, random: np.random.Generator) -> NDArray[np.int64]:
    side = max(1, round(scale * min(picture.size)))
    x0, y0 = (random.integers(0, length - side + 1) for length in picture.size)
    return np.array([x0, y0, x0 + side, y0 + side])


def add_pictures(source: Source, *, most: int = 60, root: str | Path = "data", download: bool = True) -> list[str]:
    """Let `load_image` and the panels' lists know the pictures of a folder or a dataset.

    Parameters
    ----------
    source : str, Path or sequence
        See `open_source`; a folder's pictures are known by their paths.
    most : int
        At most so many, evenly spread: a list of thousands helps nobody.
    root, download
        Of a torchvision dataset, see `open_source`.

    Returns
    -------
    list of str
        The pictures' names.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        If there is no such source, or no picture in it.
    """
    is_folder = isinstance(source, (str, Path)) and Path(source).expanduser().is_dir()
    return [
        add_picture(str(Path(source).expanduser() / name) if is_folder else name, picture)  # type: ignore[arg-type]
        for name, picture in open_source(source, root=root, most=most, download=download)
    ]


def gray_pictures(source: Source, side: int = 24, *, most: int = 400) -> Tensor:
    """Return pictures as gray squares of one size, float64 in [0, 1], shape (N, side, side).

    Parameters
    ----------
    source : str, Path or sequence
        See `open_source`.
    side : int
        In pixels.
    most : int
        At most so many, evenly spread.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        If there is no such source, or no picture in it.
    """
    side = checks.integer(side, 4, 256, "side")
    squares = [
        np.asarray(resize(picture, (side, side)).convert("L"), np.float64) / 255
        for _, picture in open_source(source, most=most)
    ]
    return torch.from_numpy(np.stack(squares))


def digits() -> Tensor:
    """Return scikit-learn's handwritten digits, float64 in [0, 1], shape (1797, 8, 8)."""
    return torch.from_numpy(_digits().images) / 16


def faces() -> Tensor:
    """Return scikit-image's 100 small faces of the LFW set, float64 in [0, 1], (100, 25, 25)."""
    with as_file(files("skimage.data").joinpath("lfw_subset.npy")) as path:
        pictures = torch.from_numpy(np.load(path)[:100]).to(torch.float64)
    return pictures / pictures.max() if pictures.max() > 1 else pictures


def digit_labels() -> Tensor:
    """Return which digit each picture of `digits` shows, int64, shape (1797,)."""
    return torch.tensor(_digits().target)


@cache
def _digits() -> Any:
    from sklearn.datasets import load_digits

    return load_digits()  # 20 ms each time


#: What `clouds` draws.
CLOUDS = ("one cloud", "two sizes", "two densities", "unequal gaps", "two rings", "a line")


@cache
def weekly_prices() -> dict[str, Tensor]:
    """Return the prices of six shares, each Monday of 2018 and 2019, as shares of their first: 105 numbers each.

    They come with plotly, as `plotly.data.stocks`, which reads them by pandas.
    """
    content = files("plotly").joinpath("package_data", "datasets", "stocks.csv.gz").read_bytes()
    header, *lines = gzip.decompress(content).decode().splitlines()
    numbers = torch.tensor([[float(cell) for cell in line.split(",")[1:]] for line in lines], dtype=torch.float64)
    return dict(zip(header.split(",")[1:], numbers.T, strict=True))


def clouds(kind: str, count: int = 150, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Draw points whose shape is known, to see what an embedding makes of it.

    ============== =========================================================================
    one cloud      a single Gaussian in 50 dimensions: no structure at all
    two sizes      two Gaussians in the plane, one ten times as wide as the other
    two densities  two Gaussians in the plane, one three times as wide, side by side
    unequal gaps   three Gaussians of width 1 in the plane, 10 and 50 from the first
    two rings      two linked circles in space
    a line         points along a straight line in 10 dimensions
    ============== =========================================================================

    Returns
    -------
    (Tensor, Tensor)
        Points, float64, shape (count, d); a class for each, int64, shape (count,).

    Raises
    ------
    ValueError
        If there is no such kind.
    """
    checks.choice(kind, CLOUDS, "cloud")
    count = checks.integer(count, 6, 10_000, "count")
    random = np.random.default_rng(checks.integer(seed, 0, None, "seed"))
    labels = np.zeros(count, np.int64)
    if kind == "one cloud":
        points = random.standard_normal((count, 50))
    elif kind in ("two sizes", "two densities"):
        labels = np.arange(count) % 2
        width, gap = (10, 60) if kind == "two sizes" else (3, 12)
        points = random.standard_normal((count, 2))
        for label, scale in enumerate((1, width)):
            group = points[labels == label]
            group -= group.mean(0)
            points[labels == label] = scale * group / group.std()
        points[:, 0] += gap * labels
    elif kind == "unequal gaps":
        labels = np.arange(count) % 3
        points = random.standard_normal((count, 2))
        points[:, 0] += np.array([0, 10, 50])[labels]
    elif kind == "two rings":
        labels = np.arange(count) % 2
        angle = 2 * np.pi * np.arange(count) / count
        ring = np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1)
        points = np.where(labels[:, None] == 1, ring[:, [0, 2, 1]] + [1, 0, 0], ring)
    else:
        place = np.linspace(-1, 1, count)[:, None]
        points = place * random.standard_normal((1, 10))
        labels = np.arange(count) * 3 // count
    return torch.from_numpy(points), torch.from_numpy(labels)
