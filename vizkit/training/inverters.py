"""The recipe of the bundled inverters: from a layer of viznet back to the picture, by the pixels' squared error."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from vizkit.core.hooks import forward_to_all
from vizkit.core.inverters import INVERTERS, PLACES, Inverter
from vizkit.core.models import ImageModel
from vizkit.core.seeds import fresh_weights, generator
from vizkit.core.steps import Step
from vizkit.methods.inversion import code_error, layer_code, psnr
from vizkit.training.export import write_hashes
from vizkit.training.tiny_imagenet import LabeledImages
from vizkit.training.viznet import save_state

EPOCHS = 3
BATCH = 250
RATE = 2e-3


@dataclass(frozen=True)
class InverterStep(Step):
    """One mini-batch: each layer's mean squared error of a pixel's color."""

    loss: dict[str, float]


class InverterTrainer:
    """Trains one inverter of each layer on the same batches, so that the network is asked once.

    Parameters
    ----------
    model : ImageModel
        viznet.
    data : LabeledImages
    epochs : int
    seed : int
    device : str
    """

    def __init__(
        self, model: ImageModel, data: LabeledImages, *, epochs: int = EPOCHS, seed: int = 0, device: str = "cpu"
    ) -> None:
        self.model, self.data, self.device = model, data, torch.device(device)
        self.random = generator(seed)
        with fresh_weights(seed):
            nets = {layer: Inverter(*place) for layer, place in PLACES.items()}
        self.nets = nn.ModuleDict(nets).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for layer, code in self._codes(self._pictures(torch.arange(min(1000, len(data.labels))))).items():
            nets[layer].scale.copy_(code.square().mean().sqrt())
        self.optimizer = torch.optim.Adam(self.nets.parameters(), lr=RATE)
        self.per_epoch = max(1, len(data.labels) // BATCH)
        self.total = epochs * self.per_epoch
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, RATE, self.total, pct_start=0.1)
        self.done = 0

    def steps(self) -> Iterator[InverterStep]:
        """Yield one `InverterStep` per mini-batch until the last epoch is done."""
        order = torch.empty(0, dtype=torch.int64)
        while self.done < self.total:
            if self.done % self.per_epoch == 0 or not len(order):
                order = torch.randperm(len(self.data.labels), generator=self.random)
            rows = order[self.done % self.per_epoch * BATCH :][:BATCH]
            losses = self._update(self._pictures(rows))
            self.done += 1
            yield InverterStep(self.done, self.total, losses)

    def _pictures(self, rows: Tensor) -> Tensor:
        images = self.data.images[rows].to(self.device).float() / 255
        flipped = torch.rand(len(rows), generator=self.random) < 0.5
        images[flipped] = images[flipped].flip(-1)
        return images

    @torch.no_grad()
    def _codes(self, images: Tensor) -> dict[str, Tensor]:
        """Return the code of each layer."""
        with self.model.running(images) as net, self._half():
            inputs = self.model.normalize(images).contiguous(memory_format=torch.channels_last)
            return {layer: code.float() for layer, code in forward_to_all(net, inputs, PLACES).items()}

    def _half(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16)

    def _update(self, images: Tensor) -> dict[str, float]:
        losses = {}
        for layer, code in self._codes(images).items():
            with self._half():
                drawn = self.nets[layer](code)
            losses[layer] = (drawn.float() - images).square().mean()
        self.optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        self.optimizer.step()
        self.schedule.step()
        return {layer: float(loss.detach()) for layer, loss in losses.items()}

    def save(self, path: Path) -> None:
        """Write the whole state."""
        state = {
            "done": self.done,
            "nets": self.nets.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "random": self.random.get_state(),
        }
        save_state(state, path)

    def resume(self, path: Path) -> None:
        """Continue from a file that `save` wrote; in the middle of an epoch its rest is drawn by lot anew."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.done = state["done"]
        self.nets.load_state_dict(state["nets"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.random.set_state(state["random"].cpu())


def save_inverters(nets: nn.ModuleDict, folder: Path = INVERTERS) -> None:
    """Write each net's weights in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    for layer, net in nets.items():
        state = {key: value.half().contiguous() for key, value in net.state_dict().items()}
        save_file(state, folder / f"{layer}.safetensors")
    if folder == INVERTERS:
        write_hashes()


@torch.no_grad()
def reconstruction(model: ImageModel, net: Inverter, layer: str, data: LabeledImages) -> tuple[float, float]:
    """Return the mean PSNR in dB and the mean code error of a net's drawings of pictures."""
    found = []
    for part in data.images.split(BATCH):
        images = part.float() / 255
        code = layer_code(model, images, layer)
        drawn = net(code)
        error = code_error(layer_code(model, drawn, layer), code)
        found.append(torch.stack([psnr(drawn, images), error]))
    decibel, error = torch.cat(found, dim=1).mean(1).tolist()
    return decibel, error
