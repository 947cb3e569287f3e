"""Results of lecture 01: paths on a surface, histograms, lines and planes of loss."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from plotly.subplots import make_subplots
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from vizkit.figures.pictures import colorize, enlarge, font, tiles
from vizkit.figures.raster import Raster
from vizkit.figures.theme import CLASSES, layout
from vizkit.methods.loss_landscape import FitStep, SurfaceStep, WidthStep
from vizkit.methods.optimizers import Descent, hilly

REACH = 5.0


def descent_chart(found: Descent) -> go.Figure:
    """Draw the hilly surface with each optimizer's way, and its height step by step."""
    axis = torch.linspace(-REACH, REACH, 101, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)
    figure = make_subplots(1, 2, column_widths=[0.52, 0.48], subplot_titles=("the surface, from above", "the height"))
    figure.add_trace(
        go.Contour(
            x=axis.numpy(),
            y=axis.numpy(),
            z=hilly(grid).numpy(),
            colorscale="Viridis",
            ncontours=24,
            showscale=False,
            line_width=0.5,
            hoverinfo="x+y+z",
        ),
        row=1,
        col=1,
    )
    steps = np.arange(found.heights.shape[1])
    ways = zip(found.names, found.places, found.heights, strict=True)
    colors = ("#ffffff", CLASSES[1], CLASSES[3])
    for color, (name, places, heights) in zip(colors, ways, strict=True):
        look = {"color": color, "width": 3}
        figure.add_trace(
            go.Scatter(
                x=places[:, 0].numpy(),
                y=places[:, 1].numpy(),
                mode="lines+markers",
                name=name,
                line=look,
                marker={"size": 5, "color": color},
                showlegend=False,
            ),
            row=1,
            col=1,
        )
        dark = look | {"color": "#555555"} if color == "#ffffff" else look
        figure.add_trace(go.Scatter(x=steps, y=heights.numpy(), mode="lines", name=name, line=dark), row=1, col=2)
    start = found.places[0, 0]
    figure.add_trace(
        go.Scatter(
            x=[float(start[0])],
            y=[float(start[1])],
            mode="markers",
            name="start",
            marker={"size": 15, "color": "#ffffff", "symbol": "x", "line": {"color": "#000000", "width": 1}},
            showlegend=False,
        ),
        row=1,
        col=1,
    )
    figure.update_xaxes(title_text="x", range=[-REACH, REACH], row=1, col=1)
    figure.update_yaxes(title_text="y", range=[-REACH, REACH], row=1, col=1)
    figure.update_xaxes(title_text="step", row=1, col=2)
    figure.update_yaxes(title_text="height", row=1, col=2)
    ends = ", ".join(
        f"{name} {height:.2f}" for name, height in zip(found.names, found.heights[:, -1].tolist(), strict=True)
    )
    return layout(
        figure,
        width=890,
        height=460,
        margin_t=84,
        title_text=f"Height at the end: {ends}",
        legend={"x": 0.99, "xanchor": "right", "y": 0.98, "bgcolor": "rgba(255,255,255,0.7)"},
    )


def hill_picture(found: Descent, width: int = 620) -> Raster:
    """Draw the surface from above, and the ways down as dotted lines: a picture, no chart.

    Parameters
    ----------
    found : Descent
    width : int
        In pixels.
    """
    height, reach = width * 3 // 4, 5.0
    ys, xs = torch.meshgrid(
        torch.linspace(0.75 * reach, -0.75 * reach, height), torch.linspace(-reach, reach, width), indexing="ij"
    )
    values = hilly(torch.stack([xs, ys], -1))
    pixels = colorize((values - values.min())[None])[0]
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    scale = width / (2 * reach)
    looks = (("white", -34), (CLASSES[1], -10), (CLASSES[4], 12))
    for name, way, (color, lift) in zip(found.names, found.places, looks, strict=True):
        places = [(width / 2 + scale * x, height / 2 - scale * y) for x, y in way.tolist()]
        draw.line(places, fill=color, width=2)
        for x, y in places:
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=color)
        x, y = places[-1]
        draw.text((x + 10, y + lift), name, fill=color, font=font(19), stroke_width=3, stroke_fill="#222222")
    ends = ", ".join(f"{name} at {float(way[-1]):.2f}" for name, way in zip(found.names, found.heights, strict=True))
    return Raster(np.asarray(picture), f"Three ways down a hilly surface, ending in height: {ends}")


