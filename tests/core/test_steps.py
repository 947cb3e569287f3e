from dataclasses import dataclass

import pytest

from vizkit.core.steps import Step, last


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
