import torch

from vizkit.figures.fooling import epsilon_curves, needed_chart
from vizkit.methods.needed_epsilon import NeededEpsilon
from vizkit.panels.fooled import drawn, judged

SIX = torch.arange(6)


def letters(number, wrong=0):
    """The right answer to a draw, but for its first few letters."""
    _, below = drawn(number)
    below = below ^ (torch.arange(6) < wrong)
    return "".join("AB"[one] for one in below.tolist())


def test_the_count_runs_on_over_draws():
    said = judged(f"{letters(0)} {letters(1, wrong=2)}", 1, SIX, SIX, SIX)
    assert "You found **4 of 6**" in said
    assert "over 2 draws **10 of 12**; guessing finds 6" in said
    said = judged(f"{letters(0)}, {letters(1, wrong=2)} ab", 2, SIX, SIX, SIX)
    assert "of draw 2 there are 2" in said
    assert "10 of 12" in said


def test_nothing_is_told_before_six_letters():
    said = judged(letters(0)[:5], 0, SIX, SIX, SIX)
    assert "of draw 0 there are 5" in said
    assert "guessing" not in said


def test_curves_are_means_in_bands_that_hold_all_draws():
    draws = [
        [NeededEpsilon("pictures", size, 1.0, torch.linspace(0.1, 0.1 + spread, 9), 2.0) for size in (4, 16)]
        for spread in (0.2, 0.6)
    ]
    chart = epsilon_curves(draws, "FGSM")
    assert [one.name for one in chart.data if one.name] == ["4 numbers", "16 numbers"]
    band, mean = chart.data[:2]
    at = list(mean.x).index(0.2)
    ends = [one.changed(0.2) for one, _ in draws]
    assert abs(mean.y[at] - sum(ends) / 2) < 1e-6
    assert abs(band.y[at] - min(ends)) < 1e-6
    assert abs(band.y[len(band.y) - 1 - at] - max(ends)) < 1e-6
    chart = needed_chart({"pictures": [4, 16]}, {"pictures": torch.tensor([[1.0, 2], [3, 4]])}, "needed", "epsilon")
    assert chart.data[1].y == (2, 3)
    assert chart.data[0].y == (1, 2, 4, 3)