def width_chart(step: WidthStep) -> go.Figure:
    """Draw a histogram of the nets' test losses for each width, above each other."""
    figure = go.Figure(
        [
            go.Violin(
                x=losses.numpy(),
                name=f"{width} wide",
                side="positive",
                width=1.9,
                points=False,
                line={"color": CLASSES[index % len(CLASSES)], "width": 2},
                meanline_visible=True,
                orientation="h",
                spanmode="hard",
            )
            for index, (width, losses) in enumerate(step.losses.items())
        ]
    )
    return _widths(figure, step, showlegend=False, margin_l=90)


def width_histogram(step: WidthStep) -> go.Figure:
    """Draw one histogram of the nets' test losses over the other, as Choromanska et al. do."""
    figure = go.Figure(
        [
            go.Histogram(
                x=losses.numpy(),
                name=f"{width} wide",
                xbins={"start": 0, "end": 2.6, "size": 0.02},
                marker={"color": CLASSES[index % len(CLASSES)], "line_width": 0},
                opacity=0.65,
            )
            for index, (width, losses) in enumerate(step.losses.items())
        ]
    )
    return _widths(
        figure, step, barmode="overlay", yaxis={"title": "nets"}, legend={"x": 0.98, "xanchor": "right", "y": 0.98}
    )


def _widths(figure: go.Figure, step: WidthStep, **more: Any) -> go.Figure:
    return layout(
        figure,
        width=700,
        height=440,
        title_text=f"Test losses of {len(next(iter(step.losses.values())))} nets a width, step {step.index}",
        xaxis={"title": "cross-entropy on digits not seen", "range": [0, 2.6]},
        **more,
    )


def line_chart(shares: Tensor, train: Tensor, test: Tensor, accuracy: Tensor, share: float, title: str) -> go.Figure:
    """Draw loss and accuracy along a line between two nets.

    Parameters
    ----------
    shares, train, test, accuracy : Tensor, shape (A,)
        The place on the line, both losses, and the share of test digits classified right.
    share : float
        The place to mark.
    title : str
    """
    across = shares.numpy()
    figure = make_subplots(2, 1, shared_xaxes=True, row_heights=[0.6, 0.4], vertical_spacing=0.06)
    figure.add_traces(
        [
            go.Scatter(
                x=across, y=train.numpy(), mode="lines", name="training loss", line={"color": CLASSES[0], "width": 3}
            ),
            go.Scatter(
                x=across, y=test.numpy(), mode="lines", name="test loss", line={"color": CLASSES[1], "width": 3}
            ),
        ],
        rows=1,
        cols=1,
    )
    curve = go.Scatter(
        x=across, y=accuracy.numpy(), mode="lines", name="test accuracy", line={"color": CLASSES[2], "width": 3}
    )
    figure.add_trace(curve, row=2, col=1)
    for row, top in ((1, float(torch.stack([train, test]).max())), (2, 1.0)):
        mark = go.Scatter(
            x=[share, share],
            y=[0, top],
            mode="lines",
            name="a",
            showlegend=False,
            line={"color": "#555555", "dash": "dot", "width": 2},
        )
        figure.add_trace(mark, row=row, col=1)
    figure.update_yaxes(title_text="cross-entropy", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title_text="accuracy", range=[0, 1.03], row=2, col=1)
    figure.update_xaxes(title_text="a, the share of the end", row=2, col=1)
    return layout(
        figure, width=530, height=480, title_text=title, margin_t=90, legend={"orientation": "h", "x": 0, "y": 1.14}
    )


def predicted_digits(images: Tensor, predicted: Sequence[int], truth: Sequence[int]) -> Raster:
    """Draw digits with what a net takes them for.

    Parameters
    ----------
    images : Tensor, shape (n, 8, 8), in [0, 1]
    predicted, truth : sequence of int
    """
    ink = 1 - images.float()[:, None].expand(-1, 3, -1, -1).clone()
    captions = []
    for place, (found, true) in enumerate(zip(predicted, truth, strict=True)):
        captions.append(str(found) if found == true else f"{found}, is {true}")
        if found != true:
            ink[place, 1:] *= 0.75  # a mistake is tinted red
    right = sum(found == true for found, true in zip(predicted, truth, strict=True))
    alt = f"{len(captions)} digits, {right} of them classified right"
    return tiles(enlarge(ink, 64), alt, columns=5, gap=6, captions=captions)


