"""A plain function becomes a panel: its controls, its calls, its errors, its runs, its listing."""

import datetime
import json
import threading
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Annotated, Any

import numpy as np
import plotly.graph_objects as go
import pytest
import torch
from PIL import Image as Pillow
from torch import nn

import vizkit
from tests.panels.tools import until
from vizkit.core.steps import Step, step_method
from vizkit.figures.pictures import photo, tiles
from vizkit.figures.raster import Html
from vizkit.widgets import (
    Box,
    Button,
    Cells,
    Channel,
    Class,
    Curve,
    Form,
    Layer,
    Measured,
    Model,
    Numbers,
    On,
    OneOf,
    Picture,
    Pictures,
    Place,
    Point,
    Points,
    Run,
    Slider,
    Table,
    Text,
    Tile,
    Toggle,
    Weights,
    When,
    direct,
    live,
    running,
)
from vizkit.widgets.agreement import disagreements, shown_by

FACTOR = 2.0
NOW = datetime.datetime.now(datetime.UTC)


def doubled(value):
    return FACTOR * value


@vizkit.panel("Brighter")
def brighter(
    picture: Picture = "chelsea", model: Model = "viznet", gain: Annotated[float, Slider(0.0, 3.0, 0.1)] = 1.5
):
    """Every pixel, a little brighter.

    Shows
    -----
    picture : what came out
    """
    # the author's own comment
    seen = (gain * picture).clamp(0, 1)
    return seen, {"picture": photo(seen, "brighter"), "text": f"mean **{float(seen.mean()):.3f}** <b>"}


@dataclass(frozen=True)
class CountStep(Step):
    total_so_far: float
    log: tuple[float, ...]


@step_method(live={"rate"})
def count_steps(start: float, *, rate: float = 1.0, steps: int = 6, resume: Any = None):
    value, log = (resume.total_so_far, resume.log) if resume else (start, ())
    for index in range(resume.index if resume else 0, steps):
        value = value + rate
        log = (*log, value)
        yield CountStep(index + 1, steps, value, log)


@step_method()
def slow_steps(count: int = 5, *, resume: Any = None):
    for index in range(resume.index if resume else 0, count):
        time.sleep(0.02)
        yield Step(index + 1, count)


@vizkit.panel("Counting")
def counting(
    start: Annotated[float, Slider(0.0, 10.0, 1.0)] = 0.0,
    rate: Annotated[float, Slider(0.0, 5.0, 0.5)] = 1.0,
    look: Annotated[str, OneOf(("plain", "loud"))] = "plain",
    *,
    steps: Annotated[int, Slider(1, 50)] = 6,
    run: Run = direct,
):
    """A run that can be followed by eye."""
    begin = doubled(start)  # a helper of the module
    note = "!" if look == "loud" else ""
    for step in run(count_steps, begin, rate=rate, steps=steps):
        written = ", ".join(f"{one:g}" for one in step.log)
        yield step, {"text": f"{written}{note}", "total": f"{step.total_so_far:g}"}


# Calls and values ------------------------------------------------------------------------------


def test_it_stays_a_plain_function():
    result, items = brighter(torch.full((3, 8, 9), 0.25), "viznet", 2.0)
    assert result.unique().tolist() == [0.5]
    assert items["picture"].pixels.shape == (8, 9, 3)
    steps = list(counting(1.0, rate=2.0))
    assert [items["total"] for _, items in steps] == ["4", "6", "8", "10", "12", "14"]
    assert brighter.__name__ == "brighter"
    assert "Every pixel" in brighter.__doc__
    assert "Brighter" in repr(brighter)


def test_a_value_set_in_a_cell_takes_the_hands_way():
    panel = brighter.show(gain=2.0)
    assert panel.values == {"picture": "chelsea", "model": "viznet", "gain": 2.0}
    before = panel.result
    panel.controls["gain"].value = 0.5
    assert float(panel.result.max()) <= 0.5
    assert panel.result is not before
    panel.set(picture="coffee", gain=1.0)
    assert torch.equal(panel.result, vizkit.load_image("coffee"))
    panel.reset()
    assert panel.values["gain"] == 2.0
    assert panel.shown["text"].value.endswith("&lt;b&gt;"), "a text is escaped"
    assert "<b>" in panel.shown["text"].value, "and its bold words are bold"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"gian": 1.0}, "did you mean 'gain'"),
        ({"gain": 7.0}, r"gain cannot be 7.0 here \(the nearest is 3.0\)"),
        ({"picture": "no/such.png"}, "picture cannot be 'no/such.png' here"),
        ({"model": "vizent"}, "model cannot be 'vizent' here"),
        ({"gain": "x"}, "gain cannot be 'x' here"),
    ],
)
def test_what_a_control_cannot_take_is_refused_and_nothing_changes(values, message):
    panel = brighter.show()
    before, result = panel.values, panel.result
    with pytest.raises(ValueError, match=message):
        panel.set(**{"gain": 2.0, **values})
    assert panel.values == before
    assert panel.result is result


def test_show_refuses_too():
    with pytest.raises(ValueError, match="parameter of brighter 'gian' is not known"):
        brighter.show(gian=2)
    with pytest.raises(ValueError, match=r"gain cannot be 9\.0 here, the nearest is 3\.0"):
        brighter.show(gain=9.0)


