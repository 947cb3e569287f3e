"""Around every notebook's cells that nbval runs: a cell that the index of slides names must show something."""

import pytest
from nbval.plugin import IPyNbCell

from tests.conftest import ROOT
from tests.index import complaint


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Fail a cell that has run and shows nothing, though a slide is said to live in it."""
    result = yield
    lecture = isinstance(item, IPyNbCell) and item.path.parent == ROOT / "notebooks"
    if lecture and (problem := complaint(item.path.stem, item.cell_num, item.test_outputs)):
        item.raise_cell_error(problem)
    return result
