"""What notebook 03 says, over five seeds."""

import torch

from vizkit.core.data import clouds, digit_labels, digits
from vizkit.core.steps import last
from vizkit.methods.embeddings import neighbor_accuracy
from vizkit.methods.tsne import embedding_steps, targets
from vizkit.panels.embedding import embedded

SEEDS = range(5)


def straightness(points):
    """Return how much of the spread lies along the longest axis: 1 for a line."""
    spread = torch.linalg.svdvals(points - points.mean(0)) ** 2
    return float(spread[0] / spread.sum())


def test_a_line_stays_one_at_large_perplexities_only():
    for seed in SEEDS:
        found = {perplexity: straightness(embedded("a line", 150, seed, perplexity)) for perplexity in (2, 30, 45)}
        assert min(found[30], found[45]) > 0.98 > found[2]


def test_digits_in_the_plane_match_the_64_dimensions_and_do_not_beat_them():
    points, labels = digits().flatten(1)[:1000], digit_labels()[:1000]
    wanted, by_all = targets(points, 30, "tsne"), neighbor_accuracy(points, labels)
    for seed in SEEDS:
        found = neighbor_accuracy(last(embedding_steps(wanted, "tsne", steps=500, seed=seed)).embedding, labels)
        assert abs(found - by_all) < 0.02


def test_the_line_is_a_line():
    assert straightness(clouds("a line", 150)[0]) > 0.999
