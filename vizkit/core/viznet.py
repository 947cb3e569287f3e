"""The bundled networks' architecture: a plain stack of convolutions that a student can draw."""

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

#: Mean and standard deviation of Tiny-ImageNet's training pixels, RGB in [0, 1].
MEAN, STD = (0.480, 0.448, 0.398), (0.277, 0.269, 0.282)
#: Output channels, kernel size and stride of each convolution; None is a 3x3 max-pool of stride 2.
LAYERS: tuple[tuple[int, int, int] | None, ...] = (
    (48, 7, 2),
    None,
    (96, 3, 1),
    (96, 3, 1),
    None,
    (192, 3, 1),
    (192, 3, 1),
    None,
    (352, 3, 1),
    (352, 3, 1),
)


class VizNet(nn.Sequential):
    """A classifier of seven convolutions, each followed by a ReLU that is a module of its own.

    Layers are named in forward order: ``conv1 relu1 pool1 conv2 relu2 conv3 relu3 pool2 ...
    relu7 avgpool flatten fc``. Any picture of at least 64 x 64 pixels fits, because the last
    feature map is averaged over its positions.

    Parameters
    ----------
    classes : int
        Number of outputs.
    batch_norm : bool
        Train with batch normalization (``bn1`` ... ``bn7``). The shipped networks are folded,
        see `fold`.
    width : float
        Factor on the number of channels of every layer.
    """

    def __init__(self, classes: int = 200, *, batch_norm: bool = False, width: float = 1.0) -> None:
        modules: OrderedDict[str, nn.Module] = OrderedDict()
        channels, convs, pools = 3, 0, 0
        for layer in LAYERS:
            if layer is None:
                pools += 1
                modules[f"pool{pools}"] = nn.MaxPool2d(3, 2, padding=1)
                continue
            convs += 1
            full, kernel, stride = layer
            wide = round(full * width)
            modules[f"conv{convs}"] = nn.Conv2d(channels, wide, kernel, stride, kernel // 2, bias=not batch_norm)
            if batch_norm:
                modules[f"bn{convs}"] = nn.BatchNorm2d(wide)
            modules[f"relu{convs}"] = nn.ReLU()
            channels = wide
        modules["avgpool"] = nn.AdaptiveAvgPool2d(1)
        modules["flatten"] = nn.Flatten()
        modules["fc"] = nn.Linear(channels, classes)
        super().__init__(modules)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def fold(net: VizNet) -> VizNet:
    """Return a copy of a trained net, in evaluation mode, with batch norm folded into the convs.

    The folded net computes the same function in fewer layers:
    ``w' = w * gamma / sigma`` and ``b' = beta - mean * gamma / sigma`` per output channel.
    """
    modules = dict(net.named_children())
    state = {f"fc.{key}": value for key, value in modules["fc"].state_dict().items()}
    for name, module in modules.items():
        norm = modules.get(f"bn{name.removeprefix('conv')}")
        if isinstance(module, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            fused = fuse_conv_bn_eval(module.eval(), norm.eval())
            state |= {f"{name}.{key}": value for key, value in fused.state_dict().items()}
    return from_state(state).eval()


def from_state(state: dict[str, Tensor]) -> VizNet:
    """Build the net that a state dict is of: its classes and width are read off the weights."""
    width = len(state["conv1.weight"]) / LAYERS[0][0]  # type: ignore[index]
    batch_norm = any(name.startswith("bn") for name in state)
    net = VizNet(len(state["fc.bias"]), batch_norm=batch_norm, width=width)
    net.load_state_dict(state)
    return net
