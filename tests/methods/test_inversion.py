"""Inversion: the code is reached, bad input is a sentence, HOG is scikit-image's."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from skimage.feature import hog as peer

import vizkit
from vizkit.core import inverters
from vizkit.core.inverters import INVERTERS, PLACES, load_inverter
from vizkit.core.steps import last
from vizkit.methods.hog import alike, hog, hog_twin_steps, invert_hog_steps
from vizkit.methods.inversion import invert_steps, layer_code, psnr, several_steps


@pytest.fixture(scope="module")
def cup():
    return vizkit.load_image("coffee", (64, 64))[None]


@pytest.mark.parametrize("layer", ["relu3", "fc", "probabilities"])
def test_a_code_is_reached_and_its_error_is_what_it_says(viznet, cup, layer):
    code = layer_code(viznet, cup, layer).detach()
    first = next(invert_steps(viznet, code, layer))
    step = last(invert_steps(viznet, code, layer, steps=60))
    assert first.error > 10 * step.error
    again = last(invert_steps(viznet, code, layer, steps=61, resume=step))
    assert step.images.shape == (1, 3, 64, 64)
    # a step's pictures are those whose error it tells
    found = layer_code(viznet, again.images, layer).detach()
    error = (found - code).square().sum() / code.square().sum()
    assert torch.allclose(again.error, error[None].float(), rtol=1e-3)


def test_probabilities_are_the_networks_own(viznet, cup):
    assert torch.allclose(layer_code(viznet, cup, "probabilities")[0], viznet.probabilities(cup[0]), atol=1e-6)


def test_one_code_many_starts_give_different_pictures(viznet, cup):
    code = layer_code(viznet, cup, "relu7").detach()
    step = last(invert_steps(viznet, code.expand(3, -1, -1, -1), "relu7", steps=60))
    assert psnr(step.images[0], step.images[1]) < 15
    one = last(invert_steps(viznet, code.expand(3, -1, -1, -1), "relu7", steps=60))
    assert torch.equal(one.images, step.images), "the same seed, the same pictures"


def test_total_variation_makes_smoother_pictures(viznet, cup):
    code = layer_code(viznet, cup, "relu5").detach()
    rough, smooth = (
        last(invert_steps(viznet, code, "relu5", steps=60, variation=one)).images.diff(dim=-1).square().mean()
        for one in (0.0, 5.0)
    )
    assert smooth < rough / 2


def test_psnr_is_what_it_is_by_hand():
    assert psnr(torch.full((1, 3, 4, 4), 0.6), torch.full((3, 4, 4), 0.5)) == pytest.approx(20.0, abs=1e-4)


@pytest.mark.parametrize(
    ("code", "layer", "message"),
    [
        (torch.zeros(1, 7), "fc", r"code must be \(N, 200\), as fc makes it of 64 px, got \(1, 7\)"),
        ("code", "fc", r"code must be \(N, 200\), .* got str"),
        (torch.full((1, 200), torch.nan), "fc", "code must be finite"),
        (torch.zeros(2, 200), "fc", "code must not be 0 everywhere"),
        (torch.zeros(1, 200), "relu99", "relu99"),
    ],
)
def test_a_code_of_another_layer_is_refused_in_a_sentence(viznet, code, layer, message):
    with pytest.raises(ValueError, match=message):
        next(invert_steps(viznet, code, layer))


@pytest.mark.parametrize("weight", [-1.0, float("nan")])
def test_a_weight_below_zero_is_refused(viznet, cup, weight):
    code = layer_code(viznet, cup, "relu3").detach()
    with pytest.raises(ValueError, match="variation must be 0 or more, got"):
        next(invert_steps(viznet, code, "relu3", variation=weight))


def untied(picture, seed=0):
    """Return a picture in which no two colors are equally steep anywhere."""
    picture = picture.double()
    noise = torch.rand(picture.shape, generator=torch.manual_seed(seed), dtype=torch.float64)
    return 0.99 * picture + 0.01 * noise


@pytest.mark.parametrize("size", [64, (100, 75)])
def test_hog_is_scikit_images(size):
    for seed, name in enumerate(("chelsea", "coffee", "astronaut", "moon")):
        picture = untied(vizkit.load_image(name, size), seed)
        wanted = peer(picture.permute(1, 2, 0).numpy(), channel_axis=-1, feature_vector=False)
        assert (hog(picture[None])[0] - torch.from_numpy(wanted)).abs().max() < 1e-6


def test_a_negative_has_the_same_hog_and_a_flat_picture_none():
    picture = untied(vizkit.load_image("chelsea", (64, 64)))[None]
    assert torch.allclose(hog(picture), hog(1 - picture), atol=1e-9)
    flat = torch.full((1, 3, 32, 32), 0.3, requires_grad=True)
    found = hog(flat)
    assert found.abs().max() == 0
    assert torch.autograd.grad(found.sum(), flat)[0].isfinite().all()
    with pytest.raises(ValueError, match="images must have 24 x 24 pixels or more, a block, got 16 x 16"):
        hog(torch.zeros(1, 3, 16, 16))


def test_interpolated_votes_follow_a_turning_edge():
    """By finite differences: hard votes do not see a small turn, shared ones do."""
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")

    def ramp(angle):
        plane = (rows * torch.sin(angle) + columns * torch.cos(angle)) / 64 + 0.25
        return plane.expand(1, 3, -1, -1)

    angle = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(hog(ramp(angle)).shape, generator=torch.manual_seed(0))
    for interpolated, moves in ((True, True), (False, False)):
        slope = torch.autograd.grad((weights * hog(ramp(angle), interpolated=interpolated)).sum(), angle)[0]
        step = 1e-3
        high, low = (
            (weights * hog(ramp(angle.detach() + way * step), interpolated=interpolated)).sum() for way in (1, -1)
        )
        assert float(slope) == pytest.approx(float(high - low) / (2 * step), abs=0.05 * max(1, abs(float(slope))))
        assert (abs(float(slope)) > 0.5) == moves


def test_a_shared_start_differs_by_the_code_alone(viznet, cup):
    code = layer_code(viznet, cup, "relu5").detach().expand(2, -1, -1, -1)
    one, two = last(invert_steps(viznet, code, "relu5", steps=20, shared=True)).images
    assert torch.allclose(one, two, atol=1e-4)


def test_several_layers_in_one_batch_are_those_runs_alone(viznet, cup):
    layers = ("relu3", "relu5", "fc", "probabilities")
    (run,) = last(several_steps([(viznet, layers)], cup[0], steps=4)).runs
    for row, layer in enumerate(layers):
        alone = last(invert_steps(viznet, layer_code(viznet, cup, layer).detach(), layer, steps=4))
        # what the machine rounds differently grows, from pixel to pixel
        assert (run.images[row] - alone.images[0]).abs().mean() < 5e-3, layer
        assert torch.allclose(run.error[row], alone.error[0], rtol=2e-2), layer


def test_probabilities_are_the_nets_own_where_its_last_module_is_not_its_end(cup):
    """SqueezeNet flattens behind its last module."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = torchvision.models.squeezenet1_1(weights=None)
    model = vizkit.ImageModel(net, input_size=64)
    first = next(several_steps([(model, ("features.2", "probabilities"))], cup[0], steps=2)).runs[0]
    alone = next(invert_steps(model, layer_code(model, cup, "probabilities").detach(), "probabilities", steps=2))
    assert torch.allclose(first.error[1], alone.error[0], rtol=1e-3)


