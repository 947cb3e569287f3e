"""Saved notebooks show their panels where no kernel is."""

import base64
import io

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from PIL import Image
from typer.testing import CliRunner

from vizkit import panels
from vizkit.cli import app
from vizkit.freeze import LINE, VIEW, freeze
from vizkit.widgets.chart import ChartView
from vizkit.widgets.page import PANELS


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A notebook with two panels, run by a real kernel and saved."""
    path = tmp_path_factory.mktemp("saved") / "two.ipynb"
    cells = ["from vizkit import panels\npanels.descent.show()", "panels.activations", "1 + 1"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
    NotebookClient(notebook, timeout=120, store_widget_state=True).execute()
    nbformat.write(notebook, path)
    return path


def picture_in(output):
    return Image.open(io.BytesIO(base64.b64decode(output["data"]["image/jpeg"]))).convert("RGB")


def test_each_panel_carries_its_picture_and_a_line(saved):
    cells = nbformat.read(saved, 4).cells
    first, second = cells[0].outputs[0], cells[1].outputs[0]
    assert VIEW in first["data"]
    assert first["data"]["text/plain"].startswith("Three ways down: Chart: Height at the end: SGD")
    assert picture_in(second).width > 500
    assert np.asarray(picture_in(second)).std() > 40, "the channels are in it"
    assert second["data"]["text/plain"].startswith("Activations of a layer: Activations of the 48 channels of relu1")


def test_a_frozen_copy_has_pictures_and_no_widgets(saved):
    out = CliRunner().invoke(app, ["freeze", str(saved)])
    assert out.exit_code == 0, out.output
    path = saved.with_name("two-frozen.ipynb")
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    assert VIEW not in path.read_text()
    assert "widgets" not in notebook.metadata
    assert "<script" not in path.read_text(), "GitHub shows none"
    assert [one["data"].get("text/plain") for one in notebook.cells[0].outputs][1] == LINE
    assert notebook.cells[2].outputs[0]["data"]["text/plain"] == "2", "other outputs stay"
    assert path.stat().st_size < 1e6
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert page.count("data:image/jpeg;base64,") == 2
    assert page.count("run the cell to play") == 2
    assert VIEW in saved.read_text(), "the notebook itself stays as it was"


def test_the_menu_freezes_what_is_there_now(saved, tmp_path, monkeypatch):
    panel = panels.descent.show()
    chart = panel.shown["chart"]
    drawn = io.BytesIO()
    Image.new("RGB", (300, 200), (255, 0, 0)).save(drawn, "PNG")
    # As the browser answers, when it is asked.
    monkeypatch.setattr(ChartView, "ask_still", lambda one: one is chart and one._on_still({}, [drawn.getvalue()]))
    notebook = nbformat.read(saved, 4)
    notebook.cells[0].outputs[0]["data"][VIEW]["model_id"] = panel.view.model_id
    nbformat.write(notebook, tmp_path / "mine.ipynb")
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "mine.ipynb"))
    monkeypatch.setattr("vizkit.widgets.page.PANELS", {panel.view.model_id: PANELS[panel.view.model_id]})
    out = nbformat.read(panel.freeze(), 4)
    red = np.asarray(picture_in(out.cells[0].outputs[0]))
    assert ((red[..., 0] > 200) & (red[..., 1] < 60)).sum() > 50_000, "the browser's picture of the chart"
    panel.set(rate=0.2)
    assert not chart.still, "it is not the present chart's any more"


def test_what_cannot_be_frozen_is_said(tmp_path, monkeypatch):
    (tmp_path / "none.ipynb").write_text("no notebook")
    with pytest.raises(ValueError, match=r"none\.ipynb must be a Jupyter notebook"):
        freeze(tmp_path / "none.ipynb")
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]), tmp_path / "empty.ipynb")
    with pytest.raises(ValueError, match="must have panels in its outputs, got none: run it and save it first"):
        freeze(tmp_path / "empty.ipynb")
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    with pytest.raises(ValueError, match="notebook must be given"):
        panels.descent.show().freeze(seconds=0)
