"""Adversarial digits against five kinds of classifiers: made on one, tried on all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.models import ImageModel
from vizkit.core.seeds import generator
from vizkit.methods.adversarial import pgd, project
from vizkit.methods.adversarial_training import (
    digit_model,
    held_out_digits,
    linear_digit_model,
    plain_digit_model,
    training_digits,
)

__all__ = ["CrossTable", "cross_table", "digit_classifiers"]

#: What noise is called among the rows.
NOISE = "random noise"


@dataclass(frozen=True)
class Classifier:
    """A classifier of digits and the attack that suits its kind.

    Parameters
    ----------
    name : str
    answers : callable
        ``answers(images)``: a digit for each picture, int64, shape (N,).
    attack : callable
        ``attack(images, labels, epsilon)``: the pictures, no pixel changed by more than epsilon.
    """

    name: str
    answers: Callable[[Tensor], Tensor]
    attack: Callable[[Tensor, Tensor, float], Tensor]


@dataclass(frozen=True)
class CrossTable:
    """Digits attacked on one classifier and tried on all.

    Parameters
    ----------
    made_on, tried_on : tuple of str
        Rows, the last of which is noise of the same size, and columns.
    changed : Tensor, shape (rows, columns)
        Share of answers that are wrong now, of the digits that the tried classifier names rightly.
    accuracy : Tensor, shape (columns,)
        Of each classifier on the digits as they are, in [0, 1].
    images : Tensor, shape (rows, N, 3, 16, 16), RGB in [0, 1]
        The attacked digits.
    """

    made_on: tuple[str, ...]
    tried_on: tuple[str, ...]
    changed: Tensor
    accuracy: Tensor
    images: Tensor


def _gray(images: Tensor) -> Tensor:
    return images[:, 0].flatten(1)


class MachineScores(nn.Module):
    """The scores of a support vector machine with Gaussian kernels, one machine a class.

    The same numbers as scikit-learn's, in torch, so that they have gradients.
    """

    def __init__(self, fitted: OneVsRestClassifier) -> None:
        super().__init__()
        self.parts = [
            [torch.tensor(part, dtype=torch.float32) for part in (m.support_vectors_, m.dual_coef_[0], m.intercept_)]
            for m in fitted.estimators_
        ]
        self.gamma = float(fitted.estimators_[0]._gamma)

    def forward(self, images: Tensor) -> Tensor:
        """Return scores (N, 10) of pictures (N, 1, 16, 16)."""
        rows = images.flatten(1)
        return torch.stack([(-self.gamma * _squares(rows, v)).exp() @ a + b for v, a, b in self.parts], 1)


class NeighborScores(nn.Module):
    """A smooth stand-in for nearest neighbors: every known digit votes, near ones more."""

    def __init__(self, known: Tensor, labels: Tensor, width: float = 1.0) -> None:
        super().__init__()
        self.known, self.width = known, width
        self.others = torch.where(F.one_hot(labels, 10).T.bool(), 0.0, -torch.inf)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logarithm of each class's votes, shape (N, 10)."""
        votes = -_squares(images.flatten(1), self.known) / self.width
        return (votes[:, None] + self.others).logsumexp(2)


def _squares(rows: Tensor, others: Tensor) -> Tensor:
    return rows.square().sum(1, keepdim=True) - 2 * rows @ others.T + others.square().sum(1)


def leaf_boxes(tree: DecisionTreeClassifier) -> tuple[Tensor, Tensor, Tensor]:
    """Return what leads to each leaf of a tree: lowest and highest features, and its class.

    Returns
    -------
    low, high : Tensor, float32, shape (leaves, features)
        A row is in a leaf if each of its features is in ``[low, high]``.
    label : Tensor, int64, shape (leaves,)
    """
    inner, features = tree.tree_, int(tree.n_features_in_)
    found: list[tuple[Tensor, Tensor, int]] = []

    def walk(node: int, low: Tensor, high: Tensor) -> None:
        if inner.children_left[node] == -1:
            found.append((low, high, int(inner.value[node].argmax())))
            return
        feature = int(inner.feature[node])
        most = torch.tensor(inner.threshold[node]).float()
        most = torch.nextafter(most, torch.tensor(-1.0)) if float(most) > inner.threshold[node] else most
        left, right = high.clone(), low.clone()
        left[feature] = torch.minimum(high[feature], most)
        right[feature] = torch.maximum(low[feature], torch.nextafter(most, torch.tensor(2.0)))
        walk(inner.children_left[node], low, left)
        walk(inner.children_right[node], right, high)

    walk(0, torch.zeros(features), torch.ones(features))
    lows, highs, labels = zip(*found, strict=True)
    return torch.stack(lows), torch.stack(highs), torch.tensor(labels)


