"""Anchors, crops, windows and grids against closed forms, slow rewrites and torchvision."""

import math

import pytest
import torch
import torch.nn.functional as F
from torchvision.models.detection._utils import BoxCoder, Matcher
from torchvision.ops import roi_align

from vizkit.core.detectors import CROP, CropNet, GridNet, RegionNet
from vizkit.core.images import load_image
from vizkit.core.scenes import make_crowds
from vizkit.core.seeds import fresh_weights, generator
from vizkit.methods.anchors import clip_boxes, decode_boxes, encode_boxes, grid_anchors, match_anchors
from vizkit.methods.average_precision import Boxes
from vizkit.methods.boxes import box_iou
from vizkit.methods.crops import CONTEXT, judge_crops, warp_crops, widened
from vizkit.methods.detection import best_boxes
from vizkit.methods.sliding import as_convolutions, ask_all_at_once, ask_each_window, merge_boxes, window_costs
from vizkit.methods.two_stage import judge_regions, propose_by_net, two_stage_loss
from vizkit.methods.yolo import BOXES, grid_boxes, yolo_loss


def some_boxes(count, seed=0, side=160.0):
    random = generator(seed)
    size = 8 + 60 * torch.rand(count, 2, generator=random)
    corner = torch.rand(count, 2, generator=random) * (side - size)
    return torch.cat([corner, corner + size], 1)


@pytest.fixture(scope="module")
def nets():
    with fresh_weights(0):
        return {kind: kind().eval().requires_grad_(False) for kind in (RegionNet, GridNet, CropNet)}


def test_offsets_are_torchvisions_and_come_back():
    boxes, anchors = some_boxes(200), some_boxes(200, 1)
    offsets = encode_boxes(boxes, anchors)
    torch.testing.assert_close(offsets, BoxCoder((1.0, 1.0, 1.0, 1.0)).encode_single(boxes, anchors))
    torch.testing.assert_close(decode_boxes(offsets, anchors), boxes, rtol=1e-4, atol=1e-3)
    assert (decode_boxes(torch.full((1, 4), 99.0), anchors[:1]).isfinite()).all()


def test_anchors_have_their_areas_shapes_and_middles():
    anchors = grid_anchors((4, 6), stride=8, sides=(16, 32), ratios=(0.5, 1, 2)).view(4, 6, 6, 4)
    size = anchors[..., 2:] - anchors[..., :2]
    torch.testing.assert_close(size.prod(-1)[0, 0], torch.tensor([256.0] * 3 + [1024.0] * 3))
    torch.testing.assert_close((size[..., 1] / size[..., 0])[2, 3], torch.tensor([0.5, 1, 2] * 2))
    middle = (anchors[..., :2] + anchors[..., 2:]) / 2
    assert middle[2, 3, 0].tolist() == [28, 20]


def test_anchors_are_matched_as_torchvision_does_it():
    anchors = grid_anchors((20, 20))
    for seed in range(30):
        truths = some_boxes(1 + seed % 5, seed)
        kind, owner = match_anchors(anchors, truths)
        theirs = Matcher(0.7, 0.3, allow_low_quality_matches=True)(box_iou(truths, anchors))
        assert torch.equal(kind == 0, theirs == Matcher.BELOW_LOW_THRESHOLD)
        assert torch.equal(kind == -1, theirs == Matcher.BETWEEN_THRESHOLDS)
        sure = box_iou(anchors, truths).max(1).values >= 0.7
        assert torch.equal(owner[sure], theirs[sure])
        assert (kind == 1).sum() >= len(truths), "each thing has an anchor"
    kind, _ = match_anchors(anchors, truths[:0])
    assert (kind == 0).all()


def test_crops_are_what_roi_align_reads():
    image = load_image("coffee", (160, 160))
    boxes = torch.tensor([[40.0, 30, 90, 100], [70, 60, 100, 90]])
    crops = warp_crops(image, boxes)
    theirs = roi_align(image[None], [widened(boxes)], CROP, 1.0, 2, aligned=True)
    torch.testing.assert_close(crops, theirs, rtol=0, atol=1e-5)
    inner = widened(boxes)
    share = (boxes - inner)[:, :2] / (inner[:, 2:] - inner[:, :2])
    torch.testing.assert_close(share, torch.full((2, 2), CONTEXT / CROP))


