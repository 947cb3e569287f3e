"""Randomness is an argument: a seed makes a generator, on the CPU, the same on every device."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from vizkit.core import checks


def generator(seed: int) -> torch.Generator:
    """Return a random generator on the CPU.

    Raises
    ------
    TypeError, ValueError
        If the seed is no whole number of 0 or more.
    """
    return torch.Generator().manual_seed(checks.integer(seed, 0, 2**63 - 1, "seed"))


def step_seed(seed: int, index: int) -> int:
    """Return the seed of one step of a run: a run that is continued draws what it would have."""
    return seed * 1_000_003 + index


@contextmanager
def fresh_weights(seed: int) -> Iterator[None]:
    """Draw the weights of modules that are made in the body from a seed, and leave torch's own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def normal(shape: tuple[int, ...], seed: int, device: torch.device | str = "cpu") -> Tensor:
    """Draw standard normal numbers on the CPU and move them, so that every device gets the same."""
    return torch.randn(shape, generator=generator(seed)).to(device)
