"""Whether a panel's listing makes what the panel shows: for tests, and for grading a panel."""

from collections.abc import Collection, Mapping
from typing import Any
from unittest import mock

import plotly.graph_objects as go

from vizkit.core.remembered import forget_all
from vizkit.figures.raster import Raster
from vizkit.figures.sounds import Sound
from vizkit.widgets.items import Measured
from vizkit.widgets.page import Panel


def shown_by(code: str, names: Mapping[str, Any] | None = None) -> tuple[list[Any], dict[str, Any]]:
    """Execute a listing as a fresh kernel would; return what it displays and prints, and its names."""
    shown: list[Any] = []
    namespace = {"print": lambda *parts: shown.append(" ".join(map(str, parts))), **(names or {})}
    forget_all()  # or it would be compared with itself
    with mock.patch("IPython.display.display", shown.append):
        exec(compile(code, "listing", "exec"), namespace)
    return shown, namespace


def disagreements(panel: Panel, *, without: Collection[str] = (), code: str | None = None) -> list[str]:
    """Return the names of the items that a panel's listing shows otherwise than the panel.

    Parameters
    ----------
    panel : Panel
    without : collection of str
        Items that are not compared; nor are those that are `Measured`.
    code : str, optional
        Another listing than the panel's.

    Raises
    ------
    ValueError
        If the listing shows more or fewer items than the panel.
    """
    own = {name: getattr(value, "result", value) for name, value in panel.fields.own.items()}
    shown, _ = shown_by(panel.code if code is None else code, own)
    items = {name: item for name, item in panel.items.items() if name not in panel.failures}
    if len(shown) != len(items):
        raise ValueError(f"the listing must show {', '.join(items)}, got {len(shown)} items")
    hidden = {*without, *panel.function.source.measured}
    pairs = zip(items.items(), shown, strict=True)
    return [name for (name, item), other in pairs if name not in hidden and plain(item) != plain(other)]


def plain(item: Any) -> tuple[Any, ...]:
    """Return what an item is equal by: a picture or a sound by its bytes, a chart by its JSON, a text by its text."""
    item = item.item if isinstance(item, Measured) else item
    if isinstance(item, Raster):
        return "picture", item.encoded(), item.alt
    if isinstance(item, Sound):
        return "sound", item.encoded(), item.label
    if isinstance(item, go.Figure):
        return "chart", go.Figure(item).to_json()
    return "text", str(item)
