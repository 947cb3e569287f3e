"""Layouts and styles that widgets share.

ipywidgets gives each widget a layout and a style of its own: two more models for the page to open, and to ask for when
it is loaded again. A lecture had a thousand of them, nearly all alike.
"""

from typing import Any

import ipywidgets as widgets

_SHARED: dict[tuple[Any, ...], widgets.Widget] = {}


def alike(
    kind: Any, *parts: Any, style: dict[str, str] | None = None, layout: dict[str, str] | None = None, **settings: Any
) -> Any:
    """Make a widget that shares its layout and its style with those that look the same.

    Parameters
    ----------
    kind : type of Widget
    *parts : object
        What it takes by place.
    style, layout : dict of str to str, optional
    **settings : object
        The widget's own.
    """
    return kind(*parts, **looks(kind, style, layout), **settings)


def looks(kind: Any, style: dict[str, str] | None = None, layout: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the shared layout, and where widgets of a kind have one the shared style, to make one with."""
    found = {"layout": _one(widgets.Layout, layout or {})}
    if "style" in kind.class_traits():
        found["style"] = _one(kind.class_traits()["style"].klass, style or {})
    return found


def own_layout(widget: Any) -> widgets.Layout:
    """Return the layout of a widget that is about to change, no other's any more."""
    if shared(widget.layout):
        settings = {name: getattr(widget.layout, name) for name in widget.layout.keys if not name.startswith("_")}
        widget.layout = widgets.Layout(**{name: value for name, value in settings.items() if value is not None})
    return widget.layout


def shared(part: Any) -> bool:
    """Return whether a layout or a style is one of those that widgets share."""
    return any(one is part for one in list(_SHARED.values()))


def _one(kind: Any, settings: dict[str, str]) -> widgets.Widget:
    key = (kind, *sorted(settings.items()))
    if key not in _SHARED or _SHARED[key].comm is None:  # closed by the user's own `Widget.close_all()`
        _SHARED[key] = kind(**settings)
    return _SHARED[key]
