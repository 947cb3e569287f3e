import threading

import pytest
import torch

from vizkit.core.data import digit_labels, digits
from vizkit.core.steps import last
from vizkit.methods.embeddings import neighbor_accuracy
from vizkit.methods.large_tsne import large_embedding_steps, neighbor_affinities, timing_steps
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
    ],
)
def test_errors(affinities, call, message):
    with pytest.raises(ValueError, match=message):
        call(affinities)


def test_times_are_measured_and_the_budget_is_kept():
    steps = list(timing_steps(100, sizes=(100, 200)))
    assert [step.index for step in steps] == [1, 2]
    assert all(set(taken) == {100, 200} for taken in steps[-1].seconds.values())
    assert all(value > 0 for taken in steps[-1].seconds.values() for value in taken.values())
    short = last(timing_steps(1e-6, sizes=(100, 20000)))
    assert short.skipped == (20000,)
    assert set(short.seconds["bh"]) == {100}
