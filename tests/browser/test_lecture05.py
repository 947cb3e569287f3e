"""Notebook 05 in JupyterLab: another target, the occluder dragged, layers forgotten, an upload."""

from playwright.sync_api import expect

from tests.browser.every import at_rest, open_and_check
from tests.browser.layout import each_preset_is_seen_without_scrolling
from tests.browser.test_lecture04 import changed, panel, png, source, upload
from vizkit.methods.attribution import METHODS


def test_a_student_asks_covers_and_randomizes(page, lab):
    open_and_check(page, lab, "05_deconv.ipynb")

    found = panel(page, "Where it looks")
    picture = found.locator(".vizkit-picture").first
    before = source(picture)
    field = found.get_by_label("target")
    field.fill("goldfish")
    field.press("Enter")
    before = changed(page, picture, before)
    expect(found).to_contain_text("goldfish")
    status = found.locator(".vizkit-status").first
    expect(status).to_contain_text(f"step {len(METHODS)} of {len(METHODS)}", timeout=60_000)
    before = source(picture)
    upload(page, found, "mine.png", png())
    changed(page, picture, before)
    expect(status).to_contain_text(f"step {len(METHODS)} of {len(METHODS)}", timeout=60_000)

    found = panel(page, "The occluder")
    picture = found.locator(".vizkit-picture").first
    box, before = at_rest(picture.locator("img")), source(picture)
    title = found.locator("b", has_text="→")
    said = title.inner_text()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    for place in range(8):
        page.mouse.move(box["x"] + 60 + 30 * place, box["y"] + 60 + 15 * place)
        page.wait_for_timeout(80)
    page.mouse.up()
    changed(page, picture, before)
    expect(title).not_to_have_text(said, timeout=30_000)  # the element itself may be replaced

    found = panel(page, "Forget and look again")
    picture = found.locator(".vizkit-picture").first
    before = source(picture)
    found.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    changed(page, picture, before)
    expect(found).to_contain_text("conv5")
    assert page.outside == []


def test_each_preset_is_seen_without_scrolling(page):
    each_preset_is_seen_without_scrolling(page)
