"""Notebook 10b in JupyterLab: a student changes a weight and takes steps, types a bad matrix, and trains under way."""

import re

from tests.browser.every import open_and_check
from tests.browser.layout import each_preset_is_seen_without_scrolling
from tests.browser.test_lecture04 import changed, panel, source


def test_a_student_changes_a_weight_and_a_rate(page, lab):
    open_and_check(page, lab, "10b_training.ipynb")

    found = panel(page, "Backpropagation as matrices")
    product = found.locator(".vizkit-picture").nth(0)
    before = source(product)
    third = found.locator("textarea").nth(2)
    third.fill("1, -1, 2")
    third.blur()
    changed(page, product, before)
    before = source(product)
    third.fill("1, -1")
    third.blur()
    found.get_by_role("alert").first.wait_for()
    assert "W2 must have 3 columns" in found.inner_text()
    assert source(product) == before  # the last good state stays
    third.fill("1, -1, 0.5")
    third.blur()
    changed(page, product, before)

    company = panel(page, "One picture, in changing company")
    company.get_by_role("button", name="evaluation", exact=True).click()
    company.get_by_text(re.compile(r"is between (\d+\.\d%) and \1")).wait_for()
    assert page.outside == []


def test_each_preset_is_seen_without_scrolling(page):
    each_preset_is_seen_without_scrolling(page)
