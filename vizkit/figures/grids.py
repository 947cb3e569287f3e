"""Results of lecture 04 as pictures: filters, activation maps, patches and neighbors in rows."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.data import PatchPool
from vizkit.core.remembered import remembered
from vizkit.figures.pictures import (
    Scale,
    Tiles,
    auto_columns,
    boxes,
    colorize,
    contrast,
    enlarge,
    frame_tile,
    shrink,
    tiles,
)
from vizkit.figures.raster import Pixels, Raster
from vizkit.methods.activations import ActivationMaps
from vizkit.methods.filters import Filters
from vizkit.methods.neighbors import Neighbors
from vizkit.methods.receptive_field import ReceptiveField
from vizkit.methods.units import SentBack, TopPatches

#: Width of a sheet of tiles on the page, in pixels.
WIDTH = 720


def filter_grid(filters: Filters, *, scale: Scale = "each", channel: int | None = None, width: int = WIDTH) -> Tiles:
    """Draw the filters of a convolution.

    Filters that see RGB are drawn in color, zero as mid-gray: every filter once. Deeper ones
    have no color of their own: `channel` picks one, whose weights for each input channel are
    drawn in red (positive) and blue (negative); without it, the first input's are drawn of
    every filter.

    Parameters
    ----------
    filters : Filters
    scale : {"each", "shared"}
        Whether each tile has its own largest weight, or all tiles share one.
    channel : int, optional
        The filter's own number: the output channel it makes.
    width : int
        Of the sheet in pixels.

    Raises
    ------
    ValueError
        If there is no such filter.
    """
    count, inputs, height, across = filters.weight.shape
    kernel = f"{height} x {across}"
    if filters.is_color and channel is None:
        alt = f"The {count} filters ({kernel}) of {filters.layer} in color, zero as gray"
        columns, side, gap = _layout(count, height, across, width)
        return tiles(enlarge(contrast(filters.weight, scale=scale), side), alt, columns=columns, gap=gap)
    if channel is None:
        weights = filters.weight[:, 0]
        alt = f"Weights ({kernel}) of the {count} filters of {filters.layer} for input channel 0"
    else:
        weights = filters.weight[checks.integer(channel, 0, count - 1, "channel")]
        alt = f"Weights ({kernel}) of filter {channel} of {filters.layer} for its {inputs} inputs"
    return _painted(weights, alt, signed=True, scale=scale, width=width)


def activation_grid(
    activations: ActivationMaps,
    *,
    order: str = "index",
    scale: Scale = "each",
    chosen: int | None = None,
    width: int = WIDTH,
) -> Tiles:
    """Draw every channel of a layer: viridis for amounts, red and blue where signs differ.

    Parameters
    ----------
    activations : ActivationMaps
    order : {"index", "strength"}
    scale : {"each", "shared"}
        Whether each map has its own largest color, or all maps share one.
    chosen : int, optional
        A channel to frame.
    width : int
        Of the sheet in pixels.
    """
    places = activations.order(order)
    maps = activations.maps
    what = f"Gradients of {activations.target} by" if activations.target else "Activations of"
    alt = f"{what} the {len(maps)} channels of {activations.layer}, ordered by {order}"
    laid = _ordered(maps, places, alt, scale, width)
    if chosen is not None:
        laid = frame_tile(laid, int((places == chosen).nonzero()[0, 0]))
    return replace(laid, numbers=tuple(places.tolist()))


@remembered(2)
def _ordered(maps: Tensor, places: Tensor, alt: str, scale: Scale, width: int) -> Tiles:
    """Paint maps in an order; kept, because a slider over the channels moves nothing but a frame."""
    return _painted(maps[places], alt, signed=bool(maps.min() < 0), scale=scale, width=width)


def _painted(maps: Tensor, alt: str, *, signed: bool, scale: Scale, width: int) -> Tiles:
    count, height, across = maps.shape
    columns, side, gap = _layout(count, height, across, width)
    painted = colorize(enlarge(shrink(maps, side), side), signed=signed, scale=scale)
    return tiles(painted, alt, columns=columns, gap=gap)


def _layout(count: int, height: int, across: int, width: int) -> tuple[int, int, int]:
    """Return the columns, the side and the gap of tiles on a sheet of about `width` pixels."""
    columns = auto_columns(count, height / across)
    gap = 2 if columns < 40 else 1
    side = min((width - gap) // columns - gap, 128, 400 * across // height)
    return columns, max(1, side), gap


def patch_grid(
    pool: PatchPool,
    top: TopPatches,
    field: ReceptiveField | None = None,
    *,
    columns: int = 3,
    side: int = 128,
    title: str = "",
) -> Raster:
    """Draw top patches with their activations below and their receptive fields framed.

    Parameters
    ----------
    pool : PatchPool
    top : TopPatches
    field : ReceptiveField, optional
        Of the units' layer; a field that covers the patch is not framed.
    columns : int
    side : int
        Of a patch on the page, in pixels.
    title : str
        What excites: ``"relu5, channel 17"``.
    """
    patches = _resize(pool.pixels(top.index), side)
    scale = side / pool.size
    captions = [
        f"{value:.2f}  {pool.names[int(pool.picture[index])]}"
        for value, index in zip(top.value.tolist(), top.index.tolist(), strict=True)
    ]
    alt = f"The {len(top.index)} patches that excite {title or 'the unit'} most"
    sheet = tiles(patches, alt, columns=columns, gap=6, captions=captions)
    if field is None:
        return sheet
    marks = []
    for place, (row, column) in enumerate(zip(top.row.tolist(), top.column.tolist(), strict=True)):
        x0, y0, x1, y1 = field.box(row, column, pool.size, pool.size)
        if (x0, y0, x1, y1) == (0, 0, pool.size, pool.size):
            continue
        left, upper, *_ = sheet.box(place)
        edges = (left + x0 * scale, upper + y0 * scale, left + x1 * scale, upper + y1 * scale)
        marks.append((round(edges[0]), round(edges[1]), round(edges[2]), round(edges[3])))
    return boxes(sheet, marks, width=2)


def unit_sheet(sheet: SentBack, *, side: int = 58, across: int = 2) -> Tiles:
    """Draw each channel's strongest patches, and right of them the same patches sent back.

    What is sent back is stretched around mid-gray, each picture by itself.

    Parameters
    ----------
    sheet : SentBack
    side : int
        Of a patch on the page, in pixels.
    across : int
        Channels side by side.
    """
    most = max(len(one) for one in sheet.patches)
    blocks, captions = [], []
    for channel, top, patches, back in zip(sheet.channels, sheet.top, sheet.patches, sheet.back, strict=True):
        blocks += [_block(patches, side, most), _block(contrast(back), side, most)]
        captions += [f"channel {channel}: {top.value[0]:.2f} to {top.value[-1]:.2f}", f"by {sheet.rule}"]
    names = ", ".join(map(str, sheet.channels))
    alt = f"Channels {names} of {sheet.layer}: left their strongest patches, right these sent back by {sheet.rule}"
    return tiles(np.stack(blocks), alt, columns=2 * across, gap=10, captions=captions)


def filter_windows(
    filters: Filters,
    numbers: Sequence[int],
    windows: Sequence[Tensor],
    captions: Sequence[str],
    *,
    side: int = 42,
    across: int = 3,
) -> Tiles:
    """Draw filters that see RGB, and right of each the windows that it answers loudest.

    Parameters
    ----------
    filters : Filters
    numbers : sequence of int
        Which filters.
    windows : sequence of Tensor, shape (k, 3, h, w), RGB in [0, 1]
        Of each of them.
    captions : sequence of str
        A short text under the windows of each.
    side : int
        Of a window on the page, in pixels.
    across : int
        Filters side by side.
    """
    most = max(len(one) for one in windows)
    blocks, texts = [], []
    for number, own, caption in zip(numbers, windows, captions, strict=True):
        block = _block(own, side, most)
        blocks += [_block(contrast(filters.weight[number][None]), block.shape[0] - 4, 1), block]
        texts += [f"filter {number}", caption]
    alt = f"Filters {numbers[0]} to {numbers[-1]} of {filters.layer}, each left of the windows that it answers loudest"
    return tiles(np.stack(blocks), alt, columns=2 * across, gap=10, captions=texts)


def _block(pictures: Tensor, side: int, most: int) -> Pixels:
    """Lay pictures of one channel out in a square, with white where there are fewer than `most`."""
    if pictures.shape[-1] < 16:  # few enough pixels to be seen one by one
        scaled = torch.nn.functional.interpolate(pictures, (side, side), mode="nearest-exact")
    else:
        scaled = _resize(pictures, side)
    white = scaled.new_ones(most - len(scaled), *scaled.shape[1:])
    return tiles(torch.cat([scaled, white]), "", columns=max(1, round(most**0.5))).pixels


def neighbor_rows(query: Tensor, pool: PatchPool, rows: Sequence[tuple[str, Neighbors]], *, side: int = 72) -> Raster:
    """Draw a query and, row by row, what lies nearest to it.

    Parameters
    ----------
    query : Tensor, shape (3, size, size), RGB in [0, 1]
    pool : PatchPool
    rows : sequence of (str, Neighbors)
        What each row measures the distance in, and its result.
    side : int
        Of a patch on the page, in pixels.
    """
    pictures, captions = [], []
    for name, found in rows:
        pictures += [query[None], pool.pixels(found.index)]
        captions += [name, *(pool.names[int(pool.picture[index])] for index in found.index)]
    columns = 1 + len(rows[0][1].index)
    alt = "Left the query, then its nearest neighbors: " + "; ".join(name for name, _ in rows)
    return tiles(_resize(torch.cat(pictures), side), alt, columns=columns, gap=6, captions=captions)


def _resize(pictures: Tensor, side: int) -> Tensor:
    return torch.nn.functional.interpolate(pictures, (side, side), mode="bicubic", antialias=True).clamp(0, 1)
