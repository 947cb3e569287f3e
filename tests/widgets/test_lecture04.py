"""Every panel of lecture 04: values set, code shown and executed, clicks, uploads."""

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

import vizkit
from tests.widgets.listing import PICTURES, executed
from vizkit.widgets import lecture04


class Click:
    """What ipyevents sends for a click at a share of the picture."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def on(self, picture, shrunk=1.0):
        width, height = picture.raster.width * shrunk, picture.raster.height * shrunk
        event = {"type": "click", "relativeX": self.x * width, "relativeY": self.y * height,
                 "boundingRectWidth": width, "boundingRectHeight": height}  # fmt: skip
        picture._events._dom_handlers(event)


@pytest.fixture(scope="module")
def activation():
    return lecture04.activation_panel()


@pytest.fixture(scope="module")
def units():
    panel = lecture04.unit_panel(patches=160)
    panel.scan.wait(60)
    return panel


def test_filters_of_every_layer_and_view():
    panel = lecture04.filter_panel()
    assert panel.result[0].layer == "conv1"
    panel.controls["layer"].value = "conv3"
    panel.controls["view"].value = "one filter"
    panel.controls["filter"].value = 95
    assert panel.error is None
    assert panel.shown["filters"].raster.count == 96
    panel.controls["layer"].value = "conv1"
    assert panel.controls["filter"].value == 47, "the slider follows the layer"
    assert torch.equal(executed(panel).weight, panel.result[0].weight)


@pytest.mark.parametrize("show", ["activations", "gradients"])
@pytest.mark.parametrize("layer", ["conv1", "relu6", "avgpool", "fc"])
def test_activations_of_every_kind_of_layer_and_the_code_that_makes_them(activation, layer, show):
    activation.controls["layer"].value = layer
    activation.controls["show"].value = show
    activation.controls["image"].value = "zone plate"
    activation.controls["size"].value = 96
    assert activation.error is None
    assert activation.result.maps.layer == layer
    torch.testing.assert_close(executed(activation).maps, activation.result.maps.maps)
    activation.reset()
    assert activation.values["layer"] == "relu1"


def test_a_target_can_be_chosen(activation):
    activation.controls["show"].value = "gradients"
    activation.controls["target"].value = "espresso"
    assert activation.result.maps.target == "espresso"
    assert "'espresso'" in activation.code
    torch.testing.assert_close(executed(activation).maps, activation.result.maps.maps)
    activation.reset()


@pytest.mark.parametrize("order", ["index", "strength"])
@pytest.mark.parametrize("shrunk", [1.0, 0.5])
def test_a_click_on_a_tile_chooses_its_channel(activation, order, shrunk):
    activation.controls["order"].value = order
    picture = activation.shown["grid"]
    x0, y0, x1, y1 = picture.raster.box(17)
    center = Click((x0 + x1) / 2 / picture.raster.width, (y0 + y1) / 2 / picture.raster.height)
    center.on(picture, shrunk)
    expected = activation.result.maps.order(order)[17]
    assert activation.controls["channel"].value == expected
    assert activation.result.channel == expected
    activation.reset()


def test_a_click_beside_the_tiles_does_nothing(activation):
    before = activation.values
    Click(0.999, 0.999).on(activation.shown["grid"])
    assert activation.values["layer"] == before["layer"]


def test_an_upload_that_is_no_picture_leaves_the_panel_alive(activation):
    from tests.widgets.test_controls import png, upload

    upload(activation.controls["image"], "bad.png", b"hello")
    assert "bad.png is no picture" in activation.status
    assert activation.values["image"] == "chelsea"
    upload(activation.controls["image"], "fine.png", png())
    assert activation.error is None
    assert activation.values["image"] == "fine.png"
    torch.testing.assert_close(executed(activation).maps, activation.result.maps.maps)
    activation.reset()


def test_fields_follow_the_unit_and_the_click():
    panel = lecture04.field_panel()
    first = panel.values["row"], panel.values["column"]
    assert executed(panel) == panel.result.box
    panel.controls["layer"].value = "conv1"
    row, last = panel.values["row"], panel.controls["row"].max
    assert abs((row + 0.5) / (last + 1) - 0.5) < 0.05, "the unit keeps its place in the picture"
    Click(0.25, 0.75).on(panel.shown["picture"])
    x0, y0, x1, y1 = panel.result.box
    height, width = panel.result.image.shape[1:]
    assert x0 <= 0.25 * width <= x1
    assert y0 <= 0.75 * height <= y1
    assert "90 % of the squared gradient" in panel.shown["text"].value
    panel.controls["measure"].value = "none"
    assert panel.result.gradient is None
    assert executed(panel) == panel.result.box
    panel.controls["layer"].value = "relu7"
    panel.reset()
    assert (panel.values["row"], panel.values["column"]) == first


def test_a_unit_is_shown_where_it_is_excited_most(units):
    view = units.result
    assert view.maps.maps[0, view.row, view.column] == view.maps.maps[0].max()


def test_units_link_their_views(units):
    layer = units.shown["grid"].raster
    x0, y0, *_ = layer.box(30)
    Click((x0 + 3) / layer.width, (y0 + 3) / layer.height).on(units.shown["grid"])
    assert units.values["channel"] == units.result.maps.order("strength")[30]
    before = units.result.box
    Click(0.8, 0.2).on(units.shown["map"])
    assert units.result.box != before
    assert units.shown["patches"].raster.alt.startswith("The 9 patches that excite channel")
    units.dream.wait(60)
    result = executed(units)
    assert result.index.tolist() == units.result.top.index.tolist()


def test_the_picture_it_wants_to_see_follows_the_channel(units):
    first = units.dream.wait(60)
    assert first.index == lecture04.WANTED_STEPS
    before = units.shown["wanted"].raster.pixels
    channel = units.controls["channel"].value
    units.controls["channel"].value = channel + 3
    second = units.dream.wait(60)
    assert f"channel {channel + 3} wants" in units.shown["wanted"].raster.alt
    assert not np.array_equal(units.shown["wanted"].raster.pixels, before)
    assert second.score > 0
    units.controls["row"].value = 2
    assert units.dream.step is second, "a place of the same channel needs no other picture"
    units.reset()
    units.dream.wait(60)


def test_another_layer_starts_another_scan(units):
    units.controls["layer"].value = "relu3"
    step = units.scan.wait(60)
    assert step.layer == "relu3"
    assert units.error is None
    assert units.result.top is not None
    assert units.result.field.layer == "relu3"
    units.scan.run()
    units.scan.stop()
    assert units.scan.step.index >= 0
    units.scan.resume()
    assert units.scan.wait(60).index == units.scan.step.total
    units.reset()
    units.scan.wait(60)


def test_layers_changed_during_scans_leave_nothing_behind(units):
    for turn in range(12):
        layer = ("relu4", "relu6")[turn % 2]
        units.controls["layer"].value = layer
        assert units.result.maps.layer == layer, "the result is there when the cell goes on"
    assert units.scan.wait(60).layer == "relu6"
    assert units.result.top is not None
    units.reset()
    assert units.scan.wait(60).layer == "relu5"


def test_a_scan_that_is_reset_leaves_the_page(units):
    units.scan.reset()
    assert units.result.top is None
    assert "press Run" in units.shown["patches"].raster.alt
    units.scan.run()
    units.scan.wait(60)
    assert units.result.top is not None


def test_a_folder_can_be_named_in_the_panel(tmp_path, units):
    from PIL import Image

    for name in ("red", "lime"):
        Image.new("RGB", (90, 70), name).save(tmp_path / f"{name}.png")
    units.controls["source"].value = str(tmp_path)
    units.scan.wait(60)
    assert units.pool.names == ("lime.png", "red.png")
    units.dream.wait(60)
    assert executed(units).index.tolist() == units.result.top.index.tolist()
    units.controls["source"].value = "no/such/folder"
    assert "there is no folder no/such/folder" in units.shown["text"].value
    assert units.pool.names == ("lime.png", "red.png"), "the last good pictures stay"
    units.controls["channel"].value = 2
    assert units.error is None
    assert units.result.channel == 2
    units.controls["source"].value = "CIFAR10"
    assert "was not downloaded" in units.shown["text"].value
    units.reset()
    units.scan.wait(60)
    assert units.error is None
    assert "chelsea" in units.pool.names


def test_pictures_of_ones_own_are_scanned():
    panel = lecture04.unit_panel(source=PICTURES, patches=40)
    panel.scan.wait(60)
    panel.dream.wait(60)
    assert executed(panel).index.tolist() == panel.result.top.index.tolist()
    assert panel.pool.names == ("list 0", "list 1", "list 2")
    assert panel.error is None


def test_neighbors_in_pixels_and_in_features():
    panel = lecture04.neighbor_panel(patches=320)
    view = panel.result
    query = view.pool.names.index("motorcycle")

    def own(found):
        return (view.pool.picture[found.index] == query).sum()

    assert own(view.features) > own(view.pixels), "features find the thing, pixels its colors"
    torch.testing.assert_close(executed(panel).distance, view.features.distance)
    panel.controls["others"].value = True
    assert own(panel.result.features) == 0
    torch.testing.assert_close(executed(panel).distance, panel.result.features.distance)
    panel.controls["image"].value = "shapes"
    assert panel.error is None


def test_weights_are_counted():
    panel = lecture04.weight_panel()
    assert "451,584" in panel.shown["text"].value
    panel.controls["filters"].value = 32
    assert list(panel.shown["chart"].data[0].x) == [800, 32 * 451_584]
    assert executed(panel) == panel.result
    panel.controls["kernel"].value = 15
    panel.controls["size"].value = 8
    assert panel.values["kernel"] == 8
    assert panel.error is None


def test_a_mixture_beside_a_unit():
    panel = lecture04.mixture_panel(patches=160)
    assert executed(panel).index.tolist() == panel.result.mixture.index.tolist()
    first = panel.result.mixture.index.tolist()
    panel.controls["seed"].value = 1
    assert panel.result.mixture.index.tolist() != first


def fixed_net():
    """A net that takes pictures of 32 x 32 and no others."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1024, 5)
    )  # fmt: skip


