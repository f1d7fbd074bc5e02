/**
 * Reads the Kafka header `sluice` that the codec writes beside each value (docs/protocol.md §2.9).
 * Layout, version 1, big-endian:
 *
 *   u8 version = 1 · u8 flags · 16 bytes stream (zero: none) · u32 epoch · u64 seq ·
 *   i64 receivedAt ms · i64 event time ms ·
 *   then tenant, source, type, id, session: each unsigned LEB128 length + UTF-8
 */

const FIXED_BYTES = 46;
const FLAGS = [
  [1, "redelivery_possible"],
  [2, "replay"],
  [4, "time_corrected"],
  [8, "session_provisional"],
] as const;
const TEXTS = ["tenant", "source", "type", "id", "session"] as const;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The header as JSON text; undefined when the bytes are not such a header. `stream`, `epoch` and
 * `seq` are null for events that came without a stream; an empty text is null.
 */
export function sluiceHeaderJson(bytes: Uint8Array): string | undefined {
  if (bytes.length < FIXED_BYTES || bytes[0] !== 1) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const texts = readTexts(bytes);
  if (texts === undefined) return undefined;
  const flagBits = view.getUint8(1);
  const flags = FLAGS.filter(([bit]) => (flagBits & bit) !== 0).map(([, name]) => name);
  const stream = bytes.subarray(2, 18);
  const isStreamed = stream.some((byte) => byte !== 0);
  const members: ReadonlyArray<readonly [string, string]> = [
    ["version", "1"],
    ["flags", JSON.stringify(flags)],
    ["stream", isStreamed ? JSON.stringify(uuidText(stream)) : "null"],
    ["epoch", isStreamed ? String(view.getUint32(18)) : "null"],
    ["seq", isStreamed ? String(view.getBigUint64(22)) : "null"],
    ["receivedAt", String(view.getBigInt64(30))],
    ["eventTime", String(view.getBigInt64(38))],
    ...TEXTS.map((name, index) => {
      const text = texts[index] ?? "";
      return [name, text === "" ? "null" : JSON.stringify(text)] as const;
    }),
  ];
  return `{${members.map(([name, json]) => `"${name}":${json}`).join(",")}}`;
}

function readTexts(bytes: Uint8Array): string[] | undefined {
  const texts: string[] = [];
  let position = FIXED_BYTES;
  while (texts.length < TEXTS.length) {
    let length = 0;
    let shift = 0;
    for (;;) {
      const byte = bytes[position];
      // Four groups of seven bits: more than any Kafka record holds.
      if (byte === undefined || shift > 21) return undefined;
      position += 1;
      length |= (byte & 0x7f) << shift;
      shift += 7;
      if (byte < 0x80) break;
    }
    if (position + length > bytes.length) return undefined;
    try {
      texts.push(UTF8.decode(bytes.subarray(position, position + length)));
    } catch {
      return undefined;
    }
    position += length;
  }
  return position === bytes.length ? texts : undefined;
}

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join("-");
}
