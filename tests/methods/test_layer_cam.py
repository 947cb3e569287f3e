import pytest
import torch
from torch import nn

import vizkit
from vizkit.core.hooks import capture
from vizkit.methods.attribution.layer_cam import layer_cam
from vizkit.methods.gradients import grad_cam


def test_a_slow_rewrite_place_by_place(viznet, chelsea):
    image = chelsea[:, :64, :64].clone().requires_grad_()
    with capture(viznet.net, ["relu3"]) as found:
        logits = viznet.net(viznet.normalize(image[None]))
    (gradient,) = torch.autograd.grad(logits[0, 5], found["relu3"])
    maps = found["relu3"][0].detach()
    heat = torch.zeros(maps.shape[1:])
    for channel, row, column in torch.cartesian_prod(*(torch.arange(length) for length in maps.shape)).tolist():
        slope = float(gradient[0, channel, row, column])
        heat[row, column] += max(slope, 0.0) * float(maps[channel, row, column])
    expected = nn.functional.interpolate(heat.relu()[None, None], (64, 64), mode="bilinear", align_corners=False)
    torch.testing.assert_close(
        layer_cam(viznet, image.detach(), 5, layer="relu3"), expected[0, 0], rtol=1e-4, atol=1e-6
    )


def test_with_one_positive_weight_for_a_channel_it_is_grad_cam():
    # Mean-pooling gives each place of a channel the same gradient; with weights above 0 both agree.
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    nn.init.uniform_(net[-1].weight, 0.1, 1)
    model, image = vizkit.ImageModel(net, input_size=16), torch.rand(3, 16, 16)
    torch.testing.assert_close(layer_cam(model, image, 1, layer="1"), grad_cam(model, image, 1, layer="1"))


def test_bad_input(viznet, chelsea):
    with pytest.raises(ValueError, match="relu99"):
        layer_cam(viznet, chelsea, 0, layer="relu99")
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 2))
    with pytest.raises(ValueError, match="has no layer with a map"):
        layer_cam(vizkit.ImageModel(flat, input_size=8), torch.rand(3, 8, 8), 0)
