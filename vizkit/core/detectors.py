"""Small networks that say what is where in a picture, and those that come with the kit."""

from collections import OrderedDict
from itertools import pairwise
from typing import ClassVar, NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.assets import ASSETS
from vizkit.core.scenes import SHAPES
from vizkit.core.viznet import MEAN, STD, VizNet
from vizkit.core.weights import read_weights

DETECTORS = ASSETS / "models" / "detectors"
#: Pixels to a side of the pictures that the nets of whole pictures take.
SIZE = 160
#: Sides in pixels and heights over widths of the anchors at each place.
SIDES, RATIOS = (24.0, 40.0, 64.0), (0.5, 1.0, 2.0)
#: Cells to a side of a pooled region.
BINS = 6
#: Boxes that each cell of YOLO's grid says.
BOXES = 2
#: Pixels to a side of a crop, and from one window of the crops' net to the next.
CROP, STRIDE = 48, 8


class Detector(nn.Module):
    """Takes RGB in [0, 1]; its colors' mean and standard deviation are kept with the weights."""

    name: ClassVar[str]
    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1))

    def normalize(self, images: Tensor) -> Tensor:
        """Subtract the mean and divide by the standard deviation of each color."""
        normal = (images - self.mean) / self.std
        return normal.contiguous(memory_format=torch.channels_last)


def stretched(image: Tensor, side: int) -> Tensor:
    """Return a picture (3, H, W) at the size that a net was trained on, (1, 3, side, side).

    Raises
    ------
    TypeError, ValueError
        If it is no picture.
    """
    picture = checks.image(image)[None]
    if picture.shape[2:] == (side, side):
        return picture
    return F.interpolate(picture, (side, side), mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)


