"""The gallery: made by the command, opened from disk, by a browser without a network."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import expect
from typer.testing import CliRunner

import vizkit
from tests.conftest import ROOT
from vizkit.cli import app


def write(path, *cells):
    nbformat.write(new_notebook(cells=list(cells)), path)
    return path


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """One that fails, one without the kit, and a lecture behind them."""
    folder = tmp_path_factory.mktemp("gallery")
    broken = write(
        folder / "a_broken.ipynb",
        new_markdown_cell("# Broken\n\n**Does it go on?** It does."),
        new_code_cell("import vizkit\nview = vizkit.panels.linear.show()\nview"),
        new_code_cell("1 / 0"),
        new_code_cell("print('never')"),
    )
    plain = write(
        folder / "b_plain.ipynb",
        new_markdown_cell("# Plain\n\n$a_1 \\le \\tfrac12$"),
        new_code_cell("import ipywidgets\nipywidgets.IntSlider()"),
    )
    (folder / "c_cut.ipynb").write_text('{"cells": [')
    lecture = ROOT / "notebooks" / "02_pca.ipynb"
    out = folder / "site"
    outcome = CliRunner().invoke(
        app, ["gallery", str(broken), str(plain), str(folder / "c_cut.ipynb"), str(lecture), "--out", str(out)]
    )
    return out, outcome


def test_it_goes_on_behind_a_failing_notebook_and_says_which(site):
    out, outcome = site
    assert outcome.exit_code == 1
    assert "FAIL  a_broken: cell 3: ZeroDivisionError: division by zero" in outcome.output
    assert "FAIL  c_cut: " in outcome.output
    assert "2 of 4 notebooks" in outcome.output
    index = (out / "index.html").read_text()
    assert "stopped: cell 3: ZeroDivisionError" in index
    assert index.count("<li>") == 4
    assert "Does it go on?" in index
    page = (out / "a_broken.html").read_text()
    assert "This notebook stopped" in page
    assert "A little in every direction" in page, "what was done before the error is there"
    assert "never" not in re.sub(r"<span.*?</span>", "", page.split("ZeroDivisionError")[-1])
    assert "A widget: it needs a kernel" in (out / "b_plain.html").read_text()


def test_nothing_is_asked_from_outside(site):
    out, _ = site
    for path in out.glob("*.html"):
        text = path.read_text()
        assert not re.search(r'<(script|link|img|iframe)[^>]+(src|href)="(https?:)?//', text), path


@pytest.mark.usefixtures("lab")  # skips where there is no browser
def test_it_opens_from_disk(site, page):
    out, _ = site
    page.outside.clear()
    page.goto((out / "index.html").as_uri())
    card = page.locator(".cards li").nth(3)
    assert card.locator("img").evaluate("e => e.naturalWidth") == 480
    card.get_by_role("link").click()
    expect(page.locator("h1")).to_contain_text("02 Principal components")
    panel = page.locator(".vizkit-panel").filter(has_text="The axis of largest variance").first
    expect(panel.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    expect(panel).to_contain_text("1.2840277")
    faces = page.locator(".vizkit-panel").filter(has_text="Pictures from k components").first
    assert faces.locator("img").first.evaluate("e => e.naturalWidth") > 300
    assert page.locator("math").count() > 5
    assert not page.locator("text=choose one").count(), "presets are of no use on paper"
    assert not [one for one in page.outside if one.startswith("http")]


@pytest.mark.usefixtures("lab")
def test_the_reference_opens_from_disk(site, page):
    out, _ = site
    page.outside.clear()
    page.goto((out / "index.html").as_uri())
    page.get_by_role("link", name="reference").click()
    expect(page.locator("h1")).to_have_text("vizkit")
    expect(page.locator("#grad_cam").first).to_contain_text("grad_cam(")
    expect(page.locator("#grad_cam").first).to_contain_text("Selvaraju et al.")
    page.get_by_placeholder("Search").fill("layer_cam")
    expect(page.get_by_text("vizkit.methods.attribution.layer_cam").first).to_be_visible()
    for module in ("core.models", "methods.attribution.rise", "figures.pictures", "widgets.function", "panels.units"):
        assert out.joinpath("reference", "vizkit", *module.split(".")).with_suffix(".html").is_file(), module
    panels = (out / "reference" / "vizkit" / "panels" / "explanation.html").read_text()
    assert "What does covering a square cost the answer?" in panels
    assert vizkit.panels.occluder.title == "The occluder", "the panels are panels again"
    assert not [one for one in page.outside if one.startswith("http")]
