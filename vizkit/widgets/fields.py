"""The state of a panel's controls: their values, what follows what, and the arguments they make."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import traitlets

from vizkit.core import checks
from vizkit.core.checks import first_line
from vizkit.widgets.annotations import BoundError, When, given
from vizkit.widgets.controls import YOURS, option_values
from vizkit.widgets.function import PanelFunction, Parameter
from vizkit.widgets.looks import own_layout


class Fields:
    """A panel's controls.

    Parameters
    ----------
    function : PanelFunction
    given : mapping
        Values of parameters to begin with, or objects of the user's own.
    followed : callable
        Called with each panel whose result is a parameter here.

    Attributes
    ----------
    widgets : dict of str to Widget
    own : dict of str to object
        What the user gave that no widget can name.
    loaded : dict
        Of each parameter its value, what it was loaded with, and the argument.
    silent : bool
        Whether changes are the panel's own and nobody needs to answer.
    """

    def __init__(self, function: PanelFunction, given: Mapping[str, Any], followed: Callable[[Any], None]) -> None:
        self.function, self.followed, self.silent = function, followed, False
        self.own: dict[str, Any] = {}
        self.loaded: dict[str, tuple[Any, tuple[Any, ...], Any]] = {}
        self.widgets = self._make(given)

    @property
    def values(self) -> dict[str, Any]:
        """The parameters' values by name; "yours" for an object of the user's own."""
        return {name: self.read(name) for name in self.widgets}

    @property
    def known(self) -> dict[str, Any]:
        """The arguments that were loaded last, by name."""
        return {name: argument for name, (_, _, argument) in self.loaded.items()}

    def _make(self, given: Mapping[str, Any]) -> dict[str, Any]:
        parameters = self.function.parameters
        for name in given:
            checks.choice(name, parameters, f"parameter of {self.function.name}")
        fields = {}
        for name in (one for one in self.order() if parameters[one].control is not None):
            one = parameters[name]
            assert one.control is not None
            value = given.get(name, one.default)
            if value is inspect.Parameter.empty:
                raise TypeError(f"{self.function.name} needs {name}, which has no default")
            if name in given and self.is_own(one, value):
                self.keep(name, value)
                value = YOURS
            label = one.control.label or name.replace("_", " ")
            fields[name] = one.control.widget(label, value)
        for name, one in parameters.items():
            if one.control is None and (one.form is None or name in given):
                if name not in given and one.default is inspect.Parameter.empty:
                    raise TypeError(f"{self.function.name} needs {name}, which has no default")
                self.keep(name, given.get(name, one.default))
        return fields

    def order(self) -> list[str]:
        """Return the parameters as the function's author wrote them, a form's in its place."""
        found: list[str] = []
        for name in inspect.signature(self.function.function).parameters:
            one = self.function.parameters.get(name)
            if one is not None and one.form is not None:
                inner = inspect.signature(one.form.function).parameters
                found += [key for key in inner if key not in found and key in self.function.parameters]
            found.append(name)
        return [name for name in dict.fromkeys(found) if name in self.function.parameters]

    @staticmethod
    def is_own(one: Parameter, value: Any) -> bool:
        """Whether a value is an object that the parameter's widget cannot name."""
        assert one.control is not None
        return is_panel(value) or one.control.is_own(value)

    def keep(self, name: str, value: Any) -> None:
        """Keep an object of the user's own; a panel among them is followed."""
        self.own[name] = value
        if is_panel(value):
            self.followed(value)

    def is_given(self, name: str) -> bool:
        """Whether a control stands at the object that the user gave."""
        return name in self.own and bool(self.widgets[name].value == YOURS)

    def read(self, name: str) -> Any:
        """Return a parameter's value."""
        control, shown = self.function.parameters[name].control, self.widgets[name].value
        assert control is not None
        if self.is_given(name):
            return YOURS
        try:
            return control.read(shown)
        except ValueError as error:
            words = str(error)
            raise ValueError(f"{name} {words}" if words.startswith("must") else words) from None

    def change(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Set controls without computing; return why those were refused that were."""
        self.silent = True
        refused: dict[str, str] = {}
        try:
            for _ in range(3):  # what a control can take may follow another one
                refused = {}
                for name, value in values.items():
                    control = self.function.parameters[name].control
                    try:
                        shown = value if value is YOURS else control.show(value)  # type: ignore[union-attr]
                        if self.widgets[name].value != shown:
                            self.widgets[name].value = shown
                    except (traitlets.TraitError, ValueError, TypeError, OSError) as error:
                        refused[name] = self._reason(name, value, error)
                self.settle()
                now = self.values
                for name, value in values.items():
                    if name not in refused and not self.is_now(name, value):
                        refused[name] = f"the nearest is {now[name]!r}"
                if not refused:
                    break
        except Exception as error:
            refused = refused or dict.fromkeys(list(values)[:1], first_line(error))
        finally:
            self.silent = False
        return refused

    def _reason(self, name: str, value: Any, error: Exception) -> str:
        """Return why a control does not take a value; of a list, what would be near."""
        options = option_values(getattr(self.widgets[name], "options", ()))
        if isinstance(error, traitlets.TraitError) and isinstance(value, str) and options:
            try:
                checks.choice(value, [str(one) for one in options], "it")
            except ValueError as hint:
                return str(hint).partition("; ")[2]
        control = self.function.parameters[name].control
        expected = control.problem(value) if control else ""
        return f"it must be {expected}" if expected else first_line(error)

    def is_now(self, name: str, value: Any) -> bool:
        """Whether a control has a value, as its widget shows it."""
        if self.is_given(name):
            return value is self.own[name] or (isinstance(value, str) and value == YOURS)
        control = self.function.parameters[name].control
        return control is not None and same(self.read(name), control.read(control.show(value)))

    def settle(self) -> dict[str, Any]:
        """Fit each control to those that it follows, and return every argument."""
        known: dict[str, Any] = {}
        silent, self.silent = self.silent, True
        try:
            for name, one in self.function.parameters.items():
                known[name] = self._argument(name, one, known)
        finally:
            self.silent = silent
        return known

    def _argument(self, name: str, one: Parameter, known: Mapping[str, Any]) -> Any:
        own: Any = self.own.get(name)
        own = own.result if is_panel(own) else own
        if one.form is not None:
            return own if name in self.own else self.function.made(one.form, known)
        if one.control is None:
            return own
        field = self.widgets[name]
        try:
            one.control.adapt(field, known, own=self.own.get(name))
            if isinstance(one.when, When):
                own_layout(field).display = "" if given(one.when.condition, known) else "none"
        except BoundError as error:
            if self.function.__module__.startswith("vizkit.") and error.__cause__ is not None:
                raise error.__cause__ from None  # the kit's bounds fail by the reader's data only
            raise ValueError(f"{self.function.name}: {name!r} {error}") from error.__cause__
        key = own if self.is_given(name) else self.read(name)
        needs = tuple(known[need] for need in one.needs)
        kept = self.loaded.get(name)
        if kept and same(kept[0], key) and all(map(same, kept[1], needs)):
            return kept[2]  # the same name is the same tensor
        argument = one.control.load(key, known)
        self.loaded[name] = key, needs, argument
        return argument


def is_panel(value: Any) -> bool:
    """Whether a value is another panel, whose result is meant; `page` is built on this module."""
    return hasattr(value, "followers")


def same(one: Any, other: Any) -> bool:
    """Whether two values are one: objects by identity, plain values by what they are."""
    if one is other:
        return True
    plain = (str, int, float, bool, tuple, list, dict, type(None))
    if not isinstance(one, plain) or not isinstance(other, plain):
        return False
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
