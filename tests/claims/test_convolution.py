"""What lecture 10 says of photos, over all bundled ones."""

import math
from statistics import mean

import pytest
import torch

import vizkit
from vizkit.core.seeds import normal
from vizkit.methods.kernels import box_kernel, gaussian_kernel, match_template, same_correlate
from vizkit.methods.sounds import WORDS, make_sounds
from vizkit.panels.convolution import pooled_changes
from vizkit.panels.kernels import decibels, gray, line_features, smoothed

NAMES = [name for name, one in vizkit.images().items() if one.package]


@pytest.mark.parametrize(("window", "shift"), [(2, 1), (4, 1), (4, 2), (8, 1), (8, 2), (8, 4)])
def test_pooling_helps_against_small_shifts(window, shift):
    for name in NAMES:
        curves, _ = pooled_changes(vizkit.load_image(name, (96, 104)), window)
        assert max(curves["max"][shift], curves["average"][shift]) < 0.85 * curves["no pooling"][shift], name


def test_pooling_does_not_remove_shifts_and_no_kind_wins():
    changes = [pooled_changes(vizkit.load_image(name, (96, 104)), 4)[0] for name in NAMES]
    assert 0.35 < mean(one["max"][2] for one in changes) < 0.6
    less = {shift: sum(one["max"][shift] < one["average"][shift] for one in changes) for shift in (1, 4)}
    assert less[1] < len(NAMES) / 2 < less[4]


def best_side(clean, noise):
    noisy = clean + noise * normal(tuple(clean.shape), 0)
    off = {side: float((same_correlate(noisy, box_kernel(side)) - clean).square().mean()) for side in range(1, 14, 2)}
    return min(off, key=off.get)


def test_the_best_size_grows_with_the_noise():
    for name in NAMES:
        clean = gray(vizkit.load_image(name, (160, 160)))
        sides = [best_side(clean, noise) for noise in (0.05, 0.15, 0.4)]
        assert sides == sorted(sides), name
        assert sides[0] < sides[-1], name


def test_beyond_six_sigma_a_gaussian_does_not_change():
    for name in NAMES[:8]:
        clean = gray(vizkit.load_image(name, (96, 96)))
        two, six, ten = (same_correlate(clean, gaussian_kernel(side, 2.0)) for side in (5, 13, 21))
        assert (six - ten).abs().max() < 0.02, name
        assert (two - ten).abs().max() > 3 * (six - ten).abs().max(), name


def test_two_filters_say_what_one_does_not():
    known = line_features(15)
    ratio = sorted(known, key=lambda name: known[name][1] / known[name][0])
    assert set(ratio[:3]) == {"grass", "gravel", "coffee"}
    assert {"brick", "rocket"} < set(ratio[-4:])
    for length in (9, 15, 25):
        pagoda, flower = line_features(length)["china"], line_features(length)["flower"]
        assert pagoda[0] < flower[0]
        assert pagoda[1] > flower[1]


def test_static_is_smoothed_away_only_where_it_is_loud():
    for number in range(len(WORDS)):
        clean = make_sounds(torch.tensor([number]), seed=2000)[0]
        for noise, helps in ((0.3, True), (0.02, False)):
            noisy = clean + noise * normal((len(clean),), 0)
            after = max(decibels(clean, smoothed(noisy, box_kernel(side, 1))) for side in (3, 5, 7))
            assert (after > decibels(clean, noisy) + 1) == helps, (WORDS[number], noise)


def test_a_plain_sum_finds_what_is_bright():
    for name in ("coins", "camera", "astronaut", "text"):
        photo = vizkit.load_image(name, 128)
        part = photo[:, 30:50, 40:64]
        plain, score = match_template(photo, part, normalized=False), match_template(photo, part)
        row, column = divmod(int(plain.argmax()), plain.shape[1])
        assert photo[:, row : row + 20, column : column + 24].mean() > part.mean(), name
        assert divmod(int(score.argmax()), score.shape[1]) == (30, 40), name
        assert math.isclose(float(score.max()), 1, abs_tol=1e-5)
