"""Results of lecture 02: tables, the turning axis, the variance it meets, rebuilt pictures."""

import math
from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots
from torch import Tensor

from vizkit.figures.charts import add_banded
from vizkit.figures.pictures import Tiles, colorize, enlarge, tiles
from vizkit.figures.raster import Raster
from vizkit.figures.theme import CLASSES, layout
from vizkit.methods.pca import PCA, variance_along


def table(values: Tensor, *, digits: int = 6, most: int = 12) -> str:
    """Return numbers as an HTML table; vectors stand upright, long ones are cut.

    Parameters
    ----------
    values : Tensor, shape (rows,) or (rows, columns)
    digits : int
        Behind the decimal point.
    most : int
        Rows and columns at most.
    """
    matrix = values[:, None] if values.ndim == 1 else values
    rows, columns = matrix.shape
    cells = [
        "".join(f"<td style='text-align:right'>{one:.{digits}f}</td>" for one in row[:most].tolist())
        + ("<td>…</td>" if columns > most else "")
        for row in matrix[:most]
    ]
    cut = "<tr><td>⋮</td></tr>" if rows > most else ""
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + cut + "</table>"


def steps(found: PCA) -> str:
    """Return the five steps as HTML, side by side with their formulas."""
    parts = [
        ("1 mean", "x̄ = Σ x / m", table(found.mean)),
        ("1 centered", "z = x - x̄", table(found.centered, digits=4)),
        ("2 covariance", "C = Zᵀ Z / (m - 1)", table(found.covariance)),
        ("3 polynomial", "det(λ I - C)", _polynomial(found)),
        *_by_hand(found),
        ("3 eigenvalues", "C v = λ v", table(found.eigenvalues, digits=7)),
        ("3 eigenvectors", "in columns", table(found.eigenvectors)),
        ("4 components", f"the {found.components.shape[1]} largest", table(found.components)),
        ("5 projection", "Z · components", table(found.projection, digits=4)),
    ]
    boxes = "".join(
        f"<div style='margin:0 18px 10px 0'><b>{escape(title)}</b><br><i>{escape(formula)}</i>{content}</div>"
        for title, formula, content in parts
    )
    notes = "".join(f"<p><b>Note.</b> {escape(note)}</p>" for note in found.notes)
    return f"{notes}<div style='display:flex;flex-wrap:wrap'>{boxes}</div>"


def _polynomial(found: PCA) -> str:
    if found.polynomial is None:
        return "<p>not formed for more than 10 features</p>"
    degree = len(found.polynomial) - 1
    terms = []
    for power, value in zip(range(degree, -1, -1), found.polynomial.tolist(), strict=True):
        sign = "-" if value < 0 else "+"
        number = "" if abs(value) == 1 and power else f"{abs(value):.6f} "
        letter = {0: "", 1: "λ"}.get(power, f"λ<sup>{power}</sup>")
        terms.append(f"{sign} {number}{letter}")
    return "<p>" + " ".join(terms).removeprefix("+ ") + "</p>"


def _by_hand(found: PCA) -> list[tuple[str, str, str]]:
    """Return the roots of the polynomial as one writes them down; none but for two features."""
    if found.polynomial is None or len(found.polynomial) != 3 or found.covariance[0, 1] == 0:
        return []
    _, b, c = found.polynomial.tolist()
    inside = max(b * b - 4 * c, 0.0)
    ratios = (found.eigenvectors[0] / found.eigenvectors[1]).tolist()
    lines = [
        f"D = b² - 4c = {inside:.7f}, √D = {math.sqrt(inside):.7f}",
        *(
            f"λ<sub>{number}</sub> = (-b {sign} √D) / 2 = {(-b + part * math.sqrt(inside)) / 2:.7f}, "
            f"x<sub>1</sub> = {ratio:.7f} x<sub>2</sub>"
            for number, sign, part, ratio in ((1, "-", -1, ratios[0]), (2, "+", 1, ratios[1]))
        ),
    ]
    return [("3 by hand", "λ² + bλ + c = 0", "<p>" + "<br>".join(lines) + "</p>")]


