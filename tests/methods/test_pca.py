import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import decomposition
from sklearn.datasets import load_digits

from vizkit.methods.pca import EXAMPLE, parse_table, pca, variance_along


def test_every_number_of_the_worked_example():
    found = pca(EXAMPLE)

    def near(value, expected, digits=6):
        assert np.allclose(value.numpy(), expected, atol=0.6 * 10**-digits), value

    near(found.mean, [1.81, 1.91])
    near(found.centered[0], [0.69, 0.49])
    near(found.covariance, [[0.616556, 0.615444], [0.615444, 0.716556]])
    near(found.polynomial, [1, -1.333111, 0.063026], 5)
    near(found.eigenvalues, [0.0490834, 1.2840277])
    near(found.eigenvectors[:, 0], [-0.735179, 0.677873])
    near(found.eigenvectors[:, 1], [0.677873, 0.735179])
    assert torch.equal(found.components[:, 0], found.eigenvectors[:, 1])
    # with the deck's sign; the eighth is misprinted there as 1.1146, the tenth is 1.2238
    near(
        -found.projection[:, 0],
        [-0.8280, 1.7776, -0.9922, -0.2742, -1.6758, -0.9129, 0.0991, 1.1446, 0.4380, 1.2238],
        4,
    )


def test_the_decks_misprints():
    found = pca(EXAMPLE)
    wrong = EXAMPLE.sum(0) / 9  # "1 / (n - 1)" as printed
    assert not torch.allclose(wrong, found.mean)
    assert f"{found.eigenvalues[0]:.7f}" == "0.0490834"
    assert f"{-found.projection[7, 0]:.4f}" == "1.1446"


@pytest.mark.parametrize("shape", [(50, 4), (10, 30), (1797, 64), (2, 3)])
def test_agrees_with_scikit_learn_up_to_sign(shape):
    if shape == (1797, 64):
        samples = torch.from_numpy(load_digits().data)
    else:
        samples = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    k = min(shape[0] - 1, shape[1], 5)
    found, peer = pca(samples, k), decomposition.PCA(k, svd_solver="full").fit(samples.numpy())
    variance = found.eigenvalues.flip(0)[:k].numpy()
    assert np.allclose(variance, peer.explained_variance_, rtol=1e-10, atol=1e-10)
    assert np.allclose(found.explained[:k].numpy(), peer.explained_variance_ratio_, atol=1e-10)
    for ours, theirs in zip(found.components.T.numpy(), peer.components_, strict=True):
        assert min(np.abs(ours - theirs).max(), np.abs(ours + theirs).max()) < 1e-10
    rebuilt = peer.inverse_transform(peer.transform(samples.numpy()))
    assert np.allclose(found.reconstruction(k).numpy(), rebuilt, atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 12), st.integers(1, 6), st.integers(0, 10_000))
def test_properties_of_any_table(count, features, seed):
    random = torch.Generator().manual_seed(seed)
    samples = 10 * torch.randn(count, features, generator=random, dtype=torch.float64)
    found = pca(samples, features)
    identity = torch.eye(features, dtype=torch.float64)
    torch.testing.assert_close(found.eigenvectors.T @ found.eigenvectors, identity)
    torch.testing.assert_close(
        found.covariance @ found.eigenvectors, found.eigenvectors * found.eigenvalues, atol=1e-9, rtol=1e-9
    )
    torch.testing.assert_close(found.reconstruction(features), samples)
    assert (found.eigenvalues.diff() >= 0).all()
    errors = [(found.reconstruction(k) - samples).square().sum() for k in range(features + 1)]
    for k, error in enumerate(errors):  # what is left out is what is lost
        left = found.eigenvalues[: features - k].sum() * (count - 1)
        torch.testing.assert_close(error, left, atol=1e-8, rtol=1e-8)
    values = np.polyval(found.polynomial.numpy(), found.eigenvalues.numpy())
    scale = max(1.0, float(found.eigenvalues[-1])) ** features
    assert np.abs(values).max() < 1e-7 * scale


