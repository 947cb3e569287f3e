"""Notebook 04 as a student opens it: JupyterLab, Chromium, mouse and keyboard."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.every import PAUSE, at_rest, open_and_check
from tests.browser.layout import at_first_states, each_preset_is_seen_without_scrolling
from vizkit.browser import errors


@pytest.fixture(scope="module")
def notebook(page, lab):
    open_and_check(page, lab, "04_filters.ipynb")
    return page


def panel(page, title):
    found = page.locator(".vizkit-panel").filter(has=page.locator(".vizkit-title", has_text=title)).first
    found.scroll_into_view_if_needed(timeout=30_000)
    return found


def source(picture):
    return picture.locator("img").get_attribute("src")


def changed(page, picture, before, timeout=20_000):
    handle = picture.locator("img").element_handle()
    del handle
    page.wait_for_function(
        "([element, before]) => element.querySelector('img').src !== before",
        arg=[picture.element_handle(), before],
        timeout=timeout,
    )
    return source(picture)


def pick(found, label, value):
    found.get_by_label(label, exact=True).select_option(value)


def upload(page, found, name, content):
    with page.expect_file_chooser() as chooser:
        found.locator("button.jupyter-widget-upload, button:has-text('Upload a picture')").first.click()
    chooser.value.set_files({"name": name, "mimeType": "image/png", "buffer": content})


def png():
    pixels = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_each_preset_is_seen_without_scrolling(notebook):
    each_preset_is_seen_without_scrolling(notebook)
    at_first_states(notebook)


def test_a_student_plays_with_notebook_04(notebook):
    page = notebook
    assert errors(page) == []

    found = panel(page, "Activations of a layer")
    grid = found.locator(".vizkit-picture").first
    before = source(grid)

    # another layer, another picture
    layers = found.get_by_label("layer", exact=True)
    layers.select_option(index=5)
    before = changed(page, grid, before)
    pick(found, "picture", "coffee")
    before = changed(page, grid, before)
    expect(grid.locator("img")).to_have_attribute("alt", "Activations of the 96 channels of conv3, ordered by index")

    # the keyboard on a slider
    found.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    before = changed(page, grid, before)

    # a click on a tile chooses its channel
    box = at_rest(grid.locator("img"))
    grid.locator("img").click(position={"x": box["width"] * 0.55, "y": box["height"] * 0.6})
    before = changed(page, grid, before)
    expect(found.locator(".widget-readout").first).not_to_have_text("1")

    # a file that is no picture is refused and the panel lives on
    upload(page, found, "notes.png", b"no picture at all")
    expect(found.locator(".vizkit-error")).to_have_text("notes.png is no picture that Pillow can read")
    upload(page, found, "mine.png", png())
    before = changed(page, grid, before)
    expect(found.locator(".vizkit-error")).to_have_count(0)

    # the code that makes what is on screen
    found.get_by_role("button", name="Menu").click()
    found.get_by_role("button", name="Show code").click()
    listing = found.locator("pre")
    expect(listing).to_contain_text("picture = vizkit.load_image('mine.png')")
    expect(listing).to_contain_text("layer = 'conv3'")
    found.get_by_role("button", name="Reset", exact=True).click()
    expect(listing).to_contain_text("picture = vizkit.load_image('chelsea')")

    assert page.outside == []


def test_units_are_linked_and_the_scan_can_be_stopped(notebook):
    page = notebook
    found = panel(page, "One unit, linked views")
    grid, place, patches = (found.locator(".vizkit-picture").nth(index) for index in range(3))
    before = source(place), source(patches)
    box = at_rest(grid.locator("img"))
    grid.locator("img").click(position={"x": box["width"] * 0.7, "y": box["height"] * 0.5})
    changed(page, place, before[0])
    changed(page, patches, before[1])

    text = found.locator(".widget-html", has_text="sees x").last.inner_text()
    box = at_rest(place.locator("img"))
    place.locator("img").click(position={"x": box["width"] * 0.9, "y": box["height"] * 0.9})
    expect(found.locator(".widget-html", has_text="sees x").last).not_to_have_text(text)

    status = found.locator(".vizkit-status")
    expect(status).to_contain_text("patches 63 of 63", timeout=90_000)
    play = found.get_by_role("button", name="Play", exact=True)
    for index in range(1, 6):  # a scan takes about a second: one that ended first proves nothing
        found.get_by_label("layer", exact=True).select_option(index=index)
        found.evaluate(PAUSE, 0)
        expect(play).to_be_visible()
        if "patches 63 of 63" not in status.inner_text():
            break
    expect(status).not_to_contain_text("patches 63 of 63")
    play.click()
    expect(status).to_contain_text("patches 63 of 63", timeout=90_000)
    assert errors(page) == []
    assert page.outside == []


def test_the_receptive_field_follows_a_click(notebook):
    page = notebook
    found = panel(page, "Receptive field of a unit")
    picture = found.locator(".vizkit-picture").first
    before = source(picture)
    box = at_rest(picture.locator("img"))
    picture.locator("img").click(position={"x": box["width"] * 0.25, "y": box["height"] * 0.25})
    changed(page, picture, before)
    assert found.locator(".js-plotly-plot").count() == 1
    expect(found.locator(".js-plotly-plot .xtitle")).to_have_text("layer")
