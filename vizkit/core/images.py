"""Pictures in: a bundled name, a file, an upload, an array; RGB in [0, 1] out."""

import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from vizkit.core import checks
from vizkit.core.drawings import DRAWINGS
from vizkit.core.paintings import PAINTINGS

Kind = Literal["photo", "texture", "drawing", "painting"]

#: Largest picture that is opened, in pixels; a phone's camera makes 50 million.
MAX_PIXELS = 100_000_000

#: Largest picture that comes out of scaling, in pixels.
MAX_SCALED = 17_000_000


@dataclass(frozen=True)
class BundledImage:
    """A picture that comes with the kit.

    Parameters
    ----------
    name : str
    kind : {"photo", "texture", "drawing", "painting"}
    source, license : str
    package, file : str
        The installed package that carries the file; empty for those that are computed.
    """

    name: str
    kind: Kind
    source: str
    license: str
    package: str = ""
    file: str = ""

    def open(self) -> Image.Image:
        """Return the picture as RGB."""
        if not self.package:
            return Image.fromarray((DRAWINGS | PAINTINGS)[self.name]())
        return Image.open(io.BytesIO(_folder(self.package).joinpath(self.file).read_bytes()))


def _folder(package: str) -> Path:
    """Return a package's folder without importing it: scikit-learn takes a second, for two pictures."""
    top, *inside = package.split(".")
    spec = find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"a bundled picture comes with {top}, which is not installed")
    return Path(spec.submodule_search_locations[0], *inside)


def _skimage(
    name: str,
    file: str,
    source: str,
    license: str = "CC0",  # noqa: A002
    kind: Literal["photo", "texture"] = "photo",
) -> BundledImage:
    return BundledImage(name, kind, source, license, "skimage.data", file)


_PUBLIC = "public domain"
_SKLEARN = "sklearn.datasets.images"
_BUNDLED = (
    _skimage("chelsea", "chelsea.png", "Stéfan van der Walt, by scikit-image"),
    _skimage("coffee", "coffee.png", "Rachel Michetti, Pikolo Espresso Bar, by scikit-image"),
    _skimage("astronaut", "astronaut.png", "NASA Great Images, by scikit-image", _PUBLIC),
    _skimage("rocket", "rocket.jpg", "SpaceX, by scikit-image", _PUBLIC),
    _skimage(
        "motorcycle",
        "motorcycle_left.png",
        "Middlebury stereo 2014 (Scharstein et al.), by scikit-image",
        "for research, as the benchmark",
    ),
    BundledImage("china", "photo", "danielbuechele on Flickr, by scikit-learn", "CC BY 2.0", _SKLEARN, "china.jpg"),
    BundledImage("flower", "photo", "vultilion on Flickr, by scikit-learn", "CC BY 2.0", _SKLEARN, "flower.jpg"),
    _skimage("camera", "camera.png", "Lav Varshney, by scikit-image"),
    _skimage("coins", "coins.png", "Brooklyn Museum, by scikit-image", _PUBLIC),
    _skimage("moon", "moon.png", "NASA, by scikit-image", _PUBLIC),
    _skimage("hubble", "hubble_deep_field.jpg", "NASA, ESA, by scikit-image", _PUBLIC),
    _skimage("retina", "retina.jpg", "Mikael Häggström, by scikit-image"),
    _skimage("tissue", "ihc.png", "CMMI, by scikit-image", _PUBLIC),
    _skimage("brick", "brick.png", "cc0textures.com, by scikit-image", kind="texture"),
    _skimage("grass", "grass.png", "linolafett on DeviantArt, by scikit-image", kind="texture"),
    _skimage("gravel", "gravel.png", "cc0textures.com, by scikit-image", kind="texture"),
    *(BundledImage(name, "drawing", "drawn by vizkit", "BSD-3-Clause") for name in DRAWINGS),
    *(BundledImage(name, "painting", "painted by vizkit", "BSD-3-Clause") for name in PAINTINGS),
)


def images(kind: Kind | None = None) -> dict[str, BundledImage]:
    """List what is bundled, by name, with source and license; all kinds or one.

    Parameters
    ----------
    kind : {"photo", "texture", "drawing", "painting"}, optional
        All by default.
    """
    return {image.name: image for image in _BUNDLED if kind in (None, image.kind)}


