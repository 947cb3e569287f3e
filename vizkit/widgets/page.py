"""A panel on the page: controls at the left, what their function shows at the right."""

import base64
import inspect
import os
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from pathlib import Path
from threading import RLock, Thread
from typing import Any
from weakref import WeakSet, WeakValueDictionary

import ipywidgets as widgets
import numpy as np
import plotly.graph_objects as go
from PIL import Image

from vizkit.core import checks
from vizkit.core.checks import first_line
from vizkit.core.steps import Step, Writer
from vizkit.core.trail import KEEPER
from vizkit.figures.raster import Raster, jpeg
from vizkit.figures.texts import bare
from vizkit.widgets import presets as prepared
from vizkit.widgets.browser_side import JS, View
from vizkit.widgets.chart import ChartView
from vizkit.widgets.controls import YOURS
from vizkit.widgets.fields import Fields, same
from vizkit.widgets.fit import CANVAS, fitting
from vizkit.widgets.function import PanelFunction, split
from vizkit.widgets.hands import Tile
from vizkit.widgets.history import History
from vizkit.widgets.items import Failed, Slot, alert, discard, html_of
from vizkit.widgets.looks import alike, own_layout
from vizkit.widgets.names import Names
from vizkit.widgets.picture import PictureView
from vizkit.widgets.running import Course, Frame, Live, SupersededError, Worker, continued
from vizkit.widgets.source import State, listing
from vizkit.widgets.still import still

#: The panels that are alive, by the id of the widget that is on the page.
PANELS: "WeakValueDictionary[str, Panel]" = WeakValueDictionary()
#: Seconds between two drawings of an item that is given as a function, while a run is played.
PATIENCE = 0.2
#: Bytes that a run may show: so many at once, then so many a second. A hub's two hundred students
#: share one line: 1.5 MB a minute each.
BURST, FLOW = 750_000, 12_500
#: Drawings a second of a run in the background.
BEHIND = 3.0
#: Before a run that takes longer, in seconds, the page says so.
LONG = 5.0
STYLE = f"<style>{(JS / 'panel.css').read_text(encoding='utf-8')}</style>"


