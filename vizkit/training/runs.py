"""What a training run of a small net has: batches by lot, one cycle of rates, and a file to go on from."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from vizkit.core.seeds import generator
from vizkit.core.steps import Step
from vizkit.training.viznet import save_state


@dataclass(frozen=True)
class RunStep(Step):
    """One mini-batch: the terms of its loss."""

    losses: dict[str, float]


class Run(ABC):
    """A resumable run: a net, its optimizer and the random state, kept together.

    Parameters
    ----------
    net : nn.Module
    count : int
        Of what the batches are drawn from.
    batch, epochs : int
    rate, decay : float
        The highest rate of the one-cycle schedule, and AdamW's weight decay.
    seed : int
    """

    def __init__(
        self, net: nn.Module, count: int, *, batch: int, epochs: int, rate: float, decay: float, seed: int
    ) -> None:
        self.net = net.to(memory_format=torch.channels_last)
        self.random, self.count, self.batch = generator(seed), count, batch
        self.optimizer = torch.optim.AdamW(net.parameters(), rate, weight_decay=decay)
        self.per_epoch = count // batch
        self.total = epochs * self.per_epoch
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, rate, self.total, pct_start=0.15)
        self.done = 0

    @abstractmethod
    def losses(self, rows: Tensor) -> dict[str, Tensor]:
        """Return the terms of the loss on some of the pictures."""

    def steps(self) -> Iterator[RunStep]:
        """Yield a step per mini-batch until the last epoch is done."""
        order = torch.empty(0, dtype=torch.int64)
        while self.done < self.total:
            if self.done % self.per_epoch == 0 or not len(order):
                order = torch.randperm(self.count, generator=self.random)
            self.net.train()
            losses = self.losses(order[self.done % self.per_epoch * self.batch :][: self.batch])
            self.optimizer.zero_grad()
            torch.stack(list(losses.values())).sum().backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), 10.0)
            self.optimizer.step()
            self.schedule.step()
            self.done += 1
            yield RunStep(self.done, self.total, {name: float(one.detach()) for name, one in losses.items()})

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
