import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier

from vizkit.core.data import digit_labels, digits
from vizkit.methods.features import component_scores, learning_curve, widened

FLAT, LABELS = digits().flatten(1), digit_labels()


def split(count, train, seed):
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).numpy()
    return order[:train], order[train:]


@pytest.mark.parametrize("classifier", ["nearest neighbor", "least squares"])
@pytest.mark.parametrize("seed", [0, 3])
def test_scores_are_those_of_fits_one_by_one(classifier, seed):
    flat, labels = FLAT[:300].numpy(), LABELS[:300].numpy()
    found = component_scores(FLAT[:300], LABELS[:300], train=40, classifier=classifier, seed=seed)
    known, held = split(300, 40, seed)
    assert len(found.held) == len(found.train) == 39
    for k in (1, 2, 7, 20, 38):
        peer = PCA(k, svd_solver="full").fit(flat[known])
        own, others = peer.transform(flat[known]), peer.transform(flat[held])
        if classifier == "nearest neighbor":
            guess = KNeighborsClassifier(1).fit(own, labels[known]).predict
        else:
            model = LinearRegression().fit(own, np.eye(10)[labels[known]])
            guess = lambda rows, model=model: model.predict(rows).argmax(1)  # noqa: E731
        assert float(found.train[k - 1]) == pytest.approx((guess(own) == labels[known]).mean())
        assert float(found.held[k - 1]) == pytest.approx((guess(others) == labels[held]).mean())


def test_no_more_components_than_the_samples_have():
    assert len(component_scores(FLAT[:300], LABELS[:300], train=200).held) <= 64
    two = torch.tensor([[0.0, 0], [1, 0], [2, 0], [3, 0], [4, 0]])
    assert len(component_scores(two, torch.tensor([0, 0, 1, 1, 1]), train=3).held) == 1


def test_the_curve_is_the_nearest_neighbors():
    sizes = (10, 40, 100)
    found = learning_curve(FLAT[:200], LABELS[:200], sizes, seed=2)
    known, held = split(200, 100, 2)
    for size, share in zip(sizes, found.tolist(), strict=True):
        peer = KNeighborsClassifier(1).fit(FLAT[known[:size]].numpy(), LABELS[known[:size]].numpy())
        assert share == pytest.approx(peer.score(FLAT[held].numpy(), LABELS[held].numpy()))


def test_what_is_added_is_what_it_is_called():
    samples = torch.randn(2000, 5, generator=torch.manual_seed(0)).double()
    for kind in ("copies", "mixtures", "noise"):
        found = widened(samples, kind, 30, seed=1)
        assert found.shape == (2000, 35)
        assert torch.equal(found[:, :5], samples)
        assert torch.equal(found, widened(samples, kind, 30, seed=1))
        rank = int(torch.linalg.matrix_rank(found))
        assert rank == (35 if kind == "noise" else 5)
        assert 0.6 < found[:, 5:].std() < 1.6
    assert all(any(torch.equal(column, own) for own in samples.T) for column in widened(samples, "copies", 9).T)
    assert torch.equal(widened(samples, "noise", 0), samples)
    whole = torch.cat([samples, samples], 1)
    curves = [learning_curve(one, torch.arange(2000) % 2, (50, 100)) for one in (samples, whole)]
    assert torch.equal(*curves), "all features twice: the same neighbors"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: widened(FLAT, "wishes", 3), "kind of features"),
        (lambda: widened(FLAT, "noise", -1), "count must be"),
        (lambda: component_scores(FLAT[:20], LABELS[:20], train=20), "train must be"),
        (lambda: component_scores(FLAT, LABELS, classifier="oracle"), "classifier"),
        (lambda: learning_curve(FLAT[:20], LABELS[:20], (5, 30)), "train must be"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
