"""Boxes with names on pictures, and how good and how fast those are who say them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import torch
from PIL import Image, ImageColor, ImageDraw
from torch import Tensor

from vizkit.figures.charts import HALF
from vizkit.figures.pictures import font
from vizkit.figures.raster import Raster, to_uint8
from vizkit.figures.theme import ACCENT, CLASSES, INK, layout, legend_above
from vizkit.methods.average_precision import Boxes, PrecisionRecall
from vizkit.methods.regions import RegionBins
from vizkit.methods.yolo import GridBoxes

#: A color for each of eight classes.
SHAPE_COLORS = (*CLASSES, "#882255")
#: Of what is true, and of what counts no more.
TRUTH, GONE = "#ffffff", "#999999"


@dataclass(frozen=True)
class Mark:
    """A frame on a picture.

    Parameters
    ----------
    box : sequence of float
        ``x0, y0, x1, y1`` in the picture's pixels.
    color : str
    text : str
        On a tag at its upper left corner.
    width : int
        Of the line, in pixels of the drawing.
    """

    box: Sequence[float]
    color: str = ACCENT
    text: str = ""
    width: int = 3


def marked(picture: Tensor | Raster, marks: Sequence[Mark], alt: str, *, width: int = 360) -> Raster:
    """Scale a picture to a width and frame parts of it.

    Parameters
    ----------
    picture : Tensor, shape (3, H, W), RGB in [0, 1], or Raster
    marks : sequence of Mark
        In pixels of the picture; the last is on top.
    alt : str
    width : int
    """
    pixels = picture.pixels if isinstance(picture, Raster) else to_uint8(picture)
    scale = width / pixels.shape[1]
    size = (width, round(pixels.shape[0] * scale))
    drawn = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(drawn)
    for mark in marks:
        x0, y0, x1, y1 = (scale * side for side in mark.box)
        frame = (x0, y0, max(x1 - 1, x0 + 1), max(y1 - 1, y0 + 1))
        if mark.width > 1:
            draw.rectangle(frame, outline="white" if mark.color != TRUTH else INK, width=mark.width + 1)
        draw.rectangle(frame, outline=mark.color, width=mark.width)
    for mark in marks:
        if mark.text:
            _tag(draw, mark, scale, size)
    return Raster(np.asarray(drawn), alt)


def _tag(draw: ImageDraw.ImageDraw, mark: Mark, scale: float, size: tuple[int, int]) -> None:
    """Write a mark's text above its box, or below its upper side where there is no room."""
    typeface = font(14)
    wide, high = draw.textlength(mark.text, font=typeface) + 6, 18
    x = min(max(0, scale * mark.box[0]), max(0, size[0] - wide))
    y = scale * mark.box[1] - high
    y = y if y >= 0 else min(scale * max(mark.box[1], 0), size[1] - high)
    draw.rectangle((x, y, x + wide, y + high), fill=mark.color)
    draw.text(
        (x + 3, y + 1), mark.text, fill=INK if mark.color in (TRUTH, CLASSES[6], CLASSES[5]) else "white", font=typeface
    )


def named_marks(found: Boxes, names: Sequence[str], *, least: float = 0.0, width: int = 3) -> list[Mark]:
    """Return a frame for each box, in its class's color, with its name and score; the best on top."""
    rows = [
        (box, int(label), float(score))
        for box, label, score in zip(found.boxes.tolist(), found.labels, found.certainty, strict=True)
        if score >= least
    ]
    said = found.scores is not None
    return [
        Mark(
            box, SHAPE_COLORS[label % len(SHAPE_COLORS)], f"{names[label]} {score:.2f}" if said else names[label], width
        )
        for box, label, score in reversed(rows)
    ]


