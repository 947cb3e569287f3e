"""From a checkpoint to the files that are shipped: folded weights, labels, hashes."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from vizkit.core.assets import ASSETS
from vizkit.core.models import BUNDLED, LEARNING, file_hash
from vizkit.core.viznet import MEAN, STD, fold, from_state
from vizkit.methods.facets import SHEET
from vizkit.methods.linear_photos import WEIGHTS
from vizkit.methods.sounds import LISTENER
from vizkit.training.tiny_imagenet import LabeledImages

LABELS = ASSETS / "labels" / "tiny-imagenet-200.txt"
HASHES = ASSETS / "SHA256SUMS"


def export(name: str, checkpoint: Path, data: LabeledImages | None = None) -> Path:
    """Write a trained net's weights, batch norm folded, with its normalization.

    Parameters
    ----------
    name : str
        Of a bundled network.
    checkpoint : Path
        What the training wrote.
    data : LabeledImages, optional
        Whose labels to write too.

    Returns
    -------
    Path
        Of the safetensors file among the bundled models.
    """
    write_net(torch.load(checkpoint, map_location="cpu", weights_only=True)["net"], BUNDLED[name])
    if data is not None:
        write_labels(data)
    write_hashes()
    return BUNDLED[name]


def write_net(trained: Mapping[str, Tensor], path: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write a net's weights, batch norm folded, with its normalization.

    Parameters
    ----------
    trained : mapping of str to Tensor
        The state of a ``VizNet`` with batch norm.
    path : Path
    dtype : torch.dtype
        Of the weights in the file.
    """
    folded = fold(from_state({key: value.cpu() for key, value in trained.items()})).state_dict()
    state = {f"net.{key}": value.to(dtype).contiguous() for key, value in folded.items()}
    save_file(state | {"mean": torch.tensor(MEAN), "std": torch.tensor(STD)}, path)


def write_labels(data: LabeledImages) -> None:
    """Write one line per class: its WordNet id and the first of its names."""
    rows = zip(data.wnids, data.names, strict=True)
    LABELS.write_text("".join(f"{wnid}\t{words.split(',')[0]}\n" for wnid, words in rows))


def write_hashes() -> None:
    """Write the hashes of the bundled files that are there, as ``sha256sum -c`` reads them."""
    files = [
        *BUNDLED.values(),
        *LEARNING.values(),
        WEIGHTS,
        LISTENER,
        *sorted((ASSETS / "styles").glob("*.safetensors")),
        *sorted((ASSETS / "models" / "inverters").glob("*.safetensors")),
        *sorted((ASSETS / "models" / "detectors").glob("*.safetensors")),
        LABELS,
        SHEET,
    ]
    rows = (f"{file_hash(file)}  {file.relative_to(ASSETS).as_posix()}\n" for file in files if file.is_file())
    HASHES.write_text("".join(rows))
