"""A picture on the page that can change and be clicked."""

from collections.abc import Callable
from typing import Any

import ipyevents
import ipywidgets as widgets

from vizkit.figures.raster import Raster


class Picture(widgets.HTML):
    """Shows a `Raster` as an ``<img>`` with its alternative text.

    Parameters
    ----------
    raster : Raster, optional

    Attributes
    ----------
    raster : Raster or None
        What is shown.
    """

    def __init__(self, raster: Raster | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.add_class("vizkit-picture")
        self.raster: Raster | None = None
        self._events: ipyevents.Event | None = None
        if raster is not None:
            self.show(raster)

    def show(self, raster: Raster, width: int | None = None) -> None:
        """Replace the picture; it is shown at its own width unless another is given."""
        self.raster = raster
        # As wide as the picture and no wider, so that a click's place is the picture's.
        self.layout.width = f"{width or raster.width}px"
        self.layout.max_width = "100%"
        self.value = raster.html()

    def on_hand(self, callback: Callable[[bool, int, int], None], *, drag: bool) -> None:
        """Call ``callback(down, x, y)`` with the pixel where the pointer is pressed or dragged to.

        Parameters
        ----------
        callback : callable
        drag : bool
            Whether the pointer is followed while it is down; else a click is all there is.
        """
        # Sixteen times a second: a queue of old places would trail behind the hand.
        settings = {"wait": 60, "throttle_or_debounce": "throttle"} if drag else {}
        self.add_class("vizkit-clickable")
        self._events = ipyevents.Event(
            source=self,
            watched_events=["mousedown", "mousemove"] if drag else ["click"],
            prevent_default_action=True,
            **settings,
        )

        def happened(event: dict[str, Any]) -> None:
            moving = event.get("type") == "mousemove"
            if self.raster is None or (moving and not event.get("buttons", 0) & 1):
                return
            scale = self.raster.width / max(event["boundingRectWidth"], 1)
            x, y = (int(event[axis] * scale) for axis in ("relativeX", "relativeY"))
            place = min(max(x, 0), self.raster.width - 1), min(max(y, 0), self.raster.height - 1)
            callback(not moving, *place)

        self._events.on_dom_event(happened)
