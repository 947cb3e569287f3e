"""The smallest change that fools a linear classifier."""

import pytest
import torch

from vizkit.methods.needed_epsilon import needed_by_dimension, smallest_change


def test_two_classes_in_closed_form():
    weights = torch.tensor([[1.0, -2.0], [0.0, 0.0]])
    # the score of the first is 3 above: a step e moves it by e (1 + 2)
    assert smallest_change(weights, torch.tensor([0.0, 0.0]), torch.tensor([[1.0, -1.0]])).tolist() == [1.0]


def test_a_little_more_fools_and_a_little_less_does_not():
    random = torch.Generator().manual_seed(0)
    weights, biases = torch.randn(5, 12, generator=random), torch.randn(5, generator=random)
    rows = torch.randn(30, 12, generator=random)
    needed = smallest_change(weights, biases, rows)
    answer = (rows @ weights.T + biases).argmax(1)

    def fooled(share):
        ways = (weights - weights[answer][:, None]).sign()  # towards each class, (30, 5, 12)
        moved = rows[:, None] + share * needed[:, None, None] * ways
        return ((moved @ weights.T + biases).argmax(2) != answer[:, None]).any(1)

    assert fooled(1.001).all()
    assert not fooled(0.999).any()


def test_curves_rise_from_zero_and_cross_half_where_it_is_said():
    for found in needed_by_dimension("table rows", (3, 30)):
        assert found.changed(0.0) < 0.05
        assert found.changed(found.half) >= 0.5 > found.changed(0.95 * found.half) - 0.05
        assert 1 <= found.advantage <= found.dimension**0.5 + 1e-4


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match="kind 'smells' is not known"):
        needed_by_dimension("smells")
