"""A picture on the page that can change, be looked at closely, and be touched."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import traitlets

from vizkit.figures.raster import Raster, jpeg, png
from vizkit.widgets.browser_side import JS, View, javascript, number
from vizkit.widgets.looks import own_layout

#: Places of a curve that one message may hold.
MOST = 2000


class PictureView(View):
    """Shows a `Raster` with its alternative text; zoom, copy, download and full screen are its own.

    A map over the picture and frames on it are drawn by the browser: its strength, and the outline
    that follows a pointer, need no kernel. Works wherever anywidgets do, without a panel as well.

    Parameters
    ----------
    raster : Raster, optional

    Attributes
    ----------
    raster : Raster or None
        What is shown.
    marks : list of dict
        Drawn over it, in its pixels: ``{"kind": "box", "at": (x0, y0, x1, y1)}``, a point (x, y), a
        curve of points, a grid (dx, dy).
    hand : {"", "click", "drag", "box", "curve"}
        What a pointer does on it.
    outline : dict
        What follows the pointer: ``{"side": pixels}`` or ``{"tiles": {...}}``.
    hovers : bool
        Whether places are told while no button is down.
    held : bool
        Whether a pointer is down on it and may move.
    on_release : callable or None
        Called when it is let go.
    """

    _esm = javascript("view.js", "picture.js")
    _css = (JS / "view.css").read_text(encoding="utf-8")
    content = traitlets.Bytes().tag(sync=True)
    format = traitlets.Unicode("image/jpeg").tag(sync=True)
    heat = traitlets.Bytes().tag(sync=True)
    opacity = traitlets.Float(1.0).tag(sync=True)
    marks: Any = traitlets.List().tag(sync=True)
    alt = traitlets.Unicode("").tag(sync=True)
    size = traitlets.List(traitlets.Int(), [1, 1]).tag(sync=True)
    name = traitlets.Unicode("").tag(sync=True)
    hand = traitlets.Enum(("", "click", "drag", "box", "curve"), "").tag(sync=True)
    outline = traitlets.Dict().tag(sync=True)
    hovers = traitlets.Bool(False).tag(sync=True)

    def __init__(self, raster: Raster | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.add_class("vizkit-picture")
        self.raster: Raster | None = None
        self._callbacks: list[tuple[str, Callable[..., None]]] = []
        self._hover: list[Callable[[int, int], None]] = []
        self._encoded: tuple[tuple[bool, bool] | None, Any] = None, None
        self.held = False
        self.on_release: Callable[[], None] | None = None
        if raster is not None:
            self.show(raster)

    def show(self, raster: Raster, width: int | None = None, *, preview: bool = False) -> None:
        """Replace the picture; it is shown at its own width unless another is given.

        Parameters
        ----------
        raster : Raster
        width : int, optional
            In pixels on the page.
        preview : bool
            Whether the next one comes at once: a third of the bytes will do.
        """
        heat, before = raster.heat, self.raster.heat if self.raster is not None else None
        below = raster.pixels if heat is None else heat.base
        with self.hold_sync():
            if heat is not None and (before is None or before.opacity != heat.opacity):
                self.opacity = heat.opacity  # else it stays as a hand has set it
            self.more, old = preview, (self.content, self.heat)
            self.heat = b"" if heat is None else png(heat.colors)
            self.raster = raster
            self.format = "image/png" if raster.exact else "image/jpeg"
            kind = raster.exact, preview
            # Where only what is over the picture is new, the picture itself is not encoded again.
            if kind != self._encoded[0] or not np.array_equal(below, self._encoded[1]):
                self.content = png(below) if raster.exact else jpeg(below, 60 if preview else 90)
                self._encoded = kind, below
            if (self.content, self.heat) != old:
                self._count(len(self.content) + len(self.heat))
            self.alt, self.size = raster.alt, [raster.width, raster.height]
            self.marks = [{"kind": "box", "at": list(box)} for box in raster.frames]
            # As wide as the picture and no wider, so that a click's place is the picture's.
            layout = own_layout(self)
            layout.width, layout.max_width = f"{width or raster.width}px", "100%"

    def on_hand(self, callback: Callable[..., None], hand: str) -> None:
        """Call ``callback(down, x, y)`` with the place in pixels where the pointer is pressed or dragged to.

        Parameters
        ----------
        callback : callable
            Of a curve it gets all its places so far instead: ``callback([(x, y), ...])``.
        hand : {"click", "drag", "box", "curve"}
            Other than a click, the pointer is followed while it is down.
        """
        self._callbacks.append((hand, callback))
        if not self.hand or (hand != "click" and self.hand != "curve"):  # a curve's way has what the others need
            self.hand = hand

    def on_hover(self, callback: Callable[[int, int], None]) -> None:
        """Call ``callback(x, y)`` with the place in pixels over which the pointer is."""
        self.hovers = True
        self._hover.append(callback)

    def _on_press(self, content: Mapping[str, Any], _: Any) -> None:
        self.held = self.hand != "click"
        for hand, callback in self._callbacks:
            self._call(callback, hand, content, down=True)

    def _on_move(self, content: Mapping[str, Any], _: Any) -> None:
        for hand, callback in self._callbacks:
            if hand != "click":
                self._call(callback, hand, content, down=False)

    def _call(self, callback: Callable[..., None], hand: str, content: Mapping[str, Any], *, down: bool) -> None:
        if hand != "curve":
            callback(down, *self._place(content))
            return
        way = content.get("way")
        if not isinstance(way, list) or not 0 < len(way) <= MOST or not all(_is_pair(at) for at in way):
            raise ValueError(f"way from the page must be 1 to {MOST} places [x, y], got {str(way)[:40]}")
        callback([self._place({"x": x, "y": y}) for x, y in way])

    def _on_release(self, _: Mapping[str, Any], __: Any) -> None:
        self.held = False
        if self.on_release is not None:
            self.on_release()

    def _on_hover(self, content: Mapping[str, Any], _: Any) -> None:
        for callback in self._hover:
            callback(*self._place(content))

    def _place(self, content: Mapping[str, Any]) -> tuple[int, int]:
        places = (int(number(content, axis, 0, length)) for axis, length in zip("xy", self.size, strict=True))
        x, y = (min(at, length - 1) for at, length in zip(places, self.size, strict=True))
        return x, y


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2
