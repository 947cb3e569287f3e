"""New training pictures: each transform does what its name says, and no more."""

import pytest
import torch
import torchvision.transforms.functional as peer

import vizkit
from vizkit.core.seeds import generator
from vizkit.methods import augmentation
from vizkit.methods.augmentation import TRANSFORMS, augment


@pytest.fixture(scope="module")
def batch():
    return torch.stack([vizkit.load_image("coffee", (48, 48))] * 40)


def test_nothing_named_changes_nothing(batch):
    assert augment(batch, (), generator(0)) is batch


@pytest.mark.parametrize("name", TRANSFORMS)
def test_each_changes_pictures_each_otherwise_and_again_the_same(batch, name):
    found = augment(batch, [name], generator(1))
    assert found.shape == batch.shape
    assert len({one.numpy().tobytes() for one in found}) > (1 if name == "flip" else 38)
    assert found.equal(augment(batch, [name], generator(1)))
    assert not found.equal(augment(batch, [name], generator(2)))


def test_a_flip_mirrors_about_half_of_them(batch):
    found = augment(batch, ["flip"], generator(0))
    mirrored = [torch.allclose(one, batch[0].flip(-1), atol=1e-5) for one in found]
    kept = [torch.allclose(one, batch[0], atol=1e-5) for one in found]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert 10 < sum(mirrored) < 30


def test_a_shift_moves_by_whole_pixels_where_it_is_whole(batch, monkeypatch):
    monkeypatch.setattr(augmentation, "_uniform", lambda count, random: torch.full((count,), 1.0))
    monkeypatch.setattr(augmentation, "SHIFT", 6 / 48)
    found = augment(batch[:1], ["shift"], generator(0))[0]
    assert torch.allclose(found[:, :-6, :-6], batch[0, :, 6:, 6:], atol=1e-5)


def test_a_turn_is_torchvisions(batch, monkeypatch):
    monkeypatch.setattr(augmentation, "_uniform", lambda count, random: torch.full((count,), 1.0))
    found = augment(batch[:1], ["rotate"], generator(0))[0]
    turned = peer.rotate(batch[0], augmentation.TURN, peer.InterpolationMode.BILINEAR)
    middle = (slice(None), slice(10, 38), slice(10, 38))
    assert torch.allclose(found[middle], turned[middle], atol=1e-4)


def test_light_and_colors_scale_and_noise_is_added(batch):
    lit = augment(batch, ["darken or lighten"], generator(0)) / batch.clamp(min=1e-3)
    assert lit[batch > 0.01].amin() >= 0.5 - 1e-4
    assert lit[batch > 0.01].amax() <= 1.5 + 1e-4
    tinted = augment(batch, ["shift colors"], generator(0)).mean((2, 3)) / batch.mean((2, 3))
    assert (tinted.amax(1) - tinted.amin(1)).mean() > 0.1
    noise = augment(batch, ["noise"], generator(0)) - batch
    assert noise.std() == pytest.approx(0.1, rel=0.02)


def test_what_cannot_be_done_is_said(batch):
    with pytest.raises(ValueError, match="transform 'flop' is not known; did you mean 'flip'"):
        augment(batch, ["flop"], generator(0))
    with pytest.raises(ValueError, match=r"shape \(N, C, H, W\), got \(3, 48, 48\)"):
        augment(batch[0], ["flip"], generator(0))
