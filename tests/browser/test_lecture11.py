"""Notebook 11 in JupyterLab: a student drags a box, types a bad one, and goes through the rounds of suppression."""

from playwright.sync_api import expect

from tests.browser.every import open_and_check
from tests.browser.layout import each_preset_is_seen_without_scrolling
from tests.browser.test_lecture04 import changed, panel, source


def test_a_student_drags_a_box_and_suppresses(page, lab):
    open_and_check(page, lab, "11_detection.ipynb")

    found = panel(page, "Intersection over union")
    first = found.locator(".vizkit-picture").nth(0)
    before = source(first)
    area = first.bounding_box()
    page.mouse.move(area["x"] + 0.3 * area["width"], area["y"] + 0.3 * area["height"])
    page.mouse.down()
    page.mouse.move(area["x"] + 0.8 * area["width"], area["y"] + 0.8 * area["height"], steps=4)
    page.mouse.up()
    changed(page, first, before)
    numbers = found.get_by_label("one").first
    numbers.fill("0.9, 0.1, 0.2, 0.5")
    numbers.press("Enter")
    found.get_by_role("alert").first.wait_for()
    assert "x0 < x1" in found.inner_text()
    numbers.fill("0.2, 0.2, 0.6, 0.6")
    numbers.press("Enter")
    expect(found.get_by_role("alert")).to_have_count(0)

    boxes = panel(page, "Non-maximum suppression")
    boxes.get_by_label("method").select_option("merge")
    boxes.get_by_text("become their mean").wait_for()
    assert page.outside == []


def test_each_preset_is_seen_without_scrolling(page):
    each_preset_is_seen_without_scrolling(page)
