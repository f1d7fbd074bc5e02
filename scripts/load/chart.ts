/**
 * A line chart over time as inline SVG. It knows numbers and colours' names, not what is measured.
 */

/** Colours are set by the page's style: `.s1` to `.s4`. */
export interface Line {
  readonly name: string;
  /** One for each moment of the chart; null is a gap. */
  readonly values: readonly (number | null)[];
}

export interface ChartOptions {
  readonly title: string;
  /** What is on the vertical axis, in words. */
  readonly unit: string;
  /** Seconds since the begin, ascending. */
  readonly atS: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  /** A time to be shaded, in seconds, with its name. */
  readonly band: { readonly fromS: number; readonly untilS: number; readonly name: string } | null;
}

const WIDTH = 560;
const HEIGHT = 220;
/** The plot within the picture. */
const LEFT = 62;
const RIGHT = 542;
const TOP = 10;
const BOTTOM = 194;
const TICKS = 4;
const TIME_TICKS = 6;
/** Whole seconds, minutes and hours between two of them. */
const TIME_STEPS_S = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600];

export function renderChart(options: ChartOptions): string {
  const { title, unit, atS, lines, format, band } = options;
  const endS = Math.max(1, atS.at(-1) ?? 1);
  const top = niceCeil(Math.max(0, ...lines.flatMap(({ values }) => values.map((v) => v ?? 0))));
  const x = (second: number): number => LEFT + (second / endS) * (RIGHT - LEFT);
  const y = (value: number): number => BOTTOM - (value / top) * (BOTTOM - TOP);
  const paths = lines.map(
    ({ values }, index) => `<path class="line s${index + 1}" d="${path(values, { atS, x, y })}"/>`,
  );
  const data = { atS, lines, text: lines.map(({ values }) => values.map((v) => shown(v, format))) };
  const legend = lines.map(
    ({ name }, index) => `<span class="key"><i class="s${index + 1}"></i>${escape(name)}</span>`,
  );
  if (band !== null) legend.push(`<span class="key"><i class="b"></i>${escape(band.name)}</span>`);
  const places = `data-left="${LEFT / WIDTH}" data-right="${RIGHT / WIDTH}" data-end="${endS}"`;
  return `<figure class="chart" ${places}>
<figcaption><b>${escape(title)}</b> <span class="unit">${escape(unit)}</span></figcaption>
<div class="legend">${legend.join("")}</div>
<div class="plot"><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escape(title)}">
${shade(band, { x, endS })}${valueAxis(top, { y, format })}${timeAxis(endS, x)}${paths.join("")}
<line class="cross" y1="${TOP}" y2="${BOTTOM}" x1="-9" x2="-9"/></svg><output></output></div>
<script type="application/json">${JSON.stringify(data).replaceAll("<", String.raw`\u003c`)}</script>
</figure>`;
}

function shade(
  band: ChartOptions["band"],
  { x, endS }: { readonly x: (second: number) => number; readonly endS: number },
): string {
  if (band === null) return "";
  const from = x(band.fromS);
  const width = Math.max(1, x(Math.min(band.untilS, endS)) - from);
  const place = `x="${round(from)}" y="${TOP}" width="${round(width)}" height="${BOTTOM - TOP}"`;
  return `<rect class="band" ${place}/>`;
}

function valueAxis(
  top: number,
  { y, format }: { readonly y: (value: number) => number; readonly format: (v: number) => string },
): string {
  const values = Array.from({ length: TICKS + 1 }, (_, index) => (top * index) / TICKS);
  return values
    .map((value) => {
      const at = round(y(value));
      const words = `<text class="tick" x="${LEFT - 6}" y="${at}" dy="4" text-anchor="end">`;
      const line = `<line class="grid" x1="${LEFT}" x2="${RIGHT}" y1="${at}" y2="${at}"/>`;
      return `${line}${words}${escape(format(value))}</text>`;
    })
    .join("");
}

function timeAxis(endS: number, x: (second: number) => number): string {
  const step =
    TIME_STEPS_S.find((each) => each >= endS / TIME_TICKS) ?? niceCeil(endS / TIME_TICKS);
  const seconds = Array.from({ length: Math.floor(endS / step) + 1 }, (_, index) => index * step);
  return seconds
    .map((second) => {
      const place = `x="${round(x(second))}" y="${HEIGHT - 8}" text-anchor="middle"`;
      return `<text class="tick" ${place}>${clock(second)}</text>`;
    })
    .join("");
}

interface Scales {
  readonly atS: readonly number[];
  readonly x: (second: number) => number;
  readonly y: (value: number) => number;
}

/** Gaps stay gaps: what was not measured is not drawn. */
function path(values: readonly (number | null)[], { atS, x, y }: Scales): string {
  let isDown = false;
  return values
    .map((value, index) => {
      if (value === null) {
        isDown = false;
        return "";
      }
      const command = isDown ? "L" : "M";
      isDown = true;
      return `${command}${round(x(atS[index] ?? 0))} ${round(y(value))}`;
    })
    .join("");
}

function shown(value: number | null, format: (value: number) => string): string {
  return value === null ? "–" : format(value);
}

/** The next of 1, 2, 2.5, 5 times a power of ten. */
export function niceCeil(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 2.5, 5, 10].find((each) => each * power >= value * 0.999) ?? 10;
  return factor * power;
}

function clock(second: number): string {
  if (second < 120) return `${Number(second.toFixed(1))} s`;
  return `${Number((second / 60).toFixed(1))} min`;
}

function round(value: number): string {
  return value.toFixed(1);
}

export function escape(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
