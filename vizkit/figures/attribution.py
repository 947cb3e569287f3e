"""Results of lecture 05: maps over photos, side by side."""

from collections.abc import Sequence
from html import escape
from itertools import pairwise

import plotly.graph_objects as go
import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core.scenes import SHAPES, Scenes
from vizkit.figures.charts import add_banded
from vizkit.figures.pictures import Tiles, boxes, colorize, heated, sheet
from vizkit.figures.raster import Html
from vizkit.figures.theme import CLASSES, layout
from vizkit.methods.attribution import Attribution
from vizkit.methods.localization import ScoreStep
from vizkit.methods.occlusion import OcclusionStep, StrongestMap
from vizkit.methods.sanity import SanityStep
from vizkit.methods.visual_backprop import VisualBackProp


def clipped(heat: Tensor, percentile: float) -> Tensor:
    """Scale a map to [-1, 1], its largest values cut off at a percentile of their size."""
    size = heat.abs().flatten()
    place = max(1, round(len(size) * percentile / 100))
    limit = size.kthvalue(place).values.clamp(min=1e-20)
    return (heat / limit).clamp(-1, 1)


def attribution_sheet(
    image: Tensor,
    found: Sequence[Attribution],
    *,
    signed: bool = False,
    percentile: float = 99.0,
    opacity: float = 0.85,
    captions: Sequence[str] = (),
    side: int = 168,
) -> Tiles:
    """Draw the photo and every method's map over it, all to one kind of scale.

    Parameters
    ----------
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    found : sequence of Attribution
    signed : bool
        Red for and blue against, or the size of both.
    percentile : float
        Of a map's values above which colors do not change, in (0, 100].
    opacity : float
        Of the maps over the photo, in [0, 1].
    captions : sequence of str, optional
        A text under each map; the method's name by default.
    side : int
        Width of a tile in pixels.
    """
    gray = image.cpu().mean(0, keepdim=True).expand(3, -1, -1)
    base, painted = 0.85 * gray + 0.1, [torch.zeros(4, *image.shape[1:])]
    for one in found:
        heat = clipped(one.heat, percentile)
        heat = heat if signed else heat.abs()
        colors = torch.from_numpy(colorize(heat[None], signed=signed)[0].copy()).permute(2, 0, 1) / 255
        painted.append(torch.cat([colors, (heat.abs() if signed else 0.25 + 0.75 * heat)[None]]))
    names = list(captions) or [one.method for one in found]
    alt = "The picture, then where each method looks: " + ", ".join(names)
    captions = ["the picture", *names]
    pictures = torch.stack([image.cpu(), *[base] * len(found)])
    return heated(sheet(pictures, alt, side=side, columns=5, captions=captions), torch.stack(painted), opacity)


def mask_sheet(image: Tensor, found: VisualBackProp, *, most: int = 7, side: int = 120) -> Tiles:
    """Draw VisualBackProp's averaged maps above its masks, from the first layer to the last, and what they end in.

    Parameters
    ----------
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    found : VisualBackProp
    most : int
        Layers drawn, evenly spread over those that there are.
    side : int
        Width of a tile in pixels.
    """
    count = len(found.means)
    drawn = torch.linspace(0, count - 1, min(most, count)).round().long().tolist()

    def gray(heat: Tensor) -> Tensor:
        scaled = (heat / heat.max().clamp(min=1e-20))[None, None]
        return F.interpolate(scaled, image.shape[1:], mode="nearest")[0].expand(3, -1, -1)

    pictures = [image.cpu(), *(gray(found.means[at]) for at in drawn)]
    pictures += [gray(found.heat), *(gray(found.masks[at]) for at in drawn)]
    sizes = [f"ReLU {at + 1}: {found.means[at].shape[0]} x {found.means[at].shape[1]}" for at in drawn]
    captions = ["the picture", *sizes, "the map", *(f"mask {at + 1}" for at in drawn)]
    alt = f"Averaged maps of {len(drawn)} layers above their masks, and the map that they end in"
    return sheet(torch.stack(pictures), alt, side=side, columns=len(drawn) + 1, captions=captions)


def sanity_chart(step: SanityStep, layers: Sequence[str]) -> go.Figure:
    """Draw how alike each method's maps stay while a net forgets: the mean, and the middle half of the pictures.

    Parameters
    ----------
    step : SanityStep
    layers : sequence of str
        That are forgotten, from the top.
    """
    depths, figure = list(range(len(step.correlation))), go.Figure()
    for index, name in enumerate(step.methods):
        values = step.correlation[:, index].T
        add_banded(figure, depths, values, name, CLASSES[index], ends=(0.25, 0.75), opacity=0.12)
    ticks = ["nothing", *(f"+ {name}" for name in layers)]
    return layout(
        figure,
        width=820,
        height=440,
        title_text=f"Mean over {step.correlation.shape[2]} pictures, band: their middle half",
        xaxis={"title": "forgotten, from the top", "tickvals": list(range(len(ticks))), "ticktext": ticks}
        | {"range": [-0.2, len(layers) + 0.2]},
        yaxis={"title": "rank correlation with the whole net's map", "range": [-0.35, 1.05]},
    )