@pytest.mark.parametrize("kind", ["tensor", "array", "pil", "path"])
def test_any_picture_goes_in(kind, tmp_path):
    tensor = torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(1))
    pixels = (tensor.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    Pillow.fromarray(pixels).save(tmp_path / "mine.png")
    given = {"tensor": tensor, "array": pixels, "pil": Pillow.fromarray(pixels), "path": tmp_path / "mine.png"}[kind]
    panel = brighter.show(picture=given, gain=1.0)
    assert torch.allclose(panel.result, tensor, atol=0.51 / 255)
    if kind == "tensor":
        assert torch.equal(panel.result, tensor), "bit for bit: a small attack survives"
    if kind == "path":
        assert str(given) in panel.code
    else:
        assert "# picture: yours" in panel.code
    assert disagreements(panel) == []
    panel.set(picture="coffee")
    if kind != "path":
        panel.set(picture="yours")
        assert torch.allclose(panel.result, tensor, atol=0.51 / 255), "it is still offered"


def test_a_net_of_ones_own_goes_in():
    net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4))
    panel = layered.show(model=net)
    assert panel.error is None
    assert panel.values["layer"] == "0"
    assert panel.controls["channel"].max == 4
    assert "model = vizkit.load_model(model)  # model: yours" in panel.code
    panel.set(model="viznet")
    assert panel.values["layer"] == "conv1"
    panel.set(model=net, channel=4)
    assert panel.result == ("0", 4)


@vizkit.panel("Layered")
def layered(
    model: Model = "viznet",
    layer: Annotated[Any, Layer(of="model")] = None,
    channel: Annotated[int, Channel(of="layer")] = 0,
    target: Annotated[str | None, Class(of="model", none="any")] = None,
    count: Annotated[int, Slider(1, lambda channel: 10 + channel)] = 5,
    extra: Annotated[int, Slider(0, 3), When(lambda count: count > 6)] = 1,
):
    """Controls that follow each other."""
    shape = model.layers[layer].shape
    return (layer, channel), {"text": f"{layer} {channel} {target} {count} {extra} {shape}"}


def test_bounds_and_options_follow_other_controls():
    panel = layered.show()
    assert panel.controls["channel"].max == 47
    panel.set(channel=40, count=50)
    assert panel.controls["count"].max == 50
    panel.set(layer="conv2", channel=60, count=70)  # in whatever order they are given
    panel.set(layer="conv1")
    assert panel.values["channel"] == 47
    assert panel.values["count"] == 57
    panel.set(target="goldfish")
    panel.set(model="scenes")
    assert panel.values["target"] is None, "scenes knows no goldfish"
    assert panel.controls["extra"].layout.display == ""
    panel.set(count=3)
    assert panel.controls["extra"].layout.display == "none", "it is there when it counts"
    assert "target = None" in panel.code


def test_forms_and_other_controls():
    panel = formed.show()
    assert panel.result == (3, (1.0, 2.5), {"relu3": 1.0, "relu5": 0.5}, ((1.0, 2.0), (3.0, 4.0)), 0)
    panel.controls["again"].click()
    assert panel.result[-1] == 1, "a button counts"
    panel.controls["numbers"].value = "4, 5 6"
    panel.controls["table"].value = "1 2\n3 4\n5 6"
    assert panel.result[1] == (4.0, 5.0, 6.0)
    assert len(panel.result[3]) == 3
    panel.set(high=7)
    assert panel.result[0] == 8
    assert disagreements(panel) == []
    assert "what = 8" in panel.code
    panel.controls["numbers"].value = "4, five"
    assert "numbers between commas, got '4, five'" in str(panel.error)
    assert panel.result[1] == (4.0, 5.0, 6.0), "the last good result stays"
    panel.controls["numbers"].value = "1"
    assert panel.error is None
    panel.controls["weights"].value = "relu33 1"
    assert "did you mean 'relu3'" in str(panel.error)


def added(high: Annotated[int, Slider(0, 9)] = 2, low: Annotated[int, Slider(0, 9)] = 1):
    return high + low


@vizkit.panel("Formed")
def formed(
    model: Model = "viznet",
    what: Annotated[Any, Form(added)] = None,
    numbers: Annotated[tuple[float, ...], Numbers()] = (1.0, 2.5),
    weights: Annotated[dict[str, float], Weights(of="model")] = {"relu3": 1.0, "relu5": 0.5},  # noqa: B006
    table: Annotated[Any, Table()] = ((1.0, 2.0), (3.0, 4.0)),
    word: Annotated[str, Text("a word")] = "hello",
    on: Annotated[bool, Toggle()] = False,
    *,
    again: Annotated[int, Button("another draw")] = 0,
):
    """One of each."""
    return (what, numbers, weights, table, again), {"text": f"{what} {numbers} {word} {on} {again}"}


def test_pictures_are_uploaded_where_many_are_taken(tmp_path):
    from tests.widgets.test_controls import png

    panel = many.show()
    assert panel.result == "bundled"
    upload = panel.controls["pictures"]._upload
    upload.value = [
        {"name": f"up{i}.png", "content": png(), "type": "image/png", "size": 1, "last_modified": NOW} for i in range(2)
    ]
    assert panel.result == ("up0.png", "up1.png")
    upload.value = [{"name": "no.png", "content": b"x", "type": "", "size": 1, "last_modified": NOW}]
    assert "no.png is no picture" in str(panel.error)
    panel.set(pictures=str(tmp_path))
    assert panel.result == str(tmp_path)
    assert many.show(pictures=[1, 2]).result == [1, 2]


@vizkit.panel("Many")
def many(pictures: Annotated[Any, Pictures()] = "bundled"):
    """Many pictures."""
    return pictures, {"text": f"{pictures}"}


