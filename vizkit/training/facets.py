"""Means of the groups of each class's training pictures: where multifaceted visualization begins."""

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import to_pil_image

from vizkit.core.models import ImageModel
from vizkit.methods.facets import SHEET, Facets, facets
from vizkit.methods.neighbors import codes
from vizkit.training.tiny_imagenet import LabeledImages

#: Groups of a class.
COUNT = 6


def all_facets(model: ImageModel, data: LabeledImages, k: int = COUNT) -> Iterator[Facets]:
    """Group the pictures of one class after the other."""
    for label in range(len(data.names)):
        images = data.images[data.labels == label]
        yield facets(codes(model, images), images, k)


def save_facets(found: list[Facets], names: list[str], path: Path = SHEET) -> None:
    """Write the means as one picture, a row for each class, and the groups' shares beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows: Tensor = torch.cat([torch.cat(list(one.means), dim=2) for one in found], dim=1)
    picture: Image.Image = to_pil_image(rows)
    picture.save(path, quality=90, method=6)
    shares = {name: [round(float(share), 3) for share in one.share] for name, one in zip(names, found, strict=True)}
    lines = ",\n".join(f"{json.dumps(name)}: {share}" for name, share in shares.items())
    path.with_suffix(".json").write_text(f"{{\n{lines}\n}}\n")
