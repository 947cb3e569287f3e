import threading

import pytest
import torch

from vizkit.core.data import digit_labels, digits
from vizkit.core.steps import last
from vizkit.methods.embeddings import neighbor_accuracy
from vizkit.methods.large_tsne import (
    TimingStep,
    _noisy_digits,
    extrapolated,
    fitted_growth,
    large_embedding_steps,
    neighbor_affinities,
    place_new,
    timed_steps,
    timing_steps,
    tsne_steps,
)
from vizkit.methods.tsne import cost_and_gradient


@pytest.fixture(scope="module")
def affinities():
    return neighbor_affinities(digits().flatten(1)[:400], 15)


def test_the_steps_reach_a_good_embedding_and_count(affinities):
    steps = list(large_embedding_steps(affinities, steps=303, exaggerated=101, every=10))
    assert steps[-1].index == steps[-1].total == 303
    assert [step.exaggerated for step in steps] == [step.index <= 101 for step in steps]
    indices = [step.index for step in steps]
    assert indices == sorted(set(indices))
    assert neighbor_accuracy(steps[-1].embedding, digit_labels()[:400]) > 0.9


def test_the_cost_is_the_exact_one(affinities):
    step = last(large_embedding_steps(affinities, "bh", steps=120, exaggerated=60))
    exact, _ = cost_and_gradient(torch.from_numpy(affinities.P.toarray()), step.embedding.double(), "tsne")
    assert step.cost == pytest.approx(float(exact), rel=0.02)


def test_stop_ends_the_librarys_loop_and_continue_goes_on(affinities):
    before = threading.active_count()
    steps = large_embedding_steps(affinities, steps=5000, every=5)
    for step in steps:
        if step.index >= 40:
            break
    steps.close()
    assert threading.active_count() == before
    rest = large_embedding_steps(affinities, steps=5000, every=5, resume=step)
    assert next(rest).index == 45
    rest.close()


def test_the_same_seed_gives_the_same_embedding(affinities):
    one, two = (last(large_embedding_steps(affinities, "bh", steps=30, jobs=1)) for _ in "ab")
    assert torch.equal(one.embedding, two.embedding)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: neighbor_affinities(torch.randn(40, 3), 30), "between 1 and .N - 1. / 3 = 13, got 30"),
        (lambda a: neighbor_affinities(torch.full((40, 3), torch.nan)), "must be .N, d. and finite"),
        (lambda a: next(large_embedding_steps(a, "tree")), "algorithm"),
        (lambda a: next(large_embedding_steps(a, steps=0)), "steps must be"),
        (lambda a: next(timing_steps(0)), "budget must be positive seconds, got 0"),
        (lambda a: fitted_growth({10: 1.0}, 100), "two numbers of points or more, got 1"),
        (
            lambda a: place_new(torch.zeros(40, 2), torch.zeros(40, 3), torch.zeros(1, 4)),
            "must be .N, 2., .N, d. and .M, d., got .40, 2., .40, 3. and .1, 4.",
        ),
    ],
)
def test_errors(affinities, call, message):
    with pytest.raises(ValueError, match=message):
        call(affinities)


def test_times_are_measured_and_the_budget_is_kept():
    steps = list(timing_steps(100, sizes=(100, 200)))
    assert [step.index for step in steps] == [1, 2]
    assert all(set(taken) == {100, 200} for taken in steps[-1].seconds.values())
    assert list(steps[-1].seconds) == ["sne", "symmetric", "tsne", "bh", "fft"]
    assert steps[-1].sizes["tsne"] == steps[-1].sizes["sne"] == {100: 4 * 100**2, 200: 4 * 200**2}
    sparse = neighbor_affinities(_noisy_digits(200)).P.tocoo()
    assert steps[-1].sizes["bh"][200] == 12 * sparse.nnz + 4 * 201
    assert all(value > 0 for taken in steps[-1].seconds.values() for value in taken.values())
    short = last(timing_steps(1e-6, sizes=(100, 20000)))
    assert short.skipped == (20000,)
    assert set(short.seconds["bh"]) == {100}


def test_a_power_is_carried_on_as_it_is():
    slope, value = fitted_growth({count: 3e-9 * count**1.7 for count in (100, 200, 900, 5000)}, 10**6)
    assert slope == pytest.approx(1.7)
    assert value == pytest.approx(3e-9 * 10**10.2)
    flat_at_first = {250: 1.0, 500: 1.0, 1000: 1.0, 2000: 2.0, 4000: 4.0}
    assert fitted_growth(flat_at_first, 8000) == pytest.approx((1, 8))


def test_a_million_points_by_slope_and_by_theory():
    taken = {1000: 0.1, 2000: 0.4}
    seconds = {"tsne": taken, "bh": {1000: 0.1}, "fft": {1000: 0.1, 2000: 0.1}}
    sizes = {"tsne": {1000: 10, 2000: 40}, "bh": {1000: 10}, "fft": {1000: 10, 2000: 20}}
    found = extrapolated(TimingStep(2, 2, seconds, sizes, 1.0, 2.0, ()), 4000)
    assert set(found) == {"tsne", "fft"}, "one size has no slope"
    assert (found["tsne"].slope, found["tsne"].fitted, found["tsne"].ordered) == pytest.approx((2, 1.6, 1.6))
    assert (found["fft"].slope, found["fft"].fitted, found["fft"].ordered) == pytest.approx((0, 0.1, 0.2))
    assert (found["tsne"].size, found["fft"].size) == pytest.approx((160, 40))


@pytest.fixture(scope="module")
def finished():
    return last(tsne_steps(digits().flatten(1)[:400], perplexity=15, steps=300, exaggerated=100)).embedding


def test_new_digits_are_placed_beside_their_like(finished):
    flat, labels = digits().flatten(1), digit_labels()
    found = place_new(finished, flat[:400], flat[400:500], perplexity=15)
    nearest = torch.cdist(found, finished).argmin(1)
    assert (labels[nearest] == labels[400:500]).double().mean() > 0.9
    assert torch.equal(found, place_new(finished, flat[:400], flat[400:500], perplexity=15)), "the same twice"


def test_a_known_digit_is_placed_where_it_is(finished):
    flat = digits().flatten(1)
    found = place_new(finished, flat[:400], flat[:50], perplexity=15)
    width = finished.std()
    assert ((found - finished[:50]).norm(dim=1).median() / width) < 0.1


def test_a_timed_run_is_the_same_run():
    points = digits().flatten(1)[:60]
    timed = list(timed_steps(points, perplexity=10, steps=20))
    plain = list(tsne_steps(points, perplexity=10, steps=20, exaggerated=120))
    assert torch.equal(timed[-1].embedding, plain[-1].embedding)
    seconds = [step.seconds for step in timed]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0
