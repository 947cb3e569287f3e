"""Predict, then look: a question before a panel, whose answer the panel's own function gives."""

import functools
import inspect
from collections.abc import Callable
from html import escape
from threading import Thread
from typing import Any
from weakref import WeakSet

import ipywidgets as widgets

from vizkit.core import trail
from vizkit.core.checks import first_line
from vizkit.core.trail import KEEPER, Answer
from vizkit.figures.texts import markup
from vizkit.figures.trail import trail_page, whole_page
from vizkit.widgets.answers import Choice, Kind, Number, Sketch, Spot
from vizkit.widgets.browser_side import JS
from vizkit.widgets.items import alert
from vizkit.widgets.looks import alike, own_layout
from vizkit.widgets.names import Names

#: The questions that are on a page.
SHOWN: "WeakSet[Question]" = WeakSet()
#: Called with each answer that is given in this kernel.
LISTENERS: "WeakSet[Any]" = WeakSet()
STYLE = f"<style>{(JS / 'question.css').read_text(encoding='utf-8')}</style>"


class Predict:
    """A question of a function that computes its answer.

    Used as a decorator. The function takes nothing, asks a panel's own function, and returns the
    truth as the kind of answer takes it; the first paragraph of its docstring says why it is so, and
    is shown once somebody has answered. The last line of a cell, or ``show()``, puts the question on
    the page. Nothing is computed before it is answered.

    Parameters
    ----------
    asked : str
        The question; marked up as texts of a panel are.
    kind : Choice, Number, Spot or Sketch
        What is answered, and how near is right.

    Raises
    ------
    ValueError
        If the question has no words, or the function takes parameters; with its name and the cure.

    Examples
    --------
    >>> from vizkit.widgets import Choice, Predict
    >>> @Predict("Twice as bright: does the net still see a cat?", Choice("yes", "no"))
    ... def brighter_cat():
    ...     "Its layers subtract a mean, not a factor."
    ...     result, _ = brighter(gain=2.0)
    ...     return "yes" if "cat" in result.label else "no"
    """

    def __init__(self, asked: str, kind: Kind) -> None:
        if not isinstance(asked, str) or not asked.strip():
            raise ValueError(f"Predict must be given the question's words first, got {asked!r}")
        if not isinstance(kind, (Choice, Number, Spot, Sketch)):
            raise ValueError(f"Predict must be given Choice, Number, Spot or Sketch behind its words, got {kind!r}")
        self.asked, self.kind = asked, kind
        self.name = self.lecture = self.why = ""
        self.function: Callable[[], Any] = lambda: None

    def __call__(self, function: Callable[[], Any]) -> "Predict":
        """Ask the question of a function."""
        self.name = function.__name__
        if inspect.signature(function).parameters:
            raise ValueError(f"{self.name} must take no parameters: it alone knows what is asked")
        self.lecture = function.__module__.rpartition(".")[2]
        self.why = " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())
        self.function = functools.cache(function)
        self.__doc__ = function.__doc__
        return self

    def truth(self) -> Any:
        """Compute the answer, once.

        Raises
        ------
        ValueError
            If the function's answer is not of the question's kind.
        """
        return self.kind.checked(self.function(), f"the truth of {self.name}")

    def right(self, answer: Any) -> bool:
        """Return whether an answer, or a finding in homework, is right within the kind's tolerance.

        Raises
        ------
        ValueError
            If it is no answer of this kind.
        """
        return self.kind.right(self.kind.checked(answer, "the answer"), self.truth())

    def made(self, answer: Any, because: str, *, least: int = 20) -> bool:
        """Return whether a prediction counts in homework: it was made, and explained; right or not.

        Parameters
        ----------
        answer : object
        because : str
            At least `least` letters, and not the question's own words.

        Raises
        ------
        ValueError
            If it is no answer of this kind.
        """
        self.kind.checked(answer, "the prediction")
        words = " ".join(str(because).split())
        return len(words) >= least and words.lower() not in self.asked.lower()

    def show(self) -> "Question":
        """Return the question for the page."""
        return Question(self)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.show())

    def __repr__(self) -> str:
        return f"<question {self.name}: {self.asked}>"


