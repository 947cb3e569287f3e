import itertools
import math

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

import vizkit
from tests.conftest import RESEARCH, same, snapshot
from tests.methods.test_gradients import Shared
from tests.methods.test_objectives import Silent
from vizkit.core.data import cut_patches
from vizkit.core.steps import last
from vizkit.methods.canvas import FourierCanvas, PhaseCanvas, PixelCanvas, natural_colors, natural_spectrum
from vizkit.methods.feature_vis import RECIPES, Recipe, above, maximize_steps, recognition, replaced
from vizkit.methods.objectives import Channel


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def test_natural_colors_are_the_principal_axes_of_the_photos():
    mean, axes = natural_colors()
    pixels = cut_patches(count=600, size=64, seed=3).patches.float().div(255)
    pixels = pixels.movedim(1, -1).reshape(-1, 3)
    torch.testing.assert_close(mean, pixels.mean(0))
    torch.testing.assert_close(axes @ axes.T, torch.cov(pixels.T), rtol=1e-3, atol=1e-6)
    lengths = axes.norm(dim=0)
    assert lengths[0] > lengths[1] > lengths[2]
    assert (axes[:, 0] > 0).all() or (axes[:, 0] < 0).all()  # bright to dark


@pytest.mark.parametrize("canvas", [FourierCanvas(48, 0.5), FourierCanvas(48, 0.3)])
def test_what_is_encoded_is_decoded(canvas):
    smooth = F.interpolate(torch.rand(2, 3, 6, 6, generator=random()), (48, 48), mode="bicubic")
    images = smooth.clamp(0.1, 0.9)
    found = canvas.decode(canvas.encode(images))
    assert (found - images).abs().mean() < 0.02  # its borders do not meet: a little is lost


def test_pixels_encode_exactly_and_clipped_ones_pass_their_gradient():
    canvas = PixelCanvas(8, torch.tensor([0.4, 0.5, 0.6]))
    images = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(canvas.decode(canvas.encode(images)), images)
    values = torch.full((1, 3, 8, 8), 2.0, requires_grad=True)
    decoded = canvas.decode(values)
    assert decoded.max() == 1
    (gradient,) = torch.autograd.grad(decoded.sum(), values)
    assert (gradient == 1).all()
    assert canvas.start(1, random()).abs().max() == 0  # from zeros


def test_phases_keep_the_magnitudes_of_natural_pictures():
    canvas = PhaseCanvas(32)
    images = canvas.decode(canvas.start(4, random()))
    _, axes = natural_colors()
    colors = torch.einsum("cd,ndhw->nchw", torch.linalg.inv(axes), torch.logit(images.double()).float() / 4)
    magnitude = torch.fft.rfft2(colors).abs()
    inner = (slice(None), slice(None), slice(1, 8), slice(1, 8))  # no mirrored entries, far below the highest
    expected = natural_spectrum(32).expand(4, -1, -1, -1)
    torch.testing.assert_close(magnitude[inner], expected[inner], rtol=0.02, atol=0.02)


def test_nothing_is_above_the_highest_frequency():
    canvas = FourierCanvas(64, 0.2)
    values = torch.randn(1, 3, 64, 33, 2, generator=random())
    spectrum = torch.fft.rfft2(torch.logit(canvas.decode(values).double())).abs()[0]
    frequency = torch.hypot(torch.fft.fftfreq(64)[:, None], torch.fft.rfftfreq(64)[None])
    assert spectrum[:, frequency > 0.3].max() < 1e-2 * spectrum[:, frequency < 0.2].max()


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_objective_rises_under_every_recipe(viznet, recipe):
    steps = list(maximize_steps(viznet, ["goldfish", "lemon"], replaced(recipe, steps=40)))
    assert [step.index for step in steps] == list(range(1, 41))
    first = torch.stack([step.score for step in steps[:3]]).mean(0)
    end = torch.stack([step.score for step in steps[-3:]]).mean(0)
    assert (end > first + 1).all()
    assert steps[-1].images.shape == (2, 3, 96, 96)
    assert steps[-1].images.min() >= 0
    assert steps[-1].images.max() <= 1


