"""The recipes of the bundled networks: Tiny-ImageNet-200, about an hour each on two CPU cores."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizkit.core.hooks import forward_to
from vizkit.core.scenes import SHAPES, Scenes
from vizkit.core.steps import Step, Writer, logged
from vizkit.core.viznet import MEAN, STD, VizNet
from vizkit.training.tiny_imagenet import LabeledImages


@dataclass(frozen=True)
class Recipe:
    """Every number of the training run.

    Parameters
    ----------
    epochs, batch_size : int
    peak_lr : float
        Highest learning rate of the one-cycle schedule.
    weight_decay : float
        On weights of convolutions and of the linear layer only.
    label_smoothing : float
    sizes : tuple of (float, int)
        Side of the training pictures in pixels from a share of the run on: small pictures
        first cost half the time and lose nothing (progressive resizing).
    side : tuple of float
        Smallest and largest side of a random crop, as a share of the picture's.
    log_aspect : float
        A crop's aspect ratio lies in exp(+-log_aspect).
    attack_radius : float
        L2 length, in [0, 1] pixels, of the worst perturbation each picture is trained under;
        0 trains on the pictures as they are.
    width : float
        Factor on the net's channels.
    seed : int
    """

    epochs: int = 30
    batch_size: int = 128
    peak_lr: float = 0.2
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    sizes: tuple[tuple[float, int], ...] = ((0.0, 48), (0.4, 56), (0.6, 64))
    side: tuple[float, float] = (0.5, 1.05)
    log_aspect: float = 0.2
    attack_radius: float = 0.0
    width: float = 1.0
    seed: int = 0

    def size_at(self, progress: float) -> int:
        """Side of the training pictures, in pixels, when `progress` of the run is done."""
        return [size for start, size in self.sizes if progress >= start][-1]


#: Fine-tunes a trained viznet against small perturbations (Engstrom et al., "Adversarial
#: Robustness as a Prior for Learned Representations", 2019).
ROBUST = Recipe(epochs=8, peak_lr=0.06, sizes=((0.0, 64),), attack_radius=1.0)


#: The net that knows the scenes of ``vizkit.core.scenes``: minutes on two CPU cores.
SCENES = Recipe(epochs=12, peak_lr=0.1, sizes=((0.0, 64),), side=(0.8, 1.05), width=0.25, label_smoothing=0.05)

#: A net of half the channels and other initial weights, trained from scratch on the same pictures in another order:
#: what fools one of two strangers is tried on the other.
SMALL = Recipe(epochs=24, width=0.5, seed=1)


def labeled(scenes: Scenes) -> LabeledImages:
    """Return scenes as pictures with labels."""
    return LabeledImages(scenes.images, scenes.label, SHAPES, SHAPES)


@dataclass(frozen=True)
class TrainStep(Step):
    """One mini-batch: its loss, its accuracy and the learning rate used."""

    epoch: int
    loss: float
    accuracy: float
    lr: float


class Trainer:
    """A resumable training run: the net, its optimizer and the random state, kept together.

    Parameters
    ----------
    data : LabeledImages
    recipe : Recipe
    device : str or torch.device
    """

    def __init__(self, data: LabeledImages, recipe: Recipe, device: str | torch.device = "cpu") -> None:
        if len(data.labels) < recipe.batch_size:
            raise ValueError(f"{len(data.labels)} pictures are fewer than one batch of {recipe.batch_size}")
        self.data, self.recipe, self.device = data, recipe, torch.device(device)
        torch.manual_seed(recipe.seed)  # initial weights; restored from the checkpoint on resume
        net = VizNet(len(data.names), batch_norm=True, width=recipe.width)
        self.net: nn.Module = net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.random = torch.Generator().manual_seed(recipe.seed)
        weights = [p for p in self.net.parameters() if p.ndim > 1]
        others = [p for p in self.net.parameters() if p.ndim <= 1]
        groups: list[dict[str, Any]] = [{"params": weights, "weight_decay": recipe.weight_decay}, {"params": others}]
        self.optimizer = torch.optim.SGD(groups, lr=recipe.peak_lr, momentum=0.9, nesterov=True)
        self.per_epoch = len(data.labels) // recipe.batch_size
        self.total = recipe.epochs * self.per_epoch
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, recipe.peak_lr, self.total, pct_start=0.2, cycle_momentum=False
        )
        self.epoch = 0

    def steps(self, *, writer: Writer | None = None) -> Iterator[TrainStep]:
        """Yield one `TrainStep` per mini-batch until the recipe's last epoch is done.

        Parameters
        ----------
        writer : Writer, optional
            Takes the numbers of every step: torch's ``SummaryWriter``.
        """
        yield from logged(self._steps(), writer, "train")

    def _steps(self) -> Iterator[TrainStep]:
        while self.epoch < self.recipe.epochs:
            order = torch.randperm(len(self.data.labels), generator=self.random)
            for batch in range(self.per_epoch):
                rows = order[batch * self.recipe.batch_size :][: self.recipe.batch_size]
                index = self.epoch * self.per_epoch + batch
                loss, accuracy, lr = self._update(rows, index / self.total)
                if batch + 1 == self.per_epoch:
                    self.epoch += 1
                yield TrainStep(index + 1, self.total, self.epoch, loss, accuracy, lr)

    def _update(self, rows: Tensor, progress: float) -> tuple[float, float, float]:
        images = self.data.images[rows].to(self.device)
        labels = self.data.labels[rows].to(self.device)
        images = augment(images, self.recipe, self.recipe.size_at(progress), self.random)
        if self.recipe.attack_radius:
            images = self._attacked(images, labels)
        self.net.train()
        logits, loss = self._loss(images, labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        lr = float(self.schedule.get_last_lr()[0])
        self.schedule.step()
        accuracy = float((logits.argmax(1) == labels).float().mean())
        return float(loss), accuracy, lr

    def _loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        images = normalize(images).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16):
            logits = self.net(images)
        smoothing = self.recipe.label_smoothing
        return logits, F.cross_entropy(logits.float(), labels, label_smoothing=smoothing)

    def _attacked(self, images: Tensor, labels: Tensor) -> Tensor:
        """Move each picture one gradient step up its loss, from a random start, within the ball.

        The net is in evaluation mode meanwhile: the batch norm's statistics are the batch's own
        business.
        """
        radius = self.recipe.attack_radius
        noise = torch.randn(images.shape, generator=self.random).to(self.device)
        self.net.eval().requires_grad_(False)
        start = 0.5 * radius * unit_length(noise)
        found = ascend(lambda pixels: self._loss(pixels, labels)[1], images, start, radius, radius)
        self.net.requires_grad_(True)
        return (images + found).clamp(0, 1)

    def start_from(self, path: Path) -> None:
        """Take the weights of a finished run's checkpoint, of any recipe, and nothing else."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.net.load_state_dict(state["net"])

    def save(self, path: Path) -> None:
        """Write the whole state."""
        state = {
            "recipe": asdict(self.recipe),
            "epoch": self.epoch,
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "random": self.random.get_state(),
        }
        save_state(state, path)

    def resume(self, path: Path) -> None:
        """Continue from a file that `save` wrote.

        Raises
        ------
        ValueError
            If the file was written by another recipe.
        """
        state = torch.load(path, map_location=self.device, weights_only=True)
        if state["recipe"] != asdict(self.recipe):
            raise ValueError(f"{path} was written by the recipe {state['recipe']}, not this one")
        self.epoch = state["epoch"]
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.random.set_state(state["random"].cpu())


