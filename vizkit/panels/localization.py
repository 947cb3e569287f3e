"""Panels of localization: the tasks, overlap, a box as four numbers, and a window that is slid."""

from time import perf_counter
from typing import Annotated, Any

import numpy as np
import torch
from PIL import ImageColor
from torch import Tensor

import vizkit
from vizkit.core.detectors import HEADS, SIZE, BoxNet, CropNet, load_box_heads, load_detector, stretched
from vizkit.core.scenes import SHAPES, Crowds, make_crowds
from vizkit.core.seeds import generator
from vizkit.figures.detection import SHAPE_COLORS, TRUTH, Mark, marked, named_bars, named_marks, overlaps_by_distance
from vizkit.figures.hog import hog_glyphs
from vizkit.figures.pictures import fit, overlay, tiles
from vizkit.figures.texts import table
from vizkit.figures.theme import CLASSES
from vizkit.methods.average_precision import Boxes, true_boxes
from vizkit.methods.boxes import box_iou, paired_iou
from vizkit.methods.class_svms import judged_crops
from vizkit.methods.detection import best_boxes
from vizkit.methods.hog_search import HogTemplate, search_by_hog, train_hog_template
from vizkit.methods.one_box import SMALL, head_boxes, locate
from vizkit.methods.sliding import ask_all_at_once, ask_each_window, merge_boxes, window_corners, window_costs
from vizkit.widgets import Box, Image, Measured, On, OneOf, Slider, Toggle, When

#: Of a picture beside another, in pixels.
WIDTH = 300
Scene = Annotated[int, Slider(0, 99, label="scene")]
Picture = Annotated[Any, Image(size=(SIZE, SIZE), none="a scene")]
BoxOn = tuple[float, float, float, float]
net_of = vizkit.remembered(4)(load_detector)


@vizkit.remembered(16)
def drawn_scene(number: int) -> Crowds:
    """Return a scene of things and photos that no net of the kit was trained on."""
    return make_crowds(1, size=SIZE, unseen=True, seed=number)


def truth_of(scene: Crowds) -> Boxes:
    """Return what is in a scene."""
    return true_boxes(scene)[0]


def seen(picture: Tensor | None, number: int) -> tuple[Tensor, Boxes | None]:
    """Return a picture of one's own, of which no truth is known, or a scene and its truth."""
    if picture is not None:
        return picture, None
    scene = drawn_scene(number)
    return scene.images[0].float() / 255, truth_of(scene)


def named(labels: Tensor) -> str:
    """Write classes as a list of words."""
    return ", ".join(SHAPES[label] for label in labels.tolist())


@vizkit.panel("Four tasks", layout="picture text")
def four_tasks(scene: Scene = 2) -> Any:
    """A scene, and what each task wants to be told of it.

    Shows
    -----
    picture : the true answers, drawn
    """
    crowd = drawn_scene(scene)
    truth, image = truth_of(crowd), crowd.images[0].float() / 255
    largest = int((truth.boxes[:, 2:] - truth.boxes[:, :2]).prod(1).argmax())
    marks = named_marks(truth, SHAPES)[::-1]
    colored = image * 0.45
    for mask, label in zip(crowd.masks[0], truth.labels.tolist(), strict=True):
        color = torch.tensor(ImageColor.getrgb(SHAPE_COLORS[label])) / 255
        colored = torch.where(mask, 0.35 * image + 0.65 * color[:, None, None], colored)
    shown = [
        marked(image, [], "Classification", width=250),
        marked(image, [marks[largest]], "Localization", width=250),
        marked(image, marks, "Detection", width=250),
        marked(colored, [Mark(mark.box, mark.color, mark.text, 1) for mark in marks], "Segmentation", width=250),
    ]
    count = len(truth.labels)
    captions = (
        f"classification: {SHAPES[truth.labels[largest]]}",
        "+ localization",
        "detection",
        "instance segmentation",
    )
    return truth, {
        "picture": tiles(
            np.stack([one.pixels for one in shown]), "The four tasks", columns=2, gap=6, captions=captions
        ),
        "text": f"A scene of **{count}** thing{'s' * (count > 1)}: {named(truth.labels)}.\n"
        f"classification: **1** answer, of the largest\n"
        f"classification + localization: **1** answer and **4** numbers\n"
        f"detection: **{count}** answers and **{4 * count}** numbers; each scene needs as many as it has things\n"
        f"instance segmentation: **{count}** answers and **{count} x {SIZE * SIZE:,}** pixels, in or out",
    }


