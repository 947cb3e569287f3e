"""A student's trail, and a class's trails, as HTML."""

from collections.abc import Sequence
from html import escape

from vizkit.core.trail import Trail
from vizkit.figures.texts import markup, table

STYLE = """
body {font: 16px/1.5 Inter, "Segoe UI", Helvetica, Arial, sans-serif; color: #222; max-width: 60em; margin: 2em auto;
  padding: 0 1em}
table {border-collapse: collapse}
td, th {padding: 4px 14px 4px 0; text-align: left; vertical-align: top; border-bottom: 1px solid #ddd}
img {max-width: 320px; height: auto}
code {font-size: 13px}
h2 {margin: 1.6em 0 .4em}
figure {display: inline-block; margin: 0 1em 1em 0}
.bar {display: inline-block; background: #0072b2; height: 1em; vertical-align: middle; min-width: 1px}
.true .bar {background: #d55e00}
.true {font-weight: 600}
td.cell {padding: 4px 10px; text-align: center; min-width: 4em}
td.cell.true {outline: 3px solid #d55e00; outline-offset: -3px}
@media print {h2, h3 {break-after: avoid} tr, figure {break-inside: avoid}}
"""


def trail_page(trail: Trail, lecture: str = "") -> str:
    """Return what was expected, seen and saved as a piece of HTML.

    Parameters
    ----------
    trail : Trail
    lecture : str
        Only the questions of this one; all by default. Presets and pictures are always there.
    """
    answers = [one for one in trail.answers.values() if lecture in ("", one.lecture)]
    given = [one for one in answers if one.answer is not None]
    skipped = len(answers) - len(given)
    right = sum(one.right for one in given)
    parts = [f"<p><b>{right} of {len(given)}</b> as you expected{f', {skipped} skipped' if skipped else ''}.</p>"]
    if not answers:
        parts = ["<p>No question has been answered yet.</p>"]
    if given:
        rows = [(one.asked, one.said, one.was, "yes" if one.right else "no") for one in given]
        parts.append(table(("question", "you expected", "it was", "as expected"), rows))
    if trail.presets:
        found = [(one.panel, one.text) for one in trail.presets]
        parts.append("<h4>Presets you opened</h4>" + table(("panel", "preset"), found))
    if trail.saved:
        parts.append(
            "<h4>What you saved</h4>" + "".join(_figure(one.panel, one.text, one.picture) for one in trail.saved)
        )
    return "".join(parts)


def _figure(panel: str, text: str, picture: str) -> str:
    shown = f'<img alt="{escape(panel)}" src="data:image/jpeg;base64,{escape(picture)}"><br>' if picture else ""
    return f"<figure>{shown}<figcaption>{escape(panel)}<br><code>{escape(text)}</code></figcaption></figure>"


def document(title: str, body: str) -> str:
    """Return a whole page of plain HTML: no scripts, nothing fetched."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    )


def whole_page(trail: Trail) -> str:
    """Return a trail as a page to print or to hand in, lecture by lecture."""
    lectures = dict.fromkeys(one.lecture for one in trail.answers.values())
    parts = [
        f"<h2>{escape(lecture.replace('_', ' '))}</h2>"
        + trail_page(Trail({name: one for name, one in trail.answers.items() if one.lecture == lecture}), lecture)
        for lecture in lectures
    ]
    rest = Trail({}, trail.presets, trail.saved)
    parts.append(trail_page(rest).replace("<p>No question has been answered yet.</p>", "" if parts else "Nothing yet."))
    return document("What I expected, what I saw, what I saved", "".join(parts))


def histogram(title: str, counts: Sequence[tuple[str, int]], truth: Sequence[str]) -> str:
    """Return bars of how often each answer was given, the true one marked, as HTML.

    Parameters
    ----------
    title : str
        The question, as it is marked up.
    counts : sequence of (str, int)
    truth : sequence of str
        Which of them are right.
    """
    most = max([1, *(count for _, count in counts)])
    rows = "".join(
        f'<tr class="{"true" if name in truth else ""}"><td>{escape(name)}{" (it is)" if name in truth else ""}</td>'
        f'<td>{count}</td><td style="min-width:22em">'
        f'<span class="bar" style="width:{20 * count / most:.2f}em"></span></td></tr>'
        for name, count in counts
    )
    return f"<h3>{markup(title)}</h3><table>{rows}</table>"


def curve_histogram(
    title: str, places: Sequence[str], bands: Sequence[str], counts: Sequence[Sequence[int]], truth: Sequence[int]
) -> str:
    """Return how many curves go through each band at each place, the truth's band framed, as HTML.

    Parameters
    ----------
    title : str
        The question, as it is marked up.
    places : sequence of str
        From left to right.
    bands : sequence of str
        From the highest values down.
    counts : sequence of sequence of int, shape (bands, places)
    truth : sequence of int
        The true band at each place.
    """
    most = max([1, *(count for row in counts for count in row)])
    head = "".join(f"<th>{escape(place)}</th>" for place in places)
    rows = "".join(
        f"<tr><th>{escape(band)}</th>"
        + "".join(
            f'<td class="{"cell true" if truth[column] == index else "cell"}" '
            f'style="background:rgb(0 114 178 / {0.6 * count / most:.2f})">'
            f"{count}{' (it is)' if truth[column] == index else ''}</td>"
            for column, count in enumerate(row)
        )
        + "</tr>"
        for index, (band, row) in enumerate(zip(bands, counts, strict=True))
    )
    return f"<h3>{markup(title)}</h3><table><tr><td></td>{head}</tr>{rows}</table>"