def test_the_deck_by_hand():
    """Gradient ascent on ``S(I) - lambda ||I||^2`` from zeros, for a score that is linear."""

    class Linear(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(2, 3, 8, 8, generator=random()) / 10)

        def forward(self, x):
            return torch.einsum("nchw,kchw->nk", x, self.weight)

    model = vizkit.ImageModel(Linear(), input_size=8, mean=(0.5,) * 3, std=(1.0,) * 3)
    recipe = Recipe("pixels", steps=5, rate=0.01, views=0, penalty=3.0)
    w = model.net.weight[1].detach()
    image = torch.zeros(3, 8, 8)
    scores = []
    for _ in range(5):
        scores.append(float((w * image).sum()))
        gradient = w - 2 * 3.0 * image / image.numel()
        image = image + 0.01 * gradient / gradient.abs().mean()
    steps = list(maximize_steps(model, 1, recipe, size=16 if model.input_size > 16 else None))
    assert [float(step.score[0]) for step in steps] == pytest.approx(scores, abs=1e-4)


def test_yosinskis_regularizers_one_by_one(viznet):
    sizes = torch.arange(16.0).view(1, 4, 4)
    assert above(sizes, 50).sum() == 8
    assert above(sizes, 0).sum() == 15
    base = Recipe("pixels", steps=12, rate=4 / 255, views=0, noise=0.05)
    plain = last(maximize_steps(viznet, 3, base)).images
    gray = torch.tensor(viznet.mean).view(3, 1, 1)
    decayed = last(maximize_steps(viznet, 3, replaced(base, decay=0.3))).images
    assert (decayed - gray).abs().mean() < 0.7 * (plain - gray).abs().mean()
    blurred = last(maximize_steps(viznet, 3, replaced(base, blur=1.0))).images
    assert blurred.diff(dim=3).abs().mean() < 0.6 * plain.diff(dim=3).abs().mean()
    for name in ("small_norm", "small_contribution"):
        cut = last(maximize_steps(viznet, 3, replaced(base, **{name: 80}))).images
        assert ((cut - gray).abs().amax(1) < 1e-6).float().mean() == pytest.approx(0.8, abs=0.01)


def test_same_seed_same_picture_and_continuing_is_not_seen(viznet):
    for recipe in ("Fourier", "MACO", "Yosinski 1"):
        short = replaced(recipe, steps=8)
        steps = list(maximize_steps(viznet, 5, short, seed=3))
        again = last(maximize_steps(viznet, 5, short, seed=3))
        assert torch.equal(steps[-1].images, again.images)
        rest = last(maximize_steps(viznet, 5, short, seed=3, resume=steps[3]))
        torch.testing.assert_close(rest.images, steps[-1].images, rtol=1e-5, atol=1e-5)
        other = last(maximize_steps(viznet, 5, short, seed=4))
        assert recipe.startswith("from") or not torch.equal(other.images, again.images)


def test_a_silent_unit_is_aimed_at_before_its_relu_and_says_so():
    torch.manual_seed(0)
    model = vizkit.ImageModel(Silent(True, False), input_size=32)
    steps = list(maximize_steps(model, [0, 1], replaced("Fourier", steps=30, penalty=0)))
    assert steps[0].opened.all()
    spread = steps[-1].images.flatten(1).std(1)
    assert (spread > 2 * steps[0].images.flatten(1).std(1)).all()


def test_living_units_are_not_opened(viznet):
    step = next(maximize_steps(viznet, ["goldfish"], "Yosinski 3"))
    assert not step.opened.any()


def test_no_channel_of_a_layer_stays_gray():
    model = vizkit.load_model("viznet-robust", "cpu")
    wanted = [Channel("relu3", channel) for channel in range(40)]
    step = last(maximize_steps(model, wanted, replaced("Fourier", steps=30, rate=0.05), size=48))
    assert step.opened.any(), "some are silent on gray"
    assert (step.images.flatten(1).std(1) > 0.02).all()


CLASSES = [
    "goldfish",
    "tabby",
    "lemon",
    "school bus",
    "ladybug",
    "king penguin",
    "monarch",
    "jellyfish",
    "bell pepper",
    "espresso",
]


@pytest.mark.parametrize("name", ["viznet", "viznet-robust"])
def test_class_pictures_are_recognized_and_stay_so_when_shifted(name):
    model = vizkit.load_model(name, "cpu")
    still, shifted = recognition(model, last(maximize_steps(model, CLASSES)).images, CLASSES)
    assert (still > 0.9).sum() >= 8
    assert (shifted > 0.9).sum() >= 7