_uploads: dict[str, Image.Image] = {}


def add_upload(name: str, content: bytes) -> str:
    """Keep an uploaded picture for this session, so that `load_image` knows it by its file name.

    Returns
    -------
    str
        The name it is kept under.

    Raises
    ------
    ValueError
        If the content is truncated, too large or no picture; nothing is kept then.
    """
    return add_picture(name, _decode(content, name))


def add_picture(name: str, picture: Image.Image) -> str:
    """Keep a picture for this session under a name, and return the name it is kept under."""
    free, number = name, 1
    # A name never changes its picture.
    while free in images() or not _same(_uploads.get(free, picture), picture):
        number += 1
        free = f"{name} ({number})"
    _uploads[free] = picture
    return free


def _same(one: Image.Image, other: Image.Image) -> bool:
    return one is other or (one.size == other.size and one.tobytes() == other.tobytes())


def uploads() -> list[str]:
    """List the names of the pictures that were uploaded in this session."""
    return list(_uploads)


def load_image(source: Any, size: int | tuple[int, int] | None = None) -> Tensor:
    """Load one picture.

    Floats that need no scaling come out bit for bit as they went in: a change of a tenth of a gray
    level survives.

    Parameters
    ----------
    source : str, Path, bytes, mapping, array, Tensor or PIL.Image.Image
        A bundled name (`images` lists them), the name of an upload, a file, a file's content, an
        entry of ``ipywidgets.FileUpload.value``, or pixels: (H, W), (H, W, 3 or 4), or a Tensor
        (3, H, W); uint8, uint16 or floats in [0, 1].
    size : int or (int, int), optional
        An integer is the length of the shorter side in pixels, the aspect is kept; a pair is
        (height, width), reached by scaling and cutting the longer side evenly.

    Returns
    -------
    Tensor, float32, shape (3, H, W), RGB in [0, 1]
        Turned as its EXIF says; transparent parts on white; gray as three equal colors.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        If there is no such picture, or it is truncated, too large or none at all.
    """
    if (colors := _float_colors(source)) is not None:
        return _scaled(colors, size)
    picture = resize(open_image(source), size)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float().div(255).contiguous()


def _float_colors(source: Any) -> Tensor | None:
    """Return float RGB pixels as a tensor (3, H, W), unless the source is something else."""
    if not isinstance(source, (np.ndarray, Tensor)) or 0 in source.shape:
        return None
    if not (isinstance(source, Tensor) or np.issubdtype(source.dtype, np.floating)):
        return None
    # A copy: what comes out is never changed by what is done to what went in.
    pixels = torch.tensor(source) if isinstance(source, np.ndarray) else source.detach().cpu()
    if pixels.ndim == 3 and pixels.shape[0] not in (1, 3) and pixels.shape[-1] in (1, 3):
        pixels = pixels.movedim(-1, 0)
    pixels = pixels[None] if pixels.ndim == 2 else pixels
    if not pixels.is_floating_point() or pixels.ndim != 3 or pixels.shape[0] not in (1, 3):
        return None
    low, high = pixels.aminmax()  # both are nan where one pixel is
    if not (low >= 0 and high <= 1):
        return None  # refused with the others
    if torch.equal(pixels.mul(255).round_().div_(255), pixels):
        return None  # bytes after all: scaled as they are, and given back exactly
    return pixels.float().expand(3, -1, -1).clone(memory_format=torch.contiguous_format)


def _scaled(colors: Tensor, size: int | tuple[int, int] | None) -> Tensor:
    """Scale float pixels as `resize` scales bytes, without rounding to bytes on the way."""
    height, width = colors.shape[1:]
    if size is None or size in ((height, width), min(height, width)):
        return colors
    bands = [resize(Image.fromarray(band), size) for band in colors.numpy()]
    return torch.from_numpy(np.stack([np.array(band) for band in bands])).clamp(0, 1)


