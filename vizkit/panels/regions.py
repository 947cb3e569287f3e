"""Panels of regions: searched, cut out, pooled from maps, and proposed by a net."""

from collections.abc import Callable
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from torch import Tensor

import vizkit
from vizkit.core.detectors import BINS, RATIOS, SIDES, SIZE, CropNet, RegionNet
from vizkit.core.scenes import SHAPES, make_crowds
from vizkit.core.seeds import generator
from vizkit.figures.charts import HALF, named_curves
from vizkit.figures.convolution import gray_map
from vizkit.figures.detection import GONE, SHAPE_COLORS, TRUTH, Mark, cell_bins, marked, named_bars, named_marks
from vizkit.figures.pictures import fit, frame_tile, overlay, sheet
from vizkit.figures.theme import ACCENT, CLASSES
from vizkit.methods.anchors import decode_boxes, grid_anchors, match_anchors
from vizkit.methods.boxes import box_iou
from vizkit.methods.class_svms import train_class_svms
from vizkit.methods.crops import judge_crops, warp_crops
from vizkit.methods.detection import best_boxes
from vizkit.methods.proposals import RegionTree, proposal_recall, propose, selective_search
from vizkit.methods.regions import region_bins, roi_align, roi_pool
from vizkit.methods.two_stage import propose_by_net
from vizkit.panels.localization import TRAINING, WIDTH, Picture, Scene, crops_of, judged, net_of, pixels_of, seen
from vizkit.widgets import Box, On, OneOf, Place, Point, Slider, Tile, When

#: Scenes over which the recall of proposals is taken.
SCENES = 20

tree_of = vizkit.remembered(4)(selective_search)


@vizkit.remembered(16)
def searched(image: Tensor) -> Tensor:
    """Return the proposals of selective search."""
    return propose(image)


@vizkit.remembered(1)
def recalls() -> dict[str, list[float]]:
    """Return the share of things found by the first 1 to 300 proposals of each kind, over some scenes."""
    crowds = make_crowds(SCENES, size=SIZE, unseen=True, seed=1000)
    net, random = net_of(RegionNet), generator(0)
    found: dict[str, list[Tensor]] = {"selective search": [], "a net": [], "anywhere": []}
    for pixels, truths in zip(crowds.images, crowds.boxes, strict=True):
        image = pixels.float() / 255
        corner = torch.rand(300, 2, 2, generator=random).mul(SIZE).sort(1).values
        proposals = {
            "selective search": searched(image),
            "a net": propose_by_net(net, net.maps(image[None]), (SIZE, SIZE), 300).boxes,
            "anywhere": corner.flatten(1),
        }
        for name, boxes in proposals.items():
            recall = proposal_recall(boxes, truths)
            found[name].append(F.pad(recall, (0, 300 - len(recall)), value=float(recall[-1])) * len(truths))
    things = sum(map(len, crowds.boxes))
    return {name: (torch.stack(rows).sum(0) / things).tolist() for name, rows in found.items()}


@vizkit.panel("Regions that grow together", layout="picture segments / boxes chart / text text")
def searched_regions(
    picture: Picture = None,
    scene: Annotated[Scene, When(lambda picture: picture is None)] = 2,
    scale: Annotated[int, Slider(20, 400, 20, label="segments")] = 100,
    left: Annotated[float, Slider(0.0, 1.0, 0.01, label="merged")] = 0.8,
    most: Annotated[int, Slider(1, 300, label="proposals")] = 100,
) -> Any:
    """Selective search: the two neighbors that are most alike become one, again and again.

    Shows
    -----
    picture : boxes around the regions of now
    segments : the regions, each in its mean color
    boxes : white what is true, green if a proposal overlaps it by half
    chart : found by the first proposals, of 20 scenes
    """
    image, truth = seen(picture, scene)
    tree = tree_of(image, scale=scale)
    first = len(tree.merges) + 1
    count = first - round(left * (first - 1))
    now = tree.at(count)
    proposals = searched(image)[:most]
    marks = [Mark(box, CLASSES[5], width=1) for box in proposals.tolist()]
    found = ""
    if truth is not None:
        hit = (box_iou(proposals, truth.boxes.double()) >= 0.5).any(0)
        marks += [
            Mark(box, CLASSES[2] if one else TRUTH) for box, one in zip(truth.boxes.tolist(), hit.tolist(), strict=True)
        ]
        found = f"\n**{int(hit.sum())} of {len(hit)}** things are found by {len(proposals)} proposals"
    curves = recalls()
    return tree, {
        "picture": marked(image, region_marks(tree, count), "Boxes around the regions", width=WIDTH),
        "segments": marked(mean_colors(image, now), [], "The regions, each in its mean color", width=WIDTH),
        "boxes": marked(image, marks, "The picture with proposals", width=WIDTH),
        "chart": named_curves(
            curves, list(range(1, 301)), "Things found", "proposals", "share", form=".0%", now=most, size=HALF
        ),
        "text": f"**{first}** segments at first, **{count}** regions now; all along there are {len(tree.boxes)} boxes. "
        f"The last two that were merged: {similarity(tree, count)}{found}",
    }