def _trunk(last: str) -> nn.Sequential:
    """Return the first layers of a viznet of half the width."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for name, layer in VizNet(width=0.5).named_children():
        layers[name] = layer
        if name == last:
            break
    return nn.Sequential(layers)


class AnchorMaps(NamedTuple):
    """What a region proposal network says of each anchor.

    Parameters
    ----------
    objectness : Tensor, shape (N, anchors)
        The logit of there being a thing.
    offsets : Tensor, shape (N, anchors, 4)
        From the anchor to the thing, see `vizkit.methods.anchors.decode_boxes`.
    """

    objectness: Tensor
    offsets: Tensor


class RegionNet(Detector):
    """Proposes regions and judges regions, both from the same maps (Ren et al. 2015, Faster R-CNN).

    Its trunk is viznet-small's as far as relu5: a map cell every 8 pixels.
    """

    name = "regions"

    def __init__(self) -> None:
        super().__init__()
        wide, anchors = 96, len(SIDES) * len(RATIOS)
        self.trunk = _trunk("relu5")
        self.slide = nn.Sequential(nn.Conv2d(wide, 128, 3, padding=1), nn.ReLU())
        self.objectness = nn.Conv2d(128, anchors, 1)
        self.anchor_offsets = nn.Conv2d(128, 4 * anchors, 1)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(wide * BINS**2, 128), nn.ReLU())
        self.classes = nn.Linear(128, len(SHAPES) + 1)
        self.box_offsets = nn.Linear(128, 4 * len(SHAPES))

    def maps(self, images: Tensor) -> Tensor:
        """Return the trunk's maps of pictures (N, 3, H, W): (N, 96, H / 8, W / 8)."""
        found: Tensor = self.trunk(self.normalize(images))
        return found

    def anchors(self, maps: Tensor) -> AnchorMaps:
        """Judge the anchors at each cell of maps, row by row, a cell's together."""
        slid = self.slide(maps)
        return AnchorMaps(
            self.objectness(slid).permute(0, 2, 3, 1).flatten(1),
            self.anchor_offsets(slid).permute(0, 2, 3, 1).reshape(len(maps), -1, 4),
        )

    def judge(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Judge pooled regions (n, 96, BINS, BINS): logits (n, 9), the last of none, and offsets (n, 8, 4)."""
        code = self.head(pooled)
        return self.classes(code), self.box_offsets(code).unflatten(1, (len(SHAPES), 4))


class GridNet(Detector):
    """Says boxes and a class in each cell of a grid, all at once (Redmon et al. 2016, YOLO).

    Its trunk is viznet-small's as far as relu7: a cell every 16 pixels.
    """

    name = "grid"

    def __init__(self) -> None:
        super().__init__()
        self.trunk = _trunk("relu7")
        self.grid = nn.Sequential(
            nn.Conv2d(176, 128, 3, padding=1), nn.ReLU(), nn.Conv2d(128, 5 * BOXES + len(SHAPES), 1)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the grid of pictures (N, 3, H, W): (N, 18, H / 16, W / 16)."""
        found: Tensor = self.grid(self.trunk(self.normalize(images)))
        return found


class CropNet(Detector):
    """Judges crops of 48 pixels: what is in them, and where it really ends (Girshick et al. 2014, R-CNN).

    Nothing is padded, so that all windows of a larger picture can be asked at once as well.
    """

    name = "crops"

    def __init__(self) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        kernels, pooled = (5, 3, 3, 3), (1, 2, 4)
        for number, ((before, after), kernel) in enumerate(zip(pairwise((3, 32, 64, 96, 96)), kernels, strict=True), 1):
            layers |= {f"conv{number}": nn.Conv2d(before, after, kernel), f"relu{number}": nn.ReLU()}
            if number in pooled:
                layers[f"pool{number}"] = nn.MaxPool2d(2)
        self.trunk = nn.Sequential(layers)
        self.fc1 = nn.Linear(96 * 3 * 3, 160)
        self.fc2 = nn.Linear(160, len(SHAPES) + 1 + 4)

    def features(self, crops: Tensor) -> Tensor:
        """Return the codes of crops (N, 3, 48, 48): (N, 160)."""
        codes: Tensor = self.fc1(self.trunk(self.normalize(crops)).flatten(1))
        return codes.relu()

    def forward(self, crops: Tensor) -> Tensor:
        """Judge crops (N, 3, 48, 48): (N, 13), nine logits, the last of none, and four offsets."""
        found: Tensor = self.fc2(self.features(crops))
        return found


class BoxNet(Detector):
    """Says one box in a photo of 64 x 64 px, and its class as the slides' two heads do.

    Its trunk is viznet-small's as far as relu7, trained on.
    """

    name = "boxes"

    def __init__(self) -> None:
        super().__init__()
        self.trunk = _trunk("relu7")
        self.box = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(176 * 16, 128), nn.ReLU(), nn.Linear(128, 4))
        self.classes = nn.Linear(176, 200)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return boxes (N, 4) as shares of the picture and logits (N, 200) of pictures (N, 3, 64, 64)."""
        maps = self.trunk(self.normalize(images))
        return self.box(maps), self.classes(maps.mean((2, 3)))


#: Where a head of viznet takes its numbers from, and how many boxes it says.
HEADS = {"one for all": ("relu7", 1), "one per class": ("relu7", 200), "after fc": ("fc", 1)}


class BoxHead(nn.Sequential):
    """Says boxes from what a layer of viznet says of a photo of 64 x 64 px: the slides' regression head.

    Parameters
    ----------
    kind : str
        One of `HEADS`.
    """

    def __init__(self, kind: str) -> None:
        layer, classes = HEADS[kind]
        maps = [nn.Conv2d(352, 48, 1), nn.ReLU(), nn.Flatten()] if layer == "relu7" else []
        super().__init__(*maps, nn.Linear(768 if maps else 200, 128), nn.ReLU(), nn.Linear(128, 4 * classes))


def load_box_heads() -> dict[str, BoxHead]:
    """Load the bundled heads of viznet.

    Raises
    ------
    ValueError
        If their file is missing or cut.
    """
    heads = {kind: BoxHead(kind).eval().requires_grad_(False) for kind in HEADS}
    nn.ModuleList(heads.values()).load_state_dict(read_weights(DETECTORS / "heads.safetensors"))
    return heads


NETS = {net.name: net for net in (RegionNet, GridNet, CropNet, BoxNet)}
D = TypeVar("D", bound=Detector)


def start_trunk(net: RegionNet | GridNet | BoxNet, pretrained: nn.Module) -> None:
    """Give a net's trunk the weights of a classifier's layers of the same names."""
    known, names = pretrained.state_dict(), net.trunk.state_dict()
    net.trunk.load_state_dict({name: known[name] for name in names})


def from_state(kind: type[D], state: dict[str, Tensor]) -> D:
    """Build the net that a state dict is of, ready to be asked."""
    net = kind()
    net.load_state_dict(state)
    net.eval().requires_grad_(False)
    return net.to(memory_format=torch.channels_last)


def load_detector(kind: type[D], device: torch.device | str = "cpu") -> D:
    """Load a bundled detector.

    Parameters
    ----------
    kind : RegionNet, GridNet, CropNet or BoxNet
        The class.
    device : torch.device or str

    Raises
    ------
    ValueError
        If its file is missing or cut.
    """
    return from_state(kind, read_weights(DETECTORS / f"{kind.name}.safetensors")).to(device)
