"""One look for every chart and picture.

Viridis for amounts, red-blue centered on zero for signed values, Okabe-Ito for classes.
"""

from functools import cache
from typing import Any, Literal

import numpy as np
import plotly.colors
import plotly.graph_objects as go
import plotly.io as pio
from numpy.typing import NDArray

#: Okabe & Ito's eight colors that color-blind readers tell apart, without black.
CLASSES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")
#: For ten classes: three more that stay apart from those by their lightness.
TEN = (*CLASSES, "#222222", "#999999", "#882255")
INK = "#222222"
ACCENT = CLASSES[1]
FONT = "Inter, Segoe UI, Helvetica, Arial, sans-serif"

Palette = Literal["viridis", "rdbu", "gray"]
_SCALES = {
    "viridis": plotly.colors.sequential.Viridis,
    "rdbu": plotly.colors.diverging.RdBu[::-1],  # blue is negative, red is positive
    "gray": ["rgb(0,0,0)", "rgb(255,255,255)"],
}


@cache
def lookup(palette: Palette) -> NDArray[np.uint8]:
    """Return 256 colors, shape (256, 3), from the lowest value to the highest."""
    # A copy: plotly converts in place, and its own named scale would be broken for every chart.
    scale = list(_SCALES[palette])
    anchors = plotly.colors.convert_colors_to_same_type(scale, colortype="tuple")[0]
    anchors = np.array(anchors) * 255
    places = np.linspace(0, len(anchors) - 1, 256)
    columns = [np.interp(places, np.arange(len(anchors)), anchors[:, c]) for c in range(3)]
    return np.stack(columns, -1).round().astype(np.uint8)


@cache
def template(*, values: bool = True) -> go.layout.Template:
    """Return plotly's white look, of which only what our charts have: a sixth of the time.

    Parameters
    ----------
    values : bool
        Whether a chart has a third coordinate, as a color or as a height: without what that needs it is half the time.
    """
    white = pio.templates["plotly_white"].to_plotly_json()
    parts = ["xaxis", "yaxis", "paper_bgcolor", "plot_bgcolor", "hoverlabel", *["scene", "colorscale"] * values]
    look = {name: white["layout"][name] for name in parts}
    for axis in ("xaxis", "yaxis"):
        look[axis]["ticklabeloverflow"] = "allow"  # else labels are measured in each drawing, a quarter of it
    return go.layout.Template(layout=look, data={"bar": white["data"]["bar"]})


def layout(figure: go.Figure, *, width: int = 620, height: int = 360, **settings: Any) -> go.Figure:
    """Give a chart the kit's size, fonts and margins."""
    look: dict[str, Any] = {
        "template": template(values=any("z" in trace for trace in figure.data)),
        "width": width,
        "height": height,
        "colorway": CLASSES,
        "font": {"family": FONT, "size": 15, "color": INK},
        "title": {"font": {"size": 17}, "x": 0.02, "xanchor": "left"},
        "margin": {"l": 70, "r": 20, "t": 56, "b": 60},
    }
    if not figure.layout._props.keys() <= {"template"}:  # shapes, or several plots
        return figure.update_layout(look, **settings)
    # Set, not updated: that takes a third of the time, which a chart of a live run feels.
    for name in ("font", "title", "margin"):
        if isinstance(settings.get(name), dict):
            look[name] |= settings.pop(name)
        elif isinstance(settings.get(name), str):
            look[name]["text"] = settings.pop(name)
    figure.layout = {**look, **settings}
    return figure


def legend_above(title: str, **margin: int) -> dict[str, Any]:
    """Return the settings of `layout` that put a legend in a row between the title and the plot.

    Parameters
    ----------
    title : str
    margin : int
        In pixels: ``b`` below, where there are long words.
    """
    return {
        "title": {"text": title, "y": 0.96},
        "margin": {"l": 70, "r": 20, "t": 80, "b": 60} | margin,
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
    }
