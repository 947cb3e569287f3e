"""README's own code: a student fine-tunes a ResNet on her pictures and explains it."""

import re

import pytest
import torch
import torchvision
from PIL import Image

import vizkit
from tests.conftest import ROOT, random_net
from vizkit.core.data import cut_patches
from vizkit.figures.raster import to_uint8
from vizkit.widgets.agreement import disagreements


def page(title):
    readme = (ROOT / "README.md").read_text()
    part = readme.split(f"## {title}\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", part, re.S)


@pytest.fixture
def bird_folder(tmp_path, monkeypatch):
    """Three classes of photos, told apart by what is on them, in a folder for each."""
    monkeypatch.chdir(tmp_path)
    for name, source in (("jay", "chelsea"), ("owl", "coffee"), ("robin", "china")):
        (tmp_path / "birds" / name).mkdir(parents=True)
        photo = [vizkit.load_image(source)]
        for index, patch in enumerate(cut_patches(photo, count=16, size=96, seed=1).pixels(slice(None))):
            Image.fromarray(to_uint8(patch)).save(tmp_path / "birds" / name / f"{index}.png")
    Image.fromarray(to_uint8(vizkit.load_image("chelsea", 240))).save(tmp_path / "garden.jpg")
    return tmp_path


@pytest.mark.usefixtures("offline", "bird_folder")
def test_her_fine_tuned_resnet(hub):
    # weights in the cache, as after a download; random ones have the same shapes
    url = torchvision.models.ResNet18_Weights.DEFAULT.url
    torch.save(random_net("resnet18").state_dict(), hub / url.rpartition("/")[2])
    torch.manual_seed(0)
    names = {}
    for block in page("Your own network: a fine-tuned ResNet"):
        exec(block, names)
    assert names["birds"].labels == ("jay", "owl", "robin")
    assert names["images"].shape == (48, 3, 224, 224)
    assert float(names["loss"]) < 0.7, "she learns: three classes by chance are 1.1"
    for name in ("looks", "covers", "unit", "attack"):
        panel = names[name]
        assert panel.error is None
        assert panel.values["model"] == "yours"
    names["unit"].wait(120)
    assert "garden.jpg" in names["looks"].code


def test_a_panel_of_ones_own(tmp_path):
    (block,) = page("A panel of your own")
    path = tmp_path / "mine.py"
    path.write_text(block)  # as a notebook's cell has a source, so has a file
    names = {}
    exec(compile(block, str(path), "exec"), names)
    view = names["view"]
    assert view.error is None
    view.set(gain=1.0, picture="coffee")
    assert view.items["text"].startswith("**espresso**")
    assert disagreements(view) == []
    result, items = names["brighter"](torch.full((3, 64, 64), 0.25), vizkit.load_model(), 2.0)
    assert result.unique().tolist() == [0.5]
    assert set(items) == {"picture", "text"}


def test_a_line_of_python():
    names = {}
    for block in page("In a line of Python"):
        exec(block, names)
    assert len(names["model"].answers(names["image"])) == 5


def test_every_file_that_it_names_is_there():
    readme = (ROOT / "README.md").read_text()
    for link in re.findall(r"\]\((?!http|#)([^)]+)\)", readme):
        assert (ROOT / link).exists(), link
    titles = {
        "-".join(re.sub(r"[^\w\s-]", "", title).lower().split()) for title in re.findall(r"^## (.+)$", readme, re.M)
    }
    for anchor in re.findall(r"\]\(#([^)]+)\)", readme):
        assert anchor in titles, anchor