def top_bars(top: Sequence[tuple[str, float]], title: str, chosen: str = "") -> Html:
    """Write the most probable classes as HTML bars, the chosen one in another color.

    HTML and no chart: a chart takes a tenth of a second to follow a slider.

    Parameters
    ----------
    top : sequence of (str, float)
        Class and probability.
    title, chosen : str
    """
    rows = "".join(
        f'<tr><td style="width: 40%; text-align: right; padding-right: 8px">{escape(name)}</td>'
        f'<td><div style="display: flex; align-items: center; gap: 6px"><div style="height: 20px; '
        f"width: {75 * share:.1f}%; min-width: 2px; border-radius: 2px; "
        f'background: {CLASSES[name == chosen]}"></div>{share:.1%}</div></td></tr>'
        for name, share in top
    )
    return Html(
        f'<div style="width: 440px; font-size: 15px"><b>{escape(title)}</b>'
        f'<table style="width: 100%; margin-top: 6px; table-layout: fixed">{rows}</table></div>'
    )


def score_chart(step: ScoreStep) -> go.Figure:
    """Draw three scores of each method beside each other."""
    scores = (
        ("pointing game", step.pointing),
        ("IoU at the best threshold", step.overlap),
        ("energy inside", step.inside),
    )
    methods = sorted(step.overlap, key=lambda method: -step.overlap[method])
    figure = go.Figure(
        [
            go.Bar(x=methods, y=[values[method] for method in methods], name=name, marker_color=CLASSES[index])
            for index, (name, values) in enumerate(scores)
        ]
    )
    return layout(
        figure,
        width=690,
        height=420,
        barmode="group",
        margin_b=110,
        margin_t=90,
        title_text=f"Against the truth, {step.count} scenes named right",
        yaxis={"title": "score", "range": [0, 1.08]},
        xaxis_tickangle=-25,
        legend={"orientation": "h", "y": 1.12},
    )


def remaining_chart(step: OcclusionStep, label: str) -> go.Figure:
    """Draw a class's probability by place of the square, in %; the clean picture's in the title.

    Parameters
    ----------
    step : OcclusionStep
    label : str
        The class's name.
    """
    shares = 100 * step.remaining.numpy()
    heat = go.Heatmap(z=shares, zmin=0, zmax=100, colorscale="Viridis", colorbar={"title": "%"}, hoverongaps=False)
    return _by_place(heat, f"{label} by place of the square; {step.probability:.0%} without")


def total_chart(found: StrongestMap, layer: str) -> go.Figure:
    """Draw how much of the strongest map is left by place of the square, in % of the clean picture's sum."""
    heat = go.Heatmap(z=(100 * found.total / found.clean).numpy(), colorscale="Viridis", colorbar={"title": "%"})
    return _by_place(heat, f"Channel {found.channel} of {layer}, its sum")


def answer_chart(step: OcclusionStep, labels: Sequence[str]) -> go.Figure:
    """Draw which class is most probable by place of the square, the seven most frequent in color.

    Parameters
    ----------
    step : OcclusionStep
    labels : sequence of str
        The net's.
    """
    found, counts = step.answer[step.answer >= 0].unique(return_counts=True)
    often = found[counts.argsort(descending=True, stable=True)][: len(CLASSES)].tolist()
    names = [labels[one] for one in often] + ["another"]
    colors = [*CLASSES[: len(often)], "#999999"]
    number = torch.full(step.answer.shape, float(len(often)))
    for place, one in enumerate(often):
        number[step.answer == one] = place
    number[step.answer < 0] = torch.nan
    edges = [edge / len(names) for edge in range(len(names) + 1)]
    scale = [[edge, color] for color, ends in zip(colors, pairwise(edges), strict=True) for edge in ends]
    bar = {"tickvals": list(range(len(names))), "ticktext": names}
    heat = go.Heatmap(
        z=number.numpy(), zmin=-0.5, zmax=len(names) - 0.5, colorscale=scale, colorbar=bar, hoverongaps=False
    )
    return _by_place(heat, "Most probable by place of the square")


def _by_place(heat: go.Heatmap, title: str) -> go.Figure:
    figure = layout(go.Figure(heat), width=430, height=330, title_text=title, yaxis_autorange="reversed")
    figure.update_xaxes(title_text="the square's column", constrain="domain")
    return figure.update_yaxes(title_text="its row", scaleanchor="x", constrain="domain")


def scene_sheet(scenes: Scenes, *, count: int = 16, side: int = 96) -> Tiles:
    """Draw scenes with the box of their shape and its name."""
    count = min(count, len(scenes))
    names = [SHAPES[label] for label in scenes.label[:count].tolist()]
    pictures, alt = scenes.images[:count] / 255, f"{count} scenes: " + ", ".join(names)
    laid = sheet(pictures, alt, side=side, columns=8, captions=names)
    scale, marks = side / scenes.images.shape[-1], []
    for index, (x0, y0, x1, y1) in enumerate(scenes.box[:count].tolist()):
        left, top, *_ = laid.box(index)
        marks.append(
            (round(left + x0 * scale), round(top + y0 * scale), round(left + x1 * scale), round(top + y1 * scale))
        )
    return boxes(laid, marks, width=2)
