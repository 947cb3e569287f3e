"""The recipe of the bundled style nets: the kit's own pictures, minutes on two cores."""

from collections.abc import Iterator
from pathlib import Path

from safetensors.torch import save_file

from vizkit.core.images import load_image
from vizkit.core.models import load_model
from vizkit.core.stylenet import STYLES
from vizkit.methods.fast_style import FastStyleStep, train_fast_style_steps
from vizkit.training.export import write_hashes

#: The paintings that are bundled as style nets.
BUNDLED_STYLES = ("swirls", "brushstrokes")
STEPS = 3000


def training_steps(name: str, steps: int = STEPS) -> Iterator[FastStyleStep]:
    """Train a net for one picture, as the bundled ones were."""
    model = load_model("viznet")
    return train_fast_style_steps(model, load_image(name, 256), steps=steps)


def save_style(step: FastStyleStep, name: str, folder: Path = STYLES) -> Path:
    """Write a net's weights in half precision and return the file's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.safetensors"
    save_file({key: value.half().contiguous() for key, value in step.memory["net"].items()}, path)
    if folder == STYLES:
        write_hashes()
    return path
