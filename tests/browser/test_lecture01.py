"""Notebook 01 in JupyterLab: filter normalization on and off, a walk on the line, a click."""

from playwright.sync_api import expect

from tests.browser.every import at_rest, open_and_check
from tests.browser.layout import each_preset_is_seen_without_scrolling
from tests.browser.test_lecture04 import panel


def test_a_student_toggles_normalization(page, lab):
    open_and_check(page, lab, "01_loss_landscape.ipynb")

    found = panel(page, "The landscape around two nets")
    status = found.locator(".vizkit-status").first
    found.get_by_role("button", name="Play", exact=True).click()
    expect(status).to_contain_text("step 2601 of 2601", timeout=60_000)
    contour = found.locator(".js-plotly-plot .contourlayer").first
    before = contour.inner_html()
    found.get_by_label("filter normalization").click()
    page.wait_for_function(
        "([e, before]) => e.querySelector('.contourlayer').innerHTML !== before",
        arg=[found.element_handle(), before],
        timeout=60_000,
    )
    expect(status).to_contain_text("step 2601 of 2601", timeout=60_000)

    found = panel(page, "The loss on a line")
    title = found.locator(".js-plotly-plot .gtitle")
    found.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    expect(title).to_contain_text("a = 0.52")

    found = panel(page, "Three ways down")
    title = found.locator(".js-plotly-plot .gtitle")
    before = title.text_content()
    box = at_rest(found.locator(".js-plotly-plot .nsewdrag").first)
    page.mouse.click(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.7)
    expect(title).not_to_have_text(before)  # the element itself may be replaced
    assert page.outside == []


def test_each_preset_is_seen_without_scrolling(page):
    each_preset_is_seen_without_scrolling(page)
