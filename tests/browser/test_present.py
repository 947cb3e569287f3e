"""A notebook on the projector: a real Voila server, in Chromium."""

import pytest
from playwright.sync_api import expect

from tests.conftest import ROOT
from vizkit.lab import wait_for
from vizkit.present import find_notebook, voila_server


def test_a_lecture_is_found_by_name_or_number(tmp_path, monkeypatch):
    lecture = ROOT / "notebooks" / "04_filters.ipynb"
    monkeypatch.chdir(tmp_path)
    assert find_notebook("04") == find_notebook("04_filters.ipynb") == lecture
    (tmp_path / "mine.ipynb").write_text("{}")
    assert find_notebook("mine.ipynb") == tmp_path / "mine.ipynb"
    with pytest.raises(ValueError, match="notebook must be a file or one of 00_start"):
        find_notebook("none")
    with pytest.raises(ValueError, match="got '0'"):
        find_notebook("0")


@pytest.mark.usefixtures("lab")  # skips where there is no browser
def test_panels_stand_side_by_side_without_code(page):
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.outside.clear()
    with voila_server(find_notebook("02"), 0, browser=False) as (address, process):
        wait_for(f"{address}/voila/static/voila.js", process)
        page.goto(address, timeout=120_000)
        titles = page.locator(".vizkit-panel .vizkit-title")
        expect(titles).to_have_count(7, timeout=120_000)
        assert not page.locator(".jp-CodeMirrorEditor, .highlight pre").count()
        assert not page.locator("h2", has_text="Checks").count()
        assert page.locator("math").count() > 5
        size = page.locator(".jp-RenderedHTMLCommon p").first.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
        assert size >= 20

        first, second = (page.locator("section h2").nth(index) for index in range(2))
        one, other = first.bounding_box(), second.bounding_box()
        assert abs(one["y"] - other["y"]) < 30
        assert other["x"] > one["x"] + 600

        panel = page.locator(".vizkit-panel").filter(has_text="The axis of largest variance").first
        title = panel.locator(".gtitle").first
        expect(title).to_contain_text("0°")
        panel.locator(".noUi-handle").first.focus()
        page.keyboard.press("ArrowRight")
        expect(title).to_contain_text("1°")
        wide = panel.evaluate(
            "e => [...e.querySelectorAll('.widget-box')].every(b => b.scrollWidth <= b.clientWidth + 8)"
        )
        assert wide, "a chart that is cut off"
        assert page.outside == []
