"""Ways to lay a panel's pictures, charts and texts out."""

import ipywidgets as widgets

Shown = dict[str, widgets.Widget]
_WRAP = widgets.Layout(flex_flow="row wrap", grid_gap="16px")


def column(shown: Shown) -> widgets.Widget:
    """Put everything below each other."""
    return widgets.VBox(list(shown.values()))


def row(shown: Shown) -> widgets.Widget:
    """Put everything side by side, wrapping where the page ends."""
    return widgets.HBox(list(shown.values()), layout=_WRAP)


def first_above(shown: Shown) -> widgets.Widget:
    """Put the first above the others, which stand side by side."""
    first, *others = shown.values()
    return widgets.VBox([first, widgets.HBox(others, layout=_WRAP)])


def last_right(shown: Shown) -> widgets.Widget:
    """Put the last to the right of the others, which stand below each other."""
    *others, last = shown.values()
    return widgets.HBox([widgets.VBox(others), last], layout=_WRAP)


def first_left(shown: Shown) -> widgets.Widget:
    """Put the first to the left of the others, which stand below each other."""
    first, *others = shown.values()
    return widgets.HBox([first, widgets.VBox(others)], layout=_WRAP)
