"""The linear softmax on photos: its score is the dot product with its template."""

import pytest
import torch
from torch import nn

import vizkit
from vizkit.methods import linear_photos
from vizkit.methods.adversarial import fgsm
from vizkit.methods.linear_photos import class_templates, linear_photo_model
from vizkit.training.linear import linear_accuracy, save_linear, train_linear
from vizkit.training.tiny_imagenet import LabeledImages


def test_its_score_is_a_dot_product_and_one_step_moves_it_by_the_weights_size():
    model = linear_photo_model()
    linear = next(module for module in model.net.modules() if isinstance(module, nn.Linear))
    image = vizkit.load_image("chelsea", (32, 32))
    with torch.no_grad(), model.running(image) as net:
        scores = net(model.normalize(image[None]))[0]
    torch.testing.assert_close(scores, linear.weight @ (2 * image - 1).flatten() + linear.bias)
    goldfish = model.label_index("goldfish")
    moved = fgsm(model, image[None], epsilon=16 / 255, target="goldfish")
    assert model.probabilities(moved.images)[0, goldfish] > 10 * model.probabilities(image[None])[0, goldfish]


def test_templates_are_the_weights_around_gray():
    model = linear_photo_model()
    templates = class_templates(model)
    assert templates.shape == (200, 3, 32, 32)
    red, green, blue = templates[model.label_index("goldfish"), :, 12:20, 10:22].mean((1, 2))
    assert red > green > blue, "a goldfish is orange in the middle"


def test_training_learns_what_is_linear_and_is_read_again(tmp_path, monkeypatch):
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(2).repeat_interleave(60)
    images = torch.randint(0, 128, (120, 3, 64, 64), generator=random, dtype=torch.uint8)
    images[labels == 1, 0] += 100  # the second class is red
    data = LabeledImages(images, labels, ("dark", "red"), ("n1", "n2"))
    *_, last = train_linear(data, epochs=3)
    assert linear_accuracy(last.net, data) == 1
    save_linear(last.net, tmp_path / "linear.safetensors")
    monkeypatch.setattr(linear_photos, "WEIGHTS", tmp_path / "linear.safetensors")
    monkeypatch.setattr(linear_photos, "tiny_imagenet_labels", lambda: ["dark", "red"])
    model = linear_photo_model()
    assert [model.answers(vizkit.load_image("chelsea", (32, 32)) * tint, 1)[0][0] for tint in (0.2,)] == ["dark"]
    monkeypatch.setattr(linear_photos, "WEIGHTS", tmp_path / "none.safetensors")
    with pytest.raises(FileNotFoundError, match="is missing; install vizkit again"):
        linear_photo_model()