def pixels_of(box: BoxOn, side: int = SIZE) -> Tensor:
    """Return a box of shares in pixels of a picture.

    Raises
    ------
    ValueError
        If it is none.
    """
    if len(box) != 4 or not (0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1):
        raise ValueError(f"a box must be x0, y0, x1, y1 with 0 <= x0 < x1 <= 1, so also y, got {box}")
    return torch.tensor(box, dtype=torch.float64) * side


@vizkit.remembered(4)
def moved_boxes(box: BoxOn) -> dict[str, tuple[Tensor, Tensor]]:
    """Return distances and overlaps of a box and of one half as large with boxes that were moved and stretched."""
    found = {}
    lengths = 80 * torch.rand(400, 1, generator=generator(1), dtype=torch.float64)
    ways = torch.nn.functional.normalize(torch.randn(400, 4, generator=generator(0), dtype=torch.float64))
    for name, share in (("blue, moved", 1.0), ("half as wide, moved", 0.5)):
        one = pixels_of(box) * share
        other = one + lengths * ways
        other = other[(other[:, 2:] > other[:, :2]).all(1)]
        found[name] = ((other - one).norm(dim=1), paired_iou(one[None], other))
    return found


@vizkit.panel("Intersection over union", layout="first second / text chart")
def two_boxes(
    one: Annotated[Any, On("first", Box)] = (0.2, 0.2, 0.6, 0.65),
    other: Annotated[Any, On("second", Box)] = (0.35, 0.3, 0.8, 0.7),
    scene: Scene = 2,
) -> Any:
    """Two boxes that you drag, what they have in common, and how far apart their corners are.

    Shows
    -----
    first : drag the blue box
    second : drag the orange box; dark is what only one has
    """
    image, _ = seen(None, scene)
    a, b = pixels_of(one), pixels_of(other)
    areas = [float((box[2:] - box[:2]).prod()) for box in (a, b)]
    inner = torch.cat([torch.maximum(a[:2], b[:2]), torch.minimum(a[2:], b[2:])])
    common = float((inner[2:] - inner[:2]).clamp(min=0).prod())
    union, iou = sum(areas) - common, float(box_iou(a[None], b[None]))
    far = float((a - b).norm())
    marks = [Mark(a.tolist(), CLASSES[0]), Mark(b.tolist(), CLASSES[1])]
    places = torch.stack(torch.meshgrid(*2 * [torch.arange(SIZE) + 0.5], indexing="xy"), -1)
    inside = [((places > box[:2]) & (places < box[2:])).all(-1) for box in (a, b)]
    shade = torch.where(inside[0] ^ inside[1], 0.55, 1.0)
    return iou, {
        "first": marked(image, marks[::-1], "The two boxes", width=WIDTH),
        "second": marked(image * shade, marks, "The two boxes", width=WIDTH),
        "chart": overlaps_by_distance(moved_boxes(tuple(one)), (far, iou)),
        "text": f"blue **{areas[0]:,.0f}** px², orange **{areas[1]:,.0f}** px²\n"
        f"in common: {common:,.0f} px²\n"
        f"together: {areas[0]:,.0f} + {areas[1]:,.0f} - {common:,.0f} = {union:,.0f} px²\n"
        f"IoU = {common:,.0f} / {union:,.0f} = **{iou:.3f}**: {'right' if iou >= 0.5 else 'wrong'} at 0.5\n"
        f"distance of the corners, L2: **{far:.1f}** px; both boxes half as large: {far / 2:.1f} px, IoU {iou:.3f}",
    }


heads_of = vizkit.remembered(1)(load_box_heads)
#: A color for each net that says one box.
BOX_COLORS = dict(zip((*HEADS, "all layers"), (CLASSES[0], CLASSES[2], CLASSES[3], CLASSES[1]), strict=True))


