"""Results of lecture 03: points in the plane, their cost, thumbnails, what time they took."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots
from torch import Tensor

from vizkit.figures.raster import Raster
from vizkit.figures.theme import CLASSES, TEN, Change, layout
from vizkit.methods.large_tsne import TimingStep
from vizkit.methods.tsne import closeness, distance_at

NOISE = "#c8c8c8"
#: Steps of a search that are numbered: later ones lie on each other.
NUMBERED = 8


def class_color(label: int) -> str:
    """Return the color of a class; -1 is noise."""
    return NOISE if label < 0 else TEN[label % len(TEN)]


def scatter(
    embedding: Tensor, labels: Tensor, title: str = "", *, names: Mapping[int, str] | None = None, width: int = 510
) -> go.Figure:
    """Draw points in the plane, a color per class.

    Drawn by WebGL, so that a thousand points can move 15 times a second.

    Parameters
    ----------
    embedding : Tensor, shape (N, 2)
    labels : Tensor, int64, shape (N,)
        A class from 0 up for each point, -1 for none.
    title : str
    names : mapping of int to str, optional
        What a class is called in the legend; its number by default.
    width : int
        Of the chart in pixels; its height is 50 less.
    """
    names = names or {label: str(label) for label in labels.unique().tolist()}
    now = scatter_change(embedding, labels, title, list(names))
    figure = go.Figure(
        [
            go.Scattergl(
                **place,
                mode="markers",
                name=name,
                hovertemplate=f"{name}<extra></extra>",
                marker={"color": class_color(label), "size": 7, "opacity": 0.85},
            )
            for place, (label, name) in zip(now.traces, names.items(), strict=True)
        ]
    )
    axis = {"showticklabels": False, "zeroline": False}
    layout(
        figure,
        width=width,
        height=width - 50,
        xaxis=axis,
        yaxis=axis | {"scaleanchor": "x"},
        margin={"l": 16, "r": 10, "t": 52, "b": 16},
        legend={"itemsizing": "constant"},
        **now.layout,
    )
    return figure


def scatter_change(embedding: Tensor, labels: Tensor, title: str, classes: Sequence[int]) -> Change:
    """Move the points of a `scatter`, its classes given in the legend's order."""
    points, of = embedding.float().numpy(), labels.numpy()
    # In steps of a fifth: a range that moves in each frame costs a new drawing of the axes.
    reach = 1.2 ** np.ceil(np.log(max(float(np.abs(points).max()), 1e-3)) / np.log(1.2) + 0.2)
    groups = [points[of == label] for label in classes]
    return Change(
        [{"x": group[:, 0], "y": group[:, 1]} for group in groups],
        {"title_text": title, "xaxis_range": [-reach, reach], "yaxis_range": [-reach, reach]},
    )


def cost_line(steps: Sequence[int], costs: Sequence[float], exaggerated: int) -> go.Figure:
    """Draw the Kullback-Leibler divergence over the run, the early exaggeration shaded."""
    now = cost_change(steps, costs, exaggerated)
    shade, line = now.traces
    figure = go.Figure(
        [
            go.Scatter(
                **shade, fill="toself", mode="none", fillcolor="rgba(230,159,0,0.18)", name="early exaggeration"
            ),
            go.Scatter(**line, mode="lines", name="KL", line={"color": CLASSES[0], "width": 3}),
        ]
    )
    layout(
        figure,
        width=390,
        height=330,
        xaxis_title="iteration",
        yaxis={"title": "KL divergence [nats]", "rangemode": "tozero"},
        legend={"x": 0.98, "xanchor": "right", "y": 0.98},
        **now.layout,
    )
    return figure


def cost_change(steps: Sequence[int], costs: Sequence[float], exaggerated: int) -> Change:
    """Bring a `cost_line` up to date."""
    top = max(costs) * 1.05
    shade = {"x": [0, exaggerated, exaggerated, 0], "y": [0, 0, top, top]}
    line = {"x": np.array(steps), "y": np.array(costs, np.float32)}
    return Change([shade, line], {"title_text": f"KL {costs[-1]:.3f}"})