def test_a_crop_beyond_the_border_is_the_mean_color_there():
    image = load_image("coffee", (96, 96))
    crop = warp_crops(image, torch.tensor([[-200.0, -200, -100, -100]]))[0]
    torch.testing.assert_close(crop, image.mean((1, 2), keepdim=True).expand_as(crop))


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.3])
def test_all_windows_at_once_say_what_each_says(nets, scale):
    image = load_image("astronaut", (160, 168))
    each, once = (ask(nets[CropNet], image, scale=scale) for ask in (ask_each_window, ask_all_at_once))
    assert each.said.shape == once.said.shape
    assert (each.said - once.said).abs().max() <= 1e-5 * max(1.0, float(each.said.abs().max()))
    torch.testing.assert_close(each.windows, once.windows)


def test_a_window_is_the_crop_of_its_box(nets):
    image = load_image("astronaut", (160, 160))
    once = ask_all_at_once(nets[CropNet], image)
    at = 7 * once.said.shape[2] + 3
    inside = once.boxes[at : at + 1]
    torch.testing.assert_close(widened(inside), once.windows[at : at + 1])
    alone = nets[CropNet](image[None, :, 56 : 56 + CROP, 24 : 24 + CROP])[0]
    torch.testing.assert_close(once.said.flatten(1)[:, at], alone, rtol=0, atol=1e-5)


def test_the_costs_are_those_that_torch_counts(nets):
    from torch.utils.flop_counter import FlopCounterMode

    net = nets[CropNet]
    counted = []
    for size in ((CROP, CROP), (160, 168)):
        with FlopCounterMode(display=False) as counter:
            as_convolutions(net)(torch.zeros(1, 3, *size))
        counted.append(counter.get_total_flops() // 2)
    each, once = window_costs(net, 160, 168)
    assert once == counted[1]
    assert each == 15 * 16 * counted[0]
    assert each > 5 * once


def test_a_picture_smaller_than_a_window_is_refused_in_a_sentence(nets):
    with pytest.raises(ValueError, match=r"must hold a window of 48 x 48 px, got 40 x 100"):
        ask_all_at_once(nets[CropNet], torch.zeros(3, 100, 40))
    with pytest.raises(ValueError, match="48 x 48"):
        ask_each_window(nets[CropNet], torch.zeros(3, 100, 100), scale=0.4)


def test_merged_boxes_are_weighted_means_of_their_class():
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 12, 10], [50, 50, 60, 60], [0, 0, 10, 10]])
    found = Boxes(boxes, torch.tensor([1, 1, 1, 2]), torch.tensor([0.6, 0.2, 0.9, 0.5]))
    merged = merge_boxes(found)
    assert merged.labels.tolist() == [1, 1, 2]
    torch.testing.assert_close(merged.boxes[1], torch.tensor([0, 0, 10.5, 10]))
    assert merged.scores.tolist() == pytest.approx([0.9, 0.6, 0.5])
    with pytest.raises(ValueError, match="must have scores"):
        merge_boxes(Boxes(boxes, found.labels))


def test_each_class_suppresses_its_own_only():
    boxes = some_boxes(6)
    boxes[1] = boxes[0] + 1
    scores = torch.tensor([[0.9, 0.1], [0.8, 0.7], [0.01, 0.01], [0.3, 0.0], [0.0, 0.6], [0.02, 0.2]])
    found = best_boxes(scores, boxes)
    taken = sorted(zip(found.labels.tolist(), (round(float(one), 2) for one in found.scores), strict=True))
    assert taken == [(0, 0.3), (0, 0.9), (1, 0.2), (1, 0.6), (1, 0.7)]
    assert found.scores.diff().le(0).all()


def slow_yolo_loss(grid, truths):
    """The paper's equation 3, a cell at a time."""
    terms = dict.fromkeys(("middle", "size", "thing", "empty", "classes"), 0.0)
    for picture, truth in zip(grid, truths, strict=True):
        side = picture.shape[1]
        duties = {}
        for (x0, y0, x1, y1), label in zip(truth.boxes.tolist(), truth.labels.tolist(), strict=True):
            x, y = (x0 + x1) / 2 * side, (y0 + y1) / 2 * side
            column, row = int(x), int(y)
            said = [picture[5 * box : 5 * box + 5, row, column].tolist() for box in range(BOXES)]
            overlaps = []
            for place in said:
                cx, cy = (column + place[0]) / side, (row + place[1]) / side
                w, h = place[2] ** 2, place[3] ** 2
                wide = max(0, min(x1, cx + w / 2) - max(x0, cx - w / 2))
                high = max(0, min(y1, cy + h / 2) - max(y0, cy - h / 2))
                overlaps.append(wide * high / (w * h + (x1 - x0) * (y1 - y0) - wide * high))
            best = overlaps.index(max(overlaps))
            duties[row, column, best] = True
            terms["middle"] += 5 * ((said[best][0] - x + column) ** 2 + (said[best][1] - y + row) ** 2)
            terms["size"] += 5 * ((said[best][2] - math.sqrt(x1 - x0)) ** 2 + (said[best][3] - math.sqrt(y1 - y0)) ** 2)
            terms["thing"] += (said[best][4] - overlaps[best]) ** 2
            for index, value in enumerate(picture[5 * BOXES :, row, column].tolist()):
                terms["classes"] += (value - (index == label)) ** 2
        for row in range(side):
            for column in range(side):
                for box in range(BOXES):
                    if (row, column, box) not in duties:
                        terms["empty"] += 0.5 * float(picture[5 * box + 4, row, column]) ** 2
    return {name: value / len(grid) for name, value in terms.items()}


