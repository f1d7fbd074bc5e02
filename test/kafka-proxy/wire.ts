/**
 * Reading and writing the primitive types of the Kafka protocol, as far as the fault proxy needs
 * them: big-endian integers, strings with 16-bit lengths and compact ones, arrays, tagged fields.
 * Knows no message. Reading past the end throws a RangeError, as Buffer does.
 */

/** Longest unsigned varint of 32 bits. */
const VARINT_BYTES_MAX = 5;

export class WireReader {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  int16(): number {
    const value = this.bytes.readInt16BE(this.at);
    this.at += 2;
    return value;
  }

  int32(): number {
    const value = this.bytes.readInt32BE(this.at);
    this.at += 4;
    return value;
  }

  uvarint(): number {
    let value = 0;
    for (let index = 0; index < VARINT_BYTES_MAX; index += 1) {
      const byte = this.bytes.readUInt8(this.at);
      this.at += 1;
      value += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) return value;
    }
    throw new RangeError("a varint of more than 32 bits");
  }

  skip(bytes: number): void {
    if (bytes < 0 || this.at + bytes > this.bytes.length) {
      throw new RangeError(`${bytes} bytes are not there at ${this.at}`);
    }
    this.at += bytes;
  }

  /** A string or null; `isCompact`: of flexible versions. */
  string(isCompact: boolean): string | null {
    const length = isCompact ? this.uvarint() - 1 : this.int16();
    if (length < 0) return null;
    const start = this.at;
    this.skip(length);
    return this.bytes.toString("utf8", start, this.at);
  }

  /** The number of items of an array; null counts as none. */
  arrayLength(isCompact: boolean): number {
    return Math.max(0, isCompact ? this.uvarint() - 1 : this.int32());
  }

  /** Passes over the tagged fields that end every structure of a flexible version. */
  tags(isFlexible: boolean): void {
    if (!isFlexible) return;
    const count = this.uvarint();
    for (let index = 0; index < count; index += 1) {
      this.uvarint();
      this.skip(this.uvarint());
    }
  }
}

export class WireWriter {
  readonly #parts: Buffer[] = [];

  int16(value: number): this {
    const part = Buffer.alloc(2);
    part.writeInt16BE(value);
    return this.raw(part);
  }

  int32(value: number): this {
    const part = Buffer.alloc(4);
    part.writeInt32BE(value);
    return this.raw(part);
  }

  int64(value: bigint): this {
    const part = Buffer.alloc(8);
    part.writeBigInt64BE(value);
    return this.raw(part);
  }

  uvarint(value: number): this {
    const bytes: number[] = [];
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
    bytes.push(rest);
    return this.raw(Buffer.from(bytes));
  }

  string(value: string | null, isCompact: boolean): this {
    const text = Buffer.from(value ?? "", "utf8");
    const length = value === null ? -1 : text.length;
    if (isCompact) this.uvarint(length + 1);
    else this.int16(length);
    return this.raw(text);
  }

  arrayLength(count: number, isCompact: boolean): this {
    return isCompact ? this.uvarint(count + 1) : this.int32(count);
  }

  /** No tagged fields, where they must be said to be none. */
  tags(isFlexible: boolean): this {
    return isFlexible ? this.uvarint(0) : this;
  }

  raw(bytes: Buffer): this {
    this.#parts.push(bytes);
    return this;
  }

  toBuffer(): Buffer {
    return Buffer.concat(this.#parts);
  }
}
