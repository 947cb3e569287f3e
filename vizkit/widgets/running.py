"""Runs of iterative methods that live on while a panel is drawn again and again.

A panel hands its function a `run`; what that means is said once, in `continued`: equal arguments
are the same run; if only arguments differ that the method takes under way, it goes on from its
present step; anything else is a new run.
"""

import atexit
import ctypes
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from inspect import signature
from threading import Event, Lock, Thread, current_thread
from typing import Any
from weakref import WeakKeyDictionary

from vizkit.core.remembered import content
from vizkit.core.steps import Log, Step, Writer, last, method_of

#: What a function's parameter ``run`` is: ``for step in run(method, *args, **kwargs)``.
Run = Callable[..., Iterator[Any]]


def direct(method: Callable[..., Iterator[Any]], *args: Any, **kwargs: Any) -> Iterator[Any]:
    """Run a method as it is: what `run` is in a plain call."""
    return method(*args, **kwargs)


@dataclass(frozen=True)
class Live:
    """An item that a run in the background draws further and further; see `live`."""

    method: Callable[..., Iterator[Any]]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    draw: Callable[[Any], Any]

    def at_its_end(self) -> Any:
        """Return the item as it is when the run has ended."""
        return self.draw(last(self.method(*self.args, **self.kwargs)))


def live(method: Callable[..., Iterator[Any]], *args: Any, draw: Callable[[Any], Any], **kwargs: Any) -> Any:
    """Make an item of a run that goes on in the background while controls move.

    Parameters
    ----------
    method : callable
        Returns a generator of steps.
    *args, **kwargs
        Its arguments; while they stay equal, the run goes on.
    draw : callable
        ``draw(step)``: the item.
    """
    return Live(method, args, kwargs, draw)


@dataclass
class Stretch:
    """A part of a run with one state of the controls.

    Parameters
    ----------
    values : mapping
        The controls' values.
    until : int
        Index of its last step.
    """

    values: Mapping[str, Any]
    until: int = 0