def test_the_hog_of_a_gray_inversion_comes_near_and_tells_so():
    picture = vizkit.load_image("coffee", (64, 64))
    steps = list(invert_hog_steps(picture, steps=60))
    image = steps[-1].image
    assert steps[-1].cosine > 0.93 > steps[0].cosine
    assert float(alike(hog(image[None]), hog(picture[None]))) == pytest.approx(steps[-1].cosine, abs=1e-4)
    assert (image[0] == image[1]).all()
    assert image.amin() >= 0
    assert image.amax() <= 1


def test_a_twin_is_unlike_the_first_picture():
    first, other = (vizkit.load_image(name, (64, 64)) for name in ("astronaut", "coffee"))
    step = last(hog_twin_steps(first, other, steps=80))
    assert step.cosine > 0.93
    assert abs(step.correlation) < 0.1
    assert alike(step.image, other, centered=True) > 0.6


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda x: invert_hog_steps(torch.full((3, 64, 64), 0.5)), "image must have an edge, got a picture of one color"),
        (lambda x: invert_hog_steps(x[:, :40]), "image must be square, got 64 x 40"),
        (lambda x: hog_twin_steps(x, x[:, :40]), r"start must be \(3, 64, 64\), as the other picture is, got \(3, 40, 64\)"),
        (lambda x: hog_twin_steps(x, torch.full((3, 64, 64), 0.5)), "start must have an edge, got a picture of one color"),
        (lambda x: several_steps([(vizkit.load_model(), ("fc",))], x[:, :40]), "image must be square, got 64 x 40"),
        (lambda x: hog_twin_steps(x[:, :16, :16], x[:, :16, :16]), "24 x 24 pixels or more"),
    ],
)  # fmt: skip
def test_a_hog_that_is_none_is_refused_in_a_sentence(run, message):
    with pytest.raises(ValueError, match=message):
        next(run(vizkit.load_image("coffee", (64, 64))))


@pytest.mark.parametrize("layer", PLACES)
def test_an_inverter_draws_what_the_code_says(viznet, layer):
    """Each drawing goes with its own picture rather than with another one of four."""
    pictures = torch.stack([vizkit.load_image(name, (64, 64)) for name in ("coffee", "chelsea", "rocket", "flower")])
    net = load_inverter(layer)
    drawn = net(layer_code(viznet, pictures, layer).detach())
    assert drawn.shape == pictures.shape
    drawn, truth = (F.normalize(one.flatten(1) - one.flatten(1).mean(1, keepdim=True)) for one in (drawn, pictures))
    assert ((drawn @ truth.T).argmax(1) == torch.arange(4)).all()
    assert (INVERTERS / f"{layer}.safetensors").stat().st_size <= 3e6


def test_a_layer_without_an_inverter_is_refused_in_a_sentence(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="layer 'relu4' is not known; did you mean"):
        load_inverter("relu4")
    monkeypatch.setattr(inverters, "INVERTERS", tmp_path)
    with pytest.raises(ValueError, match="is missing or cut"):
        load_inverter("relu5")
