"""Small changes that change the answer: one step, many steps, and the nearest boundary."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import minimize
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.models import ImageModel
from vizkit.core.seeds import generator
from vizkit.core.steps import Step, step_method

__all__ = ["Attack", "LbfgsStep", "deepfool", "fgsm", "lbfgs", "lbfgs_steps", "pgd", "random_noise", "success_rates"]

Norm = Literal["Linf", "L2"]
#: Classes by index or label, one for all pictures or one for each.
Labels = int | str | Sequence[int | str] | Tensor


@dataclass(frozen=True)
class Attack:
    """Pictures after an attack.

    Parameters
    ----------
    images : Tensor, shape (N, 3, H, W), RGB in [0, 1]
    label : Tensor, int64, shape (N,)
        What the net answers now.
    success : Tensor, bool, shape (N,)
        Whether that is the target, or, without one, no longer the true label.
    """

    images: Tensor
    label: Tensor
    success: Tensor


def project(images: Tensor, originals: Tensor, epsilon: float, norm: Norm = "Linf") -> Tensor:
    """Bring pictures back to at most `epsilon` from their originals, and into [0, 1].

    Exact: no pixel of the difference exceeds `epsilon` by even the last bit of its number.

    Parameters
    ----------
    images, originals : Tensor, shape (N, 3, H, W)
    epsilon : float
        In [0, 1] pixels: the largest change of a pixel (Linf), or the length of the change (L2).
    norm : {"Linf", "L2"}
    """
    if norm == "Linf":
        low, high = _bounds(originals, epsilon)
        return torch.clamp(images, low, high)
    exact = originals.double()
    delta = images.double() - exact
    length = delta.flatten(1).norm(dim=1).clamp(min=1e-300)
    shrink = (epsilon * (1 - 1e-12) / length).clamp(max=1).view(-1, 1, 1, 1)
    # Rounding towards the originals, like the cut to [0, 1], only makes the change shorter.
    return _towards(exact + delta * shrink, originals).clamp(0, 1)


def _towards(wanted: Tensor, originals: Tensor) -> Tensor:
    """Round pixels in double precision to the originals' own, never away from the originals."""
    found = wanted.to(originals.dtype)
    away = (found.double() - originals.double()).abs() > (wanted - originals.double()).abs()
    return torch.where(away, torch.nextafter(found, originals), found)


