"""Homework by nbgrader: its own commands, with the settings of this course.

A course is a folder with ``source`` and ``nbgrader_config.py``; nbgrader makes ``release``,
``autograded``, ``feedback`` and its data base beside them, and looks for what students hand in at
``submitted/STUDENT/ASSIGNMENT/``.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vizkit.core.assets import NOTEBOOKS
from vizkit.lab import notebook_folder

CONFIG = "nbgrader_config.py"
#: Seconds that a cell may take, at grading and at checking.
TIMEOUT = 180


def default_course() -> Path:
    """Return the course that comes with the kit."""
    return notebook_folder() / "homework"


def start_course(folder: Path) -> Path:
    """Make a course of the bundled assignments in an empty or new folder, and return it.

    Raises
    ------
    FileExistsError
        If there is something in it already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"course must be an empty or a new folder, {folder} holds files")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(NOTEBOOKS / "homework" / "source", folder / "source")
    shutil.copy(NOTEBOOKS / "homework" / CONFIG, folder)
    return folder


def assignments(course: Path) -> list[str]:
    """Return the names of a course's assignments.

    Raises
    ------
    FileNotFoundError
        If the folder is no course.
    """
    if not (course / CONFIG).is_file() or not (course / "source").is_dir():
        raise FileNotFoundError(f"course must be a folder with source and {CONFIG}, got {course}")
    return sorted(folder.name for folder in (course / "source").iterdir() if folder.is_dir())


def release(course: Path, names: Sequence[str] = ()) -> list[Path]:
    """Write assignments without their solutions and hidden tests, and return their folders."""
    picked = _picked(course, names)
    for name in picked:
        _nbgrader(course, "generate_assignment", name, "--create", "--force")
    return [course / "release" / name for name in picked]


def check(notebook: Path) -> str:
    """Run a notebook's visible tests and return which of them fail; empty if none does.

    Raises
    ------
    FileNotFoundError, RuntimeError
        If there is no such file, or it is no notebook.
    """
    if not notebook.is_file():
        raise FileNotFoundError(f"notebook must be a file, there is no {notebook}")
    folder, limit = notebook.resolve().parent, f"--Execute.timeout={TIMEOUT}"
    outcome = _nbgrader(folder, "validate", notebook.name, limit)
    if "Success" in outcome:
        return ""
    return outcome[max(outcome.find("VALIDATION FAILED"), 0) :].strip()


@dataclass(frozen=True)
class Score:
    """What a student has for an assignment.

    Parameters
    ----------
    student, assignment : str
    score, most : float
        Points; without those that a hand has still to give.
    waiting : bool
        Whether answers wait for a hand.
    problem : str
        Why it could not be graded; empty if it was.
    """

    student: str
    assignment: str
    score: float
    most: float
    waiting: bool
    problem: str = ""


def grade(course: Path, names: Sequence[str] = (), *, timeout: int | None = None) -> list[Score]:
    """Grade what was handed in, write feedback, and return the scores.

    Parameters
    ----------
    course : Path
    names : sequence of str
        All assignments that somebody has handed in by default.
    timeout : int, optional
        Seconds a cell may take; the course's setting by default.
    """
    handed_in = {path.name for path in course.glob("submitted/*/*") if path.is_dir()}
    settings = [] if timeout is None else [f"--Execute.timeout={timeout}"]
    picked = [name for name in _picked(course, names) if names or name in handed_in]
    for name in picked:
        if name not in handed_in:
            raise FileNotFoundError(f"nobody has handed in {name}: submitted/STUDENT/{name}")
    return [score for name in picked for score in _grade_one(course, name, settings)]


def _grade_one(course: Path, name: str, settings: Sequence[str]) -> list[Score]:
    """Grade an assignment; what cannot be read is named, and the others are graded."""
    call = ("autograde", name, "--create", "--force", *settings)
    problems: dict[str, str] = {}
    try:
        _nbgrader(course, *call)
    except RuntimeError:
        for folder in sorted(course.glob(f"submitted/*/{name}")):
            student = folder.parent.name
            if not (course / "autograded" / student / name).is_dir():
                try:
                    _nbgrader(course, *call, "--student", student)
                except RuntimeError as error:
                    problems[student] = str(error)
    if any(course.glob(f"autograded/*/{name}")):
        _nbgrader(course, "generate_feedback", name, "--force")
    graded = [one for one in scores(course, name) if one.student not in problems]
    return graded + [Score(one, name, 0, 0, False, why) for one, why in problems.items()]


def scores(course: Path, name: str) -> list[Score]:
    """Return what the students have for an assignment, from nbgrader's data base."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        return [
            Score(one.student.id, name, one.score, one.max_score, one.needs_manual_grade)
            for one in book.assignment_submissions(name)
        ]


def _picked(course: Path, names: Sequence[str]) -> list[str]:
    from vizkit.core import checks  # which needs torch: nbgrader reads this course's settings from here, too

    known = assignments(course)
    return [checks.choice(name, known, "assignment") for name in names] or known


def _nbgrader(folder: Path, *arguments: str) -> str:
    """Run one of nbgrader's commands in a folder and return what it said.

    Raises
    ------
    RuntimeError
        If nbgrader is not installed, or could not do it.
    """
    # nbgrader looks for its helpers in the path, where they are not in a venv nobody activated.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    outcome = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        env={**os.environ, "PATH": path},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    said = outcome.stdout + outcome.stderr
    if "No module named nbgrader" in said:
        raise RuntimeError("nbgrader is missing; install it with: pip install 'vizkit[homework]'")
    if outcome.returncode:
        causes = re.findall(r"^\s*(?:\w+\.)*\w+(?:Error|Exception): .+$", said, re.M)
        cause = (causes or said.strip().splitlines() or ["it did not say why"])[-1].strip()
        raise RuntimeError(f"nbgrader {arguments[0]}: {cause}")
    return said
