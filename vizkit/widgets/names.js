// Names for what ipywidgets and plotly leave without one: a reader of the screen hears them.
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
  for (const chart of panel.querySelectorAll(".js-plotly-plot")) {
    // A chart has a size of its own: on a narrow page all of it is shown smaller.
    const wide = chart._fullLayout?.width, room = panel.clientWidth - 30;
    if (wide) chart.style.zoom = wide > room ? room / wide : 1;
    const words = [...chart.querySelectorAll(".gtitle, .xtitle, .ytitle")];
    const svg = chart.querySelector("svg.main-svg");
    const text = "Chart: " + words.map((one) => one.textContent).join(", ");
    if (svg && svg.getAttribute("aria-label") !== text) {
      svg.setAttribute("role", "img");
      svg.setAttribute("aria-label", text);
    }
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
  render({ el }) {
    let waiting = 0;
    const soon = () => {
      waiting ||= setTimeout(() => {
        waiting = 0;
        const panel = el.closest(".vizkit-panel");
        if (panel) name(panel);
      }, 300);
    };
    const page = new MutationObserver(soon);
    const size = new ResizeObserver(soon);
    const start = () => {
      const panel = el.closest(".vizkit-panel");
      if (!panel) return setTimeout(start, 200);
      page.observe(panel, { childList: true, subtree: true });
      size.observe(panel);
      soon();
    };
    start();
    return () => {
      page.disconnect();
      size.disconnect();
    };
  },
};
