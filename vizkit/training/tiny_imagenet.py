"""Tiny-ImageNet-200: 200 classes of 64 x 64 photographs, 500 to train on and 50 to test each.

Two layouts are read: the official folder (``train/n.../images/*.JPEG``, ``val/images`` with
``val_annotations.txt``, ``words.txt``), and one archive per split (``tiny-imagenet-train.npz``)
whose array ``data`` holds the encoded files end to end, cut at ``offset``.
"""

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

Split = Literal["train", "val"]


@dataclass(frozen=True)
class LabeledImages:
    """A labelled set of pictures held in memory.

    Parameters
    ----------
    images : Tensor, uint8, shape (N, 3, 64, 64)
    labels : Tensor, int64, shape (N,)
    names : tuple of str
        The words of each class, in label order.
    wnids : tuple of str
        The WordNet id of each class, in label order.
    """

    images: Tensor
    labels: Tensor
    names: tuple[str, ...]
    wnids: tuple[str, ...]


def load_tiny_imagenet(folder: Path, split: Split) -> LabeledImages:
    """Decode one split of Tiny-ImageNet-200 into memory (1.2 GB for the training split).

    Raises
    ------
    FileNotFoundError
        If `folder` has neither layout.
    """
    folder = Path(folder)
    archive = folder / f"tiny-imagenet-{split}.npz"
    if archive.is_file():
        return _load_archive(archive)
    if (folder / "wnids.txt").is_file():
        return _load_official(folder, split)
    raise FileNotFoundError(
        f"{folder} must hold {archive.name} or an unpacked tiny-imagenet-200 (with wnids.txt), found neither"
    )


def load_boxes(folder: Path, split: Split) -> Tensor:
    """Return the boxes of a split in its order, ``x0, y0, x1, y1`` as shares of the picture, shape (N, 4).

    Raises
    ------
    FileNotFoundError
        If `folder` has neither layout.
    """
    folder = Path(folder)
    archive = folder / f"tiny-imagenet-{split}.npz"
    if archive.is_file():
        rows = np.load(archive)["box"].astype(np.float32)
    elif split == "val" and (folder / "val" / "val_annotations.txt").is_file():
        lines = (folder / "val" / "val_annotations.txt").read_text().splitlines()
        rows = np.array([line.split("\t")[2:6] for line in lines], np.float32)
    elif (folder / "train").is_dir():
        rows = np.array(
            [
                line.split("\t")[1:5]
                for path in sorted(folder.glob("train/n*/n*_boxes.txt"))
                for line in sorted(path.read_text().splitlines())
            ],
            np.float32,
        )
    else:
        raise FileNotFoundError(f"{folder} must hold {archive.name} or an unpacked tiny-imagenet-200, found neither")
    boxes = torch.from_numpy(rows)
    boxes[:, 2:] += 1  # the last pixels are inside
    return boxes / 64


def _load_archive(archive: Path) -> LabeledImages:
    arrays = np.load(archive)
    data, offset = arrays["data"], arrays["offset"]
    files = [data[start:stop].tobytes() for start, stop in pairwise(offset)]
    return LabeledImages(
        _decode(files),
        torch.from_numpy(arrays["label"].astype(np.int64)),
        tuple(map(str, arrays["name"])),
        tuple(map(str, arrays["wnid"])),
    )


def _load_official(folder: Path, split: Split) -> LabeledImages:
    wnids = sorted((folder / "wnids.txt").read_text().split())
    index = {wnid: label for label, wnid in enumerate(wnids)}
    words = dict(line.split("\t") for line in (folder / "words.txt").read_text().splitlines())
    if split == "train":
        paths = sorted(folder.glob("train/n*/images/*.JPEG"))
        labels = [index[path.parts[-3]] for path in paths]
    else:
        rows = (folder / "val" / "val_annotations.txt").read_text().splitlines()
        pairs = [row.split("\t")[:2] for row in rows]
        paths = [folder / "val" / "images" / name for name, _ in pairs]
        labels = [index[wnid] for _, wnid in pairs]
    return LabeledImages(
        _decode([path.read_bytes() for path in paths]),
        torch.tensor(labels),
        tuple(words[wnid] for wnid in wnids),
        tuple(wnids),
    )


def _decode(files: Sequence[bytes]) -> Tensor:
    images = np.empty((len(files), 64, 64, 3), np.uint8)

    def decode(index: int) -> None:
        images[index] = np.asarray(Image.open(io.BytesIO(files[index])).convert("RGB"))

    with ThreadPoolExecutor() as threads:  # Pillow releases the GIL while it decodes
        list(threads.map(decode, range(len(files))))
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
