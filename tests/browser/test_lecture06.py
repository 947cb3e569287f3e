"""Notebook 06 in JupyterLab: a run is seen to grow, stopped, continued, gone back in, and changed."""

from playwright.sync_api import expect

from tests.browser.every import open_and_check, paused_in_sight
from tests.browser.layout import each_preset_is_seen_without_scrolling
from tests.browser.test_lecture03 import steps_done
from tests.browser.test_lecture04 import changed, panel, pick, source


def end_of(found, slider):
    """Move a slider to its end by the keyboard."""
    found.get_by_label(slider, exact=True).focus()
    found.page.keyboard.press("End")


def test_a_student_dreams(page, lab):
    open_and_check(page, lab, "06_dream.ipynb")

    found = panel(page, "DeepDream")
    picture = found.locator(".vizkit-picture").first
    play = found.get_by_role("button", name="Play", exact=True)
    for slider in ("octaves", "steps", "size [px]"):  # a run that does not end by itself
        end_of(found, slider)
    assert paused_in_sight(found)
    expect(play).to_be_visible()
    stopped = steps_done(found)
    assert 0 < stopped < 320
    page.wait_for_timeout(500)
    assert steps_done(found) == stopped
    assert paused_in_sight(found)
    expect(play).to_be_visible()
    assert steps_done(found) > stopped
    before = source(picture)
    found.locator(".noUi-handle").last.focus()  # the history
    page.keyboard.press("Home")
    before = changed(page, picture, before)
    pick(found, "layer", "relu4   192 x 8 x 8")
    before = changed(page, picture, before)

    found = panel(page, "What it wants to see")
    picture = found.locator(".vizkit-picture").first
    before = source(picture)
    field = found.get_by_label("class", exact=True)
    field.fill("goldfish")
    field.press("Enter")
    changed(page, picture, before)
    expect(found).to_contain_text("goldfish", timeout=20_000)
    expect(found.locator(".vizkit-status").first).to_contain_text("128 of 128", timeout=60_000)
    assert page.outside == []


def test_each_preset_is_seen_without_scrolling(page):
    each_preset_is_seen_without_scrolling(page)
