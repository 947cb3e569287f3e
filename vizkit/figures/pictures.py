"""Photos, feature maps and filters as finished pictures: tiles, maps, overlays, boxes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from vizkit.figures.raster import Heat, Pixels, Raster, to_uint8
from vizkit.figures.theme import ACCENT, Palette, lookup

Box = tuple[int, int, int, int]
Scale = Literal["each", "shared"]
R = TypeVar("R", bound=Raster)


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own typeface at a size in pixels."""
    return ImageFont.load_default(size)


def colorize(maps: Tensor, *, signed: bool = False, scale: Scale = "shared") -> Pixels:
    """Paint numbers: viridis from 0 up, or red-blue centered on zero.

    Parameters
    ----------
    maps : Tensor, shape (N, H, W)
    signed : bool
    scale : {"each", "shared"}
        Whether each map has its own largest color, or the largest value of all of them has.

    Returns
    -------
    ndarray, uint8, shape (N, H, W, 3)
    """
    dims = (1, 2) if scale == "each" else (0, 1, 2)
    if signed:
        limit = maps.abs().amax(dims, keepdim=True).clamp(min=1e-12)
        shares = maps / limit / 2 + 0.5
    else:
        low = maps.amin(dims, keepdim=True).clamp(max=0)
        shares = (maps - low) / (maps.amax(dims, keepdim=True) - low).clamp(min=1e-12)
    palette: Palette = "rdbu" if signed else "viridis"
    colors: Pixels = lookup(palette)[(shares * 255).round().byte().numpy()]
    return colors


def contrast(weights: Tensor, *, scale: Scale = "each") -> Tensor:
    """Stretch filters (N, C, h, w) around mid-gray so that they fill [0, 1]; zero is gray."""
    dims = (1, 2, 3) if scale == "each" else (0, 1, 2, 3)
    limit = weights.abs().amax(dims, keepdim=True).clamp(min=1e-12)
    return weights / limit / 2 + 0.5


@dataclass(frozen=True, eq=False)
class Tiles(Raster):
    """Pictures in rows, as `tiles` lays them out.

    Parameters
    ----------
    count, columns : int
    tile_width, tile_height : int
        Of one tile in pixels, its caption included.
    gap : int
        Pixels between tiles.
    caption : int
        Height of the text under each, a part of `tile_height`.
    numbers : tuple of int
        What each tile stands for; its place by default.
    """

    count: int = 1
    columns: int = 1
    tile_width: int = 1
    tile_height: int = 1
    gap: int = 0
    caption: int = 0
    numbers: tuple[int, ...] = ()

    def number(self, tile: int) -> int:
        """Return what a tile stands for."""
        return self.numbers[tile] if self.numbers else tile

    def picture_box(self, index: int) -> Box:
        """Return ``(x0, y0, x1, y1)`` of the picture of one tile, without its caption."""
        x0, y0, x1, y1 = self.box(index)
        return x0, y0, x1, y1 - self.caption

    def box(self, index: int) -> Box:
        """Return ``(x0, y0, x1, y1)`` of one tile."""
        x0 = self.gap + index % self.columns * (self.tile_width + self.gap)
        y0 = self.gap + index // self.columns * (self.tile_height + self.gap)
        return x0, y0, x0 + self.tile_width, y0 + self.tile_height

    def at(self, x: int, y: int) -> int | None:
        """Return the tile under a pixel, or None."""
        column, row = x // (self.tile_width + self.gap), y // (self.tile_height + self.gap)
        index = row * self.columns + column
        return index if column < self.columns and index < self.count else None


