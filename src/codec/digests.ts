/**
 * Fills the holes that the module left in records for keyed hashes (assembly/abi.ts, ORIGINALS).
 * Each starts with the instance's secret token, which no client can know, so a search for it finds
 * holes and nothing else, wherever the module has moved them. It knows nothing of schemas.
 */
import { assert } from "../lib/assert.ts";
import { ROW_STATUS } from "../records.ts";
import {
  ACTION_HMAC_STRING,
  DIGEST_BYTES,
  ORIGINAL_ACTION,
  ORIGINAL_LENGTH,
  ORIGINAL_ROW,
  ORIGINAL_TEXT,
  PARAM_TOKEN,
  PARAMS,
  RESULT,
  RESULT_ORIGINALS_END,
  TOKEN_BYTES,
} from "./abi.gen.ts";
import type { Instance } from "./instance.ts";
import type { Table } from "./table.ts";

/** HMAC-SHA-256 of `value` under the salt (its UTF-8): 32 bytes. */
export type KeyedHash = (salt: string, value: Uint8Array) => Uint8Array;

export interface DigestOptions {
  /** Where the entries begin. */
  readonly originals: number;
  readonly keyedHash: KeyedHash | undefined;
  readonly salt: string | undefined;
}

const HEX = new TextEncoder().encode("0123456789abcdef");

/** Fills all holes of the frame's encoded rows; linear in the size of their records. */
export function fillDigests(instance: Instance, table: Table, options: DigestOptions): void {
  const { view } = instance;
  const end = view.getUint32(RESULT + RESULT_ORIGINALS_END, true);
  let last = -1;
  for (let entry = options.originals; entry < end; entry = entryEnd(view, entry)) {
    const row = view.getUint32(entry + ORIGINAL_ROW, true);
    if (row === last || row >= table.count) continue;
    last = row;
    if (table.status[row] === ROW_STATUS.encoded) fillRow(instance, { table, row, options });
  }
}

function entryEnd(view: DataView, entry: number): number {
  const length = view.getUint32(entry + ORIGINAL_LENGTH, true);
  return entry + ORIGINAL_TEXT + Math.ceil(length / 16) * 16;
}

function fillRow(
  { view, memory }: Instance,
  {
    table,
    row,
    options,
  }: { readonly table: Table; readonly row: number; readonly options: DigestOptions },
): void {
  const { originals, keyedHash, salt } = options;
  assert(keyedHash !== undefined && salt !== undefined, "values to be hashed come with a salt");
  const token = memory.subarray(PARAMS + PARAM_TOKEN, PARAMS + PARAM_TOKEN + TOKEN_BYTES);
  const start = table.valueStart[row] ?? 0;
  const value = memory.subarray(start, table.valueEnd[row]);
  for (let hole = findToken(value, token, 0); hole >= 0; hole = findToken(value, token, hole + 1)) {
    const entry = originals + view.getUint32(start + hole + TOKEN_BYTES, true);
    assert(view.getUint32(entry + ORIGINAL_ROW, true) === row, "a hole is filled from its own row");
    const text = entry + ORIGINAL_TEXT;
    const length = view.getUint32(entry + ORIGINAL_LENGTH, true);
    const digest = keyedHash(salt, memory.subarray(text, text + length));
    assert(digest.length === DIGEST_BYTES, "SHA-256 gives 32 bytes");
    const isText = view.getUint32(entry + ORIGINAL_ACTION, true) === ACTION_HMAC_STRING;
    if (isText) writeHex(value, hole, digest);
    else value.set(digest, hole);
  }
}

/** First place of the token in `value`, `from` or later; −1: none. */
export function findToken(value: Uint8Array, token: Uint8Array, from: number): number {
  const first = token[0] ?? 0;
  for (let at = value.indexOf(first, from); at >= 0; at = value.indexOf(first, at + 1)) {
    let same = 1;
    while (same < TOKEN_BYTES && value[at + same] === token[same]) same += 1;
    if (same === TOKEN_BYTES) return at;
  }
  return -1;
}

function writeHex(value: Uint8Array, at: number, digest: Uint8Array): void {
  for (const [index, byte] of digest.entries()) {
    value[at + 2 * index] = HEX[byte >> 4] ?? 0;
    value[at + 2 * index + 1] = HEX[byte & 15] ?? 0;
  }
}
