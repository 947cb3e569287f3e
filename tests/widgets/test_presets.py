"""Presets: what is saved comes back, what cannot be is refused, those of the kit can be shown."""

import json
from typing import Annotated

import pytest

import vizkit
from tests.conftest import ROOT
from vizkit.widgets import FUNCTIONS, OneOf, Slider
from vizkit.widgets.presets import Preset, prepared, presets_of, read_preset

for name in vizkit.panels.__all__:
    getattr(vizkit.panels, name)  # loaded when it is first asked for
CASES = [(notebook, preset) for notebook, presets in prepared().items() for preset in presets]


@vizkit.panel("Small")
def small(
    group: Annotated[str, OneOf(("few", "many"))] = "few",
    index: Annotated[int, Slider(0, lambda group: 3 if group == "few" else 300)] = 0,
):
    """One control follows the other."""
    return {"group": group, "index": index}, {"text": f"{group} {index}"}


def small_panel():
    return small.show()


def test_every_notebook_has_prepared_ones():
    stems = {path.stem for path in (ROOT / "notebooks").glob("[01][0-9]*_*.ipynb")} - {"00_start"}
    assert set(prepared()) == stems
    assert all(2 <= len(presets) <= 9 for presets in prepared().values())
    assert all(preset.say for _, preset in CASES)


@pytest.mark.parametrize(("notebook", "preset"), CASES, ids=lambda one: getattr(one, "name", one))
def test_a_prepared_state_can_be_shown(notebook, preset):
    panel = FUNCTIONS[preset.panel].show()
    first = panel.values
    panel.load_preset(preset.name)
    assert panel.error is None
    now = {name: panel.values[name] for name in preset.values}
    assert json.loads(json.dumps(now)) == preset.values
    assert panel.values != first, "it would change nothing"
    name = panel.function.name
    source = (ROOT / "notebooks" / "source" / f"{notebook}.py").read_text()
    assert f"panels.{name}.show(" in source, "the preset's panel is in its notebook"


def test_what_is_saved_comes_back(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    panel = small_panel()
    panel.set(group="many", index=200)
    path = panel.save_preset(name="far out", say="look")
    assert path.name == "vizkit-small-1.preset.json"
    assert read_preset(path) == Preset("far out", "Small", {"group": "many", "index": 200}, "look")
    panel.reset()
    assert panel.values == {"group": "few", "index": 0}
    # the range of one control follows the other: the order must not matter
    panel.load_preset("far out")
    assert panel.result == {"group": "many", "index": 200}
    other = small_panel()
    other.load_preset(path)
    assert other.values == panel.values
    assert panel.save_preset().name == "vizkit-small-2.preset.json", "none is overwritten"


def test_the_list_on_the_page_loads_and_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    panel = small_panel()
    panel.set(group="many", index=120)
    panel.save_preset(name="far out", say="look <here>")
    panel.reset()
    choose, say = panel._preset_bar.list, panel._preset_bar.say
    assert choose.options == (("choose one", ""), ("far out", "far out"))
    choose.value = "far out"
    assert panel.result["index"] == 120
    assert say.value == "look &lt;here&gt;"
    (tmp_path / "vizkit-small-1.preset.json").write_text("{}")
    choose.value = ""
    choose.value = "far out"  # it has gone meanwhile
    assert "there is no far out" in panel.status
    assert panel.result["index"] == 120


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"panel": "Other"}, "must be of 'Small', got one of 'Other'"),
        ({"values": {"indes": 2}}, "did you mean 'index'"),
        ({"values": {"group": "none"}}, "group cannot be 'none' here"),
        ({"values": {"index": 7}}, r"index cannot be 7 here \(the nearest is 3\)"),
        ({"values": {"index": "x"}}, "index cannot be 'x' here"),
        ({"values": 3}, "must be JSON with panel, name and values"),
        ({"say": 3}, "name, panel and say are words"),
        ({"name": ["a"]}, "name, panel and say are words"),
    ],
)
def test_a_preset_that_cannot_be_is_refused_and_nothing_changes(tmp_path, change, message):
    panel = small_panel()
    panel.set(group="many", index=30)
    path = tmp_path / "one.preset.json"
    path.write_text(json.dumps({"panel": "Small", "name": "one", "values": {}, **change}))
    with pytest.raises(ValueError, match=message):
        panel.load_preset(path)
    assert panel.values == {"group": "many", "index": 30}
    assert panel.result == panel.values


def test_a_file_that_is_none(tmp_path):
    panel = small_panel()
    with pytest.raises(FileNotFoundError, match="there is no"):
        panel.load_preset(tmp_path / "none.preset.json")
    (tmp_path / "cut.preset.json").write_text('{"panel": "Small", "na')
    with pytest.raises(ValueError, match=r"cut\.preset\.json must be JSON"):
        panel.load_preset(tmp_path / "cut.preset.json")
    assert presets_of("Small", tmp_path) == {}, "a broken file is not offered"


def test_a_picture_that_is_gone_changes_nothing(tmp_path):
    panel = vizkit.panels.dream.show()
    before = panel.values
    path = tmp_path / "gone.preset.json"
    Preset("gone", "DeepDream", {"picture": "astronaut", "guide": "mine.jpg"}).write(path)
    with pytest.raises(ValueError, match=r"guide cannot be 'mine\.jpg' here"):
        panel.load_preset(path)
    assert panel.values == before


def test_a_run_goes_back_when_a_preset_is_loaded():
    panel = vizkit.panels.nothing.show(steps=20)
    panel.play()
    panel.wait(60)
    assert panel.result.index == 20
    panel.set(kind="gradient", seed=2)
    assert panel.result.index == 1
