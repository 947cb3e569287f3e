"""A student's own pictures and networks in every panel that takes some."""

import ipywidgets as widgets
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import vizkit
from tests.panels.tools import executed
from vizkit.core.data import add_pictures, gray_pictures
from vizkit.panels import __all__ as names
from vizkit.panels import activations, components, filter_view, tsne
from vizkit.widgets.controls import ImagePicker, ModelPicker

PANELS = {name: getattr(vizkit.panels, name) for name in names}
#: All that take a network; the tour shows the same one to every picture.
WITH_A_NET = [name for name, one in PANELS.items() if "model" in one.parameters and name != "tour"]
#: Classes that her network knows.
GIVEN = {"wanted": {"label": "class 1"}, "sticker": {"target": "class 1"}, "shortest": {"target": "class 1"}}


def own_net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 12, 5, 2),
        nn.ReLU(),
        nn.Conv2d(12, 16, 3, 2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 4),
    )


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    (tmp_path / "cats").mkdir()
    for index in range(14):
        pixels = random.integers(0, 255, (40, 50, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "cats" / f"{index:02}.png")
    return tmp_path


def test_no_panel_that_takes_a_network_is_forgotten():
    assert len(WITH_A_NET) >= 24


@pytest.mark.parametrize("name", WITH_A_NET)
def test_a_students_network_works_in_every_panel(name):
    model = vizkit.ImageModel(own_net(), input_size=64, name="hers")
    panel = PANELS[name].show(model=model, **GIVEN.get(name, {}))
    assert panel.error is None
    assert panel.values["model"] == "yours"
    if panel.function.live:
        panel.step()
    panel.wait(60)
    assert panel.error is None


def words_of(widget):
    """All that a panel says."""
    parts = getattr(widget, "children", ())
    own = [widget.value] if isinstance(widget, widgets.HTML) else []
    return " ".join([*own, *map(words_of, parts)])


def test_a_bare_module_is_taken():
    panel = filter_view.show(model=own_net())
    assert panel.result.weight.shape == (12, 3, 5, 5)
    assert len(ModelPicker("viznet").children) == 1
    with pytest.raises(TypeError, match="got int"):
        ModelPicker(3)
    with pytest.raises(TypeError, match="got int"):
        filter_view.show(model=3)


def test_the_scale_of_the_pixels_of_a_bare_module_is_said():
    note = "Sequential gets RGB in [0, 1] as it is"
    said = [note in words_of(filter_view.show(model=net).view) for net in (own_net(), "viznet")]
    assert said == [True, False]


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
    panel = activations.show()
    panel.controls["picture"]._source.value = str(folder)
    assert panel.error is None
    assert str(folder / "cats" / "00.png") in panel.code
    assert executed(panel)["image"].shape[1:] == (256, 320)


def test_adding_the_same_pictures_again_adds_none(folder):
    assert add_pictures(folder) == add_pictures(folder)
    assert len(add_pictures(folder, most=5)) == 5


def test_pca_of_a_folder(folder):
    panel = components.show(pictures=str(folder))
    assert panel.result.samples.shape == (14, 24 * 24)
    assert f"pictures = {str(folder)!r}" in panel.code
    assert "gray_pictures(pictures)" in panel.code
    executed(panel)
    assert gray_pictures(folder, 8).shape == (14, 8, 8)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        components.show(pictures=str(folder / "none"))


def test_tsne_of_own_points():
    random = torch.Generator().manual_seed(0)
    points = torch.randn(90, 5, generator=random)
    labels = torch.arange(90) % 3
    points[:, 0] += 10 * labels
    panel = tsne.show(points=points, labels=labels)
    assert panel.controls["count"].value == panel.controls["count"].max == 90
    panel.controls["steps"].value = 60
    panel.play()
    assert panel.wait(60).embedding.shape == (90, 2)
    assert "of its class" in panel.shown["text"].value
    assert len(panel.items["map"].data) == 3
    with pytest.raises(ValueError, match=r"labels \(N,\)"):
        tsne.show(points=points, labels=labels[:5])
