"""How long a forward and a backward pass take, over the number of parameters: measured on this machine."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.seeds import fresh_weights, normal

__all__ = ["PassTimes", "pass_times"]


@dataclass(frozen=True)
class PassTimes:
    """Seconds of the two passes of nets of several sizes.

    Parameters
    ----------
    parameters : tuple of int
    forward, backward : tuple of float
        Seconds: the best of five.
    """

    parameters: tuple[int, ...]
    forward: tuple[float, ...]
    backward: tuple[float, ...]

    def slope(self, seconds: Sequence[float], last: int = 3) -> float:
        """Return the slope of seconds over parameters, both logarithmic: 1 means proportional.

        Parameters
        ----------
        seconds : sequence of float
            `forward` or `backward`.
        last : int
            Of the largest nets alone: in small ones what is not arithmetic takes the time.
        """
        return float(np.polyfit(np.log(self.parameters[-last:]), np.log(seconds[-last:]), 1)[0])


def pass_times(widths: Sequence[int], *, layers: int = 4, batch: int = 64, tries: int = 5) -> PassTimes:
    """Time forward and backward passes of dense nets.

    Parameters
    ----------
    widths : sequence of int
        Of all layers of a net.
    layers : int
    batch : int
        Samples of a pass.
    tries : int
        Of each, of which the quickest counts: what else the machine does only makes it slower.
    """
    found = []
    for width in widths:
        width = checks.integer(width, 1, 8192, "width")
        with fresh_weights(0):
            net = nn.Sequential(*[part for _ in range(layers) for part in (nn.Linear(width, width), nn.ReLU())])
        x = normal((batch, width), 0)
        forward, backward = [], []
        for _ in range(checks.integer(tries, 1, None, "tries")):
            with torch.enable_grad():
                seconds, loss = _timed(partial(_loss, net, x))
                forward.append(seconds)
                backward.append(_timed(partial(torch.autograd.grad, loss, list(net.parameters())))[0])
        found.append((sum(one.numel() for one in net.parameters()), min(forward), min(backward)))
    sizes, forwards, backwards = zip(*found, strict=True)
    return PassTimes(sizes, forwards, backwards)


def _loss(net: nn.Module, x: Tensor) -> Tensor:
    found: Tensor = net(x).square().mean()
    return found


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    done = work()
    return time.perf_counter() - begun, done
