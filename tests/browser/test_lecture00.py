"""The start page, and that every notebook is opened by a test."""

import re

from playwright.sync_api import expect

from tests.browser.every import open_and_check
from tests.browser.layout import each_preset_is_seen_without_scrolling
from tests.browser.test_lecture04 import changed, panel, pick, source
from tests.conftest import ROOT
from vizkit.core.course import lectures


def test_every_notebook_is_opened_by_a_test():
    opened = {
        name
        for path in (ROOT / "tests" / "browser").glob("test_*.py")
        for name in re.findall(r'open_and_check\(page, lab, "(.+?)"\)', path.read_text())
    }
    assert opened == {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}


def test_a_newcomer_takes_the_tour(page, lab):
    open_and_check(page, lab, "00_start.ipynb")

    found = panel(page, "Two minutes, every lecture")
    picture = found.locator(".vizkit-picture").first
    found.locator(".noUi-handle").first.focus()
    for _ in lectures()[1:]:
        before = source(picture)
        page.keyboard.press("ArrowRight")
        changed(page, picture, before)
    expect(found.locator(".widget-html", has_text="Forty parts in which something could be")).to_be_visible()
    expect(found.get_by_role("link")).to_have_attribute("href", f"{lectures()[-1].name}.ipynb")

    found = panel(page, "Where each slide lives")
    pick(found, "deck", "003 Framework, Visualization, Competitive Problem (Yang)")
    found.get_by_label("words").fill("eigenvalue")
    page.keyboard.press("Enter")
    expect(found.locator("td", has_text="003, p.").first).to_be_visible()
    link = found.get_by_role("link").first
    expect(link).to_have_attribute("href", re.compile(r"^02_pca\.ipynb#"))

    thumbnails = page.locator("img[alt^='From 0'], img[alt^='From 1']")
    assert thumbnails.count() == len(lectures())
    # JupyterLab opens a lecture beside the start page
    page.locator("a[href*='02_pca.ipynb']").first.click()
    page.wait_for_url("**/lab/tree/02_pca.ipynb*")
    expect(page.locator(".lm-TabBar-tabLabel", has_text="02_pca")).to_be_visible()
    assert page.outside == []


def test_each_preset_is_seen_without_scrolling(page):
    each_preset_is_seen_without_scrolling(page)
