"""A HOG as a picture: in each cell, strokes along the edges that it found."""

import math

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from vizkit.figures.raster import Raster


def hog_glyphs(blocks: Tensor, alt: str, *, width: int = 360) -> Raster:
    """Draw a HOG, a star of strokes for each cell: the brighter, the more of its edges run that way.

    Parameters
    ----------
    blocks : Tensor, shape (rows, columns, block, block, orientations)
        From `vizkit.hog`. A cell lies in several blocks; what is drawn is its mean over them.
    alt : str
    width : int
        In pixels.
    """
    cells = cell_means(blocks)
    rows, columns, orientations = cells.shape
    side = width / columns
    image = Image.new("L", (width, round(side * rows)))
    draw = ImageDraw.Draw(image)
    strength = (cells / cells.max().clamp(min=1e-12)).sqrt()  # faint edges are to be seen, too
    order = strength.flatten().argsort()  # the brightest on top
    for index in order.tolist():
        cell, turn = divmod(index, orientations)
        y, x = ((place + 0.5) * side for place in divmod(cell, columns))
        angle = math.pi * (turn + 0.5) / orientations + math.pi / 2  # an edge runs across its gradient
        across, down = 0.45 * side * math.cos(angle), 0.45 * side * math.sin(angle)
        shade = round(255 * float(strength.flatten()[index]))
        draw.line((x - across, y - down, x + across, y + down), fill=shade, width=max(1, round(side / 12)))
    return Raster(np.repeat(np.asarray(image)[:, :, None], 3, axis=2), alt)


def cell_means(blocks: Tensor) -> Tensor:
    """Return each cell's mean over the blocks that it lies in, shape (rows, columns, orientations)."""
    down, across, block, _, orientations = blocks.shape
    total = blocks.new_zeros(down + block - 1, across + block - 1, orientations)
    count = blocks.new_zeros(down + block - 1, across + block - 1, 1)
    for row in range(block):
        for column in range(block):
            total[row : row + down, column : column + across] += blocks[:, :, row, column]
            count[row : row + down, column : column + across] += 1
    return total / count
