"""Results of lecture 08: attacks beside their originals, curves over epsilon, tables."""

from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go
import torch
from torch import Tensor

from vizkit.figures.charts import add_banded
from vizkit.figures.pictures import Tiles, sheet
from vizkit.figures.raster import Html
from vizkit.figures.theme import CLASSES, layout
from vizkit.methods.linear_example import LinearExample
from vizkit.methods.needed_epsilon import NeededEpsilon


def attack_sheet(original: Tensor, attacked: Tensor, *, side: int = 220) -> Tiles:
    """Draw a picture, what was added to it (amplified around gray), and the sum.

    Parameters
    ----------
    original, attacked : Tensor, shape (3, H, W), RGB in [0, 1]
    side : int
        Width of a picture in pixels.
    """
    change = attacked - original
    largest, factor = float(change.abs().max()), amplification(change)
    added = 0.5 + factor * change
    captions = ["the picture", f"what is added, x {factor:.3g}", "the sum"]
    alt = f"A picture, the change of at most {255 * largest:.2g}/255 amplified, and their sum"
    return sheet(torch.stack([original, added, attacked]), alt, side=side, columns=3, captions=captions)


def amplification(change: Tensor) -> float:
    """Return the factor by which a change is drawn around gray: its largest number reaches black or white."""
    largest = float(change.abs().max())
    return 0.5 / largest if largest > 0 else 1.0


def flip_strip(epsilons: Sequence[float], labels: Sequence[str], shares: Sequence[float], true: str) -> Html:
    """Write what the net answers for each epsilon, in HTML; answers that are wrong are marked.

    Parameters
    ----------
    epsilons : sequence of float
        In 1/255.
    labels : sequence of str
    shares : sequence of float
        Probability of each answer.
    true : str
    """
    rows = "".join(
        f'<tr><td style="text-align: right">{epsilon:g}</td>'
        f'<td><span style="display: inline-block; width: 12px; height: 12px; border-radius: 2px; '
        f'background: {CLASSES[0] if label == true else CLASSES[1]}"></span> {escape(label)}</td>'
        f"<td>{share:.0%}</td></tr>"
        for epsilon, label, share in zip(epsilons, labels, shares, strict=True)
    )
    flipped = next((e for e, label in zip(epsilons, labels, strict=True) if label != true), None)
    said = f"it flips at {flipped:g}/255" if flipped is not None else "it does not flip"
    return Html(
        f"<b>By epsilon: {said}</b><table><tr><th>epsilon [/255]</th><th>answer</th>"
        f"<th>probability</th></tr>{rows}</table>"
    )


def epsilon_chart(
    epsilons: Sequence[float], curves: Mapping[str, Sequence[float]], title: str, y_title: str
) -> go.Figure:
    """Draw shares of pictures over epsilon; a curve that is shorter has not come further yet.

    Parameters
    ----------
    epsilons : sequence of float
        In [0, 1] pixels; the axis shows them in 1/255.
    curves : mapping of str to sequence of float
    title, y_title : str
    """
    lines = [
        go.Scatter(
            x=[255 * epsilon for epsilon, _ in zip(epsilons, values, strict=False)],
            y=list(values),
            name=name,
            mode="lines+markers",
            line={"color": CLASSES[index], "width": 3},
        )
        for index, (name, values) in enumerate(curves.items())
    ]
    return layout(
        go.Figure(lines),
        width=640,
        height=400,
        title_text=title,
        xaxis={"title": "epsilon [1/255]", "rangemode": "tozero"},
        yaxis={"title": y_title, "tickformat": ".0%", "range": [-0.02, 1.05]},
    )


def dimension_chart(dimensions: Sequence[int], scores: Sequence[float]) -> go.Figure:
    """Draw the score after one step over the number of dimensions."""
    line = go.Scatter(
        x=list(dimensions), y=list(scores), mode="lines+markers", line={"color": CLASSES[1], "width": 3}, name="after"
    )
    before = go.Scatter(
        x=list(dimensions),
        y=[-3.0] * len(dimensions),
        mode="lines",
        name="before",
        line={"color": CLASSES[0], "width": 3, "dash": "dash"},
    )
    return layout(
        go.Figure([before, line]),
        width=620,
        height=360,
        title_text="The same small step",
        xaxis={"title": "dimensions", "type": "log"},
        yaxis={"title": "score w.x"},
        legend={"x": 0.02, "y": 0.98},
    )


