"""Panels of detectors: boxes suppressed, counted and compared, a grid that looks once, and published results."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, get_args

import numpy as np
import torch
from torch import Tensor, nn

import vizkit
from vizkit.core.detectors import SIZE, CropNet, GridNet, RegionNet, stretched
from vizkit.core.photo_detector import load_photo_detector
from vizkit.core.results import DETECTED, LOCALIZED, YEARS
from vizkit.core.scenes import SHAPES, Crowds, make_crowds
from vizkit.figures.charts import HALF, named_curves
from vizkit.figures.detection import (
    GONE,
    SHAPE_COLORS,
    TRUTH,
    Mark,
    class_map,
    marked,
    named_bars,
    named_marks,
    precision_recall_chart,
    results_by_year,
    stage_bars,
)
from vizkit.figures.pictures import fit, overlay, sheet, tiles
from vizkit.figures.texts import table
from vizkit.figures.theme import ACCENT, CLASSES
from vizkit.methods.average_precision import (
    COCO,
    Boxes,
    Formula,
    PrecisionRecall,
    average_precision,
    detection_curve,
    mean_average_precision,
    true_boxes,
)
from vizkit.methods.boxes import Decay, box_iou, nms_rounds, soft_nms
from vizkit.methods.crops import warp_crops
from vizkit.methods.detection import Detection, best_boxes, fast_rcnn, faster_rcnn, rcnn, yolo
from vizkit.methods.detector_training import detector_steps, region_net
from vizkit.methods.sliding import merge_boxes
from vizkit.methods.two_stage import judge_regions, propose_by_net
from vizkit.methods.yolo import GridBoxes, grid_boxes, yolo_loss
from vizkit.panels.localization import WIDTH, Picture, Scene, judged, named_right, net_of, seen
from vizkit.widgets import Image, Measured, On, OneOf, Place, Point, Run, Slider, When, direct

DETECTORS: dict[str, Callable[[Tensor], Detection]] = {
    "R-CNN": lambda image: rcnn(net_of(CropNet), image),
    "Fast R-CNN": lambda image: fast_rcnn(net_of(RegionNet), image),
    "Faster R-CNN": lambda image: faster_rcnn(net_of(RegionNet), image),
    "YOLO": lambda image: yolo(net_of(GridNet), image),
}
#: Scenes over which precision and recall are taken.
SCENES = 60


@vizkit.remembered(8)
def raw_boxes(image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return boxes of the two-stage detector before any is suppressed, their classes and scores, the best first."""
    net = net_of(RegionNet)
    maps = net.maps(image[None])
    proposals = propose_by_net(net, maps, (SIZE, SIZE), 100).boxes
    probabilities, boxes = judge_regions(net, maps, proposals, (SIZE, SIZE))
    scores, labels = probabilities[:, :-1].max(1)
    own = boxes[torch.arange(len(labels)), labels]
    order = scores.argsort(descending=True, stable=True)[: int((scores > 0.1).sum())]
    return own[order], labels[order], scores[order]


@vizkit.panel("Non-maximum suppression", layout="picture after / chart text")
def suppression(
    picture: Picture = None,
    scene: Annotated[Scene, When(lambda picture: picture is None)] = 2,
    method: Annotated[str, OneOf(("remove", "lower, Gaussian", "lower, linear", "merge"))] = "remove",
    threshold: Annotated[float, Slider(0.0, 1.0, 0.05, label="IoU above")] = 0.5,
    rounds: Annotated[int, Slider(0, 20, label="rounds")] = 1,
    least: Annotated[float, Slider(0.1, 0.9, 0.05, label="score from")] = 0.1,
) -> Any:
    """Many boxes on each thing: the best stays, those that overlap it go, round by round.

    Shows
    -----
    picture : white: the best of this round; gray: what goes
    after : what is left in the end
    chart : overlap with the best of this round, by score
    """
    image, truth = seen(picture, scene)
    boxes, labels, scores = raw_boxes(image)
    kept = scores >= least
    boxes, labels, scores = boxes[kept], labels[kept], scores[kept]
    every = nms_rounds(boxes, scores, threshold)
    done = every[: min(rounds, len(every))]
    gone = {row for one in done for row in one.removed}
    winners = {one.kept for one in done}
    marks = [
        Mark(
            boxes[row].tolist(), GONE if row in gone else SHAPE_COLORS[int(labels[row])], width=1 if row in gone else 2
        )
        for row in sorted(range(len(boxes)), key=lambda row: (row in winners, row not in gone))
    ]
    now = done[-1] if done else None
    if now:
        text = f"{SHAPES[labels[now.kept]]} {float(scores[now.kept]):.2f}"
        marks.append(Mark(boxes[now.kept].tolist(), TRUTH, text))
    found = left_over(Boxes(boxes, labels, scores), method, threshold, least)
    said = (
        f"round {len(done)} of {len(every)}: it removes **{len(now.removed)}** boxes"
        if now
        else "before the first round"
    )
    return found, {
        "picture": marked(image, marks, "The boxes of this round", width=WIDTH),
        "after": marked(image, named_marks(found, SHAPES), "What is left", width=WIDTH),
        "chart": named_bars(
            {f"{rank + 1}: {SHAPES[labels[row]]}": value for rank, (row, value) in enumerate(overlaps(now))}
            or {"none": 0.0},
            "Removed in this round",
            "IoU with the best",
        ),
        "text": f"**{len(boxes)}** boxes score {least:g} or more; {said}\n"
        f"{ways(method, threshold)}: **{len(found.boxes)}** are left{judged(found, truth, least)}",
    }


