"""What a panel shows as one picture and as words, for places where no kernel is."""

import io
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from PIL import Image, ImageDraw

from vizkit.figures.pictures import font
from vizkit.figures.raster import Raster
from vizkit.figures.sounds import Sound
from vizkit.figures.texts import bare
from vizkit.figures.theme import INK
from vizkit.widgets.chart import ChartView, words_of
from vizkit.widgets.fit import CANVAS

if TYPE_CHECKING:
    from vizkit.widgets.page import Panel

#: Space around and between what is drawn, in pixels.
GAP = 12
#: Most lines of one text: a still is no book.
LINES = 14


def still(panel: "Panel") -> Raster:
    """Draw what a panel shows: its title, pictures, charts as the browser drew them, texts.

    A chart that no browser has drawn is written as its main numbers.
    """
    parts = [_text(panel.title, CANVAS, 18)]
    rows = panel.function.layout or [list(panel.items)]
    done: set[str] = set()
    for row in rows:
        names = [name for name in dict.fromkeys(row) if name not in done and name in panel.items]
        done.update(names)
        parts += _wrapped([drawn for name in names if (drawn := _item(panel, name, len(names))) is not None])
    return Raster(np.asarray(_stacked(parts)), words(panel))


def words(panel: "Panel") -> str:
    """Return what a panel shows in a line of text."""
    said = []
    for item in panel.items.values():
        if isinstance(item, Raster):
            said.append(item.alt)
        elif isinstance(item, go.Figure):
            said.append(words_of(item))
        elif isinstance(item, Sound):
            said.append(f"a sound, {item.label}")
    return f"{panel.title}: " + ("; ".join(said) or "a panel")


def _item(panel: "Panel", name: str, beside: int) -> Image.Image | None:
    """Return an item as it stands on the page, under its caption."""
    item, shown = panel.items[name], panel.shown[name]
    if item is None:
        return None
    wide = CANVAS // beside - GAP
    if isinstance(item, Raster):
        width = min(int(shown.layout.width.removesuffix("px")), CANVAS)
        picture = Image.fromarray(item.pixels)
        picture = picture.resize((width, max(1, round(picture.height * width / picture.width))))
    elif isinstance(item, go.Figure) and isinstance(shown, ChartView) and shown.still:
        picture = Image.open(io.BytesIO(shown.still)).convert("RGB")
    elif isinstance(item, go.Figure):
        picture = _text(words_of(item).replace("; ", "\n"), wide)
    else:
        picture = _text(_lines(item), wide)
    caption = panel.function.captions.get(name, "")
    return _stacked([_text(caption, max(picture.width, 160), 13), picture], 0) if caption else picture


def _lines(item: Any) -> str:
    """Return a text or a table as plain lines."""
    html = str(item._repr_html_()) if hasattr(item, "_repr_html_") else str(item).replace("**", "")
    for end in ("<br>", "<table", "</tr>", "\n"):
        html = html.replace(end, f"\x00{end}")
    html = html.replace("→", "to")  # Pillow's own typeface has no arrow
    return "\n".join(line for part in html.split("\x00") if (line := bare(part)))


def _text(text: str, width: int, size: int = 14) -> Image.Image:
    typeface = font(size)
    across = max(8, int(width / typeface.getlength("abcdefgh ijklmn") * 15))
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, across) or [""]][:LINES] or [""]
    high = round(size * 1.4)
    wide = max(int(max(typeface.getlength(line) for line in lines)) + 2, 1)
    picture = Image.new("RGB", (wide, high * len(lines)), "white")
    draw = ImageDraw.Draw(picture)
    for index, line in enumerate(lines):
        draw.text((0, index * high), line, fill=INK, font=typeface)
    return picture


def _wrapped(pictures: list[Image.Image]) -> list[Image.Image]:
    """Return pictures side by side, in as many rows as they need."""
    rows: list[list[Image.Image]] = [[]]
    for picture in pictures:
        if rows[-1] and sum(one.width + GAP for one in rows[-1]) + picture.width > CANVAS + GAP:
            rows.append([])
        rows[-1].append(picture)
    return [_beside(row) for row in rows if row]


def _beside(pictures: list[Image.Image]) -> Image.Image:
    size = sum(one.width + GAP for one in pictures) - GAP, max(one.height for one in pictures)
    sheet, left = Image.new("RGB", size, "white"), 0
    for one in pictures:
        sheet.paste(one, (left, 0))
        left += one.width + GAP
    return sheet


def _stacked(pictures: list[Image.Image], margin: int = GAP) -> Image.Image:
    width = max(one.width for one in pictures) + 2 * margin
    between = margin or 2
    height = sum(one.height + between for one in pictures) + margin
    sheet, top = Image.new("RGB", (width, height), "white"), margin
    for one in pictures:
        sheet.paste(one, (margin, top))
        top += one.height + between
    return sheet
