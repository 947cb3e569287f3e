"""``@panel``: a plain function, its controls read from its annotations, ready to be shown."""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from vizkit.core import checks
from vizkit.widgets.annotations import Control, Form, Known, When, names_of
from vizkit.widgets.hands import On, Point, Tile
from vizkit.widgets.running import Live, direct
from vizkit.widgets.source import Source, read

if TYPE_CHECKING:
    from vizkit.widgets.page import Panel

#: Every panel's function by its title; the last one of a title counts.
FUNCTIONS: dict[str, "PanelFunction"] = {}


@dataclass(frozen=True)
class Parameter:
    """What is known of one of a function's parameters.

    Parameters
    ----------
    name : str
    default : object
        ``inspect.Parameter.empty`` if it must be given.
    control : Control or None
        Without one, it is simply given.
    hand : On or None
    when : When or None
    form : Form or None
        Its value is made of other parameters.
    needs : tuple of str
        Parameters that must be known first.
    folded : bool
        Whether its control is under "More".
    """

    name: str
    default: Any
    control: Control | None = None
    hand: On | None = None
    when: When | None = None
    form: Form | None = None
    needs: tuple[str, ...] = ()
    folded: bool = False


class PanelFunction:
    """A function that is a panel: called, it computes; shown, it has controls.

    Made by `panel`. ``f(picture, model, ...)`` returns what the function returns, names loaded as
    the panel loads them; ``f.show(...)``, or ``f`` at the end of a cell, is the panel. Bounds are the
    controls': a plain call goes beyond them.

    Attributes
    ----------
    title : str
    parameters : dict of str to Parameter
        In the order in which they can be known; those of forms included.
    source : Source
    """

    def __init__(self, function: Callable[..., Any], title: str, *, layout: str, rate: float, auto: bool) -> None:
        self.source: Source = read(function)
        functools.update_wrapper(self, function)
        self.function, self.title, self.rate, self.auto = function, title, rate, auto
        self.name = function.__name__
        self.live = inspect.isgeneratorfunction(function)
        self._signature = inspect.signature(function)
        found = self._read_parameters(function, self._signature.parameters)
        self.parameters = {name: found[name] for name in self._order(found)}
        self.layout = [row.split() for row in layout.split("/")] if layout else []
        self._check()

    # Reading ----------------------------------------------------------------------------------

    def _read_parameters(
        self, function: Callable[..., Any], wanted: Mapping[str, inspect.Parameter]
    ) -> dict[str, Parameter]:
        hints = get_type_hints(function, include_extras=True)
        found: dict[str, Parameter] = {}
        for name, one in wanted.items():
            if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
                raise ValueError(f"{self.name} must name its parameters, got '*{name}'; write each")
            if name == "run" and self.live:
                continue
            notes = get_args(hints.get(name))[1:]
            forms = [note for note in notes if isinstance(note, Form)]
            if forms:
                inner = inspect.signature(forms[0].function).parameters
                theirs = {key: value for key, value in inner.items() if key not in wanted}
                for key in theirs.keys() & found.keys():
                    raise ValueError(f"{self.name}: {key!r} is there twice; rename it in the form")
                found |= self._read_parameters(forms[0].function, theirs)
                found[name] = Parameter(name, None, form=forms[0], needs=tuple(inner))
            else:
                found[name] = self._parameter(one, notes)
        return found

    def _parameter(self, one: inspect.Parameter, notes: tuple[Any, ...]) -> Parameter:
        notes = tuple(self._control(one.name, note) for note in notes)
        controls = [note for note in notes if isinstance(note, Control)]
        if len(controls) > 1:
            kinds = " and ".join(type(control).__name__ for control in controls)
            raise ValueError(f"{self.name}: {one.name!r} must have one control, got {kinds}; leave one")
        hand = next((note for note in notes if isinstance(note, On)), None)
        if hand is not None:
            self._control(one.name, hand.hand)
        when = next((note for note in notes if isinstance(note, When)), None)
        control = controls[0] if controls else None
        if control is None and hand is not None and isinstance(hand.hand, Point):
            control = hand.hand  # its number fields
        if when is not None and control is None:
            raise ValueError(f"{self.name}: {one.name!r} has a When and no control to show; write one beside it")
        needs = (*(control.needs() if control else ()), *names_of(when.condition if when else None))
        folded = one.kind is one.KEYWORD_ONLY
        return Parameter(one.name, one.default, control, hand, when, None, needs, folded)

    def _control(self, name: str, note: Any) -> Any:
        """Return what an annotation says; of a control's class the control, if it needs no settings."""
        if isinstance(note, type) and issubclass(note, Control):
            needed = [
                one.name
                for one in inspect.signature(note).parameters.values()
                if one.default is inspect.Parameter.empty
            ]
            if needed:
                kind = note.__name__
                raise ValueError(f"{self.name}: {kind} of {name!r} needs settings; write {kind}({', '.join(needed)})")
            note = note()
        flaw = note.flaw() if isinstance(note, Control) else ""
        if flaw:
            raise ValueError(f"{self.name}: {type(note).__name__} of {name!r} must be {flaw}")
        return note

    def _order(self, found: Mapping[str, Parameter]) -> list[str]:
        """Return the names so that each comes behind those that it needs."""
        for one in found.values():
            for need in one.needs:
                if need not in found:
                    raise ValueError(
                        f"{self.name}: {one.name!r} looks at {need!r}, which is no parameter; "
                        f"there are {', '.join(found)}"
                    )
        try:
            order = TopologicalSorter({name: one.needs for name, one in found.items()})
            return list(order.static_order())
        except CycleError as error:
            ring = " -> ".join(error.args[1])
            raise ValueError(
                f"{self.name}: parameters need each other in a ring, {ring}; let one of them be fixed"
            ) from error

    def _check(self) -> None:
        items = self.source.items
        for one in self.parameters.values():
            if one.hand is not None and one.hand.item not in items:
                raise ValueError(
                    f"{self.name}: {one.name!r} is a hand on {one.hand.item!r}, which is not "
                    f"shown; there are {', '.join(items)}"
                )
            if one.hand is not None and not isinstance(one.hand.hand, (Point, Tile)):
                raise ValueError(
                    f"{self.name}: the hand of {one.name!r} must be Point, Points, Box, Curve or "
                    f"Tile, got {one.hand.kind!r}"
                )
            if one.hand is not None and one.control is None:
                raise ValueError(
                    f"{self.name}: {one.name!r} needs a control for the keyboard beside its hand, "
                    "such as Slider or Channel"
                )
            if one.default is not inspect.Parameter.empty and one.control is not None:
                self._check_default(one, one.control)
        self._check_hands([one for one in self.parameters.values() if one.hand is not None])
        for name in (name for row in self.layout for name in row):
            if name not in items:
                raise ValueError(
                    f"{self.name}: its layout names {name!r}, which is not shown; there are {', '.join(items)}"
                )
        if self.live and "run" not in self._signature.parameters:
            raise ValueError(f"{self.name} must take its run as a parameter: add '*, run: Run = direct'")

    def _check_hands(self, handed: list[Parameter]) -> None:
        """Refuse two hands of one kind on one item: a pointer cannot tell which is meant."""
        seen: dict[Any, str] = {}
        for one in handed:
            assert one.hand is not None
            place = one.hand.item, type(one.hand.hand)
            if place in seen:
                raise ValueError(
                    f"{self.name}: {seen[place]!r} and {one.name!r} must not both be a {place[1].__name__} on "
                    f"{place[0]!r}; put one of them on another item"
                )
            seen[place] = one.name

    def _check_default(self, one: Parameter, control: Control) -> None:
        allowed = one.default is None and (control.show(None) or control.needs())
        if allowed or control.is_own(one.default):
            return
        problem = control.problem(one.default)
        if problem:
            raise ValueError(f"{self.name}: the default of {one.name!r} must be {problem}")

    @property
    def captions(self) -> dict[str, str]:
        """What the docstring says of each item, under "Shows"."""
        text = inspect.getdoc(self.function) or ""
        _, _, shows = text.partition("Shows\n-----\n")
        rows = [row.partition(" : ") for row in shows.split("\n\n")[0].splitlines()]
        return {name.strip(): caption.strip() for name, found, caption in rows if found}

    @property
    def says(self) -> str:
        """The first paragraph of the docstring."""
        text = inspect.getdoc(self.function) or ""
        return " ".join(text.partition("\n\n")[0].split())

    # Calling ----------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute as the panel does, without any widget.

        Returns
        -------
        object
            What the function returns: ``result, {items}`` or ``{items}``; of a live run, a
            generator of them.
        """
        values = self._bound(args, kwargs)
        if self.live:
            return self._stepped(values, kwargs.get("run", direct))
        return finished(self.function(**values))

    def _bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        inner = {key: kwargs[key] for key in kwargs if key not in self._signature.parameters}
        for key in inner:
            checks.choice(key, self.parameters, f"parameter of {self.name}")
        outer = {key: value for key, value in kwargs.items() if key not in inner and key != "run"}
        bound = self._signature.bind_partial(*args, **outer).arguments
        return self.arguments({**bound, **inner})

    def arguments(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Load every parameter's value, defaults included, and return the function's arguments.

        Raises
        ------
        TypeError
            If one that has no default is missing.
        """
        known: dict[str, Any] = {}
        for name, one in self.parameters.items():
            if one.form is not None and values.get(name) is None:
                known[name] = self.made(one.form, known)
            elif one.control is not None:
                known[name] = one.control.load(values.get(name, one.default), known)
            else:
                known[name] = values.get(name, one.default)
            if known[name] is inspect.Parameter.empty:
                raise TypeError(f"{self.name} needs {name}, which has no default")
        return self.own(known)

    @staticmethod
    def made(form: Form, known: Known) -> Any:
        """Return the value that a form's controls make."""
        names = inspect.signature(form.function).parameters
        return form.function(**{name: known[name] for name in names})

    def own(self, known: Known) -> dict[str, Any]:
        """Return those arguments that are the function's own, not a form's."""
        return {name: known[name] for name in self._signature.parameters if name in known}

    def _stepped(self, values: dict[str, Any], run: Any) -> Iterator[Any]:
        for shown in self.function(**values, run=run):
            yield finished(shown)

    # Showing ----------------------------------------------------------------------------------

    def show(self, **values: Any) -> "Panel":
        """Return the panel, some of its parameters set or given.

        Parameters
        ----------
        **values
            Control values, or objects of your own: a tensor, a network, another panel whose
            result is followed.

        Raises
        ------
        TypeError, ValueError
            If a name is no parameter, or a control cannot take its value.
        """
        from vizkit.widgets.page import Panel

        return Panel(self, values)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.show())

    def __repr__(self) -> str:
        return f"<panel {self.title!r}: {self.name}{self._signature}>"


