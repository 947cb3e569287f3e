"""Panels of kernels that are set by hand: smoothing, edges, patterns, and what is built of them."""

import math
from typing import Annotated, Any

import torch
from torch import Tensor

import vizkit
from vizkit.core.data import weekly_prices
from vizkit.core.seeds import normal
from vizkit.figures.cells import beside, cells, written
from vizkit.figures.charts import named_curves
from vizkit.figures.convolution import filtered_series, gray_map, gray_sheet, signed_map, two_features
from vizkit.figures.pictures import Box as Frame
from vizkit.figures.pictures import Tiles, boxes, fit, photo
from vizkit.figures.sounds import sound, spectrogram_chart
from vizkit.figures.theme import CLASSES
from vizkit.methods.convolution import correlate
from vizkit.methods.hand_set import CORNERS, EDGES, SQUARE, shape_hierarchy, shape_scene
from vizkit.methods.kernels import (
    found_windows,
    gaussian_within,
    laplacian_of_gaussian,
    long_edges,
    match_template,
    same_correlate,
    smoothing_kernel,
    sobel_kernel,
    vertical_edges,
    zero_crossings,
)
from vizkit.methods.sounds import LENGTH, RATE, WORDS, make_sounds, spectrogram
from vizkit.panels.convolution import factor, finite, gray, place_of, sum_of, varied
from vizkit.widgets import Box, Image, Numbers, On, OneOf, Place, Point, Slider, Table, Toggle, When

#: Of a photo beside another, in pixels.
WIDTH = 340
#: Kernels for numbers in a row.
ROWS = ("box", "Gaussian", "change", "own")
Size = Annotated[int, Slider(1, 31, 2, unit="px", label="size")]
SHARES = ("AMZN", "AAPL", "FB", "GOOG", "MSFT", "NFLX")


def row_kernel(kind: str, size: int, sigma: float, own: tuple[float, ...]) -> Tensor:
    """Return a kernel of one dimension."""
    if kind == "own":
        if not own:
            raise ValueError("a kernel must have a number or more, got none")
        return finite(own, "a kernel")
    if kind == "change":  # from the first to the last of the window
        ends = torch.zeros(max(size, 2), dtype=torch.float64)
        ends[0], ends[-1] = -1, 1
        return ends
    return smoothing_kernel(kind, size, sigma, 1).double()


