"""Notebook 08b in JupyterLab: the sticker, trained by the notebook and dragged by hand."""

from tests.browser.every import at_rest, open_and_check
from tests.browser.layout import each_preset_is_seen_without_scrolling
from tests.browser.test_lecture04 import changed, panel, source


def test_a_student_drags_the_sticker(page, lab):
    open_and_check(page, lab, "08b_fooling_more.ipynb")

    picture = panel(page, "The sticker").locator(".vizkit-picture").first
    box, before = at_rest(picture.locator("img")), source(picture)
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    for place in range(8):
        page.mouse.move(box["x"] + 60 + 25 * place, box["y"] + 60 + 20 * place)
        page.wait_for_timeout(80)
    page.mouse.up()
    changed(page, picture, before)
    assert page.outside == []


def test_each_preset_is_seen_without_scrolling(page):
    each_preset_is_seen_without_scrolling(page)
