"""Filters, activations, fields, neighbors: values set, code executed, clicks, uploads."""

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

import vizkit
from tests.panels.tools import click_tile, executed, hidden, mouse
from tests.widgets.test_controls import png, upload
from vizkit.figures.grids import patch_grid
from vizkit.methods.receptive_field import receptive_fields
from vizkit.panels import activations, filter_view, mixture, neighbors, receptive_field, sharing, unit
from vizkit.panels.common import patch_pool


@pytest.fixture(scope="module")
def activation():
    return activations.show()


def test_filters_of_every_layer_and_view():
    panel = filter_view.show()
    assert panel.result.layer == "conv1"
    panel.controls["layer"].value = "conv3"
    panel.controls["view"].value = "one filter"
    panel.controls["number"].value = 95
    assert panel.error is None
    assert panel.shown["filters"].raster.count == 96
    panel.controls["layer"].value = "conv1"
    assert panel.controls["number"].value == 47, "the slider follows the layer"
    assert torch.equal(executed(panel)["result"].weight, panel.result.weight)
    assert not hidden(panel, "number")
    panel.controls["view"].value = "every filter"
    assert hidden(panel, "number")


@pytest.mark.parametrize("show", ["activations", "gradients"])
@pytest.mark.parametrize("layer", ["conv1", "relu6", "avgpool", "fc"])
def test_activations_of_every_kind_of_layer_and_the_code_that_makes_them(activation, layer, show):
    activation.controls["layer"].value = layer
    activation.controls["show"].value = show
    activation.controls["picture"].value = "zone plate"
    activation.controls["size"].value = 96
    assert activation.error is None
    assert activation.result.layer == layer
    assert hidden(activation, "target") == (show == "activations")
    torch.testing.assert_close(executed(activation)["result"].maps, activation.result.maps)
    activation.reset()
    assert activation.values["layer"] == "relu1"


def test_a_target_can_be_chosen(activation):
    activation.controls["show"].value = "gradients"
    activation.controls["target"].value = "espresso"
    assert activation.result.target == "espresso"
    assert "'espresso'" in activation.code
    torch.testing.assert_close(executed(activation)["result"].maps, activation.result.maps)
    activation.reset()


@pytest.mark.parametrize("order", ["index", "strength"])
def test_a_click_on_a_tile_chooses_its_channel(activation, order):
    activation.controls["order"].value = order
    click_tile(activation.shown["grid"], 17)
    expected = int(activation.result.order(order)[17])
    assert activation.controls["channel"].value == expected
    assert f"channel {expected}: " in activation.shown["text"].value
    assert activation.shown["laid"].raster.alt.startswith(f"Channel {expected} of relu1")
    activation.reset()


def test_a_click_beside_the_tiles_does_nothing(activation):
    before = activation.values
    mouse(activation.shown["grid"], "press", 0.999, 0.999)
    assert activation.values == before


def test_an_upload_that_is_no_picture_leaves_the_panel_alive(activation):
    upload(activation.controls["picture"], "bad.png", b"hello")
    assert "bad.png is no picture" in activation._status.value
    assert activation.values["picture"] == "chelsea"
    upload(activation.controls["picture"], "fine.png", png())
    assert activation.error is None
    assert activation.values["picture"].startswith("fine.png")
    torch.testing.assert_close(executed(activation)["result"].maps, activation.result.maps)
    activation.reset()


def test_fields_follow_the_unit_and_the_click():
    panel = receptive_field.show()
    first = panel.values["at"]
    assert executed(panel)["box"] == panel.result[0]
    panel.controls["layer"].value = "conv1"
    assert panel.values["at"] == first, "the unit keeps its place in the picture"
    height, width = panel.result[1].shape
    x0, y0, x1, y1 = panel.result[0]
    assert abs((x0 + x1) / 2 / width - first[0]) < 0.05
    assert abs((y0 + y1) / 2 / height - first[1]) < 0.05
    mouse(panel.shown["picture"], "press", 0.25, 0.75)
    x0, y0, x1, y1 = panel.result[0]
    assert x0 <= 0.25 * width <= x1
    assert y0 <= 0.75 * height <= y1
    assert "90 % of the squared gradient" in panel.shown["text"].value
    panel.controls["measure"].value = "none"
    assert panel.result[1] is None
    assert executed(panel)["box"] == panel.result[0]
    panel.controls["layer"].value = "relu7"
    panel.reset()
    assert panel.values["at"] == first


