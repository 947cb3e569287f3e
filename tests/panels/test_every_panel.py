"""What holds of every panel of the kit: its listing makes what it shows, in every state.

For each: its first state, each control at its ends and in its middle, with another value of what it follows, a run
to its second step, one that is changed under way and one to its end. ``-m soak`` has them all; a share of them runs
every time. Presets and objects of a user's own are in test_own_objects.py.
"""

import random

import pytest

from tests.panels.every import CASES, GIVEN, PANELS, SHORT, agree, controls_of, halted, made, ready, steps_of, values_of
from vizkit.core.assets import NOTEBOOKS
from vizkit.core.steps import Step, method_of
from vizkit.widgets.agreement import disagreements
from vizkit.widgets.presets import presets_of


def test_every_control_takes_the_values_that_are_tried():
    for name, control in CASES:
        fields = controls_of(name)
        before, values = fields.values, values_of(fields, control)
        assert values, (name, control)
        for value in values:
            assert fields.change({control: value}) == {}, (name, control, value)
        fields.change(before)


#: A live argument of each panel whose run takes some, with another value.
CHANGED = {
    "boundaries": {"rate": 0.05},
    "depth_or_width": {"rate": 0.005},
    "detector_learning": {"rate": 0.002, "order": "alternating"},
    "learning": {"rate": 0.01, "dropout": 0.3},
    "listing": {"rate": 0.05},
    "between": {"variation": 20.0},
    "drawn": {"variation": 20.0},
    "invert": {"variation": 20.0, "norm": 0.5},
    "layer_strip": {"variation": 20.0},
    "one_channel": {"variation": 20.0},
    "same_code": {"variation": 20.0},
    "codes_map": {"perplexity": 12},
    "defense": {"epsilon": 0.05},
    "dream": {"rate": 6.0, "jitter": 3},
    "nothing": {"steps": 25},
    "one_pixel": {"generations": 6},
    "painter": {"beta": 20.0},
    "sticker": {"steps": 25},
    "style": {"alpha": 4.0, "tv": 0.0},
    "thumbnails": {"perplexity": 12},
    "tsne": {"perplexity": 12, "rate": 0.5},
}
#: Those of `SHORT` whose true first state, with its listing, takes less than three seconds.
QUICK = {"dream", "faces", "sticker"}
#: Items that are not the same twice: seconds, and what is extrapolated from them.
MEASURED = {
    "drawn": {"text"},
    "four_detectors": {"chart", "table"},
    "newcomer": {"text"},
    "passes": {"chart", "text"},
    "timing": {"chart", "table", "text"},
}


def test_few_items_are_measured():
    assert {name: one.source.measured for name, one in PANELS.items() if one.source.measured} == MEASURED


#: Too slow to be set to their largest in every run of the tests.
HEAVY = {"size", "patches", "count", "practice", "octaves", "steps"}


def back(panel, before):
    panel.set(**before)
    halted(panel)


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


#: Whose runs take half a minute: their notebooks run them to the end, and their first steps are compared above.
LONG = {"attributions", "forgetting", "landscape", "painter"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.soak] * (name in LONG)) for name, one in PANELS.items() if one.live]
)
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


@pytest.mark.parametrize("name", [one if one in QUICK else pytest.param(one, marks=pytest.mark.soak) for one in SHORT])
def test_the_first_state_as_a_class_sees_it(name):
    panel = PANELS[name].show(**GIVEN.get(name, {}))
    halted(panel)
    assert panel.error is None
    agree(panel, name)


def live_controls(name):
    """Return the live arguments of a panel's runs that have a control of that name."""
    taken = {one for course in made(name)._courses for one in method_of(course.method).live}
    return taken & set(made(name).controls)


def test_every_panel_whose_run_can_be_changed_is_changed():
    assert set(CHANGED) == {name for name, one in PANELS.items() if one.live and live_controls(name)}
    assert all(set(values) <= live_controls(name) for name, values in CHANGED.items())


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=pytest.mark.soak) if one in ("defense", "codes_map") else one for one in CHANGED]
)
def test_a_run_changed_under_way(name):
    panel = made(name)
    before = panel.values
    panel.pause()
    panel.step()
    at = steps_of(panel)[0].index
    panel.set(**CHANGED[name])
    panel.pause()
    assert steps_of(panel)[0].index == at, "it began anew"
    agree(panel, name)  # the look of the step before, with what has changed
    panel.step()
    panel.step()
    assert panel._courses[0].stretches[0].until == at
    assert len(panel._courses[0].stretches) == 2
    assert panel.error is None
    agree(panel, name)
    panel.reset()
    back(panel, before)


@pytest.mark.soak
@pytest.mark.parametrize(
    "name", [name for name, one in PANELS.items() if one.live and presets_of(one.title, NOTEBOOKS)]
)
def test_the_shortest_preset_to_its_end(name):
    panel = PANELS[name].show(**GIVEN.get(name, {}))
    lengths = {}
    for preset in presets_of(panel.title, NOTEBOOKS):
        panel.load_preset(preset)
        panel.pause()
        lengths[preset] = panel._courses[0].step.total
    panel.load_preset(min(lengths, key=lengths.get))
    panel.play()
    panel.wait(900)
    assert panel.error is None
    agree(panel, name)


def try_value(name, control, value, settle=ready):
    panel = made(name)
    before = panel.values
    panel.set(**{control: value})
    settle(panel)
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
    values = [one for one in values_of(panel.fields, control) if one != panel.values[control]]
    if not values:
        pytest.skip("it has one value")
    light = values[:1] if control in HEAVY else values
    try_value(name, control, random.Random(f"{name}{control}").choice(light), halted)


@pytest.mark.soak
@pytest.mark.parametrize(("name", "control"), CASES)
def test_every_value_of_each_control(name, control):
    for value in values_of(controls_of(name), control):
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
    for of in values_of(panel.fields, other):
        panel.set(**{other: of})
        ready(panel)
        assert panel.error is None
        for value in values_of(panel.fields, control)[::2]:
            panel.set(**{control: value})
            ready(panel)
            agree(panel, name, other, of)
    back(panel, before)


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
