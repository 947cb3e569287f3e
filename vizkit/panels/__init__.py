"""The kit's panels, by what they are about: ``vizkit.panels.occluder.show()``.

Each is one function: called, it computes; shown, it has controls. A module is loaded when one of
its panels is first asked for.
"""

from importlib import import_module
from typing import Any

#: Which module a panel is in.
SUBJECTS = {
    "attacks": ("attack", "sticker"),
    "embedding": ("thumbnails", "tsne"),
    "excitation": ("dream", "faces", "wanted"),
    "explanation": ("attributions", "cut_out", "occluder"),
    "painting": ("painter", "repaint", "style"),
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
