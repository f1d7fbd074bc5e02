/**
 * Avro binary → one line of JSON: what `sluice tail` prints. It walks the schema tree and writes
 * text as it goes, because every object in between would lose something: a JavaScript number the
 * digits of a long, an object the order of a map and the key `__proto__`. It knows nothing of
 * registries, Kafka or the encoder, so that it can contradict the encoder.
 *
 * The JSON is the plain form of mapping v1, so what is printed can be encoded again: longs with all
 * digits; doubles and floats shortest, always with a fraction or an exponent; bytes and fixed as
 * strings of code points below 256; decimals as exact numbers with every digit of their scale;
 * other logical types as their base type; unions without a tag; fields with `sluice.from` in that
 * form, base64 or the JSON that a string holds. What does not come back the same: NaN and the
 * infinities, for which JSON has no number (they are the strings "NaN", "Infinity", "-Infinity"); a
 * union value for which the mapping would choose another branch; and a string of a field with
 * `sluice.from: json` that holds no JSON.
 */
import assert from "node:assert/strict";

import { DECODE_DEPTH_MAX, DECODED_ITEMS_MAX, DECIMAL_BYTES_MAX } from "../limits/schemas.ts";
import type { FromForm } from "./avro/members.ts";
import type {
  AvroArray,
  AvroFixed,
  AvroMap,
  AvroPrimitive,
  AvroRecord,
  AvroSchema,
} from "./avro/schema.ts";

export type Decoded =
  | { readonly kind: "json"; readonly text: string }
  /** The bytes are not of this schema; `offset` is where that became clear. */
  | { readonly kind: "fault"; readonly offset: number; readonly detail: string };

/** Decodes one value, which has to fill `bytes` to the last byte (no registry header). */
export function decodeToJson(schema: AvroSchema, bytes: Uint8Array): Decoded {
  const reader = new Reader(bytes);
  try {
    const text = reader.value(schema, { depth: 1, from: undefined });
    const rest = bytes.length - reader.position;
    if (rest > 0) {
      return { kind: "fault", offset: reader.position, detail: `${rest} bytes are left over` };
    }
    return { kind: "json", text };
  } catch (error) {
    if (error instanceof Mismatch) {
      return { kind: "fault", offset: error.offset, detail: error.message };
    }
    throw error;
  }
}

export type DecodedFields =
  /** JSON of each field, in the order of the schema. */
  | { readonly kind: "fields"; readonly texts: readonly string[] }
  | Extract<Decoded, { kind: "fault" }>;

/** Decodes a record field by field; otherwise as `decodeToJson`. */
export function decodeFields(schema: AvroRecord, bytes: Uint8Array): DecodedFields {
  const reader = new Reader(bytes);
  try {
    const texts = schema.fields.map((field) =>
      reader.value(field.schema, { depth: 2, from: field.from }),
    );
    const rest = bytes.length - reader.position;
    if (rest === 0) return { kind: "fields", texts };
    return { kind: "fault", offset: reader.position, detail: `${rest} bytes are left over` };
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    return { kind: "fault", offset: error.offset, detail: error.message };
  }
}

export type RegistryValue =
  | { readonly kind: "avro"; readonly schemaId: number; readonly body: Uint8Array }
  | { readonly kind: "other"; readonly reason: string };

/** Takes a Kafka value apart: magic 0, schema id as four bytes big-endian, Avro body. */
export function splitRegistryValue(value: Uint8Array): RegistryValue {
  if (value.length < REGISTRY_HEADER_BYTES) {
    return { kind: "other", reason: `${value.length} bytes are too few for a registry header` };
  }
  const magic = value[0];
  if (magic !== 0) {
    return { kind: "other", reason: `the first byte is ${magic}, not the 0 of a registry header` };
  }
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return { kind: "avro", schemaId: view.getUint32(1), body: value.subarray(REGISTRY_HEADER_BYTES) };
}