def test_the_variance_along_an_axis_peaks_at_the_eigenvalue():
    angles = torch.linspace(0, 180, 18001)
    variance = variance_along(EXAMPLE, angles)
    found = pca(EXAMPLE)
    torch.testing.assert_close(variance.max(), found.eigenvalues[1], atol=1e-7, rtol=0)
    torch.testing.assert_close(variance.min(), found.eigenvalues[0], atol=1e-7, rtol=0)
    best = torch.rad2deg(torch.atan2(found.components[1, 0], found.components[0, 0]))
    assert abs(angles[variance.argmax()] - best) < 0.01
    direct = (found.centered @ torch.tensor([0.6, 0.8], dtype=torch.float64)).var()
    angle = float(np.degrees(np.arctan2(0.8, 0.6)))
    torch.testing.assert_close(variance_along(EXAMPLE, angle), direct)


@pytest.mark.parametrize(
    ("samples", "note"),
    [
        ([[1, 5], [2, 5], [4, 5]], "Column 2 is constant"),
        ([[1, 1], [1, 1]], "All samples are equal"),
        ([[1, 0], [-1, 0], [0, 1], [0, -1]], "Eigenvalues 1 and 2 are equal"),
        ([[1, 2, 3], [3, 1, 2]], "2 samples span at most 1 axes; the other 2 eigenvalues are zero"),
    ],
)
def test_degenerate_tables_are_explained_not_crashed(samples, note):
    found = pca(torch.tensor(samples, dtype=torch.float64))
    assert any(note in one for one in found.notes), found.notes
    assert found.explained.isfinite().all()
    assert found.projection.isfinite().all()


def test_a_cut_between_equal_eigenvalues_is_named():
    cross = torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    assert "cuts between equal eigenvalues" in pca(cross, 1).notes[-1]
    assert pca(EXAMPLE).notes == ()


@pytest.mark.parametrize(
    ("samples", "error", "message"),
    [
        ([[1.0, 2.0]], ValueError, "samples must be two or more, got 1: the covariance divides"),
        ([1.0, 2.0], ValueError, r"must be a table \(m, n\), got shape \(2,\)"),
        ([[1.0, 2.0], [float("nan"), 1.0]], ValueError, "must be finite, got nan in row 2, column 1"),
        ([["a", "b"]], TypeError, "samples must be a table of numbers"),
    ],
)
def test_what_is_no_table_is_named(samples, error, message):
    with pytest.raises(error, match=message):
        pca(samples)


def test_k_and_features_out_of_range():
    with pytest.raises(ValueError, match="k must be from 1 to 2, got 3"):
        pca(EXAMPLE, 3)
    with pytest.raises(ValueError, match="must have 2 features to turn an axis, got 3"):
        variance_along(torch.rand(4, 3), 10)


def test_tables_are_read_as_they_are_pasted():
    expected = torch.tensor([[1.5, -2.0], [3.0, 4e-3]], dtype=torch.float64)
    for text in ("1.5 -2\n3 4e-3", "1.5\t-2\n\n3\t4e-3\n", "1.5, -2\n3; 0.004"):
        assert torch.equal(parse_table(text), expected)
    with pytest.raises(ValueError, match="line 2 must be numbers, got 'x 3'"):
        parse_table("1 2\nx 3")
    with pytest.raises(ValueError, match="line 3 must have 2 numbers like the first, got 1"):
        parse_table("1 2\n\n3")
    with pytest.raises(ValueError, match="at least two lines of numbers, got none"):
        parse_table(" \n")


def test_what_is_kept_of_its_own_samples_is_what_is_explained():
    flat = torch.from_numpy(load_digits().data)
    found = pca(flat)
    assert torch.allclose(found.kept(flat), found.explained.cumsum(0))
