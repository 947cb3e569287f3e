import pytest
import torch

import vizkit
from vizkit.core.scenes import make_scenes
from vizkit.core.steps import last
from vizkit.methods.embeddings import neighbor_accuracy
from vizkit.methods.neighbors import codes
from vizkit.methods.pca import pca
from vizkit.methods.separation import main_plane, picture_codes, separation_steps


@pytest.fixture(scope="module")
def scenes():
    return make_scenes(80, seed=5)


@pytest.fixture(scope="module")
def knows():
    return vizkit.load_model("scenes", device="cpu")


def test_the_plane_is_pcas_up_to_signs():
    points = torch.randn(50, 7, generator=torch.manual_seed(0)) * torch.arange(1, 8)
    found, slow = main_plane(points), pca(points, 2).projection.float()
    torch.testing.assert_close(found.abs(), slow.abs(), atol=1e-4, rtol=1e-4)
    one = main_plane(points[:, :1])
    assert one.shape == (50, 2)
    assert not one[:, 1].any()


def test_more_numbers_than_points():
    points = torch.randn(40, 900, generator=torch.manual_seed(0))
    points[:, 0] *= 40
    points[:, 1] *= 20
    found, slow = main_plane(points), pca(points, 2).projection.float()
    torch.testing.assert_close(found.abs(), slow.abs(), atol=1e-2, rtol=1e-3)


def test_every_layer_is_measured_from_the_pixels_on(knows, scenes):
    step = last(separation_steps(knows, scenes.images, scenes.label))
    assert list(step.code) == list(step.plane) == ["pixels", *knows.layers]
    pixels = scenes.images.reshape(80, -1).double() / 255
    assert step.code["pixels"] == neighbor_accuracy(pixels, scenes.label)
    code = codes(knows, scenes.images, "relu5")
    assert step.code["relu5"] == neighbor_accuracy(code, scenes.label)
    assert step.plane["relu5"] == pytest.approx(neighbor_accuracy(pca(code, 2).projection, scenes.label), abs=0.03)
    same = scenes.label[:, None] == scenes.label
    assert step.chance == pytest.approx(float((same.sum() - 80) / (80 * 79)))


def test_pixels_stand_for_no_layer(knows, scenes):
    found = picture_codes(knows, scenes.images)
    assert torch.equal((found * 255).round().byte(), scenes.images.flatten(1))
    assert torch.equal(picture_codes(knows, scenes.images, "fc"), codes(knows, scenes.images, "fc"))


def test_errors(knows, scenes):
    with pytest.raises(TypeError, match="images must be uint8 .N, 3, H, W., got torch.float32 .80, 3, 64, 64."):
        next(separation_steps(knows, scenes.images.float(), scenes.label))
    with pytest.raises(ValueError, match="one per picture, 2 or more, got 3 for 80"):
        next(separation_steps(knows, scenes.images, scenes.label[:3]))
