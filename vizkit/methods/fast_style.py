"""Fast neural style: a small net is trained once for a style, then repaints any picture at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.data import PatchPool, cut_patches
from vizkit.core.memory import recall, remember
from vizkit.core.models import ImageModel
from vizkit.core.seeds import fresh_weights, generator, step_seed
from vizkit.core.steps import Step, step_method
from vizkit.core.stylenet import StyleNet, from_state
from vizkit.methods.style import StyleLayers, Targets, content_targets_of, style_layers, style_losses, style_targets

__all__ = ["FastStyleStep", "train_fast_style_steps"]

#: Number of practice pictures.
PRACTICE = 1500


@dataclass(frozen=True)
class FastStyleStep(Step):
    """A style net in training.

    Parameters
    ----------
    loss : float
        Of this step's pictures.
    memory : dict
        The net's and the optimizer's state; for `net` and `resume`.
    """

    loss: float
    memory: dict[str, Any]

    def net(self) -> StyleNet:
        """Return the net as it was at this step."""
        return from_state(self.memory["net"])


@step_method(live={"alpha", "beta", "tv"})
def train_fast_style_steps(
    model: ImageModel,
    style: Tensor,
    *,
    pool: PatchPool | None = None,
    layers: StyleLayers | None = None,
    alpha: float = 1.5,
    beta: float = 5.0,
    tv: float = 2.0,
    steps: int = 600,
    batch_size: int = 4,
    size: int = 128,
    rate: float = 4e-3,
    width: int = 12,
    seed: int = 0,
    resume: FastStyleStep | None = None,
) -> Iterator[FastStyleStep]:
    """Train a `StyleNet` to paint in the style of one picture.

    The loss is that of `vizkit.methods.style.style_steps`, but what moves is the net's weights:
    no picture is optimized any more when one is repainted.

    Parameters
    ----------
    model : ImageModel
        Whose layers judge content and style.
    style : Tensor, shape (3, H, W), RGB in [0, 1]
    pool : PatchPool, optional
        Pictures to practice on; patches of the bundled ones by default.
    layers : StyleLayers, optional
        `style_layers` of the net by default, the content also at a lower one of them: the net has
        never seen the picture and must learn to keep its edges.
    alpha, beta, tv : float
        As in `style_steps`.
    steps, batch_size : int
    size : int
        Side of the practice pictures in pixels.
    rate : float
        Highest learning rate; it rises for a tenth of the steps and falls as a cosine.
    width : int
        Of the net.
    seed : int
    resume : FastStyleStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If a picture is none, there is no such layer, or a number is out of range.

    References
    ----------
    Johnson, Alahi & Fei-Fei, ECCV 2016.
    """
    steps = checks.integer(steps, 1, None, "steps")
    batch_size = checks.integer(batch_size, 1, None, "batch_size")
    layers = layers or _practice_layers(model)
    wanted = style_targets(model, style, layers.style)
    size = checks.integer(size, 32, 512, "size")
    pool = pool or cut_patches(count=PRACTICE, size=size)
    with fresh_weights(seed):
        net = StyleNet(width).to(model.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    descent = torch.optim.Adam(net.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(descent, rate, total_steps=steps, pct_start=0.1)
    begun = 0
    if resume is not None:
        begun = resume.index
        net.load_state_dict(resume.memory["net"])
        recall(descent, resume.memory["optimizer"])
        schedule.load_state_dict(resume.memory["schedule"])
    for index in range(begun, steps):
        random = generator(step_seed(seed, index))
        rows = torch.randint(len(pool.patches), (batch_size,), generator=random)
        pixels = (pool.patches[rows].float() / 255).to(model.device)
        if index % 2:
            pixels = pixels.flip(3)
        loss = _practice(model, net, pixels, wanted, layers, descent, (alpha, beta, tv))
        schedule.step()
        memory = {
            "net": {key: value.detach().cpu().clone() for key, value in net.state_dict().items()},
            "optimizer": remember(descent),
            "schedule": schedule.state_dict(),
        }
        yield FastStyleStep(index + 1, steps, loss, memory)


def _practice_layers(model: ImageModel) -> StyleLayers:
    found = style_layers(model)
    lower = found.style[len(found.style) // 2 - 1]
    return StyleLayers((*found.content, lower), found.style)


def _practice(
    model: ImageModel,
    net: StyleNet,
    pixels: Tensor,
    style: dict[str, Tensor],
    layers: StyleLayers,
    descent: torch.optim.Optimizer,
    weights: tuple[float, float, float],
) -> float:
    """Repaint some pictures, judge them, and move the weights."""
    targets = Targets(content_targets_of(model, pixels, layers.content), style)
    with torch.enable_grad(), model.running(pixels) as judge:
        painted = net(pixels.contiguous(memory_format=torch.channels_last))
        loss = style_losses(model, judge, painted, targets).weighted(*weights)
        gradients = torch.autograd.grad(loss, list(net.parameters()))
    for parameter, gradient in zip(net.parameters(), gradients, strict=True):
        parameter.grad = gradient
    descent.step()
    return float(loss.detach())
