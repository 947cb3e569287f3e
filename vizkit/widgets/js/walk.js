// A chart by the keyboard: from point to point of a trace, from place to place of a map.

const WALKS = { click: "Enter clicks", box: "Enter at two corners selects", curve: "Enter begins and ends a selection" };
const isGrid = (trace) => Array.isArray(trace.z) && typeof trace.z[0] !== "number";
const isNumber = (one) => typeof one === "number" && Number.isFinite(one);

/** The traces that can be walked: neither hidden nor there for their looks. */
function paths({ data }) {
  const seen = ({ visible, hoverinfo }) => visible !== false && visible !== "legendonly" && hoverinfo !== "skip";
  return data.flatMap((trace, index) => (seen(trace) && (trace.x ?? trace.y ?? trace.z)?.length ? [index] : []));
}

/** What a map's axis says at a place: its number, the middle between its edges, or the place itself. */
function along(values, place, count) {
  if (!values?.length) return place;
  return values.length === count + 1 && isNumber(values[0]) ? (values[place] + values[place + 1]) / 2 : values[place];
}

/** The point at [row, column] of a map, or at [0, index] of a list: its numbers, and where they are. */
function pointAt(trace, [row, column]) {
  if (isGrid(trace)) {
    const z = trace.z[row][column];
    return { x: along(trace.x, column, trace.z[0].length), y: along(trace.y, row, trace.z.length), z, there: z !== null && !Number.isNaN(z) };
  }
  const found = { x: trace.x ? trace.x[column] : trace.type === "histogram" ? undefined : column, y: trace.y?.[column], z: trace.z?.[column] };
  const text = [trace.hovertext, trace.text].find((one) => Array.isArray(one))?.[column];
  const there = Object.values(found).every((one) => one === undefined || (one !== null && !Number.isNaN(one)));
  return { ...found, text, there };
}

/** One step on from a place; gaps are passed over, and at the end it stays where it is. */
function stepped(trace, from, [right, down], stride) {
  const [rows, columns] = isGrid(trace) ? [trace.z.length, trace.z[0].length] : [1, Math.max(trace.x?.length ?? 0, trace.y?.length ?? 0)];
  const inside = (one, length) => Math.min(Math.max(one, 0), length - 1);
  let to = from;
  do {
    const next = [inside(to[0] - down * stride, rows), inside(to[1] + right * stride, columns)];
    if (next[0] === to[0] && next[1] === to[1]) return pointAt(trace, to).there ? to : from;
    to = next;
    stride = 1;
  } while (!pointAt(trace, to).there);
  return to;
}

/** A point in words: under the names of its axes, and of its trace where there are several. */
function spoken({ data, layout }, index, point) {
  const trace = data[index];
  const bare = (text) => String(text ?? "").replace(/<[^>]*>/g, "").trim();
  const axis = (letter) => {
    const home = trace.type === "surface" ? layout[trace.scene ?? "scene"]?.[`${letter}axis`] : layout[(trace[`${letter}axis`] ?? letter).replace(letter, `${letter}axis`)];
    return bare(home?.title?.text ?? home?.title) || letter;
  };
  const said = (value) => (isNumber(value) ? String(Number.isInteger(value) ? value : Number(value.toPrecision(4))) : bare(value));
  const words = ["x", "y"].filter((letter) => point[letter] !== undefined).map((letter) => `${axis(letter)} ${said(point[letter])}`);
  if (point.z !== undefined) words.push(`${trace.type === "surface" ? axis("z") : "value"} ${said(point.z)}`);
  const name = bare(trace.name);
  return [...words, said(point.text ?? ""), data.length > 1 ? name : ""].filter(Boolean).join(", ");
}

/**
 * Let arrows walk a chart's points, Enter answer like a click, Escape leave it.
 *
 * `shown()` is the figure, `mark(place)` shows where the walk is (null: nowhere), `says` hears it, `hand()` is what
 * a pointer does on the chart, and `pick(kind, trace, points)` is told what Enter has taken.
 */
function walkable(chart, { shown, mark, says, hand, pick }) {
  let trace = null, place = null, taken = [];
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

  function begin(index) {
    trace = index;
    const one = shown().data[index];
    place = isGrid(one) ? [one.z.length >> 1, one.z[0].length >> 1] : stepped(one, [0, -1], [1, 0], 1);
  }
  function walk(arrow, far) {
    const open = paths(shown());
    if (!open.length) return;
    if (!open.includes(trace)) return begin(open[0]);
    const one = shown().data[trace];
    const ahead = arrow[1] && !isGrid(one);
    if (ahead) return begin(open[Math.min(Math.max(open.indexOf(trace) + (arrow[1] > 0 ? -1 : 1), 0), open.length - 1)]);
    place = stepped(one, place, arrow, far ? 10 : 1);
  }
  function leave() {
    [trace, place, taken] = [null, null, []];
    says.textContent = "";
    mark(null);
  }
  function enter(point) {
    const kind = hand();
    if (kind === "click") return pick("click", trace, [point]);
    if (!kind) return;
    taken.push(point);
    if (taken.length === 1) return;
    pick("selected", trace, kind === "box" ? [taken[0], point] : taken);
    taken = [];
  }
  chart.addEventListener("keydown", (event) => {
    if (event.target !== chart || event.ctrlKey || event.metaKey || event.altKey || !shown()) return;
    const arrow = ARROWS[event.key];
    if (arrow) {
      walk(arrow, event.shiftKey);
      if (place === null) return;
      const point = pointAt(shown().data[trace], place);
      if (taken.length && hand() === "curve") taken.push(point);
      says.textContent = spoken(shown(), trace, point);
      mark({ trace, point, index: isGrid(shown().data[trace]) ? null : place[1] });
    } else if ((event.key === "Enter" || event.key === " ") && place !== null && paths(shown()).includes(trace)) {
      enter(pointAt(shown().data[trace], place));
    } else if (event.key === "Escape" && place !== null) {
      leave();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  chart.addEventListener("blur", leave);
}
