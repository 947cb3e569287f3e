"""A network whose weights are set by hand: edges, from them corners, from them squares."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from vizkit.core.seeds import generator
from vizkit.methods.convolution import convolution_layer, pool
from vizkit.methods.kernels import peaks

__all__ = ["Hierarchy", "ShapeScene", "shape_hierarchy", "shape_scene"]

#: Sides of a scene and of its squares, in pixels.
SCENE, SQUARE = 96, 15
EDGES = ("top edge", "bottom edge", "left edge", "right edge")
CORNERS = ("top left", "top right", "bottom left", "bottom right")
#: How far along an edge a corner looks, in pixels.
ALONG = 4


@dataclass(frozen=True)
class ShapeScene:
    """Bright shapes on a dark ground.

    Parameters
    ----------
    image : Tensor, float32, shape (96, 96)
    squares : list of (int, int)
        Row and column of the middle of each square of 15 px.
    """

    image: Tensor
    squares: list[tuple[int, int]]


def shape_scene(seed: int = 0, *, noise: float = 0.0) -> ShapeScene:
    """Draw nine shapes in a grid, none touching: squares of 15 px, disks, triangles, larger and smaller squares.

    Parameters
    ----------
    seed : int
    noise : float
        Standard deviation of what is added to each pixel, of which 0 is black and 1 white.
    """
    random = generator(seed)
    picture = Image.new("L", (SCENE, SCENE))
    draw = ImageDraw.Draw(picture)
    kinds = torch.randint(5, (9,), generator=random).tolist()
    kinds[int(torch.randint(9, (1,), generator=random))] = 0  # there is a square
    squares = []
    for number, kind in enumerate(kinds):
        middle = [16 + 32 * at + int(torch.randint(-4, 5, (1,), generator=random)) for at in divmod(number, 3)]
        _draw_shape(draw, kind, middle[1], middle[0])
        if kind == 0:
            squares.append((middle[0], middle[1]))
    image = torch.from_numpy(np.asarray(picture, np.float32) / 255)
    image = image + noise * torch.randn(image.shape, generator=random)
    return ShapeScene(image, squares)


def _draw_shape(draw: ImageDraw.ImageDraw, kind: int, x: int, y: int) -> None:
    half = SQUARE // 2
    if kind == 1:
        draw.ellipse((x - half, y - half, x + half, y + half), fill=255)
    elif kind == 2:
        draw.polygon([(x - half - 1, y + half), (x + half + 1, y + half), (x, y - half)], fill=255)
    else:
        reach = {0: half, 3: half - 3, 4: half + 3}[kind]
        draw.rectangle((x - reach, y - reach, x + reach, y + reach), fill=255)


@dataclass(frozen=True)
class Hierarchy:
    """What three layers of hand-set weights see in a scene, each map as large as the scene.

    Parameters
    ----------
    edges : Tensor, shape (4, 96, 96)
        In the order of `EDGES`.
    corners : Tensor, shape (4, 96, 96)
        In the order of `CORNERS`.
    squares : Tensor, shape (96, 96)
    found : list of (int, int)
        Row and column of the peaks of `squares`.
    """

    edges: Tensor
    corners: Tensor
    squares: Tensor
    found: list[tuple[int, int]]


def edge_weights() -> Tensor:
    """Return the first layer: bright on one side, dark on the other, shape (4, 1, 3, 3)."""
    top = torch.tensor([[-1.0], [0.0], [1.0]]).expand(3, 3) / 3
    return torch.stack([top, -top, top.T, -top.T])[:, None]


def corner_weights() -> Tensor:
    """Return the second layer: an edge to one side and an edge up or down, shape (4, 4, 9, 9)."""
    weights = torch.zeros(4, 4, 2 * ALONG + 1, 2 * ALONG + 1)
    for corner, (rows, columns) in enumerate(((1, 1), (1, -1), (-1, 1), (-1, -1))):
        flat, upright = (0 if rows > 0 else 1), (2 if columns > 0 else 3)
        for step in range(1, ALONG + 1):
            weights[corner, flat, ALONG, ALONG + columns * step] = 1 / ALONG
            weights[corner, upright, ALONG + rows * step, ALONG] = 1 / ALONG
    return weights


def square_weights() -> Tensor:
    """Return the third layer: four corners, each at its place, shape (1, 4, 15, 15)."""
    weights = torch.zeros(1, 4, SQUARE, SQUARE)
    for corner, (row, column) in enumerate(((0, 0), (0, -1), (-1, 0), (-1, -1))):
        weights[0, corner, row, column] = 1.0
    return weights


def shape_hierarchy(image: Tensor, *, corners: float = 3.0) -> Hierarchy:
    """Look for squares of 15 px: three layers of convolution, bias and ReLU, their weights set by hand.

    Between the second and the third, max pooling of 3 x 3 lets a corner be a pixel off.

    Parameters
    ----------
    image : Tensor, shape (H, W)
        Bright shapes on dark; see `shape_scene`.
    corners : float
        How many corners must be there, each counting by how sure it is: the bias of the last layer.

    Raises
    ------
    ValueError
        If the image is none, or the number is not above 0 and at most 4.
    """
    if image.ndim != 2 or min(image.shape) < 2 * ALONG + 1:
        raise ValueError(f"image must have shape (H, W), {2 * ALONG + 1} or more, got {tuple(image.shape)}")
    if not 0 < corners <= 4:
        raise ValueError(f"corners must be above 0 and at most 4, got {corners}")
    edges = convolution_layer(image[None], edge_weights(), padding=1).sub(0.2).relu().clamp(max=1)
    # Two clean edges, of .8 each, make a corner of 1; a single one, 1 at most, makes none.
    seen = convolution_layer(edges, corner_weights() / 0.6, padding=ALONG).sub(1 / 0.6).relu()
    seen = pool(F.pad(seen, [1] * 4), 3, stride=1)
    squares = convolution_layer(seen, square_weights(), padding=SQUARE // 2)[0].sub(corners).relu()
    return Hierarchy(edges, seen, squares, peaks(squares, 1e-6, 4))
