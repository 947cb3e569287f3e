import pytest
import torch

import vizkit
from tests.conftest import same, snapshot
from vizkit.core.data import cut_patches
from vizkit.core.steps import last
from vizkit.core.stylenet import STYLES, StyleNet, load_style, styles, stylize
from vizkit.methods.fast_style import train_fast_style_steps
from vizkit.methods.style import Targets, content_targets, style_layers, style_losses, style_targets
from vizkit.training.style import BUNDLED_STYLES, save_style


@pytest.fixture(scope="module")
def pool():
    return cut_patches(count=60, size=64)


def test_a_net_learns_and_continuing_is_not_seen(viznet, pool):
    style = vizkit.load_image("mosaic", 128)
    settings = {"pool": pool, "steps": 30, "seed": 2}
    before = snapshot(viznet.net)
    state = torch.get_rng_state()
    steps = list(train_fast_style_steps(viznet, style, **settings))
    assert same(snapshot(viznet.net), before)
    assert torch.equal(torch.get_rng_state(), state), "nobody else's randomness is touched"
    assert sum(step.loss for step in steps[-5:]) < 0.9 * sum(step.loss for step in steps[:5])
    rest = last(train_fast_style_steps(viznet, style, **settings, resume=steps[19]))
    for key, value in steps[-1].memory["net"].items():
        torch.testing.assert_close(rest.memory["net"][key], value, rtol=1e-3, atol=1e-4)
    image = vizkit.load_image("chelsea", 64)
    assert not torch.equal(stylize(steps[0].net(), image), stylize(steps[-1].net(), image))


@pytest.mark.parametrize("size", [(64, 64), (65, 83), (101, 50)])
def test_any_size_comes_back_as_it_was(size):
    net = StyleNet(4).eval()
    found = stylize(net, torch.rand(3, *size))
    assert found.shape == (3, *size)
    assert found.min() >= 0
    assert found.max() <= 1


def test_pictures_do_not_see_each_other():
    net = StyleNet(4).eval()
    batch = torch.rand(3, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(net(batch)[1:2], net(batch[1:2]), rtol=1e-4, atol=1e-5)


def test_bundled_styles_are_small_and_take_the_style_over(viznet):
    assert set(styles()) == set(BUNDLED_STYLES)
    layers = style_layers(viznet)
    for name in styles():
        assert (STYLES / f"{name}.safetensors").stat().st_size < 2e6
        assert (STYLES / f"{name}.md").is_file(), "a card"
        net, image = load_style(name), vizkit.load_image("chelsea", 192)
        targets = Targets(
            content_targets(viznet, image, layers.content),
            style_targets(viznet, vizkit.load_image(name, 256), layers.style),
        )
        painted = stylize(net, image)
        with torch.no_grad(), viznet.running(image) as judge:
            before = style_losses(viznet, judge, image[None], targets)
            after = style_losses(viznet, judge, painted[None], targets)
        assert after.style < 0.4 * before.style
        assert after.content < 1.6, "still the picture"


def test_a_style_is_saved_and_read(tmp_path, viznet, pool, monkeypatch):
    step = next(train_fast_style_steps(viznet, vizkit.load_image("waves", 64), pool=pool, steps=2))
    save_style(step, "mine", tmp_path)
    monkeypatch.setattr("vizkit.core.stylenet.STYLES", tmp_path)
    assert styles() == ["mine"]
    image = torch.rand(3, 32, 32)
    torch.testing.assert_close(stylize(load_style("mine"), image), stylize(step.net(), image), rtol=0.01, atol=0.01)
    (tmp_path / "cut.safetensors").write_bytes(b"x")
    with pytest.raises(ValueError, match="is missing or cut"):
        load_style("cut")
    with pytest.raises(ValueError, match="style 'mime' is not known; did you mean 'mine'"):
        load_style("mime")
    with pytest.raises(ValueError, match="at least 16 x 16 pixels, got 8 x 8"):
        stylize(step.net(), torch.rand(3, 8, 8))