def to_other_leaf(tree: DecisionTreeClassifier, rows: Tensor, labels: Tensor) -> Tensor:
    """Move rows into the nearest leaf of another class, by the largest change of a feature.

    Parameters
    ----------
    tree : DecisionTreeClassifier
        On features in [0, 1].
    rows : Tensor, float32, shape (N, features)
    labels : Tensor, int64, shape (N,)
        The classes to leave.

    Returns
    -------
    Tensor, shape (N, features)

    References
    ----------
    After Papernot, McDaniel & Goodfellow, *Transferability in machine learning*, 2016, who climb up the
    branches that a row came down; here all leaves are compared, so that no smaller change would do.
    """
    low, high, classes = leaf_boxes(tree)
    moved = []
    for row, label in zip(rows, labels, strict=True):
        inside = torch.clamp(row, low, high)
        size = (inside - row).abs().amax(1).masked_fill(classes == label, torch.inf)
        moved.append(inside[size.argmin()])
    return torch.stack(moved)


def _by_gradient(model: ImageModel, steps: int = 10) -> Callable[[Tensor, Tensor, float], Tensor]:
    def attack(images: Tensor, labels: Tensor, epsilon: float) -> Tensor:
        # without a random start the three channels stay alike, as those of a gray picture are
        return pgd(model, images, labels, epsilon=epsilon, steps=steps, random_start=False).images

    return attack


def _named(model: ImageModel) -> Callable[[Tensor], Tensor]:
    def answers(images: Tensor) -> Tensor:
        with torch.no_grad(), model.running(images) as net:
            found: Tensor = net(model.normalize(images)).argmax(1)
        return found.cpu()

    return answers


def _tree(train: Tensor, labels: Tensor, seed: int) -> Classifier:
    tree = DecisionTreeClassifier(random_state=seed).fit(_gray(train).numpy(), labels.numpy())

    def attack(images: Tensor, true: Tensor, epsilon: float) -> Tensor:
        moved = to_other_leaf(tree, _gray(images), true).view(-1, 1, 16, 16).expand_as(images)
        return project(moved, images, epsilon)

    return Classifier("tree", lambda images: torch.from_numpy(tree.predict(_gray(images).numpy())), attack)


def _neighbors(train: Tensor, labels: Tensor) -> Classifier:
    fitted = KNeighborsClassifier(5).fit(_gray(train).numpy(), labels.numpy())
    smooth = digit_model(NeighborScores(2 * _gray(train) - 1, labels), "smooth neighbors")
    return Classifier(
        "5 neighbors", lambda images: torch.from_numpy(fitted.predict(_gray(images).numpy())), _by_gradient(smooth)
    )


def _machine(train: Tensor, labels: Tensor) -> Classifier:
    fitted = OneVsRestClassifier(SVC(C=5.0)).fit((2 * _gray(train) - 1).numpy(), labels.numpy())
    model = digit_model(MachineScores(fitted), "SVM")
    return Classifier("SVM", _named(model), _by_gradient(model))


def digit_classifiers(seed: int = 0) -> dict[str, Classifier]:
    """Train five kinds of classifiers on the same handwritten digits.

    A small convolutional net, logistic regression, a support vector machine with Gaussian kernels, a
    decision tree, and the vote of five nearest neighbors. The first three are attacked by PGD along
    their own gradients, the neighbors by PGD on a smooth vote of all known digits, the tree by the
    nearest leaf of another class.

    Parameters
    ----------
    seed : int
        Of the net's first weights, the tree, and which digits are held out.

    References
    ----------
    Papernot, McDaniel & Goodfellow, *Transferability in machine learning*, 2016.
    """
    train, labels = training_digits(seed)
    net, linear = plain_digit_model(seed), linear_digit_model(seed)
    found = [
        Classifier("small net", _named(net), _by_gradient(net)),
        Classifier("logistic regression", _named(linear), _by_gradient(linear)),
        _machine(train, labels),
        _tree(train, labels, seed),
        _neighbors(train, labels),
    ]
    return {one.name: one for one in found}


def cross_table(
    classifiers: Mapping[str, Classifier], *, epsilon: float = 0.15, count: int = 100, seed: int = 0
) -> CrossTable:
    """Attack held-out digits on each classifier and try them on all.

    Parameters
    ----------
    classifiers : mapping of str to Classifier
        From `digit_classifiers` of the same seed.
    epsilon : float
        Largest change of a pixel, in [0, 1].
    count : int
        Digits, 397 at most.
    seed : int

    Raises
    ------
    TypeError, ValueError
        If a number is out of range.
    """
    if not 0 <= epsilon <= 1:
        raise ValueError(f"epsilon must be in [0, 1], got {epsilon}")
    count = checks.integer(count, 1, 397, "count")
    images, labels = (part[:count] for part in held_out_digits(seed))
    noise = images + epsilon * (2 * torch.randint(0, 2, images[:, :1].shape, generator=generator(seed)) - 1)
    rows = [one.attack(images, labels, epsilon) for one in classifiers.values()]
    rows.append(project(noise, images, epsilon))
    right = torch.stack([one.answers(images) == labels for one in classifiers.values()])
    wrong = torch.stack([torch.stack([one.answers(row) != labels for one in classifiers.values()]) for row in rows])
    changed = (wrong & right).sum(2) / right.sum(1)
    names = tuple(classifiers)
    return CrossTable((*names, NOISE), names, changed, right.float().mean(1), torch.stack(rows))
