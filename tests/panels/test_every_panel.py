"""What holds of every panel of the kit: its listing makes what it shows, in every state.

For each: its first state, its presets, each control at its ends and in its middle, with another value
of what it follows, a run to its second step and one to its end. ``-m soak`` has them all; a share of
them runs every time.
"""

import functools
import random

import ipywidgets as widgets
import pytest

import vizkit
from vizkit.core.assets import NOTEBOOKS
from vizkit.core.data import clouds
from vizkit.core.steps import Step
from vizkit.panels import __all__ as names
from vizkit.widgets.agreement import disagreements
from vizkit.widgets.annotations import Numbers, Table, Weights
from vizkit.widgets.controls import YOURS, ImagePicker, ModelPicker, SourcePicker
from vizkit.widgets.hands import Box, PlaceField
from vizkit.widgets.presets import presets_of

PANELS = {name: getattr(vizkit.panels, name) for name in names}
#: What makes a run short enough to be run to its end here.
SHORT = {
    "defense": {"epochs": 2},
    "dream": {"steps": 2, "octaves": 2, "size": 128},
    "faces": {"steps": 16, "patches": 160},
    "painter": {"steps": 20},
    "shortest": {"steps": 5},
    "sticker": {"steps": 20},
    "success": {"count": 20},
    "transfer": {"count": 20},
    "style": {"steps": 20, "size": 128},
    "channels": {"steps": 16, "most": 8},
    "codes_map": {"count": 200},
    "landscape": {"depth": 2},
    "misreading": {"count": 60},
    "mixture": {"patches": 160},
    "neighbors": {"patches": 160},
    "nothing": {"steps": 20, "model": "scenes"},
    "one_pixel": {"generations": 5, "population": 20},
    "random_labels": {"steps": 50},
    "recipes": {"steps": 16},
    "sanity": {"count": 5, "model": "scenes"},
    "scores": {"count": 20},
    "timing": {"budget": 5},
    "widths": {"steps": 50, "count": 20},
    "thumbnails": {"count": 100},
    "tsne": {"steps": 50, "count": 300},
    "two_nets": {"steps": 16, "classes": "goldfish, lemon"},
    "wanted": {"steps": 16},
    "unit": {"patches": 160},
    "unit_sheet": {"patches": 160},
    "loudest": {"patches": 160},
}
#: Not the same twice where threads share sums: openTSNE's interpolation.
LOOSE = {("tsne", "kind", "openTSNE")}


#: What a panel must be given.
GIVEN = {
    "clusters": {"points": clouds("unequal gaps", 90)[0].float(), "labels": clouds("unequal gaps", 90)[1]},
    "newcomer": {"embedding": clouds("one cloud", 120)[0][:, :2].float()},
}


def settings(name):
    return {**SHORT.get(name, {}), **GIVEN.get(name, {})}


@functools.cache
def made(name):
    panel = PANELS[name].show(**settings(name))
    ready(panel)
    return panel


def steps_of(panel):
    return panel.result if isinstance(panel.result, tuple) else (panel.result,)


def ready(panel):
    """Let what goes on by itself come to its end."""
    panel.wait(120)


