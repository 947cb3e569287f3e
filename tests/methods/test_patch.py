import math

import pytest
import torch

import vizkit
from vizkit.core.data import cut_patches
from vizkit.core.steps import last
from vizkit.methods.patch import Placements, paste_patch, patch_steps, patch_success, random_placements


def place(x, y, scale, angle=0.0):
    return Placements(*(torch.tensor([value]) for value in (x, y, scale, angle)))


def test_the_disk_lies_where_it_is_put():
    image, patch = torch.zeros(1, 3, 60, 90), torch.ones(3, 16, 16)
    found = paste_patch(image, patch, place(0.3, 0.4, 0.5))[0]
    covered = found[0] > 0.5
    y, x = torch.meshgrid(torch.arange(60) + 0.5, torch.arange(90) + 0.5, indexing="ij")
    disk = torch.hypot(x - 27, y - 24) <= 15
    assert torch.equal(covered, disk)
    assert (found[:, ~disk] == 0).all()


@pytest.mark.parametrize("angle", [0, 90, 180, -90])
def test_a_turn_is_counterclockwise_and_exact(angle):
    patch = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0))
    found = paste_patch(torch.zeros(1, 3, 32, 32), patch, place(0.5, 0.5, 0.5, float(angle)))[0]
    expected = torch.rot90(patch, round(angle / 90), (1, 2))
    y, x = torch.meshgrid(torch.arange(16) - 7.5, torch.arange(16) - 7.5, indexing="ij")
    disk = torch.hypot(x, y) < 7.5
    torch.testing.assert_close(found[:, 8:24, 8:24][:, disk], expected[:, disk], rtol=1e-4, atol=1e-4)


def test_placements_hold_the_whole_patch_and_spread():
    found = random_placements(2000, seed=3)
    half = found.scale / 2
    for place_ in (found.x, found.y):
        assert (place_ - half >= -1e-6).all()
        assert (place_ + half <= 1 + 1e-6).all()
    assert found.scale.min() >= 0.1
    assert found.scale.max() <= 1
    assert found.scale.mean() == pytest.approx(0.55, abs=0.02)
    assert found.angle.abs().max() <= 22.5
    assert found.angle.std() == pytest.approx(45 / math.sqrt(12), abs=0.6)


def test_a_patch_learns_to_win_anywhere_and_continuing_is_not_seen(viznet):
    pictures = cut_patches(count=150, size=64).patches.float() / 255
    settings = {"steps": 60, "seed": 1}
    steps = list(patch_steps(viznet, pictures, "goldfish", **settings))
    rest = last(patch_steps(viznet, pictures, "goldfish", **settings, resume=steps[29]))
    torch.testing.assert_close(rest.patch, steps[-1].patch, rtol=1e-3, atol=1e-3)
    placements = random_placements(len(pictures), scale=(0.5, 0.8), seed=9)
    won, before = (
        patch_success(viznet, pictures, step.patch, "goldfish", placements).float().mean()
        for step in (steps[-1], steps[0])
    )
    assert won > 0.6
    assert before < 0.1
    assert steps[-1].patch.min() >= 0
    assert steps[-1].patch.max() <= 1


def test_bad_input_is_named(viznet):
    pictures = torch.rand(4, 3, 64, 64)
    for arguments, message in (
        ({"target": "gold fisch"}, "is not known"),
        ({"size": 4}, "size must be from 8 to 512, got 4"),
        ({"scale": (0.5, 0.2)}, "scale must be two shares"),
        ({"steps": 0}, "steps must be 1 or more"),
    ):
        with pytest.raises(ValueError, match=message):
            next(patch_steps(viznet, pictures, **{"target": 3, **arguments}))
    assert vizkit.load_model("viznet", "cpu").labels