def resize(picture: Image.Image, size: int | tuple[int, int] | None) -> Image.Image:
    """Scale a picture as `load_image` says."""
    if size is None:
        return picture
    if isinstance(size, tuple):
        height, width = (checks.integer(side, 1, 4096, "size") for side in size)
        return ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
    side = checks.integer(size, 1, 4096, "size")
    scale = side / min(picture.size)
    shape = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    if shape[0] * shape[1] > MAX_SCALED:
        raise ValueError(
            f"a picture of {picture.width} x {picture.height} pixels is too long to have a "
            f"shorter side of {side}: it would be {shape[0]} x {shape[1]}"
        )
    return picture.resize(shape, Image.Resampling.LANCZOS)


def open_image(source: Any) -> Image.Image:
    """Open one picture as RGB, whatever it comes as; see `load_image`."""
    if isinstance(source, str) and source in images():
        return _bundled(source)
    if isinstance(source, str) and source in _uploads:
        return _uploads[source]
    if isinstance(source, (str, Path)):
        return _open_file(source)
    if isinstance(source, Mapping) and "content" in source:  # one entry of FileUpload.value
        return _decode(bytes(source["content"]), str(source.get("name", "the upload")))
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _decode(bytes(source), "the file")
    if isinstance(source, Image.Image):
        return _to_rgb(source)
    if isinstance(source, (np.ndarray, Tensor)):
        return _to_rgb(_from_array(source))
    raise TypeError(
        "an image must be a bundled name, a path, bytes, an upload, an array or a PIL image, "
        f"got {type(source).__name__}"
    )


@cache
def _bundled(name: str) -> Image.Image:
    return _to_rgb(images()[name].open())


def _open_file(source: str | Path) -> Image.Image:
    path = Path(source).expanduser()
    if path.is_dir():
        raise ValueError(f"an image must be one file, {path} is a folder")
    if not path.is_file():
        if isinstance(source, str) and not path.suffix:
            checks.choice(source, images(), "image")
        raise FileNotFoundError(f"there is no image file {path}; bundled: {', '.join(images())}")
    return _decode(path.read_bytes(), path.name)


def _decode(content: bytes, name: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # checked below
            picture = Image.open(io.BytesIO(content))
        _check_size(picture, name)
        return _to_rgb(picture)
    except UnidentifiedImageError as error:
        raise ValueError(f"{name} is no picture that Pillow can read") from error
    except Image.DecompressionBombError as error:
        raise ValueError(f"{name} is larger than {MAX_PIXELS / 1e6:.0f} million pixels") from error
    except Exception as error:  # Pillow's decoders raise all kinds of errors on damaged files
        if str(error).startswith(name):
            raise
        raise ValueError(f"{name} is truncated or damaged ({checks.first_line(error)})") from error


def _check_size(picture: Image.Image, name: str) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise ValueError(
            f"{name} is {picture.width} x {picture.height} pixels, larger than {MAX_PIXELS / 1e6:.0f} million"
        )


def _to_rgb(picture: Image.Image) -> Image.Image:
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):  # 16 bits, whatever type Pillow hands them out as
        picture = _from_array(np.asarray(picture).clip(0, 65535).astype(np.uint16))
    if picture.mode == "F":
        picture = _from_array(np.asarray(picture))
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        colors = picture.convert("RGBA")
        ground = Image.new("RGBA", colors.size, "white")
        picture = Image.alpha_composite(ground, colors)
    return picture.convert("RGB")


def _from_array(array: Any) -> Image.Image:
    if isinstance(array, Tensor):
        pixels = array.detach().cpu().numpy()
        if pixels.ndim == 3 and len(pixels) in (1, 3, 4):
            pixels = np.moveaxis(pixels, 0, -1)
    else:
        pixels = array
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[-1] not in (3, 4)):
        raise ValueError(f"an image array must be (H, W), (H, W, 3) or (H, W, 4), got {array.shape}")
    return Image.fromarray(_to_uint8(pixels))


def _to_uint8(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == bool:
        return pixels.astype(np.uint8) * 255
    if pixels.dtype == np.uint16:
        return (pixels / 65535 * 255).round().astype(np.uint8)
    if not np.issubdtype(pixels.dtype, np.floating):
        raise TypeError(f"pixels must be uint8, uint16 or floats in [0, 1], got {pixels.dtype}")
    if not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1):
        raise ValueError(f"float pixels must be in [0, 1] without NaN, got [{pixels.min():.3g}, {pixels.max():.3g}]")
    return (pixels * 255).round().astype(np.uint8)
