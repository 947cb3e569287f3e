"""The recipes of the bundled detectors: scenes of one to five things, drawn for the purpose; up to an hour each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from joblib import Parallel, delayed
from safetensors.torch import save_file
from torch import Tensor, nn

from vizkit.core.detectors import DETECTORS, NETS, SIZE, CropNet, GridNet, RegionNet, start_trunk
from vizkit.core.models import load_model
from vizkit.core.scenes import Crowds, make_crowds
from vizkit.core.seeds import fresh_weights, generator
from vizkit.core.steps import Step
from vizkit.methods.average_precision import Boxes
from vizkit.methods.crops import crop_loss
from vizkit.methods.two_stage import two_stage_loss
from vizkit.methods.yolo import yolo_loss
from vizkit.training.export import write_hashes
from vizkit.training.viznet import save_state

#: Scenes to draw, scenes of a batch, passes over all, and highest rate of the one-cycle schedule.
COUNT, BATCH = 20_000, 16
EPOCHS = {"regions": 4, "grid": 7, "crops": 1}
RATE = 1e-3
#: Scenes that one worker draws at a time.
_PART = 500

Losses = Callable[[nn.Module, Tensor, Sequence[Boxes], torch.Generator], dict[str, Tensor]]


def crowds(count: int, *, size: int = SIZE, unseen: bool = False, seed: int = 0) -> Crowds:
    """Draw many scenes on all cores: parts of 500, each with a seed of its own."""
    parts = [min(_PART, count - start) for start in range(0, count, _PART)]
    drawn = Parallel(n_jobs=-1)(
        delayed(make_crowds)(part, size=size, unseen=unseen, seed=1000 * seed + index)
        for index, part in enumerate(parts)
    )
    return Crowds(
        torch.cat([one.images for one in drawn]),
        *(tuple(thing for one in drawn for thing in getattr(one, name)) for name in ("labels", "masks", "boxes")),
    )


def truths(scenes: Crowds) -> list[Boxes]:
    """Return what is in each scene, in pixels."""
    return [Boxes(boxes, labels) for boxes, labels in zip(scenes.boxes, scenes.labels, strict=True)]


def _region_losses(
    net: RegionNet, images: Tensor, things: Sequence[Boxes], random: torch.Generator
) -> dict[str, Tensor]:
    return vars(two_stage_loss(net, images, things, random))


def _grid_losses(net: GridNet, images: Tensor, things: Sequence[Boxes], random: torch.Generator) -> dict[str, Tensor]:
    del random
    size = images.shape[3]
    return vars(yolo_loss(net(images), [Boxes(one.boxes / size, one.labels) for one in things]))


def _crop_losses(net: CropNet, images: Tensor, things: Sequence[Boxes], random: torch.Generator) -> dict[str, Tensor]:
    classes, offsets = crop_loss(net, images, things, random)
    return {"classes": classes, "offsets": offsets}


LOSSES: dict[str, Losses] = {"regions": _region_losses, "grid": _grid_losses, "crops": _crop_losses}  # type: ignore[dict-item]


@dataclass(frozen=True)
class DetectorStep(Step):
    """One mini-batch: the terms of its loss."""

    losses: dict[str, float]


class DetectorTrainer:
    """A resumable training run of one of the detectors.

    Parameters
    ----------
    name : {"regions", "grid", "crops"}
    scenes : Crowds
    epochs : int, optional
    seed : int
    """

    def __init__(self, name: str, scenes: Crowds, *, epochs: int | None = None, seed: int = 0) -> None:
        self.name, self.images, self.truths = name, scenes.images, truths(scenes)
        self.random = generator(seed)
        with fresh_weights(seed):
            self.net: nn.Module = NETS[name]()
        if isinstance(self.net, RegionNet | GridNet):
            start_trunk(self.net, load_model("viznet-small").net)
        self.net.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), RATE, weight_decay=0.01)
        self.per_epoch = len(self.images) // BATCH
        self.total = (epochs or EPOCHS[name]) * self.per_epoch
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, RATE, self.total, pct_start=0.15)
        self.done = 0

    def steps(self) -> Iterator[DetectorStep]:
        """Yield a step per mini-batch until the last epoch is done."""
        order = torch.empty(0, dtype=torch.int64)
        while self.done < self.total:
            if self.done % self.per_epoch == 0 or not len(order):
                order = torch.randperm(len(self.images), generator=self.random)
            rows = order[self.done % self.per_epoch * BATCH :][:BATCH]
            images, things = self._drawn(rows)
            losses = LOSSES[self.name](self.net, images, things, self.random)
            self.optimizer.zero_grad()
            torch.stack(list(losses.values())).sum().backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), 10.0)
            self.optimizer.step()
            self.schedule.step()
            self.done += 1
            yield DetectorStep(self.done, self.total, {key: float(one.detach()) for key, one in losses.items()})

    def _drawn(self, rows: Tensor) -> tuple[Tensor, list[Boxes]]:
        """Return scenes, each flipped or not and of another contrast and brightness."""
        images, things = self.images[rows].float() / 255, [self.truths[row] for row in rows]
        contrast, light, flip = torch.rand(3, len(rows), generator=self.random).view(3, -1, 1, 1, 1)
        images = ((images - 0.5) * (0.7 + 0.6 * contrast) + 0.4 + 0.2 * light).clamp(0, 1)
        flipped, size = flip.flatten() < 0.5, images.shape[3]
        images[flipped] = images[flipped].flip(-1)
        across = torch.tensor([-1.0, 1, -1, 1]), torch.tensor([float(size), 0, size, 0])
        return images, [
            Boxes((one.boxes * across[0] + across[1])[:, [2, 1, 0, 3]], one.labels) if turned else one
            for one, turned in zip(things, flipped.tolist(), strict=True)
        ]

    def save(self, path: Path) -> None:
        """Write the whole state."""
        state = {
            "done": self.done,
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "random": self.random.get_state(),
        }
        save_state(state, path)

    def resume(self, path: Path) -> None:
        """Continue from a file that `save` wrote; in the middle of an epoch its rest is drawn by lot anew."""
        state = torch.load(path, weights_only=True)
        self.done = state["done"]
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.random.set_state(state["random"])


def save_detector(name: str, net: nn.Module, folder: Path = DETECTORS) -> None:
    """Write a net's weights in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {key: value.half().contiguous() for key, value in net.state_dict().items()}
    save_file(state, folder / f"{name}.safetensors")
    if folder == DETECTORS:
        write_hashes()
