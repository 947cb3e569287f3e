"""The final project's papers: every rubric adds up."""

import re

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize(("paper", "totals"), [("proposal", [25, 25]), ("template", [100])])
def test_the_points_of_each_rubric_are_its_total(paper, totals):
    text = (ROOT / "notebooks" / "source" / "project" / f"{paper}.py").read_text()
    points, found = 0, []
    for total, row in re.findall(r"^# \|[^|]*\| (?:\*\*(\d+)\*\*|(\d+)) \|", text, re.M):
        if total:
            assert points == int(total)
            found, points = [*found, points], 0
        else:
            points += int(row)
    assert found == totals
