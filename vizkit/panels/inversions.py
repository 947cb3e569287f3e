"""Panels of what a code still knows of its picture: of layers, and of histograms of gradients."""

import math
import time
from collections.abc import Sequence
from functools import cache
from statistics import median
from typing import Annotated, Any

import torch
from torch import Tensor

import vizkit
from vizkit.core import checks
from vizkit.core.data import PatchPool
from vizkit.core.inverters import PLACES, load_inverter
from vizkit.core.models import ImageModel, load_model, map_layers, square_size
from vizkit.figures.attribution import top_bars
from vizkit.figures.hog import hog_glyphs
from vizkit.figures.pictures import Tiles, fit, overlay, photo, sheet
from vizkit.methods.hog import alike, hog, hog_twin_steps, invert_hog_steps
from vizkit.methods.inversion import (
    PROBABILITIES,
    InversionStep,
    code_error,
    invert_steps,
    layer_code,
    psnr,
    several_steps,
)
from vizkit.panels.common import last_layer, middle_layer, patch_pool
from vizkit.widgets import Channel, Image, Layer, Measured, Model, OneOf, Run, Slider, direct

#: Width of a picture beside another, in pixels.
HALF = 320
#: How many codes of one picture are looked for from as many starts.
STARTS = 4
#: Of crops of the bundled photos: those among which a code's picture is looked for.
ALBUM = 300

Steps = Annotated[int, Slider(50, 1000, 25, live=False)]
Smooth = Annotated[float, Slider(0.0, 40.0, 0.5, live=False, label="λ of TV")]
Seed = Annotated[int, Slider(0, 20, live=False)]
OwnSize = Annotated[Any, Image(size=square_size)]


@vizkit.remembered(8)
def code_of(model: ImageModel, picture: Tensor, layer: str | None, count: int = 1) -> Tensor:
    """Return a picture's code at a layer, None being the probabilities, so many times."""
    with torch.no_grad():
        code = layer_code(model, picture[None], layer or PROBABILITIES)
    return code.repeat(count, *[1] * (code.ndim - 1))


def away(decibels: float) -> float:
    """Return how far a color is off at a PSNR: root mean square, as a share of the range."""
    return 10 ** (-decibels / 20)


def off(decibels: float) -> str:
    """Say how far a color is off."""
    return f"{decibels:.1f} dB, a color is off by {away(decibels):.0%}"


@vizkit.panel(
    "What does the layer still know?",
    rate=4,
    auto=True,
    layout="picture inversion / before before / after after / text text",
)
def invert(
    picture: OwnSize = "coffee",
    model: Model = "viznet",
    layer: Annotated[Any, Layer(of="model", none=PROBABILITIES, first=middle_layer)] = "relu5",
    variation: Smooth = 1.0,
    norm: Annotated[float, Slider(0.0, 2.0, 0.05, live=False, label="λ of norm")] = 0.0,
    steps: Steps = 250,
    seed: Seed = 0,
    *,
    run: Run = direct,
) -> Any:
    """Look for a picture with the same code; both λ act under way.

    Shows
    -----
    picture : the picture whose code is wanted
    inversion : a picture found from noise, towards that code
    """
    code = code_of(model, picture, layer)
    most = min(3, len(model.labels))
    before = model.answers(picture, most)
    for step in run(
        invert_steps, model, code, layer or PROBABILITIES, steps=steps, norm=norm, variation=variation, seed=seed
    ):
        found = step.images[0]
        decibels, numbers = float(psnr(found, picture)), math.prod(code.shape)
        yield (
            step,
            {
                "picture": fit(photo(picture, "The picture"), HALF),
                "inversion": fit(photo(found, f"A picture with its code at {layer or PROBABILITIES}"), HALF),
                "before": top_bars(before, f"{model.name} sees in the picture", before[0][0]),
                "after": top_bars(model.answers(found, most), f"{model.name} sees in what is found", before[0][0]),
                "text": f"step {step.index}: code error **{float(step.error[0]):.3f}**; {off(decibels)}\n"
                f"the code has {numbers:,} numbers, the picture {picture.numel():,}",
            },
        )


def places(model: ImageModel) -> list[str]:
    """Return six places of a net from its first to its last: four layers with maps, the logits, the probabilities."""
    names = map_layers(model)
    names = [name for name in names if "relu" in name.lower()] or names
    chosen = dict.fromkeys(names[round(share * (len(names) - 1) / 3)] for share in range(4))
    return [*chosen, list(model.layers)[-1], PROBABILITIES]


