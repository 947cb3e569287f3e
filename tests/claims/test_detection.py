"""What lecture 11 and the cards say of the bundled detectors, over 500 scenes of photos that none was trained on."""

import pytest
import torch

import vizkit
from vizkit.core.detectors import DETECTORS, SIZE, CropNet, GridNet, RegionNet, load_detector
from vizkit.core.scenes import SHAPES, UNSEEN
from vizkit.methods.average_precision import mean_average_precision, true_boxes
from vizkit.methods.boxes import box_iou
from vizkit.methods.class_svms import judged_crops, train_class_svms
from vizkit.methods.detection import faster_rcnn, yolo
from vizkit.methods.regions import roi_align, roi_pool
from vizkit.methods.sliding import ask_all_at_once, ask_each_window, window_costs
from vizkit.methods.two_stage import propose_by_net
from vizkit.methods.yolo import grid_boxes
from vizkit.panels.detectors import detected, raw_boxes
from vizkit.panels.localization import drawn_scene
from vizkit.panels.regions import changes_by_a_pixel, recalls
from vizkit.training.detectors import crowds


@pytest.fixture(scope="module")
def scenes():
    return crowds(500, unseen=True, seed=7)


@pytest.fixture(scope="module")
def regions():
    return load_detector(RegionNet)


def test_no_file_is_larger_than_two_megabytes():
    files = sorted(DETECTORS.glob("*.safetensors"))
    assert [file.stem for file in files] == ["boxes", "crops", "grid", "heads", "regions"]
    assert all(file.stat().st_size <= 2e6 for file in files)


def test_fifty_proposals_of_the_net_find_nearly_everything(scenes, regions):
    hit = [
        (box_iou(propose_by_net(regions, regions.maps(image[None]), (SIZE, SIZE), 50).boxes, boxes) >= 0.5).any(0)
        for image, boxes in zip(scenes.images.float() / 255, scenes.boxes, strict=True)
    ]
    assert torch.cat(hit).float().mean() >= 0.95


@pytest.mark.parametrize("name", ["YOLO", "Faster R-CNN"])
def test_the_detectors_are_as_good_as_their_card_says(name, scenes, regions):
    grid = load_detector(GridNet)
    find = {"YOLO": lambda image: yolo(grid, image), "Faster R-CNN": lambda image: faster_rcnn(regions, image)}[name]
    found = [find(image).found for image in scenes.images.float() / 255]
    assert mean_average_precision(found, true_boxes(scenes)) >= 0.80


def test_windows_at_once_say_the_same(scenes):
    net = load_detector(CropNet)
    for image in scenes.images[:5].float() / 255:
        each, once = (ask(net, image).said for ask in (ask_each_window, ask_all_at_once))
        assert (each - once).abs().max() <= 1e-5 * float(each.abs().max())
    each, once = window_costs(net, SIZE, SIZE)
    assert each > 10 * once


def test_roi_align_changes_less_under_a_moved_box(scenes, regions):
    wins = 0
    for image, boxes in zip(scenes.images[:20].float() / 255, scenes.boxes[:20], strict=True):
        maps = regions.maps(image[None])[0]
        pooled, aligned = (changes_by_a_pixel(maps, boxes[0], 6, pool) for pool in (roi_pool, roi_align))
        wins += aligned < pooled
    assert wins >= 19


def test_searched_boxes_find_more_than_boxes_anywhere_and_the_nets_need_fewer():
    found = recalls()
    for count in (10, 50, 300):
        assert found["anywhere"][count - 1] < found["selective search"][count - 1]
    assert found["a net"][9] > found["selective search"][49]


def test_suppression_removes_most_boxes_and_loses_few_things():
    before = after = lost = things = 0
    for number in range(20):
        scene = drawn_scene(number)
        image = scene.images[0].float() / 255
        boxes, _, scores = raw_boxes(image)
        kept = vizkit.nms(boxes, scores, 0.5)
        before, after = before + len(boxes), after + len(kept)
        there = (box_iou(boxes, scene.boxes[0]) >= 0.5).any(0)
        left = (box_iou(boxes[kept], scene.boxes[0]) >= 0.5).any(0)
        lost, things = lost + int((there & ~left).sum()), things + len(there)
    assert after < before / 3
    assert lost <= 0.05 * things


def test_a_stricter_judge_sees_less():
    for name in ("YOLO", "Faster R-CNN"):
        found, known, _ = detected(name)
        half, strict = (mean_average_precision(found, known, overlaps=(overlap,)) for overlap in (0.5, 0.9))
        assert strict < 0.5 * half


def test_machines_are_about_as_good_as_the_nets_last_layer():
    net = load_detector(CropNet)
    test = judged_crops(net)
    by_svm = train_class_svms(judged_crops(net, 100, seed=60_000, unseen=False)).answers(test.codes)
    share = float((by_svm == test.labels).float().mean())
    assert abs(share - test.softmax) < 0.05


def test_of_most_things_one_cell_is_sure():
    grid, several, things = load_detector(GridNet), 0, 0
    for number in range(40):
        scene = drawn_scene(number)
        said = grid_boxes(grid(scene.images.float() / 255))
        boxes, confidence = SIZE * said.boxes[0].flatten(0, 2), said.confidence[0].flatten()
        for box in scene.boxes[0]:
            cells = ((box_iou(boxes, box[None])[:, 0] >= 0.5) & (confidence > 0.2)).view(-1, 2).any(1)
            several, things = several + int(cells.sum() > 1), things + 1
    assert 0.1 < several / things < 0.3


def test_on_photos_they_find_little():
    names = [name for name, one in vizkit.images().items() if one.package]
    sure = []
    for name in names:
        found = yolo(load_detector(GridNet), vizkit.load_image(name, (SIZE, SIZE))).found
        sure.append(int((found.scores >= 0.5).sum()))
    assert sum(sure) / len(names) < 1
    assert set(UNSEEN) < set(names)
    assert len(SHAPES) == 8