def similarity(tree: RegionTree, count: int) -> str:
    """Say how alike the last two regions were."""
    merged = len(tree.merges) + 1 - count
    return f"{float(tree.similarity[merged - 1]):.2f} of 4 alike" if merged else "none"


def region_marks(tree: RegionTree, count: int) -> list[Mark]:
    """Return a frame for each region that is left, the large ones below."""
    first = len(tree.merges) + 1
    gone = set(tree.merges[: first - count].flatten().tolist())
    alive = [number for number in range(2 * first - count) if number not in gone]
    boxes = tree.boxes[alive]
    order = (boxes[:, 2:] - boxes[:, :2]).prod(1).argsort(descending=True)
    return [Mark(boxes[row].tolist(), SHAPE_COLORS[int(row) % 6], width=2) for row in order]


def mean_colors(image: Tensor, regions: Tensor) -> Tensor:
    """Paint each region in its mean color."""
    numbers, place = regions.flatten().unique(return_inverse=True)
    count = torch.bincount(place, minlength=len(numbers))
    sums = torch.zeros(3, len(numbers)).index_add_(1, place, image.flatten(1))
    return (sums / count)[:, place].view_as(image)


crops_judged = vizkit.remembered(4)(judge_crops)
#: Crops that are shown.
SHOWN = 25


@vizkit.panel("R-CNN: each region alone", layout="crops picture / chart text")
def warped_crops(
    picture: Picture = None,
    scene: Annotated[Scene, When(lambda picture: picture is None)] = 2,
    region: Annotated[int, On("crops", Tile), Slider(0, SHOWN - 1)] = 0,
    corrected: Annotated[str, OneOf(("as proposed", "corrected"), label="box")] = "corrected",
    least: Annotated[float, Slider(0.05, 0.99, 0.01, label="score from")] = 0.6,
) -> Any:
    """Proposals, stretched to 48 px, and what a net says of each.

    Shows
    -----
    crops : of 300 those that are surest to be something; click one
    picture : what is left; black and dashed white: the one of the crop
    chart : of the crop
    """
    image, truth = seen(picture, scene)
    net, proposals = net_of(CropNet), searched(image).float()
    probabilities, boxes = crops_judged(net, image, proposals)
    order = probabilities[:, :-1].amax(1).argsort(descending=True, stable=True)[:SHOWN]
    region = min(region, len(order) - 1)
    chosen = int(order[region])
    used = boxes if corrected == "corrected" else proposals
    found = best_boxes(probabilities[:, :-1], used, least=least, overlap=0.3)
    names = [SHAPES[one[:-1].argmax()] for one in probabilities[order]]
    crops = sheet(warp_crops(image, proposals[order]), "Crops of the regions", side=68, columns=5, captions=names)
    before, after = proposals[chosen].tolist(), boxes[chosen].tolist()
    return found, {
        "crops": frame_tile(crops, region),
        "picture": marked(
            image,
            [*named_marks(found, SHAPES), Mark(before, "#222222", width=2), Mark(after, TRUTH, width=2)],
            "What is found",
            width=WIDTH,
        ),
        "chart": named_bars(
            dict(zip((*SHAPES, "nothing"), probabilities[chosen].tolist(), strict=True)),
            "The crop",
            "probability",
            form=".0%",
        ),
        "text": f"{len(proposals)} regions, {len(proposals)} passes of the net; "
        f"**{len(found.boxes)}** boxes of {least:g} or more are left: "
        f"{', '.join(SHAPES[label] for label in found.labels.tolist()) or 'none'}{judged(found, truth, least)}\n"
        f"the crop's box: {sides(before)} px, corrected to {sides(after)} px",
    }