def _bounds(originals: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """Return the lowest and highest pixels, rounded towards the originals."""
    budget = np.float32(epsilon)
    if float(budget) > epsilon:
        budget = np.nextafter(budget, np.float32(0))
    exact = originals.double()
    low, high = (_towards(exact + sign * float(budget), originals).clamp(0, 1) for sign in (-1, 1))
    return low, high


def class_indices(model: ImageModel, labels: Labels, count: int) -> Tensor:
    """Return one class index for each of `count` pictures, shape (count,).

    Raises
    ------
    TypeError, ValueError
        If there is no such class, or there are not `count` of them.
    """
    if isinstance(labels, Tensor):
        labels = labels.tolist() if labels.ndim else int(labels)
    if isinstance(labels, (int, str)):
        labels = [labels] * count
    if len(labels) != count:
        raise ValueError(f"labels must be one for each of {count} pictures, got {len(labels)}")
    found = [model.label_index(label) for label in labels]
    return torch.tensor(found, device=model.device)


@dataclass(frozen=True)
class _Problem:
    """What an attack wants: away from the labels, or towards the targets."""

    model: ImageModel
    originals: Tensor
    labels: Tensor
    targets: Tensor | None

    @property
    def towards(self) -> Tensor:
        return self.labels if self.targets is None else self.targets

    def gradient(self, net: nn.Module, images: Tensor) -> Tensor:
        """Return the direction in which the attack gains, shape (N, 3, H, W)."""
        pixels = images.detach().requires_grad_()
        loss = F.cross_entropy(net(self.model.normalize(pixels)), self.towards, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, pixels)
        return gradient if self.targets is None else -gradient

    def judged(self, images: Tensor) -> Attack:
        with torch.no_grad(), self.model.running(images) as net:
            label = net(self.model.normalize(images)).argmax(1)
        wrong = label != self.labels if self.targets is None else label == self.targets
        return Attack(images.detach().cpu(), label.cpu(), wrong.cpu())


def _problem(model: ImageModel, images: Tensor, labels: Labels | None, target: Labels | None) -> _Problem:
    checks.images(images)
    originals = images.detach().to(model.device)
    if labels is None:
        with torch.no_grad(), model.running(originals) as net:
            true = net(model.normalize(originals)).argmax(1)
    else:
        true = class_indices(model, labels, len(images))
    wanted = None if target is None else class_indices(model, target, len(images))
    return _Problem(model, originals, true, wanted)


def _check_epsilon(epsilon: float) -> None:
    if not epsilon >= 0:
        raise ValueError(f"epsilon must be 0 or more, in [0, 1] pixels, got {epsilon}")


def _direction(gradient: Tensor, norm: Norm) -> Tensor:
    """Return the step of length 1 that gains most on a linear function."""
    if norm == "Linf":
        return gradient.sign()
    length: Tensor = gradient.flatten(1).norm(dim=1).clamp(min=1e-12)
    return gradient / length.view(-1, 1, 1, 1)


def fgsm(
    model: ImageModel,
    images: Tensor,
    labels: Labels | None = None,
    *,
    epsilon: float = 8 / 255,
    norm: Norm = "Linf",
    target: Labels | None = None,
) -> Attack:
    """Take the one step of length `epsilon` that would be best if the net were linear.

    ``x + epsilon * sign(gradient)`` under Linf, the fast gradient sign method; under L2
    ``x + epsilon * gradient / ||gradient||``.

    Parameters
    ----------
    model : ImageModel
    images : Tensor, shape (N, 3, H, W), RGB in [0, 1]
        Not touched.
    labels : Labels, optional
        The true classes; the net's own answers by default.
    epsilon : float
        In [0, 1] pixels: 8 / 255 is eight gray levels.
    norm : {"Linf", "L2"}
    target : Labels, optional
        Go towards these classes instead of away from the true ones.

    Raises
    ------
    TypeError, ValueError
        If the pictures are none, epsilon is negative, or there is no such class.

    References
    ----------
    Goodfellow, Shlens & Szegedy, "Explaining and harnessing adversarial examples", ICLR 2015.
    """
    return pgd(
        model, images, labels, epsilon=epsilon, norm=norm, target=target, steps=1, rate=epsilon, random_start=False
    )


def pgd(
    model: ImageModel,
    images: Tensor,
    labels: Labels | None = None,
    *,
    epsilon: float = 8 / 255,
    norm: Norm = "Linf",
    target: Labels | None = None,
    steps: int = 10,
    rate: float | None = None,
    random_start: bool = True,
    restarts: int = 1,
    seed: int = 0,
) -> Attack:
    """Take many small steps, projected back after each.

    Parameters
    ----------
    model, images, labels, epsilon, norm, target
        As in `fgsm`.
    steps : int
    rate : float, optional
        Length of a step in [0, 1] pixels; ``2.5 * epsilon / steps`` by default.
    random_start : bool
        Begin anywhere within epsilon instead of at the picture.
    restarts : int
        Try so often; a picture keeps its first success.
    seed : int

    Raises
    ------
    TypeError, ValueError
        If the pictures are none, a number is out of range, or there is no such class.

    References
    ----------
    Madry et al., "Towards deep learning models resistant to adversarial attacks", ICLR 2018.
    """
    _check_epsilon(epsilon)
    checks.choice(norm, ("Linf", "L2"), "norm")
    steps = checks.integer(steps, 1, None, "steps")
    problem = _problem(model, images, labels, target)
    rate = 2.5 * epsilon / steps if rate is None else rate
    random, found = generator(seed), None
    for _ in range(checks.integer(restarts, 1, None, "restarts")):
        begin = problem.originals
        if random_start:
            begin = _anywhere(problem.originals, epsilon, norm, random)
        tried = problem.judged(_ascend(problem, begin, epsilon, norm, steps, rate))
        found = tried if found is None else _better(found, tried)
        if found.success.all():
            break
    assert found is not None
    return found


def _ascend(problem: _Problem, begin: Tensor, epsilon: float, norm: Norm, steps: int, rate: float) -> Tensor:
    images = begin
    low, high = _bounds(problem.originals, epsilon)
    with torch.enable_grad(), problem.model.running(images) as net:
        for _ in range(steps):
            way = _direction(problem.gradient(net, images), norm)
            moved = torch.add(images, way, alpha=rate)
            if norm == "Linf":
                images = torch.clamp(moved, low, high)
            else:
                images = project(moved, problem.originals, epsilon, norm)
    return images


def _anywhere(originals: Tensor, epsilon: float, norm: Norm, random: torch.Generator) -> Tensor:
    """Draw pictures evenly from all within epsilon."""
    return project(originals + noise(originals, epsilon, norm, random), originals, epsilon, norm)


def noise(like: Tensor, epsilon: float, norm: Norm, random: torch.Generator) -> Tensor:
    """Draw random changes: even in the cube (Linf), even in the ball (L2), shape as `like`."""
    shape = like.shape
    if norm == "Linf":
        drawn = (2 * torch.rand(shape, generator=random) - 1) * epsilon
        return drawn.to(like.device)
    drawn = torch.randn(shape, generator=random)
    numbers = drawn[0].numel()
    radius = torch.rand(len(drawn), generator=random) ** (1 / numbers)
    length: Tensor = drawn.flatten(1).norm(dim=1)
    return (epsilon * drawn * (radius / length).view(-1, 1, 1, 1)).to(like.device)


def _better(one: Attack, other: Attack) -> Attack:
    """Keep each picture's first success, or its last try."""
    keep = one.success
    rows = keep.view(-1, 1, 1, 1)
    return Attack(
        torch.where(rows, one.images, other.images), torch.where(keep, one.label, other.label), keep | other.success
    )


def random_noise(
    model: ImageModel,
    images: Tensor,
    labels: Labels | None = None,
    *,
    epsilon: float = 8 / 255,
    norm: Norm = "Linf",
    target: Labels | None = None,
    seed: int = 0,
) -> Attack:
    """Change every number of a picture by plus or minus epsilon, at random.

    Under L2 a random direction of length epsilon. What is left of an attack's success when it does
    not know the gradient.

    Parameters
    ----------
    model, images, labels, epsilon, norm, target
        As in `fgsm`.
    seed : int

    Raises
    ------
    TypeError, ValueError
        If the pictures are none, epsilon is negative, or there is no such class.
    """
    _check_epsilon(epsilon)
    problem = _problem(model, images, labels, target)
    drawn = torch.randn(images.shape, generator=generator(seed)).to(problem.originals.device)
    moved = problem.originals + epsilon * _direction(drawn, norm)
    return problem.judged(project(moved, problem.originals, epsilon, norm))


def deepfool(
    model: ImageModel,
    images: Tensor,
    labels: Labels | None = None,
    *,
    candidates: int = 10,
    steps: int = 50,
    overshoot: float = 0.02,
) -> Attack:
    """Walk to the nearest boundary, taking the net for linear at every step.

    Parameters
    ----------
    model, images, labels
        As in `fgsm`.
    candidates : int
        The most probable classes, whose boundaries are tried.
    steps : int
        At most.
    overshoot : float
        Share by which the whole way is made longer, to end behind the boundary.

    Raises
    ------
    TypeError, ValueError
        If the pictures are none, a number is out of range, or there is no such class.

    References
    ----------
    Moosavi-Dezfooli, Fawzi & Frossard, "DeepFool", CVPR 2016: Algorithm 2.
    """
    candidates = checks.integer(candidates, 2, None, "candidates")
    steps = checks.integer(steps, 1, None, "steps")
    problem = _problem(model, images, labels, None)
    originals, way = problem.originals, torch.zeros_like(problem.originals)
    walked = originals.clone()
    order = None
    for _ in range(steps):
        with torch.enable_grad(), model.running(walked) as net:
            pixels = walked.detach().requires_grad_()
            logits = net(model.normalize(pixels))
            if order is None:
                others = logits.detach().argsort(1, descending=True)
                order = others[:, : min(candidates, logits.shape[1])]
            alive = logits.argmax(1) == problem.labels
            if not alive.any():
                break
            step = _to_boundary(logits, pixels, problem.labels, order)
        way = torch.where(alive.view(-1, 1, 1, 1), way + step, way)
        moved = (originals + (1 + overshoot) * way).clamp(0, 1)
        walked = torch.where(alive.view(-1, 1, 1, 1), moved, walked)
    return problem.judged(walked)


def _to_boundary(logits: Tensor, pixels: Tensor, labels: Tensor, order: Tensor) -> Tensor:
    """Return the shortest step to a boundary of the linearized net, shape (N, 3, H, W)."""
    rows = torch.arange(len(logits), device=logits.device)
    own = logits[rows, labels]
    best: tuple[Tensor, Tensor] | None = None
    for column in order.T:
        difference = logits[rows, column] - own
        (slope,) = torch.autograd.grad(difference.sum(), pixels, retain_graph=True)
        length = slope.flatten(1).norm(dim=1)
        distance = difference.detach().abs() / (length + 1e-8)
        distance = distance.masked_fill(column == labels, math.inf)
        # A little further than the boundary, on which the answer would be a draw.
        step = slope * ((distance + 1e-4) / (length + 1e-8)).view(-1, 1, 1, 1)
        if best is None:
            best = distance, step
        else:
            nearer = (distance < best[0]).view(-1, 1, 1, 1)
            best = torch.minimum(distance, best[0]), torch.where(nearer, step, best[1])
    assert best is not None
    return best[1]


def lbfgs(
    model: ImageModel, image: Tensor, target: int | str, *, steps: int = 60, search: int = 6, cost: float = 1.0
) -> Attack:
    """Find the smallest change that gives one picture a wanted label, by L-BFGS in the box.

    ``min_r c * ||r||^2 + loss(x + r, target)`` with ``x + r`` in [0, 1], for the largest ``c`` that
    still succeeds, found by halving.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    target : int or str
    steps : int
        Of L-BFGS, for each c.
    search : int
        Number of values of c.
    cost : float
        The first c.

    Raises
    ------
    TypeError, ValueError
        If the picture is none, a number is out of range, or there is no such class.

    References
    ----------
    Szegedy et al., "Intriguing properties of neural networks", ICLR 2014, sec. 4.1.
    """
    checks.image(image)
    problem = _problem(model, image[None], None, target)
    found, low, high = None, 0.0, math.inf
    for _ in range(checks.integer(search, 1, None, "search")):
        tried = problem.judged(_boxed(problem, image, cost, steps))
        if bool(tried.success[0]):
            found, low = tried, cost
        else:
            high = cost
        cost = 2 * cost if math.isinf(high) else (low + high) / 2
    return found if found is not None else tried


@dataclass(frozen=True)
class LbfgsStep(Step):
    """What L-BFGS finds at each c so far, the largest first.

    Parameters
    ----------
    cost : Tensor, shape (n,)
        The c of each picture.
    images : Tensor, shape (n, 3, H, W), RGB in [0, 1]
    length : Tensor, shape (n,)
        Euclidean length of each change.
    probability : Tensor, shape (n,)
        Of the wanted label.
    success : Tensor, bool, shape (n,)
        Whether the wanted label is the answer.
    """

    cost: Tensor
    images: Tensor
    length: Tensor
    probability: Tensor
    success: Tensor


@step_method()
def lbfgs_steps(
    model: ImageModel,
    image: Tensor,
    target: int | str,
    costs: Sequence[float] = (4.0, 1.0, 0.25, 0.0625, 0.015625),
    *,
    steps: int = 60,
    resume: LbfgsStep | None = None,
) -> Iterator[LbfgsStep]:
    """Look for a change that gives one picture a wanted label, at several prices of its length.

    Minimizes ``c * ||r||^2 + loss(x + r, target)`` with ``x + r`` in [0, 1], one c after the other.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    target : int or str
    costs : sequence of float
        The values of c.
    steps : int
        Of L-BFGS, for each c.
    resume : LbfgsStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If the picture is none, a number is out of range, or there is no such class.

    References
    ----------
    Szegedy et al., "Intriguing properties of neural networks", ICLR 2014, sec. 4.1.
    """
    checks.image(image)
    steps = checks.integer(steps, 1, None, "steps")
    if not all(cost >= 0 for cost in costs):
        raise ValueError(f"costs must be 0 or more, got {list(costs)}")
    problem = _problem(model, image[None], None, target)
    wanted = int(problem.towards[0])
    found = [] if resume is None else list(resume.images.clone())
    for cost in costs[len(found) :]:
        found.append(_boxed(problem, image, cost, steps)[0].cpu())
        images = torch.stack(found)
        with torch.no_grad():
            shares = model.probabilities(images).cpu()
        yield LbfgsStep(
            len(found),
            len(costs),
            torch.tensor(costs[: len(found)]),
            images,
            (images - image.cpu()).flatten(1).norm(dim=1),
            shares[:, wanted],
            shares.argmax(1) == wanted,
        )


def _boxed(problem: _Problem, image: Tensor, cost: float, steps: int) -> Tensor:
    start = problem.originals[0].double().cpu().numpy().ravel()
    model, target = problem.model, problem.towards

    def value(flat: np.ndarray) -> tuple[float, np.ndarray]:
        pixels = torch.from_numpy(flat).to(model.dtype).view(1, *image.shape).to(model.device)
        pixels.requires_grad_()
        with torch.enable_grad(), model.running(pixels) as net:
            loss = F.cross_entropy(net(model.normalize(pixels)), target)
            (slope,) = torch.autograd.grad(loss, pixels)
        change = flat - start
        total = float(loss.detach()) + cost * float(change @ change)
        return total, slope.double().cpu().numpy().ravel() + 2 * cost * change

    found = minimize(
        value, start, jac=True, method="L-BFGS-B", bounds=[(0.0, 1.0)] * len(start), options={"maxiter": steps}
    )
    moved = torch.from_numpy(found.x).to(problem.originals.dtype).view(1, *image.shape)
    return moved.clamp(0, 1).to(model.device)


#: Attacks that take an epsilon, by name.
ATTACKS: dict[str, Callable[..., Attack]] = {"FGSM": fgsm, "PGD": pgd, "random noise": random_noise}


def success_rates(
    model: ImageModel,
    images: Tensor,
    epsilons: Sequence[float],
    attack: str = "PGD",
    *,
    norm: Norm = "Linf",
    batch_size: int = 50,
) -> list[float]:
    """Return the share of pictures whose answer an attack changes, for each epsilon.

    Parameters
    ----------
    model : ImageModel
    images : Tensor, shape (N, 3, H, W), RGB in [0, 1]
        The net's own answers are taken for true.
    epsilons : sequence of float
        In [0, 1] pixels.
    attack : str
        A key of `ATTACKS`.
    norm : {"Linf", "L2"}
    batch_size : int

    Raises
    ------
    ValueError
        If there is no such attack.
    """
    run = ATTACKS[checks.choice(attack, ATTACKS, "attack")]
    return [
        float(
            torch.cat([run(model, batch, epsilon=epsilon, norm=norm).success for batch in images.split(batch_size)])
            .float()
            .mean()
        )
        for epsilon in epsilons
    ]
