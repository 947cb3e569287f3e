"""Curves and bars."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from torch import Tensor

from vizkit.figures.theme import CLASSES, layout, legend_above
from vizkit.methods.filters import WeightCount
from vizkit.methods.receptive_field import ReceptiveField

#: Of a chart beside another one: half of what a panel shows without shrinking it.
HALF = (385, 300)


def add_banded(
    figure: go.Figure,
    across: Sequence[float],
    rows: Tensor,
    name: str,
    color: str,
    *,
    ends: tuple[float, float] = (0.0, 1.0),
    opacity: float = 0.2,
    mode: str = "lines+markers",
) -> None:
    """Add a curve to a chart: the mean of many, in a band that holds them or most of them.

    Parameters
    ----------
    figure : go.Figure
    across : sequence of float
        The n places.
    rows : Tensor, shape (draws, n)
    name, color : str
    ends : (float, float)
        Quantiles from which to which the band goes.
    opacity : float
        Of the band.
    mode : str
        Of the curve, plotly's.
    """
    low, high = rows.quantile(rows.new_tensor(ends), dim=0).tolist()
    figure.add_scatter(
        x=[*across, *across[::-1]],
        y=[*low, *high[::-1]],
        mode="none",
        fill="toself",
        fillcolor=color,
        opacity=opacity,
        showlegend=False,
        hoverinfo="skip",
    )
    line = {"color": color, "width": 3}
    figure.add_scatter(x=list(across), y=rows.mean(0).tolist(), mode=mode, name=name, line=line, marker_size=8)


def named_curves(
    curves: Mapping[str, Sequence[float]],
    across: Sequence[float],
    title: str,
    x: str,
    y: str,
    *,
    form: str = "",
    now: float | None = None,
    looks: Mapping[str, dict[str, Any]] | None = None,
    size: tuple[int, int] = (600, 340),
) -> go.Figure:
    """Draw curves over the same places, each with its name.

    Parameters
    ----------
    curves : mapping of str to sequence of float
    across : sequence of float
    title, x, y : str
    form : str
        Of the numbers at the left, d3's: ``".0%"``.
    now : float, optional
        A place to mark.
    looks : mapping of str to dict, optional
        Lines of the curves, plotly's; a color each by default.
    size : (int, int)
        Width and height in pixels; `HALF` for two beside each other.
    """
    figure = go.Figure()
    for (name, values), color in zip(curves.items(), CLASSES, strict=False):
        line = {"color": color, "width": 3, **(looks or {}).get(name, {})}
        mode = "lines+markers" if len(across) < 30 else "lines"
        at, found = np.asarray(across), np.asarray(values)
        figure.add_scatter(x=at, y=found, name=name, mode=mode, line=line, marker_size=8)
    if now is not None:
        figure.add_vline(x=now, line_dash="dash", line_color="#888888")
    return layout(
        figure,
        width=size[0],
        height=size[1],
        **legend_above(title),
        xaxis_title=x,
        yaxis={"title": y, "tickformat": form},
    )


def weight_bars(count: WeightCount) -> go.Figure:
    """Compare a convolution's number of weights with a fully connected layer's, log scale."""
    values = [count.shared, count.connected]
    bars = go.Bar(
        x=values,
        y=["convolution", "fully connected"],
        orientation="h",
        marker_color=[CLASSES[2], CLASSES[1]],
        text=[f"{value:,}" for value in values],
        textposition="auto",
        textfont_size=17,
        hoverinfo="skip",
    )
    top = math.ceil(math.log10(max(values))) + 0.2
    return layout(
        go.Figure(bars),
        height=250,
        title_text=f"Weights to learn: {count.ratio:,.0f} times fewer",
        xaxis={"type": "log", "range": [0, top], "title": "weights (log scale)", "dtick": 1},
        margin_l=140,
    )


def tied_weights(matrix: Tensor, weights: int = 0) -> go.Figure:
    """Draw which weight joins which pixel to which output, each weight in one color; white: none.

    Parameters
    ----------
    matrix : Tensor, int64, shape (outputs, pixels)
        From `convolution_matrix`.
    weights : int
        How many there are, where some are left out; the largest number by default.
    """
    count, present = weights or int(matrix.max()), matrix[matrix > 0]
    numbers = matrix.double().where(matrix > 0, torch.nan)
    shares = "weight %{z}: pixel %{x} to output %{y}<extra></extra>"
    look = {"colorscale": "Turbo", "zmin": 1, "zmax": max(count, 2), "showscale": False, "xgap": 1, "ygap": 1}
    drawn = go.Heatmap(z=numbers.tolist(), **look, hovertemplate=shares)
    return layout(
        go.Figure(drawn),
        width=640,
        height=360,
        title_text=f"{len(present)} of {matrix.numel():,} places have a weight, of which there are {count}",
        xaxis={"title": "pixel"},
        yaxis={"title": "output", "autorange": "reversed"},
    )


def field_curve(fields: Mapping[str, ReceptiveField], picture: int) -> go.Figure:
    """Draw how the receptive field grows from layer to layer.

    Parameters
    ----------
    fields : mapping of str to ReceptiveField
        In forward order; layers that see the whole picture are left out.
    picture : int
        Side of the net's own pictures in pixels, drawn as a line.
    """
    seen = {name: field for name, field in fields.items() if not field.is_whole}
    sizes = [int(field.vertical.size) for field in seen.values()]
    strides = [int(field.vertical.stride) for field in seen.values()]
    figure = go.Figure(
        [
            go.Scatter(
                x=list(seen),
                y=sizes,
                name="receptive field",
                mode="lines+markers",
                line={"color": CLASSES[0], "width": 3},
                marker_size=8,
            ),
            go.Scatter(
                x=list(seen),
                y=strides,
                name="stride",
                mode="lines+markers",
                line={"color": CLASSES[1], "width": 3, "dash": "dot"},
                marker_size=8,
            ),
        ]
    )
    figure.add_hline(
        y=picture,
        line_dash="dash",
        line_color="#888888",
        annotation_text=f"the net's own pictures: {picture} px",
        annotation_position="top left",
    )
    return layout(
        figure,
        width=600,
        height=380,
        title_text="What one unit sees",
        yaxis_title="pixels",
        xaxis={"title": "layer", "tickangle": -50},
        legend={"x": 0.02, "y": 0.86},
        margin_b=110,
    )
