"""Notebook 02 in JupyterLab: drag the axis, type a table."""

from playwright.sync_api import expect

from tests.browser.every import open_and_check
from tests.browser.layout import each_preset_is_seen_without_scrolling
from tests.browser.test_lecture04 import panel


def test_a_student_plays_with_notebook_02(page, lab):
    open_and_check(page, lab, "02_pca.ipynb")

    found = panel(page, "The axis of largest variance")
    title = found.locator(".js-plotly-plot .gtitle")
    before = title.text_content()
    handle = found.locator(".noUi-handle").first.bounding_box()
    page.mouse.move(handle["x"] + 5, handle["y"] + 5)
    page.mouse.down()
    for step in range(6):
        page.mouse.move(handle["x"] + 5 + 9 * step, handle["y"] + 5)
    page.mouse.up()
    expect(title).not_to_have_text(before)  # the element itself may be replaced

    found = panel(page, "PCA, step by step")
    table = found.locator("textarea")
    table.fill("1 5\n2 5\n4 5")
    table.blur()
    expect(found).to_contain_text("Column 2 is constant")
    table.fill("1 5\nfive 5")
    table.blur()
    expect(found.locator(".vizkit-error")).to_have_text("line 2 must be numbers, got 'five 5'")

    found = panel(page, "Pictures from k components")
    picture = found.locator(".vizkit-picture img").first
    before = picture.get_attribute("src")
    found.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    expect(picture).not_to_have_attribute("src", before)
    assert page.outside == []


def test_each_preset_is_seen_without_scrolling(page):
    each_preset_is_seen_without_scrolling(page)
