"""PictureView and ChartView by themselves: what goes to the page, and what may come from it."""

import base64
import gzip
import io
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Event, Timer
from typing import Annotated

import numpy as np
import plotly.graph_objects as go
import pytest
import torch
from ipywidgets.widgets.widget import _instances
from PIL import Image
from plotly.offline import get_plotlyjs

import vizkit
from tests.panels.tools import mouse
from vizkit import panels
from vizkit.core.steps import Step
from vizkit.figures.pictures import framed, overlay, photo
from vizkit.figures.raster import Raster
from vizkit.widgets import Slider, browser_side, chart, live, picture
from vizkit.widgets.chart import ChartView, pack, words_of
from vizkit.widgets.picture import PictureView

#: What anywidget promises a module everywhere: nothing else of a model may be touched.
CONTRACT = {"get", "set", "save_changes", "on", "off", "send"}


def sent_by(view, monkeypatch):
    messages = []
    monkeypatch.setattr(view, "send", lambda content, buffers=None: messages.append((content, buffers or [])))
    # anywidget's other traits send themselves: only the figure's whole state counts
    monkeypatch.setattr(view, "send_state", lambda key: key == "state" and messages.append(({"kind": "state"}, [])))
    return messages


# Pictures --------------------------------------------------------------------------------------


def test_the_page_lays_the_map_over_the_picture_as_the_kernel_does():
    image = torch.rand(3, 40, 60, generator=torch.manual_seed(0))
    raster = overlay(image, torch.rand(10, 15, generator=torch.manual_seed(1)), "a map", opacity=0.6)
    view = PictureView(framed(raster, (5, 5, 20, 20), 60))
    below = np.asarray(Image.open(io.BytesIO(view.content)).convert("RGB"), float)
    colors = np.asarray(Image.open(io.BytesIO(view.heat)), float)
    assert colors.shape == (40, 60, 4)
    alpha = view.opacity * colors[:, :, 3:] / 255
    there = below * (1 - alpha) + colors[:, :, :3] * alpha
    assert np.abs(there - raster.pixels).mean() < 6, "a JPEG's noise and no more"
    assert np.abs(below - raster.pixels).mean() > 20, "the map is not in the picture below"
    assert view.marks == [{"kind": "box", "at": [5, 5, 20, 20]}]


def test_the_strength_that_a_hand_has_set_stays():
    heat = [torch.rand(8, 8, generator=torch.manual_seed(seed)) for seed in range(2)]
    view = PictureView(overlay(torch.rand(3, 8, 8), heat[0], "a map"))
    view.opacity = 0.3
    view.show(overlay(torch.rand(3, 8, 8), heat[1], "another map"))
    assert view.opacity == 0.3
    view.show(photo(torch.rand(3, 8, 8), "no map"))
    assert view.heat == b""


def test_a_preview_has_a_third_of_the_bytes():
    noisy = Raster(np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8), "noise")
    full, preview = PictureView(noisy), PictureView()
    preview.show(noisy, preview=True)
    assert len(preview.content) < 0.4 * len(full.content)


def test_a_picture_whose_overlay_is_new_is_not_encoded_again(monkeypatch):
    below = torch.rand(3, 7, 9, generator=torch.manual_seed(0))
    heats = [torch.rand(7, 9, generator=torch.manual_seed(seed)) for seed in range(2)]
    encoded, really = [], picture.jpeg

    def counted(pixels, quality):
        if pixels.shape[:2] != (7, 9):  # of a run that another test has left in its thread
            return really(pixels, quality)
        encoded.append(quality)
        return b"%d" % len(encoded)

    monkeypatch.setattr(picture, "jpeg", counted)
    view = PictureView(overlay(below, heats[0], "a map"))
    before = view.heat
    view.show(overlay(below, heats[1], "another map"))
    assert (encoded, view.heat != before) == ([90], True)
    view.show(overlay(below, heats[1], "another map"), preview=True)
    view.show(overlay(1 - below, heats[1], "another picture"), preview=True)
    assert (encoded, view.content) == ([90, 60, 60], b"3")


