"""The lectures' questions: predict, then look. ``vizkit.questions.rescaled`` at the end of a cell asks one.

Each is a function that computes its own answer with the panel's function that shows it. The modules
are lectures; each is loaded when it or one of its questions is first asked for. `LECTURES` lists them.
"""

from importlib import import_module
from typing import Any

from vizkit.lazily import declared

_PLACES = declared("vizkit.questions", r"^@Predict\(.*?^def (\w+)")
#: The names of each lecture's questions, in the order in which they are asked.
LECTURES = {
    module.rpartition(".")[2]: tuple(name for name, place in _PLACES.items() if place == module)
    for module in dict.fromkeys(_PLACES.values())
}
__all__ = [*sorted(_PLACES), "summary"]


def __getattr__(name: str) -> Any:
    if name == "summary":
        from vizkit.widgets import Summary

        return Summary
    if name in _PLACES:
        globals()[name] = found = getattr(import_module(_PLACES[name]), name)
        return found
    if name in LECTURES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"vizkit.questions has no {name!r}; there are {', '.join(__all__)}")


def __dir__() -> list[str]:
    return [*__all__, "LECTURES", *LECTURES]
