/**
 * Reads the Kafka header `sluice` that stands beside each value (docs/protocol.md §2.9). It knows
 * neither Kafka clients nor duplicates. Layout, version 1, big-endian:
 *
 *   u8 version = 1 · u8 flags · 16 bytes stream (zero: none) · u32 epoch · u64 seq ·
 *   i64 receivedAt ms · i64 event time ms ·
 *   then tenant, source, type, id, session: each unsigned LEB128 length + UTF-8
 */

/** Name of the header. */
export const SLUICE_HEADER = "sluice";

/**
 * Name of the header of a record that `sluice replay` has written: JSON of the replay's id, and the
 * topic, partition, offset and time the record had.
 */
export const REPLAY_HEADER = "sluice-replay";

/** Name of the header of a record that a canary has written; its value is the record's mark. */
export const CANARY_HEADER = "sluice-canary";

const FIXED_BYTES = 46;

/** Bits of the flags byte. */
export const RECORD_FLAGS = {
  /** The event may have been stored before: this record may be its second. */
  redelivery_possible: 1,
  /** Sent again from a dead letter. */
  replay: 2,
  /** The event time was corrected by what the client's clock said. */
  time_corrected: 4,
  /** Another process may know this session under another id. */
  session_provisional: 8,
} as const;

export type RecordFlag = keyof typeof RECORD_FLAGS;

const FLAG_ENTRIES = Object.entries(RECORD_FLAGS) as readonly [RecordFlag, number][];

/** What the header says of its record. */
export interface SluiceHeader {
  readonly version: 1;
  readonly flags: readonly RecordFlag[];
  /** UUID of the client's stream; null for events that came by plain HTTP. */
  readonly stream: string | null;
  /** Count of connections of the stream; null without a stream. */
  readonly epoch: number | null;
  /** Number of the event in its stream, from 1; null without a stream. */
  readonly seq: number | null;
  /** When the gateway had received the event: ms since 1970. */
  readonly receivedAtMs: number;
  /** When the event happened, as far as is known: ms since 1970. */
  readonly eventTimeMs: number;
  readonly tenant: string | null;
  readonly source: string | null;
  readonly type: string | null;
  /** Id of the event: the same whenever it is sent again. */
  readonly id: string | null;
  readonly session: string | null;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * The header's members; null when the bytes are no such header: another version, cut off, or with a
 * number of 2^53 and above, which sluice never writes. An empty text is null.
 */
export function parseHeader(bytes: Uint8Array): SluiceHeader | null {
  if (bytes.length < FIXED_BYTES || bytes[0] !== 1) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const seq = Number(view.getBigUint64(22));
  const receivedAtMs = Number(view.getBigInt64(30));
  const eventTimeMs = Number(view.getBigInt64(38));
  const areExact = [seq, receivedAtMs, eventTimeMs].every((number) => Number.isSafeInteger(number));
  const texts = areExact ? readTexts(bytes) : null;
  if (texts === null) return null;
  const [tenant = null, source = null, type = null, id = null, session = null] = texts;
  const flagBits = view.getUint8(1);
  const stream = streamOf(bytes);
  return {
    version: 1,
    flags: FLAG_ENTRIES.filter(([, bit]) => (flagBits & bit) !== 0).map(([name]) => name),
    stream,
    epoch: stream === null ? null : view.getUint32(18),
    seq: stream === null ? null : seq,
    receivedAtMs,
    eventTimeMs,
    tenant,
    source,
    type,
    id,
    session,
  };
}

const TEXTS = 5;

function readTexts(bytes: Uint8Array): (string | null)[] | null {
  const texts: (string | null)[] = [];
  let position = FIXED_BYTES;
  while (texts.length < TEXTS) {
    let length = 0;
    let shift = 0;
    for (;;) {
      const byte = bytes[position];
      // Four groups of seven bits: more than any Kafka record holds.
      if (byte === undefined || shift > 21) return null;
      position += 1;
      length |= (byte & 0x7f) << shift;
      shift += 7;
      if (byte < 0x80) break;
    }
    if (position + length > bytes.length) return null;
    try {
      texts.push(length === 0 ? null : UTF8.decode(bytes.subarray(position, position + length)));
    } catch {
      return null;
    }
    position += length;
  }
  return position === bytes.length ? texts : null;
}

function streamOf(bytes: Uint8Array): string | null {
  let text = "";
  let isNone = true;
  for (let index = 0; index < 16; index += 1) {
    const byte = bytes[index + 2] ?? 0;
    if (byte !== 0) isNone = false;
    if (index === 4 || index === 6 || index === 8 || index === 10) text += "-";
    text += HEX[byte] ?? "";
  }
  return isNone ? null : text;
}

/**
 * Headers of a record as Kafka clients give them: an object (KafkaJS), an array of objects
 * (node-rdkafka, Confluent), a Map or an array of pairs or of `{ key, value }`.
 */
export type RecordHeaders = object | null | undefined;

/** The header `sluice` of a record; null if it has none, or one that is not ours. */
export function headerOf(headers: RecordHeaders): SluiceHeader | null {
  const bytes = headerBytes(headers, SLUICE_HEADER);
  return bytes === null ? null : parseHeader(bytes);
}

/** Is it a record of sluice's own, which says nothing? It has a header and no value: skip it. */
export function isCanary(headers: RecordHeaders): boolean {
  return headerBytes(headers, CANARY_HEADER) !== null;
}

function headerBytes(headers: RecordHeaders, name: string): Uint8Array | null {
  if (headers === null || headers === undefined) return null;
  if (!(Symbol.iterator in headers)) return memberBytes(headers, name);
  // Whoever has Symbol.iterator is iterable.
  for (const item of headers as Iterable<unknown>) {
    const bytes = itemBytes(item, name);
    if (bytes !== null) return bytes;
  }
  return null;
}

function itemBytes(item: unknown, name: string): Uint8Array | null {
  if (typeof item !== "object" || item === null) return null;
  if (Array.isArray(item)) return isName(item[0], name) ? bytesOf(item[1]) : null;
  if ("key" in item && "value" in item) return isName(item.key, name) ? bytesOf(item.value) : null;
  return memberBytes(item, name);
}

function memberBytes(headers: object, name: string): Uint8Array | null {
  if (!Object.hasOwn(headers, name)) return null;
  return bytesOf((headers as Readonly<Record<string, unknown>>)[name]);
}

/** Some clients give names as bytes. */
function isName(given: unknown, name: string): boolean {
  if (given instanceof Uint8Array) return UTF8_LOOSE.decode(given) === name;
  return given === name;
}

const UTF8_LOOSE = new TextDecoder();

/** A name that stands twice may have an array of values. */
function bytesOf(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value;
  return Array.isArray(value) && value[0] instanceof Uint8Array ? value[0] : null;
}