def tiles(
    pictures: Tensor | Pixels, alt: str, *, columns: int | None = None, gap: int = 2, captions: Sequence[str] = ()
) -> Tiles:
    """Lay pictures of equal size out in rows.

    Parameters
    ----------
    pictures : Tensor, shape (N, 3, h, w), RGB in [0, 1], or ndarray, uint8, shape (N, h, w, 3)
    alt : str
    columns : int, optional
        About 3 : 2 by default.
    gap : int
        Pixels between tiles.
    captions : sequence of str
        A short text under each tile.
    """
    array = _as_array(pictures)
    count, height, width = array.shape[:3]
    columns = columns or auto_columns(count, height / width)
    rows = math.ceil(count / columns)
    text = 20 if captions else 0
    shape = (rows * (height + text + gap) + gap, columns * (width + gap) + gap, 3)
    sheet = Tiles(np.full(shape, 255, np.uint8), alt, False, count, columns, width, height + text, gap, text)
    for index, tile in enumerate(array):
        x0, y0, *_ = sheet.box(index)
        sheet.pixels[y0 : y0 + height, x0 : x0 + width] = tile
    if not captions:
        return sheet
    picture = Image.fromarray(sheet.pixels)
    draw = ImageDraw.Draw(picture)
    for index, caption in enumerate(captions[:count]):
        x0, y0, *_ = sheet.box(index)
        _fit_text(draw, (x0 + 1, y0 + height + 2), caption, width)
    return replace(sheet, pixels=np.asarray(picture))


def frame_tile(sheet: Tiles, index: int) -> Tiles:
    """Frame the picture of one tile."""
    picture = Image.fromarray(sheet.pixels)
    x0, y0, x1, y1 = sheet.picture_box(index)
    frame = (x0 - 2, y0 - 2, x1 + 1, y1 + 1)
    ImageDraw.Draw(picture).rectangle(frame, outline=ACCENT, width=max(2, sheet.gap))
    return replace(sheet, pixels=np.asarray(picture))


def sheet(pictures: Tensor, alt: str, *, side: int, columns: int | None = None, captions: Sequence[str] = ()) -> Tiles:
    """Scale pictures smoothly to `side` columns of pixels and lay them out with wide gaps.

    Parameters
    ----------
    pictures : Tensor, shape (N, 3, h, w), RGB in [0, 1]
    alt : str
    side, columns : int
    captions : sequence of str
    """
    height = max(1, round(side * pictures.shape[2] / pictures.shape[3]))
    scaled = F.interpolate(pictures.float(), (height, side), mode="bicubic", antialias=True, align_corners=False)
    return tiles(scaled.clamp(0, 1), alt, columns=columns, gap=6, captions=captions)


def over_white(images: Tensor, opacity: Tensor) -> Tensor:
    """Lay pictures (N, 3, H, W) over white, with an opacity (N, H, W) in [0, 1]."""
    return images * opacity[:, None] + 1 - opacity[:, None]


def auto_columns(count: int, aspect: float = 1.0) -> int:
    """Return how many columns make a sheet about 3 : 2, with a full last row if possible.

    Parameters
    ----------
    count : int
        Number of tiles.
    aspect : float
        A tile's height / width.
    """
    ideal = max(1, min(count, round(math.sqrt(1.5 * count * aspect))))
    near = [n for n in range(ideal, math.ceil(1.6 * ideal) + 1) if n <= count]
    near += range(ideal - 1, math.floor(0.75 * ideal), -1)
    return next((columns for columns in near if columns and count % columns == 0), ideal)


def shrink(maps: Tensor, side: int) -> Tensor:
    """Scale maps (N, H, W) down to `side` columns, averaging; smaller ones stay as they are."""
    height, width = maps.shape[1:]
    if width <= side:
        return maps
    shape = (max(1, round(height * side / width)), side)
    return F.interpolate(maps[None], shape, mode="bilinear", antialias=True)[0]


