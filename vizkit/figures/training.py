"""Nets as graphs, decision boundaries, filters as they are learned."""

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import torch
from torch import Tensor

from vizkit.figures.cells import beside, cells, written
from vizkit.figures.charts import HALF
from vizkit.figures.pictures import Tiles, enlarge, tiles
from vizkit.figures.raster import Raster
from vizkit.figures.theme import CLASSES, layout, legend_above
from vizkit.methods.backprop import Backprop

#: Of a sheet of filters.
SIDE = 42


def net_graph(found: Backprop, weights: Sequence[Tensor], layer: int) -> go.Figure:
    """Draw a net as the slides do: a circle per node with its value and its derivative, a line per weight.

    Parameters
    ----------
    found : Backprop
    weights : sequence of Tensor
    layer : int
        Whose weights are drawn strong: red if positive, blue if negative, the wider the larger.
    """
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    sizes = [len(one) for one in found.v]
    names = [[next(letters) for _ in range(size)] for size in sizes]
    names[-1] = ["z", *names[-1][1:]]
    heights = [[(size - 1) / 2 - row for row in range(size)] for size in sizes]
    figure = go.Figure()
    for number, matrix in enumerate(weights):
        limit = max(float(matrix.abs().max()), 1e-12)
        for row in range(matrix.shape[0]):
            for column in range(matrix.shape[1]):
                weight = float(matrix[row, column])
                color = ("#b2182b" if weight > 0 else "#2166ac") if number == layer else "#cccccc"
                line = {"color": color, "width": 1 + 6 * abs(weight) / limit if number == layer else 1.5}
                across, up = [number, number + 1], [heights[number][column], heights[number + 1][row]]
                figure.add_scatter(x=across, y=up, mode="lines", line=line, hoverinfo="skip", showlegend=False)
    for number, (values, slopes) in enumerate(zip(found.v, found.delta, strict=True)):
        texts = [
            f"<b>{name}</b> {written(value)}<br>δ {written(slope)}"
            for name, value, slope in zip(names[number], values.tolist(), slopes.tolist(), strict=True)
        ]
        mark = {"size": 54, "color": "white", "line": {"color": "#222222", "width": 2}}
        figure.add_scatter(
            x=[number] * len(texts),
            y=heights[number],
            mode="markers+text",
            text=texts,
            textfont_size=12,
            marker=mark,
            hoverinfo="skip",
            showlegend=False,
        )
    return layout(
        figure,
        width=385,
        height=330,
        title_text=f"Lines: W<sub>{layer}</sub>, red: positive, blue: negative",
        xaxis={"visible": False, "range": [-0.4, len(sizes) - 0.6]},
        yaxis={"visible": False, "range": [-1.55, 1.55]},
        margin={"l": 10, "r": 10, "t": 50, "b": 10},
    )


def outer_product(found: Backprop, layer: int) -> Raster:
    """Draw a gradient matrix as what it is: the column of the later layer's derivatives times the row of values."""
    column, row = found.delta_bar[layer][:, None], found.v[layer][None]
    parts = [cells(one, "a part", side=52) for one in (column, row, found.gradient[layer])]
    rows, columns = found.gradient[layer].shape
    alt = f"A column of {rows} derivatives times a row of {columns} values = a matrix of {rows} x {columns}"
    return beside(parts, alt, signs="·=", gap=30)


def back_product(found: Backprop, weights: Sequence[Tensor], layer: int) -> Raster:
    """Draw the slides' Claim 1: a layer's derivatives are the transposed weights times the next layer's."""
    column = found.delta_bar[layer][:, None]
    parts = [cells(one, "a part", side=52) for one in (weights[layer].T, column, found.delta[layer][:, None])]
    return beside(parts, "The transposed weights times the next layer's derivatives", signs="·=", gap=30)


def plane_chart(chance: Tensor, known: tuple[Tensor, Tensor], ends: float, title: str) -> go.Figure:
    """Draw how likely a net takes each place of a plane for the second class, and the training points.

    Parameters
    ----------
    chance : Tensor, shape (n, n)
        Over [-ends, ends] in both coordinates, in [0, 1].
    known : (Tensor, Tensor)
        Points (N, 2) and their classes.
    ends : float
    title : str
    """
    axis = torch.linspace(-ends, ends, len(chance)).tolist()
    scale = [[0, "#7fb2d9"], [0.5, "#ffffff"], [1, "#f0a878"]]
    figure = go.Figure(
        go.Contour(
            x=axis,
            y=axis,
            z=chance.tolist(),
            zmin=0,
            zmax=1,
            contours={"start": 0, "end": 1, "size": 0.125, "showlines": False},
            colorscale=scale,
            showscale=False,
            hoverinfo="skip",
        )
    )
    edge = {"start": 0.5, "end": 0.5, "coloring": "none"}
    figure.add_contour(
        x=axis,
        y=axis,
        z=chance.tolist(),
        contours=edge,
        line={"color": "#222222", "width": 3},
        showscale=False,
        hoverinfo="skip",
        showlegend=False,
    )
    places, labels = known
    for label in (0, 1):
        own = places[labels == label]
        mark = {"color": CLASSES[label], "size": 10, "line": {"color": "white", "width": 1.5}}
        figure.add_scatter(
            x=own[:, 0].tolist(), y=own[:, 1].tolist(), mode="markers", marker=mark, name=f"class {label + 1}"
        )
    return layout(
        figure,
        width=385,
        height=390,
        **legend_above(title, l=40, b=40),
        xaxis={"range": [-ends, ends]},
        yaxis={"range": [-ends, ends], "scaleanchor": "x"},
    )