def test_an_answer_names_the_message_that_waits_for_it(monkeypatch):
    view = PictureView(photo(torch.zeros(3, 50, 100), "a picture"))
    messages = sent_by(view, monkeypatch)
    for content in ({"kind": "hover", "x": 1, "y": 1, "waits": 0.25}, {"kind": "sing", "waits": 0.5}, {"kind": "sing"}):
        view._handle_custom_msg(content, [])
    assert [one for one, _ in messages] == [{"kind": "answered", "of": 0.25}, {"kind": "answered", "of": 0.5}]


def test_a_click_hears_presses_and_a_drag_moves_too():
    view, told = PictureView(photo(torch.zeros(3, 50, 100), "a picture")), []
    view.on_hand(lambda *place: told.append(("click", *place)), "click")
    mouse(view, "press", 0.5, 0.5)
    view.on_hand(lambda *place: told.append(("drag", *place)), "drag")
    mouse(view, "move", 1, 1)
    assert told == [("click", True, 50, 25), ("drag", False, 99, 49)]
    view.on_hover(lambda *place: told.append(place))
    mouse(view, "hover", 0, 0)
    assert view.hovers
    assert told[-1] == (0, 0)


@pytest.mark.parametrize(
    ("way", "got"),
    [(None, "None"), ([], "[]"), ([[1]], "[[1]]"), ([[1, 2], 3], "[[1, 2], 3]"), ([[1, 2]] * 2001, "[[1, 2]")],
)
def test_a_curve_comes_with_its_whole_way_and_a_broken_one_is_dropped(way, got):
    view, told = PictureView(photo(torch.zeros(3, 50, 100), "a picture")), []
    view.on_hand(told.append, "curve")
    view.on_hand(lambda *place: told.append(place), "box")
    assert view.hand == "curve", "a box needs no way, a curve does"
    view._handle_custom_msg({"kind": "move", "x": 3, "y": 4, "way": [[1, 2], [3.9, 4.9]]}, [])
    assert told == [[(1, 2), (3, 4)], (False, 3, 4)]
    view._handle_custom_msg({"kind": "move", "x": 3, "y": 4, "way": way}, [])
    assert view.problem.startswith(f"way from the page must be 1 to 2000 places [x, y], got {got}")
    view._handle_custom_msg({"kind": "move", "x": 3, "y": 4, "way": [[1, 51]]}, [])
    assert view.problem == "y from the page must be in 0 to 50, got 51"
    assert len(told) == 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"kind": "press", "x": float("nan"), "y": 1}, "x from the page must be in 0 to 100, got nan"),
        ({"kind": "press", "x": 101, "y": 1}, "x from the page must be in 0 to 100, got 101"),
        ({"kind": "move", "x": 1, "y": "2"}, "y from the page must be in 0 to 50, got 2"),
        ({"kind": "press"}, "x from the page must be in 0 to 100, got None"),
        ({"kind": "sing"}, "a message of an unknown kind came from the page"),
        ({"kind": ["press"]}, "a message of an unknown kind"),
        ("press", "a message of an unknown kind"),
        ({"kind": "failed", "what": "copy", "why": "no permission"}, "the browser could not copy: no permission"),
    ],
)
def test_a_bad_message_is_dropped_and_named(content, sentence):
    view, told = PictureView(photo(torch.zeros(3, 50, 100), "a picture")), []
    view.on_hand(lambda *place: told.append(place), "drag")
    seen = []
    view.observe(lambda change: seen.append(change["new"]), "problem")
    for _ in range(2):
        view._handle_custom_msg(content, [])
    assert not told
    assert [one for one in seen if one][-1].startswith(sentence)
    assert len([one for one in seen if one]) == 2, "said each time"


