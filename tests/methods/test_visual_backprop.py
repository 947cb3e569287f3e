"""VisualBackProp against a literal rewrite of the paper's section 3, layer by layer."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import vizkit
from tests.conftest import random_net
from vizkit.core.windows import Window
from vizkit.methods.visual_backprop import visual_backprop, visual_backprop_masks


def literal(net, x):
    """Average each ReLU's maps; from the last one up: a deconvolution of ones for each layer between, times the average."""
    averages, ways, way = [], [], []
    for one in net:
        size, x = x.shape[2:], one(x)
        if isinstance(one, nn.ReLU):
            averages.append(x.mean(1, keepdim=True))
            ways.append(way)
            way = []
        elif isinstance(one, nn.Conv2d | nn.MaxPool2d):
            way.append((one, size))
        if x.ndim < 4 or x.shape[2:] == (1, 1):
            break

    def deconvolved(mask, way):
        for layer, size in reversed(way):
            k, s, p = (
                value if isinstance(value, int) else value[0]
                for value in (layer.kernel_size, layer.stride, layer.padding)
            )
            deconvolution = nn.ConvTranspose2d(1, 1, k, s, p, bias=False)
            nn.init.ones_(deconvolution.weight)
            mask = deconvolution(mask, output_size=size)
        return mask

    mask = averages[-1]
    for average, between in zip(averages[-2::-1], ways[:0:-1], strict=True):
        mask = deconvolved(mask, between) * average
    return deconvolved(mask, ways[0])[0, 0].detach()


@pytest.mark.parametrize("shape", [(64, 64), (90, 75)])
def test_it_is_the_papers(viznet, shape):
    image = vizkit.load_image("coffee", shape)
    found, expected = visual_backprop(viznet, image), literal(viznet.net, viznet.normalize(image[None]))
    torch.testing.assert_close(found / found.max(), expected / expected.max())


def test_pools_that_round_up_and_nets_without_padding():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 5, stride=2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(4, 5, 3, dilation=2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3),
    ).eval()  # fmt: skip
    image = torch.rand(3, 33, 40)
    model = vizkit.ImageModel(net, input_size=33)
    one = net[:2](model.normalize(image[None])).mean(1, keepdim=True)
    two = net[:5](model.normalize(image[None])).mean(1, keepdim=True)
    up = F.conv_transpose2d(two, torch.ones(1, 1, 3, 3), dilation=2)
    up = F.conv_transpose2d(up, torch.ones(1, 1, 3, 3), stride=2)
    up = F.pad(up, (0, one.shape[3] - up.shape[3], 0, one.shape[2] - up.shape[2])) * one
    expected = F.conv_transpose2d(up, torch.ones(1, 1, 5, 5), stride=2)
    expected = F.pad(expected, (0, 40 - expected.shape[3], 0, 33 - expected.shape[2]))[0, 0].detach()
    found = visual_backprop(model, image)
    torch.testing.assert_close(found / found.max(), expected / expected.max())


@pytest.mark.parametrize("name", ["googlenet", "resnet18", "squeezenet1_1", "densenet121", "mobilenet_v3_small"])
def test_branches_and_function_calls(name):
    model = vizkit.ImageModel(random_net(name).eval())
    found = visual_backprop_masks(model, torch.rand(3, 64, 64))
    assert found.heat.shape == (64, 64)
    assert torch.isfinite(found.heat).all()
    assert found.heat.max() > found.heat.min()
    assert [one.shape for one in found.means] == [one.shape for one in found.masks]


def test_a_net_without_relus_is_refused(chelsea):
    net = vizkit.ImageModel(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 14 * 14, 2)).eval(), input_size=16
    )
    with pytest.raises(ValueError, match="reads maps behind ReLUs"):
        visual_backprop(net, chelsea[:, :16, :16])


def test_a_window_counts_who_looks():
    window = Window((3, 3), (2, 2), (1, 1), (1, 1), (5, 6))
    assert window.leads_to(torch.Size((3, 3)))
    assert not window.leads_to(torch.Size((2, 3)))
    seen = F.unfold(torch.ones(1, 1, 5, 6), 3, stride=2, padding=1)
    looks = F.fold(seen, (5, 6), 3, stride=2, padding=1)
    assert torch.equal(window.spread(torch.ones(1, 1, 3, 3)), looks)