def test_a_parameter_without_a_control_is_given():
    with pytest.raises(TypeError, match="plain needs points, which has no default"):
        plain.show()
    points = torch.arange(6.0)
    panel = plain.show(points=points)
    assert "# points: yours" in panel.code
    assert disagreements(panel) == []
    assert plain(points)["text"] == "30"


@vizkit.panel("Plain")
def plain(points: Any, factor: Annotated[int, Slider(1, 4)] = 2):
    """Only items, no result."""
    return {"text": f"{float(points.sum()) * factor:g}"}


# Hands -----------------------------------------------------------------------------------------


@vizkit.panel("Hands", layout="picture sheet / chart text")
def hands(
    at: Annotated[Place, On("picture", Point)] = (0.5, 0.5),
    box: Annotated[Any, On("picture", Box)] = (0.1, 0.1, 0.2, 0.2),
    tile: Annotated[int, On("sheet", Tile), Slider(0, 5)] = 0,
    inner: Annotated[Place | None, On("sheet", Point(tile=0))] = None,
    dots: Annotated[Any, On("picture", Points)] = (),
    line: Annotated[Any, On("picture", Curve)] = (),
    there: Annotated[Place, On("chart", Point(x=(0, 10), y=(0, 100)))] = (5.0, 50.0),
):
    """A hand on everything."""
    picture = torch.zeros(3, 50, 100)
    sheet = tiles(torch.linspace(0, 1, 1800).view(6, 3, 10, 10), "six", columns=3, gap=2)
    chart = go.Figure(go.Scatter(x=[1, 2, 3], y=[10, 20, 30]))
    return (at, box, tile), {
        "picture": photo(picture, "a picture"),
        "sheet": sheet,
        "chart": chart,
        "text": f"{at} {box} {tile} {inner} {dots} {line} {there}",
    }


def hand(panel, name):
    """The hand of a parameter, moved as the browser's events move it."""
    one = panel.function.parameters[name].hand
    moved = []

    class Shown(type(panel.shown[one.item])):
        def __init__(self):
            pass

        raster = panel.items[one.item]

        def on_hand(self, callback, gesture):
            moved.append(callback)

    one.attach(Shown(), lambda: panel.values[name], lambda new: panel.set(**{name: new}))
    return moved[0]


def test_a_hand_on_a_picture_is_a_control():
    panel = hands.show()
    move = hand(panel, "at")
    move(True, 24, 39)
    assert panel.values["at"] == (0.245, 0.79)
    move(False, 99, 0)
    assert panel.values["at"] == (0.995, 0.01)
    panel.controls["at"].children[0].value = 0.25  # the keyboard's way
    assert panel.values["at"] == (0.25, 0.01)
    move = hand(panel, "box")
    move(True, 80, 40)
    move(False, 20, 10)
    assert panel.values["box"] == pytest.approx((0.205, 0.21, 0.805, 0.81))
    move = hand(panel, "dots")
    move(True, 10, 10)
    move(True, 50, 25)
    move(True, 51, 25)  # on the second one: it goes
    assert panel.values["dots"] == ((0.105, 0.21),)
    move = hand(panel, "line")
    move([(0, 0), (10, 10), (20, 20)])
    assert panel.values["line"] == ((0.005, 0.01), (0.105, 0.21), (0.205, 0.41))
    move([(5, 5)])
    assert len(panel.values["line"]) == 1, "pressing begins anew"
    assert disagreements(panel) == []


@vizkit.panel("Cells by hand")
def by_hand(rows: Annotated[Any, On("cells", Cells(step=0.5))] = ((0.0, 1.0), (2.0, 3.0))):
    """A table whose numbers are changed on its picture."""
    return rows, {"cells": photo(torch.zeros(3, 80, 80), "cells"), "text": f"{rows}"}


def test_a_number_is_pressed_or_dragged_up_and_down():
    panel = by_hand.show()
    move = hand(panel, "rows")
    move(True, 60, 10)  # the upper half of the cell at the upper right
    assert panel.values["rows"] == ((0, 1.5), (2, 3))
    move(True, 10, 75)  # the lower half of the one at the lower left
    assert panel.values["rows"] == ((0, 1.5), (1.5, 3))
    move(True, 10, 45)
    move(False, 10, 5)  # up by one cell: two steps, from where it was when it was pressed
    assert panel.values["rows"] == ((0, 1.5), (2.5, 3))
    move(False, 10, 79)
    assert panel.values["rows"] == ((0, 1.5), (1, 3)), "the same drag, down again: no more than the way it went"
    panel.controls["rows"].value = "1, 2\n3, 4"  # the keyboard's way
    assert panel.values["rows"] == ((1, 2), (3, 4))
    panel.controls["rows"].value = "1, 2\n3, four"
    assert panel.items["text"] == "((1.0, 2.0), (3.0, 4.0))", "the last good state stays"
    move(True, 60, 10)
    assert panel.items["text"] == "((1.0, 2.0), (3.0, 4.0))", "there is no number to go on from"
    panel.controls["rows"].value = "1, 2\n3, 5"
    assert disagreements(panel) == []