@vizkit.panel("One box, four numbers", layout="picture table / guesses text")
def one_box(
    picture: Annotated[Any, Image(size=(256, 256))] = "chelsea",
    truth: Annotated[Any, On("picture", Box)] = (0.05, 0.02, 0.97, 0.98),
    guess: Annotated[int, Slider(1, 5)] = 1,
) -> Any:
    """Three heads of viznet and a net that was trained on for boxes say where the thing is.

    Shows
    -----
    picture : drag the true box, white
    guesses : the challenge's rule: one of five with the class and IoU 0.5
    """
    model, heads = vizkit.load_model("viznet", device="cpu"), heads_of()
    true = pixels_of(tuple(truth), 1)
    chances = model.probabilities(stretched(picture, SMALL))[0]
    five = chances.topk(5).indices.tolist()
    each = head_boxes(model, heads, picture, five)
    said = {kind: boxes[guess - 1] for kind, boxes in each.items()}
    said["all layers"], _ = locate(net_of(BoxNet), picture)
    marks = [Mark((256 * box).tolist(), BOX_COLORS[name], name) for name, box in said.items()]
    rows = [
        (name, f"{float(paired_iou(box.double(), true)):.2f}", f"{64 * float((box - true).norm()):.1f}")
        for name, box in said.items()
    ]
    overlaps = dict(zip(five, paired_iou(each["one per class"].double(), true).tolist(), strict=True))
    guesses = [
        (
            model.labels[label],
            f"{float(chances[label]):.0%}",
            f"{overlaps[label]:.2f}",
            "yes" if overlaps[label] >= 0.5 else "no",
        )
        for label in five
    ]
    return said, {
        "picture": marked(picture, [*marks, Mark((256 * true).tolist(), TRUTH)], "The picture with boxes", width=WIDTH),
        "table": table(("who says it", "IoU", "L2 [px of 64]"), rows),
        "guesses": table(("guess", "chance", "IoU of its box", "box right"), guesses),
        "text": f"class asked of the head with one box per class: **{model.labels[five[guess - 1]]}**\n"
        "by the challenge's rule the answer counts if one of the five guesses has the right class and a right box",
    }


@vizkit.panel("A window, slid", layout="picture scores / merged chart / text text")
def window_search(
    picture: Picture = None,
    scene: Annotated[Scene, When(lambda picture: picture is None)] = 2,
    scale: Annotated[float, Slider(0.4, 2.0, 0.1)] = 1.0,
    scales: Annotated[str, OneOf(("this one", "seven"), label="scales")] = "this one",
    least: Annotated[float, Slider(0.05, 0.99, 0.01, label="score from")] = 0.6,
    combine: Annotated[str, OneOf(("merge", "best of each"), label="boxes")] = "merge",
    timed: Annotated[bool, Toggle(label="time both ways")] = False,
) -> Any:
    """A net for crops of 48 px, asked of every window: all at once.

    Shows
    -----
    picture : the boxes that the windows say; white: one window
    scores : the likeliest class of each window
    merged : what is left of them
    chart : multiply-adds
    """
    net, (image, truth) = net_of(CropNet), seen(picture, scene)
    once = ask_all_at_once(net, image, scale=scale)
    all_scales = (
        [once]
        if scales == "this one"
        else [ask_all_at_once(net, image, scale=one) for one in (0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8)]
    )
    scores, boxes = (torch.cat(part) for part in zip(*(one.read() for one in all_scales), strict=True))
    every = best_boxes(scores[:, :-1], boxes, least=least, overlap=1.0)
    found = (
        merge_boxes(every, 0.3) if combine == "merge" else best_boxes(scores[:, :-1], boxes, least=least, overlap=0.3)
    )
    side = int(scale * SIZE)
    costs = window_costs(net, side, side)
    strongest = once.probabilities[:-1].amax(0)
    windows = once.windows[0].tolist()
    rows, columns = strongest.shape
    text = (
        f"{rows} x {columns} = **{rows * columns}** windows of 48 px at scale {scale:g}: "
        f"{costs[0] / 1e6:,.0f} million multiply-adds one by one, {costs[1] / 1e6:,.0f} all at once, "
        f"**{costs[0] / costs[1]:.1f}** times fewer\n"
        f"{len(every.boxes)} boxes of {least:g} or more become **{len(found.boxes)}**: {named(found.labels) or 'none'}"
        f"{judged(found, truth)}"
    )
    return found, {
        "picture": marked(
            image,
            [*named_marks(bare(every), SHAPES, width=1), Mark(windows, "#ffffff", width=2)],
            "The picture with boxes",
            width=WIDTH,
        ),
        "scores": fit(overlay(image, whole(strongest, once.windows, image), "Scores of the windows"), WIDTH),
        "merged": marked(image, named_marks(found, SHAPES), "What is left, in boxes", width=WIDTH),
        "chart": named_bars(
            {"each window": costs[0] / 1e6, "all at once": costs[1] / 1e6},
            "Cost of the windows",
            "million multiply-adds",
        ),
        "text": Measured(text + timed_ways(image, scale)) if timed else text,
    }


