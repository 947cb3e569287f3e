"""Random features: the peak where they are as many as the samples, and what a ridge does to it."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from vizkit.methods.double_descent import _fitted, feature_errors

COUNTS = (5, 15, 20, 38, 40, 42, 120, 400, 800)


@pytest.fixture(scope="module")
def plain():
    return feature_errors(COUNTS)


def test_the_peak_is_five_times_either_side(plain):
    test = dict(zip(COUNTS, plain.test.median(0).values.tolist(), strict=True))
    peak = max(test[n] for n in (38, 40, 42))
    assert peak > 5 * min(test[n] for n in (5, 15, 20))
    assert peak > 5 * test[800]
    assert test[800] < min(test[n] for n in (5, 15, 20)), "the second descent goes below the first"


def test_many_features_fit_every_sample(plain):
    train = dict(zip(COUNTS, plain.train.amax(0).tolist(), strict=True))
    assert train[20] > 1e-3
    assert max(train[n] for n in (120, 400, 800)) < 1e-8


def test_a_ridge_takes_the_peak_away():
    test = dict(zip(COUNTS, feature_errors(COUNTS, ridge=1.0).test.median(0).values.tolist(), strict=True))
    assert max(test[n] for n in (38, 40, 42)) < min(test[n] for n in (5, 15))


def test_weights_are_longest_at_the_peak(plain):
    size = dict(zip(COUNTS, plain.size.median(0).values.tolist(), strict=True))
    assert size[40] > 5 * max(size[15], size[400])


@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_it_is_scikit_learns(ridge):
    random = np.random.default_rng(0)
    known, y, new, truth = (random.normal(size=shape) for shape in ((30, 12), 30, (50, 12), 50))
    peer = Ridge(alpha=max(ridge, 1e-12), fit_intercept=False, solver="svd").fit(known, y)
    train, test, size = _fitted(*map(torch.from_numpy, (known, y, new, truth)), ridge)
    assert train == pytest.approx(((peer.predict(known) - y) ** 2).mean(), rel=1e-6)
    assert test == pytest.approx(((peer.predict(new) - truth) ** 2).mean(), rel=1e-6)
    assert size == pytest.approx(np.linalg.norm(peer.coef_), rel=1e-6)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"ridge": -1}, "0 or more"), ({"noise": float("nan")}, "0 or more"), ({"draws": 0}, "draws must be 1 or more")],
)
def test_bad_input_is_refused_in_a_sentence(settings, words):
    with pytest.raises(ValueError, match=words):
        feature_errors((5, 10), **settings)
