import subprocess
import sys
import threading
import time
from dataclasses import dataclass

import pytest
import torch

from vizkit.core.steps import Step
from vizkit.widgets.runner import Runner


@dataclass(frozen=True)
class Count(Step):
    value: int


def counting(total=50, pause=0.005, log=None):
    def start(step):
        first = step.index if step else 0
        try:
            for index in range(first, total):
                time.sleep(pause)
                yield Count(index + 1, total, index)
        finally:
            if log is not None:
                log.append("closed")

    return start


def test_a_run_ends_with_its_last_step_shown():
    shown = []
    runner = Runner(counting(), shown.append)
    runner.run()
    assert runner.wait(10) == Count(50, 50, 49)
    assert shown[-1].index == 50
    assert len(shown) <= 6, "no more than 10 updates a second"
    assert not runner.running
    assert "step 50 of 50" in runner._status.value
    assert runner._bar.value == 1


def test_stop_closes_the_generator_and_continue_goes_on():
    log = []
    runner = Runner(counting(200, log=log), lambda step: None)
    runner.run()
    time.sleep(0.1)
    start = time.perf_counter()
    runner.buttons["Stop"].click()
    assert time.perf_counter() - start < 1
    assert log == ["closed"]
    stopped = runner.step.index
    assert 0 < stopped < 200
    assert not runner.buttons["Continue"].disabled
    runner.buttons["Continue"].click()
    assert runner.wait(10).index == 200
    assert runner.buttons["Continue"].disabled


def test_run_restarts_and_reset_forgets():
    runner = Runner(counting(1000), lambda step: None)
    runner.run()
    time.sleep(0.05)
    runner.run()
    time.sleep(0.05)
    assert runner.step.index < 30
    runner.reset()
    assert runner.step is None
    assert runner._bar.value == 0
    assert runner.buttons["Reset"].disabled
    with pytest.raises(ValueError, match="wait needs a run"):
        runner.wait()


def test_errors_are_kept_and_raised_by_wait():
    def start(step):
        yield Count(1, 3, 0)
        raise ArithmeticError("step two failed")

    runner = Runner(start, lambda step: None)
    runner.run()
    with pytest.raises(ArithmeticError, match="step two failed"):
        runner.wait(10)
    assert "step two failed" in runner._status.value
    assert not runner.buttons["Run"].disabled


def test_wait_gives_up():
    runner = Runner(counting(2000), lambda step: None)
    runner.run()
    with pytest.raises(TimeoutError, match=r"did not end within 0\.05 s"):
        runner.wait(0.05)
    runner.stop()


def test_the_generator_leaks_no_state_into_the_callers_thread():
    def start(step):
        for index in range(3):
            with torch.no_grad():
                torch.zeros(1)
            yield Count(index + 1, 3, torch.is_grad_enabled())

    runner = Runner(start, lambda step: None)
    runner.run()
    assert runner.wait(10).value is True
    assert torch.is_grad_enabled()


def test_show_may_start_a_new_run_from_the_runs_own_thread():
    runner = None
    restarted = threading.Event()

    def show(step):
        if not restarted.is_set():
            restarted.set()
            runner.run()

    runner = Runner(counting(20), show)
    runner.run()
    assert restarted.wait(5)
    time.sleep(0.05)
    assert runner.wait(10).index == 20
    assert threading.active_count() < 20


def test_a_process_ends_in_peace_while_a_run_goes_on():
    code = (
        "import time\n"
        "from vizkit.widgets import lecture06\n"
        "panel = lecture06.dream_panel()\n"
        "panel.set(iterations=40)\n"
        "panel.runner.run()\n"
        "time.sleep(0.3)\n"
        "assert panel.runner.running\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
