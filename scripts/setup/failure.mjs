// @ts-check
/**
 * The one way set-up ends early: a sentence for the person at the terminal, the command that mends
 * it, and where the log of the step lies. Anything else that is thrown is a bug of set-up itself.
 */
import { readFileSync } from "node:fs";

const TAIL_LINES = 20;

export class SetupFailure extends Error {
  /**
   * @param {string} sentence what is wrong, in one sentence
   * @param {{ mend?: string, log?: string }} [options] `mend`: a command to type; `log`: a file
   */
  constructor(sentence, { mend, log } = {}) {
    super(sentence);
    this.mend = mend;
    this.log = log;
  }

  /** The text for the terminal: the sentence, the remedy, the end of the log. */
  render() {
    const lines = [`sluice: ${this.message}`];
    if (this.mend !== undefined) lines.push(`  To mend it: ${this.mend}`);
    if (this.log !== undefined) {
      const tail = tailOf(this.log);
      if (tail.length > 0) lines.push(`  The end of ${this.log}:`, ...tail.map((l) => `    ${l}`));
    }
    return lines.join("\n");
  }
}

/**
 * @param {string} path
 * @returns {string[]}
 */
function tailOf(path) {
  try {
    return readFileSync(path, "utf8").trim().split("\n").slice(-TAIL_LINES);
  } catch {
    return [];
  }
}
