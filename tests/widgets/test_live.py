import time
from dataclasses import dataclass

import ipywidgets as widgets
import pytest

from vizkit.core.steps import Step, last
from vizkit.widgets.live import LivePanel, code_of_run


@dataclass(frozen=True)
class Sum(Step):
    value: float


def adding(step, *, total=200, amount=1.0, start=0.0, pause=0.002):
    value = step.value if step else start
    for index in range(step.index if step else 0, total):
        time.sleep(pause)
        if amount < 0:
            raise ValueError("amount must be positive, got less")
        value += amount
        yield Sum(index + 1, total, value)


def panel():
    controls = {"amount": widgets.FloatText(1.0), "start": widgets.FloatText(0.0)}
    return LivePanel(
        "Sum", controls, adding, lambda step, **values: {"text": f"{step.value:g}"},
        live={"amount"}, code=lambda **values: f"{values}",
    )  # fmt: skip


def test_the_first_state_is_there_at_once():
    view = panel()
    assert view.result == Sum(1, 200, 1.0)
    assert view.shown["text"].value == "1"
    assert not view.runner.running


def test_run_stop_step_continue_reset_by_hand():
    view = panel()
    buttons = view.runner.buttons
    buttons["Run"].click()
    while view.runner.step is None or view.runner.step.index < 10:
        time.sleep(0.01)
    buttons["Stop"].click()
    stopped = view.runner.step.index
    assert view.shown["text"].value == str(stopped)
    buttons["Step"].click()
    assert view.runner.wait(5).index == stopped + 1
    assert view.shown["text"].value == str(stopped + 1)
    buttons["Continue"].click()
    assert view.runner.wait(5).index == 200
    assert buttons["Step"].disabled
    buttons["Reset"].click()
    assert view.runner.step is None
    assert view.shown["text"].value == "1"


def test_a_live_control_acts_under_way_and_another_starts_anew():
    view = panel()
    view.runner.run()
    while view.runner.step is None or view.runner.step.index < 20:
        time.sleep(0.01)
    view.controls["amount"].value = 1000.0
    end = view.runner.wait(5)
    assert end.index == 200
    assert 20 * 1 <= end.value % 1000 <= 199, "the first steps were kept"

    view.runner.run()
    view.controls["start"].value = 7.0
    end = view.runner.wait(5)
    assert end.value == 7 + 200 * 1000


def test_a_control_that_is_not_live_goes_back_to_the_first_state():
    view = panel()
    view.runner.run()
    view.runner.wait(5)
    view.set(start=5.0, amount=2.0)
    assert view.runner.step is None
    assert view.result.value == 7
    assert view.shown["text"].value == "7"


def test_an_error_is_shown_and_the_panel_lives_on():
    view = panel()
    view.controls["amount"].value = -1.0
    assert str(view.error) == "amount must be positive, got less"
    view.controls["amount"].value = 1.0
    assert view.error is None
    view.runner.run()
    while view.runner.step is None:
        time.sleep(0.01)
    view.controls["amount"].value = -1.0  # under way
    with pytest.raises(ValueError, match="amount must be positive"):
        view.runner.wait(5)
    view.controls["amount"].value = 1.0
    view.runner.run()
    assert view.runner.wait(5).index == 200


def test_the_code_of_a_run_stops_where_the_run_did():
    scope = {"adding": adding, "last": last}
    exec("\n".join(code_of_run("adding(None, pause=0)", 17, 200)), scope)
    assert scope["result"].index == 17
    exec("\n".join(code_of_run("adding(None, pause=0)", 200, 200)), scope)
    assert scope["result"].index == 200
