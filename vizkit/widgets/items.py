"""What a panel can show, and the place on the page where each item stands."""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
import plotly.graph_objects as go

from vizkit.core.checks import first_line
from vizkit.figures.raster import Raster
from vizkit.figures.sounds import Sound
from vizkit.figures.texts import bare, markup
from vizkit.widgets.chart import ChartView
from vizkit.widgets.looks import alike, shared
from vizkit.widgets.picture import PictureView


@dataclass(frozen=True)
class Measured:
    """An item that is not the same twice: a time, a memory. No test expects it twice.

    Parameters
    ----------
    item : object
    """

    item: Any


@dataclass(frozen=True)
class Failed:
    """In place of an item that could not be drawn.

    Parameters
    ----------
    error : Exception
    """

    error: Exception


def alert(message: str) -> str:
    """Return one sentence of HTML about what went wrong."""
    return f'<div class="vizkit-error" role="alert">{escape(message)}</div>'


def html_of(item: Any) -> str:
    """Return an item as HTML: a text escaped, anything else as it shows itself.

    Raises
    ------
    TypeError
        If it is nothing that can be shown.
    """
    if hasattr(item, "_repr_html_"):
        return str(item._repr_html_())
    if isinstance(item, str):
        return markup(item)
    raise TypeError(
        f"an item must be a picture, a chart, a sound, a text or something with _repr_html_, got {type(item).__name__}"
    )


def discard(widget: widgets.Widget) -> None:
    """Close a widget that is on the page no more, with all that is inside it: else kernel and page keep it for good."""
    for child in getattr(widget, "children", ()):
        discard(child)
    for part in (getattr(widget, "layout", None), getattr(widget, "style", None), widget):
        if isinstance(part, widgets.Widget) and not shared(part):
            part.close()