def overlaps(now: Any) -> list[tuple[int, float]]:
    """Return what the best of a round removed, twelve at most, and how much each overlaps it."""
    return list(zip(now.removed, now.overlaps, strict=True))[:12] if now else []


def ways(method: str, threshold: float) -> str:
    """Say in words what is done with boxes."""
    return {
        "remove": f"above IoU {threshold:g} the worse box of two goes",
        "merge": f"above IoU {threshold:g} boxes of a class become their mean",
        "lower, Gaussian": "each score is lowered by exp(-IoU² / 0.5) for a better box",
        "lower, linear": f"above IoU {threshold:g} a score is lowered by 1 - IoU",
    }[method]


def left_over(found: Boxes, method: str, threshold: float, least: float) -> Boxes:
    """Return the boxes that are left when they were removed, lowered or merged, whatever their class."""
    scores = found.certainty
    if method == "merge":
        return merge_boxes(found, threshold)
    if method == "remove":
        rows = torch.tensor([one.kept for one in nms_rounds(found.boxes, scores, threshold)], dtype=torch.int64)
        return Boxes(found.boxes[rows], found.labels[rows], scores[rows])
    decay: Decay = "gaussian" if method.endswith("Gaussian") else "linear"
    order, lowered = soft_nms(found.boxes, scores, decay=decay, threshold=threshold)
    order, lowered = order[lowered >= least], lowered[lowered >= least]
    return Boxes(found.boxes[order], found.labels[order], lowered)


@vizkit.remembered(4)
def detected(name: str) -> tuple[list[Boxes], list[Boxes], Tensor]:
    """Return what a detector finds in some scenes, what is there, and the scenes."""
    crowds = make_crowds(SCENES, size=SIZE, unseen=True, seed=2000)
    pictures = crowds.images.float() / 255
    return [DETECTORS[name](image).found for image in pictures], true_boxes(crowds), pictures


@vizkit.remembered(8)
def curves_of(name: str, overlap: float) -> list[PrecisionRecall]:
    """Return precision and recall of each class."""
    found, truths, _ = detected(name)
    return [detection_curve(found, truths, label, overlap=overlap) for label in range(len(SHAPES))]


@vizkit.remembered(4)
def coco_of(name: str) -> float:
    """Return COCO's mean average precision."""
    found, truths, _ = detected(name)
    return mean_average_precision(found, truths, overlaps=COCO, formula="101 points")


