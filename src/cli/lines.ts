/**
 * Cuts a stream of bytes into lines, holding at most one line. A line that is too long is told of,
 * with its length, but not kept. It does not look into the lines: they may be ill-formed UTF-8.
 */

export interface Line {
  /** Counting from 0, blank lines included. */
  readonly index: number;
  /** Without the newline; undefined when the line is longer than allowed. A copy. */
  readonly bytes: Uint8Array | undefined;
  /** Bytes of the line without the newline. */
  readonly length: number;
}

const NEWLINE = 0x0a;

export class LineSplitter {
  readonly #lineBytesMax: number;
  #index = 0;
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** The lines that `chunk` completes. */
  *push(chunk: Uint8Array): Generator<Line, void, void> {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#append(chunk.subarray(start, end));
      yield this.#take();
      start = end + 1;
    }
    this.#append(chunk.subarray(start));
  }

  /** The last line, when it has no newline at its end. */
  finish(): Line | undefined {
    return this.#length === 0 ? undefined : this.#take();
  }

  #append(part: Uint8Array): void {
    this.#length += part.length;
    if (this.#length > this.#lineBytesMax) this.#parts = [];
    else if (part.length > 0) this.#parts.push(Buffer.from(part));
  }

  #take(): Line {
    const isTooLong = this.#length > this.#lineBytesMax;
    const bytes = isTooLong ? undefined : Buffer.concat(this.#parts);
    const line = { index: this.#index, bytes, length: this.#length };
    this.#index += 1;
    this.#parts = [];
    this.#length = 0;
    return line;
  }
}

/** Whether the line holds nothing but white space of JSON; such lines are no events. */
export function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
