"""A JupyterLab server for all browser tests, and a fresh page for each."""

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
    """Leave out the checks behind the lesson: nbval runs them, and they would keep the page waiting."""
    (end,) = (place for place, one in enumerate(notebook.cells) if one.source.startswith("## Checks"))
    notebook.cells = notebook.cells[:end]
    return notebook


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
