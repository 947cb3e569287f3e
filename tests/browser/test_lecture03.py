"""Notebook 03 in JupyterLab: play, a slider under way, stop, continue."""

import re

from playwright.sync_api import expect

from tests.browser.every import open_and_check
from tests.browser.layout import each_preset_is_seen_without_scrolling
from tests.browser.test_lecture04 import panel


def steps_done(found):
    text = found.locator(".vizkit-status").first.inner_text()
    return int(re.search(r"step (\d+)", text)[1])


def test_a_student_plays_and_stops_the_embedding(page, lab):
    open_and_check(page, lab, "03_tsne.ipynb")

    found = panel(page, "t-SNE, live")
    title = found.locator(".js-plotly-plot .gtitle").first
    expect(title).to_contain_text("t-SNE, step 500")
    found.locator(".noUi-handle").nth(5).focus()  # iterations: a run that does not end by itself
    page.keyboard.press("End")
    expect(found.locator(".widget-readout").nth(5)).to_have_text("2000")
    play = found.get_by_role("button", name="Play", exact=True)
    stop = found.get_by_role("button", name="Pause", exact=True)
    play.click()
    expect(stop).to_be_visible()
    page.wait_for_function(
        "e => { const n = /step (\\d+)/.exec(e.textContent); return n && n[1] > 5 && n[1] < 1000; }",
        arg=title.element_handle(),
    )
    # A slider answers while the points move.
    found.locator(".noUi-handle").nth(1).focus()  # perplexity
    page.keyboard.press("ArrowRight")
    expect(found.locator(".widget-readout").nth(1)).to_have_text("31")
    stop.click()
    expect(play).to_be_visible()
    stopped = steps_done(found)
    assert 0 < stopped < 2000
    page.wait_for_timeout(500)
    assert steps_done(found) == stopped
    expect(title).to_contain_text(f"step {stopped}")
    found.get_by_role("button", name="Step", exact=True).click()
    expect(title).to_contain_text(f"step {stopped + 1}")
    play.click()
    expect(stop).to_be_visible()
    stop.click()
    expect(play).to_be_visible()
    assert steps_done(found) > stopped + 1

    found = panel(page, "Pictures by their codes")
    picture = found.locator(".vizkit-picture img")
    before = picture.get_attribute("src")
    found.get_by_role("button", name="as they fall").click()
    expect(picture).not_to_have_attribute("src", before)
    assert page.outside == []


def test_each_preset_is_seen_without_scrolling(page):
    each_preset_is_seen_without_scrolling(page)
