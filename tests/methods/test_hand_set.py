"""The network of hand-set weights: each layer finds what it is for."""

import math

import pytest
import torch

from vizkit.methods.hand_set import SQUARE, shape_hierarchy, shape_scene


def test_a_square_is_seen_as_edges_corners_and_a_square():
    image = torch.zeros(40, 40)
    image[12 : 12 + SQUARE, 14 : 14 + SQUARE] = 1
    found = shape_hierarchy(image)
    assert [round(float(one.max()), 3) for one in found.edges] == [0.8] * 4
    assert [round(float(one.max()), 3) for one in found.corners] == [1.0] * 4
    assert float(found.squares.max()) == pytest.approx(1)
    assert len(found.found) == 1
    assert math.dist(found.found[0], (19, 21)) < 2
    assert found.edges[0].argmax() // 40 in (11, 12)  # the top edge is at the top
    for corner, (row, column) in enumerate(((12, 14), (12, 28), (26, 14), (26, 28))):
        strong = (found.corners[corner] > 0.9).nonzero().double()
        assert (strong - torch.tensor([row, column])).abs().max() <= 3


@pytest.mark.parametrize("side", [9, 11, 19, 21])
def test_a_square_of_another_size_is_none(side):
    image = torch.zeros(40, 40)
    image[8 : 8 + side, 8 : 8 + side] = 1
    assert shape_hierarchy(image).found == []


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.2])
def test_squares_are_found_in_noise_and_nothing_else(noise):
    hits = total = false = 0
    for seed in range(40):
        scene = shape_scene(seed, noise=noise)
        found = shape_hierarchy(scene.image).found
        near = [[math.dist(one, true) <= 4 for true in scene.squares] for one in found]
        hits += sum(any(row[k] for row in near) for k in range(len(scene.squares)))
        false += sum(not any(row) for row in near)
        total += len(scene.squares)
    assert total > 60
    assert hits >= 0.97 * total
    assert false == 0


def test_a_scene_is_the_same_twice():
    assert shape_scene(3, noise=0.1).image.equal(shape_scene(3, noise=0.1).image)
    assert shape_scene(3).squares != shape_scene(4).squares


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: shape_hierarchy(torch.zeros(1, 40, 40)), r"shape \(H, W\)"),
        (lambda: shape_hierarchy(torch.zeros(5, 40)), "9 or more"),
        (lambda: shape_hierarchy(torch.zeros(40, 40), corners=0), "above 0 and at most 4"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()
