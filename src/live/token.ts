/**
 * Tokens of offsets: where a subscriber is, as text that he gives back to go on. A token holds no
 * secret and allows nothing: what its bearer may read is asked of his credentials every time. It is
 * bound to its tenant by a digest, which also finds it damaged; any process of any gateway on the
 * same Kafka takes it.
 *
 *   base64url( u8 version = 1 · 8 bytes digest · topics )
 *   topic: varint length · UTF-8 name · varint count · per partition 0, 1, …: varint offset + 1 or
 *   0 digest: the first bytes of SHA-256 over "sluice.live" NUL tenant NUL topics
 */
import { createHash } from "node:crypto";

import { LIVE_TOKEN_CHARACTERS_MAX, LIVE_TOPICS_MAX } from "../limits/live.ts";
import { PACK_PARTITIONS_MAX } from "../limits/schemas.ts";

/** The next offset that is wanted, by topic and partition. */
export type Positions = ReadonlyMap<string, ReadonlyMap<number, number>>;

const VERSION = 1;
const DIGEST_BYTES = 8;
const HEAD_BYTES = 1 + DIGEST_BYTES;

export function writeToken(tenant: string, positions: Positions): string {
  const bytes: number[] = [];
  for (const [topic, offsets] of positions) {
    const name = Buffer.from(topic);
    const count = Math.max(-1, ...offsets.keys()) + 1;
    pushNumber(bytes, name.length);
    bytes.push(...name);
    pushNumber(bytes, count);
    for (let partition = 0; partition < count; partition += 1) {
      pushNumber(bytes, (offsets.get(partition) ?? -1) + 1);
    }
  }
  const topics = Buffer.from(bytes);
  const head = Buffer.from([VERSION]);
  return Buffer.concat([head, digestOf(tenant, topics), topics]).toString("base64url");
}

/** null: not a token of this tenant, or damaged. */
export function readToken(tenant: string, token: string): Positions | null {
  if (token.length > LIVE_TOKEN_CHARACTERS_MAX || !/^[A-Za-z0-9_-]+$/.test(token)) return null;
  const bytes = Buffer.from(token, "base64url");
  if (bytes.length < HEAD_BYTES || bytes[0] !== VERSION) return null;
  const topics = bytes.subarray(HEAD_BYTES);
  if (!digestOf(tenant, topics).equals(bytes.subarray(1, HEAD_BYTES))) return null;
  return readTopics(topics);
}

function digestOf(tenant: string, topics: Uint8Array): Buffer {
  const hash = createHash("sha256").update(`sluice.live\0${tenant}\0`).update(topics);
  return hash.digest().subarray(0, DIGEST_BYTES);
}

/** Who knows the digest may still have written nonsense. */
function readTopics(bytes: Buffer): Positions | null {
  const positions = new Map<string, ReadonlyMap<number, number>>();
  const cursor = { bytes, position: 0 };
  while (cursor.position < bytes.length) {
    const length = takeNumber(cursor);
    const end = cursor.position + length;
    if (length < 0 || end > bytes.length || positions.size >= LIVE_TOPICS_MAX) return null;
    const name = bytes.toString("utf8", cursor.position, end);
    cursor.position = end;
    const count = takeNumber(cursor);
    if (count < 0 || count > PACK_PARTITIONS_MAX) return null;
    const offsets = new Map<number, number>();
    for (let partition = 0; partition < count; partition += 1) {
      const next = takeNumber(cursor);
      if (next < 0) return null;
      if (next > 0) offsets.set(partition, next - 1);
    }
    positions.set(name, offsets);
  }
  return positions;
}

/** LEB128; offsets are integers below 2^53. */
function pushNumber(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
}

/** −1: there is none. */
function takeNumber(cursor: { readonly bytes: Buffer; position: number }): number {
  let value = 0;
  let factor = 1;
  for (;;) {
    const byte = cursor.bytes[cursor.position];
    if (byte === undefined) return -1;
    cursor.position += 1;
    value += (byte & 0x7f) * factor;
    if (value > Number.MAX_SAFE_INTEGER) return -1;
    if (byte < 0x80) return value;
    factor *= 0x80;
  }
}
