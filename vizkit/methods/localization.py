"""How well a map finds what is known to be the reason."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from joblib import Parallel, delayed
from torch import Tensor

from vizkit.core import checks
from vizkit.core.models import ImageModel
from vizkit.core.scenes import Scenes
from vizkit.core.steps import Step, step_method
from vizkit.methods.attribution import METHODS, QUICK, attribute

__all__ = ["Localization", "ScoreStep", "localization", "score_steps"]


def edges(image: Tensor) -> Tensor:
    """Return the strength of a picture's edges, shape (H, W): Sobel's filter on its gray levels."""
    from skimage.filters import sobel

    return torch.from_numpy(sobel(image.mean(0).double().cpu().numpy()))  # type: ignore[no-untyped-call]


def center(image: Tensor) -> Tensor:
    """Return a Gaussian around the middle of a picture, shape (H, W), a quarter of its side wide."""
    rows, columns = (torch.linspace(-2, 2, length, dtype=torch.float64) for length in image.shape[1:])
    return torch.exp(-(rows[:, None] ** 2 + columns**2) / 2)


#: Maps that ask no network: what a method must beat before it explains one.
BASELINES = {"baseline: edges": edges, "baseline: center": center}


@dataclass(frozen=True)
class Localization:
    """Three scores for each map, all in [0, 1].

    Parameters
    ----------
    pointing : Tensor, shape (N,)
        1 if the map's largest value lies in the mask (Zhang et al. 2016; Quantus' PointingGame).
    overlap : Tensor, shape (N,)
        Intersection over union of the mask with the map above its best threshold.
    inside : Tensor, shape (N,)
        Share of the map's sum that lies in the mask (Arras et al. 2022; Quantus'
        RelevanceMassAccuracy).
    """

    pointing: Tensor
    overlap: Tensor
    inside: Tensor


def localization(heat: Tensor, mask: Tensor) -> Localization:
    """Score maps against masks, by the size of the maps' values.

    Parameters
    ----------
    heat : Tensor, shape (N, H, W)
        A map without any value other than 0 scores 0.
    mask : Tensor, bool, shape (N, H, W)

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if heat.shape != mask.shape or heat.ndim != 3:
        raise ValueError(f"heat and mask must both be (N, H, W), got {tuple(heat.shape)} and {tuple(mask.shape)}")
    size, truth = heat.double().abs().flatten(1), mask.flatten(1)
    alive = size.amax(1) > 0
    largest = size == size.amax(1, keepdim=True)
    pointing = (largest & truth).any(1) & alive
    inside = (size * truth).sum(1) / size.sum(1).clamp(min=1e-300)
    values, order = size.sort(1, descending=True)
    hits = truth.gather(1, order).cumsum(1).double()
    above = torch.arange(1, size.shape[1] + 1)
    overlap = hits / (above + truth.sum(1, keepdim=True) - hits)
    # A threshold cannot part equal values.
    last = torch.cat([values[:, :-1] > values[:, 1:], torch.ones(len(size), 1, dtype=torch.bool)], 1)
    best = (overlap * last).amax(1)
    return Localization(pointing.double(), best * alive, inside)


@dataclass(frozen=True)
class ScoreStep(Step):
    """The mean scores so far.

    Parameters
    ----------
    count : int
        Pictures that every method has been scored on: those that the net names right.
    pointing, overlap, inside : dict of str to float
        By method.
    found : dict of str to Localization
        The scores of each picture, by method.
    """

    count: int
    pointing: dict[str, float]
    overlap: dict[str, float]
    inside: dict[str, float]
    found: dict[str, Localization]


@step_method()
def score_steps(
    model: ImageModel,
    scenes: Scenes,
    methods: Sequence[str] = (*QUICK, *BASELINES),
    *,
    batch_size: int = 50,
    resume: ScoreStep | None = None,
) -> Iterator[ScoreStep]:
    """Score methods on scenes whose truth is known, each for the scene's own class.

    A scene that the net does not name right is left out: what speaks for a wrong answer need not
    lie in the shape. The pictures go through joblib.

    Parameters
    ----------
    model : ImageModel
        That knows the classes of the scenes.
    scenes : Scenes
    methods : sequence of str
        Keys of ``METHODS`` and ``BASELINES``.
    batch_size : int
        Pictures between two steps.
    resume : ScoreStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    ValueError
        If there is no such method, or the model has other classes than the scenes.
    """
    for method in methods:
        checks.choice(method, (*METHODS, *BASELINES), "method")
    batch_size = checks.integer(batch_size, 1, None, "batch_size")
    if int(scenes.label.max()) >= len(model.labels):
        raise ValueError(f"{model.name} does not know the classes of the scenes")
    found = dict(resume.found) if resume else {}
    begun = resume.index if resume else 0
    for batch in torch.arange(begun, len(scenes)).split(batch_size):
        with torch.no_grad():
            named = model.logits(scenes.images[batch] / 255).argmax(1).cpu()
        rows = batch[named == scenes.label[batch]]
        heats = Parallel()(
            delayed(_heats)(model, scenes.images[row] / 255, int(scenes.label[row]), methods) for row in rows.tolist()
        )
        for index, method in enumerate(methods if heats else ()):
            maps = torch.stack([heat[index] for heat in heats])
            scored = localization(maps, scenes.mask[rows])
            found[method] = _joined(found[method], scored) if method in found else scored
        done = int(batch[-1]) + 1
        means = [
            {method: float(getattr(one, score).mean()) for method, one in found.items()}
            for score in ("pointing", "overlap", "inside")
        ]
        now = {method: _joined(one) for method, one in found.items()}
        count = len(next(iter(found.values())).inside) if found else 0
        yield ScoreStep(done, len(scenes), count, means[0], means[1], means[2], now)


def _joined(*parts: Localization) -> Localization:
    """Return the scores of several batches as one, in memory of its own."""
    names = ("pointing", "overlap", "inside")
    return Localization(*(torch.cat([getattr(one, name) for one in parts]) for name in names))


def _heats(model: ImageModel, image: Tensor, target: int, methods: Sequence[str]) -> list[Tensor]:
    return [
        BASELINES[method](image) if method in BASELINES else attribute(model, image, target, method).heat
        for method in methods
    ]
