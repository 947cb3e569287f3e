"""Every panel of the kit, made small enough for a test: what the tests of all panels share."""

import functools

import ipywidgets as widgets

import vizkit
from vizkit.core.data import clouds
from vizkit.panels import __all__ as names
from vizkit.widgets.agreement import disagreements
from vizkit.widgets.annotations import Button, Numbers, Table, Weights
from vizkit.widgets.controls import ImagePicker, ModelPicker, SourcePicker
from vizkit.widgets.fields import Fields
from vizkit.widgets.hands import Box, PlaceField

PANELS = {name: getattr(vizkit.panels, name) for name in names}
#: What makes a run short enough to be run to its end here.
SHORT = {
    "attributions": {"model": "scenes"},
    "boundaries": {"steps": 100, "count": 20},
    "dense_or_convolutional": {"steps": 50, "count": 100},
    "depth_or_width": {"steps": 20, "count": 100},
    "few_pictures": {"steps": 50},
    "film": {"steps": 100, "filters": 8},
    "learning": {"steps": 50, "count": 50, "normalized": True},
    "listing": {"epochs": 3},
    "net_descent": {"steps": 100},
    "defense": {"epochs": 2},
    "detector_learning": {"steps": 20},
    "dimensions": {"draws": 2},
    "forgetting": {"model": "scenes"},
    "gabors": {"count": 8},
    "between": {"steps": 50},
    "drawn": {"steps": 50},
    "hog_inverted": {"steps": 50},
    "hog_twins": {"steps": 50},
    "invert": {"steps": 50},
    "layer_strip": {"steps": 50},
    "one_channel": {"steps": 50},
    "same_code": {"steps": 50},
    "dream": {"steps": 2, "octaves": 2, "size": 128},
    "faces": {"steps": 16, "patches": 160},
    "painter": {"steps": 20},
    "shortest": {"steps": 5},
    "sticker": {"steps": 20},
    "success": {"count": 20},
    "transfer": {"count": 20, "nets": "viznet-small, viznet"},
    "square_maps": {"model": "scenes"},
    "style": {"steps": 20, "size": 128},
    "channels": {"steps": 16, "most": 8},
    "codes_map": {"count": 200},
    "landscape": {"depth": 1},
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
#: Not the same twice, with one torch thread either: openTSNE's interpolation, in one of three runs.
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


@functools.cache
def controls_of(name):
    """Return a panel's controls alone: nothing is computed."""
    fields = Fields(PANELS[name], settings(name), lambda _: None)
    fields.settle()
    return fields


def steps_of(panel):
    return panel.result if isinstance(panel.result, tuple) else (panel.result,)


def ready(panel):
    """Let what goes on by itself come to its end."""
    panel.wait(120)


def halted(panel):
    """Stop a run that has begun by itself where it is; let items that are drawn behind come to their end.

    A listing makes what is shown at any step: a long run teaches no more at its end, which is compared once.
    """
    if panel.function.auto:
        panel.pause()
    ready(panel)


def agree(panel, name, control="", value=None):
    without = ["map", "curve", "text"] if (name, control, str(value)) in LOOSE else []
    assert disagreements(panel, without=without) == [], (panel.share, panel.code)


def values_of(fields, name):
    """Values of a control: its ends and its middle, each of a short list's."""
    field = fields.widgets[name]
    control = fields.function.parameters[name].control
    if isinstance(field, ModelPicker):
        return ["viznet", "viznet-robust", "scenes"]
    if isinstance(field, ImagePicker):
        return [*([None] if field._nothing else []), "chelsea", "noise", "rocket"]
    if isinstance(control, Button):
        return [0, 3]
    if isinstance(field, SourcePicker):
        return ["bundled"]
    if name == "find":
        return ["", "gram", "p. 87"]
    if isinstance(control, Box):
        return [fields.values[name], (0.25, 0.125, 0.75, 0.875)]
    if name == "classes":
        return ["goldfish, lemon", "tabby"]
    if isinstance(control, Weights):
        return [fields.values[name], dict.fromkeys(list(fields.values[name])[:2], 0.5)]
    if name == "nets":
        return ["viznet, viznet-small", "viznet-small, viznet"]
    if name == "sizes":
        return [fields.values[name], (3.0, 9.0)]
    if name == "answer":
        return ["", "ab", "ABBAAB"]
    if isinstance(control, (Numbers, Table)):
        now = fields.values[name]
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