def neighborhood_chart(points: Tensor, probabilities: Tensor, sigma: Tensor, index: int) -> go.Figure:
    """Draw whom one point would pick as its neighbor: larger markers are likelier.

    Parameters
    ----------
    points : Tensor, shape (N, 2)
    probabilities : Tensor, shape (N, N)
        From ``conditional_probabilities``.
    sigma : Tensor, shape (N,)
        From ``bandwidths``.
    index : int
        The point.
    """
    row = probabilities[index].numpy()
    places = points.numpy()
    angle = np.linspace(0, 2 * np.pi, 100)
    ring = places[index] + float(sigma[index]) * np.stack([np.cos(angle), np.sin(angle)], 1)
    ranked = np.sort(row)[::-1][:100]
    perplexity = float(torch.special.entr(probabilities[index]).sum().exp())
    figure = make_subplots(
        1,
        2,
        column_widths=[0.56, 0.44],
        subplot_titles=("size: how likely it is picked", "its neighbors, likeliest first"),
    )
    figure.add_traces(
        [
            go.Scatter(
                x=places[:, 0],
                y=places[:, 1],
                mode="markers",
                name="points",
                marker={
                    "color": row,
                    "colorscale": "Viridis",
                    "reversescale": True,
                    "size": 5 + 20 * np.sqrt(row / row.max()),
                    "line_width": 0,
                },
            ),
            go.Scatter(x=ring[:, 0], y=ring[:, 1], mode="lines", name="sigma", line={"color": CLASSES[1], "width": 3}),
            go.Scatter(
                x=places[index : index + 1, 0],
                y=places[index : index + 1, 1],
                mode="markers",
                name="the point",
                marker={"color": CLASSES[1], "size": 14, "symbol": "x"},
            ),
        ],
        rows=1,
        cols=1,
    )
    figure.add_traces(
        [
            go.Bar(x=np.arange(1, len(ranked) + 1), y=ranked, marker_color=CLASSES[0], name="probability"),
            go.Scatter(
                x=[perplexity] * 2,
                y=[0, ranked[0]],
                mode="lines",
                name="perplexity",
                line={"color": CLASSES[1], "dash": "dash", "width": 3},
            ),
        ],
        rows=1,
        cols=2,
    )
    figure.update_xaxes(title_text="x", row=1, col=1)
    figure.update_yaxes(title_text="y", scaleanchor="x", row=1, col=1)
    figure.update_xaxes(title_text="rank", row=1, col=2)
    figure.update_yaxes(title_text="p(j | i)", rangemode="tozero", row=1, col=2)
    return layout(
        figure,
        width=880,
        height=430,
        showlegend=False,
        title_text=f"sigma {float(sigma[index]):.2f}, perplexity {perplexity:.1f}",
        margin_t=80,
    )


def search_chart(
    sigma: Tensor, neighbors: Tensor, wanted: float, curve: tuple[Tensor, Tensor], *, width: int = 880
) -> go.Figure:
    """Draw how bisection finds one point's sigma.

    Parameters
    ----------
    sigma, neighbors : Tensor, shape (steps,)
        What was tried, and the perplexity it gave, see ``sigma_search``.
    wanted : float
        The perplexity that is looked for.
    curve : (Tensor, Tensor)
        Sigmas and the perplexity at each.
    width : int
    """
    inside = (sigma >= curve[0].min()) & (sigma <= curve[0].max())
    steps = inside.nonzero().flatten().tolist()
    ends = [float(curve[0].min()), float(curve[0].max())]
    figure = go.Figure(
        [
            go.Scatter(
                x=curve[0].numpy(), y=curve[1].numpy(), mode="lines", name="perplexity", line={"color": CLASSES[0]}
            ),
            go.Scatter(
                x=ends,
                y=[wanted] * 2,
                mode="lines",
                name="wanted",
                line={"color": CLASSES[1], "dash": "dash", "width": 3},
            ),
            go.Scatter(
                x=sigma[inside].numpy(),
                y=neighbors[inside].numpy(),
                mode="markers+text",
                name="tried",
                text=[str(step + 1) if step < NUMBERED else "" for step in steps],
                textposition="top left",
                marker={"color": CLASSES[2], "size": 9},
            ),
        ]
    )
    return layout(
        figure,
        width=width,
        height=270,
        showlegend=False,
        title_text=f"{len(sigma)} steps of bisection to sigma {float(sigma[-1]):.3f}",
        xaxis={"title": "sigma", "type": "log", "range": [math.log10(end) for end in ends]},
        yaxis={"title": "neighbors", "type": "log", "range": [-0.05, math.log10(1.3 * float(curve[1].max()))]},
    )


