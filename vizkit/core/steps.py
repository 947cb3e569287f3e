"""The one convention of every iterative method: a generator of its own states.

``for step in method_steps(...)`` runs the method; each ``step`` is a frozen dataclass that
extends `Step`. Progress is ``step.index / step.total``, stopping is ``close()``, and continuing
is passing the last step back. A method knows no widget and no progress bar.

What a step promises, and one test checks of every method that `step_method` registers: a step never
changes once it is yielded, whatever the run does next; and ``resume=step`` goes on behind any step
so that the run ends bit for bit where it would have ended.
"""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from queue import Queue
from threading import Event, Thread
from typing import Any, Protocol, TypeVar

from torch import Tensor


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
        """Share of the steps that are done, in [0, 1]."""
        return self.index / self.total

    @property
    def work(self) -> float:
        """Share of the work that is done, in [0, 1]; a step whose pictures grow under way says it itself."""
        return self.progress


S = TypeVar("S", bound=Step)


@dataclass(frozen=True)
class StepMethod:
    """What is known of an iterative method.

    Parameters
    ----------
    function : callable
        Returns a generator of steps.
    live : frozenset of str
        Arguments that it takes under way: a run may go on from any step with others of these.
    inexact : str
        Why a run that is continued does not end bit for bit where it would have; empty if it does.
    """

    function: Callable[..., Iterator[Step]]
    live: frozenset[str] = frozenset()
    inexact: str = ""


#: Every iterative method of the kit, by its name.
STEP_METHODS: dict[str, StepMethod] = {}
M = TypeVar("M", bound=Callable[..., Iterator[Step]])


def step_method(*, live: Collection[str] = (), inexact: str = "") -> Callable[[M], M]:
    """Register an iterative method; the function stays as it is.

    Parameters
    ----------
    live : collection of str
        Arguments that may change under way, see `StepMethod`; others begin a new run.
    inexact : str
        Why it cannot be continued bit for bit.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class BrightStep(Step):
    ...     image: Tensor
    >>> @step_method(live={"rate"})
    ... def brighten_steps(image, *, rate=0.1, steps=20, resume: BrightStep | None = None):
    ...     now = resume.image if resume else image
    ...     for index in range(resume.index if resume else 0, steps):
    ...         now = (now * (1 + rate)).clamp(0, 1)
    ...         yield BrightStep(index + 1, steps, now.clone())
    """

    def register(function: M) -> M:
        known = StepMethod(function, frozenset(live), inexact)
        STEP_METHODS[function.__name__] = function._step_method = known  # type: ignore[attr-defined]
        return function

    return register


def method_of(function: Callable[..., Iterator[Any]]) -> StepMethod:
    """Return what is known of a method; of one that is not registered, that it takes nothing."""
    known: StepMethod = getattr(function, "_step_method", StepMethod(function))
    return known


class Writer(Protocol):
    """What takes scalars and pictures: torch's ``SummaryWriter`` for TensorBoard, or its like."""

    def add_scalar(self, tag: str, value: float, step: int, /) -> None:
        """Take a number."""

    def add_images(self, tag: str, images: Tensor, step: int, /) -> None:
        """Take pictures, shape (N, 3, H, W), RGB in [0, 1]."""


def write_step(writer: Writer, step: Step, name: str = "run", *, pictures: bool = True) -> None:
    """Write a step's numbers, and its pictures, each under ``name/field``.

    Parameters
    ----------
    writer : Writer
    step : Step
        Of its fields, numbers and tensors of one number are scalars, a dict of them is a group of
        scalars, and tensors (3, H, W) or (N, 3, H, W) are pictures.
    name : str
    pictures : bool
        Whether to write pictures, too: they cost more than many a step.
    """
    for field in fields(step):
        tag, value = f"{name}/{field.name}", getattr(step, field.name)
        if field.name in ("index", "total", "done"):
            continue
        numbers = value if isinstance(value, dict) else {"": value}
        for key, number in numbers.items():
            if _is_number(number):
                writer.add_scalar(f"{tag}/{key}" if key else tag, float(number), step.index)
        if pictures and isinstance(value, Tensor) and _is_picture(value):
            shape = (-1, 3, *value.shape[-2:])
            writer.add_images(tag, value.detach().cpu().clamp(0, 1).reshape(shape), step.index)


def _is_number(value: object) -> bool:
    if isinstance(value, Tensor):
        return value.numel() == 1
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_picture(value: Tensor) -> bool:
    return value.is_floating_point() and value.ndim in (3, 4) and value.shape[-3] == 3


#: Pictures of a run that are written; its numbers are written at every step.
PICTURES = 20


class Log:
    """Writes a run: every step's numbers, and the pictures of about `PICTURES` steps and the last.

    Parameters
    ----------
    name : str
        What they are written under.
    """

    def __init__(self, name: str) -> None:
        self._name, self._due = name, 0.0

    def write(self, writer: Writer, step: Step) -> None:
        """Write a step; they come in order."""
        pictures = step.progress >= self._due or step.index == step.total
        write_step(writer, step, self._name, pictures=pictures)
        if pictures:
            self._due = step.progress + 1 / PICTURES


def logged(steps: Iterable[S], writer: Writer | None, name: str = "run") -> Iterator[S]:
    """Pass a run's steps on, and write each to a writer; without one, only pass them on."""
    log = Log(name)
    try:
        for step in steps:
            if writer is not None:
                log.write(writer, step)
            yield step
    finally:
        if isinstance(steps, Generator):
            steps.close()  # stopping this one stops the run


def share_of_work(costs: Sequence[float], index: int) -> float:
    """Return the share of the work that is done behind a step, in [0, 1].

    Parameters
    ----------
    costs : sequence of float
        What each step takes, in any unit: the pixels of its picture, say.
    index : int
        Number of steps done.
    """
    return sum(costs[:index]) / sum(costs)


def last(steps: Iterable[S], *, writer: Writer | None = None, name: str = "run") -> S:
    """Run a step generator to its end and return its last step.

    Parameters
    ----------
    steps : iterable of Step
    writer : Writer, optional
        Takes every step's numbers and some steps' pictures, see `Log`.
    name : str
        What they are written under.

    Raises
    ------
    ValueError
        If the generator yields nothing.
    """
    step = None
    for step in logged(steps, writer, name):  # noqa: B007
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