@vizkit.panel("Precision, recall, average precision", layout="chart bars / wrong text")
def precision_and_recall(
    detector: Annotated[str, OneOf(("YOLO", "Faster R-CNN"))] = "YOLO",
    kind: Annotated[str, OneOf(SHAPES, label="class")] = "ring",
    threshold: Annotated[float, Slider(0.0, 1.0, 0.01, label="score from")] = 0.5,
    overlap: Annotated[float, Slider(0.3, 0.95, 0.05, label="right from IoU")] = 0.5,
    formula: Annotated[Formula, OneOf(("all points", "11 points", "101 points"))] = "all points",
) -> Any:
    """A detector's boxes in 60 scenes, taken from the surest down to a threshold.

    Shows
    -----
    chart : of one class; the point is the threshold
    bars : average precision of each class
    wrong : of this class the wrong boxes that are surest
    """
    found, truths, pictures = detected(detector)
    label = SHAPES.index(kind)
    curves = curves_of(detector, overlap)
    curve = curves[label]
    taken = int((curve.scores >= threshold).sum())
    right = int(curve.right[:taken].sum())
    values = {name: average_precision(one, formula) for name, one in zip(SHAPES, curves, strict=True)}
    now = {name: average_precision(curve, name) for name in get_args(Formula)}
    coco = coco_of(detector)
    mean = sum(values.values()) / len(values)
    precision = f"{right / taken:.0%}" if taken else "not defined"
    return curve, {
        "chart": precision_recall_chart(curve, taken, f"{detector}, {kind}", points=formula == "11 points"),
        "bars": named_bars(values, f"AP at IoU {overlap:g}", formula, form=".0%", now=kind),
        "wrong": mistakes(found, truths, pictures, label, overlap),
        "text": f"{curve.truths} things; **{taken}** boxes of {threshold:g} or more, **{right}** are right\n"
        f"precision {right} / {taken} = **{precision}**, recall {right} / {curve.truths} = "
        f"**{right / curve.truths:.0%}**\n"
        f"AP: all points **{now['all points']:.3f}**, 11 points **{now['11 points']:.3f}**, "
        f"101 points **{now['101 points']:.3f}**\n"
        f"mAP at IoU {overlap:g}: **{mean:.3f}**; COCO's mean over IoU 0.5 to 0.95: **{coco:.3f}**",
    }


def mistakes(found: list[Boxes], truths: list[Boxes], pictures: Tensor, label: int, overlap: float) -> Any:
    """Show the wrong boxes of a class that are surest: crops, with what is there."""
    rows = []
    for index, (here, truth) in enumerate(zip(found, truths, strict=True)):
        for box, score in zip(here.boxes[here.labels == label], here.certainty[here.labels == label], strict=True):
            pairs = box_iou(box[None], truth.boxes)[0]
            if not ((pairs >= overlap) & (truth.labels == label)).any():
                most = int(pairs.argmax())
                name = SHAPES[truth.labels[most]] if pairs[most] >= 0.1 else "nothing"
                rows.append((float(score), index, box, f"{name} {float(score):.2f}"))
    worst = sorted(rows, key=lambda row: -row[0])[:12]
    crops = [warp_crops(pictures[index], box[None])[0] for _, index, box, _ in worst]
    if not crops:
        return "No box of this class is wrong."
    return sheet(torch.stack(crops), "Wrong boxes", side=86, columns=4, captions=[name for *_, name in worst])


@vizkit.panel("Four detectors", layout="pictures chart / pictures table")
def four_detectors(
    picture: Annotated[Any, Image(none="a scene")] = None,
    scene: Annotated[Scene, When(lambda picture: picture is None)] = 2,
    least: Annotated[float, Slider(0.05, 0.99, 0.01, label="score from")] = 0.5,
) -> Any:
    """R-CNN, Fast R-CNN, Faster R-CNN and YOLO on one picture, with the time of each stage on this machine.

    Shows
    -----
    pictures : what each finds
    """
    image, truth = seen(picture, scene)
    answers = {name: find(image) for name, find in DETECTORS.items()}
    shown = [
        marked(image, named_marks(one.found, SHAPES, least=least), name, width=250).pixels
        for name, one in answers.items()
    ]
    slowest = answers["R-CNN"].total
    rows = [
        (name, *outcome(one, truth, least), f"{1000 * one.total:.0f} ms", f"{slowest / one.total:.1f} x")
        for name, one in answers.items()
    ]
    return {name: one.found for name, one in answers.items()}, {
        "pictures": tiles(np.stack(shown), "Four detectors", columns=2, gap=6, captions=list(answers)),
        "chart": Measured(stage_bars({name: one.seconds for name, one in answers.items()})),
        "table": Measured(table(("detector", "regions", "boxes", "right", "time", "faster"), rows)),
    }


def outcome(one: Detection, truth: Boxes | None, least: float) -> tuple[str, str, str]:
    """Count regions, boxes, and the things that are found."""
    sure = int((one.found.certainty >= least).sum())
    right = "not known" if truth is None else f"{named_right(one.found, truth, least)} of {len(truth.labels)}"
    return str(len(one.proposals) or "-"), str(sure), right


