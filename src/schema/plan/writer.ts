/**
 * Bytes of a plan under construction: zero-filled, growing, with the places that hold addresses
 * noted, so that the plan can be loaded anywhere. It knows nothing of what it holds.
 */

/** More than any sane schema needs; a plan beyond it is refused. */
export const PLAN_BYTES_MAX = 32 * 1024 * 1024;

/** Enough for most plans. */
const START_BYTES = 64 * 1024;

export class PlanWriter {
  #bytes = new Uint8Array(START_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #size = 0;
  readonly #fixups: number[] = [];

  /** Offset of `size` fresh zero bytes; throws RangeError beyond PLAN_BYTES_MAX. */
  reserve(size: number, align: number): number {
    const start = Math.ceil(this.#size / align) * align;
    this.#size = start + size;
    if (this.#size > PLAN_BYTES_MAX) throw new RangeError("the plan is too large");
    if (this.#size > this.#bytes.length) this.#grow();
    return start;
  }

  /** Offset of a copy of `content`, followed by 16 zero bytes that vector loads may read. */
  bytes(content: Uint8Array): number {
    const start = this.reserve(content.length + 16, 4);
    this.set(start, content);
    return start;
  }

  set(offset: number, content: Uint8Array): void {
    this.#bytes.set(content, offset);
  }

  /** What is written there; it holds until more is reserved. */
  view(offset: number, bytes: number): Uint8Array {
    return this.#bytes.subarray(offset, offset + bytes);
  }

  /** Copies what is written at `from`. */
  copy(offset: number, from: number, bytes: number): void {
    this.#bytes.copyWithin(offset, from, from + bytes);
  }

  fill(offset: number, bytes: number, value: number): void {
    this.#bytes.fill(value, offset, offset + bytes);
  }

  u8(offset: number, value: number): void {
    this.#view.setUint8(offset, value);
  }

  u16(offset: number, value: number): void {
    this.#view.setUint16(offset, value, true);
  }

  u32(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }

  /** What u8 wrote. */
  u8At(offset: number): number {
    return this.#view.getUint8(offset);
  }

  /** What u32 or address wrote. */
  u32At(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  /** Stores the address that `target`, an offset of this plan, will have. */
  address(offset: number, target: number): void {
    this.u32(offset, target);
    this.#fixups.push(offset);
  }

  /** The plan as it stands, and the offsets that hold addresses. */
  finish(): { readonly bytes: Uint8Array; readonly fixups: Uint32Array } {
    const size = Math.ceil(this.#size / 16) * 16;
    return { bytes: this.#bytes.slice(0, size), fixups: Uint32Array.from(this.#fixups) };
  }

  #grow(): void {
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#size + 16));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
