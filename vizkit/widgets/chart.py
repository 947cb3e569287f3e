"""A chart on the page: plotly's, drawn by our own small widget, its library sent once a page."""

import base64
import gzip
import io
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from threading import Thread
from typing import Any

import numpy as np
import plotly.graph_objects as go
import traitlets
from IPython.core.getipython import get_ipython
from PIL import Image
from plotly.offline import get_plotlyjs, get_plotlyjs_version

from vizkit.figures.texts import bare
from vizkit.widgets.browser_side import JS, View, javascript, number

#: Seconds that a library on its way may take.
ARRIVES = 3.0
#: Bytes of a message that carries a part of the library: a hub's proxy lets them pass.
PART = 64 << 10
#: Most points that a hand may select.
MOST = 5000
#: Numbers from which on an array is sent as four bytes each: seven digits are enough for pixels.
MANY = 64


class ChartView(View):
    """Shows a plotly figure; a figure that takes its place sends only what is new in it.

    Works wherever anywidgets do, without a panel as well.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure, optional

    Attributes
    ----------
    figure : Figure
        What is shown.
    hand : {"", "click", "box", "curve"}
        What a pointer does on it.
    """

    _esm = javascript("view.js", "walk.js", "chart.js")
    _css = (JS / "view.css").read_text(encoding="utf-8")
    version = traitlets.Unicode(get_plotlyjs_version()).tag(sync=True)
    state = traitlets.Int(0).tag(sync=True, to_json=lambda _, view: view._whole())
    size = traitlets.List(traitlets.Int(), [0, 0]).tag(sync=True)
    alt = traitlets.Unicode("").tag(sync=True)
    hand = traitlets.Enum(("", "click", "box", "curve"), "").tag(sync=True)

    def __init__(self, figure: go.Figure | None = None, **settings: Any) -> None:
        self.figure = figure or go.Figure()
        self._drawn, self._at = _plain(self.figure), 0
        self._callbacks: list[tuple[str, Callable[[int, list[float], list[float]], None]]] = []
        self.still: bytes = b""
        super().__init__(alt=words_of(self.figure), **settings)
        self.add_class("vizkit-chart")
        self._push()

    def show(self, figure: go.Figure, *, preview: bool = False) -> None:
        """Replace the figure.

        Parameters
        ----------
        figure : Figure
        preview : bool
            Whether the next one comes at once: long arrays at two bytes a number will do.
        """
        before, now = self._drawn, _plain(figure)
        rough, self.more = self.more, preview
        self.figure, self._drawn, self.still = figure, now, b""
        self._at += 1
        kinds = [[trace.get("type") for trace in one["data"]] for one in (before, now)]
        if kinds[0] == kinds[1] and (preview or not rough):
            news = {
                "data": [_changes(old, new) for old, new in zip(before["data"], now["data"], strict=True)],
                "layout": _changes(before["layout"], now["layout"]),
            }
            packed, buffers = pack(news, rough=preview)
            self._count(sum(map(len, buffers)))
            self.send({"kind": "change", "at": self._at, **packed}, buffers)
        else:
            self.send_state("state")
        self.alt = words_of(figure)

    def on_hand(self, callback: Callable[[int, list[float], list[float]], None], hand: str) -> None:
        """Call ``callback(trace, xs, ys)`` with the points that are clicked, or that are selected.

        Several hands are told apart by what the pointer does: a click is a click's, a selection a box's or a curve's.

        Parameters
        ----------
        callback : callable
        hand : {"click", "box", "curve"}
        """
        if hand != "click" or not self.hand:
            self.hand = hand
        self._callbacks.append((hand, callback))

    def ask_still(self) -> None:
        """Let the browser draw the chart as PNG; `still` has it soon after."""
        self.send({"kind": "still"})

    def _whole(self) -> dict[str, Any]:
        template = self.figure.layout.template.to_plotly_json()
        layout = {**self._drawn["layout"], "template": template}
        packed, buffers = pack({"data": self._drawn["data"], "layout": layout})
        self._count(sum(map(len, buffers)))
        return {"at": self._at, "figure": packed, "buffers": buffers}

    # Messages from the page -------------------------------------------------------------------

    def _on_again(self, _: Mapping[str, Any], __: Any) -> None:
        self.send_state("state")

    def _on_at(self, content: Mapping[str, Any], _: Any) -> None:
        if number(content, "at", 0, math.inf) < self._at:
            self.send_state("state")

    def _on_library(self, content: Mapping[str, Any], _: Any) -> None:
        if not _Push.under_way():  # the page asks again
            self._send_library(packed=bool(content.get("packed")), text=bool(content.get("text")))

    def _on_still(self, _: Mapping[str, Any], buffers: Any) -> None:
        content = bytes(buffers[0]) if buffers else b""
        if not content.startswith(b"\x89PNG") or len(content) > 8 << 20:
            raise ValueError(f"a chart's picture from the page must be a PNG of at most 8 MB, got {len(content)} bytes")
        try:
            Image.open(io.BytesIO(content), formats=["PNG"]).verify()
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError("a chart's picture from the page must be a PNG, got a broken one") from error
        self.still = content

    def _on_click(self, content: Mapping[str, Any], _: Any) -> None:
        self._tell(content, ("click",))

    def _on_selected(self, content: Mapping[str, Any], _: Any) -> None:
        self._tell(content, ("box", "curve"))

    def _tell(self, content: Mapping[str, Any], hands: tuple[str, ...]) -> None:
        trace = int(number(content, "trace", 0, max(len(self.figure.data) - 1, 0)))
        xs, ys = _numbers(content, "x"), _numbers(content, "y")
        if len(xs) != len(ys):
            raise ValueError(f"x and y from the page must be of one length, got {len(xs)} and {len(ys)}")
        for hand, callback in self._callbacks:
            if hand in hands:
                callback(trace, xs, ys)

    # The library ------------------------------------------------------------------------------

    def _push(self) -> None:
        """Send the library with the session's first chart: a busy kernel would answer late."""
        if getattr(get_ipython(), "kernel", None) is not None and not _Push.begun:
            _Push.begun = True
            Thread(target=self._pushing, daemon=True).start()

    def _pushing(self) -> None:
        self._send_library()
        _Push.ended = time.monotonic()

    def _send_library(self, *, packed: bool = True, text: bool = False) -> None:
        code = library(packed)
        parts = [code[start : start + PART] for start in range(0, len(code), PART)]
        for index, part in enumerate(parts):
            content = {"kind": "part", "part": index, "of": len(parts), "packed": packed}
            if text:
                self.send({**content, "text": base64.b64encode(part).decode()})
            else:
                self.send(content, [part])


