import threading
import time

import ipywidgets as widgets
import plotly.graph_objects as go
import pytest
import torch

from vizkit.figures.pictures import photo
from vizkit.widgets.old_panel import Panel


def make(compute=lambda x: x * x, **settings):
    controls = {"x": widgets.IntSlider(3, 0, 100)}
    return Panel(
        "Square",
        controls,
        compute,
        lambda result: {
            "text": f"<b>{result}</b>",
            "picture": photo(torch.full((3, 4, 4), min(abs(result) / 100, 1)), "gray"),
            "chart": go.Figure(go.Scatter(y=[0, result])),
        },
        **settings,
    )


def test_the_first_result_is_there_and_a_set_value_takes_the_same_path():
    panel = make()
    assert panel.result == 9
    panel.controls["x"].value = 5
    assert panel.result == 25
    assert panel.shown["text"].value == "<b>25</b>"
    assert list(panel.shown["chart"].data[0].y) == [0, 25]
    assert 'alt="gray"' in panel.shown["picture"].value
    assert " ms" in panel.status


def test_an_error_is_shown_in_one_sentence_and_the_panel_goes_on():
    def compute(x):
        if x == 7:
            raise ValueError("x must not be <seven>\nsecond line")
        return x

    panel = make(compute)
    panel.controls["x"].value = 7
    assert isinstance(panel.error, ValueError)
    assert "x must not be &lt;seven&gt;" in panel.status
    assert "second line" not in panel.status
    assert 'role="alert"' in panel.status
    assert panel.result == 3, "the last good result stays"
    panel.controls["x"].value = 8
    assert panel.error is None
    assert panel.result == 8


def test_an_error_in_the_first_result_is_the_authors():
    with pytest.raises(ZeroDivisionError):
        make(lambda x: x / 0)


def test_the_latest_value_wins_when_changes_come_during_a_computation():
    begun, go_on, computed = threading.Event(), threading.Event(), []

    def compute(x):
        computed.append(x)
        if x == 10:
            begun.set()
            assert go_on.wait(10)
        return x

    panel = make(compute)

    def set_later(value):
        thread = threading.Thread(target=setattr, args=(panel.controls["x"], "value", value))
        thread.start()
        return thread

    threads = [set_later(10)]
    assert begun.wait(10)
    for value in (11, 12, 13):
        threads.append(set_later(value))
        while panel.controls["x"].value != value:
            time.sleep(0.001)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert computed == [3, 10, 13]
    assert panel.result == 13


def test_a_result_is_there_when_a_set_returns_whatever_refreshes_in_the_background():
    panel = make(lambda x: (time.sleep(0.002), x)[1])
    done = threading.Event()

    def refresh():
        while not done.is_set():
            panel.update()

    thread = threading.Thread(target=refresh)
    thread.start()
    for value in range(4, 24):
        panel.controls["x"].value = value
        assert panel.result == value
    done.set()
    thread.join(10)


def test_several_values_are_set_at_once():
    computed = []
    panel = make(lambda x: computed.append(x) or x)
    panel.set(x=8)
    assert computed == [3, 8]
    with pytest.raises(ValueError, match="control 'y' is not known"):
        panel.set(y=1)


def test_reset_returns_to_what_adjust_made_of_the_first_values():
    def adjust(controls):
        if controls["x"].max != 40:
            controls["x"].max = 40
            controls["x"].value *= 2

    panel = make(lambda x: x, adjust=adjust)
    assert panel.result == 6
    panel.controls["x"].value = 30
    panel.reset()
    assert panel.result == 6


def test_an_error_behind_a_button_is_shown(tmp_path, monkeypatch):
    panel = make()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "PIL.Image.Image.save", lambda *_: (_ for _ in ()).throw(OSError("disk full"))
    )
    next(b for b in find(panel.view, widgets.Button) if b.description == "Save picture").click()
    assert "disk full" in panel.status


def test_the_code_is_that_of_the_last_good_result():
    def compute(x):
        if x == 7:
            raise ValueError("no seven")
        return x

    panel = make(compute, code=lambda x: f"result = {x}")
    panel.controls["x"].value = 7
    assert panel.code == "result = 3"


def test_no_update_is_lost_between_many_threads():
    panel = make(lambda x: (time.sleep(0.001), x)[1])

    def push(values):
        for value in values:
            panel.controls["x"].value = value

    threads = [threading.Thread(target=push, args=(range(n, 60, 13),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert panel.result == panel.controls["x"].value


def test_adjust_may_change_a_control_without_a_second_computation():
    computed = []

    def adjust(controls):
        controls["x"].max = 50
        controls["x"].value = min(controls["x"].value, 20)

    panel = make(lambda x: computed.append(x) or x, adjust=adjust)
    panel.controls["x"].value = 40
    assert computed == [3, 20]


def test_show_code_reset_and_save(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    panel = make(code=lambda x: f"result = {x} * {x}")
    buttons = {b.description: b for b in find(panel.view, widgets.Button)}
    listing = next(w for w in find(panel.view, widgets.HTML) if w.layout.display == "none")
    buttons["Show code"].click()
    assert listing.layout.display == ""
    panel.controls["x"].value = 6
    assert "result = 6 * 6" in listing.value, "the code follows the controls"
    buttons["Reset"].click()
    assert panel.result == 9
    buttons["Save picture"].click()
    buttons["Save picture"].click()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [
        "vizkit-square-chart-1.html", "vizkit-square-chart-2.html",
        "vizkit-square-picture-1.png", "vizkit-square-picture-2.png",
    ]  # fmt: skip
    assert "saved vizkit-square-picture-2.png" in panel.status


def find(widget, kind):
    found = [widget] if type(widget) is kind else []
    for child in getattr(widget, "children", ()):
        found += find(child, kind)
    return found
