/**
 * Charts of the console as SVG: sparklines, stacked areas and lines over the last minutes. It knows
 * no metrics: points are numbers by name, undefined where nobody knows.
 */
/** What the axes take of a chart's width, px. */
export const PLOT_LEFT = 54;
export const PLOT_RIGHT = 6;

const SVG = "http://www.w3.org/2000/svg";

/** @param {string} name @param {Record<string, string | number>} attributes */
function element(name, attributes, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== "") made.textContent = text;
  return made;
}

/** The next number of which the half is easy to read as well. @param {number} most */
function ceiling(most) {
  if (!(most > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((step) => step >= most) ?? most;
}

/** @param {SVGElement} svg @param {readonly (number | undefined)[]} values @param {number} most */
export function spark(svg, values, most = 0) {
  const known = values.filter((value) => value !== undefined);
  const top = Math.max(most, ...known) * 1.15 || 1;
  const step = 100 / Math.max(1, values.length - 1);
  const points = values
    .map((value, index) => ({ x: index * step, y: 30 - ((value ?? 0) / top) * 28 }))
    .filter((_, index) => values[index] !== undefined)
    .map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`);
  svg.setAttribute("viewBox", "0 0 100 31");
  svg.setAttribute("preserveAspectRatio", "none");
  const first = points[0]?.split(",")[0] ?? "0";
  const last = points.at(-1)?.split(",")[0] ?? "0";
  svg.replaceChildren(
    element("polygon", { class: "fill", points: `${first},31 ${points.join(" ")} ${last},31` }),
    element("polyline", { class: "line", points: points.join(" ") }),
  );
}

/**
 * @typedef {object} ChartOptions
 * @property {readonly string[]} names Of the series, from the bottom to the top.
 * @property {readonly { atMs: number, values: Record<string, number | undefined> }[]} points
 * @property {number} fromMs
 * @property {number} toMs
 * @property {(value: number) => string} format
 * @property {boolean} stacked
 * @property {number | undefined} cursorMs
 * @property {number} least The chart reaches at least so high.
 */

/** @param {SVGElement} svg @param {ChartOptions} options */
export function chart(svg, options) {
  const { names, points, fromMs, toMs, format, stacked, cursorMs, least } = options;
  const width = svg.clientWidth || 600;
  const height = svg.clientHeight || 200;
  const [left, right, bottom, head] = [PLOT_LEFT, PLOT_RIGHT, 20, 8];
  const heights = points.map(({ values }) => {
    const known = names.map((name) => values[name] ?? 0);
    return stacked ? known.reduce((sum, each) => sum + each, 0) : Math.max(...known);
  });
  const top = ceiling(Math.max(least, ...heights));
  const x = (atMs) => left + ((atMs - fromMs) / (toMs - fromMs)) * (width - left - right);
  const y = (value) => head + (1 - value / top) * (height - head - bottom);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const parts = [...axes({ x, y, top, format, width, height, left, right, fromMs, toMs })];
  const base = points.map(() => 0);
  for (const name of names) {
    parts.push(...shapes({ name, points, base, x, y, stacked }));
  }
  if (cursorMs !== undefined) {
    const at = x(cursorMs);
    parts.push(element("line", { class: "cursor", x1: at, x2: at, y1: head, y2: height - bottom }));
  }
  svg.replaceChildren(...parts);
}

function* axes({ x, y, top, format, width, height, left, right, fromMs, toMs }) {
  for (const share of [0, 0.5, 1]) {
    const at = y(top * share);
    yield element("line", { class: "grid", x1: left, x2: width - right, y1: at, y2: at });
    const label = { x: left - 8, y: at + 4, "text-anchor": "end" };
    yield element("text", label, format(top * share));
  }
  const minutes = Math.round((toMs - fromMs) / 60_000);
  const step = minutes === 1 ? 0.25 : 1;
  for (let ago = minutes; ago >= 0; ago -= step) {
    const anchor = ago === 0 ? "end" : ago === minutes ? "start" : "middle";
    const label = { x: x(toMs - ago * 60_000), y: height - 4, "text-anchor": anchor };
    const words = minutes === 1 ? `−${ago * 60} s` : `−${ago} min`;
    yield element("text", label, ago === 0 ? "now" : words);
  }
}

/** One series, in as many pieces as there are gaps. */
function shapes({ name, points, base, x, y, stacked }) {
  const made = [];
  let piece = [];
  const end = () => {
    const upper = piece.map(({ at, over }) => `${at.toFixed(1)},${y(over).toFixed(1)}`);
    if (stacked && piece.length > 0) {
      const lower = piece.map(({ at, under }) => `${at.toFixed(1)},${y(under).toFixed(1)}`);
      const outline = [...upper, ...lower.reverse()].join(" ");
      made.push(element("polygon", { class: `area ${name}`, points: outline }));
    } else if (piece.length > 0) {
      made.push(element("polyline", { class: `line ${name}`, points: upper.join(" ") }));
    }
    piece = [];
  };
  points.forEach(({ atMs, values }, index) => {
    const value = values[name];
    if (value === undefined) {
      end();
      return;
    }
    const under = stacked ? base[index] : 0;
    piece.push({ at: x(atMs), under, over: under + value });
    if (stacked) base[index] += value;
  });
  end();
  return made;
}
