"""The panels of the start page: a tour, and where each slide lives."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import torch
from torch import Tensor

from vizkit.core.course import DECKS, Slide, slides
from vizkit.core.images import load_image
from vizkit.core.models import ImageModel
from vizkit.core.steps import last
from vizkit.core.stylenet import load_style, stylize
from vizkit.figures.course import slide_table
from vizkit.figures.fooling import attack_sheet
from vizkit.figures.grids import activation_grid
from vizkit.figures.landscape import hill_picture
from vizkit.figures.pictures import fit, overlay, photo, sheet
from vizkit.figures.raster import Raster
from vizkit.methods.activations import activations
from vizkit.methods.adversarial import pgd
from vizkit.methods.dream import dream_steps
from vizkit.methods.gradients import smooth_grad
from vizkit.methods.neighbors import codes, nearest
from vizkit.methods.optimizers import descend
from vizkit.methods.pca import patch_reconstruction
from vizkit.widgets import controls as make
from vizkit.widgets import layouts
from vizkit.widgets.old_panel import Panel, Shown
from vizkit.widgets.sources import source_pool

#: Widths of the tour's pictures in pixels, and shorter side of the picture that the nets get.
WIDTH, SQUARE, SIDE = 620, 420, 192


@dataclass(frozen=True)
class Stop:
    """One stop of the tour.

    Parameters
    ----------
    notebook, title, sentence : str
    show : callable
        ``show(model, image, name)``: a picture of the picture of that name.
    code : sequence of str
        Lines that make it of ``model``, ``image`` and ``name``.
    """

    notebook: str
    title: str
    sentence: str
    show: Callable[[ImageModel, Tensor, str], Raster]
    code: tuple[str, ...]


def _neighbors(model: ImageModel, image: Tensor, name: str) -> Raster:
    pool = source_pool("bundled", 300, 64)
    others = torch.tensor([pool.names[one] != name for one in pool.picture])
    pixels = pool.pixels(slice(None))[others]
    own = codes(model, _square(image)[None])[0]
    near = nearest(own, codes(model, pixels), k=8)
    return sheet(pixels[near.index], "Its eight nearest", side=150, columns=4)


def _square(image: Tensor) -> Tensor:
    """Cut the middle square out of a picture, at the size that viznet was trained on."""
    return load_image(image, size=(64, 64))


def _speaking(model: ImageModel, image: Tensor, name: str) -> Raster:  # noqa: ARG001
    small = _square(image)
    heat = smooth_grad(make.loaded("viznet-robust"), small).abs().amax(0)
    return fit(overlay(small, heat, "What speaks for its answer"), SQUARE)


def _dream(model: ImageModel, image: Tensor, name: str) -> Raster:  # noqa: ARG001
    steps = dream_steps(model, image, "relu5", octaves=3, iterations=6, rate=3 / 255, jitter=8)
    return fit(photo(last(steps).image, "The picture, dreamed on"), WIDTH)


def _fooled(model: ImageModel, image: Tensor, name: str) -> Raster:  # noqa: ARG001
    small = _square(image)
    found = pgd(model, small[None], epsilon=8 / 255).images[0]
    before, after = (model.top(one, 1)[0][0] for one in (small, found))
    raster = attack_sheet(small, found, side=200)
    return replace(raster, alt=f"The answer before: {before}. The answer after: {after}.")


STOPS = (
    Stop(
        "01_loss_landscape", "Downhill",
        "Training walks downhill on a surface of millions of dimensions. On this one of two, "
        "plain descent gets stuck; momentum rolls through.",
        lambda model, image, name: hill_picture(descend((-3.5, 3.0)), WIDTH),  # noqa: ARG005
        (
            "from vizkit.figures.landscape import hill_picture",
            "from vizkit.methods.optimizers import descend",
            f"result = hill_picture(descend((-3.5, 3.0)), {WIDTH})",
        ),
    ),
    Stop(
        "02_pca", "A few numbers",
        "Every 8 x 8 square of the picture is written with 6 numbers instead of 192: its principal "
        "components.",
        lambda model, image, name: fit(  # noqa: ARG005
            photo(patch_reconstruction(image, 6), "The picture from six components"), WIDTH
        ),
        (
            "from vizkit.figures.pictures import fit, photo",
            "from vizkit.methods.pca import patch_reconstruction",
            f"result = fit(photo(patch_reconstruction(image, 6), 'from six'), {WIDTH})",
        ),
    ),
    Stop(
        "03_tsne", "Near in the network's eyes",
        "Of 300 patches of other photos, the eight whose codes are nearest to the picture's. t-SNE "
        "makes a map of such neighborhoods.",
        _neighbors,
        (
            "import torch",
            "from vizkit.core.data import cut_patches",
            "from vizkit.figures.pictures import sheet",
            "from vizkit.methods.neighbors import codes, nearest",
            "pool = cut_patches(count=300, size=64)",
            "others = torch.tensor([pool.names[one] != name for one in pool.picture])",
            "pixels = pool.pixels(slice(None))[others]",
            "own = codes(model, vizkit.load_image(image, size=(64, 64))[None])[0]",
            "near = nearest(own, codes(model, pixels), k=8)",
            "result = sheet(pixels[near.index], 'nearest', side=150, columns=4)",
        ),
    ),
    Stop(
        "04_filters", "What each channel answers",
        "All 96 channels of the second layer on the picture: each looks for something of its own.",
        lambda model, image, name: activation_grid(  # noqa: ARG005
            activations(model, image, "relu2")
        ),
        (
            "from vizkit.figures.grids import activation_grid",
            "from vizkit.methods.activations import activations",
            "result = activation_grid(activations(model, image, 'relu2'))",
        ),
    ),
    Stop(
        "05_deconv", "What made it say so",
        "The pixels that speak for the answer of a robust network: its gradient, averaged over "
        "noisy copies.",
        _speaking,
        (
            "from vizkit.figures.pictures import fit, overlay",
            "from vizkit.methods.gradients import smooth_grad",
            "small = vizkit.load_image(image, size=(64, 64))",
            "robust = vizkit.load_model('viznet-robust')",
            "heat = smooth_grad(robust, small).abs().amax(0)",
            f"result = fit(overlay(small, heat, 'what speaks for it'), {SQUARE})",
        ),
    ),
    Stop(
        "06_dream", "Let it see more",
        "Whatever the fifth layer sees in the picture, it is made to see more of it: eighteen "
        "steps of DeepDream.",
        _dream,
        (
            "from vizkit.core.steps import last",
            "from vizkit.figures.pictures import fit, photo",
            "from vizkit.methods.dream import dream_steps",
            "settings = dict(octaves=3, iterations=6, rate=3 / 255, jitter=8)",
            "dreamed = last(dream_steps(model, image, 'relu5', **settings)).image",
            f"result = fit(photo(dreamed, 'dreamed'), {WIDTH})",
        ),
    ),
    Stop(
        "07_style", "In another hand",
        "A small network, trained for one painting, repaints any picture in one pass.",
        lambda model, image, name: fit(  # noqa: ARG005
            photo(stylize(load_style("swirls"), image), "The picture, repainted"), WIDTH
        ),
        (
            "from vizkit.core.stylenet import load_style, stylize",
            "from vizkit.figures.pictures import fit, photo",
            f"result = fit(photo(stylize(load_style('swirls'), image), 'repainted'), {WIDTH})",
        ),
    ),
    Stop(
        "08_fooling", "Fooled",
        "No number of the picture changes by more than 8 of 255.",
        _fooled,
        (
            "from vizkit.figures.fooling import attack_sheet",
            "from vizkit.methods.adversarial import pgd",
            "small = vizkit.load_image(image, size=(64, 64))",
            "found = pgd(model, small[None], epsilon=8 / 255).images[0]",
            "result = attack_sheet(small, found, side=200)",
        ),
    ),
)  # fmt: skip


def tour_panel(image: str = "coffee") -> Panel:
    """Show, on one picture, a glimpse of every lecture."""
    controls = {
        "stop": make.slider("stop", 1, len(STOPS), 1),
        "image": make.ImagePicker(image),
    }
    model = make.loaded("viznet")

    def compute(stop: int, image: str) -> tuple[Stop, Raster]:
        found = STOPS[stop - 1]
        return found, found.show(model, load_image(image, size=SIDE), image)

    def draw(result: tuple[Stop, Raster]) -> Shown:
        stop, raster = result
        link = f'<a href="{stop.notebook}.ipynb" target="_blank">{stop.notebook}</a>'
        text = f"<h3 style='margin:0'>{escape(stop.title)}</h3>{escape(stop.sentence)} More: {link}"
        return {"text": text, "picture": raster, "caption": f"<i>{escape(raster.alt)}</i>"}

    def code(stop: int, image: str) -> str:
        return "\n".join([
            "import vizkit",
            'model = vizkit.load_model("viznet")',
            f"name = {image!r}",
            f"image = vizkit.load_image(name, size={SIDE})",
            *STOPS[stop - 1].code,
            "result",
        ])  # fmt: skip

    return Panel(
        "Two minutes, eight lectures", controls, compute, draw, code=code, arrange=layouts.column
    )


ALL = "all decks"


def slide_panel() -> Panel:
    """Find where a slide's picture or number lives."""
    decks = [(ALL, ALL), *((f"{number} {name}", number) for number, name in DECKS.items())]
    controls = {
        "deck": make.dropdown("deck", decks),
        "find": make.text("words", "", "such as Gram, occlusion, p. 47"),
        "only": make.toggle("only what the kit shows", True),
    }

    def compute(deck: str, find: str, only: bool) -> list[Slide]:
        page, words = _page_and_words(find)
        return [
            slide for slide in slides()
            if deck in (ALL, slide.deck) and (slide.notebook or not only)
            and page in (None, slide.page)
            and all(word in _searched(slide) for word in words)
        ]  # fmt: skip

    def draw(found: list[Slide]) -> Shown:
        note = f"<b>{len(found)} slides</b>"
        return {
            "count": note,
            "table": slide_table(found) if found else "No slide has these words.",
        }

    def code(**values: Any) -> str:
        page, words = _page_and_words(values["find"])
        return "\n".join([
            "from vizkit.core.course import slides",
            f"deck, only = {values['deck']!r}, {values['only']}",
            f"page, words = {page}, {words!r}",
            "result = [",
            "    slide for slide in slides()",
            f"    if deck in ({ALL!r}, slide.deck) and (slide.notebook or not only)",
            "    and page in (None, slide.page) and all(",
            "        word in f'{slide.title} {slide.section} {slide.shows}'.lower()",
            "        for word in words",
            "    )",
            "]",
            "result",
        ])  # fmt: skip

    return Panel(
        "Where each slide lives", controls, compute, draw, code=code, arrange=layouts.column
    )


def _searched(slide: Slide) -> str:
    return f"{slide.title} {slide.section} {slide.shows}".lower()


def _page_and_words(text: str) -> tuple[int | None, list[str]]:
    """Take "p. 47" out of what was typed, and split the rest into words."""
    text = text.lower()
    if (page := re.search(r"\bp\.?\s*(\d+)", text)) is None:
        return None, text.split()
    return int(page[1]), text.replace(page[0], "").split()
