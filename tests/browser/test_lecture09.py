"""Notebook 09 in JupyterLab: a student inverts a layer, changes a weight under way, and asks the album."""

from tests.browser.every import open_and_check
from tests.browser.layout import each_preset_is_seen_without_scrolling
from tests.browser.test_lecture04 import changed, panel, pick, png, source, upload
from tests.browser.test_lecture06 import end_of


def test_a_student_inverts_a_code(page, lab):
    open_and_check(page, lab, "09_inversion.ipynb")

    found = panel(page, "What does the layer still know?")
    inversion = found.locator(".vizkit-picture").nth(1)
    before = source(inversion)
    pick(found, "model", "viznet-robust")  # the search begins anew by itself
    before = changed(page, inversion, before)
    end_of(found, "λ of TV")  # and takes another weight under way
    before = changed(page, inversion, before)
    upload(page, found, "mine.png", png())
    changed(page, inversion, before)

    found = panel(page, "Whose code is it?")
    near = found.locator(".vizkit-picture").nth(1)
    before = source(near)
    found.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    changed(page, near, before)
    assert page.outside == []


def test_each_preset_is_seen_without_scrolling(page):
    each_preset_is_seen_without_scrolling(page)
