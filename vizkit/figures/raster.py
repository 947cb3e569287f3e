"""A picture with the words that describe it, shown by Jupyter as ``<img alt>``."""

import base64
import io
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor


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
    """

    pixels: NDArray[np.uint8]
    alt: str
    exact: bool = False

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
        buffer = io.BytesIO()
        picture = Image.fromarray(self.pixels)
        if self.exact:
            picture.save(buffer, "PNG", compress_level=1)
            return "image/png", buffer.getvalue()
        picture.save(buffer, "JPEG", quality=90, subsampling=0)
        return "image/jpeg", buffer.getvalue()

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


class Html(str):
    """A text that is HTML already: bars, tables. Whoever makes one has escaped what is in it."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)


def to_uint8(image: Tensor) -> NDArray[np.uint8]:
    """Turn RGB (3, H, W) in [0, 1] into rows of pixels (H, W, 3), 0 to 255."""
    array: NDArray[Any] = image.detach().float().clamp(0, 1).mul(255).round().byte().cpu().numpy()
    return np.ascontiguousarray(np.moveaxis(array, 0, -1))