def class_map(grid: GridBoxes, picture: Tensor, alt: str, *, width: int = 360) -> Raster:
    """Color each cell of a grid by its likeliest class, the stronger the surer one of its boxes is.

    Parameters
    ----------
    grid : GridBoxes
        Of one picture.
    picture : Tensor, shape (3, H, W), RGB in [0, 1]
    alt : str
    width : int
    """
    rows, columns = grid.classes.shape[1:3]
    colors = torch.tensor([ImageColor.getrgb(color) for color in SHAPE_COLORS]) / 255
    label = grid.classes[0].argmax(-1)
    sure = grid.confidence[0].amax(-1).clamp(0.15, 0.9)[..., None]
    size = (width, round(width * picture.shape[1] / picture.shape[2]))
    gray = Image.fromarray(to_uint8(picture.mean(0, keepdim=True).expand(3, -1, -1))).resize(size)
    cells = (255 * torch.cat([colors[label], sure], -1)).byte().numpy()
    over = Image.fromarray(cells, "RGBA").resize(size, Image.Resampling.NEAREST)
    drawn = Image.alpha_composite(gray.convert("RGBA"), over).convert("RGB")
    _lines(drawn, rows, columns)
    return Raster(np.asarray(drawn), alt)


def _lines(picture: Image.Image, rows: int, columns: int) -> None:
    """Draw a grid."""
    draw = ImageDraw.Draw(picture)
    for row in range(1, rows):
        y = row * picture.height / rows
        draw.line((0, y, picture.width, y), fill="white")
    for column in range(1, columns):
        x = column * picture.width / columns
        draw.line((x, 0, x, picture.height), fill="white")


def cell_bins(picture: Tensor, stride: int, bins: RegionBins, box: Sequence[float], alt: str, *, width: int) -> Raster:
    """Draw a region as it is and as RoI pooling takes it: whole cells of the map, in bins.

    Parameters
    ----------
    picture : Tensor, shape (3, H, W), RGB in [0, 1]
    stride : int
        Pixels from one cell of the map to the next.
    bins : RegionBins
    box : sequence of float
        ``x0, y0, x1, y1`` in pixels of the picture.
    alt : str
    width : int
    """
    rows, columns = picture.shape[1] // stride, picture.shape[2] // stride
    size = (width, round(width * picture.shape[1] / picture.shape[2]))
    drawn = Image.fromarray(to_uint8(picture)).resize(size, Image.Resampling.BICUBIC)
    _lines(drawn, rows, columns)
    taken = [
        Mark([stride * float(side) for side in (left, top, right, bottom)], CLASSES[5], width=2)
        for top, bottom in bins.rows.tolist()
        for left, right in bins.columns.tolist()
        if top < bottom and left < right
    ]
    scale = width / picture.shape[2]
    marks = [*taken, Mark(box, ACCENT)]
    placed = [Mark([scale * side for side in mark.box], mark.color, width=mark.width) for mark in marks]
    return marked(Raster(np.asarray(drawn), alt), placed, alt, width=width)


def precision_recall_chart(curve: PrecisionRecall, taken: int, title: str, *, points: bool = False) -> go.Figure:
    """Draw precision over recall, its envelope, and where the threshold is.

    Parameters
    ----------
    curve : PrecisionRecall
    taken : int
        How many are above the threshold.
    title : str
    points : bool
        Whether to mark the eleven recalls of PASCAL VOC 2007.
    """
    figure = go.Figure()
    recall, precision, best = curve.recall.numpy(), curve.precision.numpy(), curve.envelope.numpy()
    steps = {"x": np.concatenate([[0], recall]), "y": np.concatenate([best[:1], best])}
    figure.add_scatter(**steps, name="best from here", line={"shape": "vh", "color": CLASSES[5], "width": 6})
    figure.add_scatter(x=recall, y=precision, name="as taken", line={"color": CLASSES[0], "width": 2})
    if points:
        at = np.arange(11) / 10
        high = [float(best[recall >= r - 1e-9].max(initial=0)) for r in at]
        look = {"color": CLASSES[2], "size": 9, "symbol": "diamond"}
        figure.add_scatter(x=at, y=high, name="eleven points", mode="markers", marker=look)
    if taken:
        here = {"x": recall[taken - 1 : taken], "y": precision[taken - 1 : taken]}
        figure.add_scatter(**here, name="threshold", mode="markers", marker={"color": ACCENT, "size": 14})
    axis = {"range": [-0.02, 1.05], "tickformat": ".0%"}
    return layout(
        figure,
        width=HALF[0],
        height=HALF[1],
        **legend_above(title),
        xaxis={"title": "recall", **axis},
        yaxis={"title": "precision", **axis},
    )


