"""The reader's camera: Chromium's own fake device films a photo, the panels follow it live."""

import pytest
from playwright.sync_api import expect

from vizkit.browser import errors, fake_camera, open_browser, open_notebook, run_all, write_notebook
from vizkit.lab import lab_server

CELLS = ("from vizkit import panels\npanels.activations.show(size=128)", "panels.repaint.show(size=192)")


@pytest.fixture(scope="module")
def address(lab, tmp_path_factory):
    del lab  # it skips where no browser is
    root = tmp_path_factory.mktemp("camera")
    write_notebook(root / "camera.ipynb", *CELLS)
    with lab_server(root) as served:
        yield served


def opened(page, address, title):
    """Open the notebook, run it, and unfold the camera of a panel."""
    open_notebook(page, address, "camera.ipynb")
    run_all(page, 120)
    assert errors(page) == []
    found = page.locator(".vizkit-panel", has_text=title).first
    found.scroll_into_view_if_needed(timeout=30_000)
    found.get_by_role("button", name="More pictures").click()
    return found


@pytest.mark.parametrize("title", ["Activations of a layer", "At the speed of a slider"])
def test_a_panel_follows_the_camera(address, tmp_path, title):
    with open_browser(flags=fake_camera(tmp_path)) as page:
        found = opened(page, address, title)
        picture = found.locator(".vizkit-frame img").first
        picture.evaluate(
            "e => { window.painted = new Set(); e.addEventListener('load', () => window.painted.add(e.src)); }"
        )
        found.get_by_role("button", name="Camera", exact=True).click()
        page.wait_for_function("() => window.painted.size > 20", timeout=60_000)
        expect(found).to_contain_text("Frames stay on this machine and are not saved")
        found.get_by_role("button", name="Freeze").click()
        page.wait_for_timeout(1500)
        held = picture.get_attribute("src")
        page.wait_for_timeout(700)
        assert picture.get_attribute("src") == held, "a frozen frame stays"
        expect(found.locator("select").nth(1)).to_have_value("yours")
        found.get_by_role("button", name="Go on").click()
        expect(picture).not_to_have_attribute("src", held)
        found.get_by_role("button", name="Stop", exact=True).click()
        expect(found.get_by_role("button", name="Camera", exact=True)).to_be_visible()
        assert page.mistakes == []
        assert page.outside == []


def test_without_a_camera_the_page_says_what_to_do(address):
    with open_browser() as page:
        found = opened(page, address, "Activations of a layer")
        found.get_by_role("button", name="Camera", exact=True).click()
        expect(found.locator(".vizkit-camera [role=status]")).to_contain_text("upload a picture")
        page.evaluate("() => Object.defineProperty(globalThis, 'isSecureContext', { value: false })")
        found.get_by_role("button", name="Camera", exact=True).click()
        expect(found.locator(".vizkit-camera [role=status]")).to_contain_text("over http: open it by https")