@pytest.mark.research_data
def test_class_pictures_of_the_real_squeezenet():
    weights = RESEARCH / "weights" / "squeezenet1_1-caffe.pth"
    if not weights.is_file():
        pytest.skip(f"no research data in {RESEARCH}")
    info = torchvision.models.SqueezeNet1_1_Weights.DEFAULT
    net = torchvision.models.squeezenet1_1()
    net.load_state_dict(torch.load(weights, weights_only=True))
    scale = info.transforms()
    model = vizkit.ImageModel(
        net.to(memory_format=torch.channels_last), mean=scale.mean, std=scale.std, labels=info.meta["categories"]
    )
    images = last(maximize_steps(model, CLASSES, replaced("Fourier", steps=80))).images
    still, shifted = recognition(model, images, CLASSES)
    assert (still > 0.9).sum() >= 8
    assert (shifted > 0.9).sum() >= 8


def test_the_net_is_left_as_it_was_also_when_it_raises():
    torch.manual_seed(0)
    net = Shared().train()
    net.head.bias.grad = torch.ones(5)
    model = vizkit.ImageModel(net, input_size=24)
    before = snapshot(net)
    for recipe in ("Fourier", "from zeros, L2"):
        steps = maximize_steps(model, [0, Channel("two", 1)], recipe)
        for _ in range(2):
            next(steps)
            assert same(snapshot(net), before), "nothing is held between steps"
            assert torch.is_grad_enabled()
    handle = net.two.register_forward_hook(lambda *_: (_ for _ in ()).throw(ArithmeticError("half way")))
    before = snapshot(net)
    with pytest.raises(ArithmeticError, match="half way"):
        next(maximize_steps(model, 0))
    assert same(snapshot(net), before)
    handle.remove()


def test_a_start_is_kept_where_the_canvas_can_hold_it(viznet, chelsea):
    start = F.interpolate(chelsea[None], (96, 96), mode="bilinear", antialias=True)[0]
    first = next(maximize_steps(viznet, 3, "from zeros, L2", start=start))
    torch.testing.assert_close(first.images[0], start, rtol=0, atol=1e-5)
    fourier = next(maximize_steps(viznet, 3, "Fourier", start=start)).images[0]
    assert (fourier - start).abs().mean() < 0.04


def test_the_penalty_pulls_towards_gray(viznet):
    """Lambda is a weight, not an ornament: pictures fade and their score falls as it grows."""
    contrast, score = [], []
    for penalty in (0, 100, 1000):
        step = last(
            maximize_steps(viznet, ["goldfish", "lemon"], replaced("from zeros, L2", penalty=penalty, steps=40))
        )
        contrast.append((step.images - torch.tensor(viznet.mean).view(3, 1, 1)).square().mean((1, 2, 3)))
        score.append(step.score)
    assert (contrast[0] > contrast[1]).all()
    assert (contrast[1] > contrast[2]).all()
    assert (score[0] > score[2]).all()


def test_attention_is_the_sum_of_gradients(viznet):
    """MACO's mask is where the score's gradient has been, added up over the steps."""
    recipe = replaced("pixels alone", steps=2)
    first, second = maximize_steps(viznet, "goldfish", recipe)
    for step, before in ((first, torch.zeros_like(first.attention)), (second, first.attention)):
        pixels = step.images.clone().requires_grad_()
        with viznet.running(pixels) as net:
            score = net(viznet.normalize(pixels))[0, viznet.label_index("goldfish")]
        (slope,) = torch.autograd.grad(score, pixels)
        torch.testing.assert_close(step.attention - before, slope.abs().sum(1), rtol=1e-3, atol=1e-5)
    opacity = second.opacity(80)
    assert opacity.min() >= 0
    assert (opacity == 1).float().mean() == pytest.approx(0.2, abs=0.01)


def test_bad_input_is_named(viznet):
    for arguments, message in (
        ({"recipe": "Furier"}, "recipe 'Furier' is not known"),
        ({"size": 4}, "size must be from 16 to 2048, got 4"),
        ({"start": torch.rand(2, 3, 9, 9)}, "start must be 1 or 1 pictures, got 2"),
        ({"start": torch.full((3, 9, 9), 2.0)}, "start must be in .0, 1. without NaN"),
    ):
        with pytest.raises(ValueError, match=message):
            next(maximize_steps(viznet, 0, **arguments))


def test_a_net_of_one_size_is_shown_whole_pictures():
    class Flat(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3 * 32 * 32, 4)

        def forward(self, x):
            return self.fc(x.flatten(1))

    model = vizkit.ImageModel(Flat(), input_size=32)
    steps = list(itertools.islice(maximize_steps(model, 2), 20))
    assert steps[-1].images.shape == (1, 3, 32, 32)
    assert steps[-1].score > steps[0].score
    assert math.isfinite(float(steps[-1].score))
