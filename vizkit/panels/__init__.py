"""The kit's panels: ``vizkit.panels.occluder.show()``.

Each is one function: called, it computes; shown, it has controls. The modules are subjects; each
is loaded when it or one of its panels is first asked for. `SUBJECTS` lists them.
"""

from typing import Any

from vizkit.lazily import asked_for, declared, grouped

_PLACES = declared("vizkit.panels", r"^@vizkit\.panel\(.*?^def (\w+)")
#: The names of each subject's panels.
SUBJECTS = {subject: tuple(sorted(names)) for subject, names in grouped(_PLACES).items()}
__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    return asked_for(__name__, name, _PLACES)


def __dir__() -> list[str]:
    return [*__all__, "SUBJECTS", *SUBJECTS]