def row_of(names: Sequence[str], run: InversionStep, picture: Tensor, who: str) -> Tiles:
    """Lay the inversions of one net out, and say how far off a color of each is."""
    near = psnr(run.images, picture).tolist()
    captions = [f"{name}: {away(decibels):.0%} off" for name, decibels in zip(names, near, strict=True)]
    alt = f"Inversions of {who}: {', '.join(captions)}"
    return sheet(run.images, alt, side=118, columns=len(names), captions=captions)


def errors(run: InversionStep) -> str:
    """Write the code errors of a run, one behind the other."""
    return ", ".join(f"{error:.3f}" for error in run.error.tolist())


@vizkit.panel("Layer by layer", rate=2, layout="picture text / first first / second second")
def layer_strip(
    picture: Annotated[Any, Image(size=lambda first: square_size(first))] = "coffee",
    first: Model = "viznet",
    second: Model = "viznet-robust",
    variation: Smooth = 1.0,
    steps: Steps = 250,
    seed: Seed = 0,
    *,
    run: Run = direct,
) -> Any:
    """The same picture from ever deeper layers, of two networks.

    Shows
    -----
    first : inversions of the first network
    second : inversions of the second network
    """
    upper, lower = places(first), places(second)
    for step in run(
        several_steps, [(first, upper), (second, lower)], picture, steps=steps, variation=variation, seed=seed
    ):
        above, below = step.runs
        yield (
            step,
            {
                "picture": fit(photo(picture, "The picture"), 160),
                "text": f"step {step.index}\n**{first.name}** above, code errors {errors(above)}\n"
                f"**{second.name}** below, code errors {errors(below)}",
                "first": row_of(upper, above, picture, first.name),
                "second": row_of(lower, below, picture, second.name),
            },
        )


def distances(images: Tensor) -> Tensor:
    """Return how far every two of some pictures are apart: root mean square differences, each pair once."""
    return torch.pdist(images.flatten(1)) / math.sqrt(images[0].numel())


def coarse(images: Tensor) -> Tensor:
    """Return what is left of pictures when each eighth of their side is averaged."""
    return torch.nn.functional.adaptive_avg_pool2d(images, 8)


def differ_in(images: Tensor) -> str:
    """Say in what pictures of one code differ: shares of their variance."""
    apart = images - images.mean(0)
    gray = apart.mean(1, keepdim=True)
    color = 1 - float(gray.square().mean() / apart.square().mean().clamp(min=1e-12))
    large = float(coarse(apart).square().mean() / apart.square().mean().clamp(min=1e-12))
    return f"of what they differ in, {color:.0%} is color and {large:.0%} is in areas of an eighth of the side"


@vizkit.panel("One code, four pictures", rate=2, auto=True, layout="pictures pictures / picture spread / text text")
def same_code(
    picture: OwnSize = "coffee",
    model: Model = "viznet",
    layer: Annotated[Any, Layer(of="model", none=PROBABILITIES, first=last_layer)] = "relu7",
    variation: Smooth = 1.0,
    steps: Steps = 350,
    seed: Seed = 0,
    *,
    run: Run = direct,
) -> Any:
    """Look for one code from four starts: what differs is what the layer threw away.

    Shows
    -----
    pictures : all of them have the code
    spread : where they differ most
    """
    code = code_of(model, picture, layer, STARTS)
    for step in run(invert_steps, model, code, layer or PROBABILITIES, steps=steps, variation=variation, seed=seed):
        captions = [f"code error {error:.3f}" for error in step.error.tolist()]
        apart = distances(step.images)
        to_it = (step.images - picture).square().mean((1, 2, 3)).sqrt()
        alt = f"{STARTS} pictures whose code at {layer or PROBABILITIES} is that of one picture"
        yield (
            step,
            {
                "pictures": sheet(step.images, alt, side=176, columns=STARTS, captions=captions),
                "picture": fit(photo(picture, "The picture whose code it is"), HALF),
                "spread": fit(overlay(picture, step.images.std(0).mean(0), "Where the four differ"), HALF),
                "text": f"step {step.index}: two of them differ by **{float(apart.min()):.0%} to "
                f"{float(apart.max()):.0%}** of the range, from the picture by {float(to_it.min()):.0%} to "
                f"{float(to_it.max()):.0%}\n"
                f"{differ_in(step.images)}",
            },
        )


