"""The words in which a function says what its controls are.

A control is an annotation, as in typer: ``gain: Annotated[float, Slider(0.1, 4, 0.1)] = 1.0``. It
knows its widget, how the widget's value becomes the argument, and how that is written in Python.
ipywidgets' ``interactive`` reads annotations too, but knows neither what a value is loaded into nor
how it is written, and magicgui speaks Qt; so this is our own.

What a control can be may follow other parameters: wherever a bound, a list of options or a size is
taken, a function is, too, whose arguments are named as the parameters that it looks at::

    perplexity: Annotated[int, Slider(2, lambda count: count // 3)] = 30
"""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import ipywidgets as widgets
from torch import Tensor

from vizkit.core.checks import first_line
from vizkit.core.images import load_image, uploads
from vizkit.core.models import ImageModel
from vizkit.core.tables import parse_rows
from vizkit.widgets import controls as make
from vizkit.widgets.controls import YOURS
from vizkit.widgets.looks import alike

#: The arguments that are known already, by the parameters' names.
Known = Mapping[str, Any]


class BoundError(ValueError):
    """A function of other parameters, written where a bound is taken, has failed."""


def given(bound: Any, known: Known) -> Any:
    """Return a bound; one that is a function of other parameters is computed."""
    if not callable(bound):
        return bound
    try:
        return bound(**{name: known[name] for name in names_of(bound)})
    except Exception as error:
        raise BoundError(f"follows {', '.join(names_of(bound))}, and that failed: {first_line(error)}") from error


def names_of(*bounds: Any) -> tuple[str, ...]:
    """Return the names of the parameters that bounds look at."""
    return tuple(name for bound in bounds if callable(bound) for name in inspect.signature(bound).parameters)


def is_number(value: Any) -> bool:
    """Whether a value is a number that a slider can have."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True)
class Control:
    """What every control can do; the ones below say it for numbers, words, pictures, networks.

    Parameters
    ----------
    label : str
        Beside the widget; the parameter's name by default.
    """

    label: str = field(default="", kw_only=True)

    def needs(self) -> tuple[str, ...]:
        """Return the names of the parameters that must be known first."""
        return ()

    def widget(self, label: str, value: Any) -> Any:
        """Return the widget."""
        return make.text(label, self.show(value))

    def adapt(self, widget: Any, known: Known, *, own: Any = None) -> None:
        """Fit the widget to the other parameters; the user's own object is among its options."""

    def show(self, value: Any) -> Any:
        """Return the widget's value for a parameter's value."""
        return value

    def read(self, shown: Any) -> Any:
        """Return the parameter's value for the widget's."""
        return shown

    def is_own(self, value: Any) -> bool:
        """Whether a value is an object of the user's own, which no widget can name."""
        del value
        return False

    def load(self, value: Any, known: Known) -> Any:
        """Return the argument."""
        del known
        return value

    def expression(self, value: Any, known: Known) -> str:
        """Return the argument as Python."""
        del known
        return repr(value)

    def own_expression(self, name: str, value: Any, known: Known) -> str:
        """Return the argument made of an object of the user's own; empty if it is that object."""
        del name, value, known
        return ""

    def problem(self, value: Any) -> str:
        """Return why a default makes no sense; empty if it does."""
        del value
        return ""

    def flaw(self) -> str:
        """Return what its settings must be, if they make no sense; empty if they do."""
        return ""


@dataclass(frozen=True)
class Slider(Control):
    """A number in a range; of whole numbers if all three are.

    A default outside fixed bounds is refused; where a bound follows another parameter, the value is
    brought inside whenever the bound moves.

    Parameters
    ----------
    low, high : float, or a function of other parameters
        Its arguments are named as they are: ``Slider(2, lambda count: count // 3)``.
    step : float
    unit : str
        Behind the label.
    live : bool
        Whether it reports while it is dragged: only where the answer comes quickly.
    """

    low: Any
    high: Any
    step: float = 1
    unit: str = field(default="", kw_only=True)
    live: bool = field(default=True, kw_only=True)

    def needs(self) -> tuple[str, ...]:
        return names_of(self.low, self.high)

    def flaw(self) -> str:
        fixed = [one for one in (self.low, self.high) if not callable(one)]
        if not all(map(is_number, (*fixed, self.step))):
            return f"from a number to a number in steps of one, got {self.low!r}, {self.high!r} and {self.step!r}"
        if len(fixed) == 2 and self.low > self.high:
            return f"from the lower bound to the higher one, got {self.low!r} and {self.high!r}"
        return "" if self.step > 0 else f"in steps above 0, got {self.step!r}"

    def widget(self, label: str, value: Any) -> Any:
        low = min(0, value) if callable(self.low) else self.low
        high = max(1, value) if callable(self.high) else self.high
        whole = isinstance(value, int) and isinstance(self.step, int)
        step = self.step if whole else float(self.step)
        return make.slider(label, low, high, value, step=step, live=self.live, unit=self.unit)

    def adapt(self, widget: Any, known: Known, *, own: Any = None) -> None:
        del own
        low, high = given(self.low, known), given(self.high, known)
        if (widget.min, widget.max) != (low, max(low, high)):
            high = max(low, high)
            make.update(widget, min=low, max=high, value=min(max(widget.value, low), high))

    def problem(self, value: Any) -> str:
        if not is_number(value):
            return f"a number for its slider, got {value!r}"
        outside = (not callable(self.low) and value < self.low) or (not callable(self.high) and value > self.high)
        return f"from {self.low} to {self.high}, got {value!r}" if outside else ""


