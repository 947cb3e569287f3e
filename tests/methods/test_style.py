import pytest
import torch
import torch.nn.functional as F

import vizkit
from tests.conftest import random_net, same, snapshot
from tests.methods.test_gradients import Shared
from vizkit.core.hooks import capture
from vizkit.core.steps import last
from vizkit.methods.style import (
    LAYERS,
    StyleLayers,
    Targets,
    content_targets,
    gram,
    match_colors,
    style_layers,
    style_losses,
    style_steps,
    style_targets,
    total_variation,
)


@pytest.fixture(scope="module")
def pictures():
    return vizkit.load_image("china", 96), vizkit.load_image("swirls", 96)


def test_the_gram_matrix_is_v_transposed_v():
    maps = torch.rand(2, 5, 4, 6, generator=torch.Generator().manual_seed(0))
    found = gram(maps)
    for i in range(5):
        for j in range(5):
            expected = sum(maps[1, i, y, x] * maps[1, j, y, x] for y in range(4) for x in range(6)) / 24
            assert float(found[1, i, j]) == pytest.approx(float(expected), rel=1e-5)
    places = torch.randperm(24)
    mixed = maps.flatten(2)[:, :, places].view_as(maps)
    torch.testing.assert_close(gram(mixed), found)


def test_64_channels_give_64_by_64():
    model = vizkit.ImageModel(random_net("vgg11"), input_size=64, name="vgg11")
    found = style_targets(model, torch.rand(3, 64, 64), ["features.0"])
    assert found["features.0"].shape == (1, 64, 64)


def test_total_variation_by_hand():
    image = torch.tensor([[0.0, 1.0], [0.5, 0.5]]).expand(1, 3, 2, 2)
    assert float(total_variation(image)) == pytest.approx((0.25 + 0.25) / 2 + (1 + 0) / 2)


def test_the_losses_by_hand(viznet, pictures):
    content, style = pictures
    layers = StyleLayers(("relu3",), ("relu1", "relu4"))
    targets = Targets(content_targets(viznet, content, layers.content), style_targets(viznet, style, layers.style))
    x = torch.rand(1, 3, 96, 144, generator=torch.Generator().manual_seed(0))
    with viznet.running(x) as net:
        found = style_losses(viznet, net, x, targets)
        with capture(net, ["relu1", "relu3", "relu4"]) as maps:
            net(viznet.normalize(x))
    target = targets.content["relu3"]
    expected = (maps["relu3"] - target).square().sum() / target.square().sum()
    torch.testing.assert_close(found.content, expected)
    parts = [(gram(maps[name]) - one).square().sum() / one.square().sum() for name, one in targets.style.items()]
    torch.testing.assert_close(found.style, sum(parts) / 2)
    with viznet.running(x) as net:
        weighted = style_losses(viznet, net, x, Targets(targets.content, targets.style, {"relu1": 3.0}))
    torch.testing.assert_close(weighted.style, (3 * parts[0] + parts[1]) / 4)
    total = 2 * found.content + 3 * found.style + 4 * total_variation(x)
    torch.testing.assert_close(found.weighted(2, 3, 4), total)