#: Shares of the second picture's code.
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


@vizkit.remembered(4)
def codes_between(model: ImageModel, picture: Tensor, other: Tensor, layer: str | None) -> Tensor:
    """Return mixtures of two pictures' codes."""
    one, two = (code_of(model, each, layer) for each in (picture, other))
    return torch.cat([(1 - share) * one + share * two for share in SHARES])


@vizkit.panel("Between two codes", rate=2, layout="inversions / blends / text")
def between(
    picture: OwnSize = "coffee",
    other: OwnSize = "chelsea",
    model: Model = "viznet-robust",
    layer: Annotated[Any, Layer(of="model", none=PROBABILITIES, first=middle_layer)] = "relu5",
    variation: Smooth = 1.0,
    steps: Steps = 250,
    seed: Seed = 0,
    *,
    run: Run = direct,
) -> Any:
    """Mixtures of two pictures' codes, and pictures for them.

    Shows
    -----
    inversions : pictures found for mixtures of the codes
    blends : the same mixtures of the pixels
    """
    codes = codes_between(model, picture, other, layer)
    blends = torch.stack([(1 - share) * picture + share * other for share in SHARES])
    for step in run(
        invert_steps, model, codes, layer or PROBABILITIES, steps=steps, variation=variation, seed=seed, shared=True
    ):
        captions = [f"{share:.0%}: error {error:.3f}" for share, error in zip(SHARES, step.error.tolist(), strict=True)]
        yield (
            step,
            {
                "inversions": sheet(step.images, "Mixtures of the codes", side=142, columns=5, captions=captions),
                "blends": sheet(blends, "Mixtures of the pixels", side=142, columns=5),
                "text": f"step {step.index}: above, codes of {layer or PROBABILITIES} are mixed, below, pixels",
            },
        )


@vizkit.remembered(4)
def with_and_without(model: ImageModel, picture: Tensor, layer: str, channel: int, times: float) -> Tensor:
    """Return a picture's code, and one in which a channel is multiplied."""
    checks.choice(layer, map_layers(model), "layer with places")
    code = code_of(model, picture, layer, 2).clone()
    code[1, channel] *= times
    return code


@vizkit.panel("A code with one channel changed", rate=3, layout="whole changed / map difference / text text")
def one_channel(
    picture: OwnSize = "coffee",
    model: Model = "viznet-robust",
    layer: Annotated[Any, Layer(of="model", maps=True, first=middle_layer)] = "relu5",
    channel: Annotated[int, Channel(of="layer", live=False)] = 98,
    times: Annotated[float, Slider(0.0, 8.0, 0.5, live=False)] = 0.0,
    variation: Smooth = 1.0,
    steps: Steps = 150,
    seed: Seed = 0,
    *,
    run: Run = direct,
) -> Any:
    """Remove a channel from a code, or make it louder: what it stood for.

    Shows
    -----
    whole : from the code as it is
    changed : from the same noise, the channel multiplied
    map : where the channel answers
    difference : where the two pictures differ
    """
    codes = with_and_without(model, picture, layer, channel, times)
    answer = codes[0, channel]
    for step in run(invert_steps, model, codes, layer, steps=steps, variation=variation, seed=seed, shared=True):
        apart = (step.images[1] - step.images[0]).abs().mean(0)
        share = float(answer.square().sum() / codes[0].square().sum().clamp(min=1e-12))
        yield (
            step,
            {
                "whole": fit(photo(step.images[0], "From the whole code"), HALF),
                "changed": fit(photo(step.images[1], f"Channel {channel} of {layer} times {times:g}"), HALF),
                "map": fit(overlay(picture, answer, f"Where channel {channel} answers"), HALF),
                "difference": fit(overlay(picture, apart, "Where the two pictures differ"), HALF),
                "text": f"step {step.index}: channel {channel} is **{share:.1%}** of the code's square length; "
                f"code errors "
                f"{float(step.error[0]):.3f} and {float(step.error[1]):.3f}",
            },
        )


@cache
def viznet() -> ImageModel:
    """Return the network whose codes the inverters draw from, always the same one: a run knows it again."""
    return load_model("viznet")


@vizkit.remembered(8)
def drawings(picture: Tensor) -> Tensor:
    """Return what the bundled inverters draw of a picture's codes, (3, 3, H, W)."""
    model = viznet()
    return torch.cat([load_inverter(layer)(code_of(model, picture, layer)) for layer in PLACES])


