"""How often attacks succeed: over epsilon, and on nets that they were not made on."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.models import ImageModel
from vizkit.core.steps import Step, last, step_method
from vizkit.methods.adversarial import ATTACKS, Norm, pgd, success_rates

__all__ = ["RatesStep", "TransferStep", "rates_steps", "surest_first", "transfer_steps", "transfer_table"]


def surest_first(model: ImageModel, images: Tensor, *, batch_size: int = 100) -> Tensor:
    """Return pictures in another order: first those of whose answer the net is surest.

    Parameters
    ----------
    model : ImageModel
    images : Tensor, shape (N, 3, H, W), RGB in [0, 1]
    batch_size : int
    """
    checks.images(images)
    with torch.no_grad():
        sure = torch.cat([model.probabilities(batch).amax(1).cpu() for batch in images.split(batch_size)])
    return images[sure.argsort(descending=True, stable=True)]


@dataclass(frozen=True)
class RatesStep(Step):
    """Success rates so far, one attack after the other.

    Parameters
    ----------
    attacks : tuple of str
    epsilons : tuple of float
        In [0, 1] pixels.
    rates : Tensor, shape (attacks, epsilons), in [0, 1]
        Share of pictures whose answer changes; NaN where it is not known yet.
    """

    attacks: tuple[str, ...]
    epsilons: tuple[float, ...]
    rates: Tensor

    def curve(self, attack: str) -> list[float]:
        """Return one attack's rates, of the epsilons that have been tried."""
        row = self.rates[self.attacks.index(checks.choice(attack, self.attacks, "attack"))]
        return [rate for rate in row.tolist() if not math.isnan(rate)]


@step_method()
def rates_steps(
    model: ImageModel,
    images: Tensor,
    epsilons: Sequence[float],
    attacks: Sequence[str] = ("random noise", "FGSM", "PGD"),
    *,
    norm: Norm = "Linf",
    resume: RatesStep | None = None,
) -> Iterator[RatesStep]:
    """Try attacks on pictures, one epsilon after the other.

    Parameters
    ----------
    model : ImageModel
    images : Tensor, shape (N, 3, H, W), RGB in [0, 1]
        The net's own answers are taken for true.
    epsilons : sequence of float
        In [0, 1] pixels.
    attacks : sequence of str
        Keys of `vizkit.methods.adversarial.ATTACKS`.
    norm : {"Linf", "L2"}
    resume : RatesStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If the pictures are none, an epsilon is negative, or there is no such attack.
    """
    names = tuple(checks.choice(attack, ATTACKS, "attack") for attack in attacks)
    total = len(names) * len(epsilons)
    rates = torch.full((len(names), len(epsilons)), math.nan) if resume is None else resume.rates.clone()
    for index in range(resume.index if resume else 0, total):
        row, column = divmod(index, len(epsilons))
        (rates[row, column],) = success_rates(model, images, [epsilons[column]], names[row], norm=norm)
        yield RatesStep(index + 1, total, names, tuple(epsilons), rates.clone())


@dataclass(frozen=True)
class TransferStep(Step):
    """What fools one net, tried on all, one net after the other.

    Parameters
    ----------
    names : tuple of str
        Of the nets.
    table : Tensor, shape (from, to), in [0, 1]
        See `transfer_table`; NaN in the rows of nets that have not been attacked yet, and of one that no
        picture fools.
    """

    names: tuple[str, ...]
    table: Tensor


@step_method()
def transfer_steps(
    models: Sequence[ImageModel], images: Tensor, epsilon: float, *, resume: TransferStep | None = None
) -> Iterator[TransferStep]:
    """Attack one net after the other, and ask all of them.

    Parameters
    ----------
    models : sequence of ImageModel
        Nets of the same classes; what is made on one is shown to each.
    images : Tensor, shape (N, 3, H, W), RGB in [0, 1]
    epsilon : float
        In [0, 1] pixels.
    resume : TransferStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If the pictures are none, epsilon is negative, or the nets know different classes.
    """
    for model in models:
        if model.labels != models[0].labels:
            raise ValueError(f"models must know the same classes, got {models[0].name} and {model.name}")
    names, clean = tuple(model.name for model in models), [_answers(model, images) for model in models]
    table = torch.full((len(models), len(models)), math.nan) if resume is None else resume.table.clone()
    for row in range(resume.index if resume else 0, len(models)):
        fooled = pgd(models[row], images, clean[row], epsilon=epsilon, steps=20)
        for column, other in enumerate(models):
            changed = _answers(other, fooled.images) != clean[column]
            table[row, column] = changed[fooled.success].float().mean()
        yield TransferStep(row + 1, len(models), names, table.clone())


def transfer_table(models: Sequence[ImageModel], images: Tensor, epsilon: float) -> Tensor:
    """Return how often what fools one net fools another, shape (from, to), in [0, 1].

    Among the pictures of which a PGD of 20 steps changes the first net's answer: the share of which the
    second net's answer changes, too, each compared with its own answer to the clean picture.

    Parameters
    ----------
    models, images, epsilon
        As in `transfer_steps`.

    Raises
    ------
    TypeError, ValueError
        As in `transfer_steps`.
    """
    return last(transfer_steps(models, images, epsilon)).table


def _answers(model: ImageModel, images: Tensor) -> Tensor:
    with torch.no_grad(), model.running(images) as net:
        found: Tensor = net(model.normalize(images)).argmax(1).cpu()
    return found
