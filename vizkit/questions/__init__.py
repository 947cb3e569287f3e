"""The lectures' questions: predict, then look. ``vizkit.questions.rescaled`` at the end of a cell asks one.

Each is a function that computes its own answer with the panel's function that shows it. The modules
are lectures; each is loaded when it or one of its questions is first asked for. `LECTURES` lists them.
"""

from typing import Any

from vizkit.lazily import asked_for, declared, grouped

_PLACES = declared("vizkit.questions", r"^@Predict\(.*?^def (\w+)")
#: The names of each lecture's questions, in the order in which they are asked.
LECTURES = grouped(_PLACES)
__all__ = [*sorted(_PLACES), "summary"]


def __getattr__(name: str) -> Any:
    if name == "summary":
        from vizkit.widgets import Summary

        return Summary
    return asked_for(__name__, name, _PLACES)


def __dir__() -> list[str]:
    return [*__all__, "LECTURES", *LECTURES]
