"""The one convention of every iterative method: a generator of its own states.

``for step in method_steps(...)`` runs the method; each ``step`` is a frozen dataclass that
extends `Step`. Progress is ``step.index / step.total``, stopping is ``close()``, and continuing
is passing the last step back. A method knows no widget and no progress bar.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar


@dataclass(frozen=True)
class Step:
    """One state of an iterative method.

    Parameters
    ----------
    index : int
        Number of iterations done, from 1 to `total`.
    total : int
        Number of iterations asked for.
    """

    index: int
    total: int

    @property
    def progress(self) -> float:
        """Share of the work that is done, in [0, 1]."""
        return self.index / self.total


S = TypeVar("S", bound=Step)


def last(steps: Iterable[S]) -> S:
    """Run a step generator to its end and return its last step.

    Raises
    ------
    ValueError
        If the generator yields nothing.
    """
    step = None
    for step in steps:  # noqa: B007
        pass
    if step is None:
        raise ValueError("steps must yield at least one step, got none")
    return step