def surface_heights(step: SurfaceStep) -> NDArray[np.float64]:
    """Return log10 of a surface, each place not yet known like the nearest that is."""
    values = step.values.double().numpy()
    unknown = np.isnan(values)
    nearest = distance_transform_edt(unknown, return_distances=False, return_indices=True)
    heights: NDArray[np.float64] = np.log10(values[tuple(nearest)])
    return heights


#: Decades of loss above the lowest that the charts show; what is higher is cut off.
DECADES = 3.0


def landscape_chart(steps: Sequence[SurfaceStep], names: Sequence[str], paths: Sequence[Tensor | None]) -> go.Figure:
    """Draw surfaces of loss and their contours below, all to one scale of log10 loss.

    Parameters
    ----------
    steps : sequence of SurfaceStep
    names : sequence of str
    paths : sequence of Tensor, shape (T, 2), or None
        A run of training in each plane.
    """
    count = len(steps)
    figure = make_subplots(
        2,
        count,
        specs=[[{"type": "surface"}] * count, [{"type": "xy"}] * count],
        row_heights=[0.54, 0.46],
        subplot_titles=names,
        vertical_spacing=0.04,
        horizontal_spacing=0.1,
    )
    heights = [surface_heights(step) for step in steps]
    low = min(float(height.min()) for height in heights)
    high = low + DECADES
    levels = {"start": low, "end": high, "size": DECADES / 15}
    bar = {"title": "log10 loss", "len": 0.42, "y": 0.2, "x": 1.02}
    for index, (step, height, path) in enumerate(zip(steps, heights, paths, strict=True)):
        place = {"x": step.xs.numpy(), "y": step.ys.numpy(), "z": np.minimum(height, high).astype(np.float32)}
        drawn = (torch.empty(0, 2) if path is None else path).numpy()
        look = {"colorscale": "Viridis", "showscale": False}
        figure.add_trace(go.Surface(**place, **look, cmin=low, cmax=high), row=1, col=index + 1)
        figure.add_trace(
            go.Contour(
                **place,
                **(look | {"showscale": index == count - 1}),
                zmin=low,
                zmax=high,
                contours=levels,
                colorbar=bar,
                line_width=0.7,
            ),
            row=2,
            col=index + 1,
        )
        figure.add_trace(
            go.Scatter(
                x=drawn[:, 0],
                y=drawn[:, 1],
                mode="lines+markers",
                line={"color": CLASSES[1], "width": 2},
                marker_size=5,
                showlegend=False,
            ),
            row=2,
            col=index + 1,
        )
    flat = {"tickfont": {"size": 11}, "nticks": 5}
    figure.update_scenes(
        xaxis=dict(flat, title_text="1"),
        yaxis=dict(flat, title_text="2"),
        zaxis=dict(flat, title_text="log10 loss"),
        aspectratio={"x": 1, "y": 1, "z": 0.75},
        camera={"eye": {"x": 1.5, "y": 1.5, "z": 0.9}, "center": {"x": 0, "y": 0, "z": -0.12}},
    )
    figure.update_xaxes(title_text="along direction 1")
    figure.update_yaxes(title_text="direction 2", col=1)
    figure.update_scenes(zaxis_range=[low - 0.1, high + 0.2])
    return layout(figure, width=890, height=800, margin={"l": 60, "r": 90, "t": 50, "b": 60})


def fit_chart(step: FitStep, share: float) -> go.Figure:
    """Draw how well true and random labels are learned, and what is learned of new digits."""
    figure = go.Figure()
    for column, name in enumerate(("true labels", f"{share:.0%} random labels")):
        color = CLASSES[column]
        for kind, values, dash in (("training", step.train, "solid"), ("test", step.test, "dot")):
            figure.add_scatter(
                x=list(step.iterations),
                y=values[:, column].numpy(),
                mode="lines",
                name=f"{name}, {kind}",
                line={"color": color, "dash": dash, "width": 3},
            )
    return layout(
        figure,
        width=760,
        height=420,
        xaxis_title="iteration",
        yaxis={"title": "accuracy", "range": [0, 1.03]},
        title_text="The same net, two teachers",
        legend={"x": 1.02, "y": 1},
        margin_r=230,
    )