def vision_transformer():
    return torchvision.models.VisionTransformer(
        image_size=32, patch_size=8, num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=16,
        num_classes=5,
    )  # fmt: skip


@pytest.mark.parametrize("net", [fixed_net, vision_transformer])
def test_nets_of_one_size_only_are_shown_at_that_size(net):
    model = vizkit.ImageModel(net(), input_size=32, name="fixed")
    assert model.fixed_size
    panel = lecture04.activation_panel(model)
    panel.controls["size"].value = 320
    assert panel.error is None
    assert panel.result.image.shape == (3, 32, 32)
    assert lecture04.field_panel(model).error is None
    units = lecture04.unit_panel(model, patches=40)
    units.scan.wait(30)
    assert units.error is None


def test_nets_without_maps_are_refused_in_one_sentence():
    flat = vizkit.ImageModel(
        nn.Sequential(nn.Flatten(), nn.Linear(48, 3)), input_size=4, name="flat"
    )
    with pytest.raises(ValueError, match="flat has no 2-D convolution"):
        lecture04.filter_panel(flat)
    with pytest.raises(ValueError, match="flat has no layer that keeps places"):
        lecture04.field_panel(flat)


@pytest.mark.parametrize("make", [
    lecture04.filter_panel, lecture04.activation_panel, lecture04.field_panel,
    lambda model: lecture04.unit_panel(model, patches=40),
    lambda model: lecture04.neighbor_panel(model, patches=40),
    lambda model: lecture04.mixture_panel(model, patches=40),
])  # fmt: skip
def test_every_panel_takes_a_net_of_ones_own(make):
    class Own(nn.Module):
        """No ReLU module, a stride that does not divide the picture, five classes."""

        def __init__(self):
            super().__init__()
            self.one = nn.Conv2d(3, 6, 5, stride=3)
            self.two = nn.Conv2d(6, 7, 3, padding=1)
            self.head = nn.Linear(7, 5)

        def forward(self, x):
            return self.head(self.two(self.one(x).relu()).mean((2, 3)))

    panel = make(vizkit.ImageModel(Own(), input_size=32, name="own"))
    assert panel.error is None
    if hasattr(panel, "scan"):
        panel.scan.wait(30)
    panel.controls["model"].value = "viznet"
    assert panel.error is None
    if hasattr(panel, "scan"):
        panel.scan.wait(60)