def accuracy_bars(groups: Sequence[str], rows: Mapping[str, Sequence[float]], title: str, chance: float) -> go.Figure:
    """Draw shares of right answers as groups of bars, with a line at chance.

    Parameters
    ----------
    groups : sequence of str
        Below the groups.
    rows : mapping of str to sequence of float
        A bar in each group.
    title : str
    chance : float
        In [0, 1].
    """
    figure = go.Figure()
    for (name, values), color in zip(rows.items(), CLASSES, strict=False):
        figure.add_bar(
            x=list(groups),
            y=list(values),
            name=name,
            marker_color=color,
            text=[f"{value:.0%}" for value in values],
            textposition="auto",
            textfont_size=16,
        )
    figure.add_hline(y=chance, line_dash="dash", line_color="#888888", annotation_text="chance")
    return layout(
        figure,
        width=680,
        height=380,
        barmode="group",
        **legend_above(title),
        yaxis={"range": [0, 1.02], "tickformat": ".0%", "title": "right answers"},
    )


def learned_filters(filters: Tensor, alt: str) -> Tiles:
    """Draw gray filters, each by its own largest weight: gray is 0.

    Parameters
    ----------
    filters : Tensor, shape (N, k, k)
    alt : str
    """
    scaled = filters / filters.abs().amax((1, 2), keepdim=True).clamp(min=1e-12) / 2 + 0.5
    enlarged = enlarge(scaled[:, None].expand(-1, 3, -1, -1), SIDE)
    return tiles(enlarged, alt, columns=8, gap=5)


def class_bars(chances: Tensor, true: int) -> go.Figure:
    """Draw how likely a digit is taken for each of ten classes, the true one in another color.

    Parameters
    ----------
    chances : Tensor, shape (10,)
    true : int
    """
    colors = [CLASSES[2] if label == true else CLASSES[0] for label in range(10)]
    figure = go.Figure(go.Bar(x=list(range(10)), y=chances.tolist(), marker_color=colors))
    return layout(
        figure,
        width=HALF[0],
        height=HALF[1],
        title_text=f"Answer: {int(chances.argmax())}; the truth is green",
        xaxis={"title": "class", "dtick": 1},
        yaxis={"range": [0, 1], "tickformat": ".0%"},
    )


def error_chart(
    across: Sequence[int], rows: Mapping[str, Tensor], title: str, x: str, peak: float | None, note: str = ""
) -> go.Figure:
    """Draw errors over a size, both axes logarithmic: the median of many draws, in a band of half of them.

    Below a thousandth they leave the picture: that is an error of nothing.

    Parameters
    ----------
    across : sequence of int
    rows : mapping of str to Tensor, shape (draws, sizes)
    title, x : str
    peak : float, optional
        A size to mark.
    note : str
        At the mark.
    """
    figure = go.Figure()
    for (name, values), color in zip(rows.items(), CLASSES, strict=False):
        low, middle, high = values.double().clamp(min=1e-4).quantile(values.new_tensor([0.25, 0.5, 0.75]).double(), 0)
        figure.add_scatter(
            x=[*across, *across[::-1]],
            y=[*low.tolist(), *high.tolist()[::-1]],
            mode="none",
            fill="toself",
            fillcolor=color,
            opacity=0.2,
            showlegend=False,
            hoverinfo="skip",
        )
        line = {"color": color, "width": 3}
        figure.add_scatter(x=list(across), y=middle.tolist(), mode="lines+markers", name=name, line=line)
    if peak is not None:
        figure.add_vline(x=peak, line_dash="dash", line_color="#888888")
        # On a logarithmic axis a note's place is the logarithm, unlike a line's.
        figure.add_annotation(
            x=math.log10(peak), y=1, yref="paper", text=note, showarrow=False, xanchor="left", yanchor="top"
        )
    return layout(
        figure,
        width=680,
        height=400,
        **legend_above(title),
        xaxis={"type": "log", "title": x, "tickvals": [1, 2, 5, 10, 20, 40, 100, 200, 400, 1000]},
        yaxis={"type": "log", "title": "error", "range": [-3, 1.5], "dtick": 1},
    )