def axis_chart(found: PCA, angle: float) -> go.Figure:
    """Draw an axis through a centered cloud, and the variance along every such axis.

    Parameters
    ----------
    found : PCA
        Of two features.
    angle : float
        In degrees.
    """
    samples, centered = found.samples, found.centered
    radians = math.radians(angle)
    axis = torch.tensor([math.cos(radians), math.sin(radians)], dtype=centered.dtype)
    feet = (centered @ axis)[:, None] * axis
    reach = 1.15 * float(centered.norm(dim=1).max().clamp(min=1e-9))
    angles = torch.linspace(0, 180, 181)
    variance = variance_along(samples, angles)
    here, bounds = float(variance_along(samples, angle)), found.eigenvalues.tolist()
    drops = torch.stack([centered, feet, torch.full_like(feet, torch.nan)], 1).reshape(-1, 2)
    titles = ("the centered samples and the axis", "variance along the axis")
    figure = make_subplots(1, 2, column_widths=[0.5, 0.5], subplot_titles=titles)
    line = torch.stack([-reach * axis, reach * axis])
    # plotly takes arrays, not tensors
    ends, lost, points, hits = (one.numpy() for one in (line, drops, centered, feet))
    across, heights = angles.numpy(), variance.numpy()
    figure.add_traces(
        [
            go.Scatter(x=ends[:, 0], y=ends[:, 1], mode="lines", name="axis", line={"color": CLASSES[1], "width": 4}),
            go.Scatter(
                x=lost[:, 0], y=lost[:, 1], mode="lines", name="what is lost", line={"color": "#999999", "width": 1}
            ),
            go.Scatter(
                x=points[:, 0], y=points[:, 1], mode="markers", name="samples", marker={"color": CLASSES[0], "size": 10}
            ),
            go.Scatter(
                x=hits[:, 0], y=hits[:, 1], mode="markers", name="projections", marker={"color": CLASSES[1], "size": 7}
            ),
        ],
        rows=1,
        cols=1,
    )
    figure.add_traces(
        [
            go.Scatter(x=across, y=heights, mode="lines", name="variance", line={"color": CLASSES[0], "width": 3}),
            go.Scatter(x=[angle], y=[here], mode="markers", name="this axis", marker={"color": CLASSES[1], "size": 14}),
            go.Scatter(
                x=[0, 180, None, 0, 180],
                mode="lines",
                name="eigenvalues",
                y=[bounds[1]] * 2 + [None] + [bounds[0]] * 2,
                line={"color": CLASSES[2], "dash": "dash", "width": 2},
            ),
        ],
        rows=1,
        cols=2,
    )
    figure.update_xaxes(title_text="feature 1 - mean", range=[-reach, reach], row=1, col=1)
    figure.update_yaxes(title_text="feature 2 - mean", range=[-reach, reach], scaleanchor="x", row=1, col=1)
    figure.update_xaxes(title_text="angle in degrees", dtick=45, row=1, col=2)
    figure.update_yaxes(title_text="variance", rangemode="tozero", row=1, col=2)
    return layout(
        figure,
        width=890,
        height=450,
        margin_b=110,
        title_text=f"{angle:.0f}°: variance {here:.7f}",
        legend={"orientation": "h", "y": -0.22},
    )


def explained_chart(found: PCA, k: int, new: Tensor, most: int = 64) -> go.Figure:
    """Draw the share of the variance that the first components explain together.

    Parameters
    ----------
    found : PCA
    k : int
        The number to mark.
    new : Tensor, shape (n,)
        What the first components keep of pictures that had no part in them, as `PCA.kept` gives it.
    most : int
        Components to draw at least; as many as `k`, and as `new` has, are drawn in any case.
    """
    most = max(most, k, len(new))
    shares, kept = found.explained[:most].numpy(), new.numpy()
    together = shares.cumsum()
    numbers = list(range(1, len(shares) + 1))
    figure = go.Figure(
        [
            go.Bar(x=numbers, y=shares, name="one component", marker_color=CLASSES[5]),
            go.Scatter(x=numbers, y=together, name="together", mode="lines", line={"color": CLASSES[0], "width": 3}),
            go.Scatter(
                x=[k],
                y=[float(together[min(k, len(shares)) - 1])],
                name=f"k = {k}",
                mode="markers",
                marker={"color": CLASSES[1], "size": 14},
            ),
            go.Scatter(
                x=numbers[: len(kept)],
                y=kept,
                name="of new pictures",
                mode="lines",
                line={"color": CLASSES[2], "width": 3, "dash": "dash"},
            ),
        ]
    )
    return layout(
        figure,
        width=560,
        height=360,
        xaxis_title="component",
        yaxis_title="share of the variance",
        yaxis_range=[0, 1.02],
        title_text=f"{float(together[min(k, len(shares)) - 1]):.1%} with {k} of {len(found.eigenvalues)}",
        legend={"x": 0.6, "y": 0.45},
    )


