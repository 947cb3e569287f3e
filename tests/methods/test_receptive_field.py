import math

import pytest
import torch
from torch import nn

import vizkit
from tests.conftest import NETS, random_net
from vizkit.methods.receptive_field import Axis, measured_field, receptive_fields

PICTURE = 224
#: Nets whose first layers leave the last pixels of a picture of 224 unread, and how many.
UNPADDED = {"squeezenet1_1": 1, "alexnet": 1}


def opened(name):
    """Make a net through which every pixel of a field counts.

    Positive weights and pixels keep all ReLUs open; average-pooling in place of max-pooling has
    the same windows and lets all of a window through.
    """
    net = random_net(name).eval()
    for module in net.modules():
        for key, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                pool = nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode)
                setattr(module, key, pool)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.abs_().mul_(0.1).add_(1e-3)
    return net.double()


@pytest.mark.parametrize("name", NETS)
def test_computed_fields_are_the_measured_extent_of_the_gradient(name):
    model = vizkit.ImageModel(opened(name), input_size=PICTURE, name=name)
    fields = receptive_fields(model)
    image = torch.rand(3, PICTURE, PICTURE, generator=torch.Generator().manual_seed(0))
    layers = [layer for layer, field in fields.items() if len(model.layers[layer].shape) == 3 and not field.is_whole]
    for layer in layers[:: max(1, len(layers) // 5)]:
        _, height, width = model.layers[layer].shape
        for row, column in {(height // 2, width // 3), (0, 0), (height - 1, width - 1)}:
            seen = measured_field(model, image, layer, row, column) > 0
            ys, xs = seen.any(1).nonzero(), seen.any(0).nonzero()
            extent = (int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1)
            box = fields[layer].box(row, column, PICTURE, PICTURE)
            if PICTURE in box and name in UNPADDED:
                unread = [edge - end for edge, end in zip(box, extent, strict=True)]
                assert unread[:2] == [0, 0]
                assert max(unread[2:]) <= UNPADDED[name]
            else:
                assert box == extent, (layer, row, column)


def test_viznets_fields_by_hand(viznet):
    fields = receptive_fields(viznet)
    expected = {
        "conv1": (7, 2, -3),
        "pool1": (11, 4, -5),
        "conv2": (19, 4, -9),
        "conv3": (27, 4, -13),
        "pool2": (35, 8, -17),
        "conv4": (51, 8, -25),
        "conv5": (67, 8, -33),
        "pool3": (83, 16, -41),
        "conv6": (115, 16, -57),
        "conv7": (147, 16, -73),
    }
    for layer, numbers in expected.items():
        assert fields[layer].vertical == fields[layer].horizontal == Axis(*numbers)
    assert fields["fc"].is_whole
    assert list(fields) == list(viznet.layers)


def test_windows_dilation_and_sides_that_differ():
    net = nn.Sequential(
        nn.Conv2d(3, 2, (3, 5), stride=(1, 2), padding=(0, 1), dilation=(2, 1)),
        nn.MaxPool2d(2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    fields = receptive_fields(vizkit.ImageModel(net, input_size=24))
    assert (fields["0"].vertical, fields["0"].horizontal) == (Axis(5, 1, 0), Axis(5, 2, -1))
    assert (fields["1"].vertical, fields["1"].horizontal) == (Axis(6, 2, 0), Axis(7, 4, -1))
    assert fields["2"].is_whole


def test_branches_are_joined():
    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.narrow = nn.Conv2d(3, 2, 1)
            self.wide = nn.Conv2d(3, 2, 7, padding=3)
            self.joined = nn.Identity()
            self.after = nn.Conv2d(4, 2, 3)

        def forward(self, x):
            x = self.joined(torch.cat([self.narrow(x), self.wide(x)], 1).relu())
            return self.after(x).mean((2, 3))

    fields = receptive_fields(vizkit.ImageModel(Branches(), input_size=16))
    assert fields["after"].vertical == Axis(9, 1, -3)


def test_attention_sees_everything():
    net = nn.Sequential(nn.Conv2d(3, 4, 4, 4), nn.Flatten(2), nn.Linear(4, 4), nn.Flatten(), nn.Linear(16, 2))
    fields = receptive_fields(vizkit.ImageModel(net, input_size=8))
    assert not fields["0"].is_whole
    assert fields["2"].is_whole


def test_transposed_convolutions_are_refused():
    net = nn.Sequential(nn.ConvTranspose2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ValueError, match="transposed convolution is not computed"):
        receptive_fields(vizkit.ImageModel(net, input_size=8))


def test_spans_are_clipped_to_the_picture():
    assert Axis(7, 2, -3).span(0, 64) == (0, 4)
    assert Axis(7, 2, -3).span(31, 64) == (59, 64)
    assert Axis(math.inf, math.inf, -math.inf).span(5, 64) == (0, 64)


def test_the_measured_field_of_one_channel_lies_in_the_frame(viznet, chelsea):
    fields = receptive_fields(viznet)
    gradient = measured_field(viznet, chelsea, "conv4", 5, 7, channel=11)
    x0, y0, x1, y1 = fields["conv4"].box(5, 7, *chelsea.shape[1:])
    inside = gradient[y0:y1, x0:x1].sum()
    assert inside > 0
    torch.testing.assert_close(gradient.sum(), inside)


def test_units_that_do_not_exist_are_named(viznet, chelsea):
    with pytest.raises(ValueError, match="row must be from 0 to 31, got 99"):
        measured_field(viznet, chelsea, "conv2", 99, 0)
    with pytest.raises(ValueError, match="channel must be from 0 to 95, got 96"):
        measured_field(viznet, chelsea, "conv2", 0, 0, channel=96)
    with pytest.raises(ValueError, match="layer 'fc' has no map"):
        measured_field(viznet, chelsea, "fc", 0, 0)
