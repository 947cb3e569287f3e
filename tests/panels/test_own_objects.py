"""Presets, and objects of a user's own, in every panel that has or takes some: the listing makes what is shown."""

import pytest

import vizkit
from tests.panels.every import PANELS, agree, halted, settings
from vizkit.core.assets import NOTEBOOKS
from vizkit.widgets.controls import YOURS
from vizkit.widgets.presets import presets_of

PRESETS = [(name, preset) for name, one in PANELS.items() for preset in presets_of(one.title, NOTEBOOKS)]


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_the_listing_of_each_preset(name, preset):
    panel = PANELS[name].show()
    first = panel.values
    panel.load_preset(preset)
    halted(panel)
    assert panel.error is None
    assert panel.values != first, "it would change nothing"
    agree(panel, name)


def own_parameters(name):
    """Return what a user's own picture and net can stand for."""
    return [one for one in ("picture", "content", "model") if one in PANELS[name].parameters]


@pytest.mark.parametrize("name", [name for name in PANELS if own_parameters(name)])
def test_objects_of_ones_own_enter_every_panel_that_takes_some(name):
    net = vizkit.load_model(settings(name).get("model", "viznet")).net
    picture = vizkit.load_image("flower", 96)
    own = {one: net if one == "model" else picture for one in own_parameters(name)}
    panel = PANELS[name].show(**{**settings(name), **own})
    halted(panel)
    assert panel.error is None
    assert all(panel.values[one] == YOURS for one in own)
    agree(panel, name)
