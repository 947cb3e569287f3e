"""Results of lecture 03: points in the plane, their cost, thumbnails, what time they took."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots
from torch import Tensor

from vizkit.figures.raster import Raster
from vizkit.figures.theme import CLASSES, INK, TEN, layout
from vizkit.methods.large_tsne import Algorithm, Extrapolation, TimingStep
from vizkit.methods.outliers import Fits
from vizkit.methods.separation import SeparationStep
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
    points, of = embedding.float().numpy(), labels.numpy()
    groups = [points[of == label] for label in names]
    # In steps of a fifth: a range that moves in each frame costs a new drawing of the axes.
    reach = 1.2 ** np.ceil(np.log(max(float(np.abs(points).max()), 1e-3)) / np.log(1.2) + 0.2)
    figure = go.Figure(
        [
            go.Scattergl(
                x=group[:, 0],
                y=group[:, 1],
                mode="markers",
                name=name,
                hovertemplate=f"{name}<extra></extra>",
                marker={"color": class_color(label), "size": 7, "opacity": 0.85},
            )
            for group, (label, name) in zip(groups, names.items(), strict=True)
        ]
    )
    axis = {"showticklabels": False, "zeroline": False, "range": [-reach, reach]}
    layout(
        figure,
        width=width,
        height=width - 50,
        xaxis=axis,
        yaxis=axis | {"scaleanchor": "x"},
        margin={"l": 16, "r": 10, "t": 52, "b": 16},
        legend={"itemsizing": "constant"},
        title_text=title,
    )
    return figure


#: Colors of clusters: not the gray one, beside noise.
NINE = tuple(color for color in TEN if color != "#999999")
#: The shapes of markers, of which each takes its turn with all nine colors.
SYMBOLS = ("circle", "x", "diamond", "square", "triangle-up", "cross", "star", "pentagon", "triangle-down", "hexagon")


def cluster_look(label: int) -> tuple[str, str]:
    """Return the color and the marker of a cluster, no two alike among the first ninety; -1 is noise."""
    if label < 0:
        return NOISE, SYMBOLS[0]
    turn, color = divmod(label, len(NINE))
    return NINE[color], SYMBOLS[turn % len(SYMBOLS)]


def cluster_map(points: Tensor, labels: Tensor, title: str) -> go.Figure:
    """Draw points in the plane, each cluster in a color and a marker of its own, numbers on the larger ones.

    Parameters
    ----------
    points : Tensor, shape (N, 2)
    labels : Tensor, int64, shape (N,)
        A cluster from 0 up for each point, -1 for none.
    title : str
    """
    places, of = points.float(), labels.tolist()
    looks = {label: cluster_look(label) for label in set(of)}
    found, counts = labels[labels >= 0].unique(return_counts=True)
    written = found[100 * counts >= len(points)].tolist()  # a number would cover the smaller ones
    figure = go.Figure(
        [
            go.Scattergl(
                x=places[:, 0].numpy(),
                y=places[:, 1].numpy(),
                mode="markers",
                text=["noise" if label < 0 else f"cluster {label}" for label in of],
                hovertemplate="%{text}<extra></extra>",
                marker={
                    "color": [looks[label][0] for label in of],
                    "symbol": [looks[label][1] for label in of],
                    "size": 8,
                    "opacity": 0.85,
                },
            )
        ]
    )
    axis = {"showticklabels": False, "zeroline": False}
    numbers = [
        {
            "x": x,
            "y": y,
            "text": f"<b>{label}</b>",
            "showarrow": False,
            "bgcolor": "rgba(255,255,255,0.7)",
            "borderpad": 0,
            "font_size": 14,
        }
        for label in written
        for x, y in [places[labels == label].median(0).values.tolist()]
    ]
    return layout(
        figure,
        width=560,
        height=510,
        annotations=numbers,
        title_text=title,
        showlegend=False,
        xaxis=axis,
        yaxis=axis | {"scaleanchor": "x"},
        margin={"l": 16, "r": 10, "t": 52, "b": 16},
    )


def newcomer_map(embedding: Tensor, labels: Tensor, title: str) -> go.Figure:
    """Draw digits in the plane, the last of them as a star of its own color.

    Parameters
    ----------
    embedding : Tensor, shape (N + 1, 2)
    labels : Tensor, int64, shape (N + 1,)
    title : str
    """
    figure = scatter(embedding[:-1], labels[:-1], title, width=440)
    star = {"symbol": "star", "size": 22, "color": class_color(int(labels[-1])), "line": {"color": INK, "width": 2}}
    x, y = embedding[-1].tolist()
    figure.add_scatter(x=[x], y=[y], mode="markers", name="new", marker=star, hoverinfo="skip")
    return figure


def labeled_maps(embeddings: Mapping[str, Tensor], labels: Tensor, names: Sequence[str]) -> go.Figure:
    """Draw layouts of the same points beside each other, a color per class, one legend for all.

    Parameters
    ----------
    embeddings : mapping of str to Tensor, shape (N, 2)
        By what is written above each.
    labels : Tensor, int64, shape (N,)
    names : sequence of str
        What the classes are called, from 0 up.
    """
    figure = make_subplots(1, len(embeddings), subplot_titles=list(embeddings), horizontal_spacing=0.02)
    for column, points in enumerate(embeddings.values(), 1):
        for label, name in enumerate(names):
            here = points[labels == label].float().numpy()
            figure.add_trace(
                go.Scattergl(
                    x=here[:, 0],
                    y=here[:, 1],
                    mode="markers",
                    name=name,
                    legendgroup=name,
                    showlegend=column == 1,
                    hovertemplate=f"{name}<extra></extra>",
                    marker={"color": class_color(label), "size": 7, "opacity": 0.85},
                ),
                row=1,
                col=column,
            )
        reach = 1.1 * max(float(points.abs().max()), 1e-6)
        figure.update_xaxes(range=[-reach, reach], row=1, col=column)
        figure.update_yaxes(range=[-reach, reach], row=1, col=column)
    figure.update_xaxes(showticklabels=False, zeroline=False)
    figure.update_yaxes(showticklabels=False, zeroline=False)
    return layout(
        figure,
        width=880,
        height=400,
        margin={"l": 10, "r": 10, "t": 40, "b": 50},
        legend={"orientation": "h", "y": -0.02, "x": 0.5, "xanchor": "center", "itemsizing": "constant"},
    )


def separation_chart(step: SeparationStep, layer: str) -> go.Figure:
    """Draw how often the nearest neighbor is of the same class, layer by layer.

    Parameters
    ----------
    step : SeparationStep
    layer : str
        The one that is marked.
    """
    figure = go.Figure()
    for color, (name, found) in zip(CLASSES, (("the code", step.code), ("PCA's plane", step.plane)), strict=False):
        figure.add_scatter(
            x=list(found),
            y=list(found.values()),
            mode="lines+markers",
            name=name,
            line={"color": color, "width": 3},
            marker={"size": [13 if one == layer else 6 for one in found]},
        )
    ends = list(step.code)[:: max(len(step.code) - 1, 1)]
    figure.add_scatter(
        x=ends, y=[step.chance] * len(ends), mode="lines", name="chance", line={"color": "#888888", "dash": "dash"}
    )
    return layout(
        figure,
        width=560,
        height=250,
        title_text="Nearest neighbor of the same class",
        xaxis={"tickangle": -50},
        yaxis={"range": [0, 1], "tickformat": ".0%"},
        legend={"x": 0.02, "y": 0.98},
        margin={"l": 56, "r": 10, "t": 44, "b": 76},
    )


def cost_line(steps: Sequence[int], costs: Sequence[float], exaggerated: int) -> go.Figure:
    """Draw the Kullback-Leibler divergence over the run, the early exaggeration shaded."""
    top = max(costs) * 1.05
    shade = {"x": [0, exaggerated, exaggerated, 0], "y": [0, 0, top, top]}
    line = {"x": np.array(steps), "y": np.array(costs, np.float32)}
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
        title_text=f"KL {costs[-1]:.3f}",
    )
    return figure


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


def outlier_chart(fits: Fits, sweep: Fits) -> go.Figure:
    """Draw two fits of samples of which the last is moved, and where they lie wherever it is.

    Parameters
    ----------
    fits : Fits
        Of samples of shape (n,).
    sweep : Fits
        Of samples of shape (m, n), the last of which goes along the axis.
    """
    at = sweep.samples[:, -1]
    fine = torch.linspace(float(at[0]), float(at[-1]), 501, dtype=at.dtype)
    heights = fits.densities(fine)
    top = 1.15 * max(float(one.max()) for one in heights)
    figure = make_subplots(
        2,
        1,
        shared_xaxes=True,
        row_heights=[0.58, 0.42],
        vertical_spacing=0.12,
        subplot_titles=("ten points and both fits: click to put the tenth there", "where the fits lie, over its place"),
    )
    # Nothing to see: what a click anywhere in the chart lands on.
    ground = go.Heatmap(
        x=at.numpy(), y=[0.0, top], z=np.zeros((2, len(at))), opacity=0, showscale=False, hoverinfo="none"
    )
    figure.add_trace(ground, row=1, col=1)
    middles = ((fits.mean, sweep.mean), (fits.location, sweep.location))
    for color, name, height, (now, path) in zip(CLASSES, ("Gaussian", "Student t"), heights, middles, strict=False):
        look = {"mode": "lines", "name": name, "line": {"color": color, "width": 3}, "hoverinfo": "skip"}
        figure.add_trace(go.Scatter(x=fine.numpy(), y=height.numpy(), **look), row=1, col=1)
        figure.add_trace(go.Scatter(x=at.numpy(), y=path.numpy(), **look, showlegend=False), row=2, col=1)
        dash = look | {"line": {"color": color, "width": 2, "dash": "dash"}, "showlegend": False}
        figure.add_trace(go.Scatter(x=[float(now)] * 2, y=[0, top], **dash), row=1, col=1)
        spot = {"mode": "markers", "marker": {"color": color, "size": 12}, "showlegend": False, "hoverinfo": "skip"}
        figure.add_trace(go.Scatter(x=[float(fits.samples[-1])], y=[float(now)], name=name, **spot), row=2, col=1)
    for name, points, color, size in (
        ("nine points", fits.samples[:-1], INK, 10),
        ("the tenth", fits.samples[-1:], CLASSES[2], 16),
    ):
        marker = {"color": color, "size": size, "line": {"color": "#ffffff", "width": 1}}
        here = go.Scatter(
            x=points.numpy(), y=[0.03 * top] * len(points), mode="markers", name=name, marker=marker, hoverinfo="skip"
        )
        figure.add_trace(here, row=1, col=1)
    figure.update_xaxes(range=[float(at[0]), float(at[-1])])
    figure.update_xaxes(title_text="place of the tenth point", row=2, col=1)
    figure.update_yaxes(title_text="density", range=[0, top], row=1, col=1)
    figure.update_yaxes(title_text="middle of the fit", row=2, col=1)
    return layout(
        figure,
        width=880,
        height=540,
        margin={"l": 70, "r": 20, "t": 40, "b": 60},
        legend={"x": 0.99, "xanchor": "right", "y": 0.99, "bgcolor": "rgba(255,255,255,0.7)"},
    )


#: What the algorithms are called, in the order of `TimingStep.seconds`.
ALGORITHMS: dict[Algorithm, str] = {
    "sne": "SNE",
    "symmetric": "symmetric SNE",
    "tsne": "t-SNE, exact",
    "bh": "t-SNE, Barnes-Hut",
    "fft": "t-SNE, interpolation",
}
#: Those of which one stands for all that keep a number per pair, and one for those that keep near pairs.
_KEEPERS: dict[Algorithm, str] = {"tsne": "all pairs", "fft": "near neighbors only"}


def timing_chart(step: TimingStep, ends: Mapping[Algorithm, Extrapolation], most: int) -> go.Figure:
    """Draw seconds of one gradient step and bytes of its probabilities over the number of points.

    Parameters
    ----------
    step : TimingStep
    ends : mapping of str to Extrapolation
        To `most` points.
    most : int
    """
    figure = make_subplots(
        1, 2, column_widths=[0.58, 0.42], subplot_titles=("seconds of a gradient step", "GB of probabilities")
    )
    for color, (key, name) in zip(CLASSES, ALGORITHMS.items(), strict=False):
        end = ends.get(key)
        rows = [(1, name, step.seconds[key], end and end.ordered)]
        if key in _KEEPERS:
            rows.append(
                (2, _KEEPERS[key], {at: size / 1e9 for at, size in step.sizes[key].items()}, end and end.size / 1e9)
            )
        for column, what, found, last in rows:
            look = {"name": what, "line": {"color": color, "width": 3}, "showlegend": column == 1}
            numbers = list(found.items())
            solid = go.Scatter(x=list(found), y=list(found.values()), mode="lines+markers", marker_size=8, **look)
            figure.add_trace(solid, row=1, col=column)
            far = [] if last is None else [numbers[-1], (most, last)]
            look |= {"line": {"color": color, "width": 2, "dash": "dot"}, "showlegend": False}
            dots = go.Scatter(x=[one[0] for one in far], y=[one[1] for one in far], mode="lines", **look)
            figure.add_trace(dots, row=1, col=column)
            if column == 2 and numbers:
                figure.add_annotation(
                    x=math.log10(numbers[-1][0]),
                    y=math.log10(numbers[-1][1]) + (0.9 if key == "tsne" else -1.3),
                    text=what,
                    showarrow=False,
                    font={"color": color},
                    row=1,
                    col=2,
                )
    ticks = [250, 1000, 4000, 20000, 100_000, most]
    words = ["250", "1,000", "4,000", "20,000", "100,000", "1 million"]
    figure.update_xaxes(
        type="log", title_text="points", tickvals=ticks, ticktext=words, tickangle=-40, range=[2.3, 6.1]
    )
    figure.update_yaxes(type="log", dtick=2, exponentformat="power")
    return layout(
        figure,
        width=900,
        height=440,
        title_text=f"What N points cost here ({step.spent:.0f} of {step.budget:.0f} s); dotted: extrapolated by theory",
        margin={"l": 60, "r": 20, "t": 84, "b": 90},
        legend={"x": 0.01, "y": 0.99, "bgcolor": "rgba(255,255,255,0.7)"},
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
