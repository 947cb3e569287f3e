"""Panels of the start page: a tour, and where each slide lives."""

import re
from dataclasses import dataclass, replace
from typing import Annotated, Any

import torch
from torch import Tensor

import vizkit
from vizkit.core.course import DECKS, Slide, slides
from vizkit.core.inverters import PLACES
from vizkit.core.models import ImageModel, load_model
from vizkit.core.seeds import generator
from vizkit.core.steps import last
from vizkit.core.stylenet import load_style, stylize
from vizkit.figures.convolution import gray_sheet
from vizkit.figures.course import slide_table
from vizkit.figures.detection import Mark, marked
from vizkit.figures.fooling import attack_sheet
from vizkit.figures.grids import activation_grid
from vizkit.figures.landscape import hill_picture
from vizkit.figures.pictures import fit, overlay, photo, sheet
from vizkit.figures.raster import Html, Raster
from vizkit.figures.theme import CLASSES
from vizkit.methods.activations import activations
from vizkit.methods.adversarial import pgd
from vizkit.methods.augmentation import TRANSFORMS, augment
from vizkit.methods.dream import dream_steps
from vizkit.methods.gradients import smooth_grad
from vizkit.methods.kernels import same_correlate, sobel_kernel
from vizkit.methods.neighbors import codes, nearest
from vizkit.methods.one_pixel import one_pixel_steps
from vizkit.methods.optimizers import descend
from vizkit.methods.pca import patch_reconstruction
from vizkit.methods.proposals import propose
from vizkit.panels.common import name_of, patch_pool
from vizkit.panels.inversions import drawings
from vizkit.widgets import Image, Model, OneOf, Slider, Text, Toggle

#: Widths of the tour's pictures in pixels, and shorter side of the picture that the nets get.
WIDTH, SQUARE, SIDE = 620, 420, 192


def downhill(model: ImageModel, image: Tensor) -> Raster:
    """Walk downhill three ways."""
    return hill_picture(descend((-3.5, 3.0)), WIDTH)


def few_numbers(model: ImageModel, image: Tensor) -> Raster:
    """Write every square with six numbers."""
    return fit(photo(patch_reconstruction(image, 6), "The picture from six components"), WIDTH)


def square(image: Tensor) -> Tensor:
    """Cut the middle square out of a picture, at the size that viznet was trained on."""
    return vizkit.load_image(image, size=(64, 64))


def neighbors(model: ImageModel, image: Tensor) -> Raster:
    """Find the nearest patches of other photos."""
    pool = patch_pool("bundled", 300, 64)
    name = name_of(image, pool.names, SIDE)
    others = torch.tensor([pool.names[one] != name for one in pool.picture])
    pixels = pool.pixels(slice(None))[others]
    own = codes(model, square(image)[None])[0]
    near = nearest(own, codes(model, pixels), k=8)
    return sheet(pixels[near.index], "Its eight nearest", side=150, columns=4)


def answers(model: ImageModel, image: Tensor) -> Raster:
    """Look at every channel of a layer."""
    return activation_grid(activations(model, image, "relu2"))


def speaking(model: ImageModel, image: Tensor) -> Raster:
    """Find what speaks for the answer."""
    small = square(image)
    heat = smooth_grad(load_model("viznet-robust"), small).abs().amax(0)
    return fit(overlay(small, heat, "What speaks for its answer"), SQUARE)


def dreamed(model: ImageModel, image: Tensor) -> Raster:
    """Dream on the picture."""
    steps = dream_steps(model, image, "relu5", octaves=3, steps=6, rate=3 / 255, jitter=8)
    return fit(photo(last(steps).image, "The picture, dreamed on"), WIDTH)


def repainted(model: ImageModel, image: Tensor) -> Raster:
    """Repaint the picture."""
    return fit(photo(stylize(load_style("swirls"), image), "The picture, repainted"), WIDTH)


def fooled(model: ImageModel, image: Tensor) -> Raster:
    """Change the picture until the answer changes."""
    small = square(image)
    found = pgd(model, small[None], epsilon=8 / 255).images[0]
    before, after = (model.answers(one, 1)[0][0] for one in (small, found))
    raster = attack_sheet(small, found, side=200)
    return replace(raster, alt=f"The answer before: {before}. The answer after: {after}.")


def one_pixel(model: ImageModel, image: Tensor) -> Raster:
    """Change one pixel of the picture."""
    small = square(image)
    name, before = model.answers(small, 1)[0]
    found = last(one_pixel_steps(model, small, population=60, generations=3))
    raster = attack_sheet(small, found.image, side=200)
    return replace(raster, alt=f"{name}, before: {before:.1%}. After: {found.probability:.1%}.")


def redrawn(model: ImageModel, image: Tensor) -> Raster:
    """Draw the picture from the codes of three layers."""
    found = drawings(square(image))
    return sheet(found, "The picture, drawn from its codes", side=200, columns=3, captions=tuple(PLACES))


#: To which an edge filter is turned.
ANGLES = (0, 45, 90, 135)


def steered(model: ImageModel, image: Tensor) -> Raster:
    """Look for edges at four angles."""
    del model
    gray = image.mean(0)
    found = torch.stack([same_correlate(gray, sobel_kernel(angle)).relu() / 4 for angle in ANGLES])
    names = [f"darker towards {angle}°" for angle in ANGLES]
    maps = (found / found.max().clamp(min=1e-9)).sqrt()
    return gray_sheet(maps, "Edges at four angles", side=200, columns=4, captions=names)


def multiplied(model: ImageModel, image: Tensor) -> Raster:
    """Make seven training pictures of one."""
    del model
    small = square(image)
    found = augment(small[None].repeat(7, 1, 1, 1), TRANSFORMS, generator(0)).clamp(0, 1)
    return sheet(torch.cat([small[None], found]), "The picture, and seven made of it", side=145, columns=4)


