"""Does an explanation depend on what the network has learned? Forget layers and look."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.models import ImageModel
from vizkit.core.remembered import remembered
from vizkit.core.seeds import generator
from vizkit.core.steps import Step, step_method
from vizkit.methods.attribution import QUICK, Attribution, attribute

__all__ = ["ForgetStep", "forget_steps", "forgetful", "rank_correlation"]


def weighted_layers(model: ImageModel) -> list[str]:
    """Return the convolutions and linear layers of a net, from the last to the first."""
    kinds = (nn.Conv2d, nn.Linear)
    return [name for name, one in model.net.named_modules() if isinstance(one, kinds)][::-1]


def forgetful(model: ImageModel, count: int, *, seed: int = 0) -> ImageModel:
    """Return a copy whose last `count` layers have forgotten what they learned.

    Their weights are drawn anew around 0, with the spread they had; the model is not changed.

    Parameters
    ----------
    model : ImageModel
    count : int
        From 0 up to the number of `weighted_layers`.
    seed : int

    Raises
    ------
    TypeError, ValueError
        If `count` is out of range.

    References
    ----------
    Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018: cascading randomization.
    """
    names = weighted_layers(model)
    count = checks.integer(count, 0, len(names), "count")
    net = copy.deepcopy(model.net)
    random = generator(seed)
    for name in names[:count]:
        weight: Any = net.get_submodule(name).weight
        with torch.no_grad():
            fresh = torch.randn(weight.shape, generator=random).to(weight)
            weight.copy_(fresh * weight.std())
    return ImageModel(
        net,
        mean=model.mean,
        std=model.std,
        labels=model.labels,
        input_size=model.input_size,
        name=f"{model.name}, {count} layers forgotten",
    )


def rank_correlation(one: Tensor, other: Tensor) -> float:
    """Return Spearman's rank correlation of two maps: 1 is the same order, 0 is none.

    A constant map has no order: 0.
    """
    if one.min() == one.max() or other.min() == other.max():
        return 0.0
    return float(spearmanr(one.flatten().numpy(), other.flatten().numpy()).statistic)


@dataclass(frozen=True)
class ForgetStep(Step):
    """The maps of a net that has forgotten layers, and how alike they are to the true ones.

    Parameters
    ----------
    found : tuple of Attribution
    correlation : tuple of float
        Rank correlation of the sizes of each map with those of the whole net's.
    """

    found: tuple[Attribution, ...]
    correlation: tuple[float, ...]


_forgetful = remembered(16)(forgetful)
_attribute = remembered(128)(attribute)


@step_method()
def forget_steps(
    model: ImageModel,
    image: Tensor,
    target: int | str,
    count: int,
    methods: Sequence[str] = QUICK,
    *,
    seed: int = 0,
    resume: ForgetStep | None = None,
) -> Iterator[ForgetStep]:
    """Ask each method about a net that has forgotten its last layers, and compare.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    target : int or str
    count, seed : int
        As in `forgetful`.
    methods : sequence of str
        Keys of ``METHODS``.
    resume : ForgetStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If there is no such method, picture or class, or `count` is out of range.
    """
    other = _forgetful(model, count, seed=seed)
    found, alike = (resume.found, resume.correlation) if resume else ((), ())
    for method in methods[len(found) :]:
        true, now = (_attribute(one, image, target, method) for one in (model, other))
        found = (*found, replace(now, heat=now.heat.clone()))
        alike = (*alike, rank_correlation(true.heat.abs(), now.heat.abs()))
        copies = tuple(replace(one, heat=one.heat.clone()) for one in found)
        yield ForgetStep(len(found), len(methods), copies, alike)