def crowding_chart(value: float, distances: Tensor, dimension: int) -> go.Figure:
    """Draw why a heavy tail is needed: how far apart a pair may be, and how alike pairs are.

    Parameters
    ----------
    value : float
        A closeness in (0, 1).
    distances : Tensor
        Of all pairs in a ball, see ``ball_distances``.
    dimension : int
        The ball's.
    """
    across = torch.linspace(0, 5, 200)
    gauss, student = distance_at(value, "sne"), distance_at(value, "tsne")
    figure = make_subplots(1, 2, subplot_titles=("closeness in the plane", f"all pairs in a {dimension}-D ball"))
    figure.add_traces(
        [
            go.Scatter(
                x=across.numpy(),
                y=closeness(across, "sne").numpy(),
                mode="lines",
                name="Gaussian (SNE)",
                line={"color": CLASSES[0], "width": 3},
            ),
            go.Scatter(
                x=across.numpy(),
                y=closeness(across, "tsne").numpy(),
                mode="lines",
                name="Student (t-SNE)",
                line={"color": CLASSES[1], "width": 3},
            ),
            go.Scatter(
                x=[gauss, student],
                y=[value, value],
                mode="lines+markers+text",
                name="the same pair",
                text=[f"{gauss:.2f}", f"{student:.2f}"],
                textposition=["top left", "top right"],
                line={"color": "#555555", "dash": "dot"},
                marker_size=11,
            ),
        ],
        rows=1,
        cols=1,
    )
    heights, edges = np.histogram(distances.numpy(), np.linspace(0, 2, 51), density=True)
    bars = go.Bar(
        x=(edges[1:] + edges[:-1]) / 2, y=heights, width=0.04, name="pairs", marker_color=CLASSES[2], showlegend=False
    )
    figure.add_trace(bars, row=1, col=2)
    figure.update_xaxes(title_text="distance in the plane", range=[0, 5], row=1, col=1)
    figure.update_yaxes(title_text="closeness", range=[0, 1.12], row=1, col=1)
    figure.update_xaxes(title_text="distance of a pair", range=[0, 2], row=1, col=2)
    figure.update_yaxes(title_text="density", row=1, col=2)
    return layout(
        figure,
        width=880,
        height=420,
        margin_t=84,
        margin_b=96,
        title_text=f"Student puts this pair {student / gauss:.1f} times farther apart",
        legend={"orientation": "h", "y": -0.22},
    )


_ALGORITHMS = {"exact": "exact", "bh": "Barnes-Hut", "fft": "interpolation"}


def timing_chart(step: TimingStep) -> go.Figure:
    """Draw the seconds of one gradient step over the number of points, both logarithmic."""
    figure = go.Figure()
    for index, (key, name) in enumerate(_ALGORITHMS.items()):
        taken = step.seconds[key]  # type: ignore[index]
        figure.add_scatter(
            x=list(taken),
            y=list(taken.values()),
            mode="lines+markers",
            name=name,
            line={"color": CLASSES[index], "width": 3},
            marker_size=9,
        )
    exact = step.seconds["exact"]
    largest = max(exact, default=0)
    ends = [largest, 20000] if largest else []
    figure.add_scatter(
        x=ends,
        y=[exact[largest] * (count / largest) ** 2 for count in ends],
        mode="lines",
        name="exact, extended as N²",
        line={"color": CLASSES[0], "width": 2, "dash": "dot"},
    )
    ticks = [250, 500, 1000, 2000, 4000, 8000, 20000]
    return layout(
        figure,
        width=760,
        height=440,
        title_text=f"What one gradient step costs here ({step.spent:.0f} of {step.budget:.0f} s)",
        xaxis={
            "type": "log",
            "title": "points",
            "tickvals": ticks,
            "range": [2.3, 4.4],
            "ticktext": [f"{tick:,}" for tick in ticks],
        },
        yaxis={
            "type": "log",
            "title": "seconds (log scale)",
            "dtick": 1,
            "range": [-3.6, 1.6],
            "exponentformat": "none",
        },
        legend={"x": 0.02, "y": 0.98},
    )


