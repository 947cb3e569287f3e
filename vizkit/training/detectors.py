"""The recipes of the bundled detectors: scenes of one to five things, drawn for the purpose; up to an hour each."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from joblib import Parallel, delayed
from safetensors.torch import save_file
from torch import Tensor, nn

from vizkit.core.detectors import DETECTORS, NETS, SIZE, CropNet, GridNet, RegionNet, load_detector, start_trunk
from vizkit.core.models import load_model
from vizkit.core.scenes import Crowds, make_crowds
from vizkit.core.seeds import fresh_weights
from vizkit.methods.average_precision import COCO, Boxes, mean_average_precision, true_boxes
from vizkit.methods.boxes import box_iou
from vizkit.methods.crops import crop_loss
from vizkit.methods.detection import Detection, fast_rcnn, faster_rcnn, rcnn, yolo
from vizkit.methods.two_stage import propose_by_net, two_stage_loss
from vizkit.methods.yolo import yolo_loss
from vizkit.training.export import write_hashes
from vizkit.training.runs import Run

#: Scenes to draw, scenes of a batch, passes over all, and highest rate of the one-cycle schedule.
COUNTS = {"regions": 20_000, "grid": 20_000, "crops": 10_000}
BATCH = 16
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


class DetectorTraining(Run):
    """A resumable training run of one of the detectors.

    Parameters
    ----------
    name : {"regions", "grid", "crops"}
    scenes : Crowds
    epochs : int, optional
    seed : int
    """

    def __init__(self, name: str, scenes: Crowds, *, epochs: int | None = None, seed: int = 0) -> None:
        self.name, self.images, self.truths = name, scenes.images, true_boxes(scenes)
        with fresh_weights(seed):
            net = NETS[name]()
        if isinstance(net, RegionNet | GridNet):
            start_trunk(net, load_model("viznet-small").net)
        epochs = epochs or EPOCHS[name]
        super().__init__(net, len(scenes), batch=BATCH, epochs=epochs, rate=RATE, decay=0.01, seed=seed)

    def losses(self, rows: Tensor) -> dict[str, Tensor]:
        """Return the terms of the loss on some scenes."""
        images, things = self._drawn(rows)
        return LOSSES[self.name](self.net, images, things, self.random)

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


def save_detector(name: str, net: nn.Module, folder: Path = DETECTORS) -> None:
    """Write a net's weights in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {key: value.half().contiguous() for key, value in net.state_dict().items()}
    save_file(state, folder / f"{name}.safetensors")
    if folder == DETECTORS:
        write_hashes()


def judge_detectors(count: int = 500) -> Iterator[str]:
    """Say how good the bundled detectors are on scenes made of photos for tests, a line each.

    Parameters
    ----------
    count : int
        Scenes.
    """
    scenes = crowds(count, unseen=True, seed=7)
    there, pictures = true_boxes(scenes), scenes.images.float() / 255
    net, things, hit = load_detector(RegionNet), 0, 0
    for picture, truth in zip(pictures, there, strict=True):
        proposals = propose_by_net(net, net.maps(picture[None]), (SIZE, SIZE), 50).boxes
        hit += int((box_iou(proposals, truth.boxes) >= 0.5).any(0).sum())
        things += len(truth.labels)
    yield f"regions: 50 proposals find {hit / things:.1%} of {things} things in {count} scenes"
    grid, crops = load_detector(GridNet), load_detector(CropNet)
    kinds: dict[str, Callable[[Tensor], Detection]] = {
        "Faster R-CNN": lambda picture: faster_rcnn(net, picture),
        "YOLO": lambda picture: yolo(grid, picture),
        "Fast R-CNN": lambda picture: fast_rcnn(net, picture),
        "R-CNN": lambda picture: rcnn(crops, picture),
    }
    for name, find in kinds.items():
        found = [find(picture) for picture in pictures]
        seconds = sum(one.total for one in found) / count
        boxes = [one.found for one in found]
        half = mean_average_precision(boxes, there)
        coco = mean_average_precision(boxes, there, overlaps=COCO, formula="101 points")
        yield f"{name}: mAP at IoU .5 {half:.3f}, over .5 to .95 {coco:.3f}, {1000 * seconds:.0f} ms a scene"
