"""A JupyterLab server for all browser tests, and a fresh page for each."""

import ast
import json
import os
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import nbformat
import pytest
from playwright.sync_api import expect

from tests.conftest import ROOT
from vizkit.browser import find_browser, open_browser
from vizkit.lab import lab_server

expect.set_options(timeout=20_000)  # two workers and a kernel each share the machine


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
            # A browser that was late is asked once more, and the report says so; an error of ours fails at once.
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=["TimeoutError", "Locator expected"]))


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Serve a copy of the notebooks; where no browser is, say why the test is skipped."""
    if find_browser() is None:
        reason = "no Chromium or Chrome was found (VIZKIT_BROWSER names another)"
        if os.environ.get("VIZKIT_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    root = tmp_path_factory.mktemp("lab")
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        nbformat.write(lesson(nbformat.read(notebook, 4)), root / notebook.name)
    with lab_server(root) as address:
        yield address


def lesson(notebook):
    """Leave out what nbval runs anyway and no panel needs: the checks, and cells that wait for the end of a run."""
    (end,) = (place for place, one in enumerate(notebook.cells) if one.source.startswith("## Checks"))
    cells = notebook.cells[:end]
    names = [names_of(one) for one in cells]
    needed, kept = set(), set()
    for place, (loads, stores) in reversed([*enumerate(names)]):
        if ".show(" in cells[place].source or stores & needed:
            kept.add(place)
            needed = needed - stores | loads
    lost = set()
    for place, (loads, stores) in enumerate(names):
        waits = ".wait(" in cells[place].source and cells[place].cell_type == "code"
        if place in kept or not (waits or loads & lost):
            kept.add(place)
            lost -= stores
        else:
            lost |= stores
    notebook.cells = [cells[place] for place in sorted(kept)]
    return notebook


def names_of(cell):
    """Return the names that a cell of code uses, and those that it gives."""
    if cell.cell_type != "code":
        return set(), set()
    loads, stores = set(), set()
    for one in ast.walk(ast.parse(cell.source)):
        if isinstance(one, ast.Name):
            (loads if isinstance(one.ctx, ast.Load) else stores).add(one.id)
        elif isinstance(one, ast.alias):
            stores.add((one.asname or one.name).partition(".")[0])
        elif isinstance(one, ast.FunctionDef):
            stores.add(one.name)
    return loads, stores


@pytest.fixture(scope="module")
def page(lab):
    with open_browser() as page:
        yield page
        mistakes = page.mistakes
    end_kernels(lab)
    assert mistakes == []


def end_kernels(lab):
    """End the kernels that a module has left: each keeps a gigabyte or two, and some are still at work."""
    parts = urlsplit(lab)
    kernels = f"{parts.scheme}://{parts.netloc}/api/kernels"
    token = {"Authorization": f"token {parse_qs(parts.query)['token'][0]}"}
    with urlopen(Request(kernels, headers=token)) as answer:
        running = [one["id"] for one in json.load(answer)]
    for one in running:
        urlopen(Request(f"{kernels}/{one}", headers=token, method="DELETE")).close()