def test_a_bad_message_is_said_in_the_panel_and_the_panel_plays_on():
    panel = panels.occluder.show(share=0.6)
    panel.wait(60)
    view = panel.shown["covered"]
    for content, sentence in (
        ({"kind": "press", "x": float("nan"), "y": 1}, "x from the page must be in 0 to"),
        ({"kind": "press", "x": 10**400, "y": 1}, "int too large"),
        ({"kind": "failed", "what": "copy", "why": "no permission"}, "the browser could not copy: no permission"),
    ):
        view._handle_custom_msg(content, [])
        assert sentence in panel.status
        assert panel.error is None, "nothing has failed"
    panel.play()
    assert panel.wait(60).index == panel.result.total


def test_pictures_under_way_are_rough_and_sharp_when_it_stands_still():
    panel = panels.occluder.show()
    view = panel.shown["covered"]
    sharp = len(view.content)
    mouse(view, "press", 0.3, 0.3)
    mouse(view, "move", 0.5, 0.5)
    assert len(view.content) < 0.5 * sharp
    view._handle_custom_msg({"kind": "release"}, [])
    assert len(view.content) > 0.8 * sharp
    panel = panels.dream.show(octaves=1)
    sharp = len(panel.shown["picture"].content)
    sizes = []
    panel.shown["picture"].observe(lambda change: sizes.append(len(change["new"])), "content")
    panel.play()
    panel.wait(60)
    assert sizes[0] < 0.6 * sharp, "while it is played"
    assert sizes[-1] > 1.5 * sizes[-2], "the last one, again in full"


def test_a_run_sends_no_more_than_its_share(monkeypatch):
    clock = [0.0]
    panel = panels.dream.show()
    monkeypatch.setattr("vizkit.widgets.page.time.perf_counter", lambda: clock[0])
    panel._last_shown = panel._counted = 0.0
    panel.played = True
    panel._workers[""] = type("Busy", (), {"going_on": True, "halted": Event(), "running": False})()
    frames, sent = 0, panel._sent
    for step in range(60 * 20):  # a minute, twenty times a second
        clock[0] = step / 20
        if panel._due():
            panel._slots["picture"].shown.sent += 6000
            panel._present((panel.result, {}), panel.values)
            frames += 1
    assert sum(slot.sent for slot in panel._slots.values()) - sent <= 1.5e6 + 6000
    assert frames > 200


@dataclass(frozen=True)
class Tick(Step):
    """Nothing but its index."""


@vizkit.panel("Noise that goes on behind")
def noise(total: Annotated[int, Slider(10, 100)] = 60):
    """A run in the background that has much to send."""

    def ticks(*, total):
        for index in range(1, total + 1):
            time.sleep(0.005)
            yield Tick(index, total)

    def draw(step):
        return Raster(
            np.random.default_rng(step.index).integers(0, 255, (100, 100, 3), np.uint8), f"noise {step.index}"
        )

    return None, {"noise": live(ticks, total=total, draw=draw)}


def test_a_run_in_the_background_sends_no_more_than_its_share_either(monkeypatch):
    monkeypatch.setattr("vizkit.widgets.page.BEHIND", 1000)
    sent = {}
    for burst in (10_000_000, 50_000):
        monkeypatch.setattr("vizkit.widgets.page.BURST", burst)
        panel = noise.show()
        panel.wait(30)
        sent[burst] = panel._sent
        assert panel.items["noise"].alt == "noise 60", "its end is always shown"
    assert sent[10_000_000] > 250_000
    assert sent[50_000] < 120_000, "its share, and the end in full"


@vizkit.panel("Now this, now that")
def changing(kind: Annotated[int, Slider(0, 2)] = 0):
    """An item that is a text, a picture or a chart."""
    picture = Raster(np.zeros((20, 20, 3), np.uint8), "a picture")
    return None, {"item": ("a text", picture, go.Figure(go.Scatter(y=[1, 2])))[kind]}


def test_a_widget_that_is_replaced_is_closed():
    panel = changing.show()
    there = len(_instances)
    for change in range(1, 21):
        panel.set(kind=change % 3)
        for _ in range(2):
            panel.pin()
    panel.reset()
    assert len(_instances) == there
    assert panel.shown["item"].comm is not None, "what is shown is not closed"


