// A chart: Plotly.react on what the kernel sends. See chart.py for traits and messages.

/** Plotly, once a page: whichever chart has it first unpacks it for all of them. */
function library(version) {
  const key = Symbol.for(`vizkit.plotly@${version}`);
  globalThis[key] ??= (() => {
    const one = { parts: [], ready: null, loaded: false, asked: -Infinity };
    one.ready = new Promise((resolve) => (one.resolve = resolve));
    return one;
  })();
  return globalThis[key];
}

/** Take one of the numbered parts; behind the last one the library is there. */
async function collect(version, { part, of, packed }, bytes) {
  const shelf = library(version);
  if (shelf.loaded || shelf.parts[part]) return;
  if (shelf.packed !== packed) shelf.parts = [];
  shelf.packed = packed;
  shelf.parts[part] = bytes;
  if (Object.keys(shelf.parts).length < of) return;
  shelf.loaded = true;
  let code = new Blob(shelf.parts);
  shelf.parts = [];
  if (packed) {
    const unpacked = code.stream().pipeThrough(new DecompressionStream("gzip"));
    code = await new Response(unpacked).blob();
  }
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  try {
    await import(url);
  } catch {
    await new Promise((done) => (make(document.head, "script", { src: url }).onload = done)); // no import of blobs here
  }
  URL.revokeObjectURL(url);
  shelf.resolve(globalThis.Plotly);
}

/** Ask the kernel for the library where none is coming: a page that was loaded again, a lost push. */
function demand(model) {
  const shelf = library(model.get("version"));
  let wait = 500, seen = 0;
  const again = () => {
    if (shelf.loaded) return;
    const there = Object.keys(shelf.parts).length;
    if (there === seen && performance.now() - shelf.asked > wait) {
      shelf.asked = performance.now(); // one chart asks for all of them
      wait = Math.min(wait * 2, 20_000);
      const text = location.protocol.startsWith("vscode"); // binary messages become lists of numbers there
      tell(model, { kind: "library", packed: typeof DecompressionStream !== "undefined", text });
    }
    seen = there;
    timer = setTimeout(again, 500);
  };
  let timer = setTimeout(again, 500);
  return () => clearTimeout(timer);
}

function bytesOf(content, buffers) {
  if (typeof content.text === "string") return Uint8Array.from(atob(content.text), (letter) => letter.charCodeAt(0));
  return exactly(buffers[0]);
}

const TYPES = { f4: Float32Array, f8: Float64Array, i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array };

/** What an array has more than before, at its end. */
class Tail {
  constructor(more) {
    this.more = more;
  }
  behind(old) {
    const all = new old.constructor(old.length + this.more.length);
    all.set(old);
    all.set(this.more, old.length);
    return all;
  }
}

/** Put the arrays back where the kernel has left their numbers. */
function unpacked(value, buffers) {
  if (Array.isArray(value)) return value.map((one) => unpacked(one, buffers));
  if (value === null || typeof value !== "object") return value;
  if ("$tail" in value) return new Tail(unpacked(value.$tail, buffers));
  if ("$array" in value) {
    let flat = new TYPES[value.dtype](exactly(buffers[value.$array]));
    if ("unit" in value) flat = Float32Array.from(flat, (one) => value.low + value.unit * one); // a preview
    if (value.shape.length === 1) return flat;
    const [rows, columns] = value.shape;
    return Array.from({ length: rows }, (_, row) => flat.subarray(row * columns, (row + 1) * columns));
  }
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, unpacked(one, buffers)]));
}

