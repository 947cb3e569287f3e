"""Pictures and charts on a page of JupyterLab: what the browser does by itself, and what survives a reload."""

import re
import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.every import at_rest
from vizkit.browser import errors, open_browser, open_notebook, run_all, wait_for_kernel, write_notebook
from vizkit.lab import lab_server

KINDS = """
import numpy as np
import plotly.graph_objects as go
from IPython.display import display
from vizkit.figures.raster import Raster
from vizkit.widgets import ChartView, PictureView
rng = np.random.default_rng(0)
hill = np.outer(np.hanning(40), np.hanning(40))
x, y = rng.normal(size=(2, 20_000))
for kind, trace in {
    "surface": go.Surface(z=hill), "contour": go.Contour(z=hill),
    "scatter": go.Scatter(x=x, y=y, mode="markers"), "violin": go.Violin(y=y),
}.items():
    display(ChartView(go.Figure(trace, {"title": {"text": f"A {kind}"}})))
grown = ChartView(go.Figure(go.Scatter(y=np.arange(2.0)), {"title": {"text": "A grown curve"}}))
display(grown)
picture = PictureView(Raster(rng.integers(0, 255, (120, 160, 3), np.uint8), "noise"))
picture.marks = [
    {"kind": "box", "at": [10, 10, 50, 60]}, {"kind": "point", "at": [80, 80]},
    {"kind": "curve", "at": [[90, 10], [120, 40], [150, 20]]}, {"kind": "grid", "at": [40, 60]},
]
picture
"""
GROWN = """
for count in range(3, 200):
    grown.show(go.Figure(go.Scatter(y=np.arange(float(count))), {"title": {"text": "A grown curve"}}))
grown.sent
"""
CELLS = ("from vizkit import panels\npanels.occluder.show()", "panels.descent.show()", "panels.tsne.show(steps=2000)")


@pytest.fixture(scope="module")
def opened(lab, tmp_path_factory):
    """Three panels; the page counts bytes, messages and mistakes of the JavaScript."""
    del lab  # it skips where no browser is
    root = tmp_path_factory.mktemp("views")
    write_notebook(root / "views.ipynb", *CELLS)
    with lab_server(root) as address, open_browser() as page:
        page.sent, page.received = [], []

        def watch(socket):
            socket.on("framesent", lambda frame: page.sent.append(frame))
            socket.on("framereceived", lambda frame: page.received.append(len(frame)))

        page.on("websocket", watch)
        open_notebook(page, address, "views.ipynb")
        run_all(page, 120)
        page.address, page.root = address, root
        yield page
        assert page.mistakes == []
        assert page.outside == []


def panel(page, title):
    found = page.locator(".vizkit-panel", has_text=title).first
    found.scroll_into_view_if_needed(timeout=30_000)
    return found


def test_opening_is_light(opened):
    expect(panel(opened, "t-SNE, live").locator(".js-plotly-plot .gtitle").first).to_be_visible()
    expect(panel(opened, "Three ways down").locator(".js-plotly-plot .contourlayer").first).to_be_visible()
    assert errors(opened) == []
    assert sum(opened.received) < 4e6, "plotly comes once, packed"
    assert max(opened.received) < 2e5, "in parts that a proxy lets pass"


def test_every_kind_of_chart_and_mark_is_drawn(opened):
    write_notebook(opened.root / "kinds.ipynb", KINDS, GROWN)
    page = opened.context.new_page()
    try:
        open_notebook(page, opened.address, "kinds.ipynb")
        run_all(page, 60)
        for kind, part in (
            ("surface", "canvas"),
            ("contour", ".contourlayer path"),
            ("scatter", ".point"),
            ("violin", ".violin"),
        ):
            chart = page.locator(".vizkit-chart", has=page.locator(f".gtitle:has-text('A {kind}')")).first
            expect(chart).to_be_attached()
            chart.scroll_into_view_if_needed(timeout=30_000)
            expect(chart.locator(part).first).to_be_visible()
            assert kind in chart.locator("svg.main-svg").first.get_attribute("aria-label")
            if kind == "scatter":
                assert chart.locator(part).count() == 20_000
            walked(page, chart, kind)
        grown = page.locator(".js-plotly-plot", has=page.locator(".gtitle:has-text('A grown curve')")).first
        expect(grown).to_be_attached()
        assert grown.evaluate("e => [e.data[0].y.length, e.data[0].y.at(-1)]") == [199, 198]
        sent = page.locator(".jp-OutputArea-executeResult").last.inner_text().split()[-1]
        assert int(sent) < 2000, "its end is sent, not all of it"
        marks = page.locator(".vizkit-frame", has=page.get_by_alt_text("noise")).locator(".vizkit-over")
        found = {shape: marks.locator(shape).count() for shape in ("rect", "circle", "polyline")}
        assert found == {"rect": 2, "circle": 2, "polyline": 1 + 3 + 1}
    finally:
        page.close()


