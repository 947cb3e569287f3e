"""Notebook 08 in JupyterLab: a target, and epsilon until it flips."""

from playwright.sync_api import expect

from tests.browser.every import open_and_check
from tests.browser.layout import each_preset_is_seen_without_scrolling
from tests.browser.test_lecture04 import changed, panel, source


def test_a_student_fools_the_network(page, lab):
    open_and_check(page, lab, "08_fooling.ipynb")

    found = panel(page, "Attack")
    picture, handle = found.locator(".vizkit-picture").first, found.locator(".noUi-handle").first
    field = found.get_by_label("target")
    before = source(picture)
    field.fill("goldfish")
    field.press("Enter")
    before = changed(page, picture, before)
    handle.focus()
    page.keyboard.press("Home")  # epsilon 0: nothing is added
    expect(found).to_contain_text("the sum, Linf 0/255")
    after = found.locator(".widget-html-content", has_text="the sum, Linf")
    expect(after).to_contain_text("espresso")
    page.keyboard.press("End")
    expect(after).to_contain_text("goldfish", timeout=20_000)
    assert page.outside == []


def test_each_preset_is_seen_without_scrolling(page):
    each_preset_is_seen_without_scrolling(page)