/** Magic and schema id, before the Avro body. */
export const REGISTRY_HEADER_BYTES = 5;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class Mismatch extends Error {
  readonly offset: number;
  constructor(detail: string, offset: number) {
    super(detail);
    this.offset = offset;
  }
}

interface Place {
  /** Nesting, the whole value being 1. */
  readonly depth: number;
  /** `sluice.from` of the field whose value this is, also where that is a union. */
  readonly from: FromForm | undefined;
}

class Reader {
  position = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Items that cost no byte (nulls, empty records) would let a few bytes grow without end. */
  #items = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  value(schema: AvroSchema, place: Place): string {
    if (place.depth > DECODE_DEPTH_MAX) {
      throw new Mismatch(`more than ${DECODE_DEPTH_MAX} nested values`, this.position);
    }
    const inside = { depth: place.depth + 1, from: undefined };
    switch (schema.kind) {
      case "null":
        return "null";
      case "boolean":
        return this.#boolean();
      case "int":
        return String(this.#int());
      case "long":
        return String(this.#long());
      case "float":
        return floatText(this.#view.getFloat32(this.#take(4), true));
      case "double":
        return doubleText(this.#view.getFloat64(this.#take(8), true));
      case "string":
        return place.from === "json" ? jsonOrString(this.#string()) : quote(this.#string());
      case "bytes":
      case "fixed":
        return this.#octets(schema, place.from);
      case "enum":
        return quote(this.#choose(schema.symbols, "symbol"));
      case "union":
        return this.value(this.#choose(schema.branches, "branch"), { ...inside, from: place.from });
      case "record":
        return this.#record(schema, inside.depth);
      case "array":
        return this.#array(schema, inside);
      case "map":
        return this.#map(schema, inside);
      default:
        return schema satisfies never;
    }
  }

  #record(schema: AvroRecord, depth: number): string {
    let text = "{";
    for (const field of schema.fields) {
      text += `${text.length > 1 ? "," : ""}${quote(field.name)}:`;
      text += this.value(field.schema, { depth, from: field.from });
    }
    return `${text}}`;
  }

  #array(schema: AvroArray, place: Place): string {
    let text = "[";
    for (let left = this.#block(); left > 0; left = this.#block()) {
      for (; left > 0; left -= 1) {
        this.#countItem();
        text += (text.length > 1 ? "," : "") + this.value(schema.items, place);
      }
    }
    return `${text}]`;
  }

  #map(schema: AvroMap, place: Place): string {
    let text = "{";
    for (let left = this.#block(); left > 0; left = this.#block()) {
      for (; left > 0; left -= 1) {
        this.#countItem();
        text += `${text.length > 1 ? "," : ""}${quote(this.#string())}:`;
        text += this.value(schema.values, place);
      }
    }
    return `${text}}`;
  }

  /** Items of the next block; 0 ends the array or map. A negative count has its size behind it. */
  #block(): number {
    const start = this.position;
    let count = this.#long();
    if (count < 0n) {
      count = -count;
      this.#long();
    }
    if (count > BigInt(DECODED_ITEMS_MAX)) {
      throw new Mismatch(`a block of ${count} items`, start);
    }
    return Number(count);
  }

  #countItem(): void {
    this.#items += 1;
    if (this.#items > DECODED_ITEMS_MAX) {
      throw new Mismatch(`more than ${DECODED_ITEMS_MAX} items`, this.position);
    }
  }

  #boolean(): string {
    const start = this.#take(1);
    const byte = this.#bytes[start];
    if (byte !== 0 && byte !== 1) {
      throw new Mismatch(`the byte ${byte} where a boolean (0 or 1) belongs`, start);
    }
    return byte === 1 ? "true" : "false";
  }