@vizkit.panel("You only look once", layout="grid classes / final table / text text")
def yolo_grid(
    picture: Picture = None,
    scene: Annotated[Scene, When(lambda picture: picture is None)] = 2,
    at: Annotated[Place, On("grid", Point)] = (0.89, 0.47),
    least: Annotated[float, Slider(0.05, 0.95, 0.05, label="score from")] = 0.3,
) -> Any:
    """A picture in 10 x 10 cells: each says two boxes, how sure it is of them, and one class.

    Shows
    -----
    grid : press on a cell; all boxes, the thicker the surer; white: the cell's
    classes : each cell's class, the stronger the surer
    final : score = confidence times class, worse overlaps removed
    table : the loss of this scene, in the end and for a grid of zeros
    """
    image, truth = seen(picture, scene)
    said = net_of(GridNet)(stretched(image, SIZE))
    grid = grid_boxes(said)
    side = said.shape[2]
    row, column = (min(int(share * side), side - 1) for share in reversed(at))
    found = best_boxes(grid.scores[0].flatten(0, 2), (SIZE * grid.boxes[0].flatten(0, 2)).clamp(0, SIZE), least=least)
    cell = [SIZE * edge / side for edge in (column, row, column + 1, row + 1)]
    own = grid.boxes[0, row, column] * SIZE
    marks = confident(grid) + [Mark(one.tolist(), TRUTH, width=2) for one in own] + [Mark(cell, ACCENT, width=2)]
    sure, label = grid.confidence[0, row, column], int(grid.classes[0, row, column].argmax())
    return found, {
        "grid": marked(image, marks, "Boxes of all cells", width=WIDTH),
        "classes": class_map(grid, image, "Classes of the cells", width=WIDTH),
        "final": marked(image, named_marks(found, SHAPES), "What is left", width=WIDTH),
        "table": loss_table(said, truth),
        "text": f"{side} x {side} cells x (2 x 5 + {len(SHAPES)}) = **{said[0].numel():,}** numbers, in one pass\n"
        f"the cell: confidence {', '.join(f'{float(one):.2f}' for one in sure)}; if something, "
        f"**{SHAPES[label]}** {float(grid.classes[0, row, column, label]):.2f}{judged(found, truth, least)}",
    }


def confident(grid: GridBoxes) -> list[Mark]:
    """Return a frame for each box of which a cell is sure by a tenth, in the class's color."""
    sure, labels = grid.confidence[0].flatten(), grid.classes[0].argmax(-1).repeat_interleave(2)
    boxes = SIZE * grid.boxes[0].flatten(0, 2)
    rows = (sure > 0.1).nonzero()[:, 0]
    rows = rows[sure[rows].argsort()]
    return [
        Mark(boxes[row].tolist(), SHAPE_COLORS[int(labels.flatten()[row])], width=max(1, round(5 * float(sure[row]))))
        for row in rows.tolist()
    ]


def loss_table(said: Tensor, truth: Boxes | None) -> Any:
    """Write YOLO's loss term by term."""
    if truth is None:
        return "The loss needs to know what is there."
    things = [Boxes(truth.boxes / SIZE, truth.labels)]
    now, nothing = (yolo_loss(grid, things) for grid in (said, torch.zeros_like(said)))
    words = {
        "middle": "middles, times 5",
        "size": "roots of sizes, times 5",
        "thing": "confidence where something is",
        "empty": "confidence elsewhere, times 0.5",
        "classes": "classes",
    }
    words["total"] = "all"
    rows = [(said, *(f"{float(getattr(one, name)):.3f}" for one in (now, nothing))) for name, said in words.items()]
    return table(("term", "this grid", "zeros"), rows)


#: What can be looked up, with its unit.
TABLES: Mapping[str, tuple[Any, str]] = {
    "detection": (DETECTED, "mean average precision [%]"),
    "localization": (LOCALIZED, "top-5 error [%]"),
}


@vizkit.panel("Published results", layout="chart / text")
def published_results(task: Annotated[str, OneOf(tuple(TABLES))] = "detection") -> Any:
    """Results that the slides print, over the years in which they were published."""
    results, unit = TABLES[task]
    names = sum(map(len, results.values()))
    return results, {
        "chart": results_by_year(results, YEARS, f"Results in {task}", unit),
        "text": f"**{names}** results on {len(results)} data sets; a line joins those on one set. "
        "Numbers on different sets cannot be compared.",
    }


@cache
def classifier() -> nn.Module:
    """Return the net whose layers a detector starts from, always the same: a run goes on with what it began with."""
    return vizkit.load_model("viznet-small", device="cpu").net


