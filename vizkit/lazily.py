"""Names that can be listed before their modules are loaded."""

import re
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any


def declared(package: str, pattern: str) -> dict[str, str]:
    """Return the module of each name that the modules of a package declare, without loading one.

    Parameters
    ----------
    package : str
        Such as ``"vizkit.methods"``; packages inside it count.
    pattern : str
        A regular expression whose group finds the names in a module's text: one, or several in
        quotation marks.
    """
    folder = Path(__file__).parent.joinpath(*package.split(".")[1:])
    places: dict[str, str] = {}
    for path in sorted(folder.rglob("*.py")):
        parts = [package, *path.relative_to(folder).with_suffix("").parts]
        module = ".".join(part for part in parts if part != "__init__")
        for found in re.findall(pattern, path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            places |= dict.fromkeys(re.findall(r"\w+", found), module)
    return places


def grouped(places: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the names that each module declares, in their order there.

    Parameters
    ----------
    places : mapping of str to str
        From `declared`.
    """
    return {
        module.rpartition(".")[2]: tuple(name for name, place in places.items() if place == module)
        for module in dict.fromkeys(places.values())
    }


def asked_for(package: str, name: str, places: Mapping[str, str]) -> Any:
    """Load what a package is asked for: a name that one of its modules declares, kept from then on, or a module.

    Parameters
    ----------
    package, name : str
    places : mapping of str to str
        From `declared`.

    Raises
    ------
    AttributeError
        If the package has no such thing.
    """
    if name in places:
        found = getattr(import_module(places[name]), name)
        setattr(sys.modules[package], name, found)
        return found
    if f"{package}.{name}" in places.values():
        return import_module(f"{package}.{name}")
    raise AttributeError(f"{package} has no {name!r}; there are {', '.join(sorted(places))}")
