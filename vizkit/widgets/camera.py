"""The reader's camera as a source of pictures."""

import io
from collections.abc import Mapping
from typing import Any

import traitlets
from PIL import Image, UnidentifiedImageError

from vizkit.widgets.browser_side import JS, View, javascript

#: Largest frame that is taken, in bytes and in pixels of its longer side.
BYTES, SIDE = 1 << 20, 2048


class Camera(View):
    """Sends frames of the camera to the kernel, one at a time: the next when the last is answered.

    Frames are kept in memory only, the last one.

    Attributes
    ----------
    side : int
        Of a frame's shorter side, in pixels.
    frame : PIL.Image.Image or None
        The newest.
    """

    _esm = javascript("view.js", "camera.js")
    _css = (JS / "view.css").read_text(encoding="utf-8")
    side = traitlets.Int(256).tag(sync=True)
    frame = traitlets.Any(None, allow_none=True)

    def _on_frame(self, _: Mapping[str, Any], buffers: Any) -> None:
        self.frame = picture_of(bytes(buffers[0][: BYTES + 1]) if buffers else b"")


def picture_of(content: bytes) -> Image.Image:
    """Decode a frame.

    Raises
    ------
    ValueError
        If it is no JPEG, or too large.
    """
    if len(content) > BYTES:
        raise ValueError(f"a frame of the camera must have at most {BYTES:,} bytes, got more")
    if not content.startswith(b"\xff\xd8"):
        raise ValueError(f"a frame of the camera must be a JPEG, got {len(content):,} bytes of something else")
    try:
        picture = Image.open(io.BytesIO(content), formats=["JPEG"])
        if max(picture.size) > SIDE:
            raise ValueError(f"a frame of the camera must have at most {SIDE} pixels a side, got {max(picture.size)}")
        return picture.convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError) as error:
        raise ValueError("a frame of the camera must be a JPEG, got a broken one") from error
