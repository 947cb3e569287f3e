"""Nothing that the first design's 43 panels showed was lost: before.csv lists what each had."""

import csv

import pytest

import vizkit
from tests.conftest import ROOT
from vizkit.core.assets import NOTEBOOKS
from vizkit.widgets.presets import presets_of

ROWS = list(csv.DictReader((ROOT / "tests" / "panels" / "before.csv").open(encoding="utf-8")))
BEFORE = {row["panel"] for row in ROWS}
#: What widget of today stands for one of then, by class names.
KINDS = {
    "IntSlider": {"Slider", "Channel", "Point"},
    "FloatSlider": {"Slider", "Point"},
    "Dropdown": {"OneOf", "Layer", "Class"},
    "ToggleButtons": {"OneOf", "Pictures"},
    "Combobox": {"Class"},
    "ImagePicker": {"Image"},
    "ModelPicker": {"Network"},
    "Text": {"Pictures", "Text", "Numbers", "Point"},
    "Textarea": {"Table"},
    "Checkbox": {"Toggle"},
    "SelectionSlider": {"OneOf", "Numbers"},
}


def test_all_43_panels_are_listed():
    assert len(BEFORE) == 43
    assert set(vizkit.panels.__all__) > BEFORE
    assert len(ROWS) > 380


@pytest.mark.parametrize("name", sorted(BEFORE))
def test_what_a_panel_had_it_has(name):
    function = getattr(vizkit.panels, name)
    rows = [row for row in ROWS if row["panel"] == name]
    for row in rows:
        assert function.title == row["title"]
        if row["kind"] == "control":
            control = type(function.parameters[row["is"]].control).__name__
            assert control in KINDS[row["what"]], row
        elif row["kind"] == "item":
            assert row["is"] in function.source.items, row
        elif row["kind"] == "overlay":  # the page's own slider now
            assert function.show().items[row["is"]].heat is not None, row
        elif row["kind"] == "caption":
            assert function.captions[row["is"]].startswith(row["what"]), row
        else:
            assert row["is"] in presets_of(function.title, NOTEBOOKS), row
