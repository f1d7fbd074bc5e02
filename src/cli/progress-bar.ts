/** How far a command is, on one line of a terminal; elsewhere nothing is written. */
import type { Output } from "./io.ts";

const REDRAW_MS = 200;
const BAR_CELLS = 30;

export class ProgressBar {
  readonly #output: Output | undefined;
  readonly #total: number;
  readonly #nowMs: () => number;
  readonly #startMs: number;
  #drawnMs = Number.NEGATIVE_INFINITY;

  /** `output`: undefined where nobody looks. `total`: what `done` will be at the end. */
  constructor(output: Output | undefined, total: number, nowMs: () => number) {
    this.#output = output;
    this.#total = total;
    this.#nowMs = nowMs;
    this.#startMs = nowMs();
  }

  async show(done: number): Promise<void> {
    const nowMs = this.#nowMs();
    if (this.#output === undefined || nowMs - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = nowMs;
    const line = progressLine({ done, total: this.#total, elapsedMs: nowMs - this.#startMs });
    await this.#output.write(`\r${line}\u001b[K`);
  }

  /** Takes the line away. */
  async end(): Promise<void> {
    await this.#output?.write("\r\u001b[K");
  }
}

/** `[#####-----]  50 %  1,000 of 2,000  500/s  2 s left` */
export function progressLine(progress: {
  readonly done: number;
  readonly total: number;
  readonly elapsedMs: number;
}): string {
  const { done, total, elapsedMs } = progress;
  const part = total === 0 ? 1 : Math.min(1, done / total);
  const cells = Math.floor(part * BAR_CELLS);
  const bar = "#".repeat(cells) + "-".repeat(BAR_CELLS - cells);
  const perSecond = elapsedMs === 0 ? 0 : (done / elapsedMs) * 1_000;
  const left = perSecond === 0 ? "" : `  ${timeText((total - done) / perSecond)} left`;
  const percent = String(Math.floor(part * 100)).padStart(3);
  const counts = `${numberText(done)} of ${numberText(total)}`;
  return `[${bar}] ${percent} %  ${counts}  ${numberText(Math.round(perSecond))}/s${left}`;
}

function numberText(count: number): string {
  return count.toLocaleString("en-US");
}

function timeText(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}
