"""A linear softmax on photos: one weight for each pixel and class, the simplest network there is."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from vizkit.core.seeds import fresh_weights, generator
from vizkit.methods.linear_photos import SIDE, WEIGHTS
from vizkit.training.tiny_imagenet import LabeledImages

EPOCHS = 12
RATE = 1e-3
#: Share by which weights shrink at each of the first steps: without it they are noise that overfits.
WEIGHT_DECAY = 1e-3


@dataclass(frozen=True)
class Epoch:
    """The classifier behind a pass over the pictures.

    Parameters
    ----------
    index : int
    net : nn.Linear
    loss : float
    """

    index: int
    net: nn.Linear
    loss: float


def small(images: Tensor) -> Tensor:
    """Return pictures as the classifier sees them: SIDE x SIDE numbers of each color in [-1, 1], in a row."""
    parts = [F.interpolate(part.float() / 127.5 - 1, (SIDE, SIDE), mode="area") for part in images.split(5000)]
    return torch.cat(parts).flatten(1)


def train_linear(data: LabeledImages, *, epochs: int = EPOCHS, seed: int = 0) -> Iterator[Epoch]:
    """Train by AdamW from zeros, the rate falling to nothing."""
    pixels, random = small(data.images), generator(seed)
    with fresh_weights(seed):
        net = nn.Linear(pixels.shape[1], len(data.names))
    nn.init.zeros_(net.weight)
    nn.init.zeros_(net.bias)
    batches = -(-len(pixels) // 500)
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY / RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * batches)
    for index in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(pixels), generator=random).split(500):
            loss = F.cross_entropy(net(pixels[rows]), data.labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(rows)
        yield Epoch(index + 1, net, total / len(pixels))


def linear_accuracy(net: nn.Linear, data: LabeledImages) -> float:
    """Return the share of pictures whose class is answered first."""
    with torch.no_grad():
        return float((net(small(data.images)).argmax(1) == data.labels).float().mean())


def save_linear(net: nn.Linear, path: Path = WEIGHTS) -> None:
    """Write the weights in float16."""
    save_file({key: value.detach().half().contiguous() for key, value in net.state_dict().items()}, path)
