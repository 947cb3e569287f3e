"""A small net that is attacked while it learns, beside one that is not."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.data import digit_labels, digits
from vizkit.core.memory import recall, remember
from vizkit.core.models import ImageModel
from vizkit.core.seeds import fresh_weights, generator, step_seed
from vizkit.core.steps import Step, step_method
from vizkit.methods.adversarial import pgd

__all__ = ["TrainingStep", "accuracy_under_attack", "adversarial_training_steps"]


@dataclass(frozen=True)
class TrainingStep(Step):
    """Two nets, trained on the same digits in the same order.

    Parameters
    ----------
    plain, robust : ImageModel
        Without and with an attack on every batch, as they are at this step.
    plain_accuracy, robust_accuracy : float
        On the clean test digits, in [0, 1].
    memory : tuple of dict
        The two optimizers' states, for `resume`.
    """

    plain: ImageModel
    robust: ImageModel
    plain_accuracy: float
    robust_accuracy: float
    memory: tuple[dict[str, Any], ...]


def digit_pictures() -> tuple[Tensor, Tensor]:
    """Return the handwritten digits as gray pictures (N, 3, 16, 16) in [0, 1] and their labels."""
    small = digits().float().view(-1, 1, 8, 8)
    small = small / small.max()
    large = F.interpolate(small, (16, 16), mode="bilinear").expand(-1, 3, -1, -1)
    return large.contiguous(), digit_labels().long()


def _split(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    images, labels = digit_pictures()
    order = torch.randperm(len(images), generator=generator(seed))
    train, test = order[:1400], order[1400:]
    return images[train], labels[train], images[test], labels[test]


def held_out_digits(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return the digits that are never trained on."""
    return _split(seed)[2:]


def training_digits(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return the digits that are trained on."""
    return _split(seed)[:2]


def linear_digit_model(seed: int = 0) -> ImageModel:
    """Return a linear classifier of the digits: one weight for each pixel and class, no more.

    scikit-learn's logistic regression, on the digits that are trained on.
    """
    from sklearn.linear_model import LogisticRegression

    images, labels = training_digits(seed)
    gray = 2 * images[:, 0].flatten(1) - 1  # as the net will see them
    fitted = LogisticRegression(C=0.05, max_iter=300).fit(gray.numpy(), labels.numpy())
    linear = nn.Linear(gray.shape[1], 10)
    linear.weight.data = torch.from_numpy(fitted.coef_).float()
    linear.bias.data = torch.from_numpy(fitted.intercept_).float()
    return digit_model(nn.Sequential(nn.Flatten(), linear), "linear")


def digit_model(net: nn.Module, name: str) -> ImageModel:
    """Return a net of gray pictures (N, 1, 16, 16) in [-1, 1] as a model of digits."""
    return ImageModel(
        net, mean=(0.5,), std=(0.5,), input_size=16, labels=[str(digit) for digit in range(10)], name=name
    )


def _new_model(seed: int, name: str) -> ImageModel:
    with fresh_weights(seed):
        net = nn.Sequential(
            nn.Conv2d(1, 24, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(24, 48, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(48 * 16, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        )
    return digit_model(net, name)


def plain_digit_model(seed: int = 0, *, epochs: int = 8) -> ImageModel:
    """Train a small net on handwritten digits as they are."""
    images, labels = training_digits(seed)
    model = _new_model(seed, "plain")
    descent = torch.optim.Adam(model.net.requires_grad_().parameters(), lr=2e-3)
    for epoch in range(epochs):
        for rows in torch.randperm(len(images), generator=generator(step_seed(seed, epoch))).split(64):
            loss = F.cross_entropy(model.net(model.normalize(images[rows])), labels[rows])
            descent.zero_grad()
            loss.backward()
            descent.step()
    return digit_model(model.net, "plain")


@step_method(live={"epsilon", "epochs", "attack_steps"})
def adversarial_training_steps(
    *, epsilon: float = 0.15, epochs: int = 16, attack_steps: int = 5, seed: int = 0, resume: TrainingStep | None = None
) -> Iterator[TrainingStep]:
    """Train two nets on handwritten digits: one on them as they are, one on attacked ones.

    Parameters
    ----------
    epsilon : float
        Of the attack on every training batch, in [0, 1] pixels.
    epochs : int
    attack_steps : int
        Of PGD.
    seed : int
    resume : TrainingStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range.

    References
    ----------
    Madry et al., ICLR 2018.
    """
    epochs = checks.integer(epochs, 1, None, "epochs")
    images, labels, test, test_labels = _split(seed)
    models = [_new_model(seed, name) for name in ("plain", "robust")]
    descents = [torch.optim.Adam(model.net.parameters(), lr=2e-3) for model in models]
    if resume is not None:
        for model, before in zip(models, (resume.plain, resume.robust), strict=True):
            model.net.load_state_dict(before.net.state_dict())
        for descent, kept in zip(descents, resume.memory, strict=True):
            recall(descent, kept)
    for epoch in range(resume.index if resume else 0, epochs):
        order = torch.randperm(len(images), generator=generator(step_seed(seed, epoch)))
        for number, rows in enumerate(order.split(64)):
            batch, wanted = images[rows], labels[rows]
            attacked = pgd(
                models[1],
                batch,
                wanted,
                epsilon=epsilon,
                steps=attack_steps,
                seed=step_seed(seed, 1000 * epoch + number),
            ).images
            for model, descent, seen in zip(models, descents, (batch, attacked), strict=True):
                model.net.train()
                loss = F.cross_entropy(model.net(model.normalize(seen)), wanted)
                descent.zero_grad()
                loss.backward()
                descent.step()
        accuracies = [accuracy(model, test, test_labels) for model in models]
        now = [digit_model(copy.deepcopy(model.net), model.name) for model in models]
        memory = tuple(remember(descent) for descent in descents)
        yield TrainingStep(epoch + 1, epochs, now[0], now[1], accuracies[0], accuracies[1], memory)


def accuracy(model: ImageModel, images: Tensor, labels: Tensor) -> float:
    """Return the share of pictures that a net names rightly."""
    with torch.no_grad(), model.running(images) as net:
        found = net(model.normalize(images)).argmax(1).cpu()
    return float((found == labels).float().mean())


def accuracy_under_attack(
    model: ImageModel, images: Tensor, labels: Tensor, epsilons: Sequence[float], *, steps: int = 20
) -> list[float]:
    """Return the accuracy under PGD for each epsilon.

    Parameters
    ----------
    model : ImageModel
    images : Tensor, shape (N, 3, H, W), RGB in [0, 1]
    labels : Tensor, int64, shape (N,)
    epsilons : sequence of float
        In [0, 1] pixels.
    steps : int
        Of PGD.
    """
    return [
        1 - float(pgd(model, images, labels, epsilon=epsilon, steps=steps).success.float().mean())
        for epsilon in epsilons
    ]
