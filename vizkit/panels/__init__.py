"""The kit's panels, by what they are about: ``vizkit.panels.occluder.show()``.

Each is one function: called, it computes; shown, it has controls. A module is loaded when one of
its panels is first asked for.
"""

from importlib import import_module
from typing import Any

#: Which module a panel is in.
SUBJECTS = {
    "attacks": ("attack", "linear", "nothing", "one_pixel", "sticker"),
    "embedding": ("clusters", "crowding", "misreading", "neighborhood", "thumbnails", "timing", "tsne"),
    "excitation": ("channels", "dream", "faces", "recipes", "wanted"),
    "explanation": ("attributions", "cut_out", "forgetting", "occluder", "scores"),
    "surfaces": ("descent", "landscape", "line", "random_labels", "widths"),
    "layers": ("activations", "filter_view", "mixture", "neighbors", "receptive_field", "sharing"),
    "painting": ("gram_matrix", "painter", "repaint", "style"),
    "principal": ("axis", "components", "pca_steps"),
    "start": ("slide_search", "tour"),
    "units": ("unit",),
}
__all__ = sorted(name for names in SUBJECTS.values() for name in names)


def __getattr__(name: str) -> Any:
    for subject, names in SUBJECTS.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{subject}"), name)
    raise AttributeError(f"vizkit.panels has no {name!r}; there are {', '.join(__all__)}")


def __dir__() -> list[str]:
    return __all__
