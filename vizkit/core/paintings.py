"""Style pictures painted by formula: free of rights, the same on every machine."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Pixels = NDArray[np.uint8]
Field = NDArray[np.float64]
_FINE = 2  # painted larger and shrunk, for smooth edges


def _palette(*colors: str) -> Pixels:
    rows = [tuple(int(color[i : i + 2], 16) for i in (0, 2, 4)) for color in colors]
    return np.array(rows, np.uint8)


def _strokes(
    size: int, angle: Field, colors: Pixels, shade: Field, *, count: int, length: float, width: float, seed: int
) -> Pixels:
    """Paint short strokes along a field of angles, each in a color chosen by the shade there."""
    random = np.random.default_rng(seed)
    wide = size * _FINE
    picture = Image.new("RGB", (wide, wide), tuple(colors[0].tolist()))
    draw = ImageDraw.Draw(picture)
    places = (random.random((count, 2)) * 1.2 - 0.1) * size  # from beyond the border, too
    pace = length / 6
    for number, place in enumerate(places):
        point, line = place.copy(), [tuple(place * _FINE)]
        for _ in range(6):
            row, column = (int(min(max(value, 0), size - 1)) for value in point[::-1])
            turn = angle[row, column]
            point = point + pace * np.array([np.cos(turn), np.sin(turn)])
            line.append(tuple(point * _FINE))
        row, column = (int(min(max(value, 0), size - 1)) for value in place[::-1])
        tone = np.clip(shade[row, column] + random.normal(0, 0.13), 0, 0.999)
        color = colors[int(tone * len(colors))] + random.normal(0, 9, 3)
        thick = max(1, round(width * _FINE * (0.7 + 0.6 * random.random())))
        draw.line(line, fill=tuple(color.clip(0, 255).astype(int).tolist()), width=thick, joint="curve")
        if number == count // 2:  # the lower coat is wet: it runs a little
            picture = picture.filter(ImageFilter.GaussianBlur(0.8))
            draw = ImageDraw.Draw(picture)
    return np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS))


def _noise_field(size: int, scale: float, seed: int) -> Field:
    """Return smooth noise in [0, 1]."""
    noise = np.random.default_rng(seed).random((size, size))
    from scipy.ndimage import gaussian_filter  # a quarter of a second, for paintings alone

    smooth = gaussian_filter(noise, scale, mode="wrap")
    smooth -= smooth.min()
    found: Field = smooth / smooth.max()
    return found


def swirls(size: int = 384) -> Pixels:
    """Paint a night sky of eddies: strokes in blues and yellows along a flow with eight whirls."""
    random = np.random.default_rng(5)
    y, x = np.mgrid[0:size, 0:size] / size
    flow = np.stack([np.ones_like(x), 0.35 * np.sin(2.2 * np.pi * x)])
    glow = np.zeros_like(x)
    for turn in range(8):
        cx, cy, reach = random.random(), random.random() * 0.95, 0.05 + 0.08 * random.random()
        dx, dy = x - cx, y - cy
        near = np.exp(-(dx**2 + dy**2) / (2 * reach**2))
        flow += 6 * (-1) ** turn * near * np.stack([-dy, dx]) / reach
        ring = np.hypot(dx, dy) / reach
        glow = np.maximum(glow, np.exp(-(ring**2) / 1.2))
    angle = np.arctan2(flow[1], flow[0])
    shade = 0.12 + 0.42 * _noise_field(size, size / 18, 1) + 0.6 * glow
    colors = _palette("0b1d51", "12307a", "1c4fa1", "3374c4", "6aa3d9", "b9cfa6", "f0d264", "ffe89a")
    return _strokes(size, angle, colors, shade, count=11_000, length=size / 16, width=2.6, seed=2)


def brushstrokes(size: int = 384) -> Pixels:
    """Paint broad strokes of warm and cold colors, laid crosswise in patches."""
    angle = 2 * np.pi * _noise_field(size, size / 9, 11)
    shade = _noise_field(size, size / 14, 12)
    colors = _palette("1f2a44", "274c5e", "2f8f83", "e9d8a6", "ee9b00", "ca6702", "ae2012", "f4f1de")
    return _strokes(size, angle, colors, shade, count=3200, length=size / 9, width=8, seed=3)


def mosaic(size: int = 384) -> Pixels:
    """Lay stones of uneven shape in dark mortar, in bands of color around two centers."""
    random = np.random.default_rng(7)
    cells = np.stack(np.meshgrid(np.arange(0, size, 13), np.arange(0, size, 13)), -1).reshape(-1, 2)
    seeds = cells + random.normal(0, 3.2, cells.shape)
    y, x = np.mgrid[0:size, 0:size]
    from scipy.spatial import cKDTree

    distance, nearest = cKDTree(seeds).query(np.stack([x, y], -1).reshape(-1, 2), k=2)
    stone = nearest[:, 0]
    radius = np.minimum(np.hypot(*(seeds - size * 0.3).T), np.hypot(*(seeds - size * 0.78).T))
    colors = _palette("b5341f", "e07a3f", "f2cc8f", "fbf6e9", "3d8f8c", "1d5c78", "27374d")
    band = (radius / (size / 17) + random.normal(0, 0.25, len(seeds))).astype(int) % len(colors)
    tint = colors[band] + random.normal(0, 13, (len(seeds), 3))
    mortar = ((distance[:, 1] - distance[:, 0]) / 1.8).clip(0, 1)[:, None]
    picture = tint[stone] * mortar + np.array([38, 32, 30]) * (1 - mortar)
    found: Pixels = picture.clip(0, 255).round().astype(np.uint8).reshape(size, size, 3)
    return found


def waves(size: int = 384) -> Pixels:
    """Print overlapping scales of concentric arcs, as on printed cloth, blue on cream."""
    wide = size * _FINE
    picture = Image.new("RGB", (wide, wide), "#f4ead2")
    draw = ImageDraw.Draw(picture)
    reach, random = wide / 6, np.random.default_rng(9)
    inks = ("#16315e", "#f4ead2", "#27598c", "#f4ead2", "#6fa3c7", "#f4ead2", "#d9583b")
    for row in range(-2, 16):
        for column in range(-1, 8):
            cx = (column + 0.5 * (row % 2)) * reach + random.normal(0, reach / 40)
            cy = row * reach / 2 + reach / 2
            for ring, ink in enumerate(inks):
                r = reach * 0.56 * (1 - ring / len(inks))
                draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=ink)
    return np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS))


#: Every painting by its name.
PAINTINGS: dict[str, Callable[[], Pixels]] = {
    "swirls": swirls,
    "brushstrokes": brushstrokes,
    "mosaic": mosaic,
    "waves": waves,
}
