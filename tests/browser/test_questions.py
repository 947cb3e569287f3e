"""Questions in JupyterLab: each kind answered with the keyboard alone and with the mouse, remembered after a reload."""

import json

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import end_kernels
from vizkit.browser import open_browser, open_notebook, run_all
from vizkit.lab import lab_server

CELLS = [
    "from vizkit.core.images import load_image\n"
    "from vizkit.figures.pictures import photo\n"
    "from vizkit.widgets import Choice, Number, Predict, Sketch, Spot, Summary",
    '@Predict("Which?", Choice("one", "two"))\ndef which():\n    "Because one is first."\n    return "one"\nwhich',
    '@Predict("How many?", Number(0, 100, "%", tolerance=5))\ndef many():\n    "They were counted."\n    return 40\nmany',
    '@Predict("Where?", Spot(lambda: photo(load_image("chelsea", (200, 300)), "a cat")))\n'
    'def where():\n    "It looks there."\n    return 0.5, 0.5\nwhere',
    '@Predict("Which curve?", Sketch((1, 2, 4), "width", "share"))\n'
    'def curve():\n    "It only falls."\n    return 0.9, 0.5, 0.1\ncurve',
    "Summary()",
]


@pytest.fixture
def asking(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in CELLS])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "ask.ipynb")
    with lab_server(tmp_path) as address, open_browser() as page:
        yield page, address, tmp_path
        assert page.mistakes == []
        end_kernels(address)


def open_asking(page, address):
    open_notebook(page, address, "ask.ipynb")
    run_all(page, 120)
    expect(page.locator(".vizkit-question")).to_have_count(4, timeout=60_000)
    return [
        page.locator(".vizkit-question", has_text=words) for words in ("Which?", "How many?", "Where?", "Which curve?")
    ]


def test_questions_are_answered_by_keyboard_and_mouse_and_remembered(asking):
    page, address, folder = asking
    which, many, where, curve = open_asking(page, address)

    which.scroll_into_view_if_needed()
    which.get_by_role("button", name="That is my answer").focus()
    page.keyboard.press("Enter")
    expect(which.locator("[role=alert]")).to_contain_text("must be one of one, two, got nothing")
    which.get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    which.get_by_role("button", name="That is my answer").focus()
    page.keyboard.press("Enter")
    expect(which).to_contain_text("You expected one, it is one (right). Because one is first.")

    many.get_by_role("textbox").focus()
    page.keyboard.type("lots")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(many.locator("[role=alert]")).to_contain_text("must be a number from 0 to 100 %, got 'lots'")
    many.get_by_role("textbox").fill("55")
    many.get_by_role("button", name="That is my answer").click()
    expect(many).to_contain_text("You expected 55 %, it is 40 % (not as you expected).")

    where.scroll_into_view_if_needed()
    picture = where.locator(".vizkit-picture img").first
    expect(picture).to_be_visible()
    box = picture.bounding_box()
    page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
    handles = where.locator(".noUi-handle")
    expect(handles.first).to_have_attribute("aria-valuenow", "0.8", timeout=5000)
    for _ in range(28):
        handles.first.press("ArrowLeft")
    where.get_by_role("button", name="That is my answer").click()
    expect(where).to_contain_text("(right)")

    curve.scroll_into_view_if_needed()
    expect(curve.locator(".js-plotly-plot .scatterlayer .point").first).to_be_visible()
    curve.get_by_role("textbox").fill("0.8, 0.6")
    curve.get_by_role("textbox").press("Tab")
    curve.get_by_role("button", name="That is my answer").click()
    expect(curve.locator("[role=alert]")).to_contain_text("must be 3 numbers from 0 to 1, one at each place, got 2")
    curve.get_by_role("textbox").fill("0.8, 0.6, 0.4")
    curve.get_by_role("textbox").press("Tab")
    curve.get_by_role("button", name="That is my answer").click()
    expect(curve).to_contain_text("(right)")

    summary = page.locator(".vizkit-trail")
    summary.scroll_into_view_if_needed()
    expect(summary).to_contain_text("3 of 4 as you expected")
    summary.get_by_role("button", name="Write a page to hand in").click()
    expect(summary).to_contain_text("wrote vizkit-trail.html")
    kept = json.loads((folder / "vizkit-trail.json").read_text())
    assert [one["question"] for one in kept["answers"]] == ["which", "many", "where", "curve"]
    for one in (which, where, curve, summary):
        one.scroll_into_view_if_needed()
        found = Axe().run(page, context=".vizkit-question, .vizkit-trail").response["violations"]
        assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found] == []

    end_kernels(address)
    which, many, *_ = open_asking(page, address)
    expect(many).to_contain_text("You expected 55 %, it is 40 %")
    many.get_by_role("button", name="Ask me again").click()
    many.get_by_role("button", name="Skip").click()
    expect(many).to_contain_text("Skipped: look at what comes.")
    assert page.outside == []