class Panel:
    """A function with its controls on the page.

    A value that is set in a cell takes the same path as one set by hand, and its result is there
    when the cell goes on. An error is shown in the panel in one sentence, the last good result
    stays, and the panel goes on. Made by ``function.show(...)``.

    Parameters
    ----------
    function : PanelFunction
    given : mapping
        Values of parameters to begin with, or objects of the user's own.

    Attributes
    ----------
    controls : dict of str to Widget
        Each has a ``value``.
    result : object
        What the function returned beside the items: of a live run its present step.
    error : Exception or None
    writer : Writer or None
        Takes the next run's numbers and pictures: torch's ``SummaryWriter``.
    history : History
        The pictures of the run so far.
    played : bool
        Whether a run was let go, by a hand or in a cell.
    view : Widget
    """

    def __init__(self, function: PanelFunction, given: Mapping[str, Any]) -> None:
        self.function, self.title = function, function.title
        self.result: Any = None
        self.error: Exception | None = None
        self.writer: Writer | None = None
        self._courses: list[Course] = []
        self._background: dict[str, tuple[Live, Course]] = {}
        self._workers: dict[str, Worker] = {}
        self._foresight: Worker | None = None
        self._frame: tuple[Frame, Any] | None = None
        self._drawing, self._changes = RLock(), 0
        self._last_shown, self._single = 0.0, False
        self._allowance, self._sent, self._counted = float(BURST), 0, 0.0
        self.played = False
        self.followers: WeakSet[Panel] = WeakSet()
        self._good: dict[str, Any] = {}
        self._sizes: tuple[bool, dict[str, Any]] = (False, {})
        self._slots = {
            name: Slot(name, function.captions.get(name, ""), partial(self._hands, name), self._hurried, self._sentence)
            for name in function.source.items
        }
        self.history = History(self._show_frame)
        self.fields = Fields(function, given, lambda panel: panel.followers.add(self))
        self.controls = self.fields.widgets
        self._build()
        PANELS[self.view.model_id] = self
        self.fields.settle()
        for name, value in given.items():
            if name in self.controls and not self.fields.is_now(name, value):
                raise ValueError(f"{name} cannot be {value!r} here, the nearest is {self.values[name]!r}")
        self._redraw()
        if self.error is not None and function.__module__.startswith("vizkit."):
            raise self.error  # wrong from the start: the author's mistake, or a net it is not for
        self._first, self._first_own = self.values, dict(self.fields.own)
        for name, field in self.controls.items():
            field.observe(lambda _, n=name: self._changed(n), "value")
            if field.has_trait("problem"):
                field.observe(self._refused, "problem")
            if field.has_trait("dropped"):
                field.observe(self._dropped, "dropped")
            if field.has_trait("frame"):
                field.observe(partial(self._pictured, name), "frame")

    # Building ---------------------------------------------------------------------------------

    def _build(self) -> None:
        self._preset_bar = prepared.PresetBar(self)
        self._status, self._listing = alike(widgets.HTML).add_class("vizkit-status"), alike(widgets.HTML)
        self._pinned = alike(widgets.VBox).add_class("vizkit-pinned")
        own_layout(self._listing).display = own_layout(self._pinned).display = "none"
        runs = self.function.live or self.function.source.has_background
        self._buttons = {
            "Play": (self._toggle_run, runs),
            "Step": (self.step, self.function.live),
            "Reset": (self.reset, True),
        }
        self._menu: dict[str, Callable[[], Any]] = {
            "Show code": self._toggle_code,
            "Save": self._save_by_hand,
            "Save preset": self.save_preset,
            "Pin": self.pin,
            "Share this state": self._show_share,
            "Freeze": self._freeze_behind,
            "Full screen": partial(self._say, "Escape leaves the full screen"),
        }
        self._button: dict[str, Any] = {}
        bar = [self._preset_bar.list]
        bar += [self._make_button(name, action) for name, (action, there) in self._buttons.items() if there]
        menu = alike(widgets.HBox, [self._make_button(name, action) for name, action in self._menu.items()])
        unfold = unfolding("Menu", menu.add_class("vizkit-menu"))
        self._button["Full screen"].add_class("vizkit-full-screen")
        self._canvas = alike(widgets.Box).add_class("vizkit-canvas")
        words = f'<span class="vizkit-title">{escape(self.title)}</span> <span class="vizkit-says">'
        title = alike(widgets.HTML, f"{STYLE}{words}{escape(self.function.says)}</span>")
        body = alike(widgets.HBox, [self._controls_box(), self._canvas, self._pinned])
        self.view = alike(
            widgets.VBox,
            [
                title,
                alike(widgets.HBox, [*bar, unfold, self._status]).add_class("vizkit-bar"),
                menu,
                self._preset_bar.say,
                body.add_class("vizkit-body"),
                self._listing,
                Names(),
            ],
        ).add_class("vizkit-panel")

    def _make_button(self, name: str, action: Callable[[], Any]) -> widgets.Button:
        button = alike(widgets.Button, description=name, layout={"width": "auto"})
        button.on_click(lambda _: self._guarded(action))
        self._button[name] = button
        return button

    def _controls_box(self) -> widgets.Widget:
        first: list[widgets.Widget] = []
        folded: list[widgets.Widget] = []
        for name, field in self.controls.items():
            (folded if self.function.parameters[name].folded else first).append(field)
        more = alike(widgets.VBox, folded).add_class("vizkit-folded")
        unfold = unfolding("More", more, align_self="flex-start")
        film = [self.history.slider] if self.function.live else []
        shown = [*first, *([unfold, more] if folded else []), *film]
        return alike(widgets.VBox, shown).add_class("vizkit-controls")

    def _lay_out(self) -> None:
        """Put the items into their places, the pictures so large that all of it can be seen."""
        rows = self.function.layout
        self._canvas.children = [slot.view for slot in self._slots.values()]
        if rows:
            self._canvas.add_class("vizkit-grid")
            own_layout(self._canvas).grid_template_areas = " ".join(f'"{" ".join(row)}"' for row in rows)
            for name, slot in self._slots.items():
                own_layout(slot.view).grid_area = name

    def _fit(self) -> None:
        """Show pictures and charts so large that all of it can be seen; where sizes changed."""
        sizes = {name: slot.size for name, slot in self._slots.items()}
        pinned = self._pinned.layout.display != "none"
        solid = pinned, {name: size for name, size in sizes.items() if size[2]}
        if solid != self._sizes:
            self._sizes = solid
            words = {name: 22 for name, slot in self._slots.items() if slot.caption}
            share = fitting(sizes, words, self.function.layout, CANVAS // (1 + pinned))
            for slot in self._slots.values():
                slot.fit(share)

    def _hands(self, item: str, shown: Any) -> None:
        """Let the hands on an item listen to its widget."""
        for name, one in self.function.parameters.items():
            if one.hand is not None and one.hand.item == item:
                one.hand.attach(shown, partial(self.fields.read, name), partial(self._moved, name))
        if isinstance(shown, PictureView):
            shown.on_release = self._sharpen
        if shown.has_trait("problem"):
            shown.observe(self._dropped, "problem")

    def _moved(self, name: str, value: Any) -> None:
        """Answer to a hand."""
        self._guarded(lambda: self.set(**{name: value}))

    def _pictured(self, name: str, change: Mapping[str, Any]) -> None:
        """Take a picture of the camera as the user's own."""
        self._guarded(lambda: self.set(**{name: change["new"]}))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Return the widget, and beside it a picture and a line for places where no kernel is."""
        return {**self.view._repr_mimebundle_(), **self.still}

    def _mime_(self) -> tuple[str, str]:
        """Return what marimo shows, which knows no ipywidgets."""
        here = self.still
        words = "A picture: panels live in JupyterLab, Notebook 7, Voila, VS Code and Colab; marimo has no ipywidgets."
        picture = f'<img alt="{escape(here["text/plain"])}" src="data:image/jpeg;base64,{here["image/jpeg"]}">'
        return "text/html", f"<p>{words}</p>{picture}"

    @property
    def still(self) -> dict[str, str]:
        """What the panel shows now, as a picture and in words, by MIME type."""
        picture = still(self)
        return {"image/jpeg": base64.b64encode(jpeg(picture.pixels, 80)).decode(), "text/plain": picture.alt}

    def freeze(self, notebook: str | Path | None = None, seconds: float = 5) -> Path:
        """Write a copy of the saved notebook whose panels are pictures of what they show now.

        Parameters
        ----------
        notebook : str or Path, optional
            The one that this kernel runs by default.
        seconds : float
            To wait for charts, which the browser draws.

        Raises
        ------
        ValueError
            If no name is known, or no panel is in the saved notebook.
        """
        notebook = notebook or os.environ.get("JPY_SESSION_NAME")
        if not notebook:
            raise ValueError("notebook must be given where the server does not name it: panel.freeze('NAME.ipynb')")
        charts = [one for panel in PANELS.values() for one in panel.shown.values() if isinstance(one, ChartView)]
        for chart in charts:
            chart.ask_still()
        end = time.monotonic() + seconds
        while time.monotonic() < end and not all(chart.still for chart in charts):
            time.sleep(0.05)
        from vizkit.freeze import freeze  # nbformat's schemas take two seconds to import

        return freeze(notebook, stills={key: panel.still for key, panel in list(PANELS.items())})

    def _freeze_behind(self) -> None:
        """Freeze in a thread: the browser's pictures of charts come in where this button was pressed."""

        def work() -> None:
            self._guarded(lambda: self._say(f"wrote {self.freeze().name}"))

        self._say("the browser draws the charts ...")
        Thread(target=work, daemon=True).start()

    # State ------------------------------------------------------------------------------------

    @property
    def values(self) -> dict[str, Any]:
        """The parameters' values by name; "yours" for an object of the user's own."""
        return self.fields.values

    def set(self, **values: Any) -> None:
        """Set several parameters and compute once.

        A run that takes one of them only at its beginning is at its first step again, and waits for `play`. An
        error of the function itself is not raised but kept in `error`, and shown.

        Raises
        ------
        ValueError
            If a name is no parameter, or a control cannot take its value (none is clamped); nothing changes then.
        """
        for name in values:
            checks.choice(name, self.controls, "control")
        before, own = self.values, dict(self.fields.own)
        for name, value in values.items():
            if value != YOURS if isinstance(value, str) else True:
                one = self.function.parameters[name]
                if self.fields.is_own(one, value):
                    self.fields.keep(name, value)
                    values[name] = YOURS
        refused = self.fields.change(values)
        if refused:
            self.fields.own = own
            self.fields.change(before)
            name, reason = next(iter(refused.items()))
            raise ValueError(f"{name} cannot be {values[name]!r} here ({reason})")
        self._redraw(by_hand=True)

    def reset(self) -> None:
        """Set every control back to what it was at first, and every run to its first step."""
        self.pause()
        self._courses.clear()
        self._background.clear()
        self.history.clear()
        self.fields.own = dict(self._first_own)
        self._preset_bar.forget()
        self.fields.change(self._first)
        self._redraw()

    @property
    def presets(self) -> dict[str, prepared.Preset]:
        """The panel's presets by name: those of the kit, and those saved beside the notebook."""
        return prepared.presets_of(self.title, Path())

    def save_preset(self, path: str | Path | None = None, *, name: str = "", say: str = "") -> Path:
        """Write the controls' values as JSON, to be loaded again here or by somebody else.

        Parameters
        ----------
        path : str or Path, optional
            A new numbered file beside the notebook by default.
        name, say : str
            What it shows, in a few words; what to look for, in a sentence.
        """
        path = Path(path or self._free_path(Path(), "", prepared.SUFFIX[1:]))
        name = name or path.name.removesuffix(prepared.SUFFIX)
        prepared.Preset(name, self.title, self.values, say).write(path)
        self._preset_bar.refresh()
        self._say(f"saved {path.name}")
        return path

    def load_preset(self, preset: str | Path) -> None:
        """Bring every control into a saved state.

        Parameters
        ----------
        preset : str or Path
            The name of one of the panel's presets, or a file that `save_preset` wrote.

        Raises
        ------
        FileNotFoundError, ValueError
            If there is none, it is another panel's, or a value is none that a control can take;
            the controls stay as they were.
        """
        found = self.presets.get(str(preset)) or prepared.read_preset(preset)
        if found.panel != self.title:
            raise ValueError(f"preset must be of {self.title!r}, got one of {found.panel!r}")
        self.set(**{**self._first, **found.values})
        self._preset_bar.loaded(found)

    @property
    def share(self) -> str:
        """The line of Python that makes this panel in this state."""
        parameters = self.function.parameters
        given = ", ".join(
            f"{name}={name if value == YOURS else repr(value)}"
            for name, value in self.values.items()
            if not same(value, parameters[name].default)
            and not (parameters[name].default is None and same(value, self._default_of(name)))
        )
        kit = self.function.__module__.startswith("vizkit.")
        return f"{'vizkit.panels.' if kit else ''}{self.function.name}.show({given})"

    def _default_of(self, name: str) -> Any:
        """Return what a control without a default of its own would be now."""
        control = self.function.parameters[name].control
        known = self.fields.known
        return control.load(None, known) if control is not None else None

    # Drawing ----------------------------------------------------------------------------------

    def _changed(self, name: str) -> None:
        del name
        if not self.fields.silent:
            self._redraw(by_hand=True)

    def _redraw(self, *, by_hand: bool = False) -> None:
        """Call the function with the controls' present values and show what it returns."""
        self._changes = change = self._changes + 1
        with self._drawing:
            if change != self._changes:
                return  # another thread's change came behind this one and will draw both
            start = time.perf_counter()
            try:
                known = self.fields.settle()
                arguments, values = self.function.own(known), self.values
                begun = False
                if self.function.live:
                    shown, begun = self._begin(arguments, values)
                else:
                    shown = self.function.function(**arguments)
                self._present(shown, values)
                if not self.function.live and not self._workers:
                    self._say(f"{1000 * (time.perf_counter() - start):.0f} ms")
            except Exception as error:
                self._fail(error)
                return
        if by_hand and begun and self.function.auto:
            self.play()

    def _begin(self, arguments: dict[str, Any], values: dict[str, Any]) -> tuple[Any, bool]:
        """Execute the function anew, to its first yield: the present step of a run that goes on."""
        frame = Frame(self._courses, values, self._due, lambda: self.writer)
        steps = self.function.function(**arguments, run=frame.run)
        try:
            shown = next(steps)
        except StopIteration:
            raise ValueError(f"{self.function.name} yielded nothing: its run must take at least one step") from None
        if self._frame is not None:
            self._frame[0].stale = True
        if frame.begun:
            self.history.clear()
        self._frame = frame, steps
        return shown, frame.begun

    def _present(self, shown: Any, values: dict[str, Any]) -> None:
        """Show what the function returned; called with the drawing locked."""
        first = not self._good
        self.result, items = split(shown)
        self.error, self._good = None, values
        for name, item in items.items():
            if callable(item) and self._can_wait(self._slots[name]):
                self._slots[name].waiting = item
                continue
            item = drawn(item)
            self._slots[name].waiting, self._slots[name].drawn_at = None, time.perf_counter()
            if isinstance(item, Live):
                self._follow(name, item, values)
            else:
                self._background.pop(name, None)
                self._slots[name].show(item)
        if first:
            self._lay_out()
            self._check_hands()
        self._fit()
        for one in self.function.parameters.values():
            if one.hand is not None:
                one.hand.outline(self._slots[one.hand.item].shown, values)
        if self.function.live:
            self._keep_frame()
            self._foresee()
            self._say_progress()
        if self._listing.layout.display != "none":
            self._list_code()
        for follower in list(self.followers):
            follower._redraw()
        self._last_shown = time.perf_counter()
        self._pay()

    def _pay(self) -> None:
        """Take what went to the page since the last time from what may go there."""
        now, sent = time.perf_counter(), sum(slot.sent for slot in self._slots.values())
        self._allowance = self._afforded(now) - max(sent - self._sent, 0)
        self._counted, self._sent = now, sent

    def _check_hands(self) -> None:
        """Refuse a hand on what it cannot take hold of: what an item is, is known when it is there."""
        for one in self.function.parameters.values():
            slot = self._slots[one.hand.item] if one.hand is not None else None
            if one.hand is None or slot is None or slot.error or slot.name in self._background:
                continue
            kind, chart = type(one.hand.hand).__name__, isinstance(slot.item, go.Figure)
            if isinstance(slot.item, Raster) or (chart and not isinstance(one.hand.hand, Tile)):
                continue
            what = "a chart" if chart else "no picture and no chart"
            raise ValueError(
                f"{self.function.name}: {one.name!r} is a {kind} on {slot.name!r}, which is {what}; "
                f"put it on a picture{'' if isinstance(one.hand.hand, Tile) else ' or a chart'}"
            )

    def _afforded(self, now: float) -> float:
        """Return how many bytes may go to the page."""
        return min(BURST, self._allowance + FLOW * (now - self._counted))

    def _paced(self, since: float, rate: float) -> bool:
        """Whether a run's next state may be shown: it is time, the line has room, and the page is not behind."""
        now = time.perf_counter()
        if now - since < 1 / rate or self._afforded(now) <= 0:
            return False
        return not any(isinstance(slot.shown, View) and slot.shown.behind for slot in self._slots.values())

    def _foresee(self) -> None:
        """If a run that was just begun seems long, measure a second step meanwhile: the first misleads."""
        if self._foresight is not None and self._foresight.going_on:
            return
        for course in self._courses:
            if course.unsure and course.remaining > LONG:
                self._foresight = Worker(course.look_ahead, self._foreseen)
                return

    def _foreseen(self, error: Exception | None) -> None:
        if error is not None:
            self._fail(error)
        elif self.error is None and not self._going_on:
            self._say_progress()
            self._foresee()  # there may be a newer run

    def _can_wait(self, slot: Slot) -> bool:
        """Whether a run is played that has no time for an item given as a function."""
        worker = self._workers.get("")
        playing = worker is not None and worker.going_on
        return playing and time.perf_counter() - slot.drawn_at < PATIENCE

    def _catch_up(self) -> None:
        """Draw the items that had to wait while the run was played."""
        with self._drawing:
            for slot in self._slots.values():
                if slot.waiting is not None:
                    slot.show(drawn(slot.waiting))
                    slot.waiting = None

    def _hurried(self) -> bool:
        """Whether the next pictures come at once: a hand drags, or a run is played."""
        held = any(isinstance(slot.shown, PictureView) and slot.shown.held for slot in self._slots.values())
        return held or self._going_on

    def _sharpen(self) -> None:
        with self._drawing:
            if not self._hurried():
                for slot in self._slots.values():
                    slot.sharpen()

    def _keep_frame(self) -> None:
        pictures = [slot.item for slot in self._slots.values() if isinstance(slot.item, Raster)]
        if pictures and isinstance(self.result, Step):
            self.history.add(self.result.index, pictures[0])

    def _show_frame(self, raster: Raster) -> None:
        slot = next(slot for slot in self._slots.values() if isinstance(slot.item, Raster))
        slot.shown.show(raster, slot.wide(raster))

    @property
    def shown(self) -> dict[str, Any]:
        """The widgets on the page, by the items' names."""
        return {name: slot.shown for name, slot in self._slots.items()}

    @property
    def items(self) -> dict[str, Any]:
        """What is shown: pictures, charts, texts, by name."""
        return {name: slot.item for name, slot in self._slots.items()}

    @property
    def failures(self) -> dict[str, Exception]:
        """Why items could not be drawn, by name."""
        return {name: slot.error for name, slot in self._slots.items() if slot.error is not None}

    @property
    def status(self) -> str:
        """The words in the bar: how far a run is, the time taken, or what went wrong."""
        return bare(self._status.value)

    def _fail(self, error: Exception) -> None:
        self.error = error
        self._status.value = alert(self._sentence(error))

    def _sentence(self, error: Exception) -> str:
        return sentence(error, self.function)

    def _say(self, text: str) -> None:
        self._status.value = f'<div role="status">{escape(text)}</div>'

    def _guarded(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except Exception as error:
            self._fail(error)

    def _refused(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self._fail(ValueError(change["new"]))

    def _dropped(self, change: dict[str, Any]) -> None:
        """Say what was wrong with a message from the page; nothing came of it, so nothing has failed."""
        if change["new"]:
            self._status.value = alert(change["new"])

    # Running ----------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return any(worker.running for worker in self._workers.values())

    @property
    def _going_on(self) -> bool:
        """Whether a run is at work and nobody has told it to halt."""
        return any(worker.going_on for worker in list(self._workers.values()))

    @property
    def steps(self) -> dict[str, Any]:
        """The present steps of the runs in the background, by their items' names."""
        return {name: course.step for name, (_, course) in self._background.items()}

    def play(self) -> None:
        """Let the run go on; one that has ended begins anew."""
        self.played = True
        if self.function.live:
            worker = self._workers.get("")
            if worker is not None and worker.going_on:
                return
            if worker is not None:
                worker.halt()
            if self._ended():
                self._courses.clear()
                self._redraw()
            if self.error is None:
                self._workers[""] = Worker(self._take, self._stopped)
        for name, (_, course) in self._background.items():
            self._launch(name, course)
        self._mark_running()

    def pause(self) -> None:
        """Stop the run behind its present step and keep what is there."""
        for worker in list(self._workers.values()):
            worker.halted.set()
        for worker in list(self._workers.values()):
            worker.join()
        self._mark_running()

    def step(self) -> None:
        """Take a single step."""
        self.pause()
        if self._ended():
            return
        self._single = True
        try:
            self._take()
        except Exception as error:
            self._fail(error)
        finally:
            self._single = False

    def wait(self, seconds: float | None = None) -> Any:
        """Wait for the runs to end and return the result.

        Raises
        ------
        TimeoutError
            If they do not end within `seconds`.
        Exception
            Whatever ended a run.
        """
        end = None if seconds is None else time.monotonic() + seconds
        while waiting := [worker for worker in list(self._workers.values()) if worker.running]:
            waiting[0].join(None if end is None else max(end - time.monotonic(), 0))
            if end is not None and time.monotonic() >= end and waiting[0].running:
                raise TimeoutError(f"the run did not end within {seconds} s")
        for slot in self._slots.values():
            if slot.error is not None and slot.name in self._background:
                raise slot.error
        if self.error is not None:
            raise self.error
        return self.result

    def _ended(self) -> bool:
        return bool(self._courses) and all(
            isinstance(one.step, Step) and one.step.index >= one.step.total for one in self._courses
        )

    def _due(self) -> bool:
        worker = self._workers.get("")
        halted = self._single or worker is None or worker.halted.is_set()
        return halted or self._paced(self._last_shown, self.function.rate)

    def _take(self) -> bool:
        """Take the run as far as it is to be shown next; called by the thread that plays it."""
        assert self._frame is not None
        frame, steps = self._frame
        try:
            shown = next(steps)
        except SupersededError:
            return True
        except (StopIteration, ValueError) as end:
            if isinstance(end, ValueError) and "already executing" not in str(end):
                raise
            return self._frame[0] is not frame  # a change came meanwhile: go on with that
        with self._drawing:
            if self._frame[0] is frame:
                self._present(shown, dict(frame.values))
        return True

    def _stopped(self, error: Exception | None) -> None:
        self._catch_up()
        self._sharpen()
        if error is not None:
            self._fail(error)
        else:
            self._say_progress()
        self._mark_running()

    def _follow(self, name: str, item: Live, values: dict[str, Any]) -> None:
        """Draw the run behind an item as far as it is, and let it go on."""
        kept = self._background.get(name)
        course = continued(kept[1] if kept else None, item.method, item.args, item.kwargs, values)
        self._background[name] = item, course
        self._draw_background(name)
        if kept is None or course is not kept[1]:
            self._launch(name, course)
        self._mark_running()

    def _launch(self, name: str, course: Course) -> None:
        worker = self._workers.get(name)
        if worker is not None:
            worker.halted.set()  # not joined: it may wait for what this thread holds
        due = [0.0]

        def take() -> bool:
            more = course.advance(self.writer)
            if more and not self._paced(due[0], BEHIND):
                return True
            due[0] = time.perf_counter()
            with self._drawing:
                if self._background.get(name, (None, None))[1] is course:
                    self._draw_background(name)
            return more

        def ended(error: Exception | None) -> None:
            with self._drawing:
                if self._background.get(name, (None, None))[1] is not course:
                    return
                if course.empty:
                    error = ValueError(f"{course.method.__name__} yielded nothing: it must take at least one step")
                if error is not None:
                    self._slots[name].show(Failed(error))
                else:
                    self._draw_background(name)
            self._mark_running()
            self._sharpen()

        self._workers[name] = Worker(take, ended)

    def _draw_background(self, name: str) -> None:
        item, course = self._background[name]
        step = course.step
        item_now = "on its way ..." if step is None else drawn(lambda: item.draw(step))
        self._slots[name].show(item_now)
        self._fit()
        self._pay()
        self._say_progress()

    def _mark_running(self) -> None:
        """Let the button say what it does."""
        if "Play" in self._button:
            self._button["Play"].description = "Pause" if self._going_on else "Play"

    def _toggle_run(self) -> None:
        self.pause() if self._button["Play"].description == "Pause" else self.play()

    def _say_progress(self) -> None:
        """Write how far the runs are, and what the rest will cost if it is long."""
        named = {name: course for name, (_, course) in self._background.items()}
        courses = {"step": self._courses[0]} if self._courses else named
        known = {name: one for name, one in courses.items() if isinstance(one.step, Step)}
        if not known:
            return
        words = ", ".join(f"{name} {one.step.index} of {one.step.total}" for name, one in known.items())
        spent = sum(one.seconds for one in known.values())
        left = sum(one.remaining for one in known.values() if not one.unsure)
        cost = f", about {left:.0f} s to go" if left > LONG else ""
        share = sum(one.step.progress for one in known.values()) / len(known)
        self._status.value = (
            f'<div role="status">{escape(words)}, {spent:.1f} s{cost}</div>'
            f'<div class="vizkit-progress" role="progressbar" aria-label="progress" '
            f'aria-valuemin="0" aria-valuemax="100" aria-valuenow="{100 * share:.0f}">'
            f'<div style="width: {100 * share:.1f}%"></div></div>'
        )

    # Menu -------------------------------------------------------------------------------------

    @property
    def _listed(self) -> dict[str, Any]:
        """The values of what is on the page: the last that could be computed, else those that failed."""
        return self._good or self.values

    @property
    def code(self) -> str:
        """The Python that makes what is on the page: the function's own source, with the values it has.

        It runs by itself, defines anew what the function uses of its own module (classes of steps, too), and
        leaves what the function returned as ``result``. After a value that failed, what is on the page is the
        last good result, and so is this.
        """
        known = self.fields.known
        setup = {name: self._line(name, known) for name in self.function.parameters}
        texts = [
            name
            for name, slot in self._slots.items()
            if isinstance(slot.item, str) and not hasattr(slot.item, "_repr_html_")
        ]
        state = State(
            setup,
            self._listed,
            lambda name, value: self._written(name, value, known),
            self._courses,
            {name: course for name, (_, course) in self._background.items()},
            texts,
            [
                self.function.made(one.form, known)
                for name, one in self.function.parameters.items()
                if one.form is not None and name not in self.fields.own
            ],
        )
        return listing(self.function.source, self.function.function, state)

    def _line(self, name: str, known: Mapping[str, Any]) -> str:
        """Return the line of Python that gives a parameter its present value."""
        one, own = self.function.parameters[name], self.fields.own.get(name)
        if isinstance(own, Panel):
            return f"# {name}: the result of {own.title!r}"
        if one.form is not None and name not in self.fields.own:
            return f"{name} = {self.function.made(one.form, known)!r}"
        if one.control is None:
            return f"{name} = {own!r}" if own is one.default else f"# {name}: yours"
        if self._listed[name] == YOURS and name in self.fields.own:
            text = one.control.own_expression(name, own, known)
            return f"{name} = {text}  # {name}: yours" if text else f"# {name}: yours"
        return f"{name} = {one.control.expression(self._listed[name], known)}"

    def _written(self, name: str, value: Any, known: Mapping[str, Any]) -> str:
        """Return a control's value as Python."""
        control = self.function.parameters[name].control
        return "" if control is None else control.expression(value, known)

    def _toggle_code(self) -> None:
        hidden = self._listing.layout.display == "none"
        if hidden:
            self._list_code()
        self._listing.layout.display = "" if hidden else "none"

    def _list_code(self) -> None:
        self._listing.value = f"<pre>{escape(self.code)}</pre>"

    def _show_share(self) -> None:
        self._listing.value = f"<pre>{escape(self.share)}</pre>"
        self._listing.layout.display = ""

    def save(self, folder: str | Path = ".") -> list[Path]:
        """Write pictures as PNG, charts as HTML with their numbers as CSV, a run's film as GIF.

        Returns
        -------
        list of Path
            The files, numbered so that none is overwritten.
        """

        def path(name: str, suffix: str) -> Path:
            return self._free_path(Path(folder), name, suffix)

        saved = [one for slot in self._slots.values() for one in slot.save(path)]
        if len(self.history.frames) > 1:
            saved.append(self.history.save(path("film", "gif")))
        self._say("saved " + ", ".join(one.name for one in saved))
        return saved

    def _save_by_hand(self) -> None:
        """Save, and keep the state and a small picture of it in the student's trail."""
        self.save()
        picture = Image.fromarray(still(self).pixels)
        picture.thumbnail((320, 320))
        KEEPER.saved(self.title, self.share, base64.b64encode(jpeg(np.asarray(picture), 80)).decode())

    def _free_path(self, folder: Path, name: str, suffix: str) -> Path:
        slug = "-".join(f"vizkit {self.title} {name}".lower().split())
        slug = "".join(letter for letter in slug if letter.isalnum() or letter == "-")
        number = 1
        while (path := folder / f"{slug}-{number}.{suffix}").exists():
            number += 1
        return path

    def pin(self) -> None:
        """Keep what is shown now beside what comes next; again, let it go."""
        pinned = self._pinned.layout.display != "none"
        before = self._pinned.children
        self._pinned.children = [] if pinned else [self._copy_of(slot) for slot in self._slots.values()]
        self._pinned.layout.display = "none" if pinned else ""
        self._button["Pin"].description = "Pin" if pinned else "Unpin"
        if not pinned:
            state = ", ".join(
                f"{name} {value}"
                for name, value in self._good.items()
                if not same(value, self.function.parameters[name].default)
            )
            words = f'<div class="vizkit-caption">pinned: {escape(state or "as at first")}</div>'
            self._pinned.children = [alike(widgets.HTML, words), *self._pinned.children]
        for one in before:
            discard(one)
        self._fit()

    @staticmethod
    def _copy_of(slot: Slot) -> widgets.Widget:
        if isinstance(slot.item, go.Figure):
            return ChartView(slot.item)
        return alike(widgets.HTML, "" if slot.item is None else html_of(slot.item))


def unfolding(text: str, box: widgets.Box, **layout: str) -> widgets.ToggleButton:
    """Fold a box away, and return the button that unfolds it."""
    button = alike(widgets.ToggleButton, description=text, layout={"width": "auto", **layout})
    own_layout(box).display = "none"
    button.observe(lambda c: setattr(box.layout, "display", "" if c["new"] else "none"), "value")
    return button


def sentence(error: Exception, function: PanelFunction) -> str:
    """Return an error in one sentence, with the line of the function's own author."""
    words = first_line(error, 400)
    if function.__module__.startswith("vizkit."):
        return words
    file = inspect.getsourcefile(function.function)
    raised = [error, *([error.__cause__] if error.__cause__ is not None else [])]
    frames = [frame for one in raised for frame in traceback.extract_tb(one.__traceback__)]
    lines = [frame for frame in frames if frame.filename == file]
    if not lines:
        return words
    return f"{type(error).__name__}: {words} (line {lines[-1].lineno}: {lines[-1].line})"


def drawn(item: Any) -> Any:
    """Return an item that is made when it is asked for; if that fails, one that says so."""
    if not callable(item):
        return item
    try:
        return item()
    except Exception as error:
        return Failed(error)
