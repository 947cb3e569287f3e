"""Names for a reader of the screen, where core widgets give none."""

import anywidget

from vizkit.widgets.browser_side import javascript
from vizkit.widgets.looks import looks


class Names(anywidget.AnyWidget):
    """Gives sliders of the panel around it an accessible name.

    ipywidgets draws a slider's label beside it and does not connect the two. No trait reaches those
    elements, so this is done in the browser.
    """

    _esm = javascript("view.js", "revive.js", "names.js")

    def __init__(self) -> None:
        super().__init__(**looks(type(self)))
