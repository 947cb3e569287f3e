"""The notebook in which a panel is written: its panels answer to a hand, a run goes on where a slider moved."""

import json
import re

from playwright.sync_api import expect

from tests.browser.every import at_rest, open_and_check
from tests.browser.test_lecture04 import changed, panel, source
from vizkit.browser import errors, open_notebook, run_all, write_notebook
from vizkit.lab import lab_server

HANDS = """
import json, time
from typing import Annotated, Any
import torch, vizkit
from vizkit.figures.pictures import photo
from vizkit.widgets import Box, Curve, On

@vizkit.panel("A curve")
def curve(line: Annotated[Any, On("seen", Curve)] = ()):
    time.sleep(0.1)  # slower than the hand
    return line, {"seen": photo(torch.full((3, 200, 400), 0.5), "gray"), "text": "<pre>" + json.dumps(line) + "</pre>"}

@vizkit.panel("A box")
def box(at: Annotated[Any, On("seen", Box)] = (0.0, 0.0, 0.1, 0.1)):
    return at, {"seen": photo(torch.full((3, 200, 400), 0.5), "gray"), "text": json.dumps(at)}
"""


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


def test_a_curve_drawn_fast_keeps_its_places_and_the_keyboard_draws_as_well(page, tmp_path):
    page = page.context.new_page()
    write_notebook(tmp_path / "hands.ipynb", HANDS, "curve.show()", "box.show()")
    with lab_server(tmp_path) as address:
        open_notebook(page, address, "hands.ipynb")
        run_all(page, 60)

        def until(read, fine):
            for _ in range(150):
                if fine(now := read()):
                    break
                page.wait_for_timeout(200)
            return now

        def text_of(found):
            return json.loads(re.search(r"\[[\[\]\d., -]*\]", found.locator(".vizkit-item").last.inner_text())[0])

        found = panel(page, "A curve")
        stage = found.locator(".vizkit-picture img").first
        size = at_rest(stage)
        page.mouse.move(size["x"] + 0.1 * size["width"], size["y"] + 0.5 * size["height"])
        page.mouse.down()
        for share in (0.3, 0.5, 0.7, 0.9):
            page.mouse.move(size["x"] + share * size["width"], size["y"] + 0.2 * size["height"], steps=5)
        page.mouse.up()
        line = until(lambda: text_of(found), lambda line: line and abs(line[-1][0] - 0.9) < 0.02)
        assert len(line) == 21, "one where it was pressed, twenty moves"
        assert abs(line[-1][1] - 0.2) < 0.02
        frame = found.locator(".vizkit-picture [tabindex='0']").first
        frame.focus()
        for key in ("Enter", "ArrowRight", "ArrowRight", "ArrowDown", "Enter", "ArrowDown"):
            page.keyboard.press(key)
        until(lambda: len(text_of(found)), lambda count: count == 4)
        page.wait_for_timeout(1000)
        assert len(text_of(found)) == 4, "the second Enter has ended it"

        found = panel(page, "A box")
        found.locator(".vizkit-picture [tabindex='0']").first.focus()
        for key in ("Enter", *["ArrowRight"] * 4, *["ArrowDown"] * 8, "Enter", "ArrowDown"):
            page.keyboard.press(key)

        def sides():
            x0, y0, x1, y1 = text_of(found)
            return round(x1 - x0, 2), round(y1 - y0, 2)

        until(sides, lambda found: found == (0.1, 0.2))
        page.wait_for_timeout(1000)
        assert sides() == (0.1, 0.2), "the second Enter has ended it"
        assert errors(page) == []
        page.close()