def test_the_gradient_is_that_of_finite_differences():
    torch.manual_seed(0)
    model = vizkit.ImageModel(Shared().double().eval(), input_size=24)
    content, style = torch.rand(2, 3, 24, 24, dtype=torch.float64)
    targets = Targets(content_targets(model, content, ["two"]), style_targets(model, style, ["one"]))
    x = torch.rand(1, 3, 24, 24, dtype=torch.float64, requires_grad=True)

    def loss(pixels):
        with model.running(pixels) as net:
            return style_losses(model, net, pixels, targets).weighted(1, 3, 2)

    (gradient,) = torch.autograd.grad(loss(x), x)
    for place in ((0, 0, 3, 4), (0, 1, 10, 20), (0, 2, 23, 0)):
        shift = torch.zeros_like(x)
        shift[place] = 1e-6
        with torch.no_grad():
            slope = (loss(x + shift) - loss(x - shift)) / 2e-6
        assert float(gradient[place]) == pytest.approx(float(slope), rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("optimizer", ["Adam", "L-BFGS"])
@pytest.mark.parametrize("begin", ["content", "noise", "style"])
def test_every_way_leads_down(viznet, pictures, optimizer, begin):
    steps = list(style_steps(viznet, *pictures, optimizer=optimizer, begin=begin, steps=25))

    def total(step):
        return step.content + 10 * step.style + 2 * step.variation

    assert total(steps[-1]) < 0.6 * total(steps[0])
    assert steps[-1].image.min() >= 0
    assert steps[-1].image.max() <= 1
    assert steps[-1].image.shape == pictures[0].shape


def test_total_variation_falls_when_it_is_asked_for(viznet, pictures):
    rough, smooth = (last(style_steps(viznet, *pictures, tv=tv, steps=25)) for tv in (0, 100))
    assert smooth.variation < 0.7 * rough.variation


def test_the_work_is_that_of_the_pixels(viznet):
    content, style = vizkit.load_image("china", (160, 160)), vizkit.load_image("swirls", 96)
    steps = list(style_steps(viznet, content, style, scales=2, steps=5))
    pixels = torch.tensor([80 * 80] * 3 + [160 * 160] * 2)
    assert [step.image[0].numel() for step in steps] == pixels.tolist()
    assert [step.work for step in steps] == pytest.approx((pixels.cumsum(0) / pixels.sum()).tolist())


def test_scales_begin_small_and_end_at_full_size(viznet):
    content, style = vizkit.load_image("china", 128), vizkit.load_image("swirls", 128)
    steps = list(style_steps(viznet, content, style, scales=2, steps=8))
    sizes = [tuple(step.image.shape[1:]) for step in steps]
    assert sizes[:4] == [(64, content.shape[2] // 2)] * 4
    assert sizes[4:] == [tuple(content.shape[1:])] * 4
    carried = F.interpolate(steps[3].image[None], sizes[-1], mode="bilinear")[0]
    assert (steps[4].image - carried).abs().mean() < 0.05


@pytest.mark.parametrize("optimizer", ["Adam", "L-BFGS"])
def test_continuing_is_not_seen(viznet, optimizer):
    content, style = vizkit.load_image("china", 128), vizkit.load_image("swirls", 128)
    settings = {"optimizer": optimizer, "steps": 10, "scales": 2, "begin": "noise"}
    steps = list(style_steps(viznet, content, style, **settings))
    for begun in (2, 4, 6):  # inside a scale, and just before the next
        rest = last(style_steps(viznet, content, style, **settings, resume=steps[begun]))
        torch.testing.assert_close(rest.image, steps[-1].image, rtol=1e-3, atol=1e-3)


def test_colors_are_matched_exactly_where_nothing_is_clipped():
    random = torch.Generator().manual_seed(0)
    image = 0.5 + 0.05 * torch.randn(3, 40, 40, generator=random)
    like = 0.4 + 0.03 * torch.randn(3, 30, 50, generator=random)
    like[0] += 0.5 * (like[1] - 0.4)
    found = match_colors(image, like)
    torch.testing.assert_close(found.mean((1, 2)), like.mean((1, 2)), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(torch.cov(found.flatten(1)), torch.cov(like.flatten(1)), rtol=0.03, atol=2e-5)


def test_keeping_colors_keeps_them(viznet, pictures):
    content, style = pictures
    kept, free = (
        last(style_steps(viznet, content, style, keep_colors=keep, steps=40, beta=30)).image for keep in (True, False)
    )
    color = content.mean((1, 2))
    assert (kept.mean((1, 2)) - color).norm() < 0.6 * (free.mean((1, 2)) - color).norm()


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_named_layers_are_there_and_behind_a_relu(name):
    if name.startswith("viznet"):
        model = vizkit.load_model(name, "cpu")
    else:
        import torchvision

        model = vizkit.ImageModel(torchvision.models.get_model(name, weights=None), input_size=64, name=name)
    found = style_layers(model)
    for layer in (*found.content, *found.style):
        kind = model.layer(layer).kind
        assert kind == "ReLU" or name == "squeezenet1_1"


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "squeezenet1_1"])
def test_any_net_can_be_the_judge_and_is_left_as_it_was(name):
    net = random_net(name).train()
    model = vizkit.ImageModel(net, input_size=64, name=name)
    before = snapshot(net)
    content, style = torch.rand(2, 3, 64, 80)
    steps = style_steps(model, content, style, steps=3)
    for _ in range(2):
        assert next(steps).image.shape == (3, 64, 80)
        assert same(snapshot(net), before), "nothing is held between steps"


def test_bad_input_is_named(viznet, pictures):
    for arguments, message in (
        ({"optimizer": "SGD"}, "optimizer 'SGD' is not known"),
        ({"begin": "zeros"}, "begin 'zeros' is not known"),
        ({"alpha": -1.0}, "alpha, beta and tv must be 0 or more and rate above 0, got -1.0"),
        ({"layers": StyleLayers(("relu77",), ())}, "layer of viznet 'relu77' is not known"),
        ({"layers": StyleLayers((), ("relu1",), {"relu1": 0})}, "must be 0 or more and not all 0, got .'relu1': 0"),
        ({"layers": StyleLayers((), ("relu1",), {"relu2": 1})}, "weights of the style layers relu1 must be"),
        ({"steps": 0}, "steps must be 1 or more, got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            next(style_steps(viznet, *pictures, **arguments))
    with pytest.raises(ValueError, match="style must be one picture"):
        next(style_steps(viznet, pictures[0], pictures[1][None]))