def thumbnail_map(pictures: Tensor, points: Tensor, *, side: int = 32, width: int = 720) -> Raster:
    """Draw each picture at its point of the plane; later ones cover earlier ones.

    Parameters
    ----------
    pictures : Tensor, shape (N, 3, h, w), RGB in [0, 1]
    points : Tensor, shape (N, 2)
    side, width : int
        Of a picture and of the sheet, in pixels.
    """
    low, high = points.amin(0), points.amax(0)
    shares = (points - low) / (high - low).clamp(min=1e-12)
    places = torch.stack([shares[:, 0], 1 - shares[:, 1]], 1) * (width - side)
    alt = f"{len(points)} pictures at their places in the embedding"
    return _pasted(pictures, places.round().long(), side, (width, width), alt)


def thumbnail_grid(pictures: Tensor, cells: Tensor, *, width: int = 720) -> Raster:
    """Draw each picture in its cell of a grid.

    Parameters
    ----------
    pictures : Tensor, shape (N, 3, h, w), RGB in [0, 1]
    cells : Tensor, int64, shape (N, 2)
        Column and row, from ``snap_to_grid``.
    width : int
        Of the sheet in pixels, about.
    """
    columns, rows = (cells.amax(0) + 1).tolist()
    side = max(1, width // columns)
    alt = f"{len(cells)} pictures on a grid, near to those that are alike"
    return _pasted(pictures, cells * side, side, (rows * side, columns * side), alt)


def _pasted(pictures: Tensor, places: Tensor, side: int, shape: tuple[int, int], alt: str) -> Raster:
    thumbnails = torch.nn.functional.interpolate(pictures, (side, side), mode="bilinear", antialias=True)
    colors = thumbnails.mul(255).round().byte().permute(0, 2, 3, 1).numpy()
    sheet = np.full((*shape, 3), 255, np.uint8)
    for thumbnail, (x, y) in zip(colors, places.tolist(), strict=True):
        sheet[y : y + side, x : x + side] = thumbnail
    return Raster(sheet, alt)


def small_multiples(embeddings: Sequence[Tensor], labels: Tensor, titles: Sequence[str], columns: int) -> go.Figure:
    """Draw several embeddings of the same points beside each other.

    Parameters
    ----------
    embeddings : sequence of Tensor, shape (N, 2)
    labels : Tensor, int64, shape (N,)
    titles : sequence of str
    columns : int
    """
    rows = -(-len(embeddings) // columns)
    figure = make_subplots(rows, columns, subplot_titles=titles, horizontal_spacing=0.02, vertical_spacing=0.16 / rows)
    for index, points in enumerate(embeddings):
        figure.add_trace(
            go.Scatter(
                x=points[:, 0].numpy(),
                y=points[:, 1].numpy(),
                mode="markers",
                marker={"color": [class_color(one) for one in labels.tolist()], "size": 5},
                hoverinfo="skip",
            ),
            row=index // columns + 1,
            col=index % columns + 1,
        )
        # Sizes are to be compared: one unit is as long upward as across.
        reach = 1.1 * float(points.abs().max())
        place = {"row": index // columns + 1, "col": index % columns + 1}
        figure.update_xaxes(range=[-reach, reach], **place)
        figure.update_yaxes(range=[-reach, reach], **place)
    figure.update_xaxes(showticklabels=False, zeroline=False)
    figure.update_yaxes(showticklabels=False, zeroline=False)
    side = 890 // columns
    return layout(
        figure, width=890, height=rows * (side + 24) + 40, showlegend=False, margin={"l": 10, "r": 10, "t": 46, "b": 10}
    )
