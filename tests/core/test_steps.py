import threading
import time
from dataclasses import dataclass

import pytest

from vizkit.core.steps import Step, from_callback, last


@dataclass(frozen=True)
class Count(Step):
    value: int


def counting(total):
    for index in range(total):
        yield Count(index + 1, total, index * index)


def test_last_and_progress():
    step = last(counting(4))
    assert step == Count(4, 4, 9)
    assert step.progress == 1
    assert next(counting(4)).progress == 0.25


def test_no_step_is_an_error():
    with pytest.raises(ValueError, match="steps must yield at least one step, got none"):
        last(counting(0))


def looping(log, total=100):
    """A library's loop: it reports, and ends when it is told to."""

    def run(report):
        for index in range(total):
            log.append(index)
            if report(index):
                return
        log.append("end")

    return run


def test_a_callback_becomes_a_generator():
    log = []
    assert list(from_callback(looping(log, 5))) == [0, 1, 2, 3, 4]
    assert log == [0, 1, 2, 3, 4, "end"]


def test_the_loop_waits_for_its_reader_and_ends_when_closed():
    log, before = [], threading.active_count()
    states = from_callback(looping(log))
    assert next(states) == 0
    assert next(states) == 1
    time.sleep(0.05)
    assert log == [0, 1]
    states.close()
    assert log == [0, 1]
    assert threading.active_count() == before


def test_the_loops_error_reaches_the_reader():
    def run(report):
        report(1)
        raise RuntimeError("out of ink")

    states = from_callback(run)
    assert next(states) == 1
    with pytest.raises(RuntimeError, match="out of ink"):
        next(states)