def values_of(panel, name):
    """Values of a control: its ends and its middle, each of a short list's."""
    field = panel.controls[name]
    control = panel.function.parameters[name].control
    if isinstance(field, ModelPicker):
        return ["viznet", "viznet-robust", "scenes"]
    if isinstance(field, ImagePicker):
        return [*([None] if field._nothing else []), "chelsea", "noise", "rocket"]
    if isinstance(field, SourcePicker):
        return ["bundled"]
    if name == "find":
        return ["", "gram", "p. 87"]
    if isinstance(control, Box):
        return [panel.values[name], (0.25, 0.125, 0.75, 0.875)]
    if name == "classes":
        return ["goldfish, lemon", "tabby"]
    if isinstance(control, Weights):
        return [panel.values[name], dict.fromkeys(list(panel.values[name])[:2], 0.5)]
    if name == "nets":
        return ["viznet, viznet-small", "viznet-small, viznet"]
    if name == "answer":
        return ["", "ab", "ABBAAB"]
    if isinstance(control, (Numbers, Table)):
        now = panel.values[name]
        return [now, tuple(tuple(-x for x in row) if isinstance(row, tuple) else -row for row in now)]
    if isinstance(field, PlaceField):
        return [(0.0, 0.0), (0.5, 0.25), (1.0, 1.0)]
    if isinstance(field, widgets.Checkbox):
        return [False, True]
    if hasattr(field, "min"):
        middle = (field.min + field.max) / 2
        return [field.min, type(field.min)(middle) if isinstance(field.step, int) else middle, field.max]
    if hasattr(field, "options"):
        options = [one[1] if isinstance(one, tuple) else one for one in field.options]
        picked = options if len(options) <= 6 else [options[0], options[len(options) // 2], options[-1]]
        return [control.read(one) for one in picked]
    raise AssertionError(f"{name} has a control of no known kind")


CASES = [
    (name, control)
    for name, panel in PANELS.items()
    for control, one in panel.parameters.items()
    if one.control is not None
]


def test_every_control_has_values_to_try():
    for name, control in CASES:
        assert values_of(made(name), control), (name, control)


#: Too slow to be set to their largest in every run of the tests.
HEAVY = {"size", "patches", "count", "practice", "octaves", "steps"}


def agree(panel, name, control="", value=None):
    without = ["map", "curve", "text"] if (name, control, str(value)) in LOOSE else []
    assert disagreements(panel, without=without) == [], (panel.share, panel.code)


def back(panel, before):
    panel.set(**before)
    ready(panel)


@pytest.mark.parametrize("name", PANELS)
def test_the_first_state_and_two_steps(name):
    panel = made(name)
    assert panel.error is None
    agree(panel, name)
    if panel.function.live:
        panel.step()
        assert panel.error is None
        assert isinstance(steps_of(panel)[0], Step)
        agree(panel, name)
    panel.reset()
    ready(panel)


@pytest.mark.parametrize("name", [name for name, one in PANELS.items() if one.live])
def test_a_run_to_its_end(name):
    panel = made(name)
    panel.play()
    panel.wait(300)
    assert all(step.index <= step.total for step in steps_of(panel))
    if name != "one_pixel":  # which ends at its first success
        assert all(step.index == step.total for step in steps_of(panel))
    assert panel.error is None
    agree(panel, name)
    panel.reset()


def try_value(name, control, value):
    panel = made(name)
    before = panel.values
    try:
        panel.set(**{control: value})
    except ValueError as error:
        assert "cannot be" in str(error)  # noqa: PT017
        return
    ready(panel)
    assert panel.error is None, panel.error
    agree(panel, name, control, value)
    back(panel, before)


def some_of(name):
    """Two controls of each panel are tried in every run of the tests."""
    mine = [one for one in CASES if one[0] == name]
    return random.Random(name).sample(mine, min(2, len(mine)))


@pytest.mark.parametrize(("name", "control"), [one for name in PANELS for one in some_of(name)])
def test_another_value_of_some_controls(name, control):
    panel = made(name)
    values = [one for one in values_of(panel, control) if one != panel.values[control]]
    if not values:
        pytest.skip("it has one value")
    light = values[:1] if control in HEAVY else values
    try_value(name, control, random.Random(f"{name}{control}").choice(light))


@pytest.mark.soak
@pytest.mark.parametrize(("name", "control"), CASES)
def test_every_value_of_each_control(name, control):
    for value in values_of(made(name), control):
        try_value(name, control, value)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("name", "control", "other"),
    [
        (name, control, other)
        for name, control in CASES
        for other in PANELS[name].parameters[control].needs
        if other in dict.fromkeys(one for of, one in CASES if of == name)
    ],
)
def test_pairs_of_which_one_follows_the_other(name, control, other):
    panel = made(name)
    before = panel.values
    for of in values_of(panel, other):
        panel.set(**{other: of})
        ready(panel)
        assert panel.error is None
        for value in values_of(panel, control)[::2]:
            panel.set(**{control: value})
            ready(panel)
            agree(panel, name, other, of)
    back(panel, before)


PRESETS = [(name, preset) for name, one in PANELS.items() for preset in presets_of(one.title, NOTEBOOKS)]


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_the_listing_of_each_preset(name, preset):
    panel = PANELS[name].show()
    first = panel.values
    panel.load_preset(preset)
    ready(panel)
    assert panel.error is None
    assert panel.values != first, "it would change nothing"
    agree(panel, name)


# That it can fail ------------------------------------------------------------------------------


def test_a_value_swapped_in_a_controls_line_is_seen():
    panel = made("cut_out")
    assert "smooth = 3.0" in panel.code
    assert disagreements(panel, code=panel.code.replace("smooth = 3.0", "smooth = 4.5")) == ["cut"]


def test_a_run_stopped_one_step_early_is_seen():
    panel = made("dream")
    panel.reset()
    panel.step()
    panel.step()
    early = panel.code.replace("index == 3", "index == 2")
    assert early != panel.code
    assert disagreements(panel) == []
    assert "picture" in disagreements(panel, code=early)
    panel.reset()


def test_a_patched_constant_in_the_function_is_seen(monkeypatch):
    panel = PANELS["repaint"].show()
    code = panel.function.function.__code__
    assert "The picture, repainted" in code.co_consts
    constants = tuple("otherwise" if one == "The picture, repainted" else one for one in code.co_consts)
    monkeypatch.setattr(panel.function.function, "__code__", code.replace(co_consts=constants))
    panel.set(strength=0.5)
    assert disagreements(panel) == ["picture"]


def test_objects_of_ones_own_enter_every_panel_that_takes_some(viznet):
    picture = vizkit.load_image("flower", 96)
    for name, function in PANELS.items():
        parameters = function.parameters
        given = {one: picture for one in ("picture", "content") if one in parameters}
        own = {**given, "model": viznet.net} if "model" in parameters else given
        panel = function.show(**{**settings(name), **own})
        ready(panel)
        assert panel.error is None, (name, panel.error)
        assert all(panel.values[one] == YOURS for one in given)
        if name not in ("tsne",):
            assert disagreements(panel) == [], (name, panel.code)
