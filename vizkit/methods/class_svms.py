"""R-CNN's last step: a linear support vector machine for each class, on a net's codes of crops."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.detectors import SIZE, CropNet
from vizkit.core.scenes import SHAPES, make_crowds
from vizkit.core.seeds import generator
from vizkit.methods.average_precision import true_boxes
from vizkit.methods.crops import labeled_boxes, warp_crops

__all__ = ["ClassSvms", "JudgedCrops", "judged_crops", "train_class_svms"]


@dataclass(frozen=True)
class JudgedCrops:
    """Crops of scenes whose truth is known, and what a net says of them.

    Parameters
    ----------
    crops : Tensor, shape (N, 3, 48, 48), RGB in [0, 1]
    labels : Tensor, int64, shape (N,)
        The last class is of those that overlap nothing by half.
    codes : Tensor, shape (N, 160)
    softmax : float
        Share of the crops of which the net's own last layer is right.
    """

    crops: Tensor
    labels: Tensor
    codes: Tensor
    softmax: float


@dataclass(frozen=True)
class ClassSvms:
    """A linear function of the codes for each class.

    Parameters
    ----------
    weights : Tensor, shape (C, 160)
    biases : Tensor, shape (C,)
    """

    weights: Tensor
    biases: Tensor

    def scores(self, codes: Tensor) -> Tensor:
        """Return each class's score of each code, shape (N, C): above 0 is yes."""
        return codes @ self.weights.T + self.biases

    def answers(self, codes: Tensor) -> Tensor:
        """Return the class of the highest score, or C where none is above 0, shape (N,)."""
        best, label = self.scores(codes).max(1)
        return torch.where(best > 0, label, len(self.biases))


@torch.no_grad()
def judged_crops(net: CropNet, count: int = 60, *, seed: int = 50_000, unseen: bool = True) -> JudgedCrops:
    """Cut boxes out of scenes, near the things and elsewhere, and ask a net of them.

    Parameters
    ----------
    net : CropNet
    count : int
        Scenes.
    seed : int
    unseen : bool
        Whether the scenes are made of photos for tests.
    """
    count = checks.integer(count, 1, 2000, "count")
    scenes, random = make_crowds(count, size=SIZE, unseen=unseen, seed=seed), generator(seed)
    crops, labels = [], []
    for image, truth in zip(scenes.images, true_boxes(scenes), strict=True):
        boxes, shown, _ = labeled_boxes(truth, (SIZE, SIZE), random)
        crops.append(warp_crops(image.float() / 255, boxes))
        labels.append(shown)
    every, label = torch.cat(crops), torch.cat(labels)
    codes = torch.cat([net.features(part) for part in every.split(64)])
    said = net.fc2(codes)[:, : len(SHAPES) + 1].argmax(1)
    return JudgedCrops(every, label, codes, float((said == label).float().mean()))


def train_class_svms(found: JudgedCrops, *, strength: float = 0.01) -> ClassSvms:
    """Train an SVM for each class against all other crops (Girshick et al. 2014).

    Parameters
    ----------
    found : JudgedCrops
    strength : float
        C: how much a crop on the wrong side costs against a narrow margin.

    Raises
    ------
    ValueError
        If `strength` is not positive.
    """
    pairs = [train_svm(found.codes, found.labels == label, strength) for label in range(len(SHAPES))]
    return ClassSvms(torch.stack([weights for weights, _ in pairs]), torch.tensor([bias for _, bias in pairs]))


def train_svm(codes: Tensor, yes: Tensor, strength: float) -> tuple[Tensor, float]:
    """Return the weights and the bias of a linear SVM that tells some codes (N, d) from the others.

    Raises
    ------
    ValueError
        If `strength` is not positive.
    """
    from sklearn.svm import LinearSVC

    if not strength > 0:
        raise ValueError(f"strength must be positive, got {strength}")
    scale = codes.square().mean().sqrt()
    svm = LinearSVC(C=strength, random_state=0, dual=True, max_iter=5000)
    svm.fit((codes / scale).numpy(), yes.numpy())
    return torch.from_numpy(svm.coef_[0]).float() / scale, float(svm.intercept_[0])