export default () => {
  let figure = null; // as far as the kernel's changes have brought it
  const views = new Set();

  function whole(model) {
    const { at, figure: packed, buffers } = model.get("state");
    figure = { at, ...unpacked(packed, buffers) };
    for (const draw of views) draw();
  }
  function change(model, { at, data, layout }, buffers) {
    if (figure && at <= figure.at) return;
    if (!figure || at !== figure.at + 1) return tell(model, { kind: "again" }); // one was lost
    const grown = (one, old) => (one instanceof Tail ? one.behind(old) : one);
    const merged = (old, news) => Object.fromEntries(Object.entries({ ...old, ...unpacked(news, buffers) })
      .filter(([, one]) => one !== null).map(([key, one]) => [key, grown(one, old[key])]));
    figure = { at, data: figure.data.map((trace, index) => merged(trace, data[index])), layout: { ...merged(figure.layout, layout), template: figure.layout.template } };
    for (const draw of views) draw();
  }

  return {
    initialize({ model }) {
      model.on("msg:custom", (content, buffers) => {
        if (content.kind === "part") collect(model.get("version"), content, bytesOf(content, buffers));
        if (content.kind === "change") change(model, content, buffers);
      });
      model.on("change:state", () => whole(model));
      whole(model);
    },

    render({ model, el }) {
      const version = model.get("version");
      const room = make(el, "div", { class: "vizkit-room" });
      const chart = make(room, "div", { class: "vizkit-plot", tabindex: 0, role: "application" });
      const says = make(room, "div", { class: "vizkit-point", role: "status" });
      const still = make(chart, "p", { class: "vizkit-caption" });
      still.textContent = model.get("alt") || "A chart is on its way.";
      const [wide, high] = model.get("size"); // the chart's own room, so that nothing jumps
      Object.assign(still.style, { width: `min(100%, ${wide || 300}px)`, height: `${high || 200}px`, contain: "inline-size", overflow: "hidden" });
      const stop = library(version).loaded ? () => {} : demand(model);
      const reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
      let Plotly = null, busy = false, due = false, gone = false;

      async function draw() {
        due = true;
        if (busy || !Plotly || !chart.isConnected || !figure) return;
        busy = true;
        while (due && !gone) {
          due = false;
          const [width, height] = model.get("size");
          const layout = { ...figure.layout, uirevision: "kept", dragmode: { box: "select", curve: "lasso" }[model.get("hand")] ?? figure.layout.dragmode };
          if (width) Object.assign(layout, { width, height });
          if (reduced) layout.transition = { duration: 0 };
          // Plotly writes into what it is given: the arrays are shared, the rest is a copy.
          const data = figure.data.map((trace) => ({ ...trace }));
          await Plotly.react(chart, data, structuredClone(layout), { displaylogo: false, responsive: false });
        }
        busy = false;
        if (gone) return;
        first();
        fitted();
        if (model.get("more")) tell(model, { kind: "drawn" });
      }
      function fitted() {
        // A chart has a size of its own: on a narrow page all of it is shown smaller.
        const wide = chart._fullLayout?.width, free = (el.closest(".vizkit-panel")?.clientWidth ?? 1e4) - 30;
        if (wide && free > 0) chart.style.zoom = wide > free ? free / wide : 1;
        const svg = chart.querySelector("svg.main-svg");
        if (svg && svg.getAttribute("aria-label") !== model.get("alt")) {
          svg.setAttribute("role", "img");
          svg.setAttribute("aria-label", model.get("alt"));
        }
        reach();
      }
      function reach() {
        const how = ["arrow keys walk the points", WALKS[model.get("hand")], "Escape leaves them"];
        chart.setAttribute("aria-label", `Chart: ${how.filter(Boolean).join(", ")}`);
      }
      const picked = (kind, trace, points) => tell(model, { kind, trace, x: points.map((one) => one.x), y: points.map((one) => one.y) });
      /** Plotly's own label at the point, where it has one: a surface has none. */
      function mark(at) {
        if (!chart._fullLayout?._has("cartesian")) return;
        if (at === null) return Plotly.Fx.unhover(chart);
        const { trace, point, index } = at;
        const { xaxis, yaxis } = chart._fullData[trace];
        if (!xaxis || !yaxis) return;
        const axis = (name) => chart._fullLayout[name.replace(/^[xy]/, "$&axis")];
        const spot = index === null ? { xval: axis(xaxis).d2c(point.x), yval: axis(yaxis).d2c(point.y) } : { pointNumber: index };
        Plotly.Fx.hover(chart, [{ curveNumber: trace, ...spot }], xaxis + yaxis);
      }
      let begun = false;
      function first() {
        if (begun) return;
        begun = true;
        style();
        const told = (kind) => (event) => {
          if (!event?.points?.length || !model.get("hand")) return;
          picked(kind, event.points[0].curveNumber, event.points.slice(0, 5000));
        };
        chart.on("plotly_click", told("click"));
        chart.on("plotly_selected", told("selected"));
      }
      // In a shadow root plotly's own style sheet, which is in the head, does not hold.
      function style() {
        const root = chart.getRootNode();
        if (!(root instanceof ShadowRoot)) return;
        for (const sheet of document.querySelectorAll('style[id^="plotly.js-style"]')) {
          make(root, "style").textContent = [...sheet.sheet.cssRules].map((rule) => rule.cssText).join("\n");
        }
      }
      library(version).ready.then(async (loaded) => {
        if (gone) return;
        Plotly = loaded;
        still.remove();
        await draw();
      });
      const onStill = async (content) => {
        if (content.kind !== "still" || !Plotly || !figure) return;
        const url = await Plotly.toImage(chart, { format: "png", scale: 1 });
        const bytes = await (await fetch(url)).arrayBuffer();
        tell(model, { kind: "still" }, [bytes]);
      };
      const seen = new ResizeObserver(() => {
        const panel = el.closest(".vizkit-panel"); // not there yet when render is called
        if (panel) seen.observe(panel);
        return chart._fullLayout ? fitted() : draw();
      });
      seen.observe(el);
      walkable(chart, { shown: () => figure, mark, says, hand: () => model.get("hand"), pick: picked });
      const release = keepKeys(chart);
      reach();
      views.add(draw);
      model.on("msg:custom", onStill);
      model.on("change:size", draw);
      model.on("change:hand", draw);
      model.on("change:alt", fitted);
      if (figure) tell(model, { kind: "at", at: figure.at }); // a page that is older than the kernel's last change
      return () => {
        gone = true;
        stop();
        release();
        seen.disconnect();
        views.delete(draw);
        model.off("msg:custom", onStill);
        model.off("change:size", draw);
        model.off("change:hand", draw);
        model.off("change:alt", fitted);
        if (Plotly && chart._fullLayout) Plotly.purge(chart);
      };
    },
  };
};
