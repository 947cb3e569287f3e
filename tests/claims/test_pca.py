"""What notebook 02 says, over several splits."""

import torch

from vizkit.core.data import digit_labels, digits, faces
from vizkit.methods.features import component_scores, learning_curve, widened
from vizkit.methods.pca import pca


def kept(pictures, seed):
    """Return what four fifths, drawn at random, keep of themselves and of the rest."""
    flat = pictures.flatten(1)
    order = torch.randperm(len(flat), generator=torch.Generator().manual_seed(seed))
    some, rest = order[: len(flat) * 4 // 5], order[len(flat) * 4 // 5 :]
    found = pca(flat[some])
    return found.kept(flat[some]), found.kept(flat[rest])


def test_eighty_faces_keep_three_quarters_of_new_ones():
    for seed in range(5):
        own, new = kept(faces(), seed)
        assert own[78] > 0.9999
        assert 0.70 < new[78] < 0.80


def test_new_digits_are_kept_as_well_as_old_ones():
    for seed in range(5):
        own, new = kept(digits(), seed)
        assert (own - new).abs().max() < 0.03


def test_copies_and_mixtures_add_nothing_and_noise_asks_for_ten_times_the_samples():
    flat, labels = digits().flatten(1), digit_labels()
    sizes = (100, 200, 500, 1000)
    curves = {
        kind: torch.stack(
            [learning_curve(widened(flat, kind, 64, seed=seed), labels, sizes, seed=seed) for seed in range(5)]
        )
        for kind in ("copies", "mixtures", "noise")
    }
    plain = torch.stack([learning_curve(flat, labels, sizes, seed=seed) for seed in range(5)])
    assert (plain.mean(0) - curves["copies"].mean(0)).abs().max() < 0.02
    assert (plain.mean(0) - curves["mixtures"].mean(0)).abs().max() < 0.02
    assert (curves["noise"] < plain - 0.08).all()
    assert (curves["noise"][:, -1] < plain[:, 0] + 0.01).all()


def test_least_squares_overfit_with_all_components_and_the_nearest_neighbor_does_not():
    flat, labels = digits().flatten(1), digit_labels()
    for seed in range(5):
        lines = component_scores(flat, labels, train=50, seed=seed)
        assert lines.train[-1] == 1
        assert lines.held[-1] < 0.5
        assert lines.held[14:25].mean() > 0.65
        assert lines.held[14:25].min() > lines.held[-1] + 0.2
        near = component_scores(flat, labels, train=50, classifier="nearest neighbor", seed=seed)
        assert near.held.max() - near.held[-1] < 0.04


def test_components_are_uncorrelated_and_pixels_are_not():
    for pictures in (digits(), faces()):
        found = pca(pictures.flatten(1), 60)
        for table, most in ((found.projection, 1e-12), (found.samples, 1.0)):
            covariance = torch.cov(table.T)
            beside = (covariance - covariance.diag().diag()).abs().max() / covariance.max()
            assert beside < most
        assert beside > 0.3
