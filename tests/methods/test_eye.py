"""What the eye sees: pigments at their peaks, bars before known filters, Gabors found again."""

import math

import pytest
import torch
from torch import nn

import vizkit
from vizkit.methods.eye import (
    PEAKS,
    bar_picture,
    cones_and_rods,
    fit_gabors,
    gabor,
    orientation_tuning,
    pigment_sensitivity,
)
from vizkit.methods.filters import filters


@pytest.mark.parametrize("peak", PEAKS.values())
def test_a_pigment_peaks_where_it_is_said_to(peak):
    wavelengths = torch.arange(380.0, 720.0)
    curve = pigment_sensitivity(peak, wavelengths)
    assert abs(float(wavelengths[curve.argmax()]) - peak) <= 2
    assert float(curve.max()) == pytest.approx(1, abs=0.01)
    assert curve.diff().gt(0).sum() == curve.argmax()  # one peak


def test_white_excites_all_alike_and_colors_their_own():
    assert torch.allclose(cones_and_rods(torch.ones(3, 2, 2)), torch.ones(4, 2, 2), atol=1e-3)
    assert cones_and_rods(torch.zeros(3, 2, 2)).abs().max() < 1e-3
    red, green, blue = (cones_and_rods(torch.eye(3)[k].view(3, 1, 1))[:, 0, 0] for k in range(3))
    assert red.argmax() == 0
    assert blue.argmax() == 2
    assert green[3] > 10 * red[3]  # at night red is black
    gray = cones_and_rods(torch.full((3, 1, 1), 0.5))[:, 0, 0]
    assert torch.allclose(gray, torch.full((4,), ((0.5 + 0.055) / 1.055) ** 2.4), atol=1e-3)


def test_a_bar_lies_as_it_is_asked_to():
    flat, upright = bar_picture(0, 33, 5)[0], bar_picture(90, 33, 5)[0]
    assert flat.T.equal(upright)
    assert (flat[14:19] == 1).all()
    assert flat[:12].eq(0.5).all()
    assert bar_picture(90, 33, 5, bright=False)[0, :, 16].eq(0).all()
    rising = bar_picture(45, 33, 3)[0]
    assert rising[4, 28] == 1  # to the upper right
    assert bar_picture(0, 33, 5, shift=8)[0, 8, 0] == 1  # up


def filter_net(weight):
    conv = nn.Conv2d(3, len(weight), weight.shape[-1], bias=False)
    conv.weight.data = weight
    net = nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return vizkit.ImageModel(net, input_size=48)


def test_a_known_filter_prefers_its_own_angle():
    angles = (0, 30, 60, 90, 120, 150)
    weight = torch.stack([gabor(11, angle, 9, 3).expand(3, -1, -1) for angle in angles])
    weight = weight - weight.mean((2, 3), keepdim=True)
    blob = gabor(11, 0, 1e6, 2).expand(1, 3, -1, -1)
    blob = blob - blob.mean((2, 3), keepdim=True)
    found = orientation_tuning(filter_net(torch.cat([weight, blob])), "1", count=12)
    assert found.preferred[:6].tolist() == list(angles)
    assert (found.selectivity[:6] > 0.3).all()
    assert found.selectivity[6] < 0.05


def test_selectivity_of_known_curves():
    from vizkit.methods.eye import Tuning

    angles = torch.arange(18) * 10.0
    one = torch.zeros(18)
    one[4] = 2
    wave = 1 + torch.cos(2 * torch.deg2rad(angles - 40))
    found = Tuning(angles, torch.stack([torch.ones(18), one, wave, torch.zeros(18)]))
    assert torch.allclose(found.selectivity, torch.tensor([0.0, 1.0, 0.5, 0.0]), atol=1e-6)


def test_a_gabor_is_found_again_and_noise_is_none():
    known = [(15, 0.55 * 9, 9 / 4, 30), (75, 9.0, 9 / 6, 200), (150, 0.75 * 9, 9 / 2.5, 90)]
    weight = torch.stack([gabor(9, *one)[None] * torch.tensor([1.0, -0.5, 0.2]).view(3, 1, 1) for one in known])
    fit = fit_gabors(weight)
    assert (fit.explained > 0.999).all()
    assert fit.angles.tolist() == [one[0] for one in known]
    assert torch.allclose(fit.fitted, weight, atol=0.02)
    noise = torch.randn(40, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    fit = fit_gabors(noise)
    assert fit.explained.max() < 0.25
    residual = (noise - fit.fitted).square().sum((1, 2, 3)) / noise.square().sum((1, 2, 3))
    assert torch.allclose(1 - residual, fit.explained, atol=1e-5)


@pytest.mark.parametrize("name", ["viznet", "viznet-robust", "viznet-small"])
def test_learned_filters_are_gabors(name):
    assert fit_gabors(filters(vizkit.load_model(name)).weight).explained.median() > 0.8


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: orientation_tuning(vizkit.load_model(), "relu1", width=0), "width must be positive"),
        (lambda: orientation_tuning(vizkit.load_model(), "fc"), "maps of 4 x 4 or more"),
        (lambda: orientation_tuning(vizkit.load_model(), "relu1", count=1), "count must be 2 or more"),
        (lambda: cones_and_rods(torch.zeros(1, 3, 3)), "image must have shape"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_the_cosine_of_a_wave():
    assert gabor(7, 0, 4, 1e6)[3, 0] == pytest.approx(1)
    assert gabor(7, 0, 4, 1e6)[1, 0] == pytest.approx(math.cos(math.pi), abs=1e-5)
