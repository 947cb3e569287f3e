"""What is asked in 11, localization and detection."""

from itertools import pairwise

import torch

from vizkit.core.detectors import SIZE, CropNet, load_detector
from vizkit.figures.detection import marked
from vizkit.figures.raster import Raster
from vizkit.methods.average_precision import average_precision, precision_recall
from vizkit.methods.boxes import box_iou, nms
from vizkit.methods.regions import region_bins
from vizkit.methods.sliding import window_costs
from vizkit.panels.detectors import DETECTORS
from vizkit.panels.localization import drawn_scene, moved_boxes, seen, truth_of
from vizkit.panels.regions import recalls
from vizkit.widgets import Choice, Number, Predict, Sketch, Spot


@Predict(
    "A scene of five things. How many numbers does a detector say of it, the classes not counted?",
    Number(1, 200, "numbers", tolerance=0.5, digits=0),
)
def numbers_of_a_scene() -> float:
    """Four for each box: a scene of one thing needs 4."""
    scene = next(scene for scene in map(drawn_scene, range(100)) if len(scene.labels[0]) == 5)
    return float(scene.boxes[0].numel())


@Predict(
    "A box is moved to the right by half of its width. How large is its overlap, IoU, with what it was?",
    Number(0, 1, "", tolerance=0.03, digits=2),
)
def half_moved() -> float:
    """Half a box is in common, one and a half are covered by both."""
    return float(box_iou(torch.tensor([[0.0, 0, 10, 10]]), torch.tensor([[5.0, 0, 15, 10]])))


CLOSE, APART = "within 0.1 of each other", "spread over 0.2 or more"


@Predict(
    "A true box is 64 pixels wide and high. Many other boxes are all 40 pixels from it, by the L2 distance of the "
    "corners. Their overlaps with it are ...",
    Choice(CLOSE, APART),
)
def same_distance() -> str:
    """A box that moves to a side keeps more of it than one that shrinks as far, which lies within it."""
    distances, overlaps = moved_boxes((0.2, 0.2, 0.6, 0.6))["blue, moved"]
    alike = overlaps[(distances - 40).abs() < 6]
    return APART if alike.max() - alike.min() > 0.2 else CLOSE


@Predict(
    "A picture of 160 x 160, windows of 48 x 48, one every 8 pixels. How many times fewer multiplications does the net "
    "need if all windows are asked at once?",
    Number(1, 1000, "times", factor=1.5, digits=1),
)
def times_fewer() -> float:
    """225 windows overlap: each pixel is in up to 36 of them, and is worked on once instead."""
    each, once = window_costs(load_detector(CropNet), SIZE, SIZE)
    return each / once


ONE, BOTH = "one stays", "both stay"


@Predict(
    "Two stars, one in front of the other: their true boxes overlap by 0.55. Of each there is one perfect box. "
    "Non-maximum suppression at 0.5 is applied. What is left?",
    Choice(ONE, BOTH, "none stays"),
)
def two_alike() -> str:
    """It knows boxes, not things: the one with the lower score goes."""
    boxes = torch.tensor([[0.0, 0, 31, 20], [9, 0, 40, 20]])
    return (ONE, BOTH)[len(nms(boxes, torch.tensor([0.9, 0.8]), 0.5)) - 1]


FALLS, STAYS = "it falls", "it stays as it is"


@Predict(
    "A detector has found all things of a class. Now it also says a wrong box, with a score below all others. What "
    "does its average precision do?",
    Choice(FALLS, STAYS, "it rises"),
)
def one_more_wrong() -> str:
    """Recall is 1 before it: the curve ends where it ended."""
    right = torch.tensor([True, False, True, True])
    scores = torch.tensor([0.9, 0.8, 0.7, 0.6])
    before = average_precision(precision_recall(scores, right, 3))
    more = torch.cat([right, torch.tensor([False])])
    after = average_precision(precision_recall(torch.cat([scores, torch.tensor([0.1])]), more, 3))
    return STAYS if after == before else FALLS


COUNTS = (1, 25, 50, 100, 200, 300)


@Predict(
    "Selective search proposes 300 boxes in each of 20 scenes. Draw the share of the things that the first ones find, "
    "at an overlap of 0.5.",
    Sketch(COUNTS, "proposals", "found", tolerance=0.15),
)
def searched_or_anywhere() -> tuple[float, ...]:
    """The first are the large regions, which are merged last; most things are found by the first hundred."""
    found = recalls()["selective search"]
    return tuple(found[count - 1] for count in COUNTS)


@Predict(
    "Maps with a cell every 8 pixels. A box 40 pixels wide moves to the right by a pixel, eight times. How many of "
    "these moves change which cells RoI pooling takes?",
    Number(0, 8, "moves", tolerance=0.5, digits=0),
)
def moved_by_a_pixel() -> float:
    """Both sides are rounded to whole cells, and a box five cells wide has them on the same fraction: once in eight."""
    box, taken = torch.tensor([40.0, 40, 80, 80]), []
    for step in range(9):
        bins = region_bins(box + torch.tensor([step, 0.0, step, 0.0]), (20, 20), 6, scale=1 / 8)
        taken.append(tuple(bins.columns.flatten().tolist()))
    return float(sum(one != other for one, other in pairwise(taken)))


def grid_scene() -> Raster:
    """Draw a scene of one thing, in the cells of YOLO's grid."""
    image, _ = seen(None, one_thing())
    pixels = image.clone()
    pixels[:, 16::16] = pixels[:, :, 16::16] = 1.0
    return marked(pixels, [], "A thing in a grid of 10 x 10 cells", width=400)


def one_thing() -> int:
    """Return the first scene of one thing."""
    return next(number for number in range(100) if len(drawn_scene(number).labels[0]) == 1)


@Predict("One cell of the grid has to say this thing. Which?", Spot(grid_scene, 0.06))
def cells_for_a_thing() -> tuple[float, float]:
    """The one that has the middle of its box in it, wherever the thing itself is thick."""
    box = truth_of(drawn_scene(one_thing())).boxes[0]
    x, y = ((float(box[axis] + box[axis + 2]) / 2 // 16 + 0.5) / 10 for axis in (0, 1))
    return x, y


@Predict(
    "Fast R-CNN on this machine. Which of its stages takes longest?",
    Choice("selective search", "maps", "pooled regions"),
)
def slowest_stage() -> str:
    """The network is fast by now; the search was what was left to be replaced."""
    image, _ = seen(None, 2)
    seconds = DETECTORS["Fast R-CNN"](image).seconds
    return max(("selective search", "maps", "pooled regions"), key=lambda stage: seconds[stage])
