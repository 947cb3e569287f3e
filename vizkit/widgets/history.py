"""The pictures of a run so far, to go back to and to keep as a film."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vizkit.figures.raster import Raster
from vizkit.widgets import controls as make

#: A film of more frames takes long to save and longer to send.
MOST = 60


@dataclass(frozen=True)
class Frame:
    """A picture of a run, encoded: a hundred of them fit where ten would as pixels."""

    index: int
    content: bytes
    alt: str

    def raster(self) -> Raster:
        """Return the picture."""
        return Raster(np.asarray(Image.open(io.BytesIO(self.content)).convert("RGB")), self.alt)


class History:
    """At most `MOST` frames, spread evenly over the run however long it gets.

    Parameters
    ----------
    show : callable
        ``show(raster)`` when a hand moves the slider.

    Attributes
    ----------
    frames : list of Frame
    slider : Widget
    """

    def __init__(self, show: Callable[[Raster], None]) -> None:
        self.frames: list[Frame] = []
        self._show, self._stride, self._seen, self._moving = show, 1, 0, False
        self.slider = make.slider("history", 0, 0, 0, live=True)
        self.slider.disabled = True
        self.slider.observe(self._pick, "value")

    def add(self, index: int, raster: Raster) -> None:
        """Keep the picture of a step, if it is its turn."""
        if self._seen % self._stride == 0:
            self.frames.append(Frame(index, raster.encoded()[1], raster.alt))
            if len(self.frames) > MOST:
                del self.frames[1::2]
                self._stride *= 2
            self._follow()
        self._seen += 1

    def clear(self) -> None:
        """Forget everything."""
        self.frames.clear()
        self._stride, self._seen = 1, 0
        self._follow()

    def save(self, path: Path, seconds: float = 0.1) -> Path:
        """Write the frames as an animated GIF that loops.

        Parameters
        ----------
        path : Path
        seconds : float
            Between two frames; the last one stays for ten times as long.
        """
        pictures = [Image.fromarray(frame.raster().pixels) for frame in self.frames]
        size = pictures[-1].size  # a run may change its picture's size
        first, *others = [picture.resize(size) for picture in pictures]
        steps = [round(1000 * seconds)] * len(others) + [round(10_000 * seconds)]
        first.save(path, save_all=True, append_images=others, duration=steps, loop=0)
        return path

    def _follow(self) -> None:
        self._moving = True  # by the run, not by a hand
        try:
            end = max(len(self.frames) - 1, 0)
            make.update(self.slider, max=end, value=end)
            self.slider.disabled = end == 0
        finally:
            self._moving = False

    def _pick(self, change: dict[str, int]) -> None:
        if not self._moving and self.frames:
            self._show(self.frames[change["new"]].raster())