def sides(box: Any) -> str:
    """Write a box."""
    return ", ".join(f"{side:.0f}" for side in box)


svms_of = vizkit.remembered(4)(train_class_svms)


@vizkit.panel("One SVM per class", layout="chart crops / text text")
def class_svms(
    kind: Annotated[str, OneOf(SHAPES, label="class")] = "star",
    strength: Annotated[float, Slider(-4.0, 0.0, 0.5, label="log10 C")] = -2.0,
    count: Annotated[int, Slider(20, 200, 20, label="scenes")] = 60,
) -> Any:
    """R-CNN's last step: a linear SVM for each class, on a net's codes of crops.

    Shows
    -----
    chart : test crops by the SVM's score; above 0 is yes
    crops : the wrong ones that are surest
    """
    net = net_of(CropNet)
    found = svms_of(crops_of(net, count, seed=TRAINING, unseen=False), strength=10**strength)
    test = crops_of(net)
    label = SHAPES.index(kind)
    scores, yes = found.scores(test.codes)[:, label], test.labels == label
    wrong = torch.where(yes, -scores, scores)
    worst = wrong.argsort(descending=True)[:12]
    names = [f"{'' if yes[row] else 'no '}{kind} {float(scores[row]):+.1f}" for row in worst]
    right = ((scores > 0) == yes).float().mean()
    edges = torch.linspace(-4, 4, 41)
    middles = ((edges[1:] + edges[:-1]) / 2).tolist()
    curves = {
        name: (torch.histogram(scores[rows].clamp(-3.99, 3.99), edges).hist / rows.sum()).tolist()
        for name, rows in ((f"no {kind}", ~yes), (kind, yes))
    }
    softmax, by_svm = test.softmax, float((found.answers(test.codes) == test.labels).float().mean())
    return scores, {
        "chart": named_curves(curves, middles, "Test crops", "score", "share", form=".0%", now=0, size=HALF),
        "crops": sheet(test.crops[worst], "Wrong and sure", side=86, columns=4, captions=names),
        "text": f"{int(yes.sum())} of {len(yes)} test crops show a {kind}; **{right:.1%}** are on the right side of 0\n"
        f"all eight SVMs together, the highest score, or nothing if none is above 0: **{by_svm:.1%}** of the crops "
        f"are right; the net's own softmax: **{softmax:.1%}**",
    }


@vizkit.panel("A region of the maps", layout="picture channel / pooled aligned / text text")
def pooled_region(
    picture: Picture = None,
    scene: Annotated[Scene, When(lambda picture: picture is None)] = 2,
    box: Annotated[Any, On("picture", Box)] = (0.37, 0.67, 0.64, 0.98),
    bins: Annotated[int, Slider(2, 10)] = BINS,
    channel: Annotated[int, Slider(0, 95)] = 0,
) -> Any:
    """The same maps for all regions: what RoI pooling and RoIAlign take out of them.

    Shows
    -----
    picture : drag a box; blue are the cells that are taken
    channel : of the whole picture's maps
    pooled : the largest of each bin
    aligned : the mean of four places in each bin, between the cells
    """
    image, _ = seen(picture, scene)
    net, place = net_of(RegionNet), pixels_of(tuple(box)).float()
    maps = net.maps(image[None])[0]
    taken = region_bins(place, (maps.shape[1], maps.shape[2]), bins, scale=1 / 8)
    pooled, aligned = (pool(maps, place[None], bins, scale=1 / 8)[0, channel] for pool in (roi_pool, roi_align))
    outer = torch.stack([taken.columns.amin(), taken.rows.amin(), taken.columns.amax(), taken.rows.amax()]) * 8.0
    shift = float((outer - place).abs().max())
    by_one = [changes_by_a_pixel(maps, place, bins, pool) for pool in (roi_pool, roi_align)]
    return (pooled, aligned), {
        "picture": cell_bins(image, 8, taken, place.tolist(), "The region and its cells", width=WIDTH),
        "channel": fit(overlay(image, maps[channel], f"Channel {channel}"), WIDTH),
        "pooled": gray_map(pooled, "RoI pooling", width=240, crisp=True),
        "aligned": gray_map(aligned, "RoIAlign", width=240, crisp=True),
        "text": f"The box is {sides(place)} px; RoI pooling takes {sides(outer)}: a side is off by up to "
        f"**{shift:.1f}** px\na box moved by 1 px changes what is pooled by **{by_one[0]:.0%}**, "
        f"what is aligned by **{by_one[1]:.0%}**, on the average over 8 moves",
    }