def searched_parts(model: ImageModel, image: Tensor) -> Raster:
    """Frame the parts in which something could be."""
    del model
    small = vizkit.load_image(image, size=(160, 160))
    boxes = propose(small, most=40)
    order = (boxes[:, 2:] - boxes[:, :2]).prod(1).argsort(descending=True).tolist()
    marks = [Mark(boxes[row].tolist(), CLASSES[row % len(CLASSES)], width=2) for row in order]
    return marked(small, marks, "Forty parts in which something could be", width=SQUARE)


@dataclass(frozen=True)
class Stop:
    """One stop of the tour.

    Parameters
    ----------
    notebook, title, sentence : str
    show : callable
        ``show(model, image)``: a picture.
    """

    notebook: str
    title: str
    sentence: str
    show: Any


STOPS = (
    Stop(
        "01_loss_landscape",
        "Downhill",
        "Training walks downhill on a surface of millions of dimensions. On this one of two, "
        "plain descent gets stuck; momentum rolls through.",
        downhill,
    ),
    Stop(
        "02_pca",
        "A few numbers",
        "Every 8 x 8 square of the picture is written with 6 numbers instead of 192: its principal components.",
        few_numbers,
    ),
    Stop(
        "03_tsne",
        "Near in the network's eyes",
        "Of 300 patches of other photos, the eight whose codes are nearest to the picture's. t-SNE "
        "makes a map of such neighborhoods.",
        neighbors,
    ),
    Stop(
        "04_filters",
        "What each channel answers",
        "All 96 channels of the second layer on the picture: each looks for something of its own.",
        answers,
    ),
    Stop(
        "05_deconv",
        "What made it say so",
        "The pixels that speak for the answer of a robust network: its gradient, averaged over noisy copies.",
        speaking,
    ),
    Stop(
        "06_dream",
        "Let it see more",
        "Whatever the fifth layer sees in the picture, it is made to see more of it: eighteen steps of DeepDream.",
        dreamed,
    ),
    Stop(
        "07_style",
        "In another hand",
        "A small network, trained for one painting, repaints any picture in one pass.",
        repainted,
    ),
    Stop("08_fooling", "Fooled", "No number of the picture changes by more than 8 of 255.", fooled),
    Stop(
        "08b_fooling_more",
        "One pixel",
        "One pixel changes: of up to 240 that evolution tries, the one that takes most from the answer. "
        "Where the network is sure, that is little.",
        one_pixel,
    ),
    Stop(
        "09_inversion",
        "What is left of it",
        "Three small networks draw the picture from what three layers say of it: the deeper, the less they know.",
        redrawn,
    ),
    Stop(
        "10_convolution",
        "One small sum",
        "Nine products and a sum, at every place of the picture: what a kernel of 3 x 3 finds, turned to four angles.",
        steered,
    ),
    Stop(
        "10b_training",
        "Eight from one",
        "Shifted, turned, slanted, mirrored, lit and colored anew: in training no picture is seen twice.",
        multiplied,
    ),
    Stop(
        "11_detection",
        "Where could it be?",
        "Parts of one color and texture, grown together: who looks into these boxes need not look everywhere.",
        searched_parts,
    ),
)


@vizkit.panel("Two minutes, every lecture", layout="text / picture / caption")
def tour(
    stop: Annotated[int, Slider(1, len(STOPS))] = 1,
    picture: Annotated[Any, Image(size=SIDE)] = "coffee",
    *,
    model: Model = "viznet",
) -> Any:
    """On one picture, a glimpse of every lecture."""
    now = STOPS[stop - 1]
    raster = now.show(model, picture)
    link = f'<a href="{now.notebook}.ipynb" target="_blank">{now.notebook}</a>'
    return now, {
        "text": Html(f"<h3 style='margin:0'>{now.title}</h3>{now.sentence} More: {link}"),
        "picture": raster,
        "caption": raster.alt,
    }


ALL = "all decks"


#: What slides call by another word than the one that is looked for.
ALSO = {"mnist": "digits", "eigenfaces": "faces"}


def page_and_words(text: str) -> tuple[int | None, list[str]]:
    """Take "47", "p. 47" or "page 47" out of what was typed, and split the rest into words."""
    text = plain(text)
    if (page := re.search(r"\b(?:p\.?|page)?\s*(\d+)\b", text)) is None:
        return None, text.split()
    return int(page[1]), text.replace(page[0], "").split()


def plain(text: str) -> str:
    """Return a text in small letters and without hyphens: "t-SNE" is found by "tsne"."""
    return text.lower().replace("-", "")


def searched(slide: Slide) -> str:
    """Return the words of a slide that are looked through."""
    return plain(f"{slide.title} {slide.section} {slide.label} {slide.shows}")


@vizkit.panel("Where each slide lives", layout="count / table")
def slide_search(
    deck: Annotated[str, OneOf({ALL: ALL, **{key: f"{key} {name}" for key, name in DECKS.items()}})] = ALL,
    find: Annotated[str, Text("such as Gram, occlusion, p. 47", label="words")] = "",
    only: Annotated[bool, Toggle(label="only what the kit shows")] = True,
) -> Any:
    """Which notebook shows a slide's picture or computes its number."""
    page, words = page_and_words(find)
    found = [
        slide
        for slide in slides()
        if deck in (ALL, slide.deck)
        and (slide.notebook or not only)
        and page in (None, slide.page)
        and all(word in searched(slide) or ALSO.get(word, word) in searched(slide) for word in words)
    ]
    return found, {
        "count": f"**{len(found)} slides**",
        "table": Html(slide_table(found)) if found else "No slide has these words.",
    }
