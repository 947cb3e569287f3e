"""What a convolution makes, sees and costs, as pictures and charts."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots
from torch import Tensor

from vizkit.figures.cells import cells, painted
from vizkit.figures.pictures import Tiles, fit, sheet
from vizkit.figures.raster import Raster
from vizkit.figures.theme import ACCENT, CLASSES, layout, legend_above


def gray_map(numbers: Tensor, alt: str, *, width: int, crisp: bool = False) -> Raster:
    """Draw numbers (H, W) from black, the smallest, to white, the largest.

    Parameters
    ----------
    numbers : Tensor, shape (H, W)
    alt : str
    width : int
        In pixels.
    crisp : bool
        Whether each number is a square that can be seen.
    """
    pixels = painted(numbers, signed=False)
    if crisp:
        side = max(1, width // pixels.shape[1])
        return Raster(pixels.repeat(side, 0).repeat(side, 1), alt, exact=True)
    return fit(Raster(pixels, alt), width)


def signed_map(numbers: Tensor, alt: str, *, width: int, limit: float = 0.0) -> Raster:
    """Draw numbers (H, W) from blue, negative, to red, positive; white is 0.

    Parameters
    ----------
    numbers : Tensor, shape (H, W)
    alt : str
    width : int
        In pixels.
    limit : float
        The number of the strongest color; the largest by default.
    """
    return fit(Raster(painted(numbers, signed=True, limit=limit), alt), width)


def gray_sheet(maps: Tensor, alt: str, *, side: int, columns: int, captions: Sequence[str]) -> Tiles:
    """Lay maps (N, H, W) in [0, 1] out, black to white."""
    pictures = maps[:, None].expand(-1, 3, -1, -1).float()
    return sheet(pictures, alt, side=side, columns=columns, captions=captions)


def connections(size: int, kernel: int, outputs: int, *, stride: int, padding: int, dilation: int) -> go.Figure:
    """Draw along one side which pixels each output sees, those of the middle one in color.

    Parameters
    ----------
    size, kernel, outputs, stride, padding, dilation : int
        See `vizkit.output_size`.
    """
    figure = go.Figure()
    middle = outputs // 2
    above = [at * stride - padding + dilation * (kernel - 1) / 2 for at in range(outputs)]
    for chosen in (False, True):
        xs: list[float | None] = []
        ys: list[float | None] = []
        for at in range(outputs):
            if (at == middle) == chosen:
                for offset in range(kernel):
                    xs += [at * stride + dilation * offset - padding, above[at], None]
                    ys += [0, 1, None]
        look = {"color": ACCENT if chosen else "#bbbbbb", "width": 2.5 if chosen else 1}
        figure.add_scatter(x=xs, y=ys, mode="lines", line=look, hoverinfo="skip", showlegend=False)
    zeros = [*range(-padding, 0), *range(size, size + padding)]
    dots = [(list(range(size)), 0, "pixels", CLASSES[0], "square"), (zeros, 0, "padding", "#999999", "square-open")]
    for x, y, name, color, symbol in [*dots, (above, 1, "outputs", ACCENT, "circle")]:
        if x:
            look = {"color": color, "size": 10, "symbol": symbol}
            figure.add_scatter(x=x, y=[y] * len(x), mode="markers", name=name, marker=look)
    return layout(
        figure,
        width=640,
        height=300,
        title_text=f"Along one side: {size} pixels, {outputs} outputs",
        xaxis={"title": "pixel", "zeroline": False, "showgrid": False},
        yaxis={"visible": False, "range": [-0.25, 1.25]},
        legend={"orientation": "h", "y": 1.02, "x": 0.55, "yanchor": "bottom"},
    )


def groups_picture(channels: int, filters: int, groups: int) -> Raster:
    """Draw which channels each filter sees: a row for each filter, in red what it sees."""
    row = torch.arange(filters)[:, None] // (filters // groups)
    column = torch.arange(channels) // (channels // groups)
    seen = (row == column).double()
    alt = f"{filters} filters (rows), {channels} channels (columns): each filter sees {channels // groups}"
    return cells(seen, alt, side=max(2, min(20, 300 // max(filters, channels))))


def filtered_series(series: Tensor, sums: Tensor, at: int, size: int, *, smooth: bool) -> go.Figure:
    """Draw a series with a kernel's window, and the sums below.

    Parameters
    ----------
    series : Tensor, shape (n,)
    sums : Tensor, shape (n - size + 1,)
    at : int
        The sum that is marked; its window begins there.
    size : int
        Of the kernel.
    smooth : bool
        Whether the sums are drawn over the series, too.
    """
    figure = make_subplots(2, 1, shared_xaxes=True, vertical_spacing=0.06, row_heights=[0.6, 0.4])
    middles = [place + (size - 1) / 2 for place in range(len(sums))]
    dark = {"color": "#555555", "width": 1.5}
    figure.add_scatter(y=series.tolist(), mode="lines+markers", line=dark, marker_size=4, name="series", row=1, col=1)
    look = {"color": ACCENT, "width": 3}
    for row in (1, 2) if smooth else (2,):
        figure.add_scatter(
            x=middles, y=sums.tolist(), mode="lines", line=look, name="sums", showlegend=row == 2, row=row, col=1
        )
    spot = {"color": CLASSES[0], "size": 12}
    figure.add_scatter(x=[middles[at]], y=[float(sums[at])], mode="markers", marker=spot, name="this sum", row=2, col=1)
    figure.add_vrect(at - 0.5, at + size - 0.5, fillcolor=CLASSES[0], opacity=0.18, line_width=0, row=1, col=1)
    figure.update_xaxes(title="week", row=2, col=1)
    figure.update_yaxes(title="price, first = 1", row=1, col=1)
    figure.update_yaxes(title="sum", row=2, col=1)
    legend = {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"}
    return layout(figure, width=760, height=420, legend=legend, margin={"l": 70, "r": 20, "t": 30, "b": 55})


def two_features(known: Mapping[str, tuple[float, float]], pair: Sequence[Sequence[float]]) -> go.Figure:
    """Draw pictures as points of two features, with two of them marked.

    Parameters
    ----------
    known : mapping of str to (float, float)
        By name.
    pair : two pairs of float
        The two to be marked.
    """
    figure = go.Figure()
    x, y = ([one[axis] for one in known.values()] for axis in (0, 1))
    dots = {"color": CLASSES[0], "size": 9}
    places = torch.tensor([[a / max(x), b / max(y)] for a, b in known.values()])
    near = torch.cdist(places, places).fill_diagonal_(9).amin(1) < 0.07
    names = ["" if close else name for name, close in zip(known, near.tolist(), strict=True)]  # the others by hovering
    figure.add_scatter(x=x, y=y, text=names, hovertext=list(known), mode="markers+text", name="bundled photos")
    figure.update_traces(marker=dots, textfont_size=13, textposition="top center")
    for name, (across, up), color in zip(("above", "below"), pair, (ACCENT, CLASSES[2]), strict=True):
        ring = {"color": color, "size": 18, "symbol": "circle-open", "line": {"width": 3}}
        figure.add_scatter(x=[across], y=[up], mode="markers", marker=ring, name=name)
    return layout(
        figure,
        width=600,
        height=430,
        **legend_above("Edges against long lines", l=80),
        xaxis={"title": "mean vertical edge E", "range": [0, 1.12 * max(x)]},
        yaxis={"title": "mean long line V", "range": [0, 1.12 * max(y)]},
    )
