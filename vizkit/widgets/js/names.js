// Names for what ipywidgets leaves without one: a reader of the screen hears them.
function name(panel) {
  for (const button of panel.querySelectorAll(".vizkit-full-screen")) {
    button.onclick = () =>
      document.fullscreenElement ? document.exitFullscreen() : panel.requestFullscreen();
  }
  for (const handle of panel.querySelectorAll(".noUi-handle")) {
    const label = handle.closest(".widget-inline-hbox")?.querySelector(".widget-label");
    if (label && handle.getAttribute("aria-label") !== label.textContent) {
      handle.setAttribute("aria-label", label.textContent);
    }
  }
  for (const group of panel.querySelectorAll(".widget-radio-box")) {
    group.setAttribute("role", "radiogroup");
    group.setAttribute("aria-label", panel.querySelector(".widget-html-content")?.textContent.trim().slice(0, 200) ?? "");
  }
  for (const box of panel.querySelectorAll(".widget-box")) {
    if (box.scrollWidth > box.clientWidth + 1) {
      box.tabIndex = 0; // what can only be scrolled to must be reachable by the keyboard
    } else if (box.hasAttribute("tabindex")) {
      box.removeAttribute("tabindex");
    }
  }
}

export default {
  initialize({ model }) {
    revive(model.widget_manager);
  },
  render({ el }) {
    let waiting = 0;
    let release = () => {};
    const soon = () => {
      waiting ||= setTimeout(() => {
        waiting = 0;
        const panel = el.closest(".vizkit-panel, .vizkit-question");
        if (panel) name(panel);
      }, 300);
    };
    const page = new MutationObserver(soon);
    const size = new ResizeObserver(soon);
    const start = () => {
      const panel = el.closest(".vizkit-panel, .vizkit-question");
      if (!panel) return setTimeout(start, 200);
      release = keepKeys(panel);
      page.observe(panel, { childList: true, subtree: true });
      size.observe(panel);
      soon();
    };
    start();
    return () => {
      release();
      page.disconnect();
      size.disconnect();
    };
  },
};
