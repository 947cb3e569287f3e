"""Tables of numbers as colored cells, to be read and to be changed by hand."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from vizkit.figures.pictures import boxes, font
from vizkit.figures.raster import Pixels, Raster
from vizkit.figures.theme import lookup

#: The window of a kernel, in cells: (top, left, height, width).
Window = tuple[int, int, int, int]


def written(number: float) -> str:
    """Return a number as short as a cell wants it."""
    short = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if short in ("-0", "") else short


def cells(
    table: Tensor,
    alt: str,
    *,
    side: int = 44,
    signed: bool = True,
    window: Window | None = None,
    spread: int = 1,
    border: int = 0,
) -> Raster:
    """Draw a table: each number in a cell of its color.

    Parameters
    ----------
    table : Tensor, shape (rows, columns)
    alt : str
    side : int
        Of a cell, in pixels; below 24 there is no room for numbers.
    signed : bool
        Blue to red, white for 0; else black to white from the smallest to the largest.
    window : (top, left, height, width), optional
        A kernel's window, framed cell by cell.
    spread : int
        The kernel's dilation: how far apart the window's cells are.
    border : int
        Cells on each side that are padding: gray.
    """
    rows, columns = table.shape
    numbers = table.detach().double()
    colors = painted(numbers, signed=signed)
    if border:
        inside = (slice(border, -border), slice(border, -border))
        pale = np.full_like(colors, 224)
        pale[inside] = colors[inside]
        colors = pale
    pixels = colors.repeat(side, 0).repeat(side, 1)
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    if side >= 24:
        _write(draw, numbers, side, pixels)
    for at in range(rows + 1) if side >= 6 else ():
        draw.line((0, at * side, columns * side, at * side), fill="#bbbbbb")
    for at in range(columns + 1) if side >= 6 else ():
        draw.line((at * side, 0, at * side, rows * side), fill="#bbbbbb")
    made = Raster(np.asarray(picture), alt, exact=True)
    return made if window is None else _framed(made, window, spread, side)


def painted(numbers: Tensor, *, signed: bool, limit: float = 0.0) -> Pixels:
    """Return the colors of numbers (H, W): blue to red, white for 0, or black to white, from the smallest on.

    Parameters
    ----------
    numbers : Tensor, shape (H, W)
    signed : bool
    limit : float
        Of signed numbers, the one of the strongest color; the largest by default.
    """
    if signed:
        shares = (numbers / max(limit or float(numbers.abs().max()), 1e-12)).clamp(-1, 1) / 2 + 0.5
    else:
        low, high = torch.aminmax(numbers)
        shares = (numbers - low) / (high - low).clamp(min=1e-12)
    colors: Pixels = lookup("rdbu" if signed else "gray")[(shares * 255).round().byte().numpy()]
    return colors


def _write(draw: ImageDraw.ImageDraw, numbers: Tensor, side: int, pixels: Pixels) -> None:
    for (row, column), number in np.ndenumerate(numbers.numpy()):
        text = written(float(number))
        typeface = font(max(10, min(side // 2 - 4, int(1.7 * side / max(len(text), 3)))))
        x, y = (column + 0.5) * side, (row + 0.5) * side
        dark = pixels[int(y), int(x)].mean() < 128
        draw.text((x, y), text, fill="white" if dark else "#222222", font=typeface, anchor="mm")


def _framed(made: Raster, window: Window, spread: int, side: int) -> Raster:
    top, left, height, width = window
    if spread == 1:
        return boxes(made, [(left * side, top * side, (left + width) * side, (top + height) * side)])
    corners = [(left + spread * column, top + spread * row) for row in range(height) for column in range(width)]
    return boxes(made, [(side * x, side * y, side * (x + 1), side * (y + 1)) for x, y in corners])


def beside(pictures: Sequence[Raster], alt: str, *, signs: Sequence[str] = (), gap: int = 24) -> Raster:
    """Put pictures side by side on white, their middles at one height, with a sign between each two."""
    high = max(one.height for one in pictures)
    canvas = np.full((high, sum(one.width + gap for one in pictures) - gap, 3), 255, np.uint8)
    left, middles = 0, []
    for one in pictures:
        top = (high - one.height) // 2
        canvas[top : top + one.height, left : left + one.width] = one.pixels
        left += one.width + gap
        middles.append(left - gap // 2)
    picture = Image.fromarray(canvas)
    for x, sign in zip(middles, signs, strict=False):
        ImageDraw.Draw(picture).text((x, high // 2), sign, fill="#222222", font=font(22), anchor="mm")
    return Raster(np.asarray(picture), alt, exact=True)