def enlarge(pictures: Tensor, side: int) -> Tensor:
    """Repeat the pixels of pictures (..., h, w) by the largest factor that fits into `side`."""
    factor = max(1, side // pictures.shape[-1])
    return pictures.repeat_interleave(factor, -2).repeat_interleave(factor, -1)


def _as_array(pictures: Tensor | Pixels) -> Pixels:
    if isinstance(pictures, np.ndarray):
        return pictures
    return np.stack([to_uint8(picture) for picture in pictures])


def _fit_text(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, width: int) -> None:
    typeface = font(13)
    while text and draw.textlength(text, font=typeface) > width:
        text = text[:-2] + "…" if len(text) > 2 else ""
    draw.text(at, text, fill="#222222", font=typeface)


def overlay(image: Tensor, heat: Tensor, alt: str, *, opacity: float = 0.85, signed: bool = False) -> Raster:
    """Lay a map over a photo that is faded to gray: colors are the map's, shapes the photo's.

    Parameters
    ----------
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    heat : Tensor, shape (h, w)
        Scaled up to the photo, smoothly. The largest thousandth of its values is clipped, so
        that one bright pixel does not darken the rest.
    alt : str
    opacity : float
        Of the map's largest value, in [0, 1].
    signed : bool
    """
    height, width = image.shape[-2:]
    heat = F.interpolate(heat[None, None].float(), (height, width), mode="bilinear")[0]
    limit = torch.quantile(heat[heat != 0].abs(), 0.999) if (heat != 0).any() else heat.max()
    heat = heat.clamp(-limit, limit)
    colors = torch.from_numpy(colorize(heat, signed=signed)[0].copy()).permute(2, 0, 1) / 255
    strength = heat.abs() / heat.abs().max().clamp(min=1e-12)
    alpha = opacity * strength
    gray = image.cpu().mean(0, keepdim=True).expand(3, -1, -1)
    base = 0.85 * (0.8 * gray + 0.2 * image.cpu())
    heat_over = Heat(to_uint8(base), to_uint8(torch.cat([colors, strength])), opacity)
    return Raster(to_uint8(base * (1 - alpha) + colors * alpha), alt, heat=heat_over)


def heated(laid: Tiles, maps: Tensor, opacity: float) -> Tiles:
    """Lay a map over each tile of a sheet.

    Parameters
    ----------
    laid : Tiles
    maps : Tensor, shape (N, 4, H, W)
        RGB, and how much of it covers the tile at full opacity; scaled to the tiles.
    opacity : float
        In [0, 1].
    """
    colors = np.zeros((*laid.pixels.shape[:2], 4), np.uint8)
    for index, one in enumerate(maps):
        x0, y0, x1, y1 = laid.picture_box(index)
        fitted = F.interpolate(one[None], (y1 - y0, x1 - x0), mode="bicubic", antialias=True, align_corners=False)[0]
        colors[y0:y1, x0:x1] = to_uint8(fitted)
    alpha = opacity / 255 * colors[:, :, 3:].astype(np.float32)
    pixels = laid.pixels * (1 - alpha) + colors[:, :, :3] * alpha
    return replace(laid, pixels=pixels.round().astype(np.uint8), heat=Heat(laid.pixels, colors, opacity))


def photo(image: Tensor, alt: str) -> Raster:
    """Show one picture (3, H, W), RGB in [0, 1], as it is."""
    return Raster(to_uint8(image), alt)


def message(text: str, *, width: int = 400, height: int = 60) -> Raster:
    """Write a sentence where a picture will be."""
    picture = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(picture).text((4, height // 3), text, fill="#555555", font=font(15))
    return Raster(np.asarray(picture), text)


def boxes(raster: R, marks: Sequence[Box], *, color: str = ACCENT, width: int = 3) -> R:
    """Draw frames ``(x0, y0, x1, y1)`` on a picture, the frame on the outermost pixels inside.

    Each frame has a white line beside it, so that it is seen on any ground.
    """
    picture = Image.fromarray(raster.pixels)
    draw = ImageDraw.Draw(picture)
    for x0, y0, x1, y1 in marks:
        inner = (x0, y0, max(x1 - 1, x0), max(y1 - 1, y0))
        draw.rectangle(inner, outline="white", width=width + 1)
        draw.rectangle(inner, outline=color, width=width)
    over = raster.frames if raster.heat is None else (*raster.frames, *marks)
    return replace(raster, pixels=np.asarray(picture), frames=over)


def fit(raster: Raster, width: int) -> Raster:
    """Scale a picture to a width in pixels, the aspect kept."""
    height = max(1, round(raster.height * width / raster.width))

    def resized(pixels: Pixels) -> Pixels:
        return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))

    heat = raster.heat and replace(raster.heat, base=resized(raster.heat.base))
    return Raster(resized(raster.pixels), raster.alt, raster.exact, heat=heat)


def framed(raster: Raster, mark: Box, width: int) -> Raster:
    """Scale a picture to a width, and frame a part of it that is given in its own pixels."""
    scale = width / raster.width
    x0, y0, x1, y1 = (round(edge * scale) for edge in mark)
    return boxes(fit(raster, width), [(x0, y0, x1, y1)])
