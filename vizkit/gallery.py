"""All notebooks as a site of plain files: opens from disk, asks no network, needs no kernel."""

import base64
import io
import re
import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import ipywidgets as widgets
import nbformat
import plotly.graph_objects as go
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from PIL import Image
from plotly.offline import get_plotlyjs
from pygments.formatters import HtmlFormatter
from tqdm import tqdm

from vizkit.core.course import Lecture, heading
from vizkit.figures.texts import markup
from vizkit.lab import notebook_folder
from vizkit.lesson import folded_plan
from vizkit.reference import build_reference
from vizkit.typeset import CHECKS, markdown
from vizkit.widgets.chart import ChartView
from vizkit.widgets.items import html_of
from vizkit.widgets.page import PANELS, STYLE, Panel
from vizkit.widgets.picture import PictureView
from vizkit.widgets.predict import SHOWN, Question

TEMPLATES = Path(__file__).parent / "templates" / "gallery"
_VIEW = "application/vnd.jupyter.widget-view+json"
_CHART = "application/vnd.plotly.v1+json"
_FAILURES = (CellExecutionError, CellTimeoutError, DeadKernelError)
_CONTROLS = (
    widgets.Dropdown,
    widgets.Combobox,
    widgets.Text,
    widgets.Textarea,
    widgets.ToggleButtons,
    widgets.Checkbox,
    widgets.IntSlider,
    widgets.FloatSlider,
    widgets.SelectionSlider,
)


@dataclass(frozen=True)
class Page:
    """One notebook of the site.

    Parameters
    ----------
    lecture : Lecture
        The notebook's name, title and question.
    file : Path
        The page that was written.
    error : str
        Why it stopped, in a line; empty if it did not.
    """

    lecture: Lecture
    file: Path
    error: str = ""


# In the notebook's kernel ----------------------------------------------------------------------


def snapshots(seconds: float = 90) -> dict[str, str]:
    """Return each panel on the page as HTML that needs no kernel, by its widget's id.

    A run that nobody has started is run first, for as long as `seconds`.
    """
    for panel in list(PANELS.values()):
        if panel.function.live and not panel.played:
            _finish(panel, seconds)
    asked = {question.view.model_id: _answered(question) for question in list(SHOWN)}
    return {key: _static(panel.view) for key, panel in PANELS.items()} | asked


def _answered(question: Question) -> str:
    """Return a question with its answer folded under it."""
    one = question.predict
    words = f"It is <b>{escape(one.kind.said(one.truth()))}</b>. {markup(one.why)}"
    return f'<details class="vizkit-question"><summary><b>Predict:</b> {markup(one.asked)}</summary>{words}</details>'


def _finish(panel: Panel, seconds: float) -> None:
    panel.play()
    try:
        panel.wait(seconds)
    except TimeoutError:
        panel.pause()


def _static(widget: widgets.Widget) -> str:
    """Return a widget as it stands: controls' values, pictures, charts and texts."""
    if _hidden(widget):
        return ""
    if isinstance(widget, PictureView):
        return f'<div class="picture">{html_of(widget.raster)}</div>'
    if isinstance(widget, ChartView):
        return _chart(go.Figure(widget.figure).update_layout(dict(zip(("width", "height"), widget.size, strict=True))))
    if isinstance(widget, widgets.HTML):
        return f"<div>{widget.value.replace(STYLE, '')}</div>" if widget.value else ""
    if isinstance(widget, _CONTROLS):
        label, value = escape(widget.description), escape(_written(widget))
        return f'<div class="control"><span>{label}</span> <b>{value}</b></div>'
    if isinstance(widget, widgets.Box):
        inside = "".join(map(_static, widget.children))
        kind = "row" if isinstance(widget, widgets.HBox) else "column"
        classes = " ".join([kind, *widget._dom_classes])
        return f'<div class="{classes}">{inside}</div>' if inside else ""
    return ""


def _chart(figure: go.Figure) -> str:
    return str(figure.to_html(full_html=False, include_plotlyjs=False))


def _hidden(widget: widgets.Widget) -> bool:
    """Tell what is of no use on paper: what cannot be moved, the bar of buttons."""
    unseen = getattr(getattr(widget, "layout", None), "display", None) == "none"
    live_only = {"vizkit-bar", "vizkit-menu"} & set(getattr(widget, "_dom_classes", ()))
    return bool(unseen or live_only or getattr(widget, "disabled", False))


def _written(widget: widgets.Widget) -> str:
    value = getattr(widget, "label", None) or widget.value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


# Around it -------------------------------------------------------------------------------------