class _Push:
    """The library's way to the session's first chart."""

    begun = False
    ended = math.inf

    @classmethod
    def under_way(cls) -> bool:
        """Whether it is being sent, or may not have arrived yet on a busy machine."""
        return cls.begun and time.monotonic() < cls.ended + ARRIVES


@cache
def library(packed: bool) -> bytes:
    """Return plotly's own bundle from the installed package, as gzip if a browser can unpack that."""
    code = get_plotlyjs().encode()
    return gzip.compress(code, 6) if packed else code


def _numbers(content: Mapping[str, Any], name: str) -> list[float]:
    values = content.get(name)
    if not isinstance(values, list) or len(values) > MOST:
        raise ValueError(f"{name} from the page must be a list of at most {MOST} numbers, got {str(values)[:40]}")
    return [number({name: one}, name, -math.inf, math.inf) for one in values]


def words_of(figure: go.Figure) -> str:
    """Return a chart in words: its title, its axes, and the numbers each trace spans."""
    layout = figure.layout
    titles = [layout.title.text, layout.xaxis.title.text, layout.yaxis.title.text]
    heading = ", ".join(bare(one) for one in titles if one)
    traces = [said for trace in figure.data if (said := _span(trace))]
    more = f"; and {len(traces) - 6} more" if len(traces) > 6 else ""
    return f"Chart: {heading}" + "".join(f"; {said}" for said in traces[:6]) + more


