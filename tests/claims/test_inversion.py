"""What lecture 09 says of codes, over twenty pictures; with the research data, over held-out ones of Tiny-ImageNet."""

import pytest
import torch
from torchvision.transforms.functional import rgb_to_grayscale

import vizkit
from tests.conftest import RESEARCH
from vizkit.core.data import cut_patches
from vizkit.core.inverters import PLACES, load_inverter
from vizkit.core.steps import last
from vizkit.methods.hog import hog, hog_twin_steps
from vizkit.methods.inversion import invert_steps, layer_code, psnr
from vizkit.panels.inversions import album, codes_between, distances, found_photo
from vizkit.training.tiny_imagenet import load_tiny_imagenet

COUNT = 20
#: Of the default run, the mean: code errors at most, and PSNR in dB at least.
ERRORS = {"relu1": 0.02, "relu3": 0.02, "relu5": 0.02, "relu7": 0.05}
DECIBELS = {"relu1": 22, "relu3": 18, "relu5": 14}


@pytest.fixture(scope="module")
def pictures():
    if not (RESEARCH / "data").is_dir():
        return cut_patches(count=COUNT, size=64, seed=5).pixels(slice(None))
    held_out = load_tiny_imagenet(RESEARCH / "data", "val").images
    return held_out[:: len(held_out) // COUNT][:COUNT].float() / 255


@pytest.fixture(scope="module")
def robust():
    return vizkit.load_model("viznet-robust", device="cpu")


@pytest.fixture(scope="module")
def found(viznet, robust, pictures):
    """Return the end of a search for each picture's code, net by net and layer by layer."""
    runs = {}

    def run(name, layer):
        if (name, layer) not in runs:
            model = robust if name == "robust" else viznet
            code, steps = layer_code(model, pictures, layer).detach(), 250 if layer in ERRORS else 100
            runs[name, layer] = last(invert_steps(model, code, layer, steps=steps))
        return runs[name, layer]

    return run


@pytest.mark.parametrize("layer", ERRORS)
def test_the_code_is_reached_and_the_picture_as_far_as_the_layer_goes(found, pictures, layer):
    step = found("viznet", layer)
    assert step.error.mean() <= ERRORS[layer]
    if layer in DECIBELS and (RESEARCH / "data").is_dir():
        assert psnr(step.images, pictures).mean() >= DECIBELS[layer]


def test_the_deeper_the_farther_off(found, pictures):
    near = torch.stack([psnr(found("viznet", layer).images, pictures) for layer in ERRORS])
    assert (near.diff(dim=0) < 0).float().mean() > 0.9


@pytest.mark.parametrize("layer", ["relu7", "fc", "probabilities"])
def test_the_network_sees_in_it_what_it_sees_in_the_picture(viznet, found, pictures, layer):
    step = found("viznet", layer)
    same = [
        viznet.answers(a, 1)[0][0] == viznet.answers(b, 1)[0][0] for a, b in zip(step.images, pictures, strict=True)
    ]
    assert sum(same) >= 0.85 * COUNT
    assert psnr(step.images, pictures).mean() < 11, "as far off as another photo"


def test_the_robust_network_knows_more_of_the_picture(found, pictures):
    plain, robust = (psnr(found(name, "relu7").images, pictures) for name in ("viznet", "robust"))
    assert (robust > plain + 1).float().mean() >= 0.75
    assert (robust - plain).mean() > 3


def test_four_pictures_of_one_code_differ_in_light_and_dark_over_areas(viznet, pictures):
    unlike, color, large = [], [], []
    for picture in pictures[:5]:
        code = layer_code(viznet, picture[None], "relu7").detach().expand(4, -1, -1, -1)
        step = last(invert_steps(viznet, code, "relu7", steps=350))
        assert step.error.max() <= 0.05
        unlike.append(distances(step.images) > 10 ** (-12 / 20))
        assert len({viznet.answers(one, 1)[0][0] for one in step.images}) == 1
        apart = step.images - step.images.mean(0)
        color.append(1 - float(apart.mean(1).square().mean() / apart.square().mean()))
        areas = torch.nn.functional.adaptive_avg_pool2d(apart, 8)
        large.append(float(areas.square().mean() / apart.square().mean()))
    assert torch.cat(unlike).float().mean() >= 0.7, "below 12 dB; of a stork in the grass, three pairs are not"
    assert max(color) < 0.4
    assert sum(large) / len(large) > 0.5
    assert min(large) > 0.35


def test_no_picture_has_the_code_half_way(robust, pictures):
    worse = []
    for one, other in zip(pictures[:5], pictures[5:10], strict=True):
        codes = codes_between(robust, one, other, "relu5")
        error = last(invert_steps(robust, codes, "relu5", steps=120, shared=True)).error
        worse.append(float(error[2] / error[[0, -1]].mean()))
    assert min(worse) > 3


def test_a_smoother_picture_has_not_the_code(viznet, pictures):
    code = layer_code(viznet, pictures, "relu3").detach()
    held = last(invert_steps(viznet, code, "relu3", variation=40.0, steps=80))
    free = last(invert_steps(viznet, code, "relu3", steps=80))
    assert (held.error > 4 * free.error).float().mean() >= 0.85
    assert held.images.diff(dim=-1).square().mean() < free.images.diff(dim=-1).square().mean() / 2


def test_a_louder_channel_shows_where_it_answers(robust, pictures):
    """Twenty channels, five each on four pictures: for most, more of the change is where the channel answers."""
    gains = []
    for picture in pictures[:4]:
        code = layer_code(robust, picture[None], "relu5").detach()
        strong = code[0].square().sum((1, 2)).argsort(descending=True)[:50:10]
        codes = code.repeat(6, 1, 1, 1)
        for row, channel in enumerate(strong.tolist(), 1):
            codes[row, channel] *= 8
        images = last(invert_steps(robust, codes, "relu5", steps=100, shared=True)).images
        for row, channel in enumerate(strong.tolist(), 1):
            change = (images[row] - images[0]).square().mean(0)
            there = torch.nn.functional.interpolate(code[:1, channel : channel + 1], (64, 64), mode="bilinear")[0, 0]
            answers = there > there.quantile(0.75)
            gains.append(float(change[answers].mean() / change[~answers].mean()))
    assert sum(gain > 1 for gain in gains) >= 13
    assert sum(gains) / len(gains) > 1.3


@pytest.mark.parametrize("layer", ["relu5", "relu7"])
def test_the_net_is_nearer_in_pixels_and_the_search_in_the_code(viznet, found, pictures, layer):
    wanted = layer_code(viznet, pictures, layer).detach()
    drawn = load_inverter(layer)(wanted)
    searched = found("viznet", layer)
    assert psnr(drawn, pictures).mean() > psnr(searched.images, pictures).mean() + 1
    error = (layer_code(viznet, drawn, layer) - wanted).flatten(1).square().sum(1) / wanted.flatten(1).square().sum(1)
    assert (error > 10 * searched.error).all()


def test_earlier_codes_lead_to_the_photo_more_often():
    shares = [float(found_photo(*(album(layer)[i] for i in (0, 2))).float().mean()) for layer in PLACES]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.8
    assert shares[-1] > 0.3


@pytest.mark.parametrize("pair", [("astronaut", "coffee"), ("chelsea", "rocket"), ("flower", "motorcycle")])
def test_two_pictures_have_one_hog(pair):
    first, other = (vizkit.load_image(name, (128, 128)) for name in pair)
    step = last(hog_twin_steps(first, other))
    assert step.cosine >= 0.98
    assert abs(step.correlation) < 0.1
    gray, base = (rgb_to_grayscale(one)[0].flatten() for one in (step.image, first))
    assert abs(torch.corrcoef(torch.stack([gray, base]))[0, 1]) < 0.25, "no negative either"


def test_a_hog_of_small_cells_has_more_numbers_than_the_picture():
    picture = vizkit.load_image("coffee", (128, 128))[None]
    assert hog(picture, cell=4).numel() > picture.numel() > hog(picture, cell=8).numel() > hog(picture, cell=16).numel()