# Charts ----------------------------------------------------------------------------------------


def test_only_what_is_new_is_sent(monkeypatch):
    x = np.linspace(0, 1, 1000)
    view = ChartView(go.Figure(go.Scatter(x=x, y=x, text=["a"] * 1000)))
    messages = sent_by(view, monkeypatch)
    view.show(go.Figure(go.Scatter(x=x, y=x**2, text=["a"] * 1000), layout_title_text="squares"))
    content, buffers = messages[-1]
    assert set(content["data"][0]) == {"y"}
    assert set(content["layout"]) == {"title"}
    assert [len(one) for one in buffers] == [4000], "four bytes a number"
    np.testing.assert_allclose(np.frombuffer(buffers[0], "<f4"), x**2, rtol=1e-6)
    view.show(go.Figure(go.Scatter(x=x, y=x**2), layout_title_text="squares"))
    assert messages[-1][0]["data"] == [{"text": None}], "what is gone is None"
    assert messages[-1][0]["at"] == 2
    view.show(go.Figure([go.Bar(x=[1], y=[2]), go.Bar(x=[1], y=[3])]))
    assert messages[-1][0] == {"kind": "state"}, "other traces: all of it"


def test_the_whole_state_is_what_is_shown_now(monkeypatch):
    view = ChartView(go.Figure(go.Scatter(y=[1, 2])))
    sent_by(view, monkeypatch)
    view.show(go.Figure(go.Scatter(y=[3, 4])))
    state = view.get_state("state")["state"]
    assert state["at"] == 1
    assert state["figure"]["data"][0]["y"] == [3, 4] or state["buffers"]
    assert "template" in state["figure"]["layout"]


def test_a_chart_under_way_takes_two_bytes_a_number(monkeypatch):
    x = np.linspace(-3, 7, 1000)
    view = ChartView(go.Figure(go.Scatter(x=x, y=x)))
    messages = sent_by(view, monkeypatch)
    view.show(go.Figure(go.Scatter(x=x, y=np.sin(x))), preview=True)
    content, (buffer,) = next(one for one in messages if one[0]["kind"] == "change")
    packed = content["data"][0]["y"]
    there = packed["low"] + packed["unit"] * np.frombuffer(buffer, "<u2")
    assert len(buffer) == 2000
    np.testing.assert_allclose(there, np.sin(x), atol=2e-5)
    messages.clear()
    view.show(go.Figure(go.Scatter(x=x, y=np.sin(x))))
    assert messages[0][0] == {"kind": "state"}, "all of it, in full"


def test_a_page_that_missed_something_gets_all_of_it(monkeypatch):
    view = ChartView(go.Figure(go.Scatter(y=[1, 2])))
    messages = sent_by(view, monkeypatch)
    view.show(go.Figure(go.Scatter(y=[3, 4])))
    state = {"kind": "state"}
    for content, sends in (
        ({"kind": "at", "at": 1}, False),
        ({"kind": "at", "at": 0}, True),
        ({"kind": "again"}, True),
    ):
        messages.clear()
        view._handle_custom_msg(content, [])
        assert (state in [one for one, _ in messages]) is sends, content