def timed_ways(image: Tensor, scale: float) -> str:
    """Say how long all windows take, one by one and at once; the first call of each is not counted."""
    seconds = []
    for ask in (ask_each_window, ask_all_at_once):
        ask(net_of(CropNet), image, scale=scale)
        start = perf_counter()
        ask(net_of(CropNet), image, scale=scale)
        seconds.append(perf_counter() - start)
    slow, fast = seconds
    return (
        f"\nhere and now: {1000 * slow:.0f} ms one by one, {1000 * fast:.0f} ms at once, "
        f"**{slow / fast:.1f}** times faster"
    )


def bare(found: Boxes) -> Boxes:
    """Return the best sixty, which can be seen."""
    return Boxes(found.boxes[:60], found.labels[:60], found.certainty[:60])


def whole(scores: Tensor, windows: Tensor, image: Tensor) -> Tensor:
    """Lay a score on the middle of each window: a map of the picture, 0 where no window's middle is."""
    across = (windows[:, :2] + windows[:, 2:]) / 2
    rows, columns = scores.shape
    step = float(windows[1, 0] - windows[0, 0]) if columns > 1 else float(windows[0, 2])
    left, top = (across[0] - step / 2).tolist()
    found = torch.zeros(image.shape[1:])
    place = torch.arange(SIZE) + 0.5
    row, column = ((place - top) / step).floor().long(), ((place - left) / step).floor().long()
    inside = ((row >= 0) & (row < rows))[:, None] & ((column >= 0) & (column < columns))
    found[inside] = scores[row.clamp(0, rows - 1)][:, column.clamp(0, columns - 1)][inside]
    return found


def judged(found: Boxes, truth: Boxes | None, least: float = 0.5) -> str:
    """Say how many of a scene's things are found, and how many boxes are wrong."""
    if truth is None:
        return ""
    hit, sure = named_right(found, truth, least), int((found.certainty >= least).sum())
    return f"\n**{hit} of {len(truth.labels)}** things are found at IoU 0.5, {sure - hit} boxes are wrong"


def named_right(found: Boxes, truth: Boxes, least: float) -> int:
    """Count the things of which a box that is sure enough says the class and half of the place."""
    sure = found.certainty >= least
    pairs = box_iou(found.boxes[sure].double(), truth.boxes.double()) >= 0.5
    return int((pairs & (found.labels[sure][:, None] == truth.labels)).any(0).sum())


crops_of = vizkit.remembered(4)(judged_crops)
#: Of the scenes that crops to train on are cut out of.
TRAINING = 60_000


@vizkit.remembered(8)
def template_of(kind: str) -> HogTemplate:
    """Return a template of gradients of a class."""
    crops = crops_of(net_of(CropNet), 60, seed=TRAINING, unseen=False)
    return train_hog_template(crops, SHAPES.index(kind))


@vizkit.panel("Before networks: HOG, slid", layout="picture scores / template text")
def hog_search(
    picture: Picture = None,
    scene: Annotated[Scene, When(lambda picture: picture is None)] = 2,
    kind: Annotated[str, OneOf(SHAPES, label="class")] = "crescent",
    scale: Annotated[float, Slider(0.4, 2.0, 0.1)] = 0.8,
    least: Annotated[float, Slider(-1.0, 2.0, 0.05, label="score from")] = 0.0,
) -> Any:
    """Histograms of oriented gradients and a linear SVM, on every window of a picture.

    Shows
    -----
    picture : the windows that are left
    scores : of each window, at its middle
    template : gradients that speak for the class
    """
    image, truth = seen(picture, scene)
    template = template_of(kind)
    scores, found = search_by_hog(template, image, scale=scale, least=least)
    label = SHAPES.index(kind)
    names = Boxes(found.boxes, torch.full_like(found.labels, label), found.scores)
    windows = window_corners(scores.shape) / scale
    here = "" if truth is None else f"; the scene has {int((truth.labels == label).sum())}"
    return found, {
        "picture": marked(image, named_marks(names, SHAPES), "The windows that are left", width=WIDTH),
        "scores": fit(overlay(image, whole(scores, windows, image), "Scores of the windows", signed=True), WIDTH),
        "template": hog_glyphs(template.weights.clamp(min=0), "The template", width=240),
        "text": f"{scores.numel()} windows at scale {scale:g}: **{len(found.boxes)}** look like a {kind}{here}\n"
        f"{template.weights.numel():,} weights, learned from crops of 60 scenes",
    }
