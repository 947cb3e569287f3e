"""Every method of lecture 05 under one roof: a picture and a target in, one map out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.models import ImageModel
from vizkit.core.steps import Step, last, step_method
from vizkit.methods.gradients import (
    Target,
    Unit,
    grad_cam,
    integrated_gradients,
    pixel_gradient,
    saliency,
    smooth_grad,
    visual_backprop,
)
from vizkit.methods.occlusion import occlusion_steps

Method = Callable[[ImageModel, Tensor, Target], Tensor]


def _signed(gradient: Tensor) -> Tensor:
    return gradient.sum(0)


def _grad_cam(model: ImageModel, image: Tensor, target: Target) -> Tensor:
    if isinstance(target, Unit):
        raise ValueError("Grad-CAM explains the score of a class, not a unit")
    return grad_cam(model, image, target)


def _occlusion(model: ImageModel, image: Tensor, target: Target) -> Tensor:
    if isinstance(target, Unit):
        raise ValueError("occlusion measures the probability of a class, not of a unit")
    side = max(4, min(image.shape[1:]) // 6)
    stride = max(1, side // 3)
    steps = occlusion_steps(model, image, target, patch=side, stride=stride, batch_size=128)
    return last(steps).pixels()


#: Each method by its name: ``METHODS[name](model, image, target)`` is a map (H, W).
METHODS: dict[str, Method] = {
    "gradient": lambda model, image, target: _signed(pixel_gradient(model, image, target)),
    "saliency": saliency,
    "deconvnet": lambda model, image, target: _signed(pixel_gradient(model, image, target, rule="deconvnet")),
    "guided backprop": lambda model, image, target: _signed(pixel_gradient(model, image, target, rule="guided")),
    "SmoothGrad": lambda model, image, target: smooth_grad(model, image, target).abs().amax(0),
    "integrated gradients": lambda model, image, target: _signed(integrated_gradients(model, image, target)),
    "Grad-CAM": _grad_cam,
    "VisualBackProp": lambda model, image, _: visual_backprop(model, image),
    "occlusion": _occlusion,
}


@dataclass(frozen=True)
class Attribution:
    """What one method says about one picture.

    Parameters
    ----------
    method : str
    heat : Tensor, shape (H, W)
        Signed where the method is.
    problem : str
        Why there is no map; empty if there is one.
    """

    method: str
    heat: Tensor
    problem: str = ""


def attribute(model: ImageModel, image: Tensor, target: Target, method: str) -> Attribution:
    """Run one method by its name; a net that the method is not defined for gives its reason.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    target : int, str or Unit
    method : str
        A key of `METHODS`.

    Raises
    ------
    TypeError, ValueError
        If there is no such method, picture, class or unit.
    """
    checks.choice(method, METHODS, "method")
    checks.image(image)
    if not isinstance(target, Unit):
        target = model.label_index(target)
    try:
        return Attribution(method, METHODS[method](model, image, target))
    except ValueError as error:
        return Attribution(method, torch.zeros(image.shape[1:]), checks.first_line(error))


@dataclass(frozen=True)
class AttributionStep(Step):
    """The maps of the methods so far.

    Parameters
    ----------
    found : tuple of Attribution
    """

    found: tuple[Attribution, ...]


@step_method()
def attribute_steps(
    model: ImageModel,
    image: Tensor,
    target: Target,
    methods: Sequence[str] = tuple(METHODS),
    *,
    resume: AttributionStep | None = None,
) -> Iterator[AttributionStep]:
    """Ask one method after the other about one picture.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    target : int, str or Unit
    methods : sequence of str
        Keys of `METHODS`.
    resume : AttributionStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If there is no such method, picture, class or unit.
    """
    found = resume.found if resume else ()
    for method in methods[len(found) :]:
        found = (*found, attribute(model, image, target, method))
        copies = tuple(replace(one, heat=one.heat.clone()) for one in found)
        yield AttributionStep(len(found), len(methods), copies)
