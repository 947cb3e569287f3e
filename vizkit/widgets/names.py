"""Names for a reader of the screen, where core widgets give none."""

from pathlib import Path

import anywidget


class Names(anywidget.AnyWidget):
    """Gives sliders and charts of the panel around it an accessible name.

    ipywidgets draws a slider's label beside it and does not connect the two, and plotly's charts
    are pictures without words. No trait of either reaches those elements, so this is done in the
    browser.
    """

    _esm = Path(__file__).with_name("names.js")