def test_a_tile_and_a_slider_are_one_control():
    panel = hands.show()
    sheet = panel.items["sheet"]
    x0, y0, *_ = sheet.box(4)
    hand(panel, "tile")(True, x0 + 3, y0 + 3)
    assert panel.values["tile"] == 4
    hand(panel, "tile")(True, 0, 0)  # the gap belongs to the first tile
    move = hand(panel, "inner")
    move(True, x0, y0)
    assert panel.values["inner"] is None, "beside its tile it does nothing"
    left, top, right, bottom = sheet.picture_box(0)
    move(True, (left + right) // 2, (top + bottom) // 2)
    assert panel.values["inner"] == pytest.approx((0.55, 0.55))


def test_a_hand_on_a_chart():
    panel = hands.show()
    panel.shown["chart"]._handle_custom_msg({"kind": "click", "trace": 0, "x": [2], "y": [20]}, [])
    assert panel.values["there"] == (2.0, 20.0)


# Runs ------------------------------------------------------------------------------------------


def test_looks_draw_at_once_and_restart_nothing():
    panel = counting.show()
    for _ in range(3):
        panel.step()
    course = panel._courses[0]
    panel.set(look="loud")
    assert panel.result.index == 4
    assert panel._courses[0] is course, "the same run"
    assert panel.items["text"] == "1, 2, 3, 4!"
    assert disagreements(panel) == []


def test_what_the_method_takes_under_way_goes_on_from_the_present_step():
    panel = counting.show()
    panel.step()
    panel.set(rate=5.0)
    assert panel.result.index == 2, "the present step first"
    panel.step()
    panel.step()
    panel.set(rate=0.5)
    panel.set(rate=1.5, look="loud")  # no step was taken at 0.5
    panel.step()
    assert panel.result.log == (1, 2, 7, 12, 13.5)
    assert disagreements(panel) == []
    assert "for until, rate in [(2, 1.0), (4, 5.0), (5, 1.5)]:" in panel.code
    panel.play()
    assert panel.wait(10).log == (1, 2, 7, 12, 13.5, 15)
    assert disagreements(panel) == []


def test_anything_else_begins_anew():
    panel = counting.show()
    panel.step()
    panel.set(start=2.0)
    assert panel.result.log == (5,)
    panel.step()
    panel.set(steps=3)
    assert panel.result.index == 1
    panel.play()
    assert panel.wait(10).index == 3
    panel.play()  # at its end: once more
    assert panel.wait(10).index == 3


def test_a_run_is_stopped_and_goes_on_where_it_was():
    panel = slowly.show(count=60)
    panel.play()
    time.sleep(0.15)
    assert panel.running
    assert panel._button["Play"].description == "Pause"
    panel.pause()
    assert not panel.running
    stopped = panel.result.index
    assert 1 < stopped < 60
    assert disagreements(panel) == []
    assert panel._button["Play"].description == "Play"
    panel.step()
    assert panel.result.index == stopped + 1
    panel.play()
    with pytest.raises(TimeoutError, match="did not end within"):
        panel.wait(0.05)
    panel.set(count=5)  # while it runs: a new run, running
    assert panel.wait(10).index == 5
    panel.reset()
    assert (panel.result.index, panel.values["count"]) == (1, 60)


@vizkit.panel("Slowly")
def slowly(count: Annotated[int, Slider(1, 100)] = 5, look: Annotated[int, Slider(0, 1000)] = 0, *, run: Run = direct):
    """Slow enough to be stopped."""
    for step in run(slow_steps, count):
        yield step, {"text": f"{step.index} {look}"}


def test_a_drag_while_it_runs_is_drawn_with_the_new_value():
    panel = slowly.show(count=40)
    panel.play()
    for look in range(0, 1000, 97):
        panel.set(look=look)
        assert panel.items["text"].split()[1] == str(look), "there when the cell goes on"
    assert panel.wait(10).index == 40
    assert panel.items["text"] == f"40 {look}"
    assert panel.error is None


def test_several_threads_set_controls_at_once():
    panel = slowly.show(count=30)
    panel.play()
    threads = [threading.Thread(target=lambda n=n: panel.set(look=n), daemon=True) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    panel.wait(10)
    assert panel.error is None
    assert panel.items["text"] == f"30 {panel.values['look']}"


@vizkit.panel("Two runs")
def two_runs(
    rate: Annotated[float, Slider(0.0, 5.0, 0.5)] = 1.0,
    start: Annotated[float, Slider(0.0, 5.0, 0.5)] = 0.0,
    *,
    run: Run = direct,
):
    """Side by side."""
    for one, two in zip(run(count_steps, start, rate=rate), run(count_steps, 100.0), strict=False):
        yield two, {"text": f"{one.total_so_far:g} and {two.total_so_far:g}"}


def test_two_runs_in_one_panel():
    panel = two_runs.show()
    panel.step()
    panel.step()
    assert panel.items["text"] == "3 and 103"
    panel.set(rate=2.0)
    panel.step()
    assert panel.items["text"] == "5 and 104", "each goes on"
    assert disagreements(panel) == []
    panel.play()
    panel.wait(10)
    assert panel.items["text"] == "9 and 106"
    assert disagreements(panel) == []
    panel.set(start=1.0)
    assert panel.items["text"].startswith("3 and"), "one begins anew, the other stays"
    assert disagreements(panel) == []


@vizkit.panel("Behind it")
def behind(count: Annotated[int, Slider(1, 60)] = 12, word: Annotated[str, OneOf(("step", "batch"))] = "step"):
    """A run goes on behind it."""
    return word, {"now": f"{word}s so far:", "run": live(slow_steps, count, draw=lambda step: f"{word} {step.index}")}


def test_a_run_in_the_background_goes_on_while_controls_move():
    panel = behind.show(count=40)
    time.sleep(0.1)
    panel.set(word="batch")
    before = panel.steps["run"].index
    assert 0 < before < 40
    assert panel.items["run"].startswith("batch")
    panel.wait(20)
    assert panel.items["run"] == "batch 40"
    assert disagreements(panel) == []
    panel.set(count=5)
    panel.wait(20)
    assert panel.items["run"] == "batch 5"
    panel.set(count=50)
    panel.pause()
    stopped = panel.steps["run"]
    assert disagreements(panel) == [] if stopped else True
    panel.play()
    panel.wait(20)
    assert panel.items["run"] == "batch 50"
    assert behind(count=3)[1]["run"] == "step 3", "a plain call runs it to its end"


@vizkit.panel("Follower")
def follower(counted: Any, factor: Annotated[int, Slider(1, 9)] = 2):
    """Takes another panel's result."""
    return {"text": f"{factor * counted.total_so_far:g}"}


def test_a_panels_result_is_anothers_argument():
    source = counting.show()
    panel = follower.show(counted=source)
    assert panel.items["text"] == "2"
    source.step()
    assert panel.items["text"] == "4", "followed"
    panel.set(factor=5)
    assert panel.items["text"] == "10"
    assert "# counted: the result of 'Counting'" in panel.code
    assert disagreements(panel) == []


def test_a_writer_takes_every_step():
    class Writer:
        def __init__(self):
            self.numbers = []

        def add_scalar(self, tag, value, step):
            self.numbers.append((tag, value, step))

        def add_images(self, tag, images, step):
            raise AssertionError

    panel = counting.show()
    panel.writer = Writer()
    panel.play()
    panel.wait(10)
    steps = [step for tag, _, step in panel.writer.numbers if tag == "count_steps/total_so_far"]
    assert steps == [2, 3, 4, 5, 6]


def test_the_page_says_what_a_long_run_will_cost():
    panel = costly.show()
    assert "to go" not in panel.status, "a first step brings what is done once"
    until(lambda: "to go" in panel.status)
    assert "about 2" in panel.status
    assert "s to go" not in counting.show()._status.value


@step_method()
def costly_steps(*, resume: Any = None):
    for index in range(resume.index if resume else 0, 1000):
        time.sleep(0.15 if index == 0 else 0.02)
        yield Step(index + 1, 1000)


@vizkit.panel("Costly")
def costly(*, run: Run = direct):
    """Takes twenty seconds; its first step would say a hundred and fifty."""
    for step in run(costly_steps):
        yield step, {"text": f"{step.index}"}


@dataclass(frozen=True)
class GrowingStep(Step):
    share: float

    @property
    def work(self):
        return self.share


#: Seconds of each step: a first one with what is done once, then three sizes.
COSTS = [0.5, *[0.1] * 9, *[0.4] * 10, *[1.6] * 10]


def test_the_cost_of_steps_that_grow_is_told_within_half_of_it(monkeypatch):
    clock = [0.0]

    def growing_steps():
        pixels = [0.1, *COSTS[1:]]
        for index, seconds in enumerate(COSTS):
            clock[0] += seconds
            yield GrowingStep(index + 1, len(COSTS), sum(pixels[: index + 1]) / sum(pixels))

    monkeypatch.setattr(running, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    course = running.Course(growing_steps, (), {}, {})
    course.advance()
    course.look_ahead()
    while course.advance() and course.step.index < len(COSTS):
        left = sum(COSTS[course.step.index :])
        assert left / 1.5 < course.remaining < 1.5 * left, course.step


@vizkit.panel("Over at once")
def over_at_once(*, run: Run = direct):
    """Seems to take minutes and ends after a step."""

    def one_step(*, resume: Any = None):
        if resume is None:
            time.sleep(0.1)
            yield Step(1, 1000)

    for step in run(one_step):
        yield step, {"text": f"{step.index}"}


def test_a_run_that_ends_before_its_total_is_looked_ahead_once():
    panel = over_at_once.show()
    seen = panel._foresight
    assert seen is not None
    seen.join(20)
    time.sleep(0.2)
    assert panel._foresight is seen, "else its thread begins another, and that one another"
    assert "to go" not in panel.status
    panel.play()
    assert panel.wait(20).index == 1


# Errors ----------------------------------------------------------------------------------------


@vizkit.panel("Fragile")
def fragile(divisor: Annotated[int, Slider(0, 5)] = 1, part: Annotated[int, Slider(0, 2)] = 1):
    """Fails in two ways."""
    whole = 10 / divisor
    return whole, {"whole": f"{whole:g}", "part": lambda: f"{10 // part}", "odd": lambda: 3}


def test_an_exception_appears_in_one_sentence_with_the_authors_line_and_the_panel_lives_on():
    panel = fragile.show()
    panel.controls["divisor"].value = 0
    assert isinstance(panel.error, ZeroDivisionError)
    assert "ZeroDivisionError: " in panel._status.value
    assert "whole = 10 / divisor" in panel._status.value
    assert panel.result == 10, "the last good result stays"
    panel.controls["divisor"].value = 2
    assert panel.error is None
    assert panel.result == 5


def test_a_value_of_another_kind_is_refused_in_words_of_the_control():
    panel = fragile.show()
    with pytest.raises(ValueError, match=r"divisor cannot be 'much' here \(it must be a number for its slider"):
        panel.set(divisor="much")
    assert panel.values["divisor"] == 1


def test_one_failing_item_shows_its_sentence_alone():
    panel = fragile.show(part=0)
    assert panel.error is None
    assert panel.items["whole"] == "10"
    assert "vizkit-error" in panel.shown["part"].value
    assert "ZeroDivisionError: " in panel.shown["part"].value
    assert "lambda: f&quot;{10 // part}&quot;" in panel.shown["part"].value, "the author's own line"
    assert "an item must be a picture, a chart, a sound, a text" in panel.shown["odd"].value
    panel.set(part=2)
    assert panel.items["part"] == "5"


def test_a_users_function_that_fails_at_once_shows_it_in_the_panel():
    panel = fragile.show(divisor=0)
    assert isinstance(panel.error, ZeroDivisionError)
    panel.set(divisor=1)
    assert panel.error is None


def test_a_run_that_yields_nothing_says_so():
    @vizkit.panel("Nothing")
    def nothing(count: Annotated[int, Slider(0, 3)] = 0, *, run: Run = direct):
        for step in run(slow_steps, count):
            yield step, {"text": f"{step.index}"}

    panel = nothing.show()
    assert "nothing yielded nothing: its run must take at least one step" in str(panel.error)
    panel.set(count=2)
    assert panel.error is None
    assert panel.result.index == 1


def test_an_item_in_the_background_that_yields_nothing_says_so():
    @vizkit.panel("Nothing behind")
    def nothing_behind(count: Annotated[int, Slider(0, 3)] = 0):
        return {"text": live(slow_steps, count, draw=lambda step: f"{step.index}")}

    panel = nothing_behind.show()
    with pytest.raises(ValueError, match="slow_steps yielded nothing: it must take at least one step"):
        panel.wait(10)
    assert "yielded nothing" in panel.shown["text"].value
    panel.set(count=2)
    panel.wait(10)
    assert panel.items["text"] == "2"


@vizkit.panel("Bound to fail")
def bound_to_fail(a: Annotated[int, Slider(0, 5)] = 1, b: Annotated[int, Slider(0, lambda a: 10 // a)] = 0):
    """Its second bound cannot be computed where the first control is at 0."""
    return {"text": f"{a}, {b}"}


def test_a_bound_that_raises_is_said_with_its_line_and_the_panel_lives_on():
    with pytest.raises(ValueError, match="bound_to_fail: 'b' follows a, and that failed: integer division"):
        bound_to_fail.show(a=0)
    panel = bound_to_fail.show()
    panel.controls["a"].value = 0
    assert "bound_to_fail: &#x27;b&#x27; follows a, and that failed" in panel._status.value
    assert "lambda a: 10 // a" in panel._status.value
    assert panel.items["text"] == "1, 0"
    panel.controls["a"].value = 2
    assert panel.error is None
    assert panel.controls["b"].max == 5
    assert panel.items["text"] == "2, 0"


def test_two_hands_on_one_chart_are_told_apart_by_what_they_do():
    @vizkit.panel("Two hands")
    def two_hands(
        at: Annotated[Place, On("chart", Point(x=(0.0, 9.0), y=(0.0, 9.0)))] = (1.0, 1.0),
        box: Annotated[tuple[float, ...], On("chart", Box(x=(0.0, 9.0), y=(0.0, 9.0)))] = (0.0, 0.0, 1.0, 1.0),
    ):
        return {"chart": go.Figure(go.Scatter(x=[1, 2, 3], y=[1, 4, 8]))}

    panel = two_hands.show()
    chart = panel.shown["chart"]
    assert chart.hand == "box"
    chart._handle_custom_msg({"kind": "click", "trace": 0, "x": [2.0], "y": [4.0]}, [])
    assert (panel.values["at"], panel.values["box"]) == ((2.0, 4.0), (0.0, 0.0, 1.0, 1.0))
    chart._handle_custom_msg({"kind": "selected", "trace": 0, "x": [2.0, 3.0], "y": [4.0, 8.0]}, [])
    assert (panel.values["at"], panel.values["box"]) == ((2.0, 4.0), (2.0, 4.0, 3.0, 8.0))


def test_a_hand_on_what_it_cannot_take_hold_of_is_refused():
    @vizkit.panel("A tile of a chart")
    def tile_of_chart(a: Annotated[int, On("chart", Tile), Slider(0, 3)] = 1):
        return {"chart": go.Figure()}

    @vizkit.panel("A place on words")
    def place_on_words(a: Annotated[Place, On("text", Point)] = (0.5, 0.5)):
        return {"text": "a"}

    assert str(tile_of_chart.show().error) == (
        "tile_of_chart: 'a' is a Tile on 'chart', which is a chart; put it on a picture"
    )
    assert str(place_on_words.show().error) == (
        "place_on_words: 'a' is a Point on 'text', which is no picture and no chart; put it on a picture or a chart"
    )


def test_an_error_in_a_thread_is_kept_and_the_panel_goes_on():
    @vizkit.panel("Breaks")
    def breaks(at: Annotated[int, Slider(2, 9)] = 3, *, run: Run = direct):
        for step in run(breaking_steps, at):
            yield step, {"text": f"{step.index}"}

    panel = breaks.show()
    panel.play()
    with pytest.raises(RuntimeError, match="broke at 3"):
        panel.wait(10)
    assert panel.result.index == 2
    assert "broke at 3" in panel._status.value
    panel.set(at=9)
    assert panel.error is None
    panel.play()
    with pytest.raises(RuntimeError, match="broke at 9"):
        panel.wait(10)


def breaking_steps(at):
    for index in range(1, 10):
        if index == at:
            raise RuntimeError(f"broke at {at}")
        yield Step(index, 10)


def refused(function, **settings):
    return vizkit.panel("Refused", **settings)(function)


def _two_returns(a: Annotated[int, Slider(0, 3)] = 1):
    if a:
        return {"text": "a"}
    return {"text": "b"}


def _no_names(a: Annotated[int, Slider(0, 3)] = 1):
    return photo(torch.zeros(3, 4, 4), "x")


def _outside(a: Annotated[int, Slider(0, 3)] = 7):
    return {"text": "a"}


def _no_option(a: Annotated[str, OneOf(("x", "y"))] = "z"):
    return {"text": "a"}


def _ring(a: Annotated[int, Slider(0, lambda b: b)] = 1, b: Annotated[int, Slider(0, lambda a: a)] = 1):
    return {"text": "a"}


def _unknown_need(a: Annotated[int, Slider(0, lambda c: c)] = 1):
    return {"text": "a"}


def _unknown_item(a: Annotated[Place, On("picture", Point)] = (0.5, 0.5)):
    return {"text": "a"}


def _bad_place(a: Annotated[Place, On("text", Point)] = (0.5, 3.0)):
    return {"text": "a"}


def _no_keyboard(a: Annotated[int, On("text", Tile)] = 1):
    return {"text": "a"}


def _no_run(a: Annotated[int, Slider(0, 3)] = 1):
    for step in run(slow_steps, a):  # noqa: F821
        yield step, {"text": "a"}


def _no_loop(a: Annotated[int, Slider(0, 3)] = 1, *, run: Run = direct):
    yield from run(slow_steps, a)


def _yields_early(a: Annotated[int, Slider(0, 3)] = 1, *, run: Run = direct):
    for step in run(slow_steps, a):
        yield step, {"text": "a"}
        a += 1


def _star(*pictures):
    return {"text": "a"}


def _no_brackets(a: Annotated[int, Slider] = 1):
    return {"text": "a"}


def _no_number(a: Annotated[int, Slider("a", 3)] = 1):
    return {"text": "a"}


def _reversed(a: Annotated[int, Slider(3, 0)] = 1):
    return {"text": "a"}


def _no_pace(a: Annotated[int, Slider(0, 3, 0)] = 1):
    return {"text": "a"}


def _reversed_place(a: Annotated[Place | None, On("text", Point(x=(1.0, 0.0)))] = None):
    return {"text": "a"}


def _two_controls(a: Annotated[int, Slider(0, 3), OneOf((1, 2))] = 1):
    return {"text": "a"}


def _when_alone(a: Annotated[int, When(lambda b: b > 1)] = 1, b: Annotated[int, Slider(0, 3)] = 1):
    return {"text": "a"}


def _item_twice(a: Annotated[int, Slider(0, 3)] = 1):
    return {"text": "a", "text": "b"}  # noqa: F601


def _two_hands(
    a: Annotated[Place, On("text", Point)] = (0.5, 0.5), b: Annotated[Place, On("text", Point)] = (0.5, 0.5)
):
    return {"text": "a"}


async def _later(a: Annotated[int, Slider(0, 3)] = 1):
    return {"text": "a"}


class _Shown:
    """No function."""


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (_two_returns, "_two_returns must have one return, as its last line; compute first"),
        (_no_names, r"_no_names must return what it shows by name: return {\"picture\": \.\.\.}"),
        (_outside, "_outside: the default of 'a' must be from 0 to 3, got 7"),
        (_no_option, "_no_option: the default of 'a' must be one of 'x', 'y', got 'z'"),
        (_ring, "_ring: parameters need each other in a ring"),
        (_unknown_need, "_unknown_need: 'a' looks at 'c', which is no parameter; there are a"),
        (_unknown_item, "_unknown_item: 'a' is a hand on 'picture', which is not shown; there are text"),
        (_bad_place, "_bad_place: the default of 'a' must be a place"),
        (_no_keyboard, "_no_keyboard: 'a' needs a control for the keyboard beside its hand"),
        (_no_run, "_no_run must take its run as a parameter: add"),
        (_no_loop, "_no_loop must end in one loop 'for step in run"),
        (_yields_early, "_yields_early: its yield must be the last line of its loop"),
        (_no_brackets, r"_no_brackets: Slider of 'a' needs settings; write Slider\(low, high\)"),
        (_no_number, "_no_number: Slider of 'a' must be from a number to a number in steps of one, got 'a', 3 and 1"),
        (_reversed, "_reversed: Slider of 'a' must be from the lower bound to the higher one, got 3 and 0"),
        (_no_pace, "_no_pace: Slider of 'a' must be in steps above 0, got 0"),
        (_reversed_place, r"_reversed_place: Point of 'a' must be x from a lower number to a higher one, got \(1.0, 0"),
        (_two_controls, "_two_controls: 'a' must have one control, got Slider and OneOf; leave one"),
        (_when_alone, "_when_alone: 'a' has a When and no control to show; write one beside it"),
        (_item_twice, "_item_twice: two items are called 'text'; give each a name of its own"),
        (_two_hands, "_two_hands: 'a' and 'b' must not both be a Point on 'text'; put one of them on another item"),
        (lambda a=1: {"text": "a"}, "a panel must be a function with a name, got a lambda; write it with 'def'"),
        (_later, "_later must be a plain function, got an async one; write 'def' for 'async def'"),
        (_Shown, "_Shown must be a function to be a panel, got a type"),
        (_star, r"_star must name its parameters, got '\*pictures'; write each"),
    ],
)
def test_an_annotation_that_makes_no_sense_is_refused_at_decoration(function, message):
    with pytest.raises(ValueError, match=message):
        refused(function)


def test_a_panel_without_a_title_is_refused():
    with pytest.raises(
        TypeError, match=r'the title of a panel must be a text, got lambda_free; write @vizkit.panel\("'
    ):
        vizkit.panel(lambda_free)


def test_a_layout_of_unknown_items_and_a_function_without_source_are_refused():
    with pytest.raises(ValueError, match="its layout names 'b', which is not shown; there are text"):
        refused(lambda_free, layout="text b")
    names = {}
    exec("def typed(a=1):\n    return {'text': 'a'}", names)
    with pytest.raises(ValueError, match="its source cannot be read"):
        refused(names["typed"])


def lambda_free(a: Annotated[int, Slider(0, 3)] = 1):
    return {"text": "a"}


# The listing and the menu ----------------------------------------------------------------------


def test_show_code_is_the_functions_own_source():
    panel = brighter.show(gain=2.0)
    lines = panel.code.splitlines()
    assert lines[0].startswith("# vizkit 0.1.0, torch ")
    assert "# the author's own comment" in lines
    assert "gain = 2.0" in lines
    assert "seen = (gain * picture).clamp(0, 1)" in lines
    assert 'display(photo(seen, "brighter"))' in lines
    assert "model" not in panel.code, "what is not used is not written"
    _, names = shown_by(panel.code)
    assert torch.equal(names["result"], panel.result)
    panel._button["Show code"].click()
    assert "seen = (gain * picture)" in panel._listing.value
    panel.set(gain=1.0)
    assert "gain = 1.0" in panel._listing.value, "it follows"


def test_helpers_and_constants_come_along():
    panel = counting.show(start=3.0)
    assert "FACTOR = 2.0" in panel.code
    assert "def doubled(value):" in panel.code
    assert disagreements(panel) == []


def test_measured_items_are_shown_but_not_expected_twice():
    @vizkit.panel("Measured")
    def measured(a: Annotated[int, Slider(0, 3)] = 1):
        return {"same": f"{a}", "time": Measured(f"{time.perf_counter()}"), "bars": Html("<b>1</b>")}

    panel = measured.show()
    assert disagreements(panel) == []
    assert 'display(f"{time.perf_counter()}")' in panel.code or "print(" in panel.code
    assert panel.shown["bars"].value == "<b>1</b>"


def test_presets_are_all_or_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    panel = hands.show()
    panel.set(at=(0.25, 0.75), tile=3)
    path = panel.save_preset(name="corner", say="look")
    assert json.loads(path.read_text())["values"]["tile"] == 3
    panel.reset()
    panel.load_preset("corner")
    assert (panel.values["at"], panel.values["tile"]) == ((0.25, 0.75), 3)
    assert panel._preset_bar.say.value == "look"
    path.write_text(json.dumps({"panel": "Hands", "name": "x", "values": {"tile": 2, "at": [5, 5]}}))
    with pytest.raises(ValueError, match="at cannot be"):
        panel.load_preset(path)
    assert panel.values["tile"] == 3
    with pytest.raises(ValueError, match="preset must be of 'Counting', got one of 'Hands'"):
        counting.show().load_preset(path)


def test_share_is_the_line_that_makes_the_panel_again():
    panel = counting.show(start=2.0)
    panel.set(look="loud")
    assert panel.share == "counting.show(start=2.0, look='loud')"
    again = eval(panel.share)
    assert again.values == panel.values
    panel = vizkit.panels.occluder.show(picture="chelsea")
    assert panel.share == "vizkit.panels.occluder.show(picture='chelsea')"
    assert (
        "model=model"
        in layered.show(model=nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())).share
    )


def test_save_writes_pictures_charts_numbers_and_the_film(tmp_path):
    panel = hands.show()
    saved = [path.name for path in panel.save(tmp_path)]
    assert saved == [
        "vizkit-hands-picture-1.png",
        "vizkit-hands-sheet-1.png",
        "vizkit-hands-chart-1.html",
        "vizkit-hands-chart-1.csv",
    ]
    rows = (tmp_path / "vizkit-hands-chart-1.csv").read_text().splitlines()
    assert rows == ["trace,x,y,z", "scatter 0,1,10,", "scatter 0,2,20,", "scatter 0,3,30,"]
    assert panel.save(tmp_path)[0].name == "vizkit-hands-picture-2.png", "none is overwritten"
    panel = vizkit.panels.dream.show(size=128, octaves=1, steps=3)
    panel.play()
    panel.wait(60)
    assert any(path.suffix == ".gif" for path in panel.save(tmp_path))
    before = panel.shown["picture"].raster
    panel.history.slider.value = 0
    assert panel.shown["picture"].raster is not before, "the film can be gone back in"


def test_pin_keeps_the_present_result_beside_the_next():
    panel = brighter.show(gain=2.0)
    panel._button["Pin"].click()
    pinned = panel._pinned.children
    assert "gain 2.0" in pinned[0].value
    before = pinned[1].value
    panel.set(gain=0.5)
    assert panel._pinned.children[1].value == before
    assert panel._button["Pin"].description == "Unpin"
    panel._button["Pin"].click()
    assert panel._pinned.layout.display == "none"


def test_no_two_buttons_are_called_the_same():
    for panel in (counting.show(), brighter.show()):
        names = [button.description for button in panel._button.values()]
        assert len(set(names)) == len(names)
    assert "Play" not in brighter.show()._button


def test_results_are_remembered_by_content():
    calls = []

    @vizkit.remembered(2)
    def summed(tensor, factor=1):
        calls.append(factor)
        return tensor.sum() * factor

    one = torch.ones(3)
    assert summed(one) == summed(torch.ones(3))
    one += 1  # changed in place: another content
    assert summed(one) == 6
    summed(one, factor=2)
    assert calls == [1, 1, 2]
    assert summed(one, 1) is not None