def save_state(state: Mapping[str, Any], path: Path) -> None:
    """Write a run's whole state, by way of a temporary file, so that a cut run loses nothing."""
    scratch = path.with_suffix(".tmp")
    torch.save(state, scratch)
    scratch.replace(path)


def unit_length(images: Tensor) -> Tensor:
    """Divide each picture of a batch by its L2 norm."""
    return F.normalize(images.flatten(1)).view_as(images)


def ascend(loss: Callable[[Tensor], Tensor], images: Tensor, delta: Tensor, step: float, radius: float) -> Tensor:
    """Move each picture's perturbation one step up the loss, within an L2 ball.

    Parameters
    ----------
    loss : callable
        Of the perturbed pictures: a scalar.
    images, delta : Tensor, shape (N, 3, H, W)
    step, radius : float
        Lengths in [0, 1] pixels.
    """
    pixels = (images + delta).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(pixels), pixels)
    delta = delta + step * unit_length(gradient)
    length = delta.flatten(1).norm(dim=1).clamp(min=1e-12)
    inside: Tensor = delta * (radius / length).clamp(max=1).view(-1, 1, 1, 1)
    return inside


def attacked_accuracy(
    net: nn.Module, data: LabeledImages, radius: float, *, count: int = 2000, steps: int = 10
) -> float:
    """Top-1 accuracy on the first `count` pictures, each under its worst L2 perturbation.

    Found by projected gradient ascent: `steps` steps of a quarter of the radius.
    """
    hits = 0.0
    for images, labels in zip(data.images[:count].split(250), data.labels[:count].split(250), strict=True):
        pixels = images.float() / 255

        def loss(perturbed: Tensor, labels: Tensor = labels) -> Tensor:
            return F.cross_entropy(net(normalize(perturbed)), labels, reduction="sum")

        delta = torch.zeros_like(pixels)
        for _ in range(steps):
            delta = ascend(loss, pixels, delta, radius / 4, radius)
        with torch.no_grad():
            logits = net(normalize((pixels + delta).clamp(0, 1)))
        hits += float((logits.argmax(1) == labels).sum())
    return hits / min(count, len(data.labels))