def test_neighbors_in_pixels_and_in_features():
    panel = neighbors.show(patches=320)
    in_pixels, in_code, pool = panel.result
    query = pool.names.index("motorcycle")

    def own(found):
        return (pool.picture[found.index] == query).sum()

    assert own(in_code) > own(in_pixels), "features find the thing, pixels its colors"
    torch.testing.assert_close(executed(panel)["in_code"].distance, in_code.distance)
    panel.controls["others"].value = True
    _, in_code, _ = panel.result
    assert own(in_code) == 0
    torch.testing.assert_close(executed(panel)["in_code"].distance, in_code.distance)
    panel.controls["picture"].value = "shapes"
    assert panel.error is None


def test_weights_are_counted():
    panel = sharing.show()
    assert "451,584" in panel.shown["text"].value
    panel.controls["number"].value = 32
    assert list(panel.items["chart"].data[0].x) == [800, 32 * 451_584]
    assert executed(panel)["result"] == panel.result
    panel.controls["kernel"].value = 15
    panel.controls["size"].value = 8
    assert panel.values["kernel"] == 8
    assert panel.error is None


def test_a_mixture_beside_a_unit():
    panel = mixture.show(patches=160)
    first = panel.result[1].index.tolist()
    assert executed(panel)["mixed"].index.tolist() == first
    panel.controls["seed"].value = 1
    assert panel.result[1].index.tolist() != first


def test_which_is_the_mixture_is_told_only_when_asked(viznet):
    panel, sides = mixture.show(patches=160), set()
    for seed in range(6):
        panel.set(seed=seed, tell=False)
        words = panel.shown["text"].value + "".join(panel.items[side].alt for side in ("left", "right"))
        assert "is on the" not in words
        panel.set(tell=True)
        side = "left" if "<b>left</b>" in panel.shown["text"].value else "right"
        sides.add(side)
        field = receptive_fields(viznet)[panel.values["layer"]]
        expected = patch_grid(patch_pool("bundled", 160, 64), panel.result[0], field)
        assert np.array_equal(panel.items[side].pixels, expected.pixels)
    assert sides == {"left", "right"}


def fixed_net():
    """A net that takes pictures of 32 x 32 and no others."""
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1024, 5))


def vision_transformer():
    return torchvision.models.VisionTransformer(
        image_size=32, patch_size=8, num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=16, num_classes=5
    )


@pytest.mark.parametrize("net", [fixed_net, vision_transformer])
def test_nets_of_one_size_only_are_shown_at_that_size(net):
    model = vizkit.ImageModel(net(), input_size=32, name="fixed")
    assert model.fixed_size
    panel = activations.show(model=model)
    panel.controls["size"].value = 320
    assert panel.error is None
    assert executed(panel)["image"].shape == (3, 32, 32)
    assert receptive_field.show(model=model).error is None
    units = unit.show(model=model, patches=40)
    units.wait(30)
    assert units.error is None


def test_nets_without_maps_are_refused_in_one_sentence():
    flat = vizkit.ImageModel(nn.Sequential(nn.Flatten(), nn.Linear(48, 3)), input_size=4, name="flat")
    with pytest.raises(ValueError, match="flat has no 2-D convolution"):
        filter_view.show(model=flat)
    with pytest.raises(ValueError, match="flat has no layer that keeps places"):
        receptive_field.show(model=flat)


@pytest.mark.parametrize(
    "function", [filter_view, activations, receptive_field, unit, neighbors, mixture], ids=lambda one: one.name
)
def test_every_panel_takes_a_net_of_ones_own(function):
    class Own(nn.Module):
        """No ReLU module, a stride that does not divide the picture, five classes."""

        def __init__(self):
            super().__init__()
            self.one = nn.Conv2d(3, 6, 5, stride=3)
            self.two = nn.Conv2d(6, 7, 3, padding=1)
            self.head = nn.Linear(7, 5)

        def forward(self, x):
            return self.head(self.two(self.one(x).relu()).mean((2, 3)))

    few = {"patches": 40} if "patches" in function.parameters else {}
    panel = function.show(model=vizkit.ImageModel(Own(), input_size=32, name="own"), **few)
    assert panel.error is None
    panel.wait(30)
    panel.controls["model"].value = "viznet"
    assert panel.error is None
    panel.wait(60)
