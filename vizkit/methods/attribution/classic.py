"""The methods of the deck, as `attribution` wants them: one map for a picture and a target."""

from functools import partial

from torch import Tensor

from vizkit.core.hooks import Rule
from vizkit.core.models import ImageModel
from vizkit.core.steps import last
from vizkit.methods.attribution import attribution
from vizkit.methods.gradients import Target, grad_cam, integrated_gradients, pixel_gradient, saliency, smooth_grad
from vizkit.methods.occlusion import occlusion_steps
from vizkit.methods.visual_backprop import visual_backprop


def _signed(model: ImageModel, image: Tensor, target: Target, *, rule: Rule = "backprop") -> Tensor:
    return pixel_gradient(model, image, target, rule=rule).sum(0)


attribution("gradient")(_signed)
attribution("saliency")(saliency)
attribution("deconvnet")(partial(_signed, rule="deconvnet"))
attribution("guided backprop")(partial(_signed, rule="guided"))


@attribution("SmoothGrad")
def _smooth_grad(model: ImageModel, image: Tensor, target: Target) -> Tensor:
    return smooth_grad(model, image, target).abs().amax(0)


@attribution("integrated gradients")
def _integrated_gradients(model: ImageModel, image: Tensor, target: Target) -> Tensor:
    return integrated_gradients(model, image, target).sum(0)


attribution("Grad-CAM", units=False)(grad_cam)


@attribution("VisualBackProp")
def _visual_backprop(model: ImageModel, image: Tensor, target: Target) -> Tensor:
    del target  # it knows none
    return visual_backprop(model, image)


@attribution("occlusion", units=False)
def _occlusion(model: ImageModel, image: Tensor, target: int | str) -> Tensor:
    side = max(4, min(image.shape[1:]) // 6)
    steps = occlusion_steps(model, image, target, patch=side, stride=max(1, side // 3), batch_size=128)
    return last(steps).pixels()