@vizkit.remembered(3)
def milliseconds(layer: str) -> tuple[float, float]:
    """Return how long a step of the optimization takes for one picture of 64 px, and a drawing, on this machine."""
    model, net = viznet(), load_inverter(layer)
    code = code_of(model, vizkit.load_image("coffee", square_size(model)), layer)
    took: list[list[float]] = [[], []]
    begun = time.perf_counter()
    for _ in invert_steps(model, code, layer, steps=12):
        took[0].append(time.perf_counter() - begun)
        begun = time.perf_counter()
    for _ in range(12):
        begun = time.perf_counter()
        net(code)
        took[1].append(time.perf_counter() - begun)
    one, two = (1000 * median(each[2:]) for each in took)
    return one, two


@vizkit.remembered(8)
def drawing_errors(picture: Tensor) -> Tensor:
    """Return the code errors of those drawings, (3,)."""
    pairs = zip(PLACES, drawings(picture), strict=True)
    return torch.cat(
        [code_error(*(code_of(viznet(), one, layer) for one in (image, picture))) for layer, image in pairs]
    )


def judged(images: Tensor, error: Tensor, picture: Tensor) -> list[str]:
    """Return a caption for each layer's picture: its PSNR and its code error."""
    rows = zip(PLACES, psnr(images, picture).tolist(), error.tolist(), strict=True)
    return [f"{layer}: {decibels:.1f} dB, error {apart:.3f}" for layer, decibels, apart in rows]


@vizkit.panel(
    "Optimized, and drawn by a network", rate=2, layout="picture text / optimized optimized / trained trained"
)
def drawn(
    picture: Annotated[Any, Image(size=(64, 64))] = "coffee",
    variation: Smooth = 1.0,
    steps: Steps = 250,
    seed: Seed = 0,
    *,
    run: Run = direct,
) -> Any:
    """Codes of viznet: pictures by optimization, and by nets that were trained to draw them.

    Shows
    -----
    optimized : searched for, one picture for each layer: nearer in code
    trained : drawn by one pass of a small net for each layer: nearer in pixels, at relu5 and relu7 of most photos
    """
    painted = drawings(picture)
    trained = judged(painted, drawing_errors(picture), picture)
    times = [milliseconds(layer) for layer in PLACES]
    for step in run(several_steps, [(viznet(), tuple(PLACES))], picture, steps=steps, variation=variation, seed=seed):
        found, error = step.runs[0].images, step.runs[0].error
        spent = ", ".join(f"{step.index * one / 1000:.1f} s" for one, _ in times)
        yield (
            step,
            {
                "picture": fit(photo(picture, "The picture"), 200),
                "text": Measured(
                    f"upper row, step {step.index}: {spent} on this machine\n"
                    f"lower row: {', '.join(f'{two:.0f} ms' for _, two in times)}"
                ),
                "optimized": sheet(
                    found, "Pictures by optimization", side=236, columns=3, captions=judged(found, error, picture)
                ),
                "trained": sheet(painted, "Pictures that nets have drawn", side=236, columns=3, captions=trained),
            },
        )


@vizkit.remembered(3)
def album(layer: str) -> tuple[PatchPool, Tensor, Tensor]:
    """Return an album of crops, what is drawn of their codes, and how far each drawing is from each crop, squared."""
    pool = patch_pool("bundled", ALBUM, 64)
    crops = pool.pixels(slice(None))
    model, net = viznet(), load_inverter(layer)
    with torch.no_grad():
        painted = torch.cat([net(layer_code(model, part, layer)) for part in crops.split(50)])
    return pool, painted, torch.cdist(painted.flatten(1), crops.flatten(1)).square() / crops[0].numel()


def found_photo(pool: PatchPool, apart: Tensor) -> Tensor:
    """Return of which crops' drawings the nearest crop is of the same photo."""
    return pool.picture[apart.argmin(1)] == pool.picture


