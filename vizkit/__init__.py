"""vizkit: see, by hand, what a neural network has learned."""

from vizkit.core.images import images, load_image
from vizkit.core.models import ImageModel, load_model, models

__version__ = "0.1.0"
__all__ = ["ImageModel", "images", "load_image", "load_model", "models"]