def stage_bars(seconds: Mapping[str, Mapping[str, float]]) -> go.Figure:
    """Draw the time that each stage of each detector takes, in milliseconds, end to end."""
    stages = list(dict.fromkeys(stage for one in seconds.values() for stage in one))
    figure = go.Figure()
    for stage, color in zip(stages, SHAPE_COLORS, strict=False):
        times = [1000 * one.get(stage, 0.0) for one in seconds.values()]
        figure.add_bar(y=list(seconds), x=times, name=stage, orientation="h", marker_color=color)
    figure.update_layout(barmode="stack")
    return layout(
        figure,
        width=460,
        height=380,
        title="Where the time goes, on this machine",
        legend={"orientation": "h", "x": -0.2, "y": -0.22, "font": {"size": 12}},
        margin={"l": 110, "r": 20, "t": 50, "b": 130},
        xaxis_title="milliseconds for a picture",
        yaxis={"autorange": "reversed"},
    )


def named_bars(values: Mapping[str, float], title: str, x: str, *, form: str = "", now: str = "") -> go.Figure:
    """Draw a bar for each name, one of them in another color.

    Parameters
    ----------
    values : mapping of str to float
    title, x : str
    form : str
        Of the numbers, d3's.
    now : str
        The name of the other color.
    """
    colors = [ACCENT if name == now else CLASSES[0] for name in values]
    figure = go.Figure(go.Bar(y=list(values), x=list(values.values()), orientation="h", marker_color=colors))
    longest = max(map(len, values))
    return layout(
        figure,
        width=HALF[0],
        height=max(180, 96 + 22 * len(values)),
        title=title,
        xaxis={"title": x, "tickformat": form, "nticks": 5},
        yaxis={"autorange": "reversed", "dtick": 1, "tickfont": {"size": 12}},
        margin={"l": 24 + 7 * longest, "r": 16, "t": 50, "b": 52},
    )


def overlaps_by_distance(clouds: Mapping[str, tuple[Tensor, Tensor]], here: tuple[float, float]) -> go.Figure:
    """Draw the overlap of pairs of boxes over their distance, and one pair.

    Parameters
    ----------
    clouds : mapping of str to (distances, overlaps)
    here : (float, float)
        Of the pair.
    """
    figure = go.Figure()
    for (name, (far, overlap)), color in zip(clouds.items(), CLASSES, strict=False):
        look = {"color": color, "size": 5, "opacity": 0.5}
        figure.add_scatter(x=far.numpy(), y=overlap.numpy(), name=name, mode="markers", marker=look)
    figure.add_scatter(x=[here[0]], y=[here[1]], name="yours", mode="markers", marker={"color": INK, "size": 13})
    return layout(
        figure,
        width=HALF[0],
        height=HALF[1],
        **legend_above("Alike in one, not in the other"),
        xaxis_title="distance, L2 [px]",
        yaxis={"title": "overlap, IoU", "range": [-0.02, 1.04]},
    )


def results_by_year(
    results: Mapping[str, Mapping[str, float]], years: Mapping[str, int], title: str, y: str
) -> go.Figure:
    """Draw published results over their years, those on one data set joined.

    Parameters
    ----------
    results : mapping of data set to mapping of name to result
    years : mapping of name to year
    title, y : str
    """
    figure = go.Figure()
    for (data, found), color in zip(results.items(), CLASSES, strict=False):
        names = sorted(found, key=lambda name: (years[name], found[name]))
        figure.add_scatter(
            x=[years[name] for name in names],
            y=[found[name] for name in names],
            text=names,
            name=data,
            mode="lines+markers+text",
            textposition=[  # two alike would be written over each other
                "bottom center" if found[name] in [found[one] for one in names[:place]] else "top center"
                for place, name in enumerate(names)
            ],
            textfont_size=12,
            line={"color": color, "width": 2},
            marker_size=9,
        )
    return layout(
        figure,
        width=780,
        height=440,
        **legend_above(title),
        xaxis={"title": "year", "dtick": 1, "range": [min(years.values()) - 0.7, max(years.values()) + 0.7]},
        yaxis_title=y,
    )