class Slot:
    """The place of one item: its caption, and a widget that follows the item.

    Parameters
    ----------
    name, caption : str
    attach : callable
        ``attach(widget)`` lets hands listen to a picture or a chart that is new on the page.
    hurried : callable
        Whether the next picture comes at once: then a third of the bytes will do for this one.
    say : callable
        ``say(error)``: what went wrong in a sentence.

    Attributes
    ----------
    item : object
        What is shown: a `Raster`, a figure, a `Sound`, a text.
    shown : Widget
    error : Exception or None
        Why the item could not be drawn; its place says so, and only its place.
    waiting : callable or None
        Makes the item when there is time for it.
    """

    def __init__(
        self,
        name: str,
        caption: str,
        attach: Callable[[Any], None],
        hurried: Callable[[], bool] = lambda: False,
        say: Callable[[Exception], str] = first_line,
    ) -> None:
        self._say = say
        self.name = name
        self.item: Any = None
        self.error: Exception | None = None
        self._attach, self._hurried, self._rough, self.share = attach, hurried, False, 1.0
        self.waiting: Callable[[], Any] | None = None
        self.drawn_at = 0.0
        self.shown: Any = alike(widgets.HTML)
        words = f'<div class="vizkit-caption">{escape(caption)}</div>'
        self._caption = [alike(widgets.HTML, words)] if caption else []
        self.caption = caption
        self.view = alike(widgets.VBox, [*self._caption, self.shown]).add_class("vizkit-item")

    def show(self, item: Any) -> None:
        """Show an item; one that fails leaves a sentence in its place."""
        try:
            if isinstance(item, Failed):
                raise item.error
            item = item.item if isinstance(item, Measured) else item
            if item is self.item and self.error is None:
                return  # a chart that did not change costs 50 ms
            self._put(item)
            self.item, self.error = item, None
        except Exception as error:
            self.error = error
            self._html(alert(self._say(error)))

    def fit(self, share: float) -> None:
        """Show a picture or a chart at a share of its own size."""
        self.share = share
        if isinstance(self.item, Raster) and isinstance(self.shown, PictureView):
            self.shown.layout.width = f"{self.wide(self.item)}px"
        elif isinstance(self.item, go.Figure) and isinstance(self.shown, ChartView):
            wide, high, _ = self.size
            self.shown.size = [int(wide * share), int(high * share)]

    def sharpen(self) -> None:
        """Show a picture or a chart in full that was shown in a hurry."""
        if self._rough and self.error is None:
            self._rough = False
            if isinstance(self.item, Raster):
                self.shown.show(self.item, self.wide(self.item))
            elif isinstance(self.item, go.Figure):
                self.shown.show(self.item)

    def wide(self, raster: Raster) -> int:
        """Return the width at which a picture is shown."""
        return max(48, int(raster.width * self.share))

    def _put(self, item: Any) -> None:
        if isinstance(item, Raster):
            self._picture(item)
        elif isinstance(item, go.Figure):
            self._chart(item)
        else:
            self._html(html_of(item))

    def _become(self, widget: Any) -> None:
        before, self.shown = self.shown, widget
        self.view.children = [*self._caption, widget]
        discard(before)
        self._attach(widget)

    def _picture(self, raster: Raster) -> None:
        new = not isinstance(self.shown, PictureView)
        shown = PictureView(name=self.name) if new else self.shown
        self._rough = self._hurried()
        shown.show(raster, self.wide(raster), preview=self._rough)
        if new:
            self._become(shown)

    def _html(self, text: str) -> None:
        self._rough = False
        if type(self.shown) is not widgets.HTML:
            self._become(alike(widgets.HTML))
        self.shown.value = text

    def _chart(self, figure: go.Figure) -> None:
        if isinstance(self.shown, ChartView):
            self._rough = self._hurried()
            self.shown.show(figure, preview=self._rough)
        else:
            self._rough = False
            self._become(ChartView(figure))

    @property
    def sent(self) -> int:
        """Bytes that went to the page so far."""
        return int(getattr(self.shown, "sent", 0))

    @property
    def size(self) -> tuple[int, int, bool]:
        """Width and height at its own size in pixels, and whether it can be shown smaller."""
        if isinstance(self.item, Raster):
            return self.item.width, self.item.height, True
        if isinstance(self.item, go.Figure):
            layout = self.item.layout
            return int(layout.width or 620), int(layout.height or 360), True
        if isinstance(self.item, Sound):
            return self.item.width, self.item.height, False
        text = html_of(self.item) if self.item is not None else ""
        wide = re.search(r"width: (\d+)px", text)
        return (int(wide[1]) if wide else 300, 24 * max(text.count("<tr"), 1 + len(bare(text)) // 50), False)

    def save(self, path: Callable[[str, str], Path]) -> list[Path]:
        """Write the item: a picture as PNG, a sound as WAV, a chart as HTML and its numbers as CSV.

        Parameters
        ----------
        path : callable
            ``path(name, suffix)``: a file that does not exist yet.
        """
        if isinstance(self.item, Raster):
            return [self.item.save(path(self.name, "png"))]
        if isinstance(self.item, Sound):
            return [self.item.save(path(self.name, "wav"))]
        if not isinstance(self.item, go.Figure):
            return []
        page = path(self.name, "html")
        self.item.write_html(page)
        numbers = path(self.name, "csv")
        with numbers.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(numbers_of(self.item))
        return [page, numbers]


def numbers_of(figure: go.Figure) -> list[list[Any]]:
    """Return a chart's numbers as rows: the trace's name, then x, y and z of each of its points."""
    rows: list[list[Any]] = [["trace", "x", "y", "z"]]
    for index, trace in enumerate(figure.data):
        columns = [
            np.asarray([] if trace[a] is None else trace[a], object) if a in trace else np.asarray([], object)
            for a in "xyz"
        ]
        x, y, z = columns
        name = trace.name or f"{trace.type} {index}"
        if z.ndim == 2:
            xs = x if x.size else np.arange(z.shape[1])
            ys = y if y.size else np.arange(z.shape[0])
            rows += [[name, xs[j], ys[i], z[i, j]] for i, j in np.ndindex(z.shape)]
            continue
        count = max(len(x), len(y), len(z))
        cells = [list(one) if len(one) == count else [""] * count for one in columns]
        rows += [[name, *row] for row in zip(*cells, strict=True)]
    return rows