def rebuilt_rows(found: PCA, k: int, rows: Tensor, shape: tuple[int, int]) -> Raster:
    """Draw pictures above what k components make of them, and above what is lost.

    Parameters
    ----------
    found : PCA
        Of pictures (m, height width).
    k : int
    rows : Tensor, int64, shape (n,)
        Which pictures.
    shape : (int, int)
        Height and width of a picture.
    """
    low, high = found.samples.min(), found.samples.max()
    original = found.samples[rows].reshape(-1, *shape)
    rebuilt = found.reconstruction(k)[rows].reshape(-1, *shape)
    gray = [((one - low) / (high - low)).clamp(0, 1) for one in (original, rebuilt)]
    upper = torch.cat(gray)[:, None].expand(-1, 3, -1, -1)
    lost = torch.from_numpy(colorize(original - rebuilt, signed=True)).permute(0, 3, 1, 2) / 255
    alt = f"Above the pictures, in the middle what {k} components keep, below what is lost"
    return tiles(enlarge(torch.cat([upper, lost]), 60), alt, columns=len(rows), gap=4)


def eigenpictures(found: PCA, shape: tuple[int, int], most: int = 24) -> Raster:
    """Draw the leading eigenvectors as pictures, red and blue around zero."""
    count = min(most, len(found.eigenvalues))
    vectors = found.eigenvectors.flip(1)[:, :count].T.reshape(-1, *shape)
    painted = colorize(enlarge(vectors, 60), signed=True, scale="each")
    return tiles(painted, f"The {count} leading eigenvectors as pictures", columns=12, gap=3)


def covariance_pair(found: PCA, most: int = 64) -> Tiles:
    """Draw the covariance of the features beside that of the projections, red and blue around zero.

    Parameters
    ----------
    found : PCA
    most : int
        Features and components to draw.
    """
    projected = torch.cov((found.centered @ found.eigenvectors.flip(1)).T)
    both = [one[:most, :most] for one in (found.covariance, projected)]
    painted = colorize(torch.stack([enlarge(one, 400) for one in both]), signed=True, scale="each")
    names = [f"covariance of {len(both[0])} pixels", f"covariance of {len(both[1])} components"]
    return tiles(painted, " beside the ".join(names), columns=2, gap=16, captions=names)


def banded_curves(
    curves: Mapping[str, Tensor], across: Sequence[int], title: str, axis: str, *, log: bool = False
) -> go.Figure:
    """Draw accuracies over something, each as its mean in the band of all draws.

    Parameters
    ----------
    curves : mapping of str to Tensor, shape (draws, n)
    across : sequence of int
        The n places.
    title, axis : str
    log : bool
        Whether the axis is logarithmic, a tick at each place.
    """
    figure = go.Figure()
    for color, (name, rows) in zip(CLASSES, curves.items(), strict=False):
        add_banded(figure, across, rows, name, color, mode="lines+markers" if log else "lines")
    ticks = {"type": "log", "tickvals": list(across), "ticktext": [f"{one:,}" for one in across]} if log else {}
    return layout(
        figure,
        width=720,
        height=420,
        title_text=title,
        xaxis={"title": axis, **ticks},
        yaxis={"range": [0, 1.02], "tickformat": ".0%"},
        legend={"x": 0.98, "xanchor": "right", "y": 0.04, "yanchor": "bottom", "bgcolor": "rgba(255,255,255,0.7)"},
    )
