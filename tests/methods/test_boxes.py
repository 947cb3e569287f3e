"""Boxes against torchvision, with ties and empty ones; average precision against COCO's own tool and slow rewrites."""

import contextlib
import io

import numpy as np
import pytest
import torch
import torchvision

from vizkit.methods.average_precision import (
    COCO,
    Boxes,
    average_precision,
    detection_curve,
    mean_average_precision,
    precision_recall,
)
from vizkit.methods.boxes import box_iou, nms, nms_rounds, soft_nms
from vizkit.methods.regions import region_bins, roi_align, roi_pool


def random_boxes(count, random, side=20.0, whole=True):
    """Boxes of which many touch, coincide or are empty: their corners are whole numbers."""
    corners = torch.rand(count, 2, 2, generator=random, dtype=torch.float64) * side
    corners = corners.floor() if whole else corners
    return torch.cat([corners.amin(1), corners.amax(1)], 1)


def test_overlap_and_suppression_are_torchvisions():
    random = torch.Generator().manual_seed(0)
    for case in range(1000):
        boxes = random_boxes(case % 13, random, whole=bool(case % 2))
        others = random_boxes(5, random)
        scores = (torch.rand(len(boxes), generator=random) * 4).floor() / 4  # with ties
        theirs = torchvision.ops.box_iou(boxes, others).nan_to_num(0)
        torch.testing.assert_close(box_iou(boxes, others), theirs, rtol=0, atol=1e-9)
        full = boxes[(boxes[:, 2:] > boxes[:, :2]).all(1)]
        kept = torchvision.ops.nms(full, scores[: len(full)].double(), 0.3)
        assert torch.equal(nms(full, scores[: len(full)], 0.3), kept)


def test_each_box_is_kept_or_removed_by_one_that_it_overlaps():
    random = torch.Generator().manual_seed(1)
    boxes, scores = random_boxes(40, random), torch.rand(40, generator=random)
    rounds = nms_rounds(boxes, scores, 0.4)
    assert sorted(index for one in rounds for index in (one.kept, *one.removed)) == list(range(40))
    for one in rounds:
        assert all(overlap > 0.4 for overlap in one.overlaps)
        assert all(scores[one.kept] >= scores[index] for index in one.removed)


def slow_soft_nms(boxes, scores, decay, threshold, sigma):
    """The paper's Figure 3, a box at a time."""
    left, found = [(float(score), index) for index, score in enumerate(scores)], []
    while left:
        score, best = max(left, key=lambda one: (one[0], -one[1]))
        found.append((best, score))
        left = [one for one in left if one[1] != best]
        lowered = []
        for value, index in left:
            overlap = float(box_iou(boxes[best][None], boxes[index][None]))
            if decay == "linear":
                value *= 1 - overlap if overlap > threshold else 1
            else:
                value *= np.exp(-(overlap**2) / sigma)
            lowered.append((value, index))
        left = lowered
    return [index for index, _ in found], [score for _, score in found]


@pytest.mark.parametrize("decay", ["linear", "gaussian"])
def test_soft_suppression_is_the_papers(decay):
    random = torch.Generator().manual_seed(2)
    for _ in range(20):
        boxes = random_boxes(12, random, whole=False)
        scores = torch.rand(12, generator=random, dtype=torch.float64)
        order, lowered = soft_nms(boxes, scores, decay=decay)
        theirs = slow_soft_nms(boxes, scores, decay, 0.3, 0.5)
        assert order.tolist() == theirs[0]
        np.testing.assert_allclose(lowered.numpy(), theirs[1], rtol=1e-12)


def random_pictures(random, count=4, classes=3):
    """Truths, and boxes near them or nowhere, some twice, with scores."""
    truths, found = [], []
    for _ in range(count):
        there = random_boxes(int(torch.randint(0, 6, (), generator=random)), random, side=80.0)
        there = there[(there[:, 2:] > there[:, :2]).all(1)]
        labels = torch.randint(classes, (len(there),), generator=random)
        truths.append(Boxes(there, labels))
        near = torch.cat([there, there[:2], random_boxes(3, random, side=80.0)])
        near = near + torch.randn(near.shape, generator=random, dtype=torch.float64) * 2
        near = torch.cat([torch.minimum(near[:, :2], near[:, 2:]), torch.maximum(near[:, :2], near[:, 2:])], 1)
        guessed = torch.cat([labels, labels[:2], torch.randint(classes, (3,), generator=random)])
        found.append(Boxes(near, guessed, torch.rand(len(near), generator=random)))
    return found, truths


