"""A panel whose result is the state of a run that a hand starts and stops."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from threading import get_ident
from typing import Any

import ipywidgets as widgets

from vizkit.core.steps import Step
from vizkit.widgets.history import History
from vizkit.widgets.old_panel import Panel, Shown
from vizkit.widgets.runner import Runner


class LivePanel(Panel):
    """Controls, and Run, Stop, Step, Continue, Reset for an iterative method.

    The first state is there when the panel is made. While the run goes on, a control of `live`
    changes it under way; any other control starts it anew. While it is stopped, a `live` control
    shows the present state anew and counts when it continues; any other goes back to the first
    state.

    Parameters
    ----------
    title : str
    controls : mapping of str to Widget
    start : callable
        ``start(step, **values)``: a generator of steps, behind `step` or from the beginning.
    draw : callable
        ``draw(step, **values)``: pictures, charts and HTML text by name.
    live : collection of str
        Names of controls.
    looks : collection of str
        Names of controls that change how a state is drawn and nothing else: the run goes on.
    rate : float
        Updates of the page a second.
    name : str
        A word beside the progress bar.
    history : str
        Name of the picture whose states are kept, for a slider and for a GIF; none by default.
    auto : bool
        Whether a control that goes back to the first state also starts the run: for short ones.
    **others
        As of `Panel`.

    Attributes
    ----------
    history : History
        Of the picture that is kept.
    runner : Runner
        ``runner.run()`` and ``runner.wait()`` do in a cell what the buttons do;
        ``runner.writer = SummaryWriter("runs")`` writes the next runs for TensorBoard.
    """

    def __init__(
        self,
        title: str,
        controls: Mapping[str, widgets.Widget],
        start: Callable[..., Iterator[Step]],
        draw: Callable[..., Shown],
        *,
        live: Collection[str] = (),
        looks: Collection[str] = (),
        rate: float = 10,
        name: str = "progress",
        auto: bool = False,
        history: str = "",
        **others: Any,
    ) -> None:
        self._start, self._live, self._auto = start, frozenset(live), auto
        self._looks = frozenset(looks)
        self._beginning: Step | None = None  # the first state, as long as it holds
        self.runner: Runner[Step] = Runner(self._begin, self._show_step, rate=rate, name=name)
        self._kept = history
        self.history = History(lambda raster: self.shown[history].show(raster))
        extra = [*others.pop("extra", ()), self.runner.view]
        super().__init__(
            title, controls, self._first_step, lambda step: draw(step, **self.values),
            extra=[*extra, self.history.slider] if history else extra, **others,
        )  # fmt: skip

    def _begin(self, step: Step | None) -> Iterator[Step]:
        self._good = self.values
        if step is None:
            self.history.clear()
        return self._start(step, **self._good)

    def _first_step(self, **values: Any) -> Step:
        if self.runner.step is not None:
            return self.runner.step
        if self._beginning is None:
            with closing(self._start(None, **values)) as steps:  # type: ignore[type-var]
                self._beginning = next(steps)
        return self._beginning

    def _show_step(self, step: Step | None) -> None:
        if step is None:
            self.update()
            return
        with self._lock:
            self.result = step
            shown = self._draw(step)
            self._show(shown)
            if self._kept:
                self.history.add(step.index, shown[self._kept])  # type: ignore[arg-type]
            if self._listing.layout.display != "none":
                self._list_code()

    def save(self, folder: str | Path = ".") -> list[Path]:
        """Write what `Panel.save` writes, and the run so far as an animated GIF."""
        saved = super().save(folder)
        if len(self.history.frames) > 1:
            saved.append(self.history.save(self._free_path(Path(folder), "film", "gif")))
            self._say("saved " + ", ".join(path.name for path in saved))
        return saved

    def _react(self, names: frozenset[str]) -> None:
        if self._owner == get_ident():
            return  # `adjust` changed a control: the computation has not begun
        running = self.runner.running and not names <= self._looks
        restart = not names <= self._live | self._looks
        if restart:
            self.runner.forget()
        if not names <= self._looks:
            self._beginning = None
        self.update()
        if self.error is None and (running or (restart and self._auto)):
            self.runner.run() if restart else self.runner.resume()


def code_of_run(call: str, index: int, total: int) -> list[str]:
    """Return the lines of Python that run a generator up to a step.

    Parameters
    ----------
    call : str
        What makes the generator.
    index, total : int
        Of the step.
    """
    if index >= total:
        return [f"result = last({call})"]
    return [f"for result in {call}:", f"    if result.index == {index}:", "        break"]
