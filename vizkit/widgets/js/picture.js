// A picture, what is drawn over it, and a hand on it. See picture.py for traits and messages.

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  "zoom in": "M7 5v4M5 7h4M10.5 10.5 14 14M12 7A5 5 0 1 1 2 7a5 5 0 0 1 10 0Z",
  "zoom out": "M5 7h4M10.5 10.5 14 14M12 7A5 5 0 1 1 2 7a5 5 0 0 1 10 0Z",
  copy: "M6 6h8v8H6zM4 10H2V2h8v2",
  download: "M8 2v8M4.5 7 8 10.5 11.5 7M2 14h12",
  "full screen": "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4",
};
const ACCENT = "#d55e00";

export default {
  render({ model, el }) {
    const frame = make(el, "div", { class: "vizkit-frame" });
    const stage = make(frame, "div", { class: "vizkit-stage" });
    const img = make(stage, "img", { draggable: "false" });
    const over = make(stage, "svg", { class: "vizkit-over", "aria-hidden": "true" }, SVG);
    const heat = make(over, "image", { preserveAspectRatio: "none" }, SVG);
    const marks = make(over, "g", {}, SVG);
    const pointer = make(over, "g", {}, SVG);
    const post = latestOnly(model);
    const release = keepKeys(frame);
    const size = () => model.get("size");

    // What is shown -----------------------------------------------------------------------------

    img.addEventListener("load", () => model.get("more") && tell(model, { kind: "drawn" }));
    const urls = { img: "", heat: "" };
    function load(name, bytes, kind, set) {
      const old = urls[name];
      urls[name] = bytes.byteLength ? URL.createObjectURL(new Blob([bytes], { type: kind })) : "";
      set(urls[name]);
      if (old) setTimeout(() => URL.revokeObjectURL(old), 1000); // not before the new one is painted
    }
    function draw() {
      const [width, height] = size();
      img.alt = model.get("alt");
      img.width = width;
      img.height = height;
      load("img", model.get("content"), model.get("format"), (url) => (img.src = url));
      over.setAttribute("viewBox", `0 0 ${width} ${height}`);
      heat.setAttribute("width", width);
      heat.setAttribute("height", height);
      load("heat", model.get("heat"), "image/png", (url) => heat.setAttribute("href", url));
      heat.style.opacity = opacity.value;
      model.get("heat").byteLength ? el.append(strength) : strength.remove();
      drawMarks();
    }
    function rectangle(parent, [x0, y0, x1, y1]) {
      for (const [color, wide] of [["white", 5], [ACCENT, 3]]) {
        make(parent, "rect", {
          x: x0, y: y0, width: Math.max(x1 - x0, 0), height: Math.max(y1 - y0, 0), fill: "none",
          stroke: color, "stroke-width": wide, "vector-effect": "non-scaling-stroke",
        }, SVG);
      }
    }
    function cross(parent, x, y) {
      for (const [color, wide] of [["white", 5], [ACCENT, 2]]) {
        make(parent, "circle", {
          cx: x, cy: y, r: 0.02 * Math.max(...size()), fill: "none", stroke: color,
          "stroke-width": wide, "vector-effect": "non-scaling-stroke",
        }, SVG);
      }
    }
    function polyline(parent, points) {
      make(parent, "polyline", {
        points: points.map((one) => one.join(",")).join(" "), fill: "none", stroke: ACCENT,
        "stroke-width": 3, "vector-effect": "non-scaling-stroke",
      }, SVG);
    }
    function grid(parent, [across, down]) {
      const [width, height] = size();
      for (let x = across; x < width; x += across) polyline(parent, [[x, 0], [x, height]]);
      for (let y = down; y < height; y += down) polyline(parent, [[0, y], [width, y]]);
    }
    const shapes = { box: rectangle, point: (parent, at) => cross(parent, ...at), curve: polyline, grid };
    function drawMarks() {
      marks.replaceChildren();
      for (const { kind, at } of model.get("marks")) shapes[kind]?.(marks, at);
    }

    // The strength of the map over the picture: the browser's own, no message ---------------------

    const strength = make(null, "label", { class: "vizkit-strength" });
    make(strength, "span").textContent = "overlay";
    const opacity = make(strength, "input", { type: "range", min: 0, max: 1, step: 0.01, "aria-label": "opacity of the overlay" });
    opacity.value = model.get("opacity");
    opacity.oninput = () => (heat.style.opacity = opacity.value);
    // The other view, and a page that is loaded again, follow.
    opacity.onchange = () => {
      model.set("opacity", Number(opacity.value));
      model.save_changes();
    };
    const follow = () => {
      opacity.value = model.get("opacity");
      heat.style.opacity = opacity.value;
    };

    // Zoom and pan ------------------------------------------------------------------------------

    let zoom = 1, left = 0, top = 0;
    function place() {
      const room = frame.getBoundingClientRect();
      left = Math.min(0, Math.max(left, room.width * (1 - zoom)));
      top = Math.min(0, Math.max(top, room.height * (1 - zoom)));
      stage.style.transform = zoom === 1 ? "" : `translate(${left}px, ${top}px) scale(${zoom})`;
      img.style.imageRendering = (zoom * room.width) / size()[0] >= 2 ? "pixelated" : "";
      frame.style.touchAction = zoom > 1 || drags() ? "none" : "";
    }
    function zoomTo(next, x, y) {
      const room = frame.getBoundingClientRect();
      const [fx, fy] = [(x ?? room.left + room.width / 2) - room.left, (y ?? room.top + room.height / 2) - room.top];
      next = Math.min(32, Math.max(1, next));
      left = fx - ((fx - left) * next) / zoom;
      top = fy - ((fy - top) * next) / zoom;
      zoom = next;
      place();
    }
    frame.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // else the page scrolls
      event.preventDefault();
      zoomTo(zoom * Math.exp(-event.deltaY / 200), event.clientX, event.clientY);
    }, { passive: false });

    // The hand: mouse, touch, pen ---------------------------------------------------------------

    const hand = () => model.get("hand");
    const drags = () => ["drag", "box", "curve"].includes(hand());
    let start = null, way = [], pan = null;
    const touches = new Map();
    function at(event) {
      const box = img.getBoundingClientRect();
      const [width, height] = size();
      const inside = (share, length) => Math.min(Math.max(share * length, 0), length - 0.001);
      return [inside((event.clientX - box.left) / box.width, width), inside((event.clientY - box.top) / box.height, height)];
    }
    function follows(x, y) {
      pointer.replaceChildren();
      const mark = model.get("outline");
      if (mark.tiles) {
        const found = tile(mark.tiles, x, y);
        if (found) rectangle(pointer, found);
      } else if (hand() === "box" && start) {
        rectangle(pointer, [Math.min(start[0], x), Math.min(start[1], y), Math.max(start[0], x), Math.max(start[1], y)]);
      } else if (hand() === "curve" && start) {
        polyline(pointer, way);
      } else if (mark.side && (start || hand() !== "drag")) {
        const [width, height] = size();
        const corner = (middle, length) => Math.min(Math.max(middle - mark.side / 2, 0), length - mark.side);
        const [x0, y0] = [corner(x, width), corner(y, height)];
        rectangle(pointer, [x0, y0, x0 + mark.side, y0 + mark.side]);
      } else if (hand() && start) {
        cross(pointer, x, y);
      }
    }
    function tile({ width, height, gap, columns, count }, x, y) {
      const [column, row] = [Math.floor(x / (width + gap)), Math.floor(y / (height + gap))];
      if (column >= columns || row * columns + column >= count) return null;
      const [x0, y0] = [gap + column * (width + gap), gap + row * (height + gap)];
      return [x0, y0, x0 + width, y0 + height];
    }
    // With a curve goes its whole way: of the moves the latest only arrives.
    const along = (kind, x, y) => post({ kind, x, y, ...(hand() === "curve" ? { way: way.map(([a, b]) => [tenth(a), tenth(b)]) } : {}) });
    const tenth = (one) => Math.floor(10 * one) / 10;
    function press(x, y) {
      start = [x, y];
      way = [start];
      along("press", x, y);
    }
    function moveTo(...places) {
      for (const [x, y] of places) {
        const [a, b] = way[way.length - 1];
        if (Math.hypot(x - a, y - b) >= 1) way.push([x, y]);
      }
      if (way.length > 1000) way = way.filter((_, index) => index % 2 === 0 || index === way.length - 1);
      along("move", ...places[places.length - 1]);
    }
    frame.addEventListener("pointerdown", (event) => {
      touches.set(event.pointerId, event);
      if (touches.size === 2 || event.button === 1 || (zoom > 1 && (event.shiftKey || !drags()))) {
        pan = { x: event.clientX, y: event.clientY, moved: false };
        start = null;
      } else if (event.button === 0 && drags()) {
        press(...at(event));
      } else {
        return;
      }
      event.preventDefault();
      frame.focus({ preventScroll: true });
      frame.setPointerCapture(event.pointerId);
      if (!pan) follows(...start);
    });
    frame.addEventListener("pointermove", (event) => {
      const [x, y] = at(event);
      if (touches.size === 2) {
        const other = [...touches.values()].find((one) => one.pointerId !== event.pointerId);
        const last = touches.get(event.pointerId);
        const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
        zoomTo((zoom * apart(event)) / Math.max(apart(last), 1), event.clientX, event.clientY);
      } else if (pan) {
        pan.moved = pan.moved || Math.hypot(event.clientX - pan.x, event.clientY - pan.y) > 4;
        left += event.clientX - (pan.last?.x ?? pan.x);
        top += event.clientY - (pan.last?.y ?? pan.y);
        pan.last = { x: event.clientX, y: event.clientY };
        place();
      } else {
        // What came since the last frame: the browser tells a fast hand's places together.
        if (start) moveTo(...(event.getCoalescedEvents?.() ?? []).map(at), [x, y]);
        follows(x, y);
        if (model.get("hovers")) post({ kind: "hover", x, y });
      }
      if (touches.has(event.pointerId)) touches.set(event.pointerId, event);
    });
    const lift = (event) => {
      touches.delete(event.pointerId);
      if (start) post({ kind: "release" });
      start = null;
      if (!touches.size) setTimeout(() => (pan = null)); // behind the click that ends it
      if (drags()) pointer.replaceChildren();
    };
    frame.addEventListener("pointerup", lift);
    frame.addEventListener("pointercancel", lift);
    frame.addEventListener("pointerleave", () => start || pointer.replaceChildren());
    frame.addEventListener("click", (event) => {
      if (hand() === "click" && !pan?.moved && event.target.closest(".vizkit-stage")) {
        const [x, y] = at(event);
        post({ kind: "press", x, y });
      }
    });

    // The keyboard ------------------------------------------------------------------------------

    let cursor = null;
    frame.addEventListener("keydown", (event) => {
      const [width, height] = size();
      const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (event.target !== frame || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "+" || event.key === "=") zoomTo(zoom * 1.5);
      else if (event.key === "-") zoomTo(zoom / 1.5);
      else if (event.key === "0") zoomTo(1);
      else if (arrow && hand()) {
        const { tiles } = model.get("outline");
        const [wide, high] = tiles ? [tiles.width + tiles.gap, tiles.height + tiles.gap] : event.shiftKey ? [1, 1] : [width / 40, height / 40];
        const from = cursor ?? (tiles ? [tiles.gap + tiles.width / 2 - (arrow[0] * wide), tiles.gap + tiles.height / 2 - (arrow[1] * high)] : [width / 2, height / 2]);
        const inside = (one, length) => Math.min(Math.max(one, 0), length - 0.001);
        cursor = [inside(from[0] + arrow[0] * wide, width), inside(from[1] + arrow[1] * high, height)];
        if (drags() && start) moveTo(cursor);
        follows(...cursor);
        if (!pointer.childNodes.length) cross(pointer, ...cursor);
      } else if (event.key === "Enter" || event.key === " ") {
        cursor ??= [width / 2, height / 2];
        const ends = start !== null; // a box's second corner, a curve's last place
        if (ends) post({ kind: "release" });
        else press(...cursor);
        if (ends || !["box", "curve"].includes(hand())) start = null;
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });

    // The bar over the picture, there while a pointer or the focus is ----------------------------

    const actions = {
      "zoom in": () => zoomTo(zoom * 1.5),
      "zoom out": () => zoomTo(zoom / 1.5),
      copy: async () => {
        const blob = await new Promise((resolve) => canvas().toBlob(resolve, "image/png"));
        await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
      },
      download: () => {
        const link = make(null, "a", { href: canvas().toDataURL("image/png"), download: `${model.get("name") || "picture"}.png` });
        link.click();
      },
      "full screen": () => (document.fullscreenElement ? document.exitFullscreen() : frame.requestFullscreen()),
    };
    function canvas() {
      const [width, height] = size();
      const sheet = make(null, "canvas", { width, height });
      const brush = sheet.getContext("2d");
      brush.drawImage(img, 0, 0, width, height);
      if (urls.heat) {
        brush.globalAlpha = Number(opacity.value);
        brush.drawImage(heat, 0, 0, width, height);
        brush.globalAlpha = 1;
      }
      for (const { kind, at } of model.get("marks")) {
        if (kind !== "box") continue;
        for (const [color, wide] of [["white", 5], [ACCENT, 3]]) {
          brush.strokeStyle = color;
          brush.lineWidth = wide;
          brush.strokeRect(at[0], at[1], at[2] - at[0], at[3] - at[1]);
        }
      }
      return sheet;
    }
    let bar = null;
    function showBar() {
      if (bar || frame.clientWidth < 150) return;
      bar = make(frame, "div", { class: "vizkit-tools", role: "toolbar", "aria-label": "picture" });
      for (const [name, action] of Object.entries(actions)) {
        const button = make(bar, "button", { type: "button", title: name, "aria-label": name });
        button.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;
        button.onclick = async (event) => {
          event.stopPropagation();
          try {
            await action();
          } catch (error) {
            tell(model, { kind: "failed", what: name, why: String(error.message ?? error).slice(0, 200) });
          }
        };
      }
      bar.addEventListener("pointerdown", (event) => event.stopPropagation());
    }
    function hideBar() {
      if (bar && !frame.matches(":hover") && !frame.contains(document.activeElement)) {
        bar.remove();
        bar = null;
      }
    }
    frame.addEventListener("pointerenter", showBar);
    frame.addEventListener("focusin", showBar);
    frame.addEventListener("pointerleave", () => setTimeout(hideBar, 300));
    frame.addEventListener("focusout", () => setTimeout(hideBar, 0));

    function reach() {
      frame.tabIndex = 0;
      frame.setAttribute("role", "group");
      const how = { click: "arrow keys and Enter click", drag: "arrow keys and Enter set the place", box: "Enter at two corners", curve: "Enter begins and ends the curve" };
      frame.setAttribute("aria-label", ["Picture", how[hand()], "plus and minus zoom"].filter(Boolean).join(": "));
      frame.classList.toggle("vizkit-clickable", Boolean(hand()));
      place();
    }
    // One state of the picture is several traits that change together: drawn once, behind the last.
    let due = false;
    const soon = () => {
      if (!due) queueMicrotask(() => { due = false; draw(); });
      due = true;
    };
    const watched = { "change:content": soon, "change:heat": soon, "change:alt": soon, "change:size": soon,
      "change:marks": drawMarks, "change:opacity": follow, "change:hand": reach };
    for (const [what, answer] of Object.entries(watched)) model.on(what, answer);
    draw();
    reach();
    return () => {
      post.end();
      release();
      for (const [what, answer] of Object.entries(watched)) model.off(what, answer);
      for (const url of Object.values(urls)) if (url) URL.revokeObjectURL(url);
    };
  },
};
