"""Words and tables as HTML, everything in them escaped."""

import re
from collections.abc import Iterable, Sequence
from html import escape, unescape

from vizkit.figures.raster import Html


def markup(text: str) -> Html:
    """Return a text as HTML: escaped, its lines kept, ``**words**`` in bold."""
    lines = escape(text, quote=False).replace("\n", "<br>")
    return Html(re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", lines))


def bare(text: str) -> str:
    """Return what a reader sees of a piece of HTML, in one line."""
    return " ".join(unescape(re.sub("<[^>]*>", " ", text)).split())


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """Return a table of texts, ``**words**`` in bold.

    Parameters
    ----------
    header : sequence of str
    rows : iterable of sequence of str
    """
    head = "".join(f"<th>{markup(cell)}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{markup(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return Html(f"<table><tr>{head}</tr>{body}</table>")