def hand(frame, kind, start, end):
    """Draw a finger or a pen over a picture, from a place to another in shares of it."""
    frame.evaluate(
        """(e, [kind, start, end]) => {
          const box = e.getBoundingClientRect();
          const at = ([x, y]) => ({ pointerId: 7, pointerType: kind, isPrimary: true, bubbles: true, button: 0,
            clientX: box.left + x * box.width, clientY: box.top + y * box.height });
          e.setPointerCapture = () => {};
          e.dispatchEvent(new PointerEvent("pointerdown", at(start)));
          e.dispatchEvent(new PointerEvent("pointermove", at(end)));
          e.dispatchEvent(new PointerEvent("pointerup", at(end)));
        }""",
        [kind, start, end],
    )


def walked(page, chart, kind):
    """Walk a chart that stands by itself, by its arrow keys."""
    middle = r"x 2\d, y 20, (z|value) "
    said = {"surface": middle, "contour": middle, "scatter": "x .+, y ", "violin": "x 1, y "}
    chart.locator(".vizkit-plot").focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    words = chart.locator("[role=status]")
    expect(words).to_have_text(re.compile(said[kind]))
    before = words.inner_text()
    page.keyboard.press("ArrowRight")
    expect(words).not_to_have_text(before)
    page.keyboard.press("Escape")
    expect(words).to_have_text("")


def test_a_chart_is_walked_and_clicked_by_the_keyboard(opened):
    found = panel(opened, "Three ways down")
    chart, words = found.locator(".vizkit-plot"), found.locator(".vizkit-point")
    chart.focus()
    assert "Enter clicks" in chart.get_attribute("aria-label")
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("Shift+ArrowRight")
    assert chart.evaluate("e => getComputedStyle(e).outlineStyle") == "solid", "where the focus is can be seen"
    expect(words).to_have_text(re.compile(r"^.* .*, .* .*, value "))
    expect(chart.locator(".hoverlayer .hovertext").first).to_be_attached()
    place = re.findall(r"-?[\d.]+", words.inner_text())
    opened.keyboard.press("Enter")
    expect(found.get_by_label("start x")).to_have_attribute("aria-valuetext", f"{float(place[0]):g}")
    opened.keyboard.press("ArrowDown")
    expect(words).not_to_have_text("")
    opened.keyboard.press("Escape")
    expect(words).to_have_text("")


def test_the_square_follows_the_hand_and_the_kernel_follows_as_it_can(opened):
    found = panel(opened, "The occluder")
    frame = found.locator(".vizkit-frame").first
    box = at_rest(frame)
    move = opened.mouse.move
    sent, received = len(opened.sent), sum(opened.received)
    move(box["x"] + 10, box["y"] + 10)
    opened.wait_for_timeout(300)
    assert len(opened.sent) == sent, "a pointer that only passes over tells nothing"
    frame.evaluate(
        "e => e.querySelector('img').addEventListener('load', () => (window.answers = (window.answers ?? 0) + 1))"
    )
    opened.mouse.down()
    for step in range(100):
        move(box["x"] + 10 + 2.5 * step, box["y"] + 10 + step)
        if step == 50:
            assert frame.locator(".vizkit-over rect").count() == 2, "its outline is the browser's own"
        opened.wait_for_timeout(25)
    opened.mouse.up()
    opened.wait_for_timeout(1000)
    assert frame.locator(".vizkit-over rect").count() == 0
    assert opened.evaluate("() => window.answers") >= 20
    assert sum(opened.received) - received < 2e6
    there = float(found.get_by_label("at x").get_attribute("aria-valuetext"))
    assert there == pytest.approx((10 + 2.5 * 99) / box["width"], abs=0.02)