def _span(trace: Any) -> str:
    """Return a trace's name, how many points it has, and what its last letter's numbers span."""
    for axis in ("z", "y", "x"):
        values = getattr(trace, axis, None) if axis in trace else None
        if values is None or not len(values):
            continue
        try:
            array = np.asarray(values, float)
        except (TypeError, ValueError):
            continue  # names, not numbers
        if array.size and np.isfinite(array).any():
            name = bare(trace.name or trace.type)
            low, high = np.nanmin(array), np.nanmax(array)
            many = "1 value" if array.size == 1 else f"{array.size:,} values"
            return f"{name}: {many}, {axis} {low:.3g} to {high:.3g}"
    return ""


# What is sent ------------------------------------------------------------------------------------


def pack(value: Any, *, rough: bool = False) -> tuple[Any, list[bytes]]:
    """Take the arrays out of a figure: what is left is JSON, each array a number in the list of buffers.

    Parameters
    ----------
    value : object
    rough : bool
        Whether long arrays of fractions become whole numbers of two bytes, between their least and
        their largest value.
    """
    buffers: list[bytes] = []

    def packed(one: Any) -> Any:
        if isinstance(one, _Tail):
            return {"$tail": packed(one.more)}
        if isinstance(one, Mapping):
            return {key: packed(inner) for key, inner in one.items()}
        if isinstance(one, (list, tuple)):
            return [packed(inner) for inner in one]
        if isinstance(one, np.generic):
            return packed(one.item())
        if isinstance(one, float) and not math.isfinite(one):
            return None
        if not isinstance(one, np.ndarray):
            return one
        if one.dtype.kind not in "fiub" or one.ndim not in (1, 2):
            return packed(one.tolist())
        scale: dict[str, float] = {}
        if rough and one.dtype.kind == "f" and one.size >= MANY and np.isfinite(one).all():
            low, span = float(one.min()), float(np.ptp(one)) or 1.0
            array = np.round((one - low) / span * 65535).astype("<u2")
            scale = {"low": low, "unit": span / 65535}
        else:
            array = _slim(one)
        buffers.append(array.tobytes())
        kind = f"{array.dtype.kind}{array.dtype.itemsize}"
        return {"$array": len(buffers) - 1, "dtype": kind, "shape": list(array.shape), **scale}

    return packed(value), buffers


def _slim(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return an array in a type that the browser knows, in few bytes."""
    if array.dtype.kind == "f":
        return array.astype("<f4" if array.size >= MANY or array.itemsize <= 4 else "<f8")
    return array.astype("<i4" if array.size == 0 or np.abs(array).max() < 2**31 else "<f8")


def _plain(figure: go.Figure) -> dict[str, Any]:
    """Return a figure's traces and layout as dicts, without the template that all charts share."""
    layout = dict(figure.layout.to_plotly_json())
    layout.pop("template", None)
    return {"data": [dict(one.to_plotly_json()) for one in figure.data], "layout": layout}


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is new in a trace or a layout; what is gone is None."""
    gone = dict.fromkeys(old.keys() - new.keys())
    return {**gone, **{key: _news(old.get(key), one) for key, one in new.items() if not _alike(old.get(key), one)}}


@dataclass(frozen=True)
class _Tail:
    """What a longer array has behind the one on the page: all that a curve of a live run needs to be sent."""

    more: np.ndarray[Any, Any]


def _news(old: Any, new: Any) -> Any:
    arrays = isinstance(old, np.ndarray) and isinstance(new, np.ndarray) and old.dtype.kind in "fiu"
    if not arrays or old.dtype != new.dtype or not old.ndim == new.ndim == 1 or not 0 < len(old) < len(new):
        return new
    grown = np.array_equal(old, new[: len(old)], equal_nan=True)
    return _Tail(new[len(old) :]) if grown else new


def _alike(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return type(one) is type(other) and one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_alike, one, other))
    return type(one) is type(other) and bool(one == other)
