/**
 * Cuts a byte stream into Kafka's frames (a length of four bytes, then so many) and puts the length
 * before one again. Memory: at most one frame of `frameBytesMax` and what came with its end.
 */

const LENGTH_BYTES = 4;

export class FrameSplitter {
  readonly #frameBytesMax: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Of the frame being gathered, its length included; 0: not known yet. */
  #wanted = 0;

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax;
  }

  /** The frames that are whole now, without their lengths. Throws RangeError beyond the bound. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < Math.max(LENGTH_BYTES, this.#wanted)) return [];
    const all = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    const frames: Buffer[] = [];
    let at = 0;
    this.#wanted = 0;
    while (all.length - at >= LENGTH_BYTES) {
      const length = all.readInt32BE(at);
      if (length < 0 || length > this.#frameBytesMax) {
        throw new RangeError(`a frame of ${length} bytes`);
      }
      this.#wanted = LENGTH_BYTES + length;
      if (all.length - at < this.#wanted) break;
      frames.push(all.subarray(at + LENGTH_BYTES, at + this.#wanted));
      at += this.#wanted;
      this.#wanted = 0;
    }
    const rest = all.subarray(at);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#bytes = rest.length;
    return frames;
  }
}

/** The frame as it goes over the wire. */
export function framed(body: Buffer): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}
