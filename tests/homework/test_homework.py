"""The real nbgrader: release, hand in, grade."""

import shutil
import time
from collections import Counter

import nbformat
import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from tests.conftest import ROOT
from tests.homework.wrong import WRONG
from vizkit.cli import app
from vizkit.core.course import lectures
from vizkit.homework import assignments, check, grade, release, scores, start_course

SOURCE = ROOT / "notebooks" / "homework" / "source"
NAMES = sorted(path.name for path in SOURCE.glob("ps*"))
POINTS = {"q1": 5, "q2": 6, "q3": 4, "q4": 5, "q5": 5, "q6": 3}
BY_TESTS = ("q1", "q2", "q3", "q5", "q6")
#: Of the points of q6: for a prediction that was made and explained, right or not.
MADE = 1
#: A student who looks first: the finding is right, and there is no prediction.
LOOKED = "q6 without a prediction"


def read(path):
    return nbformat.read(path, 4)


def kind(cell):
    return cell.metadata.get("nbgrader", {})


def question(cell):
    return kind(cell)["grade_id"].split("-")[1]


def by_question(pairs):
    """Sum the points of each question's cells, given as grade ids and points."""
    sums = Counter()
    for grade_id, points in pairs:
        sums[grade_id.split("-")[1]] += points
    return dict(sums)


def worth(one, wrong):
    """Return the points of a question for a student with these wrong ones."""
    if one in wrong:
        return MADE if one == "q6" else 0
    return POINTS[one] - MADE * (one == "q6" and LOOKED in wrong)


def course_of(folder, *names):
    course = start_course(folder / "course")
    for other in set(assignments(course)) - set(names):
        shutil.rmtree(course / "source" / other)
    return course


def hand_in(course, student, name, notebook):
    folder = course / "submitted" / student / name
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{name}.ipynb")


def answered(course, name, wrong=()):
    """The release with the instructor's answers in it, and wrong ones for some questions."""
    notebook = read(course / "release" / name / f"{name}.ipynb")
    right = {kind(one)["grade_id"]: one for one in read(SOURCE / name / f"{name}.ipynb").cells}
    for cell in notebook.cells:
        if kind(cell).get("solution"):
            cell.source = right[kind(cell)["grade_id"]].source
            if question(cell) in wrong:
                cell.source = WRONG[name][question(cell)]
            if question(cell) == "q6" and LOOKED in wrong:
                cell.source += "\nprediction = because = ...\n"
    return notebook


def test_there_is_one_for_each_topic():
    topics = {lecture.name.partition("_")[0] for lecture in lectures()}
    assert {f"ps{topic}" for topic in topics} == set(NAMES) == set(WRONG)


@pytest.mark.parametrize("name", NAMES)
def test_points_rubric_and_time_are_stated(name):
    cells = read(SOURCE / name / f"{name}.ipynb").cells
    graded = [(kind(cell)["grade_id"], kind(cell)["points"]) for cell in cells if kind(cell).get("grade")]
    assert by_question(graded) == POINTS
    assert dict(graded)[f"{name}-q6-made"] == MADE
    assert f"| **{sum(POINTS.values())}** |" in cells[0].source
    for number, (one, value) in enumerate(POINTS.items(), 1):
        assert f"| {number} |" in cells[0].source
        assert f"| {value} |" in cells[0].source
        title = next(cell.source for cell in cells if kind(cell)["grade_id"] == f"{name}-{one}")
        assert f"({value} points)" in title
    assert cells[0].source.count(" min |") == len(POINTS)
    rubric = next(cell.source for cell in cells if kind(cell)["grade_id"] == f"{name}-q4")
    rows = [line.split("|")[1].strip() for line in rubric.splitlines() if line.startswith("| ")]
    assert sum(map(int, rows[1:])) == POINTS["q4"]


