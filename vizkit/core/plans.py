"""Plans for the instructor: ninety minutes with a notebook, its 45-minute path marked."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from vizkit.core.assets import NOTEBOOKS

#: A whole lesson, and the short path through it, in minutes.
WHOLE, SHORT = 90, 45


@dataclass(frozen=True)
class Part:
    """One part of a lesson.

    Parameters
    ----------
    title, do : str
        What it is about, and what the instructor does.
    minutes, short : int
        In the whole lesson, and on the 45-minute path; 0 leaves it out there.
    panels : tuple of str
        By their functions' names.
    presets : tuple of str
        By their names.
    questions : tuple of str
        By their functions' names.
    betrays : mapping of str to str
        What each question's wrong answers betray.
    """

    title: str
    minutes: int
    short: int
    panels: tuple[str, ...]
    presets: tuple[str, ...]
    questions: tuple[str, ...]
    do: str
    betrays: Mapping[str, str] = field(default_factory=dict)


def read_plan(path: str | Path) -> tuple[Part, ...]:
    """Read a plan.

    Raises
    ------
    ValueError
        If it is no plan, or its minutes do not add up; in one sentence.
    """
    path = Path(path)
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))["parts"]
        parts = tuple(_part(row) for row in rows)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path.name} must be a plan of [[parts]] ({error})") from error
    for name, wanted in (("minutes", WHOLE), ("short", SHORT)):
        found = sum(getattr(part, name) for part in parts)
        if found != wanted:
            raise ValueError(f"{path.name} must have {wanted} {name} in all, got {found}")
    return parts


def _part(row: Mapping[str, Any]) -> Part:
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    return Part(**fields)


@cache
def plans() -> Mapping[str, tuple[Part, ...]]:
    """Return the plans of the lectures, by the notebook's name."""
    return {path.stem: read_plan(path) for path in sorted((NOTEBOOKS / "plans").glob("*.toml"))}
