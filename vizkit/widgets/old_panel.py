"""Controls on the left, what they compute on the right."""

import time
from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import count
from pathlib import Path
from threading import Lock, get_ident
from typing import Any
from weakref import WeakValueDictionary

import ipywidgets as widgets
import plotly.graph_objects as go
import traitlets

from vizkit.core import checks
from vizkit.core.checks import first_line
from vizkit.figures.raster import Raster
from vizkit.figures.theme import Change
from vizkit.widgets import layouts
from vizkit.widgets import presets as prepared
from vizkit.widgets.names import Names
from vizkit.widgets.picture import Picture

#: What a panel can show: pictures, charts and text, by name; a chart on the page can be changed.
Item = Raster | go.Figure | Change | str
Shown = Mapping[str, Item]

#: The panels that are alive, by the id of the widget that is on the page.
PANELS: WeakValueDictionary[str, "Panel"] = WeakValueDictionary()

STYLE = """<style>
.vizkit-panel {border: 1px solid #d5d5d5; border-radius: 8px; padding: 10px 14px; margin: 6px 0}
.vizkit-panel .vizkit-title {font-size: 17px; font-weight: 600}
.vizkit-panel .widget-html-content {line-height: 1.45; white-space: normal}
.vizkit-panel .widget-toggle-buttons {display: flex; flex-flow: row nowrap; align-items: center}
.vizkit-panel .widget-toggle-buttons > .widget-label {flex: 0 0 92px; text-align: right;
  margin-right: 8px}
.vizkit-panel .vizkit-caption {font-size: 13px; color: #444; margin: 4px 0 2px}
.vizkit-clickable img {cursor: crosshair}
.vizkit-panel pre {background: #f6f6f3; border-radius: 6px; padding: 10px; overflow-x: auto;
  font-size: 13px; line-height: 1.5; margin: 4px 0; color: #222}
.vizkit-panel .widget-html-content a {color: #00588a; text-decoration: underline}
.vizkit-panel table {border-collapse: collapse; font-size: 14px}
.vizkit-panel td, .vizkit-panel th {padding: 1px 10px 1px 0; text-align: left}
.vizkit-error {color: #a12622; font-weight: 600}
.vizkit-status {color: #555; font-size: 13px}
.vizkit-say {max-width: 340px; font-size: 13px}
</style>"""


