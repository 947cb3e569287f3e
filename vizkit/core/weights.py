"""Reading the weights that come with the kit."""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a bundled file of weights as float32, in whatever precision it was written.

    Raises
    ------
    ValueError
        If the file is missing or cut.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is missing or cut ({error}); install vizkit again") from error
