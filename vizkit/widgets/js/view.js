// What pictures and charts share.

/** Send a message to the kernel; where it is gone, the panel's border says so. */
function tell(model, content, buffers = []) {
  try {
    model.send(content, undefined, buffers);
  } catch {
    // A restarted kernel knows no widget: panel.css shows one sentence instead of an exception.
  }
}

/** Messages with one in flight: while the kernel is at it, only the latest waits. */
function latestOnly(model) {
  let flying = 0;
  let ours = 0; // what the answer must name: one that was late, or another tab's, lets nothing go
  let waiting = [];
  const next = () => {
    clearTimeout(flying);
    flying = 0;
    if (waiting.length) post(waiting.shift());
  };
  const post = (content) => {
    if (flying) {
      // A press must arrive, the moves between may be left out.
      waiting = [...waiting.filter((one) => one.kind !== content.kind || one.kind === "press"), content];
      return;
    }
    flying = setTimeout(next, 2000); // an answer can be lost: a tripped rate limit drops messages
    tell(model, { ...content, waits: (ours = Math.random()) });
  };
  const answered = (message) => message.kind === "answered" && message.of === ours && next();
  model.on("msg:custom", answered);
  post.end = () => {
    clearTimeout(flying);
    model.off("msg:custom", answered);
  };
  return post;
}

/** Bytes as they arrive (a DataView or an Uint8Array) as an ArrayBuffer of exactly their size. */
function exactly(bytes) {
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

function make(parent, name, attributes = {}, space = "") {
  const element = space ? document.createElementNS(space, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent?.append(element);
  return element;
}

/**
 * Let a key on a slider be the slider's: Notebook 7 takes arrows before they come to it, and D twice
 * deletes the cell. Only the element that has the focus can say so; Control+S still saves.
 */
function keepKeys(box) {
  const keep = (event) => {
    if (!box.contains(event.composedPath()[0])) return;
    const page = event.ctrlKey || event.metaKey || event.altKey;
    event.composedPath()[0].toggleAttribute("data-lm-suppress-shortcuts", !page);
  };
  window.addEventListener("keydown", keep, true);
  return () => window.removeEventListener("keydown", keep, true);
}