@pytest.mark.parametrize("name", NAMES)
def test_release_and_grades(name, tmp_path):
    course = course_of(tmp_path, name)
    release(course)
    handed_out = (course / "release" / name / f"{name}.ipynb").read_text()
    assert "BEGIN" not in handed_out
    released = read(course / "release" / name / f"{name}.ipynb")
    by_id = {kind(cell)["grade_id"]: cell.source for cell in released.cells}
    for cell in read(SOURCE / name / f"{name}.ipynb").cells:
        if "BEGIN HIDDEN TESTS" in cell.source:
            secret = cell.source.split("### BEGIN HIDDEN TESTS")[1].split("### END")[0]
            lines = [line.strip() for line in secret.splitlines() if "assert" in line]
            assert lines
            shown = [line.strip() for line in by_id[kind(cell)["grade_id"]].splitlines()]
            assert not set(lines) & set(shown)
        if kind(cell).get("solution"):
            assert "YOUR" in by_id[kind(cell)["grade_id"]]
            assert by_id[kind(cell)["grade_id"]] != cell.source

    # each answer of the instructor's is in one of the two, and each wrong one in the other
    students = {"one": ("q1", "q3", "q6"), "two": ("q2", "q5", LOOKED)}
    for student, wrong in students.items():
        hand_in(course, student, name, answered(course, name, wrong))
    hand_in(course, "blank", name, released)
    found = {score.student: score for score in grade(course)}
    best: Counter[str] = Counter()
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        for student, wrong in {**students, "blank": ()}.items():
            expected = {one: 0 if student == "blank" else worth(one, wrong) for one in BY_TESTS}
            cells = book.find_submission_notebook(name, name, student).grades
            assert by_question((one.name, one.auto_score or 0) for one in cells) == {"q4": 0, **expected}, student
            assert found[student].score == sum(expected.values())
            best |= Counter({one.name: int(one.auto_score or 0) for one in cells})
            # what is explained waits for a hand; what is left blank is worth nothing
            waiting = [one.name for one in cells if one.needs_manual_grade]
            assert waiting == ([] if student == "blank" else [f"{name}-q4-answer"])
        assert sum(best.values()) == 28 - POINTS["q4"], "each right answer has its points from one of the two"
        # two of the five points, given by hand, are exactly three less than five
        for student, points in (("one", 5), ("two", 2)):
            book.find_grade(f"{name}-q4-answer", name, name, student).manual_score = points
        book.db.commit()
    by_hand = {score.student: score for score in scores(course, name)}
    assert by_hand["one"].score == 28 - POINTS["q1"] - POINTS["q3"] - (POINTS["q6"] - MADE)
    assert by_hand["one"].most == 28
    assert by_hand["two"].score == 28 - POINTS["q2"] - POINTS["q5"] - MADE - 3
    assert by_hand["blank"].score == 0
    assert (course / "feedback" / "one" / name / f"{name}.html").is_file()


def test_broken_submissions_are_graded_in_time(tmp_path):
    course = course_of(tmp_path, "ps04")
    release(course)
    loop, broken = (answered(course, "ps04") for _ in range(2))

    def cell_of(notebook, grade_id):
        return next(cell for cell in notebook.cells if kind(cell)["grade_id"] == grade_id)

    cell_of(loop, "ps04-q1-answer").source = "while True:\n    pass\n"
    # an answer and a test are missing, and another answer is no Python: the test comes back, the two answers lose
    broken.cells.remove(cell_of(broken, "ps04-q1-answer"))
    broken.cells.remove(cell_of(broken, "ps04-q2-test"))
    cell_of(broken, "ps04-q5-answer").source = "def channel_mean(picture:\n    return\n"
    for student, notebook in (("a-loop", loop), ("broken", broken)):
        hand_in(course, student, "ps04", notebook)
    start = time.monotonic()
    (course / "submitted" / "cut" / "ps04").mkdir(parents=True)
    (course / "submitted" / "cut" / "ps04" / "ps04.ipynb").write_text('{"cells": [')
    outcome = CliRunner().invoke(app, ["homework", "grade", "ps04", "--course", str(course), "--timeout", "20"])
    assert time.monotonic() - start < 180, "one loop costs one cell's time, not the class's"
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        for student, lost in (("a-loop", {"q1"}), ("broken", {"q1", "q5"})):
            cells = book.find_submission_notebook("ps04", "ps04", student).grades
            expected = {one: 0 if one in lost or one == "q4" else points for one, points in POINTS.items()}
            assert by_question((one.name, one.auto_score or 0) for one in cells) == expected, student
    assert outcome.exit_code == 1
    assert "cut                  not graded: nbgrader autograde: " in outcome.output
    assert "NotJSONError" in outcome.output
    assert (course / "feedback" / "broken" / "ps04" / "ps04.html").is_file()


def test_check_tells_right_from_blank(tmp_path):
    course = course_of(tmp_path, "ps02")
    release(course, ["ps02"])
    blank = course / "release" / "ps02" / "ps02.ipynb"
    failures = check(blank)
    assert "VALIDATION FAILED ON" in failures
    assert "largest_eigenvalue" in failures
    done = tmp_path / "done.ipynb"
    nbformat.write(answered(course, "ps02"), done)
    outcome = CliRunner().invoke(app, ["homework", "check", str(done)])
    assert (outcome.exit_code, outcome.output.strip()) == (0, "all tests pass")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("release", "ps99"), "assignment 'ps99' is not known"),
        (("grade", "ps01"), "nobody has handed in ps01"),
        (("check", "none.ipynb"), "there is no none.ipynb"),
        (("release", "--course", "nowhere"), "course must be a folder"),
        (("start", "."), "holds files"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    monkeypatch.setattr("vizkit.homework.default_course", lambda: course_of(tmp_path, "ps01"))
    outcome = CliRunner().invoke(app, ["homework", *arguments])
    assert outcome.exit_code == 2
    assert message in " ".join(outcome.output.replace("│", " ").split())