def test_the_overlay_is_the_pages_own(opened):
    found = panel(opened, "The occluder")
    slider = found.get_by_label("opacity of the overlay")
    image = found.locator(".vizkit-over image[href]").last
    before = len(opened.sent)
    slider.evaluate("e => { e.value = 0.25; e.dispatchEvent(new Event('input')); }")
    assert image.evaluate("e => e.style.opacity") == "0.25"
    opened.wait_for_timeout(300)
    assert len(opened.sent) == before


def test_a_picture_is_reached_looked_at_and_saved_by_the_keyboard(opened):
    found = panel(opened, "The occluder")
    frame = found.locator(".vizkit-frame").first
    frame.focus()
    opened.keyboard.press("+")
    assert "scale(1.5)" in frame.locator(".vizkit-stage").get_attribute("style")
    opened.keyboard.press("0")
    assert frame.locator(".vizkit-stage").get_attribute("style") == ""
    for key in ("ArrowRight", "ArrowDown", "Enter"):
        opened.keyboard.press(key)
    expect(found.get_by_label("at y")).to_have_attribute("aria-valuetext", "0.52")
    frame.focus()
    with opened.expect_download() as saving:
        frame.get_by_role("button", name="download").click()
    assert saving.value.suggested_filename == "covered.png"


def test_a_touch_is_a_hand_too(opened):
    found = panel(opened, "The occluder")
    frame = found.locator(".vizkit-frame").first
    hand(frame, "touch", (0.2, 0.2), (0.25, 0.75))
    expect(found.get_by_label("at y")).to_have_attribute("aria-valuetext", "0.75")


def test_both_themes_can_be_read(opened):
    panel(opened, "The occluder").get_by_role("button", name="Menu").click()
    panel(opened, "The occluder").get_by_role("button", name="Show code").click()
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        opened.click(".lm-MenuBar-item:has-text('Settings')")
        opened.hover(".lm-Menu-item:has-text('Theme') >> nth=0")
        opened.click(f".lm-Menu-item:text-is('{theme}'), .lm-Menu-item:has(:text-is('{theme}'))")
        light = str(theme.endswith("Light")).lower()
        expect(opened.locator("body")).to_have_attribute("data-jp-theme-light", light)
        for title in ("The occluder", "Three ways down"):
            found = panel(opened, title)
            opened.wait_for_timeout(700)
            outcome = (
                Axe()
                .run(opened, context=".vizkit-panel", options={"runOnly": ["color-contrast"]})
                .response["violations"]
            )
            wrong = [node["html"][:120] for one in outcome for node in one["nodes"]]
            assert wrong == [], (theme, title)
            assert "NaN" not in found.inner_text()


def test_two_tabs_show_the_same(opened):
    panel(opened, "The occluder").locator(".noUi-handle").nth(2).focus()
    opened.keyboard.press("Control+s")
    opened.wait_for_timeout(1500)
    other = opened.context.new_page()
    try:
        open_notebook(other, opened.address.removesuffix("&reset"), "views.ipynb")
        there = panel(other, "The occluder")
        here = panel(opened, "The occluder")
        here.locator(".noUi-handle").nth(2).focus()
        opened.keyboard.press("ArrowRight")
        said = here.locator(".noUi-handle").nth(2).get_attribute("aria-valuetext")
        expect(there.locator(".noUi-handle").nth(2)).to_have_attribute("aria-valuetext", said)
        alt = here.locator(".vizkit-frame img").first.get_attribute("alt")
        expect(there.locator(".vizkit-frame img").first).to_have_attribute("alt", alt)
    finally:
        other.close()


def loaded_again(page):
    page.goto(page.address.format(path="views.ipynb").removesuffix("&reset"), wait_until="domcontentloaded")
    page.wait_for_selector(".vizkit-panel", timeout=90_000)


