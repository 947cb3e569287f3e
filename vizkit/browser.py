"""Chromium driving JupyterLab, for the tests and for ``vizkit bench``."""

import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
from PIL import Image

from vizkit.core.images import load_image
from vizkit.figures.raster import to_uint8

#: Never looks outward: no updates, no sync, no sandbox where it runs as root.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LOCAL = re.compile(r"(http|ws)s?://127\.0\.0\.1|data:|blob:")
CANDIDATES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find_browser() -> str | None:
    """Return the path of Chromium or Chrome, or None; ``VIZKIT_BROWSER`` names another."""
    named = os.environ.get("VIZKIT_BROWSER")
    return named or next(filter(None, map(shutil.which, CANDIDATES)), None)


@contextlib.contextmanager
def open_browser(width: int = 1500, height: int = 1000, *, flags: Sequence[str] = ()) -> Iterator[Any]:
    """Yield a Playwright page.

    ``page.outside`` lists requests that tried to leave the machine, ``page.mistakes`` exceptions of
    widgets' JavaScript, both of every page of its context.

    Parameters
    ----------
    width, height : int
        Of the window in pixels.
    flags : sequence of str
        More of Chromium's flags; see `fake_camera`.

    Raises
    ------
    RuntimeError
        If Playwright or a browser is missing.
    """
    executable = find_browser()
    if executable is None:
        raise RuntimeError(f"no browser was found (looked for {', '.join(CANDIDATES)})")
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError as error:
        raise RuntimeError("playwright is missing: pip install playwright") from error
    with sync_playwright() as play, tempfile.TemporaryDirectory() as profile:
        context = play.chromium.launch_persistent_context(
            profile,
            executable_path=executable,
            args=[*FLAGS, *flags],
            headless=True,
            viewport={"width": width, "height": height},
        )
        page: Any = context.pages[0] if context.pages else context.new_page()
        page.outside, page.mistakes = [], []
        context.on("weberror", lambda one: page.mistakes.append(one.error.stack) if is_ours(one.error) else None)
        context.on("request", lambda r: None if LOCAL.match(r.url) else page.outside.append(r.url))
        try:
            yield page
        finally:
            context.close()


def is_ours(error: Any) -> bool:
    """Whether an exception on a page comes out of a widget: Notebook 7 beside nbgrader makes mistakes of its own."""
    return any(mark in (error.stack or "") for mark in ("blob:", "vizkit:"))  # plotly's library, our modules


def fake_camera(folder: Path) -> list[str]:
    """Return Chromium's flags for a camera that films a bundled photo, moving from left to right."""
    photo = Image.fromarray(to_uint8(load_image("astronaut", (480, 960))))
    film = folder / "camera.mjpeg"
    with film.open("wb") as file:
        for left in (*range(0, 320, 8), *range(320, 0, -8)):
            photo.crop((left, 0, left + 640, 480)).save(file, "JPEG", quality=85)
    return [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ]


def write_notebook(path: Path, *cells: str) -> None:
    """Write a notebook of cells of code for the Python kernel."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    code = [nbformat.v4.new_code_cell(one) for one in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=code, metadata={"kernelspec": kernel}), path)


def open_notebook(page: Any, address: str, path: str) -> None:
    """Open a notebook and wait until its kernel is idle."""
    page.goto(address.format(path=path), wait_until="domcontentloaded")
    wait_for_kernel(page)


def wait_for_kernel(page: Any) -> None:
    """Wait until the notebook on the page can be run."""
    page.wait_for_selector(".jp-NotebookPanel .jp-Notebook .jp-Cell", timeout=90_000)
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=90_000, state="attached")
    page.wait_for_timeout(500)


def run_all(page: Any, seconds: float = 240) -> float:
    """Run every cell and return the seconds until the kernel is idle or a cell has failed.

    Raises
    ------
    TimeoutError
        If it is still busy after `seconds`.
    """
    start = time.monotonic()
    _click_run_all(page)
    while time.monotonic() - start < seconds:
        page.wait_for_timeout(500)
        prompts = page.eval_on_selector_all(
            ".jp-NotebookPanel .jp-CodeCell .jp-InputPrompt", "all => all.map(one => one.textContent)"
        )
        waiting = any("*" in prompt for prompt in prompts)
        if prompts and all(re.search(r"\d", prompt) for prompt in prompts):
            return time.monotonic() - start
        if not waiting and errors(page):  # the cells behind an error are not run
            return time.monotonic() - start
        if not any(re.search(r"\d|\*", prompt) for prompt in prompts):
            _click_run_all(page)  # the first click after opening can be lost
    raise TimeoutError(f"the notebook is not idle after {seconds:.0f} s")


def _click_run_all(page: Any) -> None:
    from playwright.sync_api import TimeoutError as ClosedMeanwhile

    for _ in range(3):
        try:
            page.click(".lm-MenuBar-item:has-text('Run')", timeout=10_000)
            page.click(".lm-Menu-item:has-text('Run All Cells') >> nth=0", timeout=10_000)
            return
        except ClosedMeanwhile:  # a page that is still loading closes its menus
            page.keyboard.press("Escape")


def errors(page: Any) -> list[str]:
    """Return the tracebacks that are on the page."""
    found: list[str] = page.eval_on_selector_all(
        ".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr'], "
        ".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']",
        "all => all.map(one => one.innerText)",
    )
    return [text for text in found if "Traceback" in text or "Error" in text]
