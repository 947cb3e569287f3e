"""Networks as blocks, and what known ones cost."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from PIL import Image, ImageDraw

from vizkit.figures.pictures import Tiles, frame_tile, tiles
from vizkit.figures.theme import ACCENT, CLASSES, layout, legend_above, lookup
from vizkit.methods.architecture import KnownNetwork, Stage

#: Sides of a block's tile in pixels: the largest side of a map, and of a block's length along the channels.
HIGH, LONG = 80, 44
#: How far a block reaches to the back, as a share of its height, across and up.
BACK = 0.3


def network_blocks(found: Sequence[Stage], chosen: int) -> Tiles:
    """Draw each stage as a block: as high as its maps, as long as it has channels; darker: more products.

    Parameters
    ----------
    found : sequence of Stage
    chosen : int
        The one in a frame.
    """
    sides = [max(one.shape[1:], default=1) for one in found]
    largest, most = max(sides), max(one.shape[0] for one in found)
    heaviest = max(one.products for one in found) or 1
    blocks = [
        _block(HIGH * side / largest, LONG * one.shape[0] / most, one.products / heaviest)
        for one, side in zip(found, sides, strict=True)
    ]
    captions = [" x ".join(map(str, one.shape)) for one in found]
    columns = len(found) if len(found) <= 10 else 8
    sheet = tiles(np.stack(blocks), "The network's stages as blocks", columns=columns, gap=6, captions=captions)
    return frame_tile(sheet, chosen)


def _block(high: float, long: float, share: float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    back = BACK * high
    width, height = round(LONG + BACK * HIGH) + 12, round(HIGH * (1 + BACK)) + 8
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    high, long = max(high, 3), max(long, 3)
    x = (width - long - back) / 2
    y = (height + high + back) / 2
    front, top, side = (_shade(share, light) for light in (0.0, 0.25, -0.15))
    draw.polygon(
        [(x, y - high), (x + back, y - high - back), (x + long + back, y - high - back), (x + long, y - high)],
        fill=top,
        outline="white",
    )
    draw.polygon(
        [(x + long, y - high), (x + long + back, y - high - back), (x + long + back, y - back), (x + long, y)],
        fill=side,
        outline="white",
    )
    draw.rectangle((x, y - high, x + long, y), fill=front, outline="white")
    return np.asarray(picture)


def _shade(share: float, light: float) -> tuple[int, int, int]:
    color = lookup("viridis")[round(200 * (1 - share))].astype(float)
    toward = 255.0 if light > 0 else 0.0
    mixed = color + abs(light) * (toward - color)
    return round(mixed[0]), round(mixed[1]), round(mixed[2])


def stage_bars(found: Sequence[Stage], chosen: int) -> go.Figure:
    """Draw of each stage its share of all weights and of all products."""
    names = [f"{number}: {one.last}" for number, one in enumerate(found)]
    figure = go.Figure()
    for title, values, color in (
        ("weights", [one.parameters for one in found], CLASSES[0]),
        ("products", [one.products for one in found], ACCENT),
    ):
        total = sum(values) or 1
        figure.add_bar(x=names, y=[value / total for value in values], name=title, marker_color=color)
    figure.add_vline(x=chosen, line_dash="dash", line_color="#888888")
    return layout(
        figure,
        width=640,
        height=330,
        **legend_above("Where the weights are, and where the work is", b=70),
        yaxis={"title": "share", "tickformat": ".0%"},
        xaxis={"tickangle": -40},
        barmode="group",
    )


def progress_chart(known: Sequence[KnownNetwork], axis: str, family: str) -> go.Figure:
    """Draw each network's accuracy over its year, parameters or operations, one family in color.

    Parameters
    ----------
    known : sequence of KnownNetwork
    axis : {"year", "parameters", "operations"}
    family : str
    """
    figure = go.Figure()
    for mine in (False, True):
        ones = [one for one in known if (one.family == family) == mine]
        look = {"color": ACCENT if mine else "#9aa7b1", "size": 14 if mine else 10}
        figure.add_scatter(
            x=[getattr(one, axis) for one in ones],
            y=[one.accuracy for one in ones],
            text=[one.name for one in ones],
            mode="markers+text" if mine else "markers",
            textposition="middle right" if axis == "year" else "bottom center",
            marker=look,
            name=family if mine else "others",
            hovertemplate="%{text}: %{y:.1%}<extra></extra>",
        )
    if axis == "year":
        years = sorted({one.year for one in known})
        best = [max(one.accuracy for one in known if one.year <= year) for year in years]
        line = {"color": CLASSES[0], "width": 3, "shape": "hv"}
        figure.add_scatter(x=years, y=best, mode="lines", line=line, name="best so far", hoverinfo="skip")
    titles = {"year": "year of publication", "parameters": "parameters", "operations": "billions of products"}
    across: dict[str, object] = {"title": titles[axis], "type": "linear" if axis == "year" else "log"}
    return layout(
        figure,
        width=860,
        height=470,
        **legend_above(f"{len(known)} networks, ImageNet, top-1"),
        xaxis=across,
        yaxis={"title": "accuracy", "tickformat": ".0%"},
    )
