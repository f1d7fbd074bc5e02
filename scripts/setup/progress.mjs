// @ts-check
/**
 * What set-up shows while it works, on standard error: one line for each step with its time; a step
 * that takes long shows that it lives (a running clock on a terminal, a line every 15 s elsewhere).
 */
const TERMINAL_TICK_MS = 1_000;
const LOG_TICK_MS = 15_000;

const stream = process.stderr;
const colours = stream.isTTY && process.env["NO_COLOR"] === undefined;

/**
 * Runs a step and shows it.
 *
 * @template T
 * @param {string} title what is done, as a noun phrase or a sentence without a full stop
 * @param {(note: (outcome: string) => void) => Promise<T> | T} work may add how it turned out
 * @returns {Promise<T>}
 */
export async function showStep(title, work) {
  const startMs = Date.now();
  const live = stream.isTTY;
  const show = () => {
    const clock = seconds(Date.now() - startMs);
    stream.write(live ? `\r\x1b[2K… ${title} (${clock})` : `… ${title} (${clock})\n`);
  };
  stream.write(live ? `… ${title}` : `… ${title}\n`);
  let outcome = "";
  const timer = setInterval(show, live ? TERMINAL_TICK_MS : LOG_TICK_MS);
  const finish = (/** @type {string} */ mark) => {
    clearInterval(timer);
    const clock = seconds(Date.now() - startMs);
    stream.write(`${live ? "\r\x1b[2K" : ""}${mark} ${title}${outcome} (${clock})\n`);
  };
  try {
    const result = await work((words) => {
      outcome = `: ${words}`;
    });
    finish(colour("✓", 32));
    return result;
  } catch (error) {
    finish(colour("✗", 31));
    throw error;
  }
}

/**
 * A remark between steps.
 *
 * @param {string} sentence
 */
export function remark(sentence) {
  stream.write(`  ${sentence}\n`);
}

/**
 * @param {string} text
 * @param {number} code an ANSI colour
 */
function colour(text, code) {
  return colours ? `\x1b[${code}m${text}\x1b[0m` : text;
}

/** @param {number} elapsedMs */
function seconds(elapsedMs) {
  return `${(elapsedMs / 1000).toFixed(elapsedMs < 10_000 ? 1 : 0)} s`;
}