@vizkit.panel("Whose code is it?", layout="pictures / near / text")
def whose_code(
    layer: Annotated[str, OneOf(tuple(PLACES))] = "relu7",
    number: Annotated[int, Slider(0, ALBUM - 1, label="crop")] = 7,
) -> Any:
    """A code is drawn, and the drawing is looked for in an album.

    Shows
    -----
    pictures : a crop of a photo, and what is drawn of its code
    near : the five crops of the album that are nearest to the drawing
    """
    pool, painted, apart = album(layer)
    found, near = found_photo(pool, apart), apart[number].argsort()[:5]
    pair = torch.stack([pool.pixels([number])[0], painted[number]])
    captions = [pool.names[one] for one in pool.picture[near].tolist()]
    name = pool.names[int(pool.picture[number])]
    chance = (pool.picture[:, None] == pool.picture).float().mean()
    return found, {
        "pictures": sheet(
            pair, f"A crop and its drawing from {layer}", side=236, columns=2, captions=[name, f"drawn from {layer}"]
        ),
        "near": sheet(pool.pixels(near), "The nearest in the album", side=142, columns=5, captions=captions),
        "text": f"of {len(found)} codes, **{float(found.float().mean()):.0%}** lead to a crop of the same photo; "
        f"a crop drawn by lot would in {float(chance):.0%}",
    }


@vizkit.remembered(8)
def hog_of(picture: Tensor, cell: int, orientations: int) -> Tensor:
    """Return the HOG of one picture."""
    return hog(picture[None], cell=cell, orientations=orientations)[0]


Cell = Annotated[int, Slider(4, 16, 4, live=False, unit="px")]
Orientations = Annotated[int, Slider(3, 12, live=False)]


@vizkit.panel("What a HOG knows", rate=3, auto=True, layout="picture glyphs / inversion text")
def hog_inverted(
    picture: Annotated[Any, Image(size=(128, 128))] = "coffee",
    cell: Cell = 8,
    orientations: Orientations = 9,
    variation: Smooth = 5.0,
    steps: Annotated[int, Slider(50, 400, 25, live=False)] = 150,
    seed: Seed = 0,
    *,
    run: Run = direct,
) -> Any:
    """Histograms of oriented gradients, and a gray picture that has the same ones.

    Shows
    -----
    glyphs : in each cell, strokes along its edges
    inversion : a gray picture found from noise, towards that HOG
    """
    wanted = hog_of(picture, cell, orientations)
    for step in run(
        invert_hog_steps, picture, cell=cell, orientations=orientations, steps=steps, variation=variation, seed=seed
    ):
        yield (
            step,
            {
                "picture": fit(photo(picture, "The picture"), HALF),
                "glyphs": hog_glyphs(wanted, "Its HOG", width=HALF),
                "inversion": fit(photo(step.image, "A picture with that HOG"), HALF),
                "text": f"step {step.index}: cosine of the HOGs **{step.cosine:.3f}**\n"
                f"correlation of the pixels {step.correlation:.2f}\n{wanted.numel():,} numbers of {picture.numel():,}",
            },
        )


@vizkit.panel("One HOG, two pictures", rate=2, layout="picture twin / glyphs same / text text")
def hog_twins(
    picture: Annotated[Any, Image(size=(128, 128))] = "astronaut",
    other: Annotated[Any, Image(size=(128, 128), label="begin at")] = "coffee",
    cell: Cell = 8,
    orientations: Orientations = 9,
    variation: Annotated[float, Slider(0.0, 10.0, 0.5, live=False, label="λ of TV")] = 1.0,
    steps: Annotated[int, Slider(50, 600, 25, live=False)] = 300,
    *,
    run: Run = direct,
) -> Any:
    """Another picture, changed until it has the HOG of the first.

    Shows
    -----
    picture : the first
    twin : the other one, changed
    glyphs : the HOG of the first
    same : the HOG of the twin
    """
    wanted = hog_of(picture, cell, orientations)
    for step in run(
        hog_twin_steps, picture, other, cell=cell, orientations=orientations, steps=steps, variation=variation
    ):
        yield (
            step,
            {
                "picture": fit(photo(picture, "The first picture"), HALF),
                "twin": fit(photo(step.image, "Another picture, towards the HOG of the first"), HALF),
                "glyphs": hog_glyphs(wanted, "The HOG of the first", width=HALF),
                "same": hog_glyphs(hog_of(step.image, cell, orientations), "The HOG of the other", width=HALF),
                "text": f"step {step.index}: cosine of the HOGs **{step.cosine:.3f}**, correlation of the pixels "
                f"**{step.correlation:.2f}**; with the picture it began at "
                f"{float(alike(step.image, other, centered=True)):.2f}",
            },
        )
