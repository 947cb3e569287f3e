import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import vector_to_parameters

from vizkit.core.data import digit_labels, digits
from vizkit.core.steps import last
from vizkit.methods.small_nets import DeepNet, NetLoss, split_digits, train_steps


@pytest.fixture(scope="module")
def data():
    return split_digits(120)


def with_parameters(net, row):
    net = copy.deepcopy(net)
    vector_to_parameters(row, net.parameters())
    return net


class ConvNet(nn.Sequential):
    """In-place ReLUs and batch norm, as torchvision's nets have."""

    def __init__(self):
        super().__init__(
            nn.Unflatten(1, (1, 8, 8)),
            nn.Conv2d(1, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=True),
            nn.Flatten(),
            nn.Linear(144, 10),
        )


@pytest.mark.parametrize("skip", [False, True])
def test_a_deep_net_by_the_book(data, skip):
    net = DeepNet(7, 3, skip=skip)
    hidden = net.stem(data.train).relu()
    for first, second in net.blocks:
        change = second(first(hidden).relu())
        hidden = (hidden + change / 3**0.5 if skip else change).relu()
    torch.testing.assert_close(net(data.train), net.head(hidden))


@pytest.mark.parametrize("net", [DeepNet(6), DeepNet(5, 2, skip=True), ConvNet()])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_many_nets_are_as_each_alone(data, net, smoothing):
    loss = NetLoss(net, data.train, data.train_labels, label_smoothing=smoothing, chunk=3)
    points = loss.random_points(7, seed=2)
    alone = []
    for row in points:
        one = with_parameters(net, row).train()  # batch statistics
        alone.append(F.cross_entropy(one(data.train), data.train_labels, label_smoothing=smoothing))
    torch.testing.assert_close(loss.losses(points), torch.stack(alone).detach())
    other = NetLoss(net, data.train, data.train_labels, label_smoothing=smoothing, chunk=100)
    torch.testing.assert_close(loss.losses(points), other.losses(points))
    right = [(with_parameters(net, row).train()(data.train).argmax(1) == data.train_labels) for row in points]
    torch.testing.assert_close(loss.accuracy(points), torch.stack(right).float().mean(1))


def test_batch_norm_carried_or_re_estimated(data):
    net = ConvNet()
    for _ in range(20):
        net.train()(data.train * 2 + 1)  # other statistics
    before = copy.deepcopy(net.state_dict())
    point = NetLoss(net, data.train, data.train_labels).parameters_of(net)[None]
    carried = NetLoss(net, data.train, data.train_labels, batch_norm="carried").losses(point)
    fresh = NetLoss(net, data.train, data.train_labels).losses(point)
    with torch.no_grad():
        expected = F.cross_entropy(net.eval()(data.train), data.train_labels)
        torch.testing.assert_close(carried[0], expected)
        expected = F.cross_entropy(copy.deepcopy(net).train()(data.train), data.train_labels)
        torch.testing.assert_close(fresh[0], expected)
    assert not torch.isclose(carried, fresh)
    assert all(torch.equal(before[key], net.state_dict()[key]) for key in before), "net unchanged"


def test_first_weights_have_hes_variance(data):
    loss = NetLoss(DeepNet(32, 2), data.train, data.train_labels)
    named = loss.named(loss.random_points(200))
    assert float(named["stem.weight"].std()) == pytest.approx((2 / 64) ** 0.5, rel=0.02)
    assert float(named["head.weight"].std()) == pytest.approx((2 / 32) ** 0.5, rel=0.02)
    assert not named["stem.bias"].any()
    named = (conv := NetLoss(ConvNet(), data.train, data.train_labels)).named(conv.random_points(3))
    assert torch.equal(named["2.weight"], torch.ones(3, 4))
    assert not named["2.bias"].any()


