"""Layer-CAM: a class activation map that any layer can draw, fine ones too."""

from torch import Tensor

from vizkit.core.models import ImageModel
from vizkit.methods.attribution import attribution
from vizkit.methods.gradients import enlarged, layer_gradient

__all__ = ["layer_cam"]


@attribution("Layer-CAM", units=False)
def layer_cam(model: ImageModel, image: Tensor, target: int | str | None = None, *, layer: str | None = None) -> Tensor:
    """Weight each place of each channel by its own positive gradient: ``relu(sum_k relu(g_kij) A_kij)``.

    Grad-CAM has one weight for a whole channel; with one for each place, a layer far from the end
    draws a sharp map, too.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    target : int, str, optional
        A class, the most probable one by default.
    layer : str, optional
        The last one with a map by default.

    Returns
    -------
    Tensor, shape (H, W)
        Scaled up bilinearly; not negative.

    Raises
    ------
    TypeError, ValueError
        If there is no such class or layer, or the net has no layer with a map.

    References
    ----------
    Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization",
    IEEE TIP 2021, equations 5 and 6.
    """
    maps, gradient = layer_gradient(model, image, target, layer)
    return enlarged((gradient.relu() * maps).sum(1, keepdim=True).relu(), image)
