/**
 * Texts that come again and again as bytes: gives the text that was made of the same bytes before,
 * instead of decoding them anew, and as the same object, whose hash is known to maps. Fixed in
 * size: a text gives way to another that falls on its place.
 */
const PLACES = 4_096;

/** Longer texts are decoded every time. */
const BYTES_MAX = 64;

export class TextMemo {
  readonly #decoder = new TextDecoder();
  readonly #bytes = new Uint8Array(PLACES * BYTES_MAX);
  /** 0: nobody is there. */
  readonly #lengths = new Uint8Array(PLACES);
  readonly #texts: string[] = Array.from({ length: PLACES }, () => "");

  /** The UTF-8 text in `memory` from `start` to `end`. */
  read(memory: Uint8Array, start: number, end: number): string {
    const length = end - start;
    if (length === 0) return "";
    if (length > BYTES_MAX) return this.#decoder.decode(memory.subarray(start, end));
    let hash = length;
    for (let at = start; at < end; at += 1) {
      hash = Math.imul(hash ^ (memory[at] ?? 0), 0x0100_0193);
    }
    const place = (hash ^ (hash >>> 15)) & (PLACES - 1);
    const from = place * BYTES_MAX;
    if (this.#lengths[place] === length) {
      let same = 0;
      while (same < length && this.#bytes[from + same] === memory[start + same]) same += 1;
      if (same === length) return this.#texts[place] ?? "";
    }
    const text = this.#decoder.decode(memory.subarray(start, end));
    this.#bytes.set(memory.subarray(start, end), from);
    this.#lengths[place] = length;
    this.#texts[place] = text;
    return text;
  }
}