def test_yolos_loss_is_the_papers_equation():
    for seed in range(5):
        random = generator(seed)
        grid = torch.rand(3, 18, 10, 10, generator=random, dtype=torch.float64)
        truths = [Boxes(some_boxes(count, seed) / 160, torch.arange(count)) for count in (1, 3, 5)]
        found = yolo_loss(grid, truths)
        expected = slow_yolo_loss(grid, truths)
        assert {name: float(value) for name, value in vars(found).items()} == pytest.approx(expected, rel=1e-5)
        assert float(found.total) == pytest.approx(sum(expected.values()), rel=1e-5)


def test_a_grid_that_says_the_truth_has_no_loss_but_of_emptiness():
    truth = Boxes(torch.tensor([[0.1, 0.2, 0.4, 0.6]]), torch.tensor([3]))
    grid = torch.zeros(1, 18, 10, 10)
    grid[0, :5, 4, 2] = torch.tensor([0.5, 0.0, 0.3**0.5, 0.4**0.5, 1.0])
    grid[0, 10 + 3, 4, 2] = 1
    assert float(yolo_loss(grid, [truth]).total) == pytest.approx(0, abs=1e-10)
    torch.testing.assert_close(grid_boxes(grid).boxes[0, 4, 2, 0], truth.boxes[0])
    with pytest.raises(ValueError, match="one for each of the 1 grids"):
        yolo_loss(grid, [])
    with pytest.raises(ValueError, match="grid must have shape"):
        grid_boxes(grid[:, :10])


def test_the_four_losses_of_an_untrained_net(nets):
    scenes = make_crowds(4, seed=5)
    images = scenes.images.float() / 255
    truths = [Boxes(*one) for one in zip(scenes.boxes, scenes.labels, strict=True)]
    found = two_stage_loss(nets[RegionNet], images, truths, generator(0))
    assert float(found.objectness) == pytest.approx(math.log(2), abs=0.1)
    assert float(found.classes) == pytest.approx(math.log(9), abs=0.2)
    assert float(found.total) == pytest.approx(sum(float(one) for one in vars(found).values()))


def test_proposals_lie_in_the_picture_and_apart(nets):
    image = load_image("coffee", (160, 160))[None]
    maps = nets[RegionNet].maps(image)
    found = propose_by_net(nets[RegionNet], maps, (160, 160), 20)
    assert 0 < len(found.boxes) <= 20
    assert torch.equal(found.boxes, found.boxes.clamp(0, 160))
    assert found.scores.diff().le(0).all()
    overlaps = box_iou(found.boxes, found.boxes).fill_diagonal_(0)
    assert overlaps.max() <= 0.7
    probabilities, boxes = judge_regions(nets[RegionNet], maps, found.boxes, (160, 160))
    torch.testing.assert_close(probabilities.sum(1), torch.ones(len(found.boxes)))
    assert boxes.shape == (len(found.boxes), 8, 4)


def test_a_net_is_asked_of_each_box_as_of_its_crop(nets):
    image, boxes = load_image("coffee", (160, 160)), some_boxes(70)
    probabilities, corrected = judge_crops(nets[CropNet], image, boxes)
    logits, offsets = nets[CropNet](warp_crops(image, boxes[68:69]))[0].split([9, 4])
    torch.testing.assert_close(probabilities[68], F.softmax(logits, 0))
    torch.testing.assert_close(corrected[68], clip_boxes(decode_boxes(offsets, boxes[68]), (160, 160)))
    none, _ = judge_crops(nets[CropNet], image, boxes[:0])
    assert none.shape == (0, 9)