class GalleryExporter(HTMLExporter):
    """A notebook's cells as HTML, the formulas as MathML, without any script."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            template_name="basic",
            exclude_input_prompt=True,
            exclude_output_prompt=True,
            filters={"markdown2html": markdown},
            **settings,
        )


def run_notebook(
    notebook: NotebookNode, folder: Path, *, timeout: float = 600, tick: Callable[[], None] = lambda: None
) -> str:
    """Execute a notebook in a folder and put pictures of its panels where the panels are.

    Parameters
    ----------
    notebook : NotebookNode
        Gets its outputs.
    folder : Path
    timeout : float
        Seconds a cell may take.
    tick : callable
        Called after each cell.

    Returns
    -------
    str
        Why it stopped; empty if it did not.
    """
    client = NotebookClient(
        notebook, timeout=timeout, store_widget_state=False, resources={"metadata": {"path": str(folder)}}
    )
    failure, shots = "", {}
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            if cell.source.startswith(CHECKS):
                shots = _shots(client)  # the checks move the panels
            try:
                client.execute_cell(cell, index)
            except _FAILURES as error:
                failure = f"cell {index + 1}: {_last_line(error)}"
                break
            finally:
                tick()
        _freeze(notebook, shots or _shots(client))
    return failure


def _last_line(error: Exception) -> str:
    lines = [line for line in re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines() if line]
    return lines[-1][:200] if lines else type(error).__name__


def _shots(client: NotebookClient) -> dict[str, str]:
    """Ask the kernel for what its panels show."""
    source = (
        "from vizkit.gallery import snapshots\n"
        "from IPython.display import display\n"
        "display({'application/json': snapshots()}, raw=True)"
    )
    cell = nbformat.v4.new_code_cell(source)
    client.nb.cells.append(cell)
    try:
        client.execute_cell(cell, len(client.nb.cells) - 1)
        return dict(cell.outputs[-1]["data"]["application/json"])
    except (*_FAILURES, LookupError):
        return {}  # the kernel has died, or has no vizkit: the page says where a panel was
    finally:
        client.nb.cells.remove(cell)


def _freeze(notebook: NotebookNode, shots: dict[str, str]) -> None:
    """Replace each panel by what it shows, and each chart by one that needs no extension."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if _VIEW in data:
                gone = "<p><i>A widget: it needs a kernel.</i></p>"
                output["data"] = {"text/html": shots.get(data[_VIEW]["model_id"], gone)}
            elif _CHART in data:
                chart = go.Figure(data=data[_CHART]["data"], layout=data[_CHART]["layout"])
                output["data"] = {"text/html": _chart(chart)}


def build_gallery(
    out: Path, notebooks: Sequence[Path] = (), *, timeout: float = 600, progress: bool = False
) -> list[Page]:
    """Execute notebooks and write the site.

    Parameters
    ----------
    out : Path
        The site's folder; ``index.html`` is its entrance.
    notebooks : sequence of Path
        All lectures by default.
    timeout : float
        Seconds a cell may take.
    progress : bool
        Whether to print a bar for each notebook.

    Returns
    -------
    list of Page
        One for each notebook, also for those that failed.
    """
    paths = list(notebooks) or sorted(notebook_folder().glob("*.ipynb"))
    (out / "thumbnails").mkdir(parents=True, exist_ok=True)
    (out / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")
    (out / "style.css").write_text(_style(), encoding="utf-8")
    pages = []
    for path in paths:
        notebook, error = nbformat.v4.new_notebook(), ""
        try:
            notebook = nbformat.read(path, 4)
            with tqdm(desc=f"{path.stem:24}", total=len(notebook.cells), unit="cell", disable=not progress) as bar:
                error = run_notebook(notebook, path.parent, timeout=timeout, tick=bar.update)
        except Exception as trouble:  # no notebook, or none that can be started
            error = _last_line(trouble)
        pages.append(_write_page(out, path, notebook, error, {one.stem for one in paths}))
    _write_index(out, pages)
    build_reference(out / "reference")
    return pages


def _style() -> str:
    own = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    panel = re.sub(r"</?style>", "", STYLE)
    return own + panel + str(HtmlFormatter(style="default").get_style_defs(".highlight"))


def _write_page(out: Path, path: Path, notebook: NotebookNode, error: str, others: Collection[str]) -> Page:
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    lecture = heading(texts, path.stem)
    body, _ = GalleryExporter().from_notebook_node(notebook)
    page = Page(lecture, out / f"{path.stem}.html", error)
    broken = f'<p class="failed">This notebook stopped. {escape(error)}</p>' if error else ""
    page.file.write_text(
        Template((TEMPLATES / "page.html").read_text(encoding="utf-8")).substitute(
            title=escape(lecture.title), body=broken + _local_links(body, others) + folded_plan(path.stem)
        ),
        encoding="utf-8",
    )
    _thumbnail(lecture, body, out / "thumbnails" / f"{path.stem}.jpg")
    return page


def _local_links(body: str, pages: Collection[str]) -> str:
    """Let links between notebooks lead to their pages, and those to others nowhere."""

    def page(link: re.Match[str]) -> str:
        return f'href="{link[1]}.html' if link[1] in pages else 'data-notebook="'

    return re.sub(r'href="([\w./-]+)\.ipynb', page, body)


def _thumbnail(lecture: Lecture, body: str, path: Path) -> None:
    """Write the kit's own thumbnail of a lecture, or the largest picture of the page."""
    if lecture.thumbnail.is_file():
        shutil.copy(lecture.thumbnail, path)
        return
    found = [base64.b64decode(data) for data in re.findall(r'src="data:image/\w+;base64,([^"]+)', body)]
    pictures = [Image.open(io.BytesIO(data)).convert("RGB") for data in found]
    if pictures:
        largest = max(pictures, key=lambda one: one.width * one.height)
        largest.thumbnail((480, 300))
        largest.save(path, quality=85)


def _write_index(out: Path, pages: Sequence[Page]) -> None:
    cards = []
    for page in pages:
        name, title = page.lecture.name, escape(page.lecture.title)
        picture = ""
        if (out / "thumbnails" / f"{name}.jpg").is_file():
            picture = f'<img src="thumbnails/{name}.jpg" alt="From {title}">'
        failed = f'<p class="failed">stopped: {escape(page.error)}</p>' if page.error else ""
        cards.append(
            f'<li><a href="{name}.html">{picture}<h2>{title}</h2></a>'
            f"<p>{escape(page.lecture.question)}</p>{failed}</li>"
        )
    index = Template((TEMPLATES / "index.html").read_text(encoding="utf-8"))
    text = index.substitute(cards="\n".join(cards))
    (out / "index.html").write_text(text, encoding="utf-8")
