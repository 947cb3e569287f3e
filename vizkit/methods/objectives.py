"""What a picture can be made to excite: a class, a channel, a neuron, a layer, or a mixture."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.hooks import OpenReLU, capture, forward_to_all
from vizkit.core.models import ImageModel
from vizkit.methods.activations import as_maps
from vizkit.methods.gradients import Unit

__all__ = ["Channel", "Mixture", "WholeLayer"]


@dataclass(frozen=True)
class Channel:
    """The mean of one channel over its map.

    Parameters
    ----------
    layer : str
    channel : int
    """

    layer: str
    channel: int


@dataclass(frozen=True)
class WholeLayer:
    """Half the mean square of everything in a layer: DeepDream's objective.

    Parameters
    ----------
    layer : str
    """

    layer: str


@dataclass(frozen=True)
class Mixture:
    """A weighted sum of objectives; a negative weight asks for less of one.

    Parameters
    ----------
    parts : tuple of (float, Objective)
    """

    parts: "tuple[tuple[float, Objective], ...]"


#: A class by index or label (its logit), a neuron (in the middle by default), or one of the above.
Objective = int | str | Unit | Channel | WholeLayer | Mixture


class Aim:
    """One objective for each picture of a batch, ready to be scored.

    Parameters
    ----------
    model : ImageModel
    objectives : sequence of Objective

    Raises
    ------
    TypeError, ValueError
        If there is no such class, layer, channel or place.
    """

    def __init__(self, model: ImageModel, objectives: Sequence[Objective]) -> None:
        if not objectives:
            raise ValueError("objectives must be one or more, got none")
        self.model = model
        self.parts = [_parts(model, one) for one in objectives]
        self.layers = sorted({layer for parts in self.parts for _, layer, *_ in parts})

    def __len__(self) -> int:
        return len(self.parts)

    def scores(self, net: nn.Module, pixels: Tensor, opened: Tensor | None = None) -> Tensor:
        """Score each picture with its own objective, shape (N,).

        A batch of several views of the pictures, all pictures in the first view first, is scored
        view by view in the same order.

        Parameters
        ----------
        net : nn.Module
            The model's, in evaluation mode.
        pixels : Tensor, shape (N, 3, H, W), or (views * N, 3, H, W)
        opened : Tensor, bool, shape (N,), optional
            For which pictures the last ReLU before the objective lets every gradient pass.
        """
        if opened is not None and opened.any():
            with OpenReLU() as counter, torch.no_grad():
                self._outputs(net, pixels[:1].detach())
            rows = opened.repeat(len(pixels) // len(self)).to(self.model.device)
            with OpenReLU(counter.count, rows):
                outputs = self._outputs(net, pixels)
        else:
            outputs = self._outputs(net, pixels)
        return self._weighed(outputs)

    def _outputs(self, net: nn.Module, pixels: Tensor) -> dict[str, Tensor]:
        inputs = self.model.normalize(pixels)
        if "" not in self.layers:  # the rest of the net is not needed
            return forward_to_all(net, inputs, self.layers)
        wanted = [layer for layer in self.layers if layer]
        with capture(net, wanted) as found:
            logits = net(inputs)
        return {**found, "": logits}

    @cached_property
    def _alike(self) -> bool:
        """Whether every picture asks for one channel of the same layer, or one class."""
        first = self.parts[0][0]
        return all(
            len(parts) == 1 and parts[0][:2] == first[:2] and parts[0][3] == first[3] == "mean" for parts in self.parts
        )

    def _weighed(self, outputs: dict[str, Tensor]) -> Tensor:
        if self._alike:  # all at once: hundreds of channels are one gather
            _, layer, _, _ = self.parts[0][0]
            maps = as_maps(outputs[layer])
            channels = torch.tensor([parts[0][2] for parts in self.parts], device=maps.device)
            rows = torch.arange(len(maps), device=maps.device)
            channels = channels.repeat(len(maps) // len(self))
            return self.parts[0][0][0] * maps[rows, channels].mean((1, 2))
        found = []
        for row in range(len(next(iter(outputs.values())))):
            parts = self.parts[row % len(self)]
            found.append(
                sum(
                    weight * _score(as_maps(outputs[layer][row : row + 1])[0], channel, place)
                    for weight, layer, channel, place in parts
                )
            )
        return torch.stack(found)  # type: ignore[arg-type]


Place = str | tuple[int | None, int | None]
Part = tuple[float, str, int | None, Place]


def _parts(model: ImageModel, objective: Objective) -> list[Part]:
    """Write an objective as a sum of (weight, layer, channel, place); layer "" is the logits."""
    if isinstance(objective, Mixture):
        if not objective.parts:
            raise ValueError("a Mixture must have one part or more, got none")
        return [
            (weight * inner, layer, channel, place)
            for weight, part in objective.parts
            for inner, layer, channel, place in _parts(model, part)
        ]
    if isinstance(objective, WholeLayer):
        return [(1.0, model.layer(objective.layer).name, None, "all")]
    if isinstance(objective, Channel | Unit):
        layer = model.layer(objective.layer)
        channel = checks.integer(objective.channel, 0, layer.shape[0] - 1, "channel")
        if isinstance(objective, Channel):
            return [(1.0, layer.name, channel, "mean")]
        return [(1.0, layer.name, channel, (objective.row, objective.column))]
    return [(1.0, "", model.label_index(objective), "mean")]


def _score(maps: Tensor, channel: int | None, place: Place) -> Tensor:
    """Score the maps (C, H, W) of one picture."""
    if channel is None:
        return maps.square().mean() / 2
    one = maps[channel]
    if isinstance(place, str):
        return one.mean()
    row, column = (
        length // 2 if at is None else checks.integer(at, 0, length - 1, what)
        for at, length, what in zip(place, one.shape, ("row", "column"), strict=True)
    )
    return one[row, column]
