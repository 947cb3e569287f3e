"""The kit's panels: ``vizkit.panels.occluder.show()``.

Each is one function: called, it computes; shown, it has controls. The modules are subjects; each
is loaded when it or one of its panels is first asked for. `SUBJECTS` lists them.
"""

from importlib import import_module
from typing import Any

from vizkit.lazily import declared

_PLACES = declared("vizkit.panels", r"^@vizkit\.panel\(.*?^def (\w+)")
#: The names of each subject's panels.
SUBJECTS = {
    module.rpartition(".")[2]: tuple(sorted(name for name, place in _PLACES.items() if place == module))
    for module in dict.fromkeys(_PLACES.values())
}
__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        globals()[name] = found = getattr(import_module(_PLACES[name]), name)
        return found
    if name in SUBJECTS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"vizkit.panels has no {name!r}; there are {', '.join(__all__)}")


def __dir__() -> list[str]:
    return [*__all__, "SUBJECTS", *SUBJECTS]
