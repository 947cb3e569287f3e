"""Kinds of answers: one of several, a number, a place on a picture, a curve."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import ipywidgets as widgets
import numpy as np
import plotly.graph_objects as go
import traitlets

from vizkit.figures.raster import Raster
from vizkit.figures.theme import ACCENT, CLASSES, layout
from vizkit.widgets import controls as make
from vizkit.widgets.chart import ChartView
from vizkit.widgets.hands import PlaceField
from vizkit.widgets.looks import alike, looks
from vizkit.widgets.picture import PictureView


class _Field(widgets.VBox):
    """Where a question is answered; its value is None as long as it is not."""

    value = traitlets.Any(None, allow_none=True)

    def __init__(self, children: Sequence[widgets.Widget]) -> None:
        super().__init__(children, **looks(type(self)))


@dataclass(frozen=True)
class Kind:
    """A kind of answer: the field that takes it, and when it is right."""

    name: ClassVar[str] = ""

    def field(self) -> _Field:
        """Return a field for the page, its value None until it is answered."""
        raise NotImplementedError

    def checked(self, answer: Any, what: str) -> Any:
        """Return an answer of this kind.

        Raises
        ------
        ValueError
            If it is none; in one sentence.
        """
        raise NotImplementedError

    def right(self, answer: Any, truth: Any) -> bool:
        """Return whether an answer is near enough."""
        raise NotImplementedError

    def said(self, answer: Any) -> str:
        """Return an answer in words."""
        raise NotImplementedError

    def plain(self, answer: Any) -> Any:
        """Return an answer as JSON knows it."""
        return answer

    def mark(self, field: _Field, answer: Any, truth: Any) -> None:
        """Show an answer beside the truth in the field; both None to begin anew."""
        del truth
        field.value = answer


class Choice(Kind):
    """One of several.

    Parameters
    ----------
    *options : str
        Two or more.

    Raises
    ------
    ValueError
    """

    name: ClassVar[str] = "choice"

    def __init__(self, *options: str) -> None:
        if len(set(options)) < 2 or len(set(options)) < len(options):
            raise ValueError(f"Choice must have two or more different options, got {', '.join(map(repr, options))}")
        object.__setattr__(self, "options", tuple(options))

    options: tuple[str, ...]

    def field(self) -> _Field:
        """Return buttons of which none is chosen yet."""
        radio = alike(widgets.RadioButtons, options=self.options, value=None, layout={"width": "auto"})
        field = _Field([radio])
        widgets.link((radio, "value"), (field, "value"))
        return field

    def checked(self, answer: Any, what: str) -> str:
        """Return one of the options."""
        if answer not in self.options:
            got = "nothing" if answer is None else repr(answer)[:60]
            raise ValueError(f"{what} must be one of {', '.join(self.options)}, got {got}")
        return str(answer)

    def right(self, answer: Any, truth: Any) -> bool:
        """Return whether it is the one."""
        return bool(answer == truth)

    def said(self, answer: Any) -> str:
        """Return its words."""
        return str(answer)


@dataclass(frozen=True)
class Number(Kind):
    """A number.

    Parameters
    ----------
    low, high : float
        What makes sense: beyond it an answer is refused.
    unit : str
        Behind the number, such as ``"%"``.
    tolerance : float
        How far from the truth is right, in the same unit.
    factor : float
        Instead, by how much too large or too small is right: 2 takes half to double.
    digits : int
        Behind the point, where the truth is said; one more if it is not as round.
    """

    low: float
    high: float
    unit: str = ""
    tolerance: float = 0.0
    factor: float = 1.0
    digits: int = 0
    name: ClassVar[str] = "number"

    def field(self) -> _Field:
        """Return a line to type into."""
        hint = f"a number from {self.low:g} to {self.high:g} {self.unit}".rstrip()
        line = make.text("number", "", hint)
        field = _Field([line])

        def typed(change: Any) -> None:
            field.value = change["new"].strip() or None

        def set_(change: Any) -> None:
            new = "" if change["new"] is None else str(change["new"])
            if line.value.strip() != new:
                line.value = new

        line.observe(typed, "value")
        field.observe(set_, "value")
        return field

    def checked(self, answer: Any, what: str) -> float:
        """Return a finite number in the range; one that is typed may carry its unit and a comma."""
        wanted = f"{what} must be a number from {self.low:g} to {self.high:g} {self.unit}".rstrip()
        if answer is None or isinstance(answer, bool):
            raise ValueError(f"{wanted}, got {'nothing' if answer is None else answer}")
        words = str(answer).strip().removesuffix(self.unit).strip().replace(",", ".")
        try:
            number = float(words)
        except ValueError:
            raise ValueError(f"{wanted}, got {str(answer)[:40]!r}") from None
        if not math.isfinite(number) or not self.low <= number <= self.high:
            raise ValueError(f"{wanted}, got {number:g}")
        return number

    def right(self, answer: Any, truth: Any) -> bool:
        """Return whether it is within the tolerance, or the factor."""
        within = abs(answer - truth) <= self.tolerance + 1e-12
        by = self.factor > 1 and answer * truth > 0 and 1 / self.factor <= answer / truth <= self.factor
        return bool(within or by)

    def said(self, answer: Any) -> str:
        """Return the number with its unit."""
        number = (
            f"{answer:.{self.digits}f}" if answer == round(answer, self.digits) else f"{answer:.{self.digits + 1}f}"
        )
        return f"{number} {self.unit}".rstrip()


@dataclass(frozen=True)
class Spot(Kind):
    """A place on a picture, from (0, 0) at its upper left to (1, 1).

    Parameters
    ----------
    picture : callable
        Makes the `Raster` on which the place is.
    tolerance : float
        How far from the true place is right, as a share of the picture's shorter side.
    """

    picture: Callable[[], Raster]
    tolerance: float = 0.15
    name: ClassVar[str] = "spot"

    def field(self) -> _Field:
        """Return the picture, to be clicked, and two sliders for the keyboard."""
        view = PictureView(self.picture())
        sliders = PlaceField(None, "place", (0.0, 1.0), (0.0, 1.0))
        field = _Field([view, sliders])

        def pressed(down: bool, x: int, y: int) -> None:
            del down
            sliders.value = ((x + 0.5) / view.size[0], (y + 0.5) / view.size[1])

        def moved(change: Any) -> None:
            at = change["new"]
            view.marks = [] if at is None else [self._point(view, at)]

        view.on_hand(pressed, "drag")
        widgets.link((sliders, "value"), (field, "value"))
        field.observe(moved, "value")
        return field

    @staticmethod
    def _point(view: PictureView, at: Sequence[float]) -> dict[str, Any]:
        return {"kind": "point", "at": [at[0] * view.size[0], at[1] * view.size[1]]}

    def checked(self, answer: Any, what: str) -> tuple[float, float]:
        """Return two finite shares."""
        wanted = f"{what} must be a place (x, y) on the picture, each from 0 to 1"
        if answer is None:
            raise ValueError(f"{wanted}, got nothing: click on the picture, or move the sliders")
        try:
            x, y = map(float, answer)
        except (TypeError, ValueError):
            raise ValueError(f"{wanted}, got {str(answer)[:40]!r}") from None
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise ValueError(f"{wanted}, got ({x:g}, {y:g})")
        return x, y

    def right(self, answer: Any, truth: Any) -> bool:
        """Return whether it is near enough."""
        raster = self.picture()
        width, height = (
            raster.width / min(raster.width, raster.height),
            raster.height / min(raster.width, raster.height),
        )
        return math.hypot((answer[0] - truth[0]) * width, (answer[1] - truth[1]) * height) <= self.tolerance

    def said(self, answer: Any) -> str:
        """Return where it is, in percent from the left and from the top."""
        return f"{100 * answer[0]:.0f} % from the left, {100 * answer[1]:.0f} % from the top"

    def plain(self, answer: Any) -> list[float]:
        """Return two numbers."""
        return [round(float(at), 4) for at in answer]

    def mark(self, field: _Field, answer: Any, truth: Any) -> None:
        """Show the answer as a point, and the truth with a square as large as what is right."""
        field.value = None if answer is None else tuple(answer)
        if truth is None:
            return
        view = field.children[0]
        reach = self.tolerance * min(view.size)
        x, y = truth[0] * view.size[0], truth[1] * view.size[1]
        view.marks = [*view.marks, {"kind": "box", "at": [x - reach, y - reach, x + reach, y + reach]}]


@dataclass(frozen=True)
class Sketch(Kind):
    """A curve: a value at each of several places.

    Parameters
    ----------
    at : sequence
        The places, two or more: numbers, or words such as layers' names.
    x, y : str
        The axes' titles.
    low, high : float
        What the values go from and to.
    alike : float
        What is right: Spearman's rank correlation with the truth, at least.
    tolerance : float
        Instead, if it is not 0: the mean distance from the truth, at most.
    """

    at: Sequence[Any]
    x: str
    y: str
    low: float = 0.0
    high: float = 1.0
    alike: float = 0.8
    tolerance: float = 0.0
    name: ClassVar[str] = "sketch"
    #: Rows of the grid that is clicked.
    ROWS: ClassVar[int] = 41

    def field(self) -> _Field:
        """Return a chart that is clicked, and a line for the keyboard."""
        view = ChartView(self._chart(None, None))
        line = make.text("values", "", f"{len(self.at)} numbers from left to right, {self.low:g} to {self.high:g}")
        field = _Field([view, line])
        placed: dict[int, float] = {}

        def clicked(trace: int, xs: list[float], ys: list[float]) -> None:
            if trace == 0 and xs:
                placed[min(max(round(xs[0]), 0), len(self.at) - 1)] = ys[0]
                line.value = ", ".join(f"{placed[i]:.3g}" if i in placed else "?" for i in range(len(self.at)))

        def typed(change: Any) -> None:
            field.value = change["new"].strip() or None

        def drawn(change: Any) -> None:
            value = change["new"]
            if value is None:
                placed.clear()
                line.value = ""
            elif not isinstance(value, str):
                line.value = ", ".join(f"{one:.3g}" for one in value)
            self._draw(view, value, None)

        view.on_hand(clicked, "click")
        line.observe(typed, "value")
        field.observe(drawn, "value")
        return field

    def _draw(self, view: ChartView, value: Any, truth: Any) -> None:
        if value is None:
            known: list[float] | None = None
        else:
            parts = value.replace(";", ",").split(",") if isinstance(value, str) else value
            known = [_finite(one) for one in parts][: len(self.at)]
        view.show(self._chart(known, truth))

    def _chart(self, answer: Sequence[float] | None, truth: Sequence[float] | None) -> go.Figure:
        places = np.arange(len(self.at))
        rows = np.linspace(self.low, self.high, self.ROWS)
        xs, ys = np.meshgrid(places, rows)
        faint = {"size": 9, "color": CLASSES[0], "opacity": 0.1}
        figure = go.Figure(
            go.Scatter(x=xs.ravel(), y=ys.ravel(), mode="markers", marker=faint, name="click here", showlegend=False)
        )
        lines = {"you expected": (answer, CLASSES[0], "dash"), "it is": (truth, ACCENT, "solid")}
        for name, (values, color, dash) in lines.items():
            heights = [] if values is None else list(values)
            figure.add_scatter(
                x=places[: len(heights)],
                y=heights,
                name=name,
                mode="lines+markers",
                line={"color": color, "width": 3, "dash": dash},
                showlegend=bool(heights),
            )
        margin = 0.04 * (self.high - self.low)
        figure.update_xaxes(title=self.x, tickvals=places, ticktext=[str(one) for one in self.at])
        figure.update_yaxes(title=self.y, range=[self.low - margin, self.high + margin])
        words = "Click where you expect the curve" if truth is None else "What you expected, and what it is"
        return layout(figure, width=620, height=300, title=words)

    def checked(self, answer: Any, what: str) -> tuple[float, ...]:
        """Return a finite value in the range for each place."""
        wanted = f"{what} must be {len(self.at)} numbers from {self.low:g} to {self.high:g}, one at each place"
        if answer is None:
            raise ValueError(f"{wanted}, got nothing")
        parts = answer.replace(";", ",").split(",") if isinstance(answer, str) else answer
        try:
            values = tuple(_finite(one) for one in parts)
        except TypeError:
            raise ValueError(f"{wanted}, got {str(answer)[:40]!r}") from None
        given = sum(map(math.isfinite, values))
        if given < len(self.at) or len(values) != len(self.at):
            raise ValueError(f"{wanted}, got {given}")
        wrong = [one for one in values if not self.low <= one <= self.high]
        if wrong:
            raise ValueError(f"{wanted}, got {wrong[0]:g}")
        return values

    def right(self, answer: Any, truth: Any) -> bool:
        """Return whether it goes up and down as the truth does, or lies near enough."""
        if self.tolerance:
            return bool(np.abs(np.subtract(answer, truth)).mean() <= self.tolerance)
        flat = min(np.ptp(answer), np.ptp(truth)) == 0
        from scipy.stats import spearmanr  # a second to import, for who draws a curve alone

        return not flat and bool(spearmanr(answer, truth).statistic >= self.alike)

    def said(self, answer: Any) -> str:
        """Return the values from left to right."""
        return ", ".join(f"{one:.3g}" for one in answer)

    def plain(self, answer: Any) -> list[float]:
        """Return the values, of four digits."""
        return [float(f"{float(one):.4g}") for one in answer]

    def mark(self, field: _Field, answer: Any, truth: Any) -> None:
        """Draw both curves."""
        field.value = None if answer is None else tuple(answer)
        self._draw(field.children[0], answer, truth)


def _finite(value: Any) -> float:
    """Return a number, or NaN for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return math.nan
    return number if math.isfinite(number) else math.nan
