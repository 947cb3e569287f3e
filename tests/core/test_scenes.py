import pytest
import torch

import vizkit
from vizkit.core.scenes import SHAPES, VISIBLE, make_crowds, make_scenes


@pytest.fixture(scope="module")
def scenes():
    return make_scenes(300, seed=9)


def test_scenes_are_labeled_and_seeded(scenes):
    assert scenes.images.shape == (300, 3, 64, 64)
    assert sorted(scenes.label.unique().tolist()) == list(range(len(SHAPES)))
    again = make_scenes(300, seed=9)
    assert torch.equal(scenes.images, again.images)
    assert torch.equal(scenes.mask, again.mask)
    assert not torch.equal(scenes.images, make_scenes(300, seed=10).images)


def test_masks_and_boxes_are_those_of_the_shape(scenes):
    share = scenes.mask.float().mean((1, 2))
    assert share.min() > 0.015
    assert share.max() < 0.25
    for mask, (x0, y0, x1, y1) in zip(scenes.mask, scenes.box.tolist(), strict=True):
        rows, columns = mask.any(1).nonzero()[:, 0], mask.any(0).nonzero()[:, 0]
        assert (x0, y0) == (int(columns[0]), int(rows[0]))
        assert (x1, y1) == (int(columns[-1]) + 1, int(rows[-1]) + 1)
    rings = scenes.mask[scenes.label == SHAPES.index("ring")]
    boxes = scenes.box[scenes.label == SHAPES.index("ring")]
    for mask, (x0, y0, x1, y1) in zip(rings, boxes.tolist(), strict=True):
        assert not mask[(y0 + y1) // 2, (x0 + x1) // 2], "a ring has a hole"


def test_other_sizes_and_errors():
    assert make_scenes(3, size=96).mask.shape == (3, 96, 96)
    with pytest.raises(ValueError, match="size must be"):
        make_scenes(3, size=10)
    with pytest.raises(ValueError, match="count must be"):
        make_scenes(0)


@torch.no_grad()
def test_the_bundled_net_names_the_shapes(scenes):
    model = vizkit.load_model("scenes", device="cpu")
    assert model.labels == SHAPES
    right = model.logits(scenes.images / 255).argmax(1) == scenes.label
    assert float(right.float().mean()) > 0.85


def test_crowds_are_of_one_to_five_shapes_that_can_all_be_seen():
    crowds = make_crowds(60, size=128, seed=4)
    assert crowds.images.shape == (60, 3, 128, 128)
    assert {len(labels) for labels in crowds.labels} == set(range(1, 6))
    covered = 0
    for labels, masks, boxes in zip(crowds.labels, crowds.masks, crowds.boxes, strict=True):
        assert len(labels) == len(masks) == len(boxes)
        assert (masks.sum(0) <= 1).all(), "a pixel shows one thing"
        assert (masks.flatten(1).sum(1) > VISIBLE * 0.02 * 128).all()
        for mask, box in zip(masks, boxes, strict=True):
            rows, columns = torch.nonzero(mask, as_tuple=True)
            assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        overlap = torch.ones(len(boxes), len(boxes)).triu(1).bool() & (vizkit.box_iou(boxes, boxes) > 0.05)
        covered += bool(overlap.any())
    assert covered > 5, "some overlap"
    again = make_crowds(60, size=128, seed=4)
    assert torch.equal(crowds.images, again.images)
    assert not torch.equal(crowds.images, make_crowds(60, size=128, seed=4, unseen=True).images)
    with pytest.raises(ValueError, match="size must be"):
        make_crowds(1, size=32)
