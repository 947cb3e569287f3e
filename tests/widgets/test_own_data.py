"""A student's own pictures and networks in every panel that takes some."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import vizkit
from vizkit.core.data import add_pictures, gray_pictures
from vizkit.widgets import (
    lecture02,
    lecture03,
    lecture04,
    lecture05,
    lecture06,
    lecture07,
    lecture08,
)
from vizkit.widgets.controls import ImagePicker, ModelPicker
from vizkit.widgets.live import LivePanel

PANELS = {
    "thumbnails": lecture03.thumbnail_panel,
    "filters": lecture04.filter_panel,
    "activations": lecture04.activation_panel,
    "field": lecture04.field_panel,
    "unit": lecture04.unit_panel,
    "neighbors": lecture04.neighbor_panel,
    "mixture": lecture04.mixture_panel,
    "attribution": lecture05.attribution_panel,
    "occluder": lecture05.occluder_panel,
    "grab cut": lecture05.grab_cut_panel,
    "sanity": lecture05.sanity_panel,
    "wanted picture": lambda net: lecture06.picture_panel(net, target="class 1"),
    "recipes": lecture06.recipe_panel,
    "layer": lecture06.layer_panel,
    "faces": lecture06.faces_panel,
    "dream": lecture06.dream_panel,
    "gram": lecture07.gram_panel,
    "style": lecture07.style_panel,
    "painter": lecture07.train_panel,
    "attack": lecture08.attack_panel,
    "one pixel": lecture08.one_pixel_panel,
    "sticker": lambda net: lecture08.patch_panel(net, target="class 1"),
    "nothing": lecture08.fooling_panel,
}


def own_net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 12, 5, 2), nn.ReLU(), nn.Conv2d(12, 16, 3, 2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4),
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    (tmp_path / "cats").mkdir()
    for index in range(14):
        pixels = random.integers(0, 255, (40, 50, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "cats" / f"{index:02}.png")
    return tmp_path


@pytest.mark.parametrize("name", PANELS)
def test_a_students_network_works_in_every_panel(name):
    panel = PANELS[name](vizkit.ImageModel(own_net(), input_size=64, name="hers"))
    assert panel.error is None
    assert panel.controls["model"].value == "hers"
    if isinstance(panel, LivePanel):
        panel.runner.advance()
        panel.runner.wait(60)
        assert panel.runner.error is None


def test_a_bare_module_is_taken_and_the_scale_of_its_pixels_is_said():
    panel = lecture04.filter_panel(own_net())
    assert panel.result[0].weight.shape == (12, 3, 5, 5)
    note = panel.controls["model"].children[1].value
    assert "Sequential gets RGB in [0, 1] as it is" in note
    assert len(ModelPicker("viznet").children) == 1
    with pytest.raises(TypeError, match="got int"):
        ModelPicker(3)


def test_pictures_of_a_folder_and_of_a_dataset_can_be_picked(folder):
    picker = ImagePicker()
    picker._source.value = str(folder)
    first = str(folder / "cats" / "00.png")
    assert picker.value == first
    assert str(folder / "cats" / "13.png") in picker._names.options
    assert vizkit.load_image(first).shape == (3, 40, 50)
    picker._source.value = "FakeData"  # a dataset by its name; this one needs no download
    assert picker.value.startswith("FakeData ")
    assert vizkit.load_image(picker.value).shape == (3, 224, 224)
    assert first in picker._names.options
    before = picker.value
    picker._source.value = "CIFAR10"  # typing a name starts no download
    assert "was not downloaded" in picker.problem
    picker._source.value = "LSUN"  # needs a package of its own
    assert picker.problem
    picker._source.value = "CIFAR"
    assert "did you mean" in picker.problem
    picker._source.value = str(folder / "none")
    assert "there is no folder" in picker.problem
    assert picker.value == before


def test_a_folders_picture_in_a_panel_and_in_its_code(folder):
    panel = lecture04.activation_panel()
    panel.controls["image"]._source.value = str(folder)
    assert panel.error is None
    assert panel.result.image.shape[1:] == (256, 320)
    assert str(folder / "cats" / "00.png") in panel.code


def test_adding_the_same_pictures_again_adds_none(folder):
    assert add_pictures(folder) == add_pictures(folder)
    assert len(add_pictures(folder, most=5)) == 5


def test_pca_of_a_folder(folder):
    panel = lecture02.rebuilt_panel(str(folder))
    assert panel.result.found.samples.shape == (14, 24 * 24)
    assert f"gray_pictures({str(folder)!r})" in panel.code
    assert gray_pictures(folder, 8).shape == (14, 8, 8)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        lecture02.rebuilt_panel(str(folder / "none"))


def test_tsne_of_own_points():
    random = torch.Generator().manual_seed(0)
    points = torch.randn(90, 5, generator=random)
    labels = torch.arange(90) % 3
    points[:, 0] += 10 * labels
    panel = lecture03.tsne_panel(points=points, labels=labels)
    assert panel.controls["count"].value == panel.controls["count"].max == 90
    panel.controls["iterations"].value = 60
    panel.runner.run()
    assert panel.runner.wait(60).embedding.shape == (90, 2)
    assert "of its class" in panel.shown["text"].value
    assert len(panel.shown["map"].data) == 3
    with pytest.raises(ValueError, match=r"labels \(N,\)"):
        lecture03.tsne_panel(points=points, labels=labels[:5])
