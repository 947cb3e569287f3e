"""Digits made on one classifier and tried on all."""

import numpy as np
import pytest
import torch
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from vizkit.methods.adversarial_training import held_out_digits
from vizkit.methods.fooled_models import (
    MachineScores,
    NeighborScores,
    cross_table,
    digit_classifiers,
    leaf_boxes,
    to_other_leaf,
)


@pytest.fixture(scope="module")
def some():
    random = np.random.default_rng(0)
    rows = random.random((300, 256)).astype(np.float32)
    return rows, (3 * rows[:, 0] + rows[:, 1] * rows[:, 2]).round().astype(int) % 3


@pytest.fixture(scope="module")
def classifiers():
    return digit_classifiers()


def test_the_machines_scores_are_scikit_learns(some):
    rows, labels = some
    fitted = OneVsRestClassifier(SVC(C=5.0)).fit(rows, labels)
    found = MachineScores(fitted)(torch.from_numpy(rows).view(-1, 1, 16, 16))
    torch.testing.assert_close(found, torch.from_numpy(fitted.decision_function(rows)).float(), atol=1e-3, rtol=1e-3)


def test_smooth_neighbors_name_what_the_nearest_shows(some):
    rows = torch.from_numpy(some[0])
    labels = torch.from_numpy(some[1])
    scores = NeighborScores(rows[:200], labels[:200], width=1e-4)(rows[200:].view(-1, 1, 16, 16))
    nearest = torch.cdist(rows[200:].double(), rows[:200].double()).argmin(1)
    assert (scores.argmax(1) == labels[nearest]).float().mean() > 0.97  # float32 may confuse near ties


def test_each_row_is_in_the_one_leaf_that_names_it(some):
    rows, labels = some
    tree = DecisionTreeClassifier(random_state=0).fit(rows[:200], labels[:200])
    low, high, classes = leaf_boxes(tree)
    x = torch.from_numpy(rows)
    inside = ((x[:, None] >= low) & (x[:, None] <= high)).all(2)
    assert (inside.sum(1) == 1).all()
    assert (classes[inside.int().argmax(1)].numpy() == tree.predict(rows)).all()


def test_no_smaller_change_leaves_the_tree(some):
    rows, labels = some
    tree = DecisionTreeClassifier(max_depth=6, random_state=0).fit(rows[:, :8], labels)
    x = torch.from_numpy(rows[:20, :8]).contiguous()
    now = torch.from_numpy(tree.predict(x.numpy()))
    moved = to_other_leaf(tree, x, now)
    assert (tree.predict(moved.numpy()) != now.numpy()).all()
    size = (moved - x).abs().amax(1).numpy()
    random = np.random.default_rng(1)
    for index in range(len(x)):
        tried = x[index].numpy() + 0.98 * size[index] * random.uniform(-1, 1, (4000, 8)).astype(np.float32)
        assert (tree.predict(tried) == now[index].item()).all()


def test_no_pixel_changes_by_more_than_epsilon(classifiers):
    found = cross_table(classifiers, epsilon=0.1, count=12)
    images, _ = held_out_digits()
    assert found.images.shape == (6, 12, 3, 16, 16)
    assert (found.images.double() - images[:12].double()).abs().max() <= 0.1
    assert (found.images[:, :, 0] == found.images[:, :, 2]).all(), "gray stays gray"
    assert found.images.min() >= 0
    assert found.images.max() <= 1


def test_nothing_changes_without_epsilon(classifiers):
    assert (cross_table(classifiers, epsilon=0.0, count=12).changed == 0).all()


def test_bad_numbers_are_refused(classifiers):
    with pytest.raises(ValueError, match="count must be from 1 to 397, got 0"):
        cross_table(classifiers, count=0)
    with pytest.raises(ValueError, match=r"epsilon must be in \[0, 1\], got 2"):
        cross_table(classifiers, epsilon=2)
