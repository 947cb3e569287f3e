import pytest
import torch

from vizkit.methods.optimizers import descend, hilly


def test_each_way_down_by_its_formula():
    found = descend((1.5, -2.0), rate=0.07, momentum=0.8, steps=30)
    assert found.places.shape == (3, 31, 2)

    def gradient(place):
        x, y = place
        return torch.stack(
            [
                0.12 * x + 1.7 * torch.sin(1.7 * x) * torch.cos(1.3 * y),
                0.24 * y + 1.3 * torch.cos(1.7 * x) * torch.sin(1.3 * y),
            ]
        )

    start = torch.tensor([1.5, -2.0], dtype=torch.float64)
    sgd, rolling, adam = start, start, start
    velocity = mean = square = torch.zeros(2, dtype=torch.float64)
    for step in range(1, 31):
        sgd = sgd - 0.07 * gradient(sgd)
        velocity = 0.8 * velocity + gradient(rolling)
        rolling = rolling - 0.07 * velocity
        slope = gradient(adam)
        mean, square = 0.8 * mean + 0.2 * slope, 0.999 * square + 0.001 * slope**2
        fair = mean / (1 - 0.8**step), square / (1 - 0.999**step)
        adam = adam - 0.07 * fair[0] / (fair[1].sqrt() + 1e-8)
    torch.testing.assert_close(found.places[:, -1], torch.stack([sgd, rolling, adam]))
    torch.testing.assert_close(found.heights[:, -1], hilly(found.places[:, -1]))


@pytest.mark.parametrize("wrong", [{"rate": 0}, {"momentum": 1.0}, {"momentum": -0.1}])
def test_errors(wrong):
    with pytest.raises(ValueError, match="rate must be positive and momentum in"):
        descend((0.0, 0.0), **wrong)


def test_momentum_0_is_plain_gradient_descent():
    found = descend((1.5, -2.0), momentum=0, steps=20)
    torch.testing.assert_close(found.places[0], found.places[1])