class Course:
    """One run: its method and arguments, its present step, and the stretches that led there.

    Parameters
    ----------
    method : callable
    args, kwargs
        Its arguments.
    values : mapping
        The controls' values that they were made from.
    before : Course, optional
        Go on from its present step.
    """

    def __init__(
        self,
        method: Callable[..., Iterator[Any]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        values: Mapping[str, Any],
        before: "Course | None" = None,
    ) -> None:
        self._lock = Lock()
        self.method, self.keys = method, _keys(method, args, kwargs)
        self.step: Any = None
        self.stretches: list[Stretch] = []
        if before is not None:
            with before._lock:  # its thread may be about to take one more step
                self.step = before.step
                taken = (one for one in before.stretches if one.until)
                self.stretches = [Stretch(one.values, one.until) for one in taken]
        self.stretches.append(Stretch(values))
        self.seconds, self.taken, self.failed, self._over = 0.0, 0, False, False
        self._ahead: Any = None
        self._pace, self._timed = 0.0, 0
        going_on = {"resume": self.step} if before else {}
        self._call = partial(method, *args, **kwargs, **going_on)
        self._steps: Iterator[Any] | None = None
        self._log = Log(method.__name__)

    def advance(self, writer: Writer | None = None) -> bool:
        """Take a step; return whether there was one."""
        with self._lock:  # two threads may hold two drawings of one run
            step = self._next() if self._ahead is None else self._ahead
            self._ahead = None
            if step is None:
                return False
            self.taken += 1
            self.step = step
            self.stretches[-1].until = getattr(step, "index", self.taken)
            if writer is not None and isinstance(step, Step):
                self._log.write(writer, step)
            return True

    def _next(self) -> Any:
        """Compute the next step, or None behind the last; measure what it takes."""
        start, before = time.perf_counter(), self._ahead or self.step
        try:
            self._steps = self._steps or iter(self._call())
            step: Any = next(self._steps, None)
        except BaseException:
            self.failed = True
            raise
        seconds = time.perf_counter() - start
        self.seconds += seconds
        if not isinstance(step, (Step, type(None))):
            self.failed = True
            raise TypeError(
                f"{self.method.__name__} must yield steps, dataclasses that extend vizkit.core.steps.Step, "
                f"got {type(step).__name__}"
            )
        if step is not None:
            pace = seconds / _work_between(before, step)
            # The first step brings what is done once: it tells little of the others.
            self._pace = pace if self._timed < 2 else 0.8 * self._pace + 0.2 * pace
            self._timed += 1
        self._over = step is None  # it may end before its total
        return step

    def look_ahead(self) -> bool:
        """Compute a step before it is asked for, to know what the others will take; there is no more to do."""
        with self._lock:
            if self._ahead is None and not self.failed:
                self._ahead = self._next()
        return False

    @property
    def unsure(self) -> bool:
        """Whether nothing is known but what its first step took."""
        return self.taken == 1 and self._timed == 1 and not self.failed and not self._over

    @property
    def empty(self) -> bool:
        """Whether it has ended without any step."""
        return self._over and self.step is None

    @property
    def remaining(self) -> float:
        """Seconds that the rest will take, as far as the steps so far can tell."""
        if self._over or not isinstance(self.step, Step):
            return 0.0
        return self._pace * (1 - self.step.work)


def continued(
    before: Course | None,
    method: Callable[..., Iterator[Any]],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    values: Mapping[str, Any],
) -> Course:
    """Return the same run, one that goes on from its present step, or a new one."""
    if before is None or before.method is not method:
        return Course(method, args, kwargs, values)
    keys = _keys(method, args, kwargs)
    names = keys.keys() | before.keys.keys()
    changed = {name for name in names if keys.get(name) != before.keys.get(name)}
    if not changed and not before.failed:
        return before
    taken = changed <= method_of(method).live and "resume" in signature(method).parameters
    alike = all(_shape(keys.get(name)) == _shape(before.keys.get(name)) for name in changed)
    goes_on = taken and alike and before.step is not None
    return Course(method, args, kwargs, values, before if goes_on else None)


def _keys(method: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return what each argument is equal by, by the parameters' names."""
    bound = signature(method).bind(*args, **kwargs)
    bound.apply_defaults()
    return {name: content(value) for name, value in bound.arguments.items()}


def _work_between(before: Any, step: Step) -> float:
    """Return the share of a run's whole work that its latest step was."""
    if isinstance(before, Step) and before.total == step.total and step.work > before.work:
        return step.work - before.work
    return max(step.index - getattr(before, "index", 0), 1) / step.total


def _shape(key: Any) -> Any:
    """Return a tensor's shape: a run cannot go on with a table of another size."""
    return key[1] if isinstance(key, tuple) and key and key[0] == "tensor" else None


class SupersededError(Exception):
    """Ends a drawing whose controls have changed meanwhile."""


@dataclass(eq=False)
class Frame:
    """One execution of a panel's generator function: from a change of its controls to the next.

    Parameters
    ----------
    courses : list of Course
        The panel's runs, in the order in which the function asks for them.
    values : mapping
        The controls' values.
    due : callable
        Whether what there is now is to be shown; the steps between are not drawn.
    writer : callable
        Returns what takes every step's numbers, or None.
    """

    courses: list[Course]
    values: Mapping[str, Any]
    due: Callable[[], bool]
    writer: Callable[[], Writer | None] = lambda: None
    stale: bool = False
    begun: bool = False
    asked: int = field(default=0)

    def run(self, method: Callable[..., Iterator[Any]], *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Return the steps of a run: what is handed in as `run`."""
        place, self.asked = self.asked, self.asked + 1
        before = self.courses[place] if place < len(self.courses) else None
        course = continued(before, method, args, kwargs, self.values)
        self.begun = self.begun or course.step is None
        self.courses[place : place + 1] = [course]
        return self._steps(course)

    def _steps(self, course: Course) -> Iterator[Any]:
        if course.step is not None:
            yield course.step
        first = course.step is None
        while course.advance(self.writer()):
            # Two runs side by side stay in step: then each one is drawn.
            shown = first or self.asked > 1
            while not (shown or self.stale or self.due()) and course.advance(self.writer()):
                pass
            first = False
            if self.stale:
                raise SupersededError
            yield course.step


class Worker:
    """A thread that repeats something until there is nothing left or it is told to halt.

    Parameters
    ----------
    take : callable
        Does a piece of work and returns whether there is more.
    ended : callable
        Called at the end, with the error if there was one: errors in threads are invisible.
    """

    def __init__(self, take: Callable[[], bool], ended: Callable[[Exception | None], None]) -> None:
        self._take, self._ended = take, ended
        self.halted = Event()
        self._thread = Thread(target=self._work, daemon=True)
        _workers[self._thread] = self.halted
        keep_memory()
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it is at work."""
        return self._thread.is_alive()

    @property
    def going_on(self) -> bool:
        """Whether it is at work and nobody has told it to halt."""
        return self.running and not self.halted.is_set()

    def halt(self) -> None:
        """End after the present piece, and wait for that."""
        self.halted.set()
        self.join()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it ends."""
        if self._thread is not current_thread():
            self._thread.join(timeout)

    def _work(self) -> None:
        error = None
        try:
            while not self.halted.is_set() and self._take():
                pass
        except Exception as raised:
            error = raised
        self.halted.set()  # alive until it has said so, but at work no more
        self._ended(error)


@cache
def keep_memory() -> None:
    """Let glibc keep what is freed for the next step, up to half a gigabyte.

    Else it may hand tensors of some megabytes back to the system behind each operation and fetch
    them again, page by page: some runs of t-SNE took 2.5 times as long, by chance.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mmap_threshold, trim_threshold = -3, -1  # malloc.h
        mallopt(mmap_threshold, 32 << 20)
        mallopt(trim_threshold, 512 << 20)


# A thread inside of torch when the interpreter ends takes the whole process down with an abort.
_workers: "WeakKeyDictionary[Thread, Event]" = WeakKeyDictionary()


@atexit.register
def _end_all() -> None:
    """Let every run end after its present step."""
    running = [(thread, halted) for thread, halted in _workers.items() if thread.is_alive()]
    for _, halted in running:
        halted.set()
    for thread, _ in running:
        thread.join(10)
