"""Arguments are checked at the door: one line per check, one sentence per error."""

import difflib
from collections.abc import Collection

import torch
from torch import Tensor


def choice(value: str, options: Collection[str], what: str) -> str:
    """Return `value` if it is one of `options`.

    Raises
    ------
    ValueError
        Naming the closest options, so that a typing error mends itself.
    """
    if value in options:
        return value
    close = difflib.get_close_matches(str(value), options, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else _some(options)
    raise ValueError(f"{what} {value!r} is not known; {hint}")


def _some(options: Collection[str], most: int = 12) -> str:
    names = list(map(repr, options))
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"known are {', '.join(names[:most])}{more}" if names else "there is none"


def integer(value: int, low: int, high: int | None, what: str) -> int:
    """Return `value` if it is a whole number in [low, high].

    Raises
    ------
    TypeError, ValueError
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{what} must be a whole number, got {value!r}")
    number = value.__index__()
    if number < low or (high is not None and number > high):
        bounds = f"from {low} to {high}" if high is not None else f"{low} or more"
        raise ValueError(f"{what} must be {bounds}, got {number}")
    return number


def image(value: Tensor, what: str = "image") -> Tensor:
    """Return `value` if it is one picture: float, shape (3, H, W), RGB in [0, 1].

    Raises
    ------
    TypeError, ValueError
    """
    if isinstance(value, Tensor) and value.ndim == 4:
        raise ValueError(f"{what} must be one picture (3, H, W), got a batch {_shape(value)}")
    return _pixels(value, 3, "(3, H, W)", what)


def images(value: Tensor, what: str = "images") -> Tensor:
    """Return `value` if it is a batch of pictures: float, shape (N, 3, H, W), RGB in [0, 1].

    Raises
    ------
    TypeError, ValueError
    """
    return _pixels(value, 4, "(N, 3, H, W)", what)


def _pixels(value: Tensor, ndim: int, layout: str, what: str) -> Tensor:
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{what} must be a torch.Tensor {layout}, got {type(value).__name__}; vizkit.load_image makes one"
        )
    if value.ndim != ndim or value.shape[-3] != 3 or 0 in value.shape:
        raise ValueError(f"{what} must have shape {layout}, got {_shape(value)}")
    if not value.is_floating_point():
        raise TypeError(f"{what} must hold floats in [0, 1], got {value.dtype}")
    low, high = (bound.item() for bound in torch.aminmax(value.detach()))
    if not (low >= 0 and high <= 1):  # also false for NaN
        raise ValueError(f"{what} must be in [0, 1] without NaN, got [{low:.3g}, {high:.3g}]")
    return value


def _shape(value: Tensor) -> str:
    return str(tuple(value.shape))


def first_line(error: BaseException, most: int = 160) -> str:
    """Return the first line of an error's message, or its type where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0][:most] if lines else type(error).__name__
