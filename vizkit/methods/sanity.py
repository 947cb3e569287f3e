"""Does an explanation depend on what the network has learned? Forget layers and look."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.models import ImageModel
from vizkit.core.remembered import remembered
from vizkit.core.seeds import generator
from vizkit.core.steps import Step, step_method
from vizkit.methods.attribution import QUICK, Attribution, attribute

__all__ = ["ForgetStep", "SanityStep", "forget_steps", "forgetful", "rank_correlation", "sanity_steps"]


def weighted_layers(model: ImageModel) -> list[str]:
    """Return the convolutions and linear layers of a net, from the last to the first."""
    kinds = (nn.Conv2d, nn.Linear)
    return [name for name, one in model.net.named_modules() if isinstance(one, kinds)][::-1]


def forgetful(model: ImageModel, count: int, *, seed: int = 0) -> ImageModel:
    """Return a copy whose last `count` layers have forgotten what they learned.

    Their weights and their biases are drawn anew around 0, each with the spread it had; the model is not changed.

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
    net = model.copied()
    random = generator(seed)
    for name in names[:count]:
        for parameter in net.get_submodule(name).parameters():
            fresh = torch.randn(parameter.shape, generator=random).to(parameter)
            parameter.data.copy_(fresh * parameter.data.std(unbiased=len(parameter) > 1))
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

    Parameters
    ----------
    one, other : Tensor
        Of one shape.
    """
    if one.min() == one.max() or other.min() == other.max():
        return 0.0
    from scipy.stats import spearmanr  # a second to import

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


#: Methods that need one backward pass or none, so that many pictures can be asked about at every depth.
ONE_PASS = ("gradient", "saliency", "deconvnet", "guided backprop", "Grad-CAM", "VisualBackProp")


@dataclass(frozen=True)
class SanityStep(Step):
    """How alike maps stay while a net forgets.

    Parameters
    ----------
    methods : tuple of str
    correlation : Tensor, shape (depths, methods, N)
        Rank correlation of each picture's map with the whole net's when the last ``0, 1, ...`` layers are forgotten.
    """

    methods: tuple[str, ...]
    correlation: Tensor


@step_method()
def sanity_steps(
    model: ImageModel,
    images: Tensor,
    methods: Sequence[str] = ONE_PASS,
    *,
    seed: int = 0,
    resume: SanityStep | None = None,
) -> Iterator[SanityStep]:
    """Forget one layer after the other, from the top, and follow each method's maps of many pictures.

    Each picture is explained for the class that the whole net gives it; each picture has its own draw of weights.

    Parameters
    ----------
    model : ImageModel
    images : Tensor, shape (N, 3, H, W), RGB in [0, 1]
    methods : sequence of str
        Keys of ``METHODS``.
    seed : int
        Of the first picture's draw; the next one's is one more.
    resume : SanityStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If there is no such method or picture.

    References
    ----------
    Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018: figure 4, the cascading randomization.
    """
    depths = len(weighted_layers(model)) + 1
    found = resume.correlation if resume else torch.ones(0, len(methods), len(images))
    with torch.no_grad():
        targets = [int(model.logits(image).argmax()) for image in images]

    def sizes(one: ImageModel, place: int) -> list[Tensor]:
        return [attribute(one, images[place], targets[place], method).heat.abs() for method in methods]

    whole = [sizes(model, place) for place in range(len(images))]
    for depth in range(len(found), depths):
        row = torch.empty(1, len(methods), len(images))
        for place, true in enumerate(whole):
            now = sizes(forgetful(model, depth, seed=seed + place), place)
            row[0, :, place] = torch.tensor([rank_correlation(*pair) for pair in zip(true, now, strict=True)])
        found = torch.cat([found, row])
        yield SanityStep(depth + 1, depths, tuple(methods), found.clone())