def finished(shown: Any) -> Any:
    """Return what a function shows with nothing in it that still has to be computed."""
    result, items = split(shown)
    whole = {name: resolved(item) for name, item in items.items()}
    return (result, whole) if isinstance(shown, tuple) else whole


def split(shown: Any) -> tuple[Any, dict[str, Any]]:
    """Return the result and the items of ``result, {items}`` or ``{items}``."""
    return shown if isinstance(shown, tuple) else (None, shown)


def resolved(item: Any) -> Any:
    """Return an item that is drawn only when it is asked for, or by a run, as it is in the end."""
    if isinstance(item, Live):
        return item.at_its_end()
    return item() if callable(item) else item


def panel(
    title: str, *, layout: str = "", rate: float = 10, auto: bool = False
) -> Callable[[Callable[..., Any]], PanelFunction]:
    """Make a panel of a function.

    The function's parameters are the controls, by their annotations (`vizkit.widgets` has them; one
    whose annotation names no control has none and is simply given);
    its last line returns what is shown by name, or a result and what is shown: pictures, charts,
    texts, or functions that make one of these. Its docstring is the panel's: the first sentence
    stands beside the title, and a section ``Shows`` of lines ``name : caption`` gives captions.

    A generator is a live run: it takes ``*, run: Run = direct`` and ends in
    ``for step in run(method, ...): yield step, {...}``. The method is a generator of frozen steps,
    see `vizkit.core.steps`; any such generator does, and one that `step_method` registers names the
    arguments that it takes under way.

    What ``show`` returns is a `vizkit.widgets.page.Panel`: ``set``, ``play``, ``pause``, ``step``,
    ``wait``, ``result``, ``code``, ``items``, ``share``, ``save``, ``pin``.

    Parameters
    ----------
    title : str
    layout : str
        Rows of items' names with a slash between them, a name over several columns written as
        often: ``"grid grid / map patches"``. Side by side by default.
    rate : float
        How often a run is drawn, a second.
    auto : bool
        Whether a run begins by itself when a control starts it anew: for short ones.

    Raises
    ------
    TypeError, ValueError
        If the title is none, or the function or an annotation makes no sense; with the function's name and the cure.

    Examples
    --------
    >>> from typing import Annotated
    >>> from vizkit.figures.pictures import photo
    >>> from vizkit.widgets import Picture, Run, Slider, direct
    >>> @vizkit.panel("Brighter")
    ... def brighter(picture: Picture = "chelsea", gain: Annotated[float, Slider(0, 3, 0.1)] = 1.5):
    ...     "Every pixel, a little brighter."
    ...     return {"picture": photo((gain * picture).clamp(0, 1), "brighter")}

    A live run:

    >>> @vizkit.panel("Brighter and brighter")
    ... def growing(picture: Picture = "chelsea", rate: Annotated[float, Slider(0, 1, 0.1)] = 0.1,
    ...             *, run: Run = direct):
    ...     "One step after the other."
    ...     for step in run(brighten_steps, picture, rate=rate):
    ...         yield step, {"picture": photo(step.image, f"after {step.index} steps")}
    """
    if not isinstance(title, str):
        name = getattr(title, "__name__", repr(title))
        raise TypeError(f'the title of a panel must be a text, got {name}; write @vizkit.panel("Title")')

    def decorate(function: Callable[..., Any]) -> PanelFunction:
        made = PanelFunction(function, title, layout=layout, rate=rate, auto=auto)
        FUNCTIONS[title] = made
        return made

    return decorate
