"""Receptors, tuning curves and Gabor patches as charts and pictures."""

from collections.abc import Mapping

import plotly.graph_objects as go
from torch import Tensor

from vizkit.figures.charts import named_curves
from vizkit.figures.pictures import Tiles, contrast, enlarge, tiles
from vizkit.figures.theme import ACCENT, CLASSES, layout
from vizkit.methods.eye import GaborFit, Tuning

#: Of the receptors, in their order: reddish, greenish, bluish, gray.
COLORS = ("#d62728", "#2ca02c", "#1f77b4", "#555555")


def sensitivity_chart(wavelengths: Tensor, curves: Mapping[str, Tensor]) -> go.Figure:
    """Draw how well each receptor absorbs each wavelength."""
    looks = {
        name: {"color": color, "dash": "dash" if name == "rods" else "solid"}
        for name, color in zip(curves, COLORS, strict=True)
    }
    lines = {name: values.tolist() for name, values in curves.items()}
    title, share = "What each receptor absorbs", "share of its peak"
    return named_curves(lines, wavelengths.tolist(), title, "wavelength [nm]", share, form=".0%", looks=looks)


def polar_tuning(tuning: Tuning, channel: int, angle: float) -> go.Figure:
    """Draw a channel's answers to a bar around a circle: a bar turned by half a turn is the same bar.

    Parameters
    ----------
    tuning : Tuning
    channel : int
    angle : float
        In degrees, marked.
    """
    one = tuning.responses[channel]
    around = [*tuning.angles.tolist(), *(tuning.angles + 180).tolist(), 360.0]
    radius = [*one.tolist(), *one.tolist(), float(one[0])]
    most = max(radius) or 1.0
    figure = go.Figure()
    line = {"color": CLASSES[0], "width": 3}
    figure.add_scatterpolar(r=radius, theta=around, mode="lines", fill="toself", line=line, name="answer")
    now = {"color": ACCENT, "width": 4}
    figure.add_scatterpolar(r=[most, 0, most], theta=[angle, 0, angle + 180], mode="lines", line=now, name="the bar")
    return layout(
        figure,
        width=420,
        height=380,
        title_text=f"Channel {channel}, by the bar's angle",
        polar={"radialaxis": {"showticklabels": False}, "angularaxis": {"ticksuffix": "°"}},
        showlegend=False,
        margin={"l": 50, "r": 50, "t": 70, "b": 40},
    )


def selectivity_bars(selectivity: Tensor, channel: int, least: float) -> go.Figure:
    """Draw how many channels are how selective, one of them marked."""
    figure = go.Figure()
    figure.add_histogram(
        x=selectivity.tolist(), xbins={"start": 0, "end": 1, "size": 0.05}, marker_color=CLASSES[0], name="channels"
    )
    figure.add_vline(x=float(selectivity[channel]), line_color=ACCENT, line_width=4)
    figure.add_vline(x=least, line_dash="dash", line_color="#888888")
    return layout(
        figure,
        width=460,
        height=330,
        title_text="How selective the channels are",
        xaxis={"title": "1 - circular variance", "range": [0, 1]},
        yaxis_title="channels",
        bargap=0.05,
    )


def beside_gabors(weight: Tensor, fit: GaborFit, count: int) -> tuple[Tiles, Tiles]:
    """Lay filters out, those that are most like a Gabor first, and their Gabors in the same order.

    Parameters
    ----------
    weight : Tensor, shape (filters, 3, k, k)
    fit : GaborFit
        Of the same filters.
    count : int
        How many are shown.
    """
    order = fit.explained.argsort(descending=True)[:count]
    captions = [f"{share:.0%}" for share in fit.explained[order].tolist()]
    pair = [enlarge(contrast(one[order]), 56) for one in (weight, fit.fitted)]
    left, right = (
        tiles(one, alt, columns=8, gap=4, captions=captions)
        for one, alt in zip(pair, ("Filters", "The Gabor that is nearest to each"), strict=True)
    )
    return left, right
