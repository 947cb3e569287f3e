import pytest
import torch

from vizkit.core.steps import last
from vizkit.methods.adversarial_training import (
    accuracy,
    accuracy_under_attack,
    adversarial_training_steps,
    digit_pictures,
    held_out_digits,
)


def test_digits_are_pictures():
    images, labels = digit_pictures()
    assert images.shape == (1797, 3, 16, 16)
    assert images.min() == 0
    assert images.max() == 1
    assert labels.bincount().min() > 170


def test_training_under_attack_pays_under_attack():
    state = torch.get_rng_state()
    step = last(adversarial_training_steps(epochs=8))
    assert torch.equal(torch.get_rng_state(), state), "nobody else's randomness is touched"
    images, labels = held_out_digits()
    assert step.plain_accuracy > 0.95
    assert step.robust_accuracy > 0.75
    assert accuracy(step.plain, images, labels) == pytest.approx(step.plain_accuracy)
    epsilons = [0.0, 0.1, 0.2]
    plain, robust = (
        accuracy_under_attack(model, images, labels, epsilons)
        for model in (step.plain, step.robust)
    )
    assert plain[0] == pytest.approx(step.plain_accuracy)
    assert robust[2] > plain[2] + 0.3
    assert plain == sorted(plain, reverse=True)
    with pytest.raises(ValueError, match="epochs must be 1 or more"):
        next(adversarial_training_steps(epochs=0))
