"""Every panel at widths from 400 to 1,200 px: nothing is cut, nothing overlaps, nothing is too high."""

import nbformat
import pytest

import vizkit
from vizkit.browser import errors, open_notebook, run_all
from vizkit.core.assets import NOTEBOOKS
from vizkit.widgets.presets import presets_of

#: A panel's box at a width of 1,200 px, at its first state and at each preset.
HIGHEST = 780
#: A phone, a narrow page, windows of which JupyterLab's file browser takes a part, a wide page.
WIDTHS = (400, 700, 900, 1068, 1200)
#: Of the controls where they stand above the items in three columns.
LOW = 240
GIVEN = {
    "clusters": "points=torch.randn(200, 2), labels=torch.arange(200) % 3",
    "newcomer": "embedding=torch.randn(200, 2)",
}

#: Finds elements of a panel that overlap, or reach out of it.
WRONG = """panel => {
  const frame = panel.getBoundingClientRect(), found = [];
  const shown = [...panel.querySelectorAll(
    '.vizkit-bar > *, .vizkit-menu > *, .vizkit-controls > *, .vizkit-folded > *, .vizkit-canvas > *')]
    .filter(e => e.offsetParent && e.getBoundingClientRect().height > 0);
  for (const one of shown) {
    const a = one.getBoundingClientRect();
    if (a.left < frame.left - 1 || a.right > frame.right + 1)
      found.push('reaches out: ' + one.textContent.slice(0, 40) + ' ' + one.className);
    if (one.matches('.vizkit-item') && one.scrollWidth > one.clientWidth + 2
        && !(frame.width < 700 && one.querySelector('table, pre, .js-plotly-plot')))  // they scroll on a phone
      found.push('is cut: ' + one.className + one.textContent.slice(0, 40));
    for (const button of one.querySelectorAll('button'))
      if (one.closest('.vizkit-controls') && button.scrollWidth > button.clientWidth + 2)
        found.push('cannot be read: ' + button.textContent);
    for (const other of shown) {
      const b = other.getBoundingClientRect();
      if (one !== other && !one.contains(other) && !other.contains(one)
          && a.left < b.right - 3 && b.left < a.right - 3
          && a.top < b.bottom - 3 && b.top < a.bottom - 3)
        found.push('overlap: ' + one.className + ' / ' + other.className);
    }
  }
  return [...new Set(found)];
}"""

CELL = """import torch, vizkit, ipywidgets as W
panel = vizkit.panels.{name}.show({given})
panel.wait(120)
frame = W.VBox([panel.view], layout=W.Layout(width="1200px"))
frame"""


@pytest.fixture(scope="module")
def opened(page, lab, tmp_path_factory):
    """One notebook with every panel, each in a frame whose width can be set."""
    root = next(iter(tmp_path_factory.getbasetemp().glob("lab*")))
    names = vizkit.panels.__all__
    cells = [nbformat.v4.new_code_cell(CELL.format(name=name, given=GIVEN.get(name, ""))) for name in names]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, root / "layout.ipynb")
    page.set_viewport_size({"width": 1800, "height": 1100})
    open_notebook(page, lab, "layout.ipynb")
    run_all(page, 500)
    assert errors(page) == []
    return page, names


def shown(opened, name):
    page, names = opened
    cell = page.locator(".jp-CodeCell").nth(names.index(name))
    cell.scroll_into_view_if_needed(timeout=30_000)
    found = cell.locator(".vizkit-panel").first
    found.scroll_into_view_if_needed(timeout=30_000)
    found.evaluate(QUIET)
    return found


#: Resolves when nothing in a panel has changed for 300 ms; a run that goes on may change it for good.
QUIET = """panel => new Promise(done => {
  let last = performance.now();
  const begun = last;
  const seen = () => { last = performance.now(); };
  const changes = new MutationObserver(seen), sizes = new ResizeObserver(seen);
  changes.observe(panel, { childList: true, subtree: true, attributes: true });
  sizes.observe(panel);
  const look = () => {
    const now = performance.now();
    if (now - last < 300 && now - begun < 2500) return setTimeout(look, 30);
    changes.disconnect();
    sizes.disconnect();
    done();
  };
  look();
})"""


def narrowed(found, width):
    found.evaluate("(panel, width) => { panel.parentElement.style.width = width + 'px'; }", width)
    found.evaluate(QUIET)  # charts follow soon after


def boxes(found):
    return (found.locator(part).bounding_box() for part in (".vizkit-controls", ".vizkit-canvas"))


@pytest.mark.parametrize("name", vizkit.panels.__all__)
def test_nothing_is_cut_or_overlaps(opened, name):
    found = shown(opened, name)
    heights = {}
    wrong = {}
    for width in WIDTHS:
        narrowed(found, width)
        wrong |= {width: seen} if (seen := found.evaluate(WRONG)) else {}
        heights[width] = found.bounding_box()["height"]
        controls, canvas = boxes(found)
        if 700 <= width < 1200:
            assert canvas["y"] >= controls["y"] + controls["height"] - 1, "below the controls on a narrow page"
        if width == 1068:
            assert controls["height"] <= LOW, "so low that the items are on the screen, too"
    assert wrong == {}
    assert heights[1200] <= HIGHEST, heights
    assert canvas["x"] > controls["x"] + 200, "beside them on a wide one"


PRESETS = [
    (name, preset)
    for name in vizkit.panels.__all__
    for preset in presets_of(getattr(vizkit.panels, name).title, NOTEBOOKS)
]


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_each_preset_can_be_seen_without_scrolling(opened, name, preset):
    found = shown(opened, name)
    found.get_by_label("preset", exact=True).select_option(preset)
    found.page.wait_for_timeout(300)  # the kernel is told
    found.page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=60_000, state="attached")
    found.evaluate(QUIET)
    assert found.bounding_box()["height"] <= HIGHEST
    assert found.evaluate(WRONG) == []