@dataclass(frozen=True)
class OneOf(Control):
    """One of a few options: buttons for two or three short ones, else a list.

    Parameters
    ----------
    options : sequence of str, mapping of str to str, or a function of other parameters
        The values; of a mapping the values with the words that are shown for them.
    """

    options: Any

    def _pairs(self, known: Known) -> list[tuple[str, Any]]:
        found = given(self.options, known)
        if isinstance(found, Mapping):
            return [(str(text), value) for value, text in found.items()]
        return [(str(value), value) for value in found]

    def needs(self) -> tuple[str, ...]:
        return names_of(self.options)

    def widget(self, label: str, value: Any) -> Any:
        if callable(self.options):
            return make.dropdown(label, [(str(value), value)])
        pairs = self._pairs({})
        short = len(pairs) <= 3 and sum(len(text) for text, _ in pairs) <= 26
        return (make.choices if short else make.dropdown)(label, pairs, value)

    def adapt(self, widget: Any, known: Known, *, own: Any = None) -> None:
        if callable(self.options) or own is not None:
            mine = [] if own is None else [(YOURS, YOURS)]
            make.offer(widget, [*self._pairs(known), *mine])

    def problem(self, value: Any) -> str:
        if callable(self.options):
            return ""
        values = [one for _, one in self._pairs({})]
        return "" if value in values else f"one of {', '.join(map(repr, values))}, got {value!r}"


@dataclass(frozen=True)
class Toggle(Control):
    """A box to tick."""

    def widget(self, label: str, value: Any) -> Any:
        return make.toggle(label, value)

    def problem(self, value: Any) -> str:
        return "" if isinstance(value, bool) else f"True or False, got {value!r}"


@dataclass(frozen=True)
class Text(Control):
    """A word or a line to type.

    Parameters
    ----------
    hint : str
        Shown while it is empty.
    """

    hint: str = ""

    def widget(self, label: str, value: Any) -> Any:
        return make.text(label, self.show(value), self.hint)

    def problem(self, value: Any) -> str:
        return "" if isinstance(value, str) else f"a text, got {value!r}"


@dataclass(frozen=True)
class _Written(Control):
    """A value that is typed as text, and what the text must be."""

    expected = ""

    def _parse(self, text: str) -> Any:
        raise NotImplementedError

    def _write(self, value: Any) -> str:
        raise NotImplementedError

    def show(self, value: Any) -> str:
        return "" if value is None else self._write(value)

    def read(self, shown: Any) -> Any:
        try:
            return self._parse(shown)
        except (TypeError, ValueError):
            raise ValueError(f"must be {self.expected}, got {shown!r}") from None

    def problem(self, value: Any) -> str:
        try:
            return "" if self._parse(self._write(value)) == value else f"{self.expected}"
        except (TypeError, ValueError, AttributeError):
            return f"{self.expected}, got {value!r}"


@dataclass(frozen=True)
class Numbers(_Written):
    """A row of numbers, typed with commas between them: a tuple of float."""

    expected = "numbers between commas"

    def _parse(self, text: str) -> tuple[float, ...]:
        return tuple(float(part) for part in text.replace(",", " ").split())

    def _write(self, value: Any) -> str:
        return ", ".join(f"{number:g}" for number in value)


