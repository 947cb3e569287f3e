import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.manifold import _t_sne
from sklearn.neighbors import KNeighborsClassifier

from vizkit.core.steps import last
from vizkit.methods.tsne import (
    bandwidths,
    conditional_probabilities,
    cost_and_gradient,
    embedding_steps,
    joint_probabilities,
    perplexities,
    sigma_search,
    targets,
)

KINDS = ("sne", "symmetric", "tsne")


def cloud(count=30, dimension=5, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(count, dimension, generator=random, dtype=torch.float64)


@pytest.fixture(scope="module")
def digits():
    found = load_digits()
    return torch.from_numpy(found.data[:300]) / 16, found.target[:300]


@pytest.mark.parametrize("perplexity", [2, 5, 20])
@pytest.mark.parametrize("scale", [1e-3, 1, 1e4])
def test_every_row_reaches_its_perplexity(perplexity, scale):
    rows = conditional_probabilities(scale * cloud(), perplexity)
    entropy = torch.special.entr(rows).sum(1)
    assert (entropy - math.log(perplexity)).abs().max() < 1e-5
    torch.testing.assert_close(rows.sum(1), torch.ones(30, dtype=torch.float64))
    assert (rows.diagonal() == 0).all()


def test_the_search_walks_on_the_curve_to_what_is_wanted():
    sigma, neighbors = sigma_search(cloud(), 8)
    assert sigma.shape == neighbors.shape
    assert sigma.shape[1] == 30
    for index in (0, 7):
        torch.testing.assert_close(perplexities(cloud(), index, sigma[:, index]), neighbors[:, index])
        at = sigma[:, index].sort()
        assert (neighbors[:, index][at.indices].diff() >= -1e-9).all(), "wider: more neighbors"
    torch.testing.assert_close(neighbors[-1], torch.full((30,), 8.0, dtype=torch.float64), rtol=1e-4, atol=0)
    assert torch.equal(sigma[-1], bandwidths(cloud(), 8))


def test_rows_are_gaussians_of_the_distance():
    points = cloud()
    rows = conditional_probabilities(points, 8)
    for i in (0, 7):
        others = [j for j in range(30) if j != i]
        squares = ((points[i] - points[others]) ** 2).sum(1)
        slope = np.polyfit(squares.numpy(), rows[i, others].log().numpy(), 1)
        residual = rows[i, others].log().numpy() - np.polyval(slope, squares.numpy())
        assert slope[0] < 0
        assert np.abs(residual).max() < 1e-8


def test_joint_probabilities_are_scikit_learns():
    points = cloud(60)
    from scipy.spatial.distance import pdist, squareform

    peer = squareform(_t_sne._joint_probabilities(squareform(pdist(points, "sqeuclidean")), 10, 0))
    ours = joint_probabilities(conditional_probabilities(points, 10, tolerance=1e-9)).numpy()
    assert ours.sum() == pytest.approx(1)
    assert np.allclose(ours, peer, atol=1e-6)


def slow_cost(goal, embedding, kind):
    """The papers' formulas, pair by pair."""
    count = len(embedding)

    def close(i, j):
        square = float(((embedding[i] - embedding[j]) ** 2).sum())
        return 1 / (1 + square) if kind == "tsne" else math.exp(-square)

    everything = sum(close(k, m) for k in range(count) for m in range(count) if k != m)
    cost = 0.0
    for i in range(count):
        row = sum(close(i, k) for k in range(count) if k != i)
        for j in range(count):
            if i != j and goal[i, j] > 0:
                q = close(i, j) / (row if kind == "sne" else everything)
                cost += float(goal[i, j]) * math.log(float(goal[i, j]) / q)
    return cost


@pytest.mark.parametrize("kind", KINDS)
def test_costs_are_the_papers_and_gradients_are_finite_differences(kind):
    goal, embedding = targets(cloud(12), 4, kind), cloud(12, 2, seed=1)
    cost, gradient = cost_and_gradient(goal, embedding, kind)
    assert float(cost) == pytest.approx(slow_cost(goal, embedding, kind), rel=1e-9)
    step = 1e-5
    for i in range(12):
        for axis in range(2):
            shift = torch.zeros_like(embedding)
            shift[i, axis] = step
            ends = [cost_and_gradient(goal, embedding + sign * shift, kind)[0] for sign in (1, -1)]
            slope = float(ends[0] - ends[1]) / (2 * step)
            assert float(gradient[i, axis]) == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("kind", ["symmetric", "tsne"])
def test_the_denominators_printed_on_the_slides_would_be_wrong(kind):
    """With a sum over k != i, the q of all pairs sum to N, and the printed gradient is none."""
    embedding = cloud(12, 2, seed=1)
    squares = ((embedding[:, None] - embedding) ** 2).sum(2)
    close = (1 / (1 + squares) if kind == "tsne" else torch.exp(-squares)).fill_diagonal_(0)
    printed = close / close.sum(1, keepdim=True)
    assert float(printed.sum()) == pytest.approx(12)
    assert not torch.allclose(printed, printed.T)
    assert float((close / close.sum()).sum()) == pytest.approx(1)


def test_the_cost_is_scikit_learns_on_the_same_embedding():
    points, embedding = cloud(50), cloud(50, 2, seed=3)
    goal = targets(points, 10, "tsne")
    from scipy.spatial.distance import squareform

    condensed = squareform(goal.numpy(), checks=False)
    peer, slope = _t_sne._kl_divergence(embedding.numpy().ravel(), condensed, 1, 50, 2)
    cost, gradient = cost_and_gradient(goal, embedding, "tsne")
    assert float(cost) == pytest.approx(peer, rel=1e-4)
    assert np.allclose(gradient.numpy().ravel(), slope, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_cost_falls_and_neighbors_stay_neighbors(kind, digits):
    points, labels = digits
    goal = targets(points, 20, kind)
    steps = list(embedding_steps(goal, kind, steps=400, exaggerated=100))
    assert steps[-1].cost < 0.8 * steps[0].cost
    assert steps[50].exaggerated
    assert not steps[150].exaggerated
    plane = steps[-1].embedding.numpy()
    assert np.isfinite(plane).all()
    score = KNeighborsClassifier(3).fit(plane[::2], labels[::2]).score(plane[1::2], labels[1::2])
    assert score > (0.85 if kind == "tsne" else 0.6), score


def test_a_seed_decides_and_a_run_can_be_continued():
    goal = targets(cloud(), 5, "tsne")
    whole = list(embedding_steps(goal, steps=30, exaggerated=10, seed=2))
    again = last(embedding_steps(goal, steps=30, exaggerated=10, seed=2))
    assert torch.equal(whole[-1].embedding, again.embedding)
    rest = list(embedding_steps(goal, steps=30, exaggerated=10, resume=whole[11]))
    assert [step.index for step in rest] == list(range(13, 31))
    assert torch.equal(rest[-1].embedding, again.embedding)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conditional_probabilities(cloud(), 40), "perplexity must be between 1 and N - 1 = 29"),
        (lambda: conditional_probabilities(cloud(3), 2), "N of at least 4"),
        (lambda: conditional_probabilities(cloud() / 0, 5), "points must be finite"),
        (lambda: conditional_probabilities(torch.zeros(30, 2), 5), "too many points coincide"),
        (lambda: targets(cloud(), 5, "umap"), "kind of embedding 'umap' is not known"),
        (lambda: next(embedding_steps(torch.zeros(3, 4))), r"targets must be \(N, N\)"),
        (lambda: next(embedding_steps(torch.zeros(4, 4), rate=-1)), "rate must be positive"),
        (lambda: next(embedding_steps(torch.zeros(4, 4), steps=0)), "steps must be 1 or more"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