  #int(): number {
    const start = this.position;
    const long = this.#long();
    if (BigInt.asIntN(32, long) !== long) {
      throw new Mismatch(`${long} where an int belongs`, start);
    }
    return Number(long);
  }

  /** Zig-zag varint of at most ten bytes. */
  #long(): bigint {
    const start = this.position;
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt((low >>> 1) ^ -(low & 1));
    }
    let bits = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      bits |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (bits >> 64n !== 0n) throw new Mismatch("an integer of more than 64 bits", start);
        return (bits >> 1n) ^ -(bits & 1n);
      }
    }
    throw new Mismatch("an integer of more than ten bytes", start);
  }

  #string(): string {
    const start = this.position;
    const length = this.#length();
    const from = this.#take(length);
    try {
      return UTF8.decode(this.#bytes.subarray(from, from + length));
    } catch {
      throw new Mismatch(`a string of ${length} bytes that is not UTF-8`, start);
    }
  }

  #octets(schema: AvroPrimitive | AvroFixed, from: FromForm | undefined): string {
    const length = schema.kind === "fixed" ? schema.size : this.#length();
    const start = this.#take(length);
    const bytes = this.#bytes.subarray(start, start + length);
    const { logical } = schema;
    if (logical?.type !== "decimal") {
      return quote(Buffer.from(bytes).toString(from === "base64" ? "base64" : "latin1"));
    }
    const significant = withoutSignBytes(bytes);
    if (significant.length > DECIMAL_BYTES_MAX) {
      throw new Mismatch(`a decimal of ${significant.length} bytes`, start);
    }
    return decimalText(twosComplement(significant), logical.scale);
  }

  #length(): number {
    const start = this.position;
    const length = this.#long();
    if (length < 0n || length > BigInt(this.#bytes.length)) {
      throw new Mismatch(`a length of ${length} bytes`, start);
    }
    return Number(length);
  }

  #choose<T>(items: readonly T[], what: "symbol" | "branch"): T {
    const start = this.position;
    const index = this.#long();
    const item = index < 0n || index >= BigInt(items.length) ? undefined : items[Number(index)];
    if (item === undefined) {
      throw new Mismatch(`${what} ${index} of ${items.length}`, start);
    }
    return item;
  }

  #byte(): number {
    const byte = this.#bytes[this.#take(1)];
    assert(byte !== undefined, "take has checked the bounds");
    return byte;
  }

  /** Moves over `length` bytes and returns where they begin. */
  #take(length: number): number {
    const start = this.position;
    if (start + length > this.#bytes.length) {
      const missing = start + length - this.#bytes.length;
      throw new Mismatch(`the record ends ${missing} bytes too early`, start);
    }
    this.position = start + length;
    return start;
  }
}

/**
 * A double as a JSON number that keeps its kind: 5 is `5.0`, so that no integer branch takes it.
 */
function doubleText(value: number): string {
  return Number.isFinite(value)
    ? withFraction(Object.is(value, -0) ? "-0" : String(value))
    : quote(String(value));
}

/** The shortest decimal that rounds to this float. */
function floatText(value: number): string {
  if (!Number.isFinite(value)) return quote(String(value));
  if (Object.is(value, -0)) return "-0.0";
  for (let digits = 1; digits < 9; digits += 1) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return withFraction(text);
  }
  return withFraction(String(Number(value.toPrecision(9))));
}

function withFraction(text: string): string {
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function quote(value: string): string {
  return JSON.stringify(value);
}

/** The JSON that a string holds, on one line; any other string as a JSON string. */
function jsonOrString(text: string): string {
  try {
    JSON.parse(text);
    return /[\r\n]/.test(text) ? quote(text) : text;
  } catch {
    return quote(text);
  }
}

/** Two's complement, big-endian, without the bytes that only repeat the sign. */
function withoutSignBytes(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1) {
    const byte = bytes[start];
    const nextIsNegative = (bytes[start + 1] ?? 0) >= 0x80;
    if (byte !== (nextIsNegative ? 0xff : 0)) break;
    start += 1;
  }
  return bytes.subarray(start);
}

function twosComplement(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString("hex")}`));
}

function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? "-" : "";
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  const point = digits.length - scale;
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}
