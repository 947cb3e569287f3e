"""A hand on what is shown is a control: a click or a drag on a picture or a chart."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import ipywidgets as widgets
import traitlets

from vizkit.figures.pictures import Tiles
from vizkit.figures.raster import Raster
from vizkit.widgets import controls as make
from vizkit.widgets.annotations import Control, Numbers, Table, is_number
from vizkit.widgets.chart import ChartView
from vizkit.widgets.looks import looks
from vizkit.widgets.picture import PictureView

#: A place on a picture, from (0, 0) at its upper left to (1, 1); or on a chart, in its own units.
Place = tuple[float, float]


class PlaceField(widgets.VBox):
    """Two sliders for a place: what a hand does on the picture, by keyboard.

    Parameters
    ----------
    value : (float, float) or None
        None until it is moved: the function's own choice.
    label : str
    x, y : (float, float)
        The ranges.
    """

    value = traitlets.Any()

    def __init__(self, value: Place | None, label: str, x: Place, y: Place) -> None:
        middle = value or (sum(x) / 2, sum(y) / 2)
        self._sliders = [
            make.slider(f"{label} {axis}", low, high, at, step=(high - low) / 100)
            for axis, (low, high), at in zip("xy", (x, y), middle, strict=True)
        ]
        super().__init__(self._sliders, value=value, **looks(type(self)))
        self._moving = False
        for slider in self._sliders:
            slider.observe(self._slid, "value")

    def _slid(self, _: Any) -> None:
        if not self._moving:
            self.value = tuple(slider.value for slider in self._sliders)

    @traitlets.validate("value")
    def _check(self, proposal: dict[str, Any]) -> Place | None:
        value = proposal["value"]
        if value is None:
            return None
        pairs = zip(self._sliders, value, strict=True)
        return tuple(min(max(float(at), one.min), one.max) for one, at in pairs)

    @traitlets.observe("value")
    def _set(self, change: dict[str, Any]) -> None:
        self._moving = True
        try:
            for slider, at in zip(self._sliders, change["new"] or (), strict=False):
                slider.value = at
        finally:
            self._moving = False


@dataclass(frozen=True)
class Point(Control):
    """A place: clicked, or dragged with the pointer down.

    Parameters
    ----------
    x, y : (float, float)
        From and to: shares of a picture, or a chart's own units.
    tile : int, optional
        On a sheet of tiles: relative to this tile, clicks beside it do nothing.
    square : str
        A parameter that holds the side of a square around the place, as a share of the picture's
        shorter side: its outline follows the pointer at once, whatever the function takes.
    """

    x: Place = (0.0, 1.0)
    y: Place = (0.0, 1.0)
    tile: int | None = None
    square: str = ""
    gesture: ClassVar[str] = "drag"

    def widget(self, label: str, value: Any) -> Any:
        return PlaceField(value, label, self.x, self.y)

    def problem(self, value: Any) -> str:
        if value is None:
            return ""
        fine = isinstance(value, (tuple, list)) and len(value) == 2
        fine = fine and all(low <= at <= high for at, (low, high) in zip(value, (self.x, self.y), strict=True))
        return "" if fine else f"a place (x, y) in {self.x} and {self.y}, got {value!r}"

    def flaw(self) -> str:
        for name, ends in (("x", self.x), ("y", self.y)):
            if len(ends) != 2 or not all(map(is_number, ends)) or not ends[0] < ends[1]:
                return f"{name} from a lower number to a higher one, got {ends!r}"
        return ""

    def place(self, x: int, y: int, raster: Raster) -> Place | None:
        """Return the place of a pixel of a picture."""
        left, top, right, bottom = 0, 0, raster.width, raster.height
        if self.tile is not None and isinstance(raster, Tiles):
            left, top, right, bottom = raster.picture_box(self.tile)
            if not (left <= x < right and top <= y < bottom):
                return None
        shares = (x - left + 0.5) / (right - left), (y - top + 0.5) / (bottom - top)
        return tuple(
            round(low + share * (high - low), 4) for share, (low, high) in zip(shares, (self.x, self.y), strict=True)
        )  # type: ignore[return-value]

    def outline(self, values: Mapping[str, Any], raster: Raster) -> dict[str, Any]:
        """Return what follows the pointer, in the picture's pixels."""
        return {"side": float(values[self.square]) * min(raster.width, raster.height)} if self.square else {}

    def moved(self, value: Any, at: Any, start: Any, *, down: bool) -> Any:
        """Return the value when the pointer is at a place; `value` is the one when it was pressed, at `start`."""
        del value, start, down
        return at

    def selected(self, value: Any, xs: Sequence[float], ys: Sequence[float]) -> Any:
        """Return the value after a click on, or a selection of, points of a chart."""
        del value
        return (round(float(xs[0]), 4), round(float(ys[0]), 4)) if len(xs) else None


@dataclass(frozen=True)
class Points(Point, Table):
    """Places: a click adds one, a click on one takes it away. A tuple of (x, y)."""

    gesture: ClassVar[str] = "click"
    widget = Table.widget
    problem = Table.problem

    def moved(self, value: Any, at: Any, start: Any, *, down: bool) -> Any:
        del start
        return self._toggled(value, at) if down else None

    def selected(self, value: Any, xs: Sequence[float], ys: Sequence[float]) -> Any:
        return self._toggled(value, (float(xs[0]), float(ys[0]))) if len(xs) else None

    def _toggled(self, value: Any, at: Place) -> Any:
        near = 0.03 * (self.x[1] - self.x[0]), 0.03 * (self.y[1] - self.y[0])
        left = tuple(one for one in value if abs(one[0] - at[0]) > near[0] or abs(one[1] - at[1]) > near[1])
        return left if len(left) < len(value) else (*value, at)