@cache
def lessons() -> tuple[Crowds, Crowds]:
    """Return scenes to learn from, and scenes to test with."""
    return make_crowds(200, size=SIZE, seed=3000), make_crowds(8, size=SIZE, unseen=True, seed=4000)


#: The colors of the four losses: a hue for each stage.
LOSS_LOOKS = {
    "objectness": {"color": CLASSES[0]},
    "anchor offsets": {"color": CLASSES[5]},
    "classes": {"color": CLASSES[1]},
    "box offsets": {"color": CLASSES[4]},
}


@vizkit.panel("One network, four losses", layout="chart objectness / proposals text")
def detector_learning(
    start: Annotated[str, OneOf(("a classifier's layers", "random"), label="trunk")] = "a classifier's layers",
    order: Annotated[str, OneOf(("joint", "alternating", "first stage only"), label="losses")] = "joint",
    rate: Annotated[float, Slider(0.0002, 0.01, 0.0002)] = 0.001,
    steps: Annotated[int, Slider(20, 400, 20, live=False)] = 120,
    test: Annotated[int, Slider(0, 7, label="test scene")] = 0,
    *,
    run: Run = direct,
) -> Any:
    """A two-stage detector learns from 200 scenes, four at a step.

    Shows
    -----
    chart : means of 10 steps
    objectness : of a scene that it does not learn from
    proposals : its first ten there
    """
    scenes, tests = lessons()
    pretrained = classifier() if start != "random" else None
    pictures = tests.images.float() / 255
    for step in run(detector_steps, scenes, pretrained, order=order, rate=rate, steps=steps):
        net = region_net(step.state)
        with torch.no_grad():
            maps = net.maps(pictures)
            score = net.anchors(maps[test : test + 1]).objectness[0].sigmoid()
        found = [propose_by_net(net, one[None], (SIZE, SIZE), 20).boxes for one in maps]
        hit = [(box_iou(boxes, truth) >= 0.5).any(0) for boxes, truth in zip(found, tests.boxes, strict=True)]
        things = torch.cat(hit)
        smooth = {
            name: [float(part.mean()) for part in column.split(10)]
            for name, column in zip(LOSS_LOOKS, step.losses.unbind(1), strict=True)
        }
        side = maps.shape[2]
        yield (
            step,
            {
                "chart": named_curves(
                    smooth,
                    [min(10 * block + 10, step.index) for block in range(-(-step.index // 10))],
                    "Losses",
                    "steps",
                    "loss",
                    looks=LOSS_LOOKS,
                    size=HALF,
                ),
                "objectness": fit(
                    overlay(pictures[test], score.view(side, side, 9).amax(2), "Objectness of each place"), WIDTH
                ),
                "proposals": marked(
                    pictures[test],
                    [Mark(box, ACCENT, width=2) for box in found[test][:10].tolist()],
                    "First ten proposals",
                    width=WIDTH,
                ),
                "text": f"step {step.index}: 20 proposals find **{int(things.sum())} of {len(things)}** things "
                f"in {len(tests)} test scenes\nthe losses now: "
                + ", ".join(f"{name} {values[-1]:.3f}" for name, values in smooth.items()),
            },
        )


@vizkit.panel("A detector of photos", layout="picture / text")
def photo_detector(
    picture: Annotated[Any, Image(size=480)] = "coffee",
    least: Annotated[float, Slider(0.05, 0.99, 0.01, label="score from")] = 0.5,
) -> Any:
    """A Faster R-CNN that was trained on the photos of COCO, from torchvision, if its weights are on this machine."""
    found, names = seen_in_photo(picture)
    sure = [] if found is None else [names[label] for label in found.labels[found.certainty >= least].tolist()]
    marks = [] if found is None else named_marks(found, names, least=least)
    said = f"**{len(sure)}** things: {', '.join(sure) or 'none'}"
    return found, {
        "picture": marked(picture, marks, "The things that it finds", width=picture.shape[2]),
        "text": said if found is not None else f"Nothing is looked for: {names[0]}",
    }


@vizkit.remembered(4)
def seen_in_photo(picture: Tensor) -> tuple[Boxes | None, tuple[str, ...]]:
    """Return what torchvision's detector finds and its classes, or nothing and why."""
    try:
        net = load_photo_detector()
    except FileNotFoundError as error:
        return None, (str(error),)
    return Boxes(*net.found(picture)), net.names