def test_what_the_browser_does_not_know_is_made_of_what_it_knows():
    figure = {
        "words": np.array(["a", "b"], object),
        "whole": np.arange(3),
        "large": np.array([2**40]),
        "grid": np.ones((2, 70)),
        "flags": np.array([True, False]),
        "one": np.float64(2.5),
        "none": float("nan"),
        "few": np.array([0.1]),
    }
    packed, buffers = pack(figure)
    kinds = {key: packed[key]["dtype"] for key in ("whole", "large", "grid", "flags", "few")}
    assert kinds == {"whole": "i4", "large": "f8", "grid": "f4", "flags": "i4", "few": "f8"}
    assert packed["words"] == ["a", "b"]
    assert packed["one"] == 2.5
    assert packed["none"] is None
    assert packed["grid"]["shape"] == [2, 70]
    assert len(buffers) == 5


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"kind": "click", "trace": 1, "x": [1], "y": [1]}, "trace from the page must be in 0 to 0, got 1"),
        (
            {"kind": "click", "trace": 0, "x": [float("inf")] * 6000, "y": []},
            "x from the page must be a list of at most",
        ),
        ({"kind": "click", "trace": 0, "x": ["a"], "y": [1]}, "x from the page must be in -inf to inf, got a"),
        ({"kind": "click", "trace": 0, "x": [1, 2], "y": [1]}, "x and y from the page must be of one length"),
        ({"kind": "still"}, "a chart's picture from the page must be a PNG"),
        (
            ({"kind": "still"}, [b"\x89PNG\r\n\x1a\n broken"]),
            "a chart's picture from the page must be a PNG, got a broken",
        ),
    ],
)
def test_a_bad_message_to_a_chart_is_dropped_and_named(content, sentence):
    view, told = ChartView(go.Figure(go.Scatter(y=[1, 2]))), []
    view.on_hand(lambda *args: told.append(args), "click")
    content, buffers = content if isinstance(content, tuple) else (content, [])
    view._handle_custom_msg(content, buffers)
    assert not told
    assert view.problem.startswith(sentence)


@pytest.mark.parametrize("text", [False, True])
def test_the_library_is_the_installed_one_in_parts(monkeypatch, text):
    view = ChartView()
    messages = sent_by(view, monkeypatch)
    view._handle_custom_msg({"kind": "library", "packed": True, "text": text}, [])
    parts = [(content, buffers) for content, buffers in messages if content["kind"] == "part"]
    assert len(parts) == parts[0][0]["of"]
    if text:
        code = b"".join(base64.b64decode(content["text"]) for content, _ in parts)
    else:
        code = b"".join(buffers[0] for _, buffers in parts)
        assert max(len(buffers[0]) for _, buffers in parts) <= chart.PART
    assert gzip.decompress(code).decode() == get_plotlyjs()
    assert len(code) < 1.6e6


def test_a_chart_in_words_has_its_numbers():
    figure = go.Figure(
        [go.Scatter(x=[0, 1], y=[0.5, 2.0], name="loss"), go.Heatmap(z=np.eye(3))],
        layout={"title": {"text": "<b>Down</b>"}, "xaxis": {"title": {"text": "step"}}},
    )
    said = "Chart: Down, step; loss: 2 values, y 0.5 to 2; heatmap: 9 values, z 0 to 1"
    assert words_of(figure) == said
    assert ChartView(figure).alt == said


# The camera ------------------------------------------------------------------------------------


def jpeg_of(size):
    content = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(content, "JPEG")
    return content.getvalue()


def claiming_to_be(side):
    """A small JPEG whose header says that it is huge."""
    content = bytearray(jpeg_of((16, 16)))
    start = content.index(b"\xff\xc0") + 5
    content[start : start + 4] = side.to_bytes(2) * 2
    return bytes(content)


def test_a_frame_of_the_camera_is_the_panels_picture():
    panel = panels.activations.show(size=64)
    picker = panel.controls["picture"]
    more = picker.children[1].children[1]
    assert picker._camera is None, "its code travels when it is wanted"
    more.value = True
    camera = picker.children[-1]
    camera._handle_custom_msg({"kind": "frame", "number": 1}, [jpeg_of((320, 240))])
    assert panel.error is None
    assert panel.values["picture"] == "yours"
    assert panel.fields.own["picture"].size == (320, 240)
    before = panel.items["laid"]
    for content, sentence in (
        (b"\x89PNG", "a frame of the camera must be a JPEG, got 4 bytes"),
        (jpeg_of((64, 64))[:50], "a frame of the camera must be a JPEG, got a broken one"),
        (jpeg_of((4000, 10)), "a frame of the camera must have at most 2048 pixels a side, got 4000"),
        (claiming_to_be(20_000), "a frame of the camera must be a JPEG, got a broken one"),
        (b"\xff\xd8" + bytes(100 << 20), "a frame of the camera must have at most 1,048,576 bytes"),
    ):
        camera._handle_custom_msg({"kind": "frame", "number": 2}, [content])
        assert sentence in panel.status
    assert panel.items["laid"] is before, "the last good one stays"
    camera._handle_custom_msg({"kind": "frame", "number": 3}, [jpeg_of((160, 120))])
    assert panel.fields.own["picture"].size == (160, 120), "and the panel lives on"