@dataclass(frozen=True)
class Box(Point, Numbers):
    """A box dragged from one corner to the other: ``(x0, y0, x1, y1)``."""

    gesture: ClassVar[str] = "box"
    widget = Numbers.widget
    problem = Numbers.problem

    def moved(self, value: Any, at: Any, start: Any, *, down: bool) -> Any:
        del value, down
        return (*map(min, start, at), *map(max, start, at))

    def selected(self, value: Any, xs: Sequence[float], ys: Sequence[float]) -> Any:
        del value
        return (min(xs), min(ys), max(xs), max(ys)) if len(xs) else None


@dataclass(frozen=True)
class Cells(Point, Table):
    """Numbers in cells: a press on the upper half of one adds a step, on the lower half takes one; a drag goes on.

    Parameters
    ----------
    step : float
    """

    step: float = 1.0
    widget = Table.widget
    problem = Table.problem

    def moved(self, value: Any, at: Any, start: Any, *, down: bool) -> Any:
        del down
        rows, columns = len(value), len(value[0])
        row, column = min(int(start[1] * rows), rows - 1), min(int(start[0] * columns), columns - 1)
        halves = int(round((start[1] - at[1]) * rows * 2, 2)) or (1 if start[1] * rows % 1 < 0.5 else -1)
        changed = [list(one) for one in value]
        changed[row][column] = round(changed[row][column] + halves * self.step, 6)
        return tuple(map(tuple, changed))


@dataclass(frozen=True)
class Curve(Point, Table):
    """A curve drawn by hand: a tuple of (x, y) along it."""

    gesture: ClassVar[str] = "curve"
    widget = Table.widget
    problem = Table.problem

    def selected(self, value: Any, xs: Sequence[float], ys: Sequence[float]) -> Any:
        del value
        return tuple(zip(map(float, xs), map(float, ys), strict=True)) or None


@dataclass(frozen=True)
class Tile:
    """The tile that is clicked, by the number that it stands for."""

    gesture: ClassVar[str] = "click"

    def outline(self, values: Mapping[str, Any], raster: Raster) -> dict[str, Any]:
        """Return where the tiles are, of which one has a frame under the pointer."""
        del values
        if not isinstance(raster, Tiles):
            return {}
        names = {"tile_width": "width", "tile_height": "height", "gap": "gap", "columns": "columns", "count": "count"}
        return {"tiles": {short: getattr(raster, name) for name, short in names.items()}}

    def place(self, x: int, y: int, raster: Raster) -> int | None:
        """Return the number of the tile at a pixel, or None beside the tiles."""
        tile = raster.at(x, y) if isinstance(raster, Tiles) else None
        return raster.number(tile) if isinstance(raster, Tiles) and tile is not None else None

    def moved(self, value: Any, at: Any, start: Any, *, down: bool) -> Any:
        """Return the number of the tile that is pressed."""
        del value, start
        return at if down else None


@dataclass(frozen=True)
class On:
    """A hand on the item of a name: a click or a drag on it sets the parameter.

    Parameters
    ----------
    item : str
        A key of what the function returns.
    kind : Point, Points, Box, Cells, Curve or Tile
        What the hand does; the class or, with settings, an instance. A place is a tuple (x, y) of
        shares of the picture; its number fields are there by themselves. A Tile needs a control for
        the keyboard beside it.

    Examples
    --------
    >>> at: Annotated[Place, On("seen", Point)] = (0.5, 0.5)
    >>> channel: Annotated[int, On("grid", Tile), Channel(of="layer")] = 0
    """

    item: str
    kind: Any

    @property
    def hand(self) -> Any:
        """The kind, as an instance."""
        return self.kind() if isinstance(self.kind, type) else self.kind

    def attach(self, shown: Any, value: Callable[[], Any], change: Callable[[Any], None]) -> None:
        """Listen to the item's widget: ``change(new)`` is called with every new value."""
        hand, start, held = self.hand, None, None

        def moved(down: bool, x: int, y: int) -> None:
            nonlocal start, held
            at = hand.place(x, y, shown.raster)
            if down:
                try:
                    start, held = at, value()
                except ValueError:  # what is typed is no value yet: there is nothing to go on from
                    start = None
            if at is not None and start is not None:
                new = hand.moved(held, at, start, down=down)
                if new is not None:
                    change(new)

        def drawn(way: list[tuple[int, int]]) -> None:
            places = (hand.place(x, y, shown.raster) for x, y in way)
            if curve := tuple(at for at in places if at is not None):
                change(curve)

        def selected(trace: int, xs: list[float], ys: list[float]) -> None:
            # A chart of several plots: the hand is on the first one.
            first = getattr(shown.figure.data[trace], "xaxis", None) in (None, "x")
            new = hand.selected(value(), xs, ys) if first and xs else None
            if new is not None:
                change(new)

        if isinstance(shown, PictureView):
            shown.on_hand(drawn if hand.gesture == "curve" else moved, hand.gesture)
        elif isinstance(shown, ChartView) and not isinstance(hand, Tile):
            shown.on_hand(selected, hand.gesture if hand.gesture in ("box", "curve") else "click")

    def outline(self, shown: Any, values: Mapping[str, Any]) -> None:
        """Let the browser draw what follows the pointer."""
        if isinstance(shown, PictureView) and shown.raster is not None:
            shown.outline = self.hand.outline(values, shown.raster)
