"""What pictures and charts on the page share: our own JavaScript, and messages that cannot hurt."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from vizkit.core import checks
from vizkit.widgets.looks import looks

JS = Path(__file__).parent / "js"
#: Seconds that a page may take to draw what was sent before it is sent more.
LAG = 2.0


def javascript(*names: str) -> str:
    """Return our modules as one, named in what goes wrong: a widget's code cannot import without a build step."""
    code = "\n".join((JS / name).read_text(encoding="utf-8") for name in names)
    return f"{code}\n//# sourceURL=vizkit:{names[-1]}\n"


class View(anywidget.AnyWidget):
    """A widget with messages from the page; a bad one is dropped, and `problem` says why.

    Attributes
    ----------
    problem : str
        What was wrong with the last bad message, in one sentence.
    sent : int
        Bytes of pictures and numbers that went to the page so far.
    more : bool
        Whether the next one comes at once: then the page tells when it has drawn this one.
    """

    problem = traitlets.Unicode("")
    more = traitlets.Bool(False).tag(sync=True)

    def __init__(self, **settings: Any) -> None:
        self.sent, self._sent_at, self._watched, self._undrawn = 0, 0.0, False, 0
        super().__init__(**{**looks(type(self)), **settings})
        self.on_msg(self._take)

    @property
    def behind(self) -> bool:
        """Whether the page has yet to draw two that it got: a run that went on sending would be seen late.

        One may be on its way while the next is computed: kernel and page work at the same time.
        """
        return self._watched and self._undrawn > 1 and time.monotonic() - self._sent_at < LAG

    def _count(self, size: int) -> None:
        """Note that a picture or numbers of `size` bytes go to the page."""
        self.sent += size
        if self.more:
            self._sent_at, self._undrawn = time.monotonic(), self._undrawn + 1

    def _take(self, _: Any, content: Any, buffers: Any) -> None:
        message = content if isinstance(content, dict) else {}
        try:
            kind = message.get("kind")
            answer = getattr(self, f"_on_{kind}", None) if isinstance(kind, str) else None
            if answer is None:
                raise ValueError(f"a message of an unknown kind came from the page: {str(content)[:60]}")
            answer(content, buffers)
        except Exception as error:  # whatever a page may send, nothing is raised where nobody looks
            self.problem = ""  # the same sentence twice is two changes
            self.problem = checks.first_line(error)
        finally:
            if waits := message.get("waits"):
                self.send({"kind": "answered", "of": waits})

    def _on_drawn(self, _: Mapping[str, Any], __: Any) -> None:
        self._watched, self._undrawn = True, 0

    def _on_failed(self, content: Mapping[str, Any], _: Any) -> None:
        raise ValueError(f"the browser could not {str(content.get('what'))[:20]}: {str(content.get('why'))[:200]}")


def number(content: Mapping[str, Any], name: str, low: float, high: float) -> float:
    """Return a number of a message.

    Raises
    ------
    ValueError
        If it is none, not finite, or not in [low, high].
    """
    value = content.get(name)
    fine = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not fine or not low <= value <= high:  # type: ignore[operator]
        raise ValueError(f"{name} from the page must be in {low:g} to {high:g}, got {str(value)[:40]}")
    return float(value)  # type: ignore[arg-type]
