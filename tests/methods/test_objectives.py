import pytest
import torch
from torch import nn

import vizkit
from tests.conftest import random_net
from vizkit.core.hooks import OpenReLU, capture
from vizkit.methods.gradients import Unit
from vizkit.methods.objectives import Aim, Channel, Mixture, WholeLayer


def test_each_objective_by_hand(viznet):
    images = torch.rand(5, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    objectives = [
        "goldfish",
        Channel("relu3", 7),
        Unit("conv4", 5, 2, 3),
        WholeLayer("pool2"),
        Mixture(((2.0, Channel("relu5", 1)), (-0.5, 17))),
    ]
    with torch.no_grad(), viznet.running(images) as net:
        with capture(net, ["relu3", "conv4", "pool2", "relu5"]) as found:
            logits = net(viznet.normalize(images))
        scores = Aim(viznet, objectives).scores(net, images)
    expected = [
        logits[0, viznet.labels.index("goldfish")],
        found["relu3"][1, 7].mean(),
        found["conv4"][2, 5, 2, 3],
        found["pool2"][3].square().mean() / 2,
        2 * found["relu5"][4, 1].mean() - 0.5 * logits[4, 17],
    ]
    torch.testing.assert_close(scores, torch.stack(expected))


def test_one_channel_each_is_scored_at_once_and_views_follow_the_pictures(viznet):
    images = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    aim = Aim(viznet, [Channel("relu4", channel) for channel in (9, 3, 3)])
    slow = Aim(viznet, [Mixture(((1.0, Channel("relu4", channel)),)) for channel in (9, 3, 3)])
    with torch.no_grad(), viznet.running(images) as net:
        both = torch.cat([images, images.flip(3)])
        torch.testing.assert_close(aim.scores(net, both)[:3], aim.scores(net, images))
        torch.testing.assert_close(aim.scores(net, both), slow.scores(net, both))
        unit = Aim(viznet, [Unit("relu4", 9)]).scores(net, images[:1])
        maps = viznet.layer("relu4").shape
        torch.testing.assert_close(
            unit, Aim(viznet, [Unit("relu4", 9, maps[1] // 2, maps[2] // 2)]).scores(net, images[:1])
        )


def test_what_is_none_is_named(viznet):
    for wrong, message in (
        ("gold fisch", "class of viznet 'gold fisch' is not known"),
        (Channel("relu9", 0), "layer of viznet 'relu9' is not known"),
        (Channel("relu3", 96), "channel must be from 0 to 95, got 96"),
        (Mixture(()), "a Mixture must have one part or more"),
    ):
        with pytest.raises(ValueError, match=message):
            Aim(viznet, [wrong])
    with pytest.raises(ValueError, match="one or more, got none"):
        Aim(viznet, [])
    with pytest.raises(ValueError, match="row must be from 0 to 15, got 99"):
        Aim(viznet, [Unit("relu3", 0, 99, 0)]).scores(viznet.net, torch.rand(1, 3, 64, 64))


class Silent(nn.Module):
    """Its last ReLU lets nothing through, whatever it sees."""

    def __init__(self, inplace, function):
        super().__init__()
        self.conv, self.relu, self.function = nn.Conv2d(3, 4, 3), nn.ReLU(inplace), function
        self.conv2, self.fc = nn.Conv2d(4, 4, 3), nn.Linear(4, 2)
        nn.init.constant_(self.conv2.bias, -1e4)

    def forward(self, x):
        x = self.conv2(self.relu(self.conv(x)))
        x = torch.relu(x) if self.function else self.relu(x)
        return self.fc(x.mean((2, 3)))


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("function", [False, True])
def test_an_opened_relu_passes_the_gradient_of_what_is_before_it(inplace, function):
    torch.manual_seed(0)
    net = Silent(inplace, function).eval()
    model = vizkit.ImageModel(net, input_size=16)
    x = torch.rand(2, 3, 16, 16, requires_grad=True)
    aim = Aim(model, [0, 1])
    (dead,) = torch.autograd.grad(aim.scores(net, x).sum(), x)
    assert dead.abs().max() == 0
    opened = torch.tensor([True, False])
    scores = aim.scores(net, x, opened)
    torch.testing.assert_close(scores, aim.scores(net, x))  # the signal itself is not changed
    (found,) = torch.autograd.grad(scores.sum(), x)
    before = net.conv2(torch.relu(net.conv(x))).mean((2, 3)) @ net.fc.weight[0]
    (expected,) = torch.autograd.grad(before[0], x)
    torch.testing.assert_close(found[0], expected[0])
    assert found[1].abs().max() == 0


@pytest.mark.parametrize("name", ["squeezenet1_1", "resnet18", "googlenet", "mobilenet_v3_small"])
def test_counting_relus_changes_nothing(name):
    net, x = random_net(name).eval(), torch.rand(1, 3, 64, 64)
    with torch.no_grad(), OpenReLU() as counter:
        found = net(x)
    with torch.no_grad():
        torch.testing.assert_close(found, net(x))
    assert counter.count > 5
