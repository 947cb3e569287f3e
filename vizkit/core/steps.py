"""The one convention of every iterative method: a generator of its own states.

``for step in method_steps(...)`` runs the method; each ``step`` is a frozen dataclass that
extends `Step`. Progress is ``step.index / step.total``, stopping is ``close()``, and continuing
is passing the last step back. A method knows no widget and no progress bar.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from queue import Queue
from threading import Event, Thread
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


T = TypeVar("T")


def from_callback(run: Callable[[Callable[[T], bool]], object]) -> Iterator[T]:
    """Turn a library's loop with a callback into a generator.

    Parameters
    ----------
    run : callable
        ``run(report)`` does the work and calls ``report(state)`` now and then; it must end soon
        when `report` returns True.

    Yields
    ------
    object
        Each reported state. The loop waits meanwhile, so nothing runs ahead of its reader;
        closing the generator ends the loop.
    """
    states: Queue[tuple[str, object]] = Queue()
    wanted, closed = Event(), False

    def report(state: T) -> bool:
        states.put(("state", state))
        wanted.wait()
        wanted.clear()
        return closed

    def work() -> None:
        try:
            run(report)
            states.put(("end", None))
        except Exception as error:
            states.put(("error", error))

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        while (item := states.get())[0] == "state":
            yield item[1]  # type: ignore[misc]
            wanted.set()
        if item[0] == "error":
            raise item[1]  # type: ignore[misc]
    finally:
        closed = True
        wanted.set()
        thread.join()
