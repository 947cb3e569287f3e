"""Runs a panel's listing in an empty namespace and compares all that it shows with the page."""

import plotly.graph_objects as go
import pytest

from vizkit.core.remembered import forget_all
from vizkit.figures.raster import Raster
from vizkit.widgets.items import Measured


def shown_by(code, names=None):
    """Execute a listing as a fresh kernel would; return what it displays and prints, in order."""
    shown = []
    namespace = {"print": lambda *parts: shown.append(" ".join(map(str, parts))), **(names or {})}
    forget_all()  # or it would be compared with itself
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("IPython.display.display", shown.append)
        exec(compile(code, "listing", "exec"), namespace)
    return shown, namespace


def plain(item):
    """What an item is equal by: a picture by its bytes, a chart by its JSON, a text by its text."""
    item = item.item if isinstance(item, Measured) else item
    if isinstance(item, Raster):
        return "picture", item.encoded(), item.alt
    if isinstance(item, go.Figure):
        return "chart", go.Figure(item).to_json()
    return "text", str(item)


def disagreements(panel, *, without=(), code=None):
    """Return the names of the items that the listing shows otherwise than the page."""
    code = panel.code if code is None else code
    yours = {name: panel.fields.own[name] for name in panel.fields.own}
    yours = {name: getattr(value, "result", value) for name, value in yours.items()}
    shown, _ = shown_by(code, yours)
    items = {name: item for name, item in panel.items.items() if panel._slots[name].error is None}
    assert len(shown) == len(items), (list(items), shown)
    without = {*without, *measured(panel)}
    return [
        name
        for (name, item), other in zip(items.items(), shown, strict=True)
        if name not in without and plain(item) != plain(other)
    ]


def measured(panel):
    """Names of the items that are not the same twice: their author says so."""
    return [
        name
        for name, node in panel.function.source.items.items()
        if panel.function.source.part(node).startswith("Measured(")
    ]
