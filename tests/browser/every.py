"""What every notebook must do in a browser, whatever it is about."""

from axe_playwright_python.sync_playwright import Axe

from tests.browser.layout import holds_at_every_width
from vizkit.browser import errors, open_notebook, run_all

#: What a hand or a keyboard can move.
CONTROLS = "select, input, textarea, button, [role=slider]"
#: What a panel shows, right of its controls, in a form that can be compared.
SHOWN = "e => e.querySelector('.vizkit-canvas').innerHTML"


def open_and_check(page, lab, name):
    """Open a notebook as a student does, run all of it, and check what no notebook may miss."""
    open_notebook(page, lab, name)
    run_all(page, 500)
    assert errors(page) == []
    panels = page.locator(".vizkit-panel")
    for index in range(panels.count()):
        panels.nth(index).scroll_into_view_if_needed(timeout=30_000)
        page.wait_for_timeout(200)
    assert panels.count() >= 2
    holds_at_every_width(page)
    everything_has_a_name(page)
    everything_is_reached_by_the_keyboard(panels)
    an_upload_opens_by_the_keyboard(page, panels)
    the_first_control_moves_the_first_picture(page, panels.first)
    assert errors(page) == []
    assert page.outside == []


def at_rest(element):
    """Return where an element is once the page stands still: what comes late above it moves it off the mouse."""
    box = None
    for _ in range(50):
        before, box = box, element.bounding_box()
        if box and box == before:
            break
        element.page.wait_for_timeout(300)
    return box


def paused_in_sight(found, changes=2):
    """Press Play, and Pause in the frame in which the first picture has changed so often: no click from outside can.

    Returns whether it was Pause that ended the run.
    """
    found.get_by_role("button", name="Play", exact=True).click()
    return found.evaluate(PAUSE, changes)


#: A run that has ended by itself has no Pause any more; one that shows nothing new for 30 s has failed.
PAUSE = """(panel, changes) => new Promise((done) => {
    const named = (name) => [...panel.querySelectorAll("button")].find((one) => one.textContent.trim() === name);
    const shown = () => panel.querySelector(".vizkit-picture img")?.src;
    const until = Date.now() + 30_000;
    let [before, started] = [shown(), false];
    const look = () => {
        const pause = named("Pause");
        started ||= Boolean(pause);
        if (shown() !== before) [before, changes] = [shown(), changes - 1];
        if (pause && changes <= 0) { pause.click(); done(true); }
        else if ((started && !pause) || Date.now() > until) done(false);
        else requestAnimationFrame(look);
    };
    look();
})"""


def everything_has_a_name(page):
    page.wait_for_timeout(700)  # names are given soon after a panel has changed
    found = Axe().run(page, context={"include": [[".vizkit-panel"]]}).response["violations"]
    serious = [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in ("serious", "critical")]
    assert serious == []
    # one without an address has not come yet, and shows nothing
    nameless = """() => [...document.querySelectorAll(".vizkit-panel img[src]:not([src=''])")]
        .filter((one) => one.alt.length < 6)
        .map((one) => one.closest(".vizkit-panel").textContent.slice(0, 60) + one.outerHTML.slice(0, 200))"""
    for _ in range(20):  # on a busy machine a name comes later than its picture
        if not page.evaluate(nameless):
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"pictures without a name: {page.evaluate(nameless)}")


def everything_is_reached_by_the_keyboard(panels):
    page = panels.page
    for index in range(panels.count()):
        controls = panels.nth(index).locator(".vizkit-controls")
        controls.locator(CONTROLS).first.focus()
        page.keyboard.press("Tab")
        inside = panels.nth(index).evaluate("e => e.contains(document.activeElement)")
        one = controls.locator(CONTROLS).count() == 1
        assert inside or one, "Tab goes on inside"
        unreachable = panels.nth(index).evaluate(
            """(panel, controls) => [...panel.querySelectorAll(controls)]
            .filter((one) => !one.disabled && one.offsetParent && one.type !== "file")
            .filter((one) => one.tabIndex < 0)
            .map((one) => one.outerHTML.slice(0, 150))""",
            CONTROLS,
        )
        assert unreachable == []


def an_upload_opens_by_the_keyboard(page, panels):
    button = panels.locator("button", has_text="Upload a picture").first
    if button.count():
        opened = []
        page.once("filechooser", lambda chooser: opened.append(chooser))
        for _ in range(3):  # a key that is pressed while JupyterLab scrolls is lost
            button.focus()
            page.keyboard.press("Space")
            page.wait_for_timeout(1500)
            if opened:
                return
        raise AssertionError("Space on the button opens no file chooser")


def the_first_control_moves_the_first_picture(page, panel):
    """By keyboard alone, and back again."""
    panel.scroll_into_view_if_needed(timeout=30_000)
    control = panel.locator(".vizkit-controls").locator(CONTROLS).first
    before = panel.evaluate(SHOWN)
    control.focus()
    kind = control.evaluate("e => e.getAttribute('role') || e.tagName")
    if kind in ("INPUT", "TEXTAREA"):
        # the last number of a row of numbers
        page.keyboard.press("Control+End")
        page.keyboard.press("Backspace")
        page.keyboard.type("7")
        page.keyboard.press("Tab")
    elif kind == "SELECT":
        for key in ("Space", "ArrowDown", "Enter"):  # opens the list, goes down, takes that one
            page.keyboard.press(key)
            page.wait_for_timeout(200)
    else:
        page.keyboard.press("ArrowRight")
    changed(page, panel, before)
    now = panel.evaluate(SHOWN)
    panel.get_by_role("button", name="Reset", exact=True).focus()
    page.keyboard.press("Enter")
    changed(page, panel, now)


def changed(page, panel, before):
    page.wait_for_function(
        f"([panel, before]) => ({SHOWN})(panel) !== before", arg=[panel.element_handle(), before], timeout=30_000
    )
