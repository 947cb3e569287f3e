"""A picture with the words that describe it, shown by Jupyter as ``<img alt>``."""

import base64
import io
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Heat:
    """What lies over a picture, so that a page can make it stronger or weaker by itself.

    Parameters
    ----------
    base : ndarray, uint8, shape (height, width, 3)
        The picture below.
    colors : ndarray, uint8, shape (h, w, 4)
        RGB and how much of it covers the picture at full opacity; stretched over it.
    opacity : float
        In [0, 1], as it is at first.
    """

    base: Pixels
    colors: Pixels
    opacity: float


@dataclass(frozen=True, eq=False)
class Raster:
    """A finished picture.

    Parameters
    ----------
    pixels : ndarray, uint8, shape (height, width, 3)
    alt : str
        What a reader who cannot see it should know.
    exact : bool
        Whether single pixels matter: PNG instead of JPEG.
    heat : Heat, optional
        The map in it and the picture without it, where a page can draw one over the other.
    frames : tuple of (x0, y0, x1, y1)
        Frames over the heat, in pixels; `pixels` has them already.
    """

    pixels: Pixels
    alt: str
    exact: bool = False
    heat: Heat | None = field(default=None, kw_only=True)
    frames: tuple[tuple[int, int, int, int], ...] = field(default=(), kw_only=True)

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[0])

    def encoded(self) -> tuple[str, bytes]:
        """Return the MIME type and the encoded picture."""
        return ("image/png", png(self.pixels)) if self.exact else ("image/jpeg", jpeg(self.pixels))

    def html(self) -> str:
        """Return an ``<img>`` element that carries the picture itself."""
        kind, content = self.encoded()
        data = base64.b64encode(content).decode()
        return (
            f'<img alt="{escape(self.alt)}" src="data:{kind};base64,{data}" '
            f'style="display:block;max-width:100%;height:auto" '
            f'width="{self.width}" height="{self.height}">'
        )

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file and return its path."""
        path = Path(path)
        Image.fromarray(self.pixels).save(path)
        return path

    def _repr_html_(self) -> str:
        return self.html()


def png(pixels: Pixels) -> bytes:
    """Encode pixels without a loss, quickly."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def jpeg(pixels: Pixels, quality: int = 90) -> bytes:
    """Encode pixels; below a quality of 80 the colors at half the resolution."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=0 if quality >= 80 else 2)
    return buffer.getvalue()


class Html(str):
    """A text that is HTML already: bars, tables. Whoever makes one has escaped what is in it."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)


def to_uint8(image: Tensor) -> NDArray[np.uint8]:
    """Turn RGB (3, H, W) in [0, 1] into rows of pixels (H, W, 3), 0 to 255."""
    array: NDArray[Any] = image.detach().float().clamp(0, 1).mul(255).round().byte().cpu().numpy()
    return np.ascontiguousarray(np.moveaxis(array, 0, -1))
