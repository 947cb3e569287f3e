"""The adversarial patch: a sticker that wins wherever it is put."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core import checks
from vizkit.core.memory import recall, remember
from vizkit.core.models import ImageModel
from vizkit.core.seeds import generator, step_seed
from vizkit.core.steps import Step, step_method

__all__ = ["PatchStep", "paste_patch", "patch_steps", "patch_success"]


@dataclass(frozen=True)
class PatchStep(Step):
    """A patch in training.

    Parameters
    ----------
    patch : Tensor, shape (3, s, s), RGB in [0, 1]
        Only the disk in it is pasted.
    success : float
        Share of this step's placements that the net calls the target.
    memory : dict
        What the next step needs; for `resume`.
    """

    patch: Tensor
    success: float
    memory: dict[str, Any]


@dataclass(frozen=True)
class Placements:
    """Where and how a patch is pasted, one for each picture.

    Parameters
    ----------
    x, y : Tensor, shape (N,)
        The middle of the patch as a share of the picture's width and height.
    scale : Tensor, shape (N,)
        The patch's side as a share of the picture's shorter side.
    angle : Tensor, shape (N,)
        In degrees, counterclockwise.
    """

    x: Tensor
    y: Tensor
    scale: Tensor
    angle: Tensor


def random_placements(
    count: int, *, scale: tuple[float, float] = (0.1, 1.0), degrees: float = 22.5, seed: int = 0
) -> Placements:
    """Draw placements evenly: any place that holds the whole patch, any scale, any small turn."""
    random = generator(seed)
    shares = torch.rand(4, count, generator=random)
    size = scale[0] + (scale[1] - scale[0]) * shares[0]
    free = 1 - size
    x, y = (size / 2 + free * share for share in shares[1:3])
    return Placements(x, y, size, degrees * (2 * shares[3] - 1))


def paste_patch(images: Tensor, patch: Tensor, placements: Placements) -> Tensor:
    """Paste the disk of a patch onto pictures, differentiable in the patch.

    Parameters
    ----------
    images : Tensor, shape (N, 3, H, W), RGB in [0, 1]
    patch : Tensor, shape (3, s, s), RGB in [0, 1]
    placements : Placements
        Of N.

    Returns
    -------
    Tensor, shape (N, 3, H, W)
    """
    count, _, height, width = images.shape
    side = min(height, width)
    angle = placements.angle * math.pi / 180
    # From the picture's pixels to the patch's: both from -1 to 1.
    ratio = torch.stack([width / side / placements.scale, height / side / placements.scale])
    across, down = 2 * placements.x - 1, 2 * placements.y - 1
    matrix = torch.stack(
        [
            angle.cos() * ratio[0],
            -angle.sin() * ratio[1],
            -angle.cos() * ratio[0] * across + angle.sin() * ratio[1] * down,
            angle.sin() * ratio[0],
            angle.cos() * ratio[1],
            -angle.sin() * ratio[0] * across - angle.cos() * ratio[1] * down,
        ],
        1,
    ).view(count, 2, 3)
    grid = F.affine_grid(matrix.to(images.device), list(images.shape), align_corners=False)
    patches = patch.to(images.device).expand(count, -1, -1, -1)
    seen = F.grid_sample(patches, grid, padding_mode="border", align_corners=False)
    disk = (grid.square().sum(-1) <= 1)[:, None]
    return torch.where(disk, seen, images)


@step_method(live={"steps"})
def patch_steps(
    model: ImageModel,
    images: Tensor,
    target: int | str,
    *,
    size: int = 48,
    scale: tuple[float, float] = (0.1, 1.0),
    degrees: float = 22.5,
    steps: int = 200,
    batch_size: int = 16,
    rate: float = 0.05,
    seed: int = 0,
    resume: PatchStep | None = None,
) -> Iterator[PatchStep]:
    """Train a round patch over pictures, places, scales and turns.

    ``argmax_p E[log P(target | A(p, x, place, scale, angle))]``.

    Parameters
    ----------
    model : ImageModel
    images : Tensor, shape (N, 3, H, W), RGB in [0, 1]
        To practice on.
    target : int or str
    size : int
        Side of the patch in its own pixels.
    scale : (float, float)
        Smallest and largest side, as a share of the picture's.
    degrees : float
        Largest turn to either side.
    steps, batch_size : int
    rate : float
        Of Adam, on the logits of the patch's pixels.
    seed : int
    resume : PatchStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If the pictures are none, a number is out of range, or there is no such class.

    References
    ----------
    Brown et al., "Adversarial patch", 2017.
    """
    checks.images(images)
    index = model.label_index(target)
    size = checks.integer(size, 8, 512, "size")
    steps = checks.integer(steps, 1, None, "steps")
    if not 0 < scale[0] <= scale[1] <= 1:
        raise ValueError(f"scale must be two shares, 0 < low <= high <= 1, got {scale}")
    values = 0.1 * torch.randn(3, size, size, generator=generator(seed))
    values = values.to(model.device).requires_grad_()
    descent = torch.optim.Adam([values], lr=rate)
    if resume is not None:
        values.data.copy_(resume.memory["values"])
        recall(descent, resume.memory["optimizer"])
    for number in range(resume.index if resume else 0, steps):
        random = generator(step_seed(seed, number))
        rows = torch.randint(len(images), (batch_size,), generator=random)
        placements = random_placements(batch_size, scale=scale, degrees=degrees, seed=step_seed(seed, number))
        batch = images[rows].to(model.device)
        with torch.enable_grad(), model.running(batch) as net:
            pasted = paste_patch(batch, values.sigmoid(), placements)
            logits = net(model.normalize(pasted))
            wanted = torch.full((batch_size,), index, device=logits.device)
            (values.grad,) = torch.autograd.grad(F.cross_entropy(logits, wanted), values)
        success = float((logits.detach().argmax(1) == index).float().mean())
        descent.step()
        memory = {"values": values.detach().clone(), "optimizer": remember(descent)}
        yield PatchStep(number + 1, steps, values.detach().sigmoid().cpu(), success, memory)


def patch_success(
    model: ImageModel, images: Tensor, patch: Tensor, target: int | str, placements: Placements
) -> Tensor:
    """Return for which placements the net answers the target, bool, shape (N,).

    Parameters
    ----------
    model : ImageModel
    images : Tensor, shape (N, 3, H, W), RGB in [0, 1]
    patch : Tensor, shape (3, s, s), RGB in [0, 1]
    target : int or str
    placements : Placements
    """
    index = model.label_index(target)
    pasted = paste_patch(images.to(model.device), patch, placements)
    with torch.no_grad(), model.running(pasted) as net:
        found: Tensor = net(model.normalize(pasted)).argmax(1).cpu() == index
    return found
