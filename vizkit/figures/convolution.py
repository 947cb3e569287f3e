"""What a convolution makes, sees and costs, as pictures and charts."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots
from torch import Tensor

from vizkit.figures.cells import cells
from vizkit.figures.pictures import colorize, enlarge, fit
from vizkit.figures.raster import Raster
from vizkit.figures.theme import ACCENT, CLASSES, layout


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
    low, high = torch.aminmax(numbers)
    shares = (numbers - low) / (high - low).clamp(min=1e-12)
    return _drawn((shares * 255).round().byte()[..., None].expand(-1, -1, 3).contiguous(), alt, width, crisp)


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
    limit = limit or max(float(numbers.abs().max()), 1e-12)
    shares = (numbers / limit).clamp(-1, 1)
    shares = torch.cat([shares, shares.new_tensor([[1.0]]).expand(1, shares.shape[1])])  # so that 1 is the limit
    return _drawn(torch.from_numpy(colorize(shares[None], signed=True)[0][:-1].copy()), alt, width, False)


def _drawn(pixels: Tensor, alt: str, width: int, crisp: bool) -> Raster:
    if crisp:
        pixels = enlarge(pixels.permute(2, 0, 1), width).permute(1, 2, 0).contiguous()
        return Raster(pixels.numpy(), alt, exact=True)
    return fit(Raster(pixels.numpy(), alt), width)


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
    """
    figure = go.Figure()
    for (name, values), color in zip(curves.items(), CLASSES, strict=False):
        line = {"color": color, "width": 3, **(looks or {}).get(name, {})}
        mode = "lines+markers" if len(across) < 30 else "lines"
        figure.add_scatter(x=list(across), y=list(values), name=name, mode=mode, line=line, marker_size=8)
    if now is not None:
        figure.add_vline(x=now, line_dash="dash", line_color="#888888")
    return layout(
        figure,
        width=600,
        height=340,
        title={"text": title, "y": 0.96},
        margin={"l": 70, "r": 20, "t": 80, "b": 60},
        xaxis_title=x,
        yaxis={"title": y, "tickformat": form},
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
    )


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
        title={"text": "Edges against long lines", "y": 0.97},
        margin={"l": 80, "r": 20, "t": 80, "b": 60},
        xaxis={"title": "mean vertical edge E", "range": [0, 1.12 * max(x)]},
        yaxis={"title": "mean long line V", "range": [0, 1.12 * max(y)]},
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
    )
