"""A JupyterLab server for all browser tests, and a fresh page for each."""

import os
import shutil

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
        shutil.copy(notebook, root)
    with lab_server(root) as address:
        yield address


@pytest.fixture(scope="module")
def page(lab):
    with open_browser() as page:
        yield page
        assert page.mistakes == []
