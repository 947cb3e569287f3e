import pytest
import torch

from vizkit.core.steps import last
from vizkit.methods.adversarial import fgsm
from vizkit.methods.adversarial_training import (
    accuracy,
    accuracy_under_attack,
    adversarial_training_steps,
    digit_pictures,
    held_out_digits,
    linear_digit_model,
)


def test_digits_are_pictures():
    images, labels = digit_pictures()
    assert images.shape == (1797, 3, 16, 16)
    assert images.min() == 0
    assert images.max() == 1
    assert labels.bincount().min() > 170


def test_a_linear_classifier_of_pictures_is_fooled_by_one_small_step():
    model = linear_digit_model()
    images, labels = held_out_digits()
    assert accuracy(model, images, labels) > 0.9
    found = fgsm(model, images, labels, epsilon=0.1)
    assert found.success.float().mean() > 0.5
    # It is linear: every logit moves by what the step does to its own weights.
    step = found.images[:1] - images[:1]
    gray = (step * torch.tensor([[[0.299]], [[0.587]], [[0.114]]])).sum(1).flatten(1) / 0.5
    expected = model.logits(images[:1]) + gray @ model.net[1].weight.T
    torch.testing.assert_close(model.logits(found.images[:1]), expected, rtol=1e-4, atol=1e-4)


def test_training_under_attack_pays_under_attack():
    state = torch.get_rng_state()
    step = last(adversarial_training_steps(epochs=8))
    assert torch.equal(torch.get_rng_state(), state), "nobody else's randomness is touched"
    images, labels = held_out_digits()
    assert step.plain_accuracy > 0.95
    assert step.robust_accuracy > 0.75
    assert accuracy(step.plain, images, labels) == pytest.approx(step.plain_accuracy)
    epsilons = [0.0, 0.05, 0.1]
    plain, robust = (accuracy_under_attack(model, images, labels, epsilons) for model in (step.plain, step.robust))
    assert plain[0] == pytest.approx(step.plain_accuracy)
    assert robust[2] > plain[2] + 0.2
    assert plain == sorted(plain, reverse=True)
    with pytest.raises(ValueError, match="epochs must be 1 or more"):
        next(adversarial_training_steps(epochs=0))
