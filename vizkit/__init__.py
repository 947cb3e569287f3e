"""vizkit: see, by hand, what a neural network has learned."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vizkit.core.images import images, load_image
from vizkit.core.models import ImageModel, load_model, models
from vizkit.core.remembered import remembered

if TYPE_CHECKING:
    from vizkit.widgets.function import panel as panel

__version__ = "0.1.0"
__all__ = ["ImageModel", "images", "load_image", "load_model", "models", "panel", "panels", "remembered"]


def __getattr__(name: str) -> Any:
    """Load the panels and what makes them when they are first asked for: it takes a while."""
    if name == "panel":
        return import_module("vizkit.widgets.function").panel
    if name == "panels":
        return import_module("vizkit.panels")
    raise AttributeError(f"module 'vizkit' has no attribute {name!r}")