@vizkit.panel("A series, filtered", layout="chart / kernel / text")
def series(
    share: Annotated[str, OneOf(SHARES)] = "AMZN",
    kind: Annotated[str, OneOf(ROWS, label="kernel")] = "box",
    size: Annotated[int, Slider(1, 31, 2, unit="weeks"), When(lambda kind: kind != "own")] = 9,
    sigma: Annotated[float, Slider(0.5, 8.0, 0.5, unit="weeks"), When(lambda kind: kind == "Gaussian")] = 2.0,
    own: Annotated[Any, Numbers(label="numbers"), When(lambda kind: kind == "own")] = (1.0, -2.0, 1.0),
    place: Annotated[float, Slider(0.0, 1.0, 0.01)] = 0.3,
) -> Any:
    """Weekly prices of a share in 2018 and 2019, correlated with a kernel.

    Shows
    -----
    chart : above the series and the kernel's window, below the sums
    kernel : its numbers
    """
    x, w = weekly_prices()[share], row_kernel(kind, size, sigma, own)
    found = correlate(x, w)
    at = round(place * (len(found) - 1))
    terms = (
        sum_of(x[at : at + len(w)], w) if len(w) <= 9 else f"{len(w)} products sum to **{written(float(found[at]))}**"
    )
    return found, {
        "chart": filtered_series(x, found, at, len(w), smooth=kind in ("box", "Gaussian")),
        "kernel": cells(w[None], "The kernel", side=max(18, min(48, 560 // len(w)))),
        "text": f"{len(x)} weeks and a kernel of {len(w)}: {len(x)} - {len(w)} + 1 = **{len(found)}** sums\n"
        f"sum {at + 1}: {terms}",
    }


def decibels(clean: Tensor, heard: Tensor) -> float:
    """Return the ratio of a sound to what was added to it and taken from it, in decibels."""
    return 10 * math.log10(float(clean.square().sum() / (heard - clean).square().sum().clamp(min=1e-12)))


@vizkit.panel("A sound, filtered", layout="before after / spectrograms spectrograms / chart text")
def filtered_sound(
    word: Annotated[str, OneOf(WORDS)] = "a-u",
    noise: Annotated[float, Slider(0.0, 0.5, 0.01)] = 0.3,
    kind: Annotated[str, OneOf(("box", "Gaussian"), label="kernel")] = "box",
    size: Annotated[int, Slider(1, 31, 2)] = 5,
    sigma: Annotated[float, Slider(0.5, 8.0, 0.5), When(lambda kind: kind == "Gaussian")] = 1.0,
    voice: Annotated[int, Slider(0, 20)] = 0,
) -> Any:
    """A spoken word with static, smoothed.

    Shows
    -----
    chart : how much of what is heard is the word, by the size of the kernel
    """
    clean = make_sounds(torch.tensor([WORDS.index(word)]), seed=2000 + voice)[0]
    noisy = clean + noise * normal((LENGTH,), voice)
    heard = {count: smoothed(noisy, smoothing_kernel(kind, count, sigma, 1)) for count in range(1, 32, 2)}
    ratio = {count: decibels(clean, one) for count, one in heard.items()}
    best = max(ratio, key=lambda count: ratio[count])
    now, sizes, title = smoothed(noisy, smoothing_kernel(kind, size, sigma, 1)), list(ratio), "Word against all else"
    reached = decibels(clean, now)
    loudness = {name: spectrogram(one) for name, one in (("before", noisy), ("after", now))}
    return now, {
        "before": sound(noisy.clamp(-1, 1), RATE, f"before: {ratio[1]:.1f} dB"),
        "after": sound(now.clamp(-1, 1), RATE, f"after: {reached:.1f} dB"),
        "spectrograms": spectrogram_chart(loudness, LENGTH / RATE, RATE / 2),
        "chart": named_curves({kind: list(ratio.values())}, sizes, title, "size [samples]", "dB", now=size),
        "text": f"size {size}: the word is **{reached:.1f} dB** above what was added to it or taken from it; "
        f"unfiltered {ratio[1]:.1f} dB\nbest: size **{best}**, {ratio[best]:.1f} dB",
    }


def smoothed(samples: Tensor, kernel: Tensor) -> Tensor:
    """Return numbers in a row, smoothed, as many as before."""
    return same_correlate(samples[None], kernel[None])[0]


#: Dashed the noise, solid the edges.
LOOKS: dict[str, dict[str, Any]] = {
    f"{what}, {kind}": {"color": color, "dash": dash}
    for kind, color in (("Gaussian", CLASSES[0]), ("box", CLASSES[1]))
    for what, dash in (("noise", "dash"), ("edges", "solid"))
}


@vizkit.panel("Smoothing: noise against edges", layout="noisy after / chart kernel / chart text")
def smoothing(
    picture: Annotated[Any, Image(size=(160, 160))] = "camera",
    noise: Annotated[float, Slider(0.0, 0.4, 0.01)] = 0.15,
    kind: Annotated[str, OneOf(("box", "Gaussian"), label="kernel")] = "Gaussian",
    size: Size = 7,
    sigma: Annotated[float, Slider(0.3, 6.0, 0.1, unit="px")] = 1.5,
    seed: Annotated[int, Slider(0, 20)] = 0,
) -> Any:
    """Noise that is removed, and edges that are lost with it.

    Shows
    -----
    noisy : the photo with noise
    after : smoothed
    kernel : black is 0
    chart : dashed the noise that is left, solid the edges that are left
    """
    clean = varied(picture)
    noisy = clean + noise * normal(tuple(clean.shape), seed)
    kernel = smoothing_kernel(kind, size, sigma)
    after = same_correlate(noisy, kernel)
    curves, sides = smoothing_curves(picture, sigma)
    error, before = (float((one - clean).square().mean().sqrt()) for one in (after, noisy))
    within = f"Of the Gaussian {gaussian_within(size, sigma):.0%} lies within the kernel; the rest is cut off.\n"
    left = float(kernel.square().sum().sqrt())
    kept = float(edge_strength(same_correlate(clean, kernel)).sum() / edge_strength(clean).sum())
    return after, {
        "noisy": fit(gray_map(noisy.clamp(0, 1), "With noise", width=WIDTH), WIDTH),
        "after": fit(gray_map(after.clamp(0, 1), "Smoothed", width=WIDTH), WIDTH),
        "kernel": gray_map(kernel, f"The kernel: {kind}", width=150, crisp=True),
        "chart": named_curves(curves, sides, "What is left", "size [px]", "share", form=".0%", now=size, looks=LOOKS),
        "text": f"{within if kind == 'Gaussian' else ''}Noise left **{left:.0%}**, edges left **{kept:.0%}**.\n"
        f"From the picture without noise it is off by {error:.1%} of the range; before {before:.1%}.",
    }


@vizkit.remembered(8)
def smoothing_curves(picture: Tensor, sigma: float) -> tuple[dict[str, list[float]], list[int]]:
    """Return what each size of kernel leaves of noise and of the edges of a photo."""
    clean, sides = gray(picture), list(range(1, 22, 2))
    sharp = edge_strength(clean).sum()
    curves: dict[str, list[float]] = {}
    for kind in ("Gaussian", "box"):
        kernels = [smoothing_kernel(kind, side, sigma) for side in sides]
        curves[f"noise, {kind}"] = [float(kernel.square().sum().sqrt()) for kernel in kernels]
        curves[f"edges, {kind}"] = [
            float(edge_strength(same_correlate(clean, kernel)).sum() / sharp) for kernel in kernels
        ]
    return curves, sides


def slopes(image: Tensor) -> Tensor:
    """Return how much darker each pixel's surroundings become to the right and downwards, (2, H, W)."""
    return torch.stack([same_correlate(image, sobel_kernel(angle)) / 4 for angle in (0, 90)])


def edge_strength(image: Tensor) -> Tensor:
    """Return how much the brightness changes at each pixel, in any direction."""
    return slopes(image).square().sum(0).sqrt()


@vizkit.panel("Edges at any angle", layout="picture response / strength chart / kernel text")
def edges(
    picture: Annotated[Any, Image(size=(160, 160))] = "camera",
    angle: Annotated[int, Slider(0, 360, 5, unit="°")] = 30,
    at: Annotated[Place, On("picture", Point)] = (0.097, 0.36),
) -> Any:
    """Sobel's kernel, steered to an angle.

    Shows
    -----
    picture : press and drag
    response : red where the picture darkens in that direction; 0° is to the right, 90° downwards, across the edge
    strength : of edges in all directions
    chart : the response at the point, by angle
    """
    x = gray(picture)
    across, down = slopes(x)
    kernel = sobel_kernel(angle)
    found = same_correlate(x, kernel) / 4
    row, column = (min(int(share * side), side - 1) for share, side in zip(reversed(at), x.shape, strict=True))
    here = float(across[row, column]), float(down[row, column])
    turns = list(range(0, 361, 5))
    curve = [here[0] * math.cos(math.radians(turn)) + here[1] * math.sin(math.radians(turn)) for turn in turns]
    best = math.degrees(math.atan2(here[1], here[0])) % 360
    spot: Frame = (int(at[0] * WIDTH) - 4, int(at[1] * WIDTH) - 4, int(at[0] * WIDTH) + 5, int(at[1] * WIDTH) + 5)
    return found, {
        "picture": boxes(gray_map(x, "The photo", width=WIDTH), [spot], width=2),
        "response": signed_map(found, f"Steered to {angle}°", width=WIDTH),
        "strength": gray_map((across.square() + down.square()).sqrt(), "Strength of edges", width=WIDTH),
        "kernel": cells(kernel, "The kernel", side=52),
        "chart": named_curves(
            {"at the point": curve}, turns, "Response at the point", "angle [°]", "response", now=angle
        ),
        "text": f"cos {angle}° · S + sin {angle}° · Sᵀ\n"
        f"at the point **{written(float(found[row, column]))}**; "
        f"largest at **{best:.0f}°**: {written(math.hypot(*here))}. The edge runs across that direction.",
    }


@vizkit.panel("Zero crossings", layout="picture response / crossings kernel / text text")
def crossings(
    picture: Annotated[Any, Image(size=(160, 160))] = "camera",
    sigma: Annotated[float, Slider(0.5, 5.0, 0.25, unit="px")] = 1.5,
    least: Annotated[float, Slider(0.0, 0.1, 0.002, label="jump")] = 0.01,
) -> Any:
    """The Laplacian of a Gaussian: where it changes sign, brightness changes faster than beside it.

    Shows
    -----
    response : red on the dark side of an edge, blue on the bright one
    crossings : where the sign changes
    """
    x = gray(picture)
    kernel = laplacian_of_gaussian(sigma)
    found = same_correlate(x, kernel)
    marks = zero_crossings(found, least)
    return marks, {
        "picture": gray_map(x, "The photo", width=WIDTH),
        "response": signed_map(found, "Laplacian of Gaussian", width=WIDTH),
        "crossings": gray_map(1 - marks.float(), "Zero crossings", width=WIDTH),
        "kernel": signed_map(kernel, "The kernel", width=200),
        "text": f"{int(marks.sum()):,} of {marks.numel():,} pixels are crossings; the kernel has {len(kernel)} x "
        f"{len(kernel)} numbers, which sum to {written(float(kernel.sum()))}",
    }


#: The most windows that are framed.
MOST_MARKS = 100
#: The first letter "e" of the drawn page, as a box of shares.
LETTER = (0.1589, 0.099, 0.198, 0.1433)


def box_of(part: tuple[float, ...], height: int, width: int) -> Frame:
    """Return a box of shares in pixels.

    Raises
    ------
    ValueError
        If it is none, or has no area.
    """
    if len(part) != 4 or not (0 <= part[0] < part[2] <= 1 and 0 <= part[1] < part[3] <= 1):
        raise ValueError(f"a box must be x0, y0, x1, y1 with 0 <= x0 < x1 <= 1, so also y, got {part}")
    left, top = int(part[0] * width), int(part[1] * height)
    return left, top, max(left + 3, round(part[2] * width)), max(top + 3, round(part[3] * height))


@vizkit.panel("Find a pattern", layout="picture scores / pattern text")
def template(
    picture: Annotated[Any, Image(size=384)] = "text",
    part: Annotated[Any, On("picture", Box)] = LETTER,
    least: Annotated[float, Slider(0.3, 1.0, 0.01, label="score from")] = 0.9,
    compare: Annotated[str, OneOf(("normalized", "plain sum"))] = "normalized",
    color: Annotated[bool, Toggle(label="three channels")] = True,
) -> Any:
    """A part of a picture, looked for in all of it.

    Shows
    -----
    picture : drag a box around what is to be found
    scores : of each window, at its upper left corner; white is alike
    pattern : what is in the blue box
    """
    x = picture if color else gray(picture)[None]
    left, top, right, bottom = box_of(part, *x.shape[1:])
    pattern = x[:, top:bottom, left:right]
    score = match_template(x, pattern, normalized=compare == "normalized")
    found = found_windows(score, least, (bottom - top, right - left))
    marks = [(column, row, column + right - left, row + bottom - top) for row, column in found[:MOST_MARKS]]
    own = float(score[top, left])
    return found, {
        "picture": boxes(
            boxes(photo(picture, "The picture"), marks, width=2), [(left, top, right, bottom)], color="#0072b2"
        ),
        "scores": gray_map(score, "Scores", width=score.shape[1]),
        "pattern": fit(photo(pattern.expand(3, -1, -1), "The pattern"), 4 * (right - left)),
        "text": f"The pattern has {' x '.join(map(str, pattern.shape))} numbers; **{len(found)}** windows score "
        f"{least:g} or more{'' if compare == 'normalized' else ' of the largest sum'}. Its own scores {own:.2f}.",
    }


#: A kernel of three slices, for red, green and blue: how much redder than gray the window is.
COLORS = tuple((weight,) * 3 for weight in (1.0, -0.5, -0.5) for _ in range(3))


@vizkit.panel("Three channels, one sum", layout="picture result / window terms / text text")
def color_kernel(
    picture: Annotated[Any, Image(size=(120, 120))] = "astronaut",
    kernel: Annotated[Any, Table(label="slices")] = COLORS,
    at: Annotated[Place, On("picture", Point)] = (0.6, 0.75),
) -> Any:
    """Correlation in three dimensions: rows, columns and channels.

    Shows
    -----
    picture : press and drag
    result : one map for each place along the channels
    window : its slices: red, green, blue
    terms : their products with the kernel's slices, all of which are added
    """
    w = slices_of(kernel)
    x = picture.permute(1, 2, 0).double()
    found = correlate(x, w)
    height, width, depth = w.shape
    row, column = place_of(at, tuple(x.shape[:2]), (height, width), 1, 0, 1)
    window = x[row : row + height, column : column + width, :depth]
    parts = (window * w).sum((0, 1)).tolist()
    small = max(24, min(40, 200 // max(height, width)))
    seen, made = (
        [cells(one[..., k], "a slice", side=small, signed=one is not window) for k in range(depth)]
        for one in (window, window * w)
    )
    frame = (3 * column, 3 * row, 3 * (column + width), 3 * (row + height))
    return found, {
        "picture": boxes(fit(photo(picture, "The picture"), 360), [frame], width=2),
        "result": beside(
            [signed_map(found[..., k], "sums", width=360 // found.shape[2]) for k in range(found.shape[2])], "The sums"
        ),
        "window": beside(seen, "The window: red, green, blue"),
        "terms": beside(made, "Its products with the kernel's slices", signs="++"),
        "text": f"{x.shape[0]} x {x.shape[1]} x 3 numbers, a kernel of {height} x {width} x {depth}: "
        f"**{' x '.join(map(str, found.shape))}** sums\nat the place, by channel: "
        f"{' + '.join(map(factor, parts))} = **{written(float(found[row, column, 0]))}**",
    }


def slices_of(rows: tuple[tuple[float, ...], ...]) -> Tensor:
    """Return a kernel (k, k, depth) of one to three square slices, written below one another.

    Raises
    ------
    ValueError
        If there are not one, two or three square slices.
    """
    table = finite(rows, "a kernel")
    side = table.shape[-1] if table.ndim == 2 else 0
    if not side or len(table) % side or not 1 <= len(table) // side <= 3 or side > 15:
        raise ValueError(
            f"a kernel must be 1 to 3 square slices below one another, 15 wide at most, got {len(rows)} rows of {side}"
        )
    return table.view(-1, side, side).permute(1, 2, 0)


@vizkit.remembered(4)
def line_features(length: int) -> dict[str, tuple[float, float]]:
    """Return of each bundled photo its mean vertical edge, and its mean long vertical edge."""
    names = [name for name, one in vizkit.images().items() if one.package]
    photos = {name: gray(vizkit.load_image(name, (128, 128))) for name in names}
    return {
        name: (float(vertical_edges(x).mean()), float(long_edges(vertical_edges(x), length).mean()))
        for name, x in photos.items()
    }


@vizkit.panel("Edges, then long lines", layout="pictures chart / pictures text")
def long_lines(
    first: Annotated[Any, Image(size=(128, 128))] = "china",
    second: Annotated[Any, Image(size=(128, 128))] = "flower",
    length: Annotated[int, Slider(3, 41, 2, unit="px")] = 15,
) -> Any:
    """Which picture has more vertical edges, and which has longer ones?

    Shows
    -----
    pictures : each photo, its vertical edges E, and V, long vertical lines of E
    chart : all bundled photos
    """
    rows = []
    for picture in (first, second):
        x = varied(picture)
        e = vertical_edges(x)
        rows.append((x, e, long_edges(e, length)))
    (_, e1, v1), (_, e2, v2) = rows
    brightest = [max(float(one[at].max()) for one in rows) for at in (1, 2)]
    shown = [
        torch.stack([x, (e / brightest[0]).clamp(0, 1), (v / max(brightest[1], 1e-9)).clamp(0, 1)]) for x, e, v in rows
    ]
    numbers = [[float(one.mean()) for one in pair] for pair in ((e1, v1), (e2, v2))]
    captions = [name for e, v in numbers for name in ("photo", f"E {e:.3f}", f"V {v:.4f}")]
    return numbers, {
        "pictures": gray_sheet(torch.cat(shown), "Photo, edges, long lines", side=190, columns=3, captions=captions),
        "chart": two_features(line_features(length), numbers),
        "text": f"mean E: **{numbers[0][0]:.3f}** above, **{numbers[1][0]:.3f}** below\n"
        f"mean V: **{numbers[0][1]:.4f}** above, **{numbers[1][1]:.4f}** below\n"
        f"V / E: {numbers[0][1] / numbers[0][0]:.2f} above, {numbers[1][1] / numbers[1][0]:.2f} below",
    }


#: Of the scene, in pixels.
SCENE_WIDTH = 288


@vizkit.panel("Edges, corners, squares", layout="picture squares / edges corners / text text")
def hierarchy(
    scene: Annotated[int, Slider(0, 50)] = 0,
    noise: Annotated[float, Slider(0.0, 0.5, 0.05)] = 0.1,
    corners: Annotated[float, Slider(0.5, 3.9, 0.1, label="corners")] = 3.0,
) -> Any:
    """Three layers with weights set by hand that look for squares of 15 px.

    Shows
    -----
    picture : the scene; framed is what is found
    edges : the first layer
    corners : the second layer, made of the first
    squares : the third layer, made of the second
    """
    drawn = shape_scene(scene, noise=noise)
    found = shape_hierarchy(drawn.image, corners=corners)
    hits = [any(math.dist(one, true) <= 4 for true in drawn.squares) for one in found.found]
    scale, half = SCENE_WIDTH / drawn.image.shape[1], SQUARE / 2
    marks = [
        (
            round(scale * (x - half)),
            round(scale * (y - half)),
            round(scale * (x + half + 1)),
            round(scale * (y + half + 1)),
        )
        for y, x in found.found
    ]
    return found, {
        "picture": boxes(gray_map(drawn.image.clamp(0, 1), "The scene", width=SCENE_WIDTH), marks),
        "squares": gray_map(found.squares, "Third layer: squares", width=SCENE_WIDTH),
        "edges": four_maps(found.edges, EDGES),
        "corners": four_maps(found.corners, CORNERS),
        "text": f"**{sum(hits)} of {len(drawn.squares)}** squares are found, "
        f"and {len(hits) - sum(hits)} where there is none",
    }


def four_maps(maps: Tensor, names: tuple[str, ...]) -> Tiles:
    """Lay four maps out, two in a row."""
    shares = maps / maps.max().clamp(min=1e-9)
    return gray_sheet(shares, "Maps of a layer", side=164, columns=2, captions=names)
