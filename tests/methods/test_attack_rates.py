import pytest
import torch
from torch import nn

import vizkit
from vizkit.core.steps import last
from vizkit.methods.adversarial import pgd, success_rates
from vizkit.methods.attack_rates import rates_steps, surest_first, transfer_steps, transfer_table


class Threshold(nn.Module):
    """Says the second class where the mean of the picture is above a half."""

    def __init__(self, slope=40.0):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope))

    def forward(self, x):
        score = self.slope * (x.mean((1, 2, 3)) - 0.5)
        return torch.stack([-score, score], 1)


def threshold(slope=40.0, labels=("dark", "light"), name="net"):
    return vizkit.ImageModel(Threshold(slope), input_size=8, labels=list(labels), name=name)


@pytest.fixture
def grays():
    return torch.linspace(0.3, 0.7, 10).view(-1, 1, 1, 1).expand(-1, 3, 8, 8).contiguous()


def test_rates_are_the_share_of_pictures_within_epsilon_of_the_boundary(grays):
    end = last(rates_steps(threshold(), grays, [0.03, 0.1, 0.25], ["FGSM", "PGD"]))
    assert end.curve("FGSM") == pytest.approx([0.2, 0.4, 1.0])
    assert end.curve("PGD") == end.curve("FGSM")


def test_one_attack_comes_after_the_other(grays):
    steps = list(rates_steps(threshold(), grays, [0.03, 0.1], ["random noise", "FGSM"]))
    assert [step.index for step in steps] == [1, 2, 3, 4]
    assert [len(step.curve("random noise")) for step in steps] == [1, 2, 2, 2]
    assert [len(step.curve("FGSM")) for step in steps] == [0, 0, 1, 2]
    assert steps[-1].curve("FGSM") == success_rates(threshold(), grays, [0.03, 0.1], "FGSM")


def test_what_fools_a_net_fools_its_double_and_not_one_far_away(grays):
    # the same boundary; and one that lies far away from all of these pictures
    far = threshold(name="far")
    far.net.forward = lambda x: torch.stack([x.mean((1, 2, 3)) - 5, 5 - x.mean((1, 2, 3))], 1)
    nets = [threshold(), threshold(80.0, name="double"), far]
    table = transfer_table(nets, grays, 0.1)
    assert table[:2, :2].tolist() == [[1, 1], [1, 1]]
    assert table[:2, 2].tolist() == [0, 0]
    assert table[2].isnan().all(), "no picture fools it"


def test_transfer_counts_as_a_slow_rewrite_does(grays):
    one, other = threshold(), threshold(name="other")
    other.net.forward = lambda x: torch.stack([0.53 - x.mean((1, 2, 3)), x.mean((1, 2, 3)) - 0.53], 1)
    both = counted = 0
    found = pgd(one, grays, epsilon=0.06, steps=20)
    for clean, moved, won in zip(grays, found.images, found.success, strict=True):
        if won:
            counted += 1
            both += other.answers(clean, 1)[0][0] != other.answers(moved, 1)[0][0]
    assert 0 < both < counted
    steps = list(transfer_steps([one, other], grays, 0.06))
    assert [bool(step.table[1].isnan().all()) for step in steps] == [True, False]
    assert float(steps[-1].table[0, 1]) == pytest.approx(both / counted)


def test_the_surest_come_first(grays):
    ordered = surest_first(threshold(), grays, batch_size=3)
    away = (ordered.mean((1, 2, 3)) - 0.5).abs()
    assert (away.diff() < 1e-6).all()
    assert sorted(ordered.mean((1, 2, 3)).tolist()) == pytest.approx(grays.mean((1, 2, 3)).tolist())


def test_bad_input_is_named(grays):
    net = threshold()
    with pytest.raises(ValueError, match="attack 'PGB' is not known; did you mean 'PGD'"):
        next(rates_steps(net, grays, [0.1], ["PGB"]))
    with pytest.raises(ValueError, match="epsilon must be 0 or more"):
        next(rates_steps(net, grays, [-0.1], ["FGSM"]))
    with pytest.raises(ValueError, match="models must know the same classes, got net and else"):
        next(transfer_steps([net, threshold(labels=("a", "b"), name="else")], grays, 0.1))
    step = next(rates_steps(net, grays, [0.1], ["FGSM"]))
    with pytest.raises(ValueError, match="attack 'PGD' is not known"):
        step.curve("PGD")