def test_the_camera_sends_what_the_net_wants():
    panel = panels.repaint.show(size=192)
    panel.controls["picture"].children[1].children[1].value = True
    camera = panel.controls["picture"].children[-1]
    assert camera.side == 192
    panel.controls["size"].value = 128
    assert camera.side == 128


def test_a_longer_curve_sends_only_its_end(monkeypatch):
    def curve(*heights):
        return go.Figure(go.Scatter(y=np.array(heights)))

    view = ChartView(curve(1.0, np.nan, 3.0))
    messages = sent_by(view, monkeypatch)
    view.show(curve(1.0, np.nan, 3.0, 4.0, 5.0))
    content, buffers = messages[-1]
    assert content["data"][0]["y"]["$tail"]["shape"] == [2]
    assert np.frombuffer(buffers[0]).tolist() == [4.0, 5.0]
    for other in ((1.0, np.nan, 3.5, 4.0, 5.0, 6.0), (1.0, np.nan)):  # changed, shorter: all of it
        view.show(curve(*other))
        content, buffers = messages[-1]
        assert content["data"][0]["y"]["shape"] == [len(other)]
        assert np.frombuffer(buffers[0])[0] == 1.0


# The JavaScript --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["view.js", "picture.js", "walk.js", "chart.js", "camera.js", "revive.js", "names.js"])
def test_the_javascript_keeps_to_the_contract(name):
    code = browser_side.javascript(name)
    # JupyterLab's own manager is asked for where it is there, and only by what mends its outputs.
    asked = code.replace("revive(model.widget_manager)", "")
    assert set(re.findall(r"\bmodel\.(\w+)", asked)) <= CONTRACT | ({"cells"} if name == "revive.js" else set())
    assert not re.search(r"^\s*import\s+[\w{*]|\brequire\(|https?://(?!www\.w3\.org)", code, re.M), (
        "no other file, no other host"
    )
    taken = re.findall(r"\b(?:render|initialize)\({([^}]*)}", code)
    assert set(re.findall(r"\w+", " ".join(taken))) <= {"model", "el"}
    assert not re.search(r"=\s*model\s*[;,)]", code), "under another name it would not be seen here"
    assert not re.search(r"\boff\(\)", code), "it takes all of marimo's views away"
    assert not re.search(r"initialize\([^)]*\)\s*{[^}]*await|async initialize", code), (
        "the kernel's messages wait for it"
    )


def test_a_run_sends_no_more_than_a_page_can_draw():
    panel = panels.dream.show(size=192, octaves=6, steps=40)
    view = panel.shown["picture"]
    assert not view.behind, "nobody has said yet that somebody looks"

    def frames(seconds, answer):
        sent = []
        view.observe(lambda _: (sent.append(1), answer()), "content")
        panel.play()
        with suppress(TimeoutError):
            panel.wait(seconds)
        panel.pause()
        view.unobserve_all("content")
        return len(sent)

    draw = partial(view._handle_custom_msg, {"kind": "drawn"}, [])
    fast = frames(3, lambda: Timer(0.01, draw).start())
    assert frames(1.5, lambda: None) <= 3 < fast, "a page that says nothing has not drawn what it got"
    draw()
    assert not view.behind
    view._sent_at -= browser_side.LAG
    assert not view.behind, "one that is gone is not waited for"
