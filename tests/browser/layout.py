"""Every panel of a lecture at widths from 400 to 1,200 px: nothing is cut, nothing overlaps, nothing is too high."""

from contextlib import contextmanager

from vizkit.widgets.presets import prepared

#: A panel's box at a width of 1,200 px, at its first state and at each preset.
HIGHEST = 780
#: A phone, a page on which a wide chart scrolls, windows of which the file browser takes a part, a wide page.
WIDTHS = (400, 690, 900, 1068, 1200)
#: Of the controls where they stand above the items in three columns.
LOW = 240

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

#: Gives all panels a width, or the page's again; charts follow soon after.
NARROWED = """width => {
  for (const panel of document.querySelectorAll('.vizkit-panel'))
    Object.assign(panel.parentElement.style, width ? { flex: 'none', width: width + 'px' } : { flex: '', width: '' });
}"""

#: Resolves when nothing in any panel has changed for 500 ms; a run that goes on may change it for good.
QUIET = """() => new Promise(done => {
  let last = performance.now();
  const begun = last;
  const seen = () => { last = performance.now(); };
  const changes = new MutationObserver(seen), sizes = new ResizeObserver(seen);
  for (const panel of document.querySelectorAll('.vizkit-panel')) {
    changes.observe(panel, { childList: true, subtree: true, attributes: true });
    sizes.observe(panel);
  }
  const look = () => {
    const now = performance.now();
    if (now - last < 500 && now - begun < 10_000) return setTimeout(look, 50);
    changes.disconnect();
    sizes.disconnect();
    done();
  };
  look();
})"""

#: What is wrong with each panel, and where its parts are.
MEASURED = (
    """() => [...document.querySelectorAll('.vizkit-panel')].map(panel => {
  const box = part => {
    const { left, top, width, height } = panel.querySelector(part).getBoundingClientRect();
    return { left, top, width, height };
  };
  return {
    title: panel.querySelector('.vizkit-title').textContent,
    wrong: ("""
    + WRONG
    + """)(panel),
    height: panel.getBoundingClientRect().height,
    controls: box('.vizkit-controls'),
    canvas: box('.vizkit-canvas'),
  };
})"""
)


@contextmanager
def laid_out(page):
    """Make a wide page on which cells that are out of sight are laid out, too."""
    before = page.viewport_size
    page.set_viewport_size({"width": 1800, "height": 1100})
    style = page.add_style_tag(content=".jp-Cell { content-visibility: visible !important; }")
    yield
    style.evaluate("one => one.remove()")
    page.evaluate(NARROWED, None)
    page.set_viewport_size(before)


def faults(page, width, among=None):
    """Give all panels a width, all at once, and return what is wrong with those of some titles, or with any."""
    page.evaluate(NARROWED, width)
    for _ in range(6):  # a chart or a picture that is late is looked at again; what is cut stays so
        page.evaluate(QUIET)
        found = [one for one in page.evaluate(MEASURED) if among is None or one["title"] in among]
        wrong = [(one["title"], width, fault) for one in found for fault in at_fault(one, width)]
        if not wrong:
            break
        page.wait_for_timeout(500)
    return wrong


def runs_have_ended(page):
    """Wait until no panel runs any more."""
    page.wait_for_function(
        """() => ![...document.querySelectorAll('.vizkit-panel button')]
        .some(one => one.textContent.trim() === 'Pause' && one.offsetParent)""",
        timeout=240_000,
    )


def at_fault(one, width):
    """Return what is wrong with a panel at a width, in words."""
    controls, canvas = one["controls"], one["canvas"]
    yield from one["wrong"]
    if 400 < width < 1200 and canvas["top"] < controls["top"] + controls["height"] - 1:
        yield "not below the controls on a narrow page"
    if width == 1068 and controls["height"] > LOW:
        yield f"controls are {controls['height']} px high"
    if width == 1200 and canvas["left"] <= controls["left"] + 200:
        yield "not beside the controls on a wide page"
    if width == 1200 and one["height"] > HIGHEST:
        yield f"{one['height']} px high"


def charts_have_come(page):
    """Wait until no chart is on its way any more: plotly comes once, behind all that the kernel has to do."""
    page.wait_for_function("() => !document.querySelector('.vizkit-plot > .vizkit-caption')", timeout=120_000)


def holds_at_every_width(page):
    """At first states: controls are above the items on a narrow page, beside them on a wide one."""
    wrong = []
    with laid_out(page):
        runs_have_ended(page)
        charts_have_come(page)
        for width in WIDTHS:
            wrong += faults(page, width)
    assert wrong == [], wrong


RESET = """() => {
  for (const one of document.querySelectorAll('.vizkit-panel button'))
    if (one.textContent.trim() === 'Reset') one.click();
}"""


def kernel_is_idle(page):
    """Wait until the kernel has heard of what was done on the page, and answered."""
    page.wait_for_timeout(500)
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=120_000, state="attached")


def at_first_states(page):
    """Reset all panels."""
    page.evaluate(RESET)
    kernel_is_idle(page)


#: Chooses each panel's preset of a number, where it has so many, and returns which.
CHOSEN = """number => [...document.querySelectorAll('.vizkit-panel')].flatMap(panel => {
  const list = [...panel.querySelectorAll('select')].find(one => one.labels[0]?.textContent === 'preset');
  if (!list || number >= list.options.length) return [];
  list.selectedIndex = number;
  list.dispatchEvent(new Event('change', { bubbles: true }));
  return [[panel.querySelector('.vizkit-title').textContent, list.options[number].text.replaceAll('\u00a0', ' ')]];
})"""


def each_preset_is_seen_without_scrolling(page):
    """At 1,200 px, the first preset of all panels at once, then the second, and so on; the first entry is none."""
    titles = page.locator(".vizkit-panel .vizkit-title").all_text_contents()
    prepared_ones = {(one.panel, one.name) for ones in prepared().values() for one in ones if one.panel in titles}
    number, wrong, seen = 1, [], set()
    with laid_out(page):
        at_first_states(page)  # whatever a student has done before
        while chosen := dict(page.evaluate(CHOSEN, number)):
            kernel_is_idle(page)
            wrong += [(*one, chosen[one[0]]) for one in faults(page, 1200, chosen)]
            seen |= set(chosen.items())
            number += 1
    assert wrong == [], wrong
    assert seen == prepared_ones, seen ^ prepared_ones
