/**
 * Whose a record is and what it holds, out of its header `sluice` (docs/protocol.md §2.9): only the
 * members that the live feed needs, because it looks at every record of a topic. Another layout or
 * a cut header is nobody's.
 */
import type { KafkaRecord } from "../delivery/topic-reader.ts";

export interface Origin {
  readonly tenant: string;
  readonly source: string;
  readonly type: string;
  readonly id: string;
  /** When the event happened: ms since 1970. */
  readonly eventTimeMs: number;
  /** It may have been stored before. */
  readonly isRepeat: boolean;
}

const HEADER = "sluice";
const VERSION = 1;
const FLAGS_AT = 1;
const EVENT_TIME_AT = 38;
const TEXTS_AT = 46;
/** Bits of the flags: stored again perhaps, sent again from elsewhere. */
const REPEAT_BITS = 1 | 2;

/** null: no event of a tenant. */
export function originOf({ headers }: KafkaRecord): Origin | null {
  for (const [name, bytes] of headers) {
    if (name === HEADER) return read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }
  return null;
}

function read(bytes: Buffer): Origin | null {
  if (bytes.length <= TEXTS_AT || bytes[0] !== VERSION) return null;
  const texts: string[] = [];
  let position = TEXTS_AT;
  while (texts.length < 4) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[position];
      // Three groups of seven bits: more than a header of a record holds.
      if (byte === undefined || shift > 14) return null;
      position += 1;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (position + length > bytes.length) return null;
    texts.push(bytes.toString("utf8", position, position + length));
    position += length;
  }
  const [tenant = "", source = "", type = "", id = ""] = texts;
  if (tenant === "" || type === "") return null;
  const eventTimeMs = Number(bytes.readBigInt64BE(EVENT_TIME_AT));
  const isRepeat = ((bytes[FLAGS_AT] ?? 0) & REPEAT_BITS) !== 0;
  return { tenant, source, type, id, eventTimeMs, isRepeat };
}
