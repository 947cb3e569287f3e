"""vizkit: see, by hand, what a neural network has learned.

``vizkit.load_model()`` and ``vizkit.load_image("chelsea")`` give a network and a picture,
``vizkit.<method>`` is each method by the field's name (``vizkit.grad_cam(model, image)``),
``vizkit.panels.<panel>`` each panel (``vizkit.panels.occluder.show()``), ``vizkit.questions.<question>`` each
question that is asked before one, ``@vizkit.panel`` makes one of your own. Nothing is loaded before it is
first asked for.

What they are made of: `vizkit.core` has models, pictures, data and steps, `vizkit.methods` the methods,
`vizkit.figures` their results as pictures and charts, `vizkit.widgets` the toolkit of panels,
`vizkit.panels` the panels.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from vizkit.lazily import declared

if TYPE_CHECKING:
    from vizkit.core.images import images as images
    from vizkit.core.images import load_image as load_image
    from vizkit.core.models import ImageModel as ImageModel
    from vizkit.core.models import load_model as load_model
    from vizkit.core.models import models as models
    from vizkit.core.remembered import remembered as remembered
    from vizkit.core.steps import last as last
    from vizkit.core.steps import step_method as step_method
    from vizkit.widgets.function import panel as panel

# Said before torch is loaded. Where others compute, too, as on a hub, torch's threads otherwise spend
# nearly all of their time waiting at full speed for one that has no core: 10 to 20 times as long, measured.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Before NumPy is: scikit-learn's fits are of small matrices, and two threads of OpenBLAS beside those of OpenMP
# take three to ten times as long for them as one, measured on two cores. torch has its own and keeps them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
#: Where each name is; of the methods' modules those names that they declare themselves.
_PLACES = {
    "images": "vizkit.core.images",
    "load_image": "vizkit.core.images",
    "ImageModel": "vizkit.core.models",
    "load_model": "vizkit.core.models",
    "models": "vizkit.core.models",
    "remembered": "vizkit.core.remembered",
    "last": "vizkit.core.steps",
    "step_method": "vizkit.core.steps",
    "panel": "vizkit.widgets.function",
    **declared("vizkit.methods", r"^__all__ = \[([^\]]*)\]"),
}
__all__ = ["__version__", "panels", "questions", *sorted(_PLACES)]


def __getattr__(name: str) -> Any:
    """Load what is first asked for: torch alone takes a second."""
    if name in ("panels", "questions"):
        return import_module(f"vizkit.{name}")
    if name not in _PLACES:
        raise AttributeError(f"module 'vizkit' has no attribute {name!r}")
    globals()[name] = found = getattr(import_module(_PLACES[name]), name)
    return found


def __dir__() -> list[str]:
    return __all__