def normalize(images: Tensor) -> Tensor:
    """Subtract the mean and divide by the standard deviation of each color."""
    mean, std = (images.new_tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    return (images - mean) / std


def augment(images: Tensor, recipe: Recipe, size: int, random: torch.Generator) -> Tensor:
    """Crop and flip each picture of a batch at random and resize it, in one call.

    Parameters
    ----------
    images : Tensor, uint8, shape (N, 3, H, W)
    recipe : Recipe
    size : int
        Side of the returned pictures in pixels.
    random : torch.Generator

    Returns
    -------
    Tensor, float32, shape (N, 3, size, size), RGB in [0, 1]
    """
    u = torch.rand(5, len(images), generator=random)
    side = recipe.side[0] + (recipe.side[1] - recipe.side[0]) * u[0]
    stretch = torch.exp(recipe.log_aspect * (u[1] - 0.5))  # the root of the aspect ratio
    width, height = side * stretch, side / stretch
    theta = torch.zeros(len(images), 2, 3)
    theta[:, 0, 0] = torch.where(u[2] < 0.5, -width, width)
    theta[:, 1, 1] = height
    theta[:, 0, 2] = (1 - width).clamp(min=0) * (2 * u[3] - 1)
    theta[:, 1, 2] = (1 - height).clamp(min=0) * (2 * u[4] - 1)
    grid = F.affine_grid(theta.to(images.device), [len(images), 3, size, size], align_corners=False)
    pixels = images.float() / 255
    return F.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)


@torch.no_grad()
def accuracy(net: nn.Module, data: LabeledImages, batch_size: int = 250) -> tuple[float, float]:
    """Top-1 and top-5 accuracy, each in [0, 1], of a net on unchanged pictures."""
    device = next(net.parameters()).device
    hits = torch.zeros(2)
    for images, labels in zip(data.images.split(batch_size), data.labels.split(batch_size), strict=True):
        logits = net(normalize(images.to(device).float() / 255))
        right = logits.topk(min(5, logits.shape[1])).indices.cpu() == labels[:, None]
        hits += torch.stack([right[:, 0].sum(), right.any(1).sum()])
    top1, top5 = (hits / len(data.labels)).tolist()
    return top1, top5


@torch.no_grad()
def dead_channels(net: nn.Module, data: LabeledImages, batch_size: int = 250) -> int:
    """Count the channels of the first ReLU that no picture excites."""
    device = next(net.parameters()).device
    alive = torch.zeros(0)
    for images in data.images.split(batch_size):
        maps = forward_to(net, normalize(images.to(device).float() / 255), "relu1")
        strongest = maps.amax((0, 2, 3)).cpu()
        alive = torch.maximum(alive, strongest) if len(alive) else strongest
    return int((alive == 0).sum())
