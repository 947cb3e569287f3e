"""Notebook 07 in JupyterLab: paint, stop, continue, change the style, repaint at once, train."""

from playwright.sync_api import expect

from tests.browser.every import open_and_check, paused_in_sight
from tests.browser.layout import each_preset_is_seen_without_scrolling
from tests.browser.test_lecture03 import steps_done
from tests.browser.test_lecture04 import changed, panel, pick, png, source, upload
from tests.browser.test_lecture06 import end_of


def test_a_student_paints(page, lab):
    open_and_check(page, lab, "07_style.ipynb")

    found = panel(page, "Paint it in another style")
    picture = found.locator(".vizkit-picture").first
    play = found.get_by_role("button", name="Play", exact=True)
    end_of(found, "steps")
    found.get_by_label("size [px]").focus()
    page.keyboard.press("PageUp")  # a run that does not end by itself
    assert paused_in_sight(found)
    expect(play).to_be_visible()
    stopped = steps_done(found)
    assert 0 < stopped < 600
    assert paused_in_sight(found)
    expect(play).to_be_visible()
    assert steps_done(found) > stopped
    before = source(picture)
    pick(found, "style", "mosaic")
    before = changed(page, picture, before)

    found = panel(page, "At the speed of a slider")
    picture = found.locator(".vizkit-picture").first
    before = source(picture)
    upload(page, found, "mine.png", png())
    before = changed(page, picture, before)
    found.locator(".noUi-handle").first.focus()  # the strength
    page.keyboard.press("ArrowLeft")
    changed(page, picture, before)

    found = panel(page, "Train a painter")
    picture = found.locator(".vizkit-picture").first
    before = source(picture)
    found.get_by_role("button", name="Play", exact=True).click()
    changed(page, picture, before)
    assert page.outside == []


def test_each_preset_is_seen_without_scrolling(page):
    each_preset_is_seen_without_scrolling(page)