def example_table(found: LinearExample, most: int = 10) -> str:
    """Write the slides' table: x, w, their products, and the same after the step, in HTML."""
    count = min(len(found.x), most)
    dots = "<td>...</td>" if len(found.x) > most else ""

    def row(name: str, values: Tensor, last: str) -> str:
        cells = "".join(f"<td>{value:g}</td>" for value in values[:count].round(decimals=2))
        return f"<tr><th>{name}</th>{cells}{dots}<td><b>{last}</b></td></tr>"

    step = found.moved - found.x
    return (
        "<table>"
        + row("x", found.x, "")
        + row("w", found.w, "")
        + row("w x", found.w * found.x, f"score {found.score:.4g}, P = {found.probability:.4f}")
        + row("added to x", step, "")
        + row(
            "w (x + step)", found.w * found.moved, f"score {found.moved_score:.4g}, P = {found.moved_probability:.4f}"
        )
        + "</table>"
    )


def share_table(names: Sequence[str], table: Tensor, corner: str) -> str:
    """Write a square table of shares in HTML; what is not known (NaN) stays empty."""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    shares = [["" if value != value else f"{value:.0%}" for value in row] for row in table.tolist()]
    rows = "".join(
        f"<tr><th>{escape(name)}</th>" + "".join(f"<td>{share}</td>" for share in row) + "</tr>"
        for name, row in zip(names, shares, strict=True)
    )
    return f"<table><tr><th>{escape(corner)}</th>{head}</tr>{rows}</table>"


def cross_chart(table: Tensor, made_on: Sequence[str], tried_on: Sequence[str]) -> go.Figure:
    """Draw shares of changed answers: rows where the pictures were made, columns where they were tried."""
    heat = go.Heatmap(
        z=table.numpy().round(4),
        x=[name.replace(" ", "<br>") for name in tried_on],
        y=list(made_on),
        zmin=0,
        zmax=1,
        colorscale="Viridis",
        texttemplate="%{z:.0%}",
        colorbar={"title": "changed", "tickformat": ".0%"},
    )
    return layout(
        go.Figure(heat),
        width=720,
        height=420,
        title_text="Answers changed",
        xaxis={"title": "tried on", "tickangle": 0},
        yaxis={"title": "made on", "autorange": "reversed", "automargin": True},
    )


def needed_chart(sizes: Mapping[str, Sequence[int]], rows: Mapping[str, Tensor], title: str, y_title: str) -> go.Figure:
    """Draw a number over the dimension for several kinds of data, both axes logarithmic.

    Parameters
    ----------
    sizes : mapping of str to sequence of int
        The n dimensions of each kind.
    rows : mapping of str to Tensor, shape (draws, n)
        The number; drawn as its mean in the band of all draws.
    title, y_title : str
    """
    figure = go.Figure()
    for index, (name, values) in enumerate(rows.items()):
        add_banded(figure, sizes[name], values, name, CLASSES[index])
    return layout(
        figure,
        width=520,
        height=360,
        title_text=title,
        xaxis={"title": "numbers in a row", "type": "log", "dtick": 1},
        yaxis={"title": y_title, "type": "log", "tickvals": [0.1, 0.2, 0.5, 1, 2, 5, 10, 20]},
    )


def epsilon_curves(found: Sequence[Sequence[NeededEpsilon]], title: str) -> go.Figure:
    """Draw the share of changed answers over epsilon, a curve for each dimension in the band of all draws.

    Parameters
    ----------
    found : sequence of sequence of NeededEpsilon
        Of each draw, the same dimensions.
    title : str
    """
    steps = [0.02 * index for index in range(51)]
    figure = go.Figure()
    for index, ones in enumerate(zip(*found, strict=True)):
        shares = torch.tensor([[one.changed(step) for step in steps] for one in ones])
        add_banded(figure, steps, shares, f"{ones[0].dimension:,} numbers", CLASSES[index], mode="lines")
    return layout(
        figure,
        width=520,
        height=340,
        title_text=title,
        xaxis={"title": "epsilon [std of the feature]"},
        yaxis={"title": "answers changed", "tickformat": ".0%", "range": [-0.02, 1.05]},
    )
