"""Times of passes: the slope is the slope, and a larger net takes longer."""

import pytest

from vizkit.methods.pass_times import PassTimes, pass_times


def test_the_slope_of_known_times():
    sizes = (10, 100, 1000, 10_000)
    known = PassTimes(sizes, tuple(3e-9 * one**1.5 for one in sizes), tuple(1e-9 * one for one in sizes))
    assert known.slope(known.forward) == pytest.approx(1.5)
    assert known.slope(known.backward) == pytest.approx(1)
    assert known.slope((5.0, 1.0, 1.0, 1.0)) == pytest.approx(0), "of the largest alone"


def test_a_net_a_thousand_times_as_large_takes_longer():
    found = pass_times((16, 600), layers=2, batch=32)
    assert found.parameters == (2 * 16 * 17, 2 * 600 * 601)
    assert found.forward[1] > found.forward[0] > 0
    assert found.backward[1] > found.backward[0] > 0
