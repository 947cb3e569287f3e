"""Groups of what excites a unit, their means, and the pictures grown from them."""

import pytest
import torch
import torch.nn.functional as F

from vizkit.core.data import cut_patches
from vizkit.core.steps import last
from vizkit.methods import facets as module
from vizkit.methods.facets import SHEET, class_facets, facets, facets_steps
from vizkit.methods.objectives import Channel
from vizkit.training.facets import all_facets, save_facets
from vizkit.training.tiny_imagenet import LabeledImages


def test_groups_that_lie_apart_are_found():
    """Three clouds of codes, each with pictures of one color: the means are those colors."""
    random = torch.Generator().manual_seed(0)
    sizes, colors = (30, 20, 12), torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.1], [0.1, 0.1, 0.9]])
    which = torch.arange(3).repeat_interleave(torch.tensor(sizes))
    points = 20 * torch.eye(3, 16)[which] + torch.randn(62, 16, generator=random)
    images = colors[which].view(-1, 3, 1, 1).expand(-1, -1, 8, 8)
    found = facets(points, images, 3)
    torch.testing.assert_close(found.share, torch.tensor(sizes) / 62)
    torch.testing.assert_close(found.means, colors.view(3, 3, 1, 1).expand(-1, -1, 8, 8))
    for group in range(3):
        assert set(found.middle[group].tolist()) <= set((which == group).nonzero().flatten().tolist())
    assert found.middle.shape == (3, 15)
    assert found.middle[2].unique().numel() == 12, "a group of 12 is repeated"


def test_pictures_grow_from_the_means(viznet):
    pool = cut_patches(count=150, size=64)
    first = next(facets_steps(viznet, Channel("relu6", 3), pool, 3, recipe="pixels alone"))
    scaled = F.interpolate(first.found.means, (96, 96), mode="bilinear", antialias=True)
    torch.testing.assert_close(first.run.images, scaled, atol=1e-5, rtol=0)
    members = pool.patches[first.found.middle[0]].float() / 255
    torch.testing.assert_close(first.found.means[0], members.mean(0))
    done = last(facets_steps(viznet, "bell pepper", k=2, steps=30))
    assert (done.run.score > 5).all()


def test_the_bundled_means_are_of_every_class(viznet):
    for label in (viznet.labels[0], "bell pepper", viznet.labels[-1]):
        found = class_facets(label, 6)
        assert found.means.shape == (6, 3, 64, 64)
        assert float(found.share.sum()) == pytest.approx(1, abs=0.01)
        assert list(found.share) == sorted(found.share, reverse=True)
    assert SHEET.stat().st_size < 3e6


def test_what_training_writes_is_read_again(viznet, tmp_path, monkeypatch):
    random = torch.Generator().manual_seed(0)
    smooth = F.interpolate(torch.rand(24, 3, 4, 4, generator=random), (64, 64), mode="bilinear")
    images = (255 * smooth).byte()
    images[:12] //= 4  # the first class is dark
    data = LabeledImages(images, torch.arange(2).repeat_interleave(12), ("dark", "bright"), ("n1", "n2"))
    made = list(all_facets(viznet, data, 2))
    save_facets(made, list(data.names), tmp_path / "facets.webp")
    monkeypatch.setattr(module, "SHEET", tmp_path / "facets.webp")
    module.bundled_facets.cache_clear()
    for label, expected in zip(data.names, made, strict=True):
        found = class_facets(label, 2)
        assert (found.means - expected.means).abs().mean() < 0.03  # WebP rounds
        torch.testing.assert_close(found.share, expected.share, atol=1e-3, rtol=0)
    module.bundled_facets.cache_clear()


def test_bad_input_is_named(viznet):
    with pytest.raises(ValueError, match="facets needs 8 pictures that excite the unit or more, got 3"):
        facets(torch.rand(3, 4), torch.rand(3, 3, 8, 8), 2)
    with pytest.raises(ValueError, match="class with bundled facets 'bel peper' is not known; did you mean"):
        class_facets("bel peper")
    with pytest.raises(ValueError, match="need a pool of pictures, got None"):
        next(facets_steps(viznet, Channel("relu6", 3)))
