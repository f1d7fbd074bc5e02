/** A number of bytes that may be held at once, for whoever holds some of them. */
export class ByteBudget {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes bytes; false, and none are taken, if there are not so many left. */
  reserve(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytesMax) return false;
    this.#bytes += bytes;
    return true;
  }

  /** Gives bytes back that were reserved. */
  release(bytes: number): void {
    this.#bytes -= bytes;
  }
}
