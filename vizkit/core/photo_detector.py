"""torchvision's Faster R-CNN, trained on photos of COCO, where its weights are on this machine."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from vizkit.core.models import checkpoints

#: torchvision's names of it, the fastest first.
NAMES = (
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
)


@dataclass(frozen=True, eq=False)
class PhotoDetector:
    """A detector and its classes.

    Parameters
    ----------
    net : nn.Module
        Takes a list of pictures, torchvision's way.
    names : tuple of str
        Of the classes it says numbers of.
    """

    net: nn.Module
    names: tuple[str, ...]

    @torch.no_grad()
    def found(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the boxes (n, 4) in pixels, the classes and the scores of a picture (3, H, W) in [0, 1]."""
        (said,) = self.net([image])
        return said["boxes"], said["labels"], said["scores"]


def photo_detector_files() -> dict[str, Path]:
    """Return where torch looks for the weights of each."""
    import torchvision

    weights = {name: torchvision.models.get_model_weights(name).DEFAULT for name in NAMES}
    return {name: checkpoints() / one.url.rpartition("/")[2] for name, one in weights.items()}


def load_photo_detector() -> PhotoDetector:
    """Load the fastest one whose weights are on this machine; nothing is downloaded.

    Raises
    ------
    FileNotFoundError
        If none is, with what to do.
    """
    import torchvision

    files = photo_detector_files()
    ready = [name for name, file in files.items() if file.is_file()]
    if not ready:
        wanted = files[NAMES[0]]
        raise FileNotFoundError(
            f"no Faster R-CNN of torchvision is on this machine: put {wanted.name} into {wanted.parent}"
        )
    weights = torchvision.models.get_model_weights(ready[0]).DEFAULT
    torch.hub.load_state_dict_from_url(weights.url, weights_only=True)  # a hostile file ends here
    net = torchvision.models.get_model(ready[0], weights=weights, weights_backbone=None)
    return PhotoDetector(net.eval().requires_grad_(False), tuple(weights.meta["categories"]))
