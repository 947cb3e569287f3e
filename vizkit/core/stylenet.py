"""The small feed-forward network of fast neural style, and those that come with the kit."""

import torch
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.assets import ASSETS
from vizkit.core.weights import read_weights

STYLES = ASSETS / "styles"


class _Conv(nn.Sequential):
    """A convolution on mirrored borders, instance norm, and a ReLU where one is wanted."""

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1, *, relu: bool = True):
        layers: list[nn.Module] = [
            nn.Conv2d(before, after, kernel, stride, kernel // 2, padding_mode="reflect"),
            nn.InstanceNorm2d(after, affine=True),
        ]
        super().__init__(*layers, *([nn.ReLU()] if relu else []))


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_Conv(channels, channels, 3), _Conv(channels, channels, 3, relu=False))

    def forward(self, maps: Tensor) -> Tensor:
        """Add what the two convolutions find."""
        found: Tensor = maps + self.body(maps)
        return found


class StyleNet(nn.Sequential):
    """Repaints pictures (N, 3, H, W) in one style: down to a quarter, three blocks, up again.

    A fifth of the channels of Johnson et al. 2016: 0.1 M parameters, quick enough for a camera.
    Upsampling is nearest neighbor and a convolution (Odena et al. 2016: no checkerboards).

    Parameters
    ----------
    width : int
        Channels of the first layer.

    References
    ----------
    Johnson, Alahi & Fei-Fei, "Perceptual losses for real-time style transfer and super-resolution",
    ECCV 2016; Ulyanov et al., "Instance normalization", 2016.
    """

    def __init__(self, width: int = 12) -> None:
        super().__init__(
            _Conv(3, width, 5),
            _Conv(width, 2 * width, 3, 2),
            _Conv(2 * width, 4 * width, 3, 2),
            *(_Residual(4 * width) for _ in range(3)),
            nn.Upsample(scale_factor=2),
            _Conv(4 * width, 2 * width, 3),
            nn.Upsample(scale_factor=2),
            _Conv(2 * width, width, 3),
            nn.Conv2d(width, 3, 5, padding=2, padding_mode="reflect"),
            nn.Sigmoid(),
        )


def from_state(state: dict[str, Tensor]) -> StyleNet:
    """Build the net that a state dict is of, ready to repaint; its width is read off it."""
    net = StyleNet(len(state["0.0.weight"]))
    net.load_state_dict(state)
    net.eval().requires_grad_(False)
    return net.to(memory_format=torch.channels_last)


def styles() -> list[str]:
    """List the styles that come with the kit, ready to be used."""
    return sorted(path.stem for path in STYLES.glob("*.safetensors"))


def load_style(name: str, device: torch.device | str = "cpu") -> StyleNet:
    """Load a bundled style net.

    Raises
    ------
    ValueError
        If there is no such style, or its file is cut.
    """
    path = STYLES / f"{checks.choice(name, styles(), 'style')}.safetensors"
    return from_state(read_weights(path)).to(device)


@torch.no_grad()
def stylize(net: nn.Module, image: Tensor) -> Tensor:
    """Repaint one picture, shape (3, H, W) as it came, RGB in [0, 1].

    Raises
    ------
    TypeError, ValueError
        If the picture is none, or smaller than 16 x 16 pixels.
    """
    height, width = checks.image(image).shape[1:]
    if min(height, width) < 16:
        raise ValueError(f"image must be at least 16 x 16 pixels, got {width} x {height}")
    device = next(net.parameters()).device
    batch = image[None].to(device).contiguous(memory_format=torch.channels_last)
    found: Tensor = net(batch)[0, :, :height, :width]
    return found.float().cpu()