def changes_by_a_pixel(maps: Tensor, place: Tensor, bins: int, pool: Callable[..., Tensor]) -> float:
    """Return how much of what is pooled changes as a box moves a pixel to the right, over eight such moves."""
    boxes = torch.stack([place + torch.tensor([step, 0.0, step, 0.0]) for step in range(9)])
    found = pool(maps, boxes, bins, scale=1 / 8).flatten(1)
    return float(((found[1:] - found[:-1]).norm(dim=1) / found[:-1].norm(dim=1).clamp(min=1e-9)).mean())


@vizkit.panel("Anchors, and a net that proposes", layout="picture objectness / proposals text")
def anchors(
    picture: Picture = None,
    scene: Annotated[Scene, When(lambda picture: picture is None)] = 2,
    at: Annotated[Place, On("picture", Point)] = (0.86, 0.5),
    show: Annotated[str, OneOf(("at the point", "matched"), label="anchors")] = "at the point",
    most: Annotated[int, Slider(1, 100, label="proposals")] = 20,
) -> Any:
    """Nine boxes at each of 400 places: is there a thing in one, and where is it really?

    Shows
    -----
    picture : press: the anchors there; matched: those that overlap a thing by .7 or most
    objectness : the likeliest anchor of each place
    proposals : the anchors that are likeliest, corrected
    """
    image, truth = seen(picture, scene)
    net = net_of(RegionNet)
    maps = net.maps(image[None])
    said, side = net.anchors(maps), maps.shape[2]
    boxes = grid_anchors((side, side))
    row, column = (min(int(share * side), side - 1) for share in reversed(at))
    here = torch.arange(9) + 9 * (row * side + column)
    score, offsets = said.objectness[0].sigmoid(), said.offsets[0]
    best = int(here[score[here].argmax()])
    marks = [Mark(boxes[one].tolist(), SHAPE_COLORS[int(one) % 9 // 3], width=2) for one in here]
    moved = decode_boxes(offsets[best], boxes[best]).tolist()
    kinds = ""
    if truth is not None:
        kind, _ = match_anchors(boxes, truth.boxes)
        kinds = (
            f"\nof {len(boxes):,} anchors **{int((kind == 1).sum())}** have to say yes, {int((kind == 0).sum()):,} no, "
            f"{int((kind == -1).sum())} teach nothing"
        )
        if show == "matched":
            marks = [Mark(boxes[one].tolist(), CLASSES[2], width=1) for one in (kind == 1).nonzero()[:, 0]]
    found = propose_by_net(net, maps, (SIZE, SIZE), most)
    recall = ""
    if truth is not None:
        hit = (box_iou(found.boxes, truth.boxes) >= 0.5).any(0)
        recall = f"\n**{int(hit.sum())} of {len(hit)}** things are found by the first {len(found.boxes)} proposals"
    return found, {
        "picture": marked(image, [*marks, Mark(moved, TRUTH, width=2)], "The picture with anchors", width=WIDTH),
        "objectness": fit(overlay(image, score.view(side, side, 9).amax(2), "Objectness of each place"), WIDTH),
        "proposals": marked(
            image,
            [Mark(one, ACCENT if index < 5 else GONE, width=2) for index, one in enumerate(found.boxes.tolist())][::-1],
            "The picture with proposals",
            width=WIDTH,
        ),
        "text": f"{side} x {side} places, {len(SIDES)} sizes of {', '.join(f'{one:g}' for one in SIDES)} px, "
        f"{len(RATIOS)} shapes: **{len(boxes):,}** anchors, each a score and 4 offsets\n"
        f"at the point the likeliest is a thing with **{float(score[best]):.0%}**; "
        f"white: where the net moves it{kinds}{recall}",
    }
