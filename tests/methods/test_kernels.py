"""Kernels set by hand, against SciPy, scikit-image and closed forms."""

import math

import numpy as np
import pytest
import scipy.ndimage
import skimage.feature
import skimage.filters
import torch

import vizkit
from vizkit.methods.convolution import correlate
from vizkit.methods.kernels import (
    KNOWN,
    box_kernel,
    fitted_kernel,
    found_windows,
    gaussian_kernel,
    gaussian_within,
    hidden_kernel,
    laplacian_of_gaussian,
    long_edges,
    match_template,
    same_correlate,
    sobel_kernel,
    vertical_edges,
    zero_crossings,
)


@pytest.fixture(scope="module")
def gray():
    return vizkit.load_image("camera", (96, 96)).mean(0)


def test_boxes_and_gaussians():
    assert torch.allclose(box_kernel(5), torch.full((5, 5), 1 / 25))
    for sigma in (0.7, 1.5):
        peer = np.zeros((15, 15))
        peer[7, 7] = 1
        peer = scipy.ndimage.gaussian_filter(peer, sigma, truncate=7 / sigma)
        assert np.allclose(gaussian_kernel(15, sigma).numpy(), peer, atol=1e-6)
    one = gaussian_kernel(7, 1.2, dims=1)
    assert torch.allclose(gaussian_kernel(7, 1.2), torch.outer(one, one))
    assert gaussian_kernel(3, 1.0, dims=3).shape == (3, 3, 3)


def test_how_much_of_a_gaussian_lies_within():
    fine = torch.linspace(-1.5, 1.5, 2001, dtype=torch.float64)
    density = (-fine.square() / 2).exp() / math.sqrt(2 * math.pi)
    assert gaussian_within(3, 1.0) == pytest.approx(float(torch.trapezoid(density, fine)) ** 2, abs=1e-6)


def test_smoothed_noise_is_as_small_as_said():
    noise = torch.randn(400, 400, generator=torch.Generator().manual_seed(0))
    for kernel in (box_kernel(5), gaussian_kernel(9, 1.5)):
        assert float(correlate(noise, kernel).std()) == pytest.approx(float(kernel.square().sum().sqrt()), rel=0.03)


def test_sobel_is_scikit_images(gray):
    inside = slice(1, -1)
    for angle, peer in ((0, skimage.filters.sobel_v), (90, skimage.filters.sobel_h)):
        ours = same_correlate(gray, sobel_kernel(angle))[inside, inside].numpy() / 4
        assert np.allclose(np.abs(ours), np.abs(peer(gray.numpy())[inside, inside]), atol=1e-6)


def test_a_ramp_answers_in_its_own_direction():
    y, x = torch.meshgrid(torch.arange(9.0), torch.arange(9.0), indexing="ij")
    for angle in range(0, 360, 15):
        turn = math.radians(angle)
        ramp = -(math.cos(turn) * x + math.sin(turn) * y)  # darker towards the angle
        responses = {other: float(correlate(ramp, sobel_kernel(other))[4, 4]) for other in range(0, 360, 15)}
        assert max(responses, key=responses.get) == angle
        assert responses[angle] == pytest.approx(8)


def test_the_laplacian_is_scipys(gray):
    ours = same_correlate(gray, laplacian_of_gaussian(2.0)).numpy()
    peer = scipy.ndimage.gaussian_laplace(gray.numpy(), 2.0, mode="nearest")
    assert np.abs(ours - peer).max() < 0.02 * np.abs(peer).max()


def test_a_disk_is_outlined_by_zero_crossings():
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    away = ((x - 32).square() + (y - 32).square()).sqrt()
    marks = zero_crossings(same_correlate((away < 15).float(), laplacian_of_gaussian(2.0)), 0.002)
    assert away[marks].min() > 13.5
    assert away[marks].max() < 17
    assert marks.sum() > 60


def test_templates_are_scikit_images(gray):
    pattern = gray[20:37, 40:52]
    ours = match_template(gray[None], pattern[None])
    peer = skimage.feature.match_template(gray.double().numpy(), pattern.double().numpy())
    assert np.abs(ours.numpy() - peer).max() < 1e-4
    assert float(ours[20, 40]) == pytest.approx(1, abs=1e-6)
    assert found_windows(ours, 0.99, (17, 12))[0] == (20, 40)


def test_a_score_does_not_mind_brightness_and_contrast():
    photo = vizkit.load_image("chelsea", (64, 64))
    part = photo[:, 10:24, 20:40]
    one, other = match_template(photo, part), match_template(0.3 + 0.5 * photo, part)
    assert torch.allclose(one, other, atol=1e-4)
    assert match_template(torch.full((3, 20, 20), 0.5), part[:, :8, :8]).abs().max() == 0


def test_every_hidden_kernel_is_found_again(gray):
    names = set()
    for game in range(21):
        for whole in (False, True):
            name, kernel = hidden_kernel(game, whole=whole)
            names.add(name)
            assert torch.allclose(fitted_kernel(gray, correlate(gray, kernel), 3).float(), kernel, atol=1e-4)
    assert names - {"of whole numbers"} == set(KNOWN)


def test_a_long_line_beats_many_short_ones():
    short, long = torch.zeros(2, 60, 60)
    long[:, 30] = 1
    short[::2, 10::20] = 1
    assert vertical_edges(short).mean() > vertical_edges(long).mean()
    edges = torch.zeros(60, 60)
    edges[:, 30] = 1
    scattered = torch.zeros(60, 60)
    scattered[torch.arange(60), torch.randperm(60, generator=torch.Generator().manual_seed(0))] = 1
    assert long_edges(edges, 15).mean() > 1.2 * long_edges(scattered, 15).mean()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: gaussian_kernel(5, 0), "sigma must be positive"),
        (lambda: box_kernel(0), "size must be 1 or more"),
        (lambda: laplacian_of_gaussian(-1), "sigma must be positive"),
        (lambda: match_template(torch.rand(3, 9, 9), torch.rand(1, 3, 3)), "the picture's 3 channels, got 1"),
        (lambda: match_template(torch.rand(1, 9, 9), torch.rand(1, 10, 3)), "must fit into the picture"),
        (lambda: match_template(torch.rand(1, 9, 9), torch.ones(1, 3, 3)), "more than one color"),
        (lambda: long_edges(torch.rand(9, 9), 0), "length must be 1 or more"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()
