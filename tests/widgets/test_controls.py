import io
from datetime import UTC, datetime

import pytest
from PIL import Image
from torch import nn

import vizkit
from vizkit.core import images
from vizkit.widgets import controls as make


def upload(picker, name, content):
    picker._upload.value = (
        {
            "name": name,
            "type": "image/png",
            "size": len(content),
            "content": memoryview(content),
            "last_modified": datetime.now(UTC),
        },
    )


def png():
    buffer = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def test_an_upload_is_picked_and_offered_by_name():
    picker = make.ImagePicker("coffee")
    seen = []
    picker.observe(lambda change: seen.append(change["new"]), "value")
    upload(picker, "red.png", png())
    assert picker.value == "red.png"
    assert seen == ["red.png"]
    assert vizkit.load_image(picker.value).shape == (3, 256, 256)
    assert "red.png" in make.ImagePicker()._names.options, "other pickers offer it, too"


def test_a_bad_upload_is_refused_and_the_picture_stays():
    picker = make.ImagePicker("coffee")
    upload(picker, "notes.png", b"hello")
    assert picker.value == "coffee"
    assert picker.problem == "notes.png is no picture that Pillow can read"
    upload(picker, "cut.png", png()[:-40])
    assert "cut.png is truncated or damaged" in picker.problem
    upload(picker, "good.png", png())
    assert picker.problem == ""
    assert picker.value == "good.png"


def test_names_that_are_set_are_checked(tmp_path):
    picker = make.ImagePicker()
    path = tmp_path / "own.png"
    path.write_bytes(png())
    picker.value = str(path)
    assert picker.value == str(path)
    with pytest.raises(ValueError, match="did you mean 'coffee'"):
        picker.value = "cofee"
    assert "own.png" not in images.uploads()


def test_a_second_upload_of_the_same_name_is_another_picture():
    picker = make.ImagePicker("coffee")
    upload(picker, "image.png", png())
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    upload(picker, "image.png", buffer.getvalue())
    assert picker.value == "image.png (2)"
    assert vizkit.load_image(picker.value).max() == 0


def test_models_ready_and_to_download(hub):
    picker = make.ModelPicker()
    texts = [text for text, _ in picker._names.options]
    assert texts[0] == "viznet"
    assert "alexnet (to download)" in texts
    assert picker.load() is make.loaded("viznet")
    assert picker.line("viznet") == 'model = vizkit.load_model("viznet")'


def test_a_model_that_is_not_listed_can_be_set_and_a_wrong_one_is_refused(hub):
    picker = make.ModelPicker()
    picker.value = "resnet50"
    assert picker._names.value == "resnet50"
    with pytest.raises(ValueError, match="model 'resnet05' is not known"):
        picker.value = "resnet05"
    assert picker.value == picker._names.value == "resnet50"
    picker.value = "viznet"
    assert picker.load().name == "viznet"


def test_what_is_no_classifier_is_refused_with_the_cure():
    with pytest.raises(ValueError, match=r"net must return logits"):
        make.ModelPicker(nn.Conv2d(3, 2, 3))
    with pytest.raises(ValueError, match=r"net must return logits \(N, classes\), got"):
        vizkit.load_model(nn.Conv2d(3, 2, 3))


def test_the_model_that_was_given_is_used_though_its_name_is_known():
    given = vizkit.load_model("viznet")
    picker = make.ModelPicker(given)
    assert picker.load() is given


def test_a_model_of_ones_own_is_offered_first():
    net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    own = vizkit.ImageModel(net, input_size=16, name="mine")
    picker = make.ModelPicker(own)
    assert picker.value == "mine"
    assert picker.load() is own
    picker.value = "viznet"
    assert picker.load().name == "viznet"


def test_offer_keeps_what_is_still_there():
    control = make.dropdown("layer", [("one 1", "a"), ("two 2", "b")], "b")
    make.offer(control, [("two 9", "b"), ("three", "c")])
    assert control.value == "b"
    make.offer(control, ["x", "y"], "y")
    assert control.value == "y"


def test_update_never_leaves_the_range_on_the_way():
    control = make.slider("x", 0, 10, 8)
    seen = []
    control.observe(lambda change: seen.append(change["new"]), "value")
    make.update(control, max=5, value=5)
    assert (control.value, control.max, seen) == (5, 5, [5])
    make.update(control, max=50, value=40)
    assert control.value == 40


def test_sliders_are_whole_or_fractional():
    assert make.slider("x", 0, 10, 3).value == 3
    assert make.slider("x", 0.0, 1.0, 0.5, step=0.25).value == 0.5
    assert make.slider("size", 1, 9, 3, unit="px").description == "size [px]"