def test_nets_trained_together_are_as_each_trained_alone(data):
    loss = NetLoss(DeepNet(5, 1, skip=True), data.train, data.train_labels)
    starts = loss.random_points(3)
    together = last(train_steps(loss, starts, steps=25))
    for index in range(3):
        alone = last(train_steps(loss, starts[index : index + 1], steps=25))
        torch.testing.assert_close(together.points[index], alone.points[0], rtol=1e-3, atol=1e-4)
    assert (loss.losses(together.points) < loss.losses(starts)).all()


def test_training_is_torchs_adam(data):
    net = DeepNet(6)
    loss = NetLoss(net, data.train, data.train_labels)
    start = loss.random_points(1)
    found = last(train_steps(loss, start, steps=12, batch_size=40, seed=5))
    peer = with_parameters(net, start[0])
    adam = torch.optim.Adam(peer.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 12)
    for index in range(12):
        rows = torch.randint(120, (40,), generator=torch.Generator().manual_seed(5 + index))
        adam.zero_grad()
        F.cross_entropy(peer(data.train[rows]), data.train_labels[rows]).backward()
        adam.step()
        schedule.step()
    torch.testing.assert_close(found.points[0], loss.parameters_of(peer), rtol=1e-4, atol=1e-5)


def test_a_continued_run_is_the_uninterrupted_one(data):
    loss = NetLoss(DeepNet(6), data.train, data.train_labels)
    start = loss.random_points(4)
    whole = last(train_steps(loss, start, steps=20))
    for step in train_steps(loss, start, steps=20):
        if step.index == 8:
            break
    rest = list(train_steps(loss, start, steps=20, resume=step))
    assert [one.index for one in rest] == list(range(9, 21))
    torch.testing.assert_close(rest[-1].points, whole.points)
    again = last(train_steps(loss, start, steps=20, resume=step))
    torch.testing.assert_close(again.points, whole.points)


def test_each_net_may_have_labels_of_its_own(data):
    wrong = data.train_labels.roll(1)
    both = NetLoss(DeepNet(6), data.train, torch.stack([data.train_labels, wrong]))
    points = both.random_points(1).expand(2, -1)
    expected = [NetLoss(DeepNet(6), data.train, one).losses(points[:1])[0] for one in (data.train_labels, wrong)]
    torch.testing.assert_close(both.losses(points), torch.stack(expected))


def test_the_split_is_of_all_digits_and_lies_as_told():
    data = split_digits(500)
    assert len(data.train) + len(data.test) == 1797
    everything = torch.cat([data.train, data.test])
    flat = digits().flatten(1).float()
    back = everything * flat.std() + flat.mean()
    assert sorted(back.sum(1).round(decimals=3).tolist()) == sorted(flat.sum(1).round(decimals=3).tolist())
    assert sorted(torch.cat([data.train_labels, data.test_labels]).tolist()) == sorted(digit_labels().tolist())
    half = split_digits(500, random_labels=0.5)
    assert torch.equal(half.train, data.train)
    share = float((half.train_labels != data.train_labels).float().mean())
    assert 0.38 < share < 0.5, "a tenth of the random labels are right by chance"
    assert torch.equal(half.test_labels, data.test_labels)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: DeepNet(0), "width must be"),
        (lambda d: DeepNet(4, -1), "depth must be"),
        (lambda d: split_digits(5), "count must be"),
        (lambda d: split_digits(50, random_labels=1.5), "random_labels must be in .0, 1., got 1.5"),
        (lambda d: NetLoss(DeepNet(4), d.train, d.train_labels[:7]), "as many, got 120 and 7"),
        (lambda d: NetLoss(DeepNet(4), d.train, d.train_labels, batch_norm="none"), "batch_norm"),
        (
            lambda d: next(train_steps(NetLoss(DeepNet(4), d.train, d.train_labels), None, rate=0)),
            "rate must be positive, got 0",
        ),
    ],
)
def test_errors(data, call, message):
    with pytest.raises(ValueError, match=message):
        call(data)
