"""Polynomials: the closed form is where gradient descent ends, and its start decides how it generalizes."""

from statistics import median

import pytest
import torch

from vizkit.methods.polynomials import features, fit_polynomial, legendre_features, noisy_curve, wave


def test_legendre_polynomials_have_mean_square_one_and_are_at_right_angles():
    x = torch.linspace(-1, 1, 20_001, dtype=torch.float64)
    values = legendre_features(x, 6)
    assert torch.allclose(values.T @ values / len(x), torch.eye(7, dtype=torch.float64), atol=2e-3)
    assert torch.allclose(values[:, 2], 5**0.5 * (3 * x**2 - 1) / 2)


@pytest.mark.parametrize("start", [0.0, 1.0])
def test_gradient_descent_ends_there(start):
    x, y = torch.tensor([-0.8, 0.1, 0.7], dtype=torch.float64), torch.tensor([1.0, -1.0, 0.5], dtype=torch.float64)
    found = fit_polynomial(x, y, 6, start=start, seed=3)
    matrix = features(x, 6)
    weights = start * torch.randn(7, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    rate = 1 / torch.linalg.matrix_norm(matrix, 2) ** 2
    for _ in range(3000):
        weights = weights + rate * matrix.T @ (y - matrix @ weights)
    assert torch.allclose(found.weights, weights, atol=1e-8)


def test_fewer_coefficients_than_points_are_least_squares():
    x, y = noisy_curve(30, seed=2)
    found = fit_polynomial(x, y, 4)
    peer = torch.linalg.lstsq(features(x, 4), y[:, None]).solution[:, 0]
    assert torch.allclose(found.weights, peer, atol=1e-9)


def test_a_hundred_coefficients_through_fifteen_points_are_no_worse_than_fifteen():
    """All fit exactly; the shortest of many are near the truth, those found from a large start are not: five draws."""
    errors = {"as many": [], "many": [], "from afar": []}
    for seed in range(5):
        x, y = noisy_curve(15, seed=seed)
        between = torch.linspace(float(x[0]), float(x[-1]), 500, dtype=torch.float64)
        for name, degree, start in (("as many", 14, 0.0), ("many", 100, 0.0), ("from afar", 100, 3.0)):
            found = fit_polynomial(x, y, degree, start=start, seed=seed)
            assert found.train < 1e-12
            errors[name].append(float((found.at(between) - wave(between)).square().mean()))
    middle = {name: median(values) for name, values in errors.items()}
    assert middle["many"] < 0.2 * middle["as many"]
    assert middle["many"] < 0.2 * middle["from afar"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: legendre_features(torch.tensor([2.0]), 3), r"x must be in \[-1, 1\], got 2"),
        (lambda: fit_polynomial(torch.zeros(3), torch.zeros(2), 3), "one shape"),
        (lambda: fit_polynomial(torch.zeros(3), torch.zeros(3), 3, start=-1), "start must be 0 or more"),
        (lambda: noisy_curve(noise=-1), "noise must be 0 or more"),
    ],
)
def test_what_cannot_be_fitted_is_said(call, message):
    with pytest.raises(ValueError, match=message):
        call()
