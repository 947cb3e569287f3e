"""Backpropagation by hand: autograd on a thousand nets, and differences."""

import pytest
import torch

from vizkit.methods.backprop import activate, backprop, finite_differences, forward, random_net

ACTIVATIONS = ("sigmoid", "tanh", "ReLU", "none")


def net(seed):
    """Return a random net, its input, a target or none, and an activation."""
    random = torch.Generator().manual_seed(seed)
    depth = int(torch.randint(1, 5, (1,), generator=random))
    sizes = torch.randint(1, 6, (depth + 1,), generator=random).tolist()
    x = torch.randn(sizes[0], dtype=torch.float64, generator=random)
    target = torch.randn(sizes[-1], dtype=torch.float64, generator=random) if seed % 2 else None
    return random_net(sizes, seed=seed), x, target, ACTIVATIONS[seed % 4]


def by_autograd(weights, x, target, activation):
    leaves = [one.clone().requires_grad_() for one in (*weights, x)]
    v, before = forward(leaves[:-1], leaves[-1], activation)
    loss = v[-1].sum() if target is None else (v[-1] - target).square().sum() / 2
    return loss, torch.autograd.grad(loss, [*leaves[:-1], *v, *before], allow_unused=True)


def test_a_thousand_nets_are_autograds():
    for seed in range(1000):
        weights, x, target, activation = net(seed)
        found = backprop(weights, x, target, activation)
        loss, grads = by_autograd(weights, x, target, activation)
        count = len(weights)
        ours = [*found.gradient, *found.delta, *found.delta_bar]
        assert found.loss == pytest.approx(float(loss.detach()), abs=1e-12)
        for one, other in zip(ours, grads, strict=True):
            assert one.shape == other.shape, (seed, count)
            assert torch.allclose(one, other, atol=1e-10, rtol=0), seed


def test_differences_say_the_same():
    for seed in range(40):
        weights, x, target, activation = net(seed)
        if activation == "ReLU":
            continue  # its corner lies between the two ends for some
        found = backprop(weights, x, target, activation)
        for one, other in zip(found.gradient, finite_differences(weights, x, target, activation), strict=True):
            assert torch.allclose(one, other, atol=1e-6, rtol=0), seed


def test_the_slides_two_claims():
    """001/7 holds; 001/9 prints v delta^T, which has the shape of the transposed matrix and lacks the bar."""
    weights, x = random_net((2, 3, 3, 1), seed=1), torch.tensor([0.5, -1.0], dtype=torch.float64)
    found = backprop(weights, x)
    for i, matrix in enumerate(weights):
        assert torch.allclose(found.delta[i], matrix.T @ found.delta_bar[i])
        assert found.gradient[i].shape == matrix.shape
        assert torch.allclose(found.gradient[i], torch.outer(found.delta_bar[i], found.v[i]))
        printed = torch.outer(found.v[i], found.delta[i + 1])
        assert printed.shape == matrix.T.shape
    assert not torch.allclose(torch.outer(found.v[0], found.delta[1]).T, found.gradient[0])


def test_a_step_down_lowers_the_loss():
    for seed in range(1, 100, 2):
        weights, x, target, activation = net(seed)
        found = backprop(weights, x, target, activation)
        moved = [one - 1e-4 * slope for one, slope in zip(weights, found.gradient, strict=True)]
        assert backprop(moved, x, target, activation).loss <= found.loss + 1e-12


def test_activations():
    values = torch.tensor([-1.0, 0.0, 2.0])
    assert activate(values, "ReLU").tolist() == [0, 0, 2]
    assert activate(values, "none").equal(values)
    assert torch.allclose(activate(values, "sigmoid"), torch.tensor([0.2689, 0.5, 0.8808]), atol=1e-4)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: backprop([], torch.zeros(2)), "a matrix or more, got none"),
        (lambda: backprop([torch.zeros(3, 2)], torch.zeros(3)), "a column for each of its 3 inputs"),
        (lambda: backprop([torch.zeros(3, 2), torch.zeros(1, 2)], torch.zeros(2)), "matrix 1 must have a column"),
        (lambda: backprop([torch.zeros(3, 2)], torch.zeros(2), torch.zeros(2)), r"target must have shape \(3,\)"),
        (lambda: backprop([torch.zeros(3, 2)], torch.zeros(2), None, "sigmoidal"), "did you mean 'sigmoid'"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()
