"""The house rules, checked by the tools that know them."""

import os
import re
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import jupytext
import nbformat
import pytest
import yaml

from tests.conftest import ROOT
from vizkit.core.detectors import NETS
from vizkit.core.inverters import PLACES
from vizkit.core.models import BUNDLED, LEARNING, file_hash
from vizkit.training.style import BUNDLED_STYLES

SOURCES = sorted((ROOT / "notebooks" / "source").rglob("*.py"))
NOTEBOOKS = sorted(
    path
    for path in (ROOT / "notebooks").rglob("*.ipynb")
    if not {".ipynb_checkpoints", "release", "submitted", "autograded"} & set(path.parts)
)


def run(*command):
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", [("ruff", "check"), ("ruff", "format", "--check"), ("mypy",)], ids=" ".join)
def test_lint_format_and_types(command):
    outcome = run(*command)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_imports_point_one_way():
    script = Path(sys.executable).with_name("lint-imports")
    outcome = subprocess.run([script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout


def notebook_of(source):
    inside = source.relative_to(ROOT / "notebooks" / "source").with_suffix(".ipynb")
    return ROOT / "notebooks" / inside


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_notebooks_are_what_their_sources_say(path):
    notebook = nbformat.read(notebook_of(path), 4)
    expected = jupytext.read(path)
    pairs = list(zip(notebook.cells, expected.cells, strict=True))
    for shipped, source in pairs:
        assert (shipped.cell_type, shipped.source) == (source.cell_type, source.source)
        for kind in ("tags", "nbgrader"):
            assert shipped.metadata.get(kind) == source.metadata.get(kind)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebooks_are_stripped_and_have_a_source(path):
    assert path in map(notebook_of, SOURCES)
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cure = "run: nbstripout notebooks/*.ipynb"
            assert cell.outputs == [], cure
            assert cell.execution_count is None, cure


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks" / "source").glob("[01]*.py")), ids=lambda path: path.stem)
def test_a_lecture_loads_vizkit_before_torch(path):
    """For torch's threads to wait as `vizkit/__init__.py` says."""
    first = re.search(r"^(?:import|from) (torch|vizkit)", path.read_text(), re.M)
    assert first[1] == "vizkit"


@pytest.mark.parametrize(
    ("variable", "given", "kept"),
    [
        ("OMP_WAIT_POLICY", None, "PASSIVE"),
        ("OMP_WAIT_POLICY", "ACTIVE", "ACTIVE"),
        ("OPENBLAS_NUM_THREADS", None, "1"),
        ("OPENBLAS_NUM_THREADS", "2", "2"),
    ],
)
def test_threads_are_few_and_wait_asleep_unless_told_otherwise(variable, given, kept):
    code = (
        f"import vizkit, os, sys; assert not {{'torch', 'numpy'}} & set(sys.modules); print(os.environ['{variable}'])"
    )
    surroundings = {key: value for key, value in os.environ.items() if key != variable}
    if given:
        surroundings[variable] = given
    said = subprocess.run([sys.executable, "-c", code], env=surroundings, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == kept


def pip_section():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = [one for one in environment["dependencies"] if isinstance(one, str)]
    pip = next(one["pip"] for one in environment["dependencies"] if isinstance(one, dict))
    return conda, pip


def test_environment_yml_cannot_drift_from_pyproject():
    conda, pip = pip_section()
    assert "python=3.11" in conda
    assert "pip" in conda
    # the section *is* pyproject's list: the project itself, with its tests' needs
    assert pip == ["-e .[test]"]


def test_every_library_that_is_imported_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    declared = [*project["dependencies"], *(one for extra in extras for one in extra)]
    peers = (ROOT / "tests" / "peers.txt").read_text().splitlines()
    declared += [one for one in peers if not one.startswith("#")]  # where they are there
    names = {re.split(r"[<>=\[]", one)[0].lower().replace("-", "_") for one in declared}
    aliases = {
        "cv2": "opencv_python_headless",
        "pil": "pillow",
        "skimage": "scikit_image",
        "sklearn": "scikit_learn",
        "yaml": "pyyaml",
    }
    imported = set()
    for path in [*ROOT.glob("vizkit/**/*.py"), *ROOT.glob("tests/**/*.py"), ROOT / "conftest.py", *SOURCES]:
        imported |= set(re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(), re.M))
    theirs = {one.lower() for one in imported - sys.stdlib_module_names - {"vizkit", "tests", "conftest"}}
    missing = {one for one in theirs if aliases.get(one, one) not in names}
    assert missing == set()


def test_hashes_of_the_bundled_files():
    rows = [row.split() for row in (ROOT / "assets" / "SHA256SUMS").read_text().splitlines()]
    assert {name for _, name in rows} == {
        *(f"models/{name}.safetensors" for name in BUNDLED),
        *(f"styles/{name}.safetensors" for name in BUNDLED_STYLES),
        "models/linear.safetensors",
        *(f"models/detectors/{name}.safetensors" for name in (*NETS, "heads")),
        "models/listener.safetensors",
        *(f"models/inverters/{layer}.safetensors" for layer in PLACES),
        *(path.relative_to(ROOT / "assets").as_posix() for path in LEARNING.values()),
        "labels/tiny-imagenet-200.txt",
        "facets/tiny-imagenet-200.webp",
    }
    for digest, name in rows:
        assert file_hash(ROOT / "assets" / name) == digest


def test_readme_opens_with_two_commands():
    readme = (ROOT / "README.md").read_text()
    commands = re.findall(r"```(?:bash|sh)\n(.*?)```", readme, re.S)[0].strip().splitlines()
    assert [line.split("#")[0].strip() for line in commands] == [
        "pip install -e . && vizkit lab",
        'pip install -e ".[test]" && pytest',
    ]
    for picture in re.findall(r"!\[.*?\]\((?!http)(.*?)\)", readme):
        assert (ROOT / picture).is_file(), picture


def test_no_tracked_file_is_large_or_names_a_machine():
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\0")
    for name in filter(None, tracked):
        path = ROOT / name
        if path.is_file():
            assert path.stat().st_size < 12_000_000, name
            if path.suffix in {".py", ".md", ".toml", ".yml", ".ipynb"}:
                assert str(ROOT) not in path.read_text() or str(ROOT) == "/", name


#: What the package has grown to. To raise a number is a decision: first look for what can go.
LINES = {"vizkit": 42_400, "vizkit/widgets": 6_000}


@pytest.mark.parametrize("folder", LINES)
def test_the_package_grows_only_on_purpose(folder):
    lines = sum(len(path.read_text().splitlines()) for path in (ROOT / folder).rglob("*.py"))
    assert lines <= LINES[folder]


def test_panels_are_short_functions():
    from vizkit import panels

    lengths = [len(getattr(panels, name).source.text.splitlines()) for name in panels.__all__]
    assert statistics.median(lengths) <= 30


def test_what_was_left_behind_stays_behind():
    places = [*(ROOT / "vizkit").rglob("*.py"), *SOURCES, ROOT / "pyproject.toml"]
    texts = "\n".join(path.read_text() for path in places)
    assert "ipyevents" not in texts
    assert "FigureWidget" not in texts
    assert len(re.findall(r"# fmt: (?:skip|off)", texts)) <= 10
