"""The notebook in which a panel is written: its panels answer to a hand, a run goes on where a slider moved."""

from playwright.sync_api import expect

from tests.browser.every import at_rest, open_and_check
from tests.browser.test_lecture04 import changed, panel, source


def test_panels_that_a_student_has_written(page, lab):
    open_and_check(page, lab, "make_your_own.ipynb")

    found = panel(page, "A lamp in your hand")
    seen = found.locator(".vizkit-picture").first
    box, before = at_rest(seen.locator("img")), source(seen)
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.6 * box["height"], steps=6)
    page.mouse.up()
    changed(page, seen, before)

    found = panel(page, "The strongest places")
    found.get_by_role("button", name="Menu").click()
    found.get_by_role("button", name="Show code").click()
    expect(found.locator("pre")).to_contain_text("one = vizkit.activations(model, picture, layer).maps[channel]")
    found.get_by_label("layer", exact=True).select_option(index=2)
    expect(found.locator("pre")).not_to_contain_text("layer = 'relu4'")

    found = panel(page, "Blur, live")
    status = found.locator(".vizkit-status")
    found.get_by_role("button", name="Reset", exact=True).click()
    expect(status).to_contain_text("step 1 of 60")
    found.get_by_role("button", name="Step", exact=True).click()
    found.get_by_role("button", name="Step", exact=True).click()
    expect(status).to_contain_text("step 3 of 60")
    found.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    expect(status).to_contain_text("step 3 of 60")  # it goes on: no new run
    found.get_by_role("button", name="Play", exact=True).click()
    expect(status).to_contain_text("step 60 of 60", timeout=60_000)
    assert page.outside == []
