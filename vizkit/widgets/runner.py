"""A live run that a hand can stop: drains a step generator in a thread."""

import atexit
import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from threading import Event, Lock, Thread, current_thread
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

import ipywidgets as widgets

from vizkit.core.steps import Step, Writer, logged
from vizkit.widgets.old_panel import alert

S = TypeVar("S", bound=Step)
# A thread inside of torch when the interpreter ends takes the whole process down with an abort.
_threads: "WeakKeyDictionary[Thread, Event]" = WeakKeyDictionary()


@atexit.register
def _end_all() -> None:
    """Let every run end after its present step."""
    running = [(thread, halt) for thread, halt in _threads.items() if thread.is_alive()]
    for _, halt in running:
        halt.set()
    for thread, _ in running:
        thread.join(10)


_BUTTONS = {"Run": "56px", "Stop": "56px", "Step": "56px", "Continue": "82px", "Reset": "64px"}


class Runner(Generic[S]):
    """Run, Stop, Step, Continue and Reset for an iterative method.

    Parameters
    ----------
    start : callable
        ``start(step)`` returns a generator of steps; `step` is None for a new run, or the last
        step of the run to continue.
    show : callable
        ``show(step)`` draws a step; called at most `rate` times a second and for the last one,
        and with None after Reset.
    name : str
        A word beside the progress bar.
    rate : float
        Updates of the page a second. More than 15 delay what the kernel says next.
    writer : Writer, optional
        Takes every step's numbers and some steps' pictures: torch's ``SummaryWriter``.

    Attributes
    ----------
    writer : Writer or None
        May be set at any time; the next run takes it.
    step : Step or None
        The last step.
    error : Exception or None
        What ended the run.
    view : Widget
        Buttons and a progress bar.
    """

    def __init__(
        self,
        start: Callable[[S | None], Iterator[S]],
        show: Callable[[S | None], None],
        *,
        rate: float = 10,
        name: str = "progress",
        writer: Writer | None = None,
    ) -> None:
        self._start, self._show, self._pause = start, show, 1 / rate
        self._name, self.writer = name, writer
        self.step: S | None = None
        self.error: Exception | None = None
        self._halt = Event()  # of the present run: an older one is superseded
        self._guard = Lock()
        self._thread: Thread | None = None
        self.buttons = {
            name: widgets.Button(description=name, layout=widgets.Layout(width=width))
            for name, width in _BUTTONS.items()
        }
        actions = (self.run, self.stop, self.advance, self.resume, self.reset)
        for button, action in zip(self.buttons.values(), actions, strict=True):
            button.on_click(lambda _, action=action: action())
        self._bar = widgets.FloatProgress(
            min=0, max=1, description=name, layout=widgets.Layout(width="340px")
        )
        self._status = widgets.HTML().add_class("vizkit-status")
        self.view = widgets.VBox(
            [widgets.HBox(list(self.buttons.values())), self._bar, self._status]
        )
        self._enable()

    @property
    def running(self) -> bool:
        """Whether a thread is at work."""
        return self._thread is not None and self._thread.is_alive()

    def run(self) -> None:
        """Start anew; a run under way is stopped first."""
        self._launch(None)

    def resume(self) -> None:
        """Go on behind the last step."""
        self._launch(self.step)

    def advance(self) -> None:
        """Take a single step."""
        self._launch(self.step, most=1)

    def stop(self) -> None:
        """End the run after its present step and keep what is there."""
        self._halt.set()
        thread = self._thread
        if thread is not None and thread is not current_thread():
            thread.join()
        self._enable()

    def forget(self) -> None:
        """Stop and forget the last step; what is shown stays."""
        self.stop()
        self.step, self.error = None, None
        self._bar.value, self._status.value = 0, ""
        self._enable()

    def reset(self) -> None:
        """Stop, forget the last step, and show that there is none."""
        self.forget()
        self._show(None)

    def wait(self, timeout: float | None = None) -> S:
        """Wait for the run to end and return its last step.

        Raises
        ------
        TimeoutError
            If it does not end within `timeout` seconds.
        Exception
            Whatever ended the run.
        """
        end = None if timeout is None else time.monotonic() + timeout
        thread = None
        while thread is not self._thread:  # a run may have been superseded by another
            thread = self._thread
            thread.join(None if end is None else max(end - time.monotonic(), 0))
        if self.running:
            raise TimeoutError(f"the run did not end within {timeout} s")
        if self.error is not None:
            raise self.error
        if self.step is None:
            raise ValueError("wait needs a run, none was started")
        return self.step

    def _launch(self, step: S | None, most: float = math.inf) -> None:
        with self._guard:
            # Not joined: what starts this run may be the very thread of the one it replaces.
            self._halt.set()
            self._halt = Event()
            self.step, self.error = step, None
            self._thread = Thread(target=self._drain, args=(step, self._halt, most), daemon=True)
            _threads[self._thread] = self._halt
            self._enable(running=True)
            self._thread.start()

    def _drain(self, step: S | None, halt: Event, most: float) -> None:
        shown, begun, taken = 0.0, time.perf_counter(), 0
        try:
            steps = logged(self._start(step), self.writer, self._name)
            with closing(steps):  # type: ignore[type-var]
                while not halt.is_set() and taken < most:
                    if (step := next(steps, None)) is None:
                        break
                    taken += 1
                    with self._guard:
                        if self._halt is not halt:
                            return
                        self.step = step
                    if (now := time.perf_counter()) - shown >= self._pause:
                        self._display(step, now - begun)
                        shown = now
            if self._halt is halt and self.step is not None:
                self._display(self.step, time.perf_counter() - begun)
        except Exception as error:
            if self._halt is halt:  # a thread's error is invisible unless kept
                self.error = error
                self._status.value = alert(error)
        finally:
            if self._halt is halt:
                self._enable()

    def _display(self, step: S, seconds: float) -> None:
        self._show(step)
        self._bar.value = step.progress
        self._status.value = (
            f'<div role="status">step {step.index} of {step.total}, {seconds:.1f} s</div>'
        )

    def _enable(self, *, running: bool = False) -> None:
        begun = self.step is not None
        finished = begun and self.step.index >= self.step.total
        self.buttons["Run"].disabled = running
        self.buttons["Stop"].disabled = not running
        self.buttons["Step"].disabled = running or finished
        self.buttons["Continue"].disabled = running or not begun or finished
        self.buttons["Reset"].disabled = not (running or begun)