@dataclass(frozen=True)
class Table(_Written):
    """Rows of numbers, a line each: a tuple of tuples of float, all equally long."""

    expected = "rows of equally many numbers, a line each"

    def widget(self, label: str, value: Any) -> Any:
        return alike(
            widgets.Textarea,
            value=self.show(value),
            description=label,
            continuous_update=False,
            rows=min(max(len(value), 3), 10),
            style=make.STYLE,
            layout=make.LAYOUT,
        )

    def _parse(self, text: str) -> tuple[tuple[float, ...], ...]:
        return parse_rows(text)

    def read(self, shown: Any) -> Any:
        return self._parse(shown)

    def _write(self, value: Any) -> str:
        return "\n".join(", ".join(f"{number:g}" for number in row) for row in value)


@dataclass(frozen=True)
class Weights(_Written):
    """Layers of a network with a weight each, typed as ``relu3 1, relu5 0.5``: a dict.

    Parameters
    ----------
    of : str
        The parameter that is the network.
    """

    of: str
    expected = "layers with a weight each, such as 'relu3 1, relu5 0.5'"

    def needs(self) -> tuple[str, ...]:
        return (self.of,)

    def _parse(self, text: str) -> dict[str, float]:
        pairs = [part.split() for part in text.split(",") if part.strip()]
        return {pair[0]: float(pair[1]) if len(pair) > 1 else 1.0 for pair in pairs}

    def _write(self, value: Any) -> str:
        return ", ".join(f"{name} {weight:g}" for name, weight in value.items())

    def load(self, value: Any, known: Known) -> Any:
        for name in value:
            known[self.of].layer(name)  # refused in one sentence with the closest names
        return value


@dataclass(frozen=True)
class Button(Control):
    """A button that counts how often it was pressed: a seed for another draw."""

    text: str = "another draw"

    def widget(self, label: str, value: Any) -> Any:
        del label
        return make.Counter(self.text, value)


class _OrNone(Control):
    """A control with a word that stands for None."""

    none: str

    def show(self, value: Any) -> Any:
        return self.none if value is None else value

    def read(self, shown: Any) -> Any:
        return None if shown == self.none else shown


@dataclass(frozen=True)
class Class(_OrNone):
    """A class of a network, typed or picked.

    Parameters
    ----------
    of : str
        The parameter that is the network.
    none : str
        A word for no class, offered first: the argument is None then.
    """

    of: str
    none: str = ""

    def needs(self) -> tuple[str, ...]:
        return (self.of,)

    def widget(self, label: str, value: Any) -> Any:
        return make.search(label, [self.show(value) or ""], self.show(value) or "")

    def adapt(self, widget: Any, known: Known, *, own: Any = None) -> None:
        del own
        make.offer_classes(widget, known[self.of], *([self.none] if self.none else []))


@dataclass(frozen=True)
class Layer(_OrNone):
    """A layer of a network.

    Parameters
    ----------
    of : str
        The parameter that is the network.
    maps : bool
        Only layers whose units have places.
    none : str
        A word for no layer, offered first: the argument is None then.
    first : callable, optional
        ``first(model)``: the layer to begin with, also of a net that has not the one picked;
        the first one by default.
    """

    of: str
    maps: bool = field(default=False, kw_only=True)
    none: str = field(default="", kw_only=True)
    first: Callable[[ImageModel], str] | None = field(default=None, kw_only=True)

    def needs(self) -> tuple[str, ...]:
        return (self.of,)

    def widget(self, label: str, value: Any) -> Any:
        return make.dropdown(label, [(str(self.show(value)), self.show(value))])

    def adapt(self, widget: Any, known: Known, *, own: Any = None) -> None:
        del own
        options = make.layer_options(known[self.of], maps_only=self.maps)
        options = [*([(self.none, self.none)] if self.none else []), *options]
        fallback = self.none if self.none and not self.first else self._suited(known[self.of])
        make.offer(widget, options, fallback)

    def _suited(self, model: ImageModel) -> str:
        options = make.layer_options(model, maps_only=self.maps)
        return self.first(model) if self.first else options[0][1]

    def load(self, value: Any, known: Known) -> Any:
        return self._suited(known[self.of]) if value is None and not self.none else value