class Question:
    """A question on the page: answered with one button, skipped with the other.

    Parameters
    ----------
    predict : Predict

    Attributes
    ----------
    answer : Answer or None
        What was answered, here or on another day.
    field : Widget
        Where it is answered; ``field.value`` is None as long as nothing is.
    view : Widget
    """

    def __init__(self, predict: Predict) -> None:
        self.predict, self.kind = predict, predict.kind
        self.field = self.kind.field()
        self._worker: Thread | None = None
        self._status = alike(widgets.HTML).add_class("vizkit-status")
        self._buttons = {
            "That is my answer": self._button("That is my answer", self.give),
            "Skip": self._button("Skip", self.skip),
            "Ask me again": self._button("Ask me again", self.again),
        }
        words = f'{STYLE}<span class="vizkit-predict">Predict</span> {markup(predict.asked)}'
        buttons = alike(widgets.HBox, [*self._buttons.values(), self._status]).add_class("vizkit-bar")
        self.view = alike(widgets.VBox, [alike(widgets.HTML, words), self.field, buttons, Names()])
        self.view.add_class("vizkit-question")
        self.answer = KEEPER.read().answers.get(predict.name)
        SHOWN.add(self)
        self._open() if self.answer is None else self._close()
        self._tell()

    def _button(self, name: str, action: Callable[[], None]) -> widgets.Button:
        button = alike(widgets.Button, description=name, layout={"width": "auto"})
        button.on_click(lambda _: action())
        return button

    def give(self) -> None:
        """Take what is in the field as the answer, and compute the truth in a thread."""
        try:
            answer = self.kind.checked(self.field.value, "your answer")
        except ValueError as error:
            self._status.value = alert(first_line(error))
            return
        self._status.value = '<div role="status">computing ...</div>'
        self._enable("Skip", "That is my answer", enabled=False)
        self._worker = Thread(target=self._look, args=(answer,), daemon=True)
        self._worker.start()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the truth is there.

        Raises
        ------
        TimeoutError
            If it is not within `seconds`.
        """
        if self._worker is not None:
            self._worker.join(seconds)
            if self._worker.is_alive():
                raise TimeoutError(f"{self.predict.name} was not computed within {seconds} s")

    def _look(self, answer: Any) -> None:
        try:
            truth = self.predict.truth()
            said, was = self.kind.said(answer), self.kind.said(truth)
            right = self.kind.right(answer, truth)
            self._keep(self.kind.plain(answer), self.kind.plain(truth), said, was, right)
        except Exception as error:  # kept and shown: nobody sees what is raised in a thread
            self._status.value = alert(f"the answer could not be computed: {first_line(error, 300)}")
            self._enable("Skip", "That is my answer", enabled=True)

    def skip(self) -> None:
        """Go on without an answer."""
        self._keep(None, None, "", "", False)

    def again(self) -> None:
        """Open the question once more."""
        self.answer = None
        self._open()

    def _keep(self, answer: Any, truth: Any, said: str, was: str, right: bool) -> None:
        one = self.predict
        self.answer = Answer(one.name, one.lecture, one.asked, self.kind.name, answer, truth, said, was, right)
        KEEPER.answer(self.answer)
        self._close()
        for listener in list(LISTENERS):
            listener.refresh()

    def _open(self) -> None:
        self.kind.mark(self.field, None, None)
        self._status.value = ""
        self._enable("Skip", "That is my answer", enabled=True)
        self._show("That is my answer", "Skip")
        own_layout(self.field).display = ""

    def _close(self) -> None:
        assert self.answer is not None
        one = self.answer
        skipped = one.answer is None
        self._status.value = f'<div role="status">{words_of(one)} {"" if skipped else markup(self.predict.why)}</div>'
        own_layout(self.field).display = "none" if skipped else ""
        if not skipped:
            self.kind.mark(self.field, one.answer, one.truth)
        self._show("Ask me again")
        self._tell()

    def _tell(self) -> None:
        """Say what was wrong with the trail's file, behind what is said already."""
        if problem := KEEPER.told():
            self._status.value += alert(problem)

    def _enable(self, *names: str, enabled: bool) -> None:
        for name in names:
            self._buttons[name].disabled = not enabled

    def _show(self, *names: str) -> None:
        for name, button in self._buttons.items():
            own_layout(button).display = "" if name in names else "none"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {**self.view._repr_mimebundle_(), "text/plain": f"Predict: {self.predict.asked}"}


def words_of(answer: Answer) -> str:
    """Return in HTML what was expected and what it was."""
    if answer.answer is None:
        return "Skipped: look at what comes."
    verdict = "right" if answer.right else "not as you expected"
    mark = "vizkit-right" if answer.right else "vizkit-wrong"
    return (
        f"You expected <b>{escape(answer.said)}</b>, it is <b>{escape(answer.was)}</b> "
        f'<span class="{mark}">({verdict})</span>.'
    )


class Summary:
    """What was expected, seen and saved, as a page at the end of a notebook.

    It follows the answers that are given in this kernel.

    Parameters
    ----------
    lecture : str, optional
        Such as ``"pca"``; all lectures by default.

    Attributes
    ----------
    view : Widget
    """

    def __init__(self, lecture: str = "") -> None:
        self.lecture = lecture
        self._page = alike(widgets.HTML)
        self._status = alike(widgets.HTML).add_class("vizkit-status")
        save = alike(widgets.Button, description="Write a page to hand in", layout={"width": "auto"})
        save.on_click(lambda _: self._save())
        bar = alike(widgets.HBox, [save, self._status]).add_class("vizkit-bar")
        self.view = alike(widgets.VBox, [alike(widgets.HTML, STYLE), self._page, bar]).add_class("vizkit-trail")
        LISTENERS.add(self)
        self.refresh()

    def refresh(self) -> None:
        """Show what is kept now."""
        self._page.value = trail_page(KEEPER.read(), self.lecture)
        problem = KEEPER.told()
        self._status.value = alert(problem) if problem else ""

    def _save(self) -> None:
        path = KEEPER.folder / "vizkit-trail.html"
        try:
            if not trail.kept_here():
                raise OSError("several viewers share this folder")
            path.write_text(whole_page(KEEPER.read()), encoding="utf-8")
            self._status.value = f'<div role="status">wrote {path.name}: open it to print it, or hand it in</div>'
        except OSError as error:
            self._status.value = alert(f"{path.name} could not be written ({error})")

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {**self.view._repr_mimebundle_(), "text/plain": "What you expected, what it was, what you saved"}
