"""The course as tables: lectures, presets, slides."""

import base64
from collections.abc import Mapping, Sequence
from html import escape

from vizkit.core.course import Lecture, Slide
from vizkit.core.plans import Part
from vizkit.figures.texts import markup

_TABLE = '<table style="font-size:15px;border-collapse:collapse;text-align:left">'
_CELL = 'style="padding:6px 14px 6px 0;vertical-align:top;text-align:left"'


def _rows(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    head = "".join(f"<th {_CELL}>{name}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td {_CELL}>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"{_TABLE}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _link(address: str, text: str) -> str:
    return f'<a href="{escape(address)}" target="_blank">{escape(text)}</a>'


def lecture_table(lectures: Sequence[Lecture]) -> str:
    """Return a table of the lectures, a thumbnail each, as HTML."""
    rows = []
    for lecture in lectures:
        content = base64.b64encode(lecture.thumbnail.read_bytes()).decode()
        picture = (
            f'<img width="176" height="110" alt="From {escape(lecture.title)}" '
            'style="border:1px solid #ddd;border-radius:6px" '
            f'src="data:image/jpeg;base64,{content}">'
        )
        title = _link(f"{lecture.name}.ipynb", lecture.title)
        rows.append((picture, f"<b>{title}</b><br>{escape(lecture.question)}"))
    return _rows(rows, ("", "lecture"))


def preset_table(presets: Mapping[str, Sequence[tuple[str, str, str]]]) -> str:
    """Return a table of prepared states as HTML.

    Parameters
    ----------
    presets : mapping of str to sequence of (str, str, str)
        By notebook: the panel, the preset's name, and what to say.
    """
    rows = [
        (_link(f"{notebook}.ipynb", notebook), escape(panel), f"<b>{escape(name)}</b>", escape(say))
        for notebook, found in presets.items()
        for panel, name, say in found
    ]
    return _rows(rows, ("notebook", "panel", "preset", "for class"))


def plan_table(parts: Sequence[Part], asked: Mapping[str, str]) -> str:
    """Return a plan for class as a table of HTML.

    Parameters
    ----------
    parts : sequence of Part
    asked : mapping of str to str
        The words of each question, by its name.
    """
    rows, begin = [], 0
    for part in parts:
        path = f"<b>{part.short} of 45</b>" if part.short else "left out"
        look = [f"<code>panels.{escape(name)}</code>" for name in part.panels]
        look += [f"<i>{escape(name)}</i>" for name in part.presets]
        ask = "".join(
            f"<p>{markup(asked.get(name, name))}<br><small>{escape(part.betrays.get(name, ''))}</small></p>"
            for name in part.questions
        )
        do = f"<b>{escape(part.title)}</b><br>{escape(part.do)}"
        rows.append((f"{begin} to {begin + part.minutes}", path, do, "<br>".join(look), ask))
        begin += part.minutes
    return _rows(rows, ("minute", "short path", "do", "panels, <i>presets</i>", "ask; what a wrong answer betrays"))


def slide_table(slides: Sequence[Slide]) -> str:
    """Return a table of slides with links to where their pictures and numbers live, as HTML."""
    rows = [
        (
            f"{slide.deck}, p. {slide.page}",
            escape(slide.title),
            _link(slide.link, f"{slide.notebook[:2]} {slide.section}") if slide.link else "",
            escape(slide.shows) if slide.link else f"<i>{escape(slide.shows)}</i>",
        )
        for slide in slides
    ]
    table = _rows(rows, ("slide", "title", "lives in", "picture or number"))
    frame = 'tabindex="0" role="region" aria-label="slides" style="max-height:460px;overflow:auto"'
    return f"<div {frame}>{table}</div>"
