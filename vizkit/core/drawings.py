"""Pictures drawn by formula: free of rights, any size, and their truth is known.

Each function takes a size in pixels and returns an array (size, size, 3) of uint8, the same for
the same size on every machine.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]
Coordinates = NDArray[np.float64]


def _plane(size: int) -> tuple[Coordinates, Coordinates]:
    """Return x and y of each pixel, from -1 to 1, y downwards."""
    line = (np.arange(size) + 0.5) / size * 2 - 1
    x, y = np.meshgrid(line, line)
    return x, y


def _pixels(red: Coordinates, green: Coordinates, blue: Coordinates) -> Pixels:
    stacked = np.stack([red, green, blue], -1)
    return (stacked.clip(0, 1) * 255).round().astype(np.uint8)


def zone_plate(size: int = 384) -> Pixels:
    """Rings that grow finer outwards: every orientation and frequency once.

    The wavelength falls from infinity in the middle to 4 pixels at the border.
    """
    x, y = _plane(size)
    wave = 0.5 + 0.5 * np.cos(np.pi * size / 8 * (x**2 + y**2))
    return _pixels(wave, wave, wave)


def color_wheel(size: int = 384) -> Pixels:
    """Every hue around a disk, its saturation growing outwards, on gray."""
    x, y = _plane(size)
    angle, radius = np.arctan2(-y, x), np.hypot(x, y) / 0.92
    strength = np.where(radius <= 1, radius, 0) * 0.5
    hues = [0.5 + strength * np.cos(angle - shift * 2 * np.pi / 3) for shift in range(3)]
    return _pixels(hues[0], hues[1], hues[2])


def bars(size: int = 384) -> Pixels:
    """Four gratings of four orientations, one per quarter, 12 pixels a period."""
    x, y = _plane(size)
    angle = np.where(y < 0, np.where(x < 0, 0, 45), np.where(x < 0, 90, 135)) * np.pi / 180
    phase = (x * np.cos(angle) + y * np.sin(angle)) * np.pi * size / 12
    wave = 0.5 + 0.5 * np.cos(phase)
    return _pixels(wave, wave, wave)


def shapes(size: int = 384) -> Pixels:
    """Flat colored shapes with sharp edges and corners on a light ground."""
    fine = 4  # drawn larger and shrunk, for smooth edges
    picture = Image.new("RGB", (size * fine, size * fine), "#f2efe6")
    draw = ImageDraw.Draw(picture)

    def points(*values: float) -> list[tuple[float, float]]:
        scaled = [value * size * fine for value in values]
        return list(zip(scaled[::2], scaled[1::2], strict=True))

    draw.ellipse(points(0.06, 0.08, 0.44, 0.46), fill="#d55e00")
    draw.polygon(points(0.56, 0.44, 0.92, 0.44, 0.74, 0.08), fill="#0072b2")
    draw.rectangle(points(0.08, 0.56, 0.42, 0.90), fill="#009e73")
    draw.polygon(points(0.74, 0.53, 0.93, 0.72, 0.74, 0.91, 0.55, 0.72), fill="#f0e442")
    draw.ellipse(points(0.19, 0.21, 0.31, 0.33), fill="#ffffff")
    draw.line(points(0.02, 0.50, 0.98, 0.50), fill="#222222", width=size * fine // 60)
    draw.line(points(0.50, 0.02, 0.50, 0.98), fill="#222222", width=size * fine // 60)
    return np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS))


def noise(size: int = 384) -> Pixels:
    """Independent uniform noise in every pixel and color: a picture of nothing."""
    return np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)


#: What the page of text says.
LINES = (
    "A filter is a small pattern.",
    "It slides over the picture and",
    "is compared with every window.",
    "Where the two are alike, the sum",
    "of the products is large. An edge",
    "finds edges, a letter finds the",
    "same letter again, wherever it is.",
)


def text(size: int = 384) -> Pixels:
    """Lines of black type on white, for which the same letter looks the same wherever it is."""
    picture = Image.new("RGB", (size, size), "white")
    draw = ImageDraw.Draw(picture)
    typeface = ImageFont.load_default(size / 17)
    for number, line in enumerate(LINES):
        # Each letter on whole pixels: between them, two of a kind would differ.
        at = float(size // 24)
        for letter in line:
            draw.text((round(at), size // 12 + number * size // 8), letter, fill="#111111", font=typeface)
            at += round(draw.textlength(letter, font=typeface))
    return np.asarray(picture)


#: Every drawing by its name.
DRAWINGS: dict[str, Callable[[], Pixels]] = {
    "zone plate": zone_plate,
    "color wheel": color_wheel,
    "bars": bars,
    "shapes": shapes,
    "noise": noise,
    "text": text,
}
