/** Charts as SVG text: stacked bars, and lines over a logarithmic axis. They know no benchmark. */

export interface BarPart {
  readonly name: string;
  readonly value: number;
}

export interface Bar {
  readonly label: string;
  /** Written behind its end. */
  readonly note: string;
  readonly parts: readonly BarPart[];
  /** Bars of one group stand together. */
  readonly group: string;
}

const WIDTH = 860;
const LABEL_WIDTH = 150;
const NOTE_WIDTH = 150;
const BAR_HEIGHT = 18;
const BAR_STEP = 23;
const GROUP_GAP = 16;

/** Horizontal bars; a part's class is `part-N` by its place in the bar. */
export function barChart(bars: readonly Bar[], unit: string): string {
  const wholes = bars.map(({ parts }) => parts.reduce((sum, { value }) => sum + value, 0));
  const room = WIDTH - LABEL_WIDTH - NOTE_WIDTH;
  const scale = room / niceMax(Math.max(...wholes));
  let y = 8;
  const shapes: string[] = [];
  for (const [index, bar] of bars.entries()) {
    if (index > 0 && bars[index - 1]?.group !== bar.group) y += GROUP_GAP;
    let x = LABEL_WIDTH;
    shapes.push(text([LABEL_WIDTH - 8, y + 13], bar.label, "end"));
    for (const [place, { name, value }] of bar.parts.entries()) {
      const width = value * scale;
      const title = `<title>${escape(`${bar.label}, ${name}: ${value} ${unit}`)}</title>`;
      shapes.push(
        `<rect class="part-${place}" x="${px(x)}" y="${y}" width="${px(width)}" ` +
          `height="${BAR_HEIGHT}">${title}</rect>`,
      );
      x += width;
    }
    shapes.push(text([x + 6, y + 13], bar.note, "start"));
    y += BAR_STEP;
  }
  return svg(y + 8, shapes);
}

export interface Line {
  readonly name: string;
  /** Class of its stroke: `line-N`. */
  readonly style: number;
  readonly isDashed: boolean;
  readonly points: ReadonlyArray<{ readonly x: number; readonly y: number }>;
}

const LINE_HEIGHT = 320;
const TOP = 16;
const LEFT = 64;
const RIGHT = 170;
const BOTTOM = 44;

/** Lines over x from 0 to 1 (shown as percent) and a logarithmic y. */
export function lineChart(
  lines: readonly Line[],
  axes: { readonly x: string; readonly y: string },
): string {
  const values = lines.flatMap(({ points }) => points.map(({ y }) => y)).filter(Number.isFinite);
  const low = 10 ** Math.floor(Math.log10(Math.min(...values)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...values)));
  const xOf = (share: number): number => LEFT + share * (WIDTH - LEFT - RIGHT);
  const yOf = (value: number): number =>
    TOP + (Math.log(high / value) / Math.log(high / low)) * (LINE_HEIGHT - TOP - BOTTOM);
  const shapes: string[] = [];
  for (let decade = low; decade <= high * 1.001; decade *= 10) {
    const y = px(yOf(decade));
    shapes.push(`<path class="grid" d="M${LEFT} ${y}H${WIDTH - RIGHT}"/>`);
    shapes.push(text([LEFT - 8, yOf(decade) + 4], label(decade), "end"));
  }
  for (let percent = 0; percent <= 100; percent += 20) {
    const at = [xOf(percent / 100), LINE_HEIGHT - BOTTOM + 18] as const;
    shapes.push(text(at, `${percent} %`, "middle"));
  }
  shapes.push(text([xOf(0.5), LINE_HEIGHT - 6], axes.x, "middle"));
  shapes.push(text([LEFT, 11], axes.y, "start"));
  // Names at the ends of lines, pushed apart where lines meet.
  let free = 0;
  const ended = lines.toSorted(
    (a, b) => yOf(a.points.at(-1)?.y ?? 1) - yOf(b.points.at(-1)?.y ?? 1),
  );
  for (const { name, style, isDashed, points } of ended) {
    const path = points.map(({ x, y }, i) => `${i === 0 ? "M" : "L"}${px(xOf(x))} ${px(yOf(y))}`);
    const dash = isDashed ? ' stroke-dasharray="5 4"' : "";
    shapes.push(`<path class="line line-${style}"${dash} d="${path.join("")}"/>`);
    for (const { x, y } of points) {
      const title = `<title>${escape(`${name}, ${Math.round(x * 100)} %: ${y} ms`)}</title>`;
      const place = `cx="${px(xOf(x))}" cy="${px(yOf(y))}"`;
      shapes.push(`<circle class="dot-${style}" ${place} r="3">${title}</circle>`);
    }
    const last = points.at(-1);
    if (last === undefined) continue;
    free = Math.max(free + 15, yOf(last.y) + 4);
    shapes.push(text([xOf(last.x) + 10, free], name, "start"));
  }
  return svg(LINE_HEIGHT, shapes);
}

function svg(height: number, shapes: readonly string[]): string {
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img">${shapes.join("")}</svg>`;
}

type Anchor = "start" | "middle" | "end";

function text(at: readonly [number, number], words: string, anchor: Anchor): string {
  const [x, y] = at;
  return `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}">${escape(words)}</text>`;
}

function px(value: number): number {
  return Math.round(value * 10) / 10;
}

function label(value: number): string {
  return value >= 1 ? String(Math.round(value)) : String(Number(value.toPrecision(1)));
}

function niceMax(value: number): number {
  const step = 10 ** Math.floor(Math.log10(value));
  return Math.ceil(value / step) * step;
}

export function escape(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
