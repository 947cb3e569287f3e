"""Notebook 10 in JupyterLab: a student drags a window, changes a kernel by hand, and types a bad one."""

from tests.browser.every import open_and_check
from tests.browser.layout import each_preset_is_seen_without_scrolling
from tests.browser.test_lecture04 import changed, panel, source


def test_a_student_changes_a_kernel(page, lab):
    open_and_check(page, lab, "10_convolution.ipynb")

    found = panel(page, "One place at a time")
    pictures = found.locator(".vizkit-picture")
    window, kernel = pictures.nth(0), pictures.filter(has=page.get_by_alt_text("The kernel")).first
    before = source(window)
    box = window.bounding_box()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.8 * box["height"], steps=6)
    page.mouse.up()
    changed(page, window, before)
    assert "row 3, column 3" in found.inner_text()

    sums = pictures.filter(has=page.get_by_alt_text("All sums")).first
    before, box = source(sums), kernel.bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.4 * box["height"])  # the upper half of the middle
    changed(page, sums, before)
    typed = found.locator("textarea").nth(1)
    assert typed.input_value() == "0, 1, 2\n2, 3, 0\n0, 1, 2"

    before = source(sums)
    typed.fill("0, 1\n2, x")
    typed.blur()
    found.get_by_role("alert").first.wait_for()
    assert source(sums) == before  # the last good state stays
    typed.fill("1, 0\n0, 1")
    typed.blur()
    changed(page, sums, before)
    assert page.outside == []


def test_each_preset_is_seen_without_scrolling(page):
    each_preset_is_seen_without_scrolling(page)