class Panel:
    """Runs a function whenever one of its controls changes and shows what comes out.

    A value that is set in a cell takes the same path as one set by hand, and its result is there
    when the cell goes on. Changes that come while a computation runs are answered by one more,
    with the latest values. An error is shown in the panel in one sentence, the last good result
    stays, and the panel goes on.

    Parameters
    ----------
    title : str
    controls : mapping of str to Widget
        Each has a ``value`` and becomes the keyword argument of that name.
    compute : callable
        ``compute(**values)``: a result.
    draw : callable
        ``draw(result)``: pictures, charts and HTML text by name. The names must not change.
    code : callable, optional
        ``code(**values)``: Python that makes ``result`` what the panel shows.
    adjust : callable, optional
        Called with the controls before each computation, to adapt one control's options to
        another's value.
    arrange : callable, optional
        Lays the named widgets out; side by side by default.
    captions : mapping of str to str, optional
        A line above a picture or chart.
    extra : sequence of Widget
        Shown under the controls.

    Attributes
    ----------
    controls : dict of str to Widget
    result : object
        What ``compute`` returned last.
    shown : dict of str to Widget
        The pictures, charts and texts on the page.
    error : Exception or None
        What the last computation raised.
    view : Widget
        For the page; a panel at the end of a cell shows itself.
    """

    def __init__(
        self,
        title: str,
        controls: Mapping[str, widgets.Widget],
        compute: Callable[..., Any],
        draw: Callable[[Any], Shown],
        *,
        code: Callable[..., str] | None = None,
        adjust: Callable[[dict[str, Any]], None] | None = None,
        arrange: Callable[[dict[str, widgets.Widget]], widgets.Widget] | None = None,
        captions: Mapping[str, str] | None = None,
        extra: Sequence[widgets.Widget] = (),
    ) -> None:
        self.title, self.controls = title, dict(controls)
        self.result: Any = None
        self.error: Exception | None = None
        self.shown: dict[str, widgets.Widget] = {}
        self._drawn: dict[str, Item] = {}
        self._compute, self._draw, self._code, self._adjust = compute, draw, code, adjust
        self._arrange, self._captions = arrange or layouts.row, dict(captions or {})
        self._lock, self._owner = Lock(), 0
        self._marks, self._wanted, self._done = count(1), 0, 0
        self._silent = False
        self._good: dict[str, Any] = {}
        self._status = widgets.HTML().add_class("vizkit-status")
        self._listing = widgets.HTML(layout=widgets.Layout(display="none"))
        self._presets = prepared.PresetBar(self)
        self._buttons = {
            "Show code": self._toggle_code,
            "Reset": self.reset,
            "Save picture": self.save,
        }
        self._canvas = widgets.Box(layout=widgets.Layout(flex="1 1 480px", min_width="0"))
        self.view = self._build(extra)
        PANELS[self.view.model_id] = self
        for control in self.controls.values():
            control.observe(self._changed, "value")
            if control.has_trait("problem"):
                control.observe(self._refused, "problem")
        self.update()
        if self.error is not None:
            raise self.error  # wrong from the start is the author's mistake, not the reader's
        self._first = self.values

    def _build(self, extra: Sequence[widgets.Widget]) -> widgets.Widget:
        buttons = []
        for name, action in self._buttons.items():
            button = widgets.Button(description=name, layout=widgets.Layout(width="112px"))
            button.on_click(lambda _, action=action: self._guarded(action))
            buttons.append(button)
        left = widgets.VBox(
            [
                *self.controls.values(), *extra, widgets.HBox(buttons), self._presets.view,
                self._status,
            ],
            layout=widgets.Layout(flex="0 0 auto", width="370px"),
        ).add_class("vizkit-controls")  # fmt: skip
        body = widgets.HBox(
            [left, self._canvas], layout=widgets.Layout(flex_flow="row wrap", width="100%")
        )
        title = widgets.HTML(f'{STYLE}<div class="vizkit-title">{escape(self.title)}</div>')
        return widgets.VBox([title, body, self._listing, Names()]).add_class("vizkit-panel")

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.view)

    @property
    def values(self) -> dict[str, Any]:
        """The controls' values by name."""
        return {name: control.value for name, control in self.controls.items()}

    @property
    def code(self) -> str:
        """The Python that reproduces what is on the page: the last good result."""
        return self._code(**self._good) if self._code else ""

    @property
    def status(self) -> str:
        """The line under the controls: the time taken, or what went wrong."""
        return self._status.value

    def update(self) -> None:
        """Compute and draw with the controls' present values; the result is there on return."""
        if self._owner == get_ident():
            return  # `adjust` changed a control: the computation has not begun
        mark = self._wanted = next(self._marks)
        with self._lock:
            if self._done >= mark:
                return  # a computation of another thread began after this change
            self._done, self._owner = self._wanted, get_ident()
            try:
                self._run()
            finally:
                self._owner = 0

    def set(self, **values: Any) -> None:
        """Set several controls and compute once.

        Raises
        ------
        ValueError
            If a name is no control, or a control cannot take its value.
        """
        for name in values:
            checks.choice(name, self.controls, "control")
        before = self.values
        refused = self._settle(values)
        now = self.values
        self._react(frozenset(name for name in now if now[name] != before[name]))
        if refused:
            name, reason = next(iter(refused.items()))
            raise ValueError(f"{name} cannot be {values[name]!r} here ({reason})")

    def _settle(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Set controls without computing; return why those were refused that were."""
        refused: dict[str, str] = {}
        self._silent = True
        try:
            for _ in range(3):  # what a control can take may follow another one
                refused = {}
                for name, value in values.items():
                    try:
                        if self.controls[name].value != value:
                            self.controls[name].value = value
                    except (traitlets.TraitError, ValueError, OSError) as error:
                        refused[name] = first_line(error)
                if self._adjust is not None:
                    self._adjust(self.controls)
                if all(self.controls[name].value == value for name, value in values.items()):
                    break
        finally:
            self._silent = False
        return refused

    def reset(self) -> None:
        """Set every control back to what it was at first."""
        self.set(**self._first)

    def save_preset(self, path: str | Path | None = None, *, name: str = "", say: str = "") -> Path:
        """Write the controls' values as JSON, to be loaded again here or by somebody else.

        Parameters
        ----------
        path : str or Path, optional
            A new numbered file beside the notebook by default.
        name, say : str
            What it shows, in a few words; what to look for, in a sentence.

        Returns
        -------
        Path
        """
        if path is None:
            path = self._free_path(Path(), "", prepared.SUFFIX[1:])
        path = Path(path)
        name = name or path.name.removesuffix(prepared.SUFFIX)
        prepared.Preset(name, self.title, self.values, say).write(path)
        self._presets.refresh()
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
        for name in found.values:
            checks.choice(name, self.controls, "control")
        before, wanted = self.values, {**self._first, **found.values}
        refused = self._settle(wanted)
        now = self.values
        wrong = [name for name in found.values if now[name] != wanted[name]]
        if wrong:
            self._settle(before)
            reason = refused.get(wrong[0], f"the nearest is {now[wrong[0]]!r}")
            raise ValueError(f"{wrong[0]} cannot be {wanted[wrong[0]]!r} here ({reason})")
        self._react(frozenset(name for name in now if now[name] != before[name]))
        self._presets.loaded(found)

    @property
    def presets(self) -> dict[str, prepared.Preset]:
        """The panel's presets by name: those of the kit, and those saved beside the notebook."""
        return prepared.presets_of(self.title, Path())

    def save(self, folder: str | Path = ".") -> list[Path]:
        """Write every picture as PNG and every chart as HTML, beside the notebook by default.

        Returns
        -------
        list of Path
            The files, numbered so that none is overwritten.
        """
        saved = []
        for name, widget in self.shown.items():
            if isinstance(widget, Picture) and widget.raster is not None:
                saved.append(widget.raster.save(self._free_path(Path(folder), name, "png")))
            elif isinstance(widget, go.FigureWidget):
                path = self._free_path(Path(folder), name, "html")
                go.Figure(widget).write_html(path)
                saved.append(path)
        self._say("saved " + ", ".join(path.name for path in saved))
        return saved

    def _free_path(self, folder: Path, name: str, suffix: str) -> Path:
        slug = "-".join(f"vizkit {self.title} {name}".lower().split())
        slug = "".join(letter for letter in slug if letter.isalnum() or letter == "-")
        number = 1
        while (path := folder / f"{slug}-{number}.{suffix}").exists():
            number += 1
        return path

    def _changed(self, change: dict[str, Any]) -> None:
        if not self._silent:
            changed = (name for name, one in self.controls.items() if one is change["owner"])
            self._react(frozenset(changed))

    def _react(self, names: frozenset[str]) -> None:  # noqa: ARG002
        """Answer to the controls that changed, given by their names."""
        self.update()

    def _guarded(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except Exception as error:
            self._fail(error)

    def _refused(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self._fail(ValueError(change["new"]))
        else:
            self.error = None

    def _run(self) -> None:
        start = time.perf_counter()
        try:
            if self._adjust is not None:
                self._adjust(self.controls)
            values = self.values
            result = self._compute(**values)
            shown = self._draw(result)
        except Exception as error:
            self._fail(error)
            return
        self.result, self.error, self._good = result, None, values
        self._show(shown)
        if self._listing.layout.display != "none":
            self._list_code()
        self._say(f"{1000 * (time.perf_counter() - start):.0f} ms")

    def _fail(self, error: Exception) -> None:
        self.error = error
        self._status.value = alert(error)

    def _say(self, text: str) -> None:
        self._status.value = f'<div role="status">{escape(text)}</div>'

    def _show(self, shown: Shown) -> None:
        if not self.shown:
            self.shown = {name: _widget(item) for name, item in shown.items()}
            framed = {
                name: _with_caption(widget, self._captions.get(name))
                for name, widget in self.shown.items()
            }
            self._canvas.children = [self._arrange(framed)]
        for name, item in shown.items():
            if item is not self._drawn.get(name):  # a chart that did not change costs 50 ms
                _refresh(self.shown[name], item)
        self._drawn = dict(shown)

    def _toggle_code(self) -> None:
        hidden = self._listing.layout.display == "none"
        self._list_code()
        self._listing.layout.display = "" if hidden else "none"

    def _list_code(self) -> None:
        self._listing.value = f"<pre>{escape(self.code)}</pre>"


def alert(error: Exception) -> str:
    """Return one sentence of HTML about what went wrong."""
    return f'<div class="vizkit-error" role="alert">{escape(first_line(error, 400))}</div>'


def _widget(item: Item) -> widgets.Widget:
    if isinstance(item, Raster):
        return Picture()
    if isinstance(item, go.Figure):
        return go.FigureWidget(item)
    return widgets.HTML()


def _refresh(widget: widgets.Widget, item: Item) -> None:
    if isinstance(item, Raster):
        widget.show(item)
    elif isinstance(item, go.Figure):
        with widget.batch_update():
            if len(widget.data) != len(item.data):
                widget.data = ()
                widget.add_traces(item.data)
            for old, new in zip(widget.data, item.data, strict=True):
                old.update(new.to_plotly_json(), overwrite=False)
            new_layout = item.layout.to_plotly_json()
            new_layout.pop("template", None)  # the same for all charts, and slow to compare
            widget.layout.update(new_layout)
    elif isinstance(item, Change):
        with widget.batch_update():
            for trace, new in zip(widget.data, item.traces, strict=True):
                trace.update(new)
            widget.layout.update(item.layout)
    else:
        widget.value = item


def _with_caption(widget: widgets.Widget, caption: str | None) -> widgets.Widget:
    if not caption:
        return widget
    text = widgets.HTML(f'<div class="vizkit-caption">{escape(caption)}</div>')
    return widgets.VBox([text, widget])
