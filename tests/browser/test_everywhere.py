"""The same panels in JupyterLab 4, Notebook 7 and Voila; pictures and charts by themselves in marimo."""

import contextlib
import subprocess
import sys

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from playwright.sync_api import expect

from vizkit.browser import errors, open_browser, open_notebook, run_all, write_notebook
from vizkit.lab import free_port, lab_server, wait_for
from vizkit.present import voila_server

CELLS = ("from vizkit import panels\npanels.occluder.show()", "panels.descent.show()")
MARIMO = """import marimo

app = marimo.App()


@app.cell
def _():
    import plotly.graph_objects as go
    import torch

    from vizkit import panels
    from vizkit.figures.pictures import photo
    from vizkit.widgets import ChartView, PictureView

    chart = ChartView(go.Figure(go.Scatter(x=[0], y=[0]), layout_title_text="nowhere"))

    def clicked(down, x, y):
        chart.show(go.Figure(go.Scatter(x=[x], y=[y]), layout_title_text=f"at {x}, {y}"))

    picture = PictureView(photo(torch.rand(3, 100, 200), "noise"))
    picture.on_hand(clicked, "click")
    return chart, panels, picture


@app.cell
def _(picture):
    picture
    return


@app.cell
def _(chart):
    chart
    return


@app.cell
def _(panels):
    panels.descent.show()
    return


if __name__ == "__main__":
    app.run()
"""


def unharmed(page):
    assert page.mistakes == []
    assert page.outside == []


def plays(page):
    """A slider, a hand on a picture, a chart, a run, the code: what must live everywhere."""
    panel = page.locator(".vizkit-panel", has_text="The occluder").first
    panel.scroll_into_view_if_needed(timeout=60_000)
    picture = panel.locator(".vizkit-frame img").first
    expect(picture).to_be_visible(timeout=60_000)
    before = picture.get_attribute("src")
    for _ in range(3):  # a key that is pressed while the page scrolls is lost
        panel.locator(".noUi-handle").nth(2).focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(1500)
        if picture.get_attribute("src") != before:
            break
    expect(picture).not_to_have_attribute("src", before)
    panel.get_by_role("button", name="Pause", exact=True).or_(
        panel.get_by_role("button", name="Play", exact=True)
    ).first.wait_for()
    box = picture.bounding_box()
    picture.click(position={"x": box["width"] * 0.75, "y": box["height"] * 0.25})
    expect(panel.locator(".noUi-handle").first).to_have_attribute("aria-valuetext", "0.75")
    # A change may have begun a run by itself.
    pause, play = (panel.get_by_role("button", name=name, exact=True) for name in ("Pause", "Play"))
    with contextlib.suppress(PlaywrightTimeout):  # or it has ended meanwhile
        pause.click(timeout=3_000)
    expect(play).to_be_visible()
    there = panel.locator(".vizkit-status").first.inner_text()
    play.click()
    expect(panel.locator(".vizkit-status").first).not_to_have_text(there)
    panel.get_by_role("button", name="Menu").click()
    panel.get_by_role("button", name="Show code").click()
    expect(panel.locator("pre")).to_contain_text("occlusion_steps")
    chart = page.locator(".vizkit-panel", has_text="Three ways down").first
    chart.scroll_into_view_if_needed()
    title = chart.locator(".js-plotly-plot .gtitle").first
    expect(title).to_contain_text("momentum -1.00", timeout=60_000)
    chart.locator(".noUi-handle").first.focus()
    page.keyboard.press("End")
    expect(title).not_to_contain_text("momentum -1.00")


@pytest.fixture(scope="module")
def root(lab, tmp_path_factory):
    del lab  # it skips where no browser is
    root = tmp_path_factory.mktemp("everywhere")
    write_notebook(root / "two.ipynb", *CELLS)
    return root


@pytest.mark.parametrize("where", ["/lab/tree/", "/notebooks/"], ids=["JupyterLab 4", "Notebook 7"])
def test_in_jupyter(root, where):
    with lab_server(root) as address, open_browser() as page:
        open_notebook(page, address.replace("/lab/tree/", where), "two.ipynb")
        run_all(page, 120)
        assert errors(page) == []
        plays(page)
        unharmed(page)


def test_in_voila(root):
    with voila_server(root / "two.ipynb", 0, browser=False) as (address, process), open_browser() as page:
        wait_for(f"{address}/voila/static/voila.js", process)
        page.goto(address, timeout=120_000)
        plays(page)
        unharmed(page)


def test_in_marimo(root):
    (root / "app.py").write_text(MARIMO)
    port = free_port(0)
    command = [sys.executable, "-m", "marimo", "-q", "run", "app.py", "--headless", "--no-token", f"--port={port}"]
    with subprocess.Popen(command, cwd=root) as process, open_browser() as page:
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process)
            page.goto(f"http://127.0.0.1:{port}")
            picture = page.locator(".vizkit-frame img")
            expect(picture).to_be_visible(timeout=120_000)
            title = page.locator(".js-plotly-plot .gtitle")
            expect(title).to_have_text("nowhere", timeout=60_000)
            box = picture.bounding_box()
            assert box["width"] > 100
            picture.click(position={"x": box["width"] * 0.25, "y": box["height"] * 0.5})
            expect(title).to_have_text("at 50, 50")
            expect(page.get_by_text("marimo has no ipywidgets")).to_be_visible()
            assert page.mistakes == []
        finally:
            process.terminate()