@dataclass(frozen=True)
class Channel(Control):
    """A channel of a layer, by its number.

    Parameters
    ----------
    of : str
        The parameter that is the layer.
    model : str
        The parameter that is the network.
    live : bool
        Whether it reports while it is dragged.
    """

    of: str
    model: str = "model"
    live: bool = field(default=True, kw_only=True)

    def needs(self) -> tuple[str, ...]:
        return (self.of, self.model)

    def widget(self, label: str, value: Any) -> Any:
        return make.slider(label, 0, max(1, value), value, live=self.live)

    def adapt(self, widget: Any, known: Known, *, own: Any = None) -> None:
        del own
        layer = known[self.of]
        last = known[self.model].layer(layer).shape[0] - 1 if layer else 0
        if widget.max != last:
            make.limit(widget, last)

    def problem(self, value: Any) -> str:
        fine = isinstance(value, int) and value >= 0
        return "" if fine else f"the number of a channel, got {value!r}"


@dataclass(frozen=True)
class Image(_OrNone):
    """A picture: bundled, uploaded, from a folder or a dataset, or the user's own pixels.

    Parameters
    ----------
    size : int, (int, int), or a function of other parameters
        As `vizkit.load_image` takes it; as the picture is by default.
    none : str
        A word for no picture, offered first: the argument is None then.
    """

    size: Any = None
    none: str = ""

    def needs(self) -> tuple[str, ...]:
        return names_of(self.size)

    def show(self, value: Any) -> Any:
        return self.none if value is None else str(value)

    def is_own(self, value: Any) -> bool:
        return value is not None and not isinstance(value, (str, Path))

    def widget(self, label: str, value: Any) -> Any:
        return make.ImagePicker(self.show(value), label, self.none)

    def adapt(self, widget: Any, known: Known, *, own: Any = None) -> None:
        widget.offer_own(own is not None)
        size = given(self.size, known)
        widget.side = 256 if size is None else size if isinstance(size, int) else max(size)

    def load(self, value: Any, known: Known) -> Any:
        return None if value is None else load_image(value, given(self.size, known))

    def expression(self, value: Any, known: Known) -> str:
        return "None" if value is None else self._call(repr(value), known)

    def own_expression(self, name: str, value: Any, known: Known) -> str:
        as_it_is = isinstance(value, Tensor) and given(self.size, known) is None
        return "" if as_it_is else self._call(name, known)

    def _call(self, what: str, known: Known) -> str:
        size = given(self.size, known)
        return f"vizkit.load_image({what}{'' if size is None else f', size={size!r}'})"


@dataclass(frozen=True)
class Pictures(Control):
    """Many pictures: the bundled ones, a folder, a dataset's name, uploads, or the user's own.

    Parameters
    ----------
    hint : str
        Shown while the field is empty.
    """

    hint: str = "bundled, a folder, or CIFAR10 ..."

    def is_own(self, value: Any) -> bool:
        return not isinstance(value, (str, Path))

    def show(self, value: Any) -> Any:
        return str(value)

    def widget(self, label: str, value: Any) -> Any:
        return make.SourcePicker(self.show(value), label, self.hint)

    def load(self, value: Any, known: Known) -> Any:
        del known
        names = value.split(", ") if isinstance(value, str) else []
        return tuple(names) if names and all(name in uploads() for name in names) else value

    def expression(self, value: Any, known: Known) -> str:
        return repr(self.load(value, known))


@dataclass(frozen=True)
class Network(Control):
    """A network: bundled, cached, to download, or the user's own module."""

    def is_own(self, value: Any) -> bool:
        return not isinstance(value, str)

    def widget(self, label: str, value: Any) -> Any:
        return make.ModelPicker(value, label)

    def adapt(self, widget: Any, known: Known, *, own: Any = None) -> None:
        del known
        widget.offer_own(own)

    def load(self, value: Any, known: Known) -> Any:
        del known
        return make.loaded(value) if isinstance(value, str) else make.wrapped(value)

    def expression(self, value: Any, known: Known) -> str:
        del known
        return f"vizkit.load_model({value!r})"

    def own_expression(self, name: str, value: Any, known: Known) -> str:
        del known
        return "" if isinstance(value, ImageModel) else f"vizkit.load_model({name})"


@dataclass(frozen=True)
class Form:
    """Several controls for one value: those of a function that makes it.

    Parameters
    ----------
    function : callable
        Its parameters are annotated with controls themselves, or named as parameters of the panel's
        function; it returns the argument.
    """

    function: Callable[..., Any]


@dataclass(frozen=True)
class When:
    """When a control is there to be seen.

    Parameters
    ----------
    condition : callable
        Of other parameters, named as they are.
    """

    condition: Callable[..., bool]


#: A picture: give a name, a path, an array, a PIL picture or a tensor.
Picture = Annotated[Any, Image()]
#: A network: give a name, an `ImageModel` or a torch module.
Model = Annotated[Any, Network()]
