"""Selective search against a slow rewrite of the paper, which measures every pair of regions from their pixels anew."""

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy import ndimage

from vizkit.core.scenes import make_scenes
from vizkit.methods.proposals import proposal_recall, propose, selective_search


@pytest.fixture(scope="module")
def scenes():
    return make_scenes(8, size=192, seed=5)


def slow_merges(pixels, segments):
    """Two most similar neighbors, again and again; nothing is kept from one round to the next."""
    masks = {number: segments == number for number in range(segments.max() + 1)}
    slopes = []
    for channel in range(3):
        x, y = (ndimage.gaussian_filter1d(pixels[..., channel], 1, axis=axis, order=1) for axis in (1, 0))
        slopes += [np.cos(turn * np.pi / 4) * x + np.sin(turn * np.pi / 4) * y for turn in range(8)]

    def shares(mask, planes, bins, high):
        counts = [
            np.bincount((plane[mask] / high * bins).astype(int).clip(0, bins - 1), minlength=bins) for plane in planes
        ]
        return np.concatenate(counts) / np.sum(counts)

    def similarity(one, other):
        color, texture = (
            sum(np.minimum(shares(one, *how), shares(other, *how)))
            for how in ((pixels.transpose(2, 0, 1), 25, 1.0), (np.clip(slopes, 0, None), 10, 0.3))
        )
        rows, columns = np.nonzero(one | other)
        box = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        both, area = one.sum() + other.sum(), segments.size
        return color + texture + (1 - both / area) + (1 - (box - both) / area)

    merges, first = [], len(masks)
    cross = ndimage.generate_binary_structure(2, 1)
    while len(masks) > 1:
        near = [
            (a, b)
            for a, b in combinations(sorted(masks), 2)
            if (ndimage.binary_dilation(masks[a], cross) & masks[b]).any()
        ]
        pair = max(near, key=lambda key: (similarity(masks[key[0]], masks[key[1]]), -key[0], -key[1]))
        masks[first + len(merges)] = masks.pop(pair[0]) | masks.pop(pair[1])
        merges.append(pair)
    return merges


def test_regions_merge_as_in_the_paper(scenes):
    image = torch.nn.functional.interpolate(scenes.images[:1].float() / 255, (48, 48), mode="area")[0]
    tree = selective_search(image, scale=60, least=40)
    assert 8 < len(tree.merges) + 1 < 60
    pixels = image.permute(1, 2, 0).double().numpy()
    assert tree.merges.tolist() == [list(pair) for pair in slow_merges(pixels, tree.segments.numpy())]


def test_each_region_has_its_box(scenes):
    tree = selective_search(scenes.images[1].float() / 255)
    count = len(tree.merges) + 1
    for left in (count, count // 2, 5, 1):
        owner = tree.at(left)
        assert len(owner.unique()) == left
        for region in owner.unique().tolist():
            rows, columns = torch.nonzero(owner == region, as_tuple=True)
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert tree.boxes[region].tolist() == [float(side) for side in box]
    assert ((tree.similarity >= 0) & (tree.similarity <= 4)).all()


def test_proposals_find_what_is_there(scenes):
    found = []
    for image, box in zip(scenes.images, scenes.box, strict=True):
        boxes = propose(image.float() / 255)
        assert len(boxes) <= 300
        assert len(boxes.unique(dim=0)) == len(boxes)
        assert (boxes[:, 2:] - boxes[:, :2] >= 8).all()
        recall = proposal_recall(boxes, box[None].double())
        assert (recall.diff() >= 0).all()
        found.append(float(recall[-1]))
    assert sum(found) / len(found) >= 0.9


def test_a_picture_of_one_color_is_one_region():
    tree = selective_search(torch.full((3, 40, 50), 0.5))
    assert tree.merges.shape == (0, 2)
    assert tree.boxes.tolist() == [[0, 0, 50, 40]]
    assert propose(torch.full((3, 40, 50), 0.5)).tolist() == [[0, 0, 50, 40]]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: selective_search(torch.zeros(2, 8, 8)), r"\(3, H, W\)"),
        (lambda: selective_search(torch.zeros(3, 30, 30), scale=0), "scale must be positive"),
        (lambda: selective_search(torch.zeros(3, 30, 30)).at(2), "count must be from 1 to 1, got 2"),
        (lambda: proposal_recall(torch.zeros(1, 4), torch.zeros(0, 4)), "a box at least, got none"),
        (lambda: propose(torch.zeros(3, 30, 30), most=0), "most must be 1 or more"),
    ],
)
def test_bad_input_gets_one_sentence(call, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        call()
