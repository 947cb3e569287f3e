"""A student's own trail: answers, presets and pictures, in one readable file beside the notebook.

Nothing is ever sent anywhere. Where several viewers share a folder (`vizkit present`), nothing is written.
"""

import json
import math
import os
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

#: The file's name; it lies in the folder in which the notebook runs.
FILE = "vizkit-trail.json"
VERSION = 1
#: Set where a folder is shared by several viewers: then nothing is kept.
SHARED = "VIZKIT_SHARED_FOLDER"
#: Most bytes of a trail that is read: 50 answers and 30 small pictures are 1 MB.
MOST = 16 << 20


@dataclass(frozen=True)
class Answer:
    """What was expected, and what it was.

    Parameters
    ----------
    question : str
        The question's name, such as ``"rescaled"``.
    lecture : str
        What it belongs to, such as ``"loss_landscape"``.
    asked : str
        Its words.
    kind : str
        ``"choice"``, ``"number"``, ``"spot"`` or ``"sketch"``.
    answer, truth : object
        As JSON knows them; both None if it was skipped.
    said, was : str
        The same in words.
    right : bool
    when : str
        ISO 8601, local time.
    """

    question: str
    lecture: str
    asked: str
    kind: str
    answer: Any = None
    truth: Any = None
    said: str = ""
    was: str = ""
    right: bool = False
    when: str = ""


@dataclass(frozen=True)
class Find:
    """A preset that was opened, or a state that was saved.

    Parameters
    ----------
    panel : str
        The panel's title.
    text : str
        The preset's name, or the line of Python that rebuilds the state.
    picture : str
        A small JPEG in base64; empty for a preset.
    when : str
    """

    panel: str
    text: str
    picture: str = ""
    when: str = ""


@dataclass(frozen=True)
class Trail:
    """All that a student has left.

    Parameters
    ----------
    answers : dict of str to Answer
        By the question's name; the last answer counts.
    presets, saved : tuple of Find
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    presets: tuple[Find, ...] = ()
    saved: tuple[Find, ...] = ()


Entry = TypeVar("Entry", Answer, Find)


def now() -> str:
    """Return the local time, to the second."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def kept_here() -> bool:
    """Whether answers are kept: not where several viewers share the folder."""
    return not os.environ.get(SHARED)


def read_trail(path: str | Path) -> Trail:
    """Read a trail.

    Raises
    ------
    ValueError
        If the file is no trail of this version; in one sentence.
    OSError
        If it cannot be read.
    """
    path = Path(path)
    if path.stat().st_size > MOST:
        raise ValueError(f"{path.name} must be a trail of at most {MOST >> 20} MB, got {path.stat().st_size >> 20} MB")
    try:
        found = json.loads(path.read_text(encoding="utf-8"), parse_constant=_finite, parse_float=_finite)
        if not isinstance(found, dict) or found.get("kit") != "vizkit":
            raise TypeError("it says nothing of vizkit")
        if found.get("version") != VERSION:
            raise TypeError(f"version {str(found.get('version'))[:20]}, this kit reads {VERSION}")
        return Trail(
            {one["question"]: _checked(Answer(**one)) for one in found["answers"]},
            tuple(_checked(Find(**one)) for one in found["presets"]),
            tuple(_checked(Find(**one)) for one in found["saved"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path.name} must be a trail that the kit wrote, got something else ({error})") from error


def _checked(entry: Entry) -> Entry:
    """Return an entry whose words are words.

    Raises
    ------
    TypeError
    """
    for name, value in asdict(entry).items():
        wanted = bool if name == "right" else str
        if name not in ("answer", "truth") and not isinstance(value, wanted):
            raise TypeError(f"{name} must be {wanted.__name__}, got {type(value).__name__}")
    return entry


def _finite(number: str) -> float:
    """Return a number of the file.

    Raises
    ------
    ValueError
        If it is NaN or infinite.
    """
    if not math.isfinite(value := float(number)):
        raise ValueError(f"numbers must be finite, got {number[:20]}")
    return value


def write_trail(path: str | Path, trail: Trail) -> None:
    """Write a trail; a reader sees the old one or the new one, never half of it."""
    path = Path(path)
    whole = {
        "kit": "vizkit",
        "version": VERSION,
        "answers": [asdict(one) for one in trail.answers.values()],
        "presets": [asdict(one) for one in trail.presets],
        "saved": [asdict(one) for one in trail.saved],
    }
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(whole, indent=1, ensure_ascii=False), encoding="utf-8")
    beside.replace(path)


class Keeper:
    """The trail of the folder in which the notebook runs.

    Attributes
    ----------
    problem : str
        Why an older file was set aside, or why nothing could be written, in one sentence.
    """

    def __init__(self, folder: str | Path = ".") -> None:
        self.folder, self.problem = Path(folder), ""
        self._kept: Trail | None = None

    @property
    def path(self) -> Path:
        """Where the file is, or will be."""
        return self.folder / FILE

    def read(self) -> Trail:
        """Return what is kept; a file that is no trail is set aside, and `problem` says so."""
        if not kept_here():
            return self._kept or Trail()
        if not self.path.is_file():
            return Trail()
        try:
            return read_trail(self.path)
        except (OSError, ValueError) as error:
            self._set_aside(error)
            return Trail()

    def _set_aside(self, error: Exception) -> None:
        number = 1
        while (aside := self.folder / f"vizkit-trail-aside-{number}.json").exists():
            number += 1
        self.path.replace(aside)
        self.problem = f"{error}; it was set aside as {aside.name}, and a new trail begins"

    def told(self) -> str:
        """Return what was wrong since it was last told; empty if nothing was."""
        problem, self.problem = self.problem, ""
        return problem

    def answer(self, one: Answer) -> None:
        """Keep an answer in place of an earlier one to the same question."""
        trail = self.read()
        self._write(replace(trail, answers={**trail.answers, one.question: replace(one, when=now())}))

    def preset(self, panel: str, name: str) -> None:
        """Keep that a preset was opened, once."""
        trail = self.read()
        if not any((one.panel, one.text) == (panel, name) for one in trail.presets):
            self._write(replace(trail, presets=(*trail.presets, Find(panel, name, when=now()))))

    def saved(self, panel: str, text: str, picture: str) -> None:
        """Keep a state that was saved: the line that rebuilds it, and a small picture."""
        trail = self.read()
        self._write(replace(trail, saved=(*trail.saved, Find(panel, text, picture, now()))[-30:]))

    def _write(self, trail: Trail) -> None:
        if not kept_here():
            self._kept = trail  # of this viewer's own kernel, gone with it
            return
        try:
            write_trail(self.path, trail)
        except OSError as error:
            self.problem = f"the trail could not be written ({error})"


#: The one of this notebook.
KEEPER = Keeper()