def test_a_page_that_is_loaded_again_comes_back_with_its_run(opened):
    found = panel(opened, "t-SNE, live")
    found.get_by_role("button", name="Play", exact=True).click()
    title = found.locator(".js-plotly-plot .gtitle").first
    expect(title).not_to_have_text("t-SNE, step 1")
    opened.keyboard.press("Control+s")
    opened.wait_for_timeout(1000)
    loaded_again(opened)
    found = panel(opened, "The occluder")
    expect(found.get_by_label("at y")).to_have_attribute("aria-valuetext", "0.75")
    expect(panel(opened, "Three ways down").locator(".js-plotly-plot .contourlayer").first).to_be_visible()
    found = panel(opened, "t-SNE, live")
    title = found.locator(".js-plotly-plot .gtitle").first
    expect(title).to_be_visible()
    found.get_by_role("button", name="Pause", exact=True).click()
    expect(found.get_by_role("button", name="Play", exact=True)).to_be_visible()
    there = title.text_content()
    found.get_by_role("button", name="Play", exact=True).click()
    expect(title).not_to_have_text(there)
    found.get_by_role("button", name="Pause", exact=True).click()
    expect(found.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_a_page_that_is_loaded_again_is_sent_little(opened):
    opened.keyboard.press("Control+s")
    opened.wait_for_timeout(1000)
    received = sum(opened.received)  # no run is going on, whose charts would be counted as well
    loaded_again(opened)
    expect(panel(opened, "Three ways down").locator(".js-plotly-plot .contourlayer").first).to_be_visible()
    expect(panel(opened, "t-SNE, live").locator(".js-plotly-plot .gtitle").first).to_be_visible()
    assert sum(opened.received) - received < 4e6


#: JupyterLab looks every 100 ms for two seconds whether a widget is there; here it looks again after five.
LATE = """(() => {
  const timer = window.setTimeout;
  window.setTimeout = (act, wait, ...more) => timer(act, wait === 100 ? 5000 : wait, ...more);
})()"""


def test_a_widget_that_came_as_the_page_gave_up_is_shown(opened):
    opened.keyboard.press("Control+s")
    opened.wait_for_timeout(1000)
    page, given_up = opened.context.new_page(), []
    page.on("console", lambda message: given_up.append(message.text) if "not found" in message.text else None)
    page.add_init_script(LATE)
    try:
        page.goto(opened.address.format(path="views.ipynb"))
        for title in ("The occluder", "Three ways down", "t-SNE, live"):
            expect(panel(page, title)).to_be_visible(timeout=30_000)
        assert given_up, "else nothing is shown here"
        expect(page.get_by_text("model not found")).to_have_count(0)
    finally:
        page.close()


def test_frozen_it_shows_its_panels_without_a_kernel(opened, tmp_path_factory):
    found = panel(opened, "Three ways down")
    opened.keyboard.press("Control+s")
    opened.wait_for_timeout(1500)
    found.get_by_role("button", name="Menu").click()
    found.get_by_role("button", name="Freeze").click()
    expect(found.locator(".vizkit-status").first).to_contain_text("wrote views-frozen.ipynb")
    root = tmp_path_factory.mktemp("frozen")
    shutil.copy(opened.root / "views-frozen.ipynb", root)
    text = (root / "views-frozen.ipynb").read_text()
    assert "widget-view" not in text
    with lab_server(root) as address:
        page = opened.context.new_page()
        try:
            page.goto(address.format(path="views-frozen.ipynb"))
            pictures = page.locator(".jp-RenderedImage img")
            expect(pictures).to_have_count(3, timeout=60_000)
            expect(page.get_by_text("run the cell to play").first).to_be_visible()
            assert page.get_by_text("model not found").count() == 0
            wait_for_kernel(page)  # a server that is ended while a kernel starts waits for it
            high = pictures.nth(1).evaluate("e => e.naturalHeight")
            assert high > 300, "the chart as the browser drew it, not its numbers"
        finally:
            page.close()


def test_after_a_restart_a_panel_says_that_its_cell_must_be_run(opened):
    opened.click(".lm-MenuBar-item:has-text('Kernel')")
    opened.click(".lm-Menu-item:has-text('Restart Kernel…')")
    opened.click(".jp-Dialog button:has-text('Restart')")
    found = panel(opened, "The occluder")
    expect(found).to_have_class(re.compile("jupyter-widgets-disconnected"))
    assert "run this cell again" in found.evaluate("e => getComputedStyle(e, '::before').content")
    frame = found.locator(".vizkit-frame").first
    frame.focus()
    opened.keyboard.press("Enter")  # into the void: no exception
    opened.wait_for_timeout(1000)
    wait_for_kernel(opened)  # a server that is ended while a kernel starts waits for it