def coco(found, truths):
    """The mean average precision at .5, and over .5 to .95, by pycocotools."""
    from pycocotools import coco as peer
    from pycocotools.cocoeval import COCOeval

    def rows(pictures):
        for picture, one in enumerate(pictures):
            for index, (box, label) in enumerate(zip(one.boxes.tolist(), one.labels.tolist(), strict=True)):
                x0, y0, x1, y1 = box
                row = {"image_id": picture, "category_id": label, "bbox": [x0, y0, x1 - x0, y1 - y0]}
                yield row if one.scores is None else row | {"score": float(one.scores[index])}

    truth = peer.COCO()
    known = [
        row | {"id": number, "area": row["bbox"][2] * row["bbox"][3], "iscrowd": 0}
        for number, row in enumerate(rows(truths), 1)
    ]
    labels = sorted({row["category_id"] for row in known})
    truth.dataset = {
        "info": {},
        "images": [{"id": picture} for picture in range(len(truths))],
        "annotations": known,
        "categories": [{"id": label} for label in labels],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        judge = COCOeval(truth, truth.loadRes([row for row in rows(found) if row["category_id"] in labels]), "bbox")
        judge.evaluate()
        judge.accumulate()
    values = judge.eval["precision"][:, :, :, 0, 2]
    return values[0].mean(), values.mean()


def test_mean_average_precision_is_cocos():
    pytest.importorskip("pycocotools", reason="a peer for tests only")
    random = torch.Generator().manual_seed(3)
    for _ in range(200):
        found, truths = random_pictures(random)
        if not sum(len(one.labels) for one in truths):
            continue
        theirs = coco(found, truths)
        assert mean_average_precision(found, truths, formula="101 points") == pytest.approx(theirs[0], abs=1e-6)
        ours = mean_average_precision(found, truths, overlaps=COCO, formula="101 points")
        assert ours == pytest.approx(theirs[1], abs=1e-6)


def test_both_of_vocs_formulas_are_their_slow_rewrites():
    random = torch.Generator().manual_seed(4)
    for _ in range(200):
        count = int(torch.randint(0, 30, (), generator=random))
        right = torch.rand(count, generator=random) < 0.5
        truths = int(right.sum()) + int(torch.randint(1, 10, (), generator=random))
        curve = precision_recall(torch.rand(count, generator=random), right, truths)
        points = [
            (int(right_so_far), float(p))
            for right_so_far, p in zip(curve.right.cumsum(0), curve.precision, strict=True)
        ]
        eleven = [max([p for found, p in points if 10 * found >= k * truths], default=0.0) for k in range(11)]
        area = sum(max(p for found, p in points if found >= k) for k in range(1, int(right.sum()) + 1)) / truths
        assert average_precision(curve, "11 points") == pytest.approx(sum(eleven) / 11, abs=1e-12)
        assert average_precision(curve) == pytest.approx(area, abs=1e-12)


def test_a_second_box_on_one_thing_is_wrong():
    box = torch.tensor([[0.0, 0, 10, 10]])
    truth = [Boxes(box, torch.tensor([0]))]
    found = [Boxes(box.repeat(2, 1), torch.tensor([0, 0]), torch.tensor([0.9, 0.8]))]
    curve = detection_curve(found, truth, 0)
    assert curve.right.tolist() == [True, False]
    assert curve.recall.tolist() == [1, 1]
    assert curve.precision.tolist() == [1, 0.5]
    assert average_precision(curve) == 1, "what comes behind full recall costs nothing"


@pytest.mark.parametrize("scale", [1.0, 0.25, 0.0625])
def test_regions_are_torchvisions(scale):
    random = torch.Generator().manual_seed(5)
    for case in range(350):
        maps = torch.randn(2, 9, 12, generator=random, dtype=torch.float64)
        boxes = random_boxes(4, random, side=10 / scale, whole=bool(case % 2)) + (case % 3 - 1) * 2 / scale
        taken = [torch.zeros(4, 1, dtype=torch.float64), boxes]
        with_picture = torch.cat(taken, 1)
        size = case % 4 + 1
        pooled = torchvision.ops.roi_pool(maps[None], with_picture, size, scale)
        torch.testing.assert_close(roi_pool(maps, boxes, size, scale=scale), pooled)
        aligned = torchvision.ops.roi_align(maps[None], with_picture, size, scale, 2, aligned=True)
        torch.testing.assert_close(roi_align(maps, boxes, size, scale=scale), aligned, rtol=0, atol=1e-6)


def test_the_bins_of_a_region_cover_it():
    bins = region_bins(torch.tensor([8.0, 8, 40, 56]), (8, 8), 3, scale=0.125)
    assert bins.columns.tolist() == [[1, 3], [2, 5], [4, 6]]
    assert bins.rows.tolist() == [[1, 4], [3, 6], [5, 8]]


BOX = torch.tensor([[0.0, 0, 1, 1]])


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: box_iou(torch.tensor([[2.0, 0, 1, 1]]), BOX), "x0 <= x1 and y0 <= y1, got 2, 0, 1, 1"),
        (lambda: box_iou(BOX, torch.tensor([[0.0, 0, torch.nan, 1]])), "other must be finite"),
        (lambda: box_iou(BOX.long(), BOX), "one must be a tensor of fractional numbers, got torch.int64"),
        (lambda: nms(BOX[0], torch.ones(1)), r"shape \(N, 4\), got shape \(4,\)"),
        (lambda: nms(BOX, torch.tensor([torch.nan])), "each of the 1 boxes, got a NaN"),
        (lambda: nms(BOX, torch.ones(2)), "each of the 1 boxes, got shape"),
        (lambda: nms(BOX, torch.ones(1), 2), r"threshold must be in \[0, 1\], got 2"),
        (lambda: soft_nms(BOX, torch.ones(1), sigma=0), "sigma positive"),
        (lambda: soft_nms(BOX, torch.ones(1), decay="liner"), "did you mean 'linear'"),
        (lambda: precision_recall(torch.ones(0), torch.ones(0).bool(), 0), "truths must be 1 or more"),
        (lambda: precision_recall(torch.ones(2), torch.ones(2).bool(), 1), "at most the 1 truths, got 2"),
        (lambda: mean_average_precision([], []), "a box in at least one picture"),
        (lambda: detection_curve([], [Boxes(BOX, torch.zeros(1))], 0), "one for each picture, 1, got 0"),
        (lambda: roi_pool(torch.zeros(3, 3), BOX), r"shape \(C, H, W\), got torch.float32 \(3, 3\)"),
        (lambda: roi_align(torch.zeros(1, 3, 3), BOX, scale=-1), "scale must be positive"),
    ],
)
def test_bad_input_gets_one_sentence(call, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        call()
