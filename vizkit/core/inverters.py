"""Small up-convolutional networks that draw a picture from a layer's code, and those that come with the kit."""

import torch
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.assets import ASSETS
from vizkit.core.weights import read_weights

INVERTERS = ASSETS / "models" / "inverters"

#: Of the bundled ones' network: the layers they draw from, and each one's channels and positions across at 64 px.
PLACES = {"relu3": (96, 16), "relu5": (192, 8), "relu7": (352, 4)}

#: Channels of the maps that are that many positions across, for a picture of 64 px.
_WIDTHS = {4: 224, 8: 160, 16: 96, 32: 48, 64: 24}


class Inverter(nn.Sequential):
    """Draws pictures (N, 3, 64, 64) from codes (N, C, S, S), and larger ones from larger codes.

    A convolution at the code's own size, then one after each doubling, up to a picture's.
    Upsampling is nearest neighbor (Odena et al. 2016: no checkerboards).

    Parameters
    ----------
    channels : int
        C.
    side : int
        S, of a picture of 64 px: 4, 8, 16 or 32.

    References
    ----------
    Dosovitskiy & Brox, "Inverting visual representations with convolutional networks", CVPR 2016; theirs
    are larger, with strided deconvolutions.
    """

    scale: Tensor

    def __init__(self, channels: int, side: int) -> None:
        layers: list[nn.Module] = []
        before = channels
        for width in (width for place, width in _WIDTHS.items() if place >= side):
            layers += [nn.Upsample(scale_factor=2)] if layers else []
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.LeakyReLU(0.2)]
            before = width
        super().__init__(*layers, nn.Conv2d(before, 3, 5, padding=2), nn.Sigmoid())
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=0.2)
        #: The codes' root mean square over the training pictures: what they are divided by.
        self.register_buffer("scale", torch.ones(()))

    def forward(self, code: Tensor) -> Tensor:
        """Draw a picture of each code."""
        maps = code / self.scale
        for layer in self:
            maps = layer(maps)
        return maps


def from_state(state: dict[str, Tensor], side: int) -> Inverter:
    """Build the net that a state dict is of, ready to draw; its code's channels are read off it."""
    net = Inverter(state["0.weight"].shape[1], side)
    net.load_state_dict(state)
    net.eval().requires_grad_(False)
    return net.to(memory_format=torch.channels_last)


def load_inverter(layer: str, device: torch.device | str = "cpu") -> Inverter:
    """Load the bundled net that inverts a layer of viznet.

    Parameters
    ----------
    layer : {"relu3", "relu5", "relu7"}
    device : torch.device or str

    Raises
    ------
    ValueError
        If no inverter of the layer is bundled, or its file is cut.
    """
    checks.choice(layer, sorted(PLACES), "layer")
    return from_state(read_weights(INVERTERS / f"{layer}.safetensors"), PLACES[layer][1]).to(device)
