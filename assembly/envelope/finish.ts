/**
 * What can be said of an event only when its whole frame has been read: its corrected time, the
 * hash of its key, the value of the Kafka header `sluice`.
 *
 * ```
 * u8 version = 1 · u8 flags · 16 bytes stream · u32 epoch · u64 seq · i64 receivedAt ms ·
 * i64 event time ms · tenant, source, type, id, session: each unsigned LEB128 length + UTF-8
 * ```
 * Numbers are big-endian. Tenant and source are ready with their lengths at PARAM_ORIGIN. The
 * session's length is 0 here; SESSION_ROOM bytes behind it are left for the host's setSession.
 */
import {
  COLUMN_EXTRA,
  COLUMN_HEADER_END,
  COLUMN_HEADER_START,
  COLUMN_ID_END,
  COLUMN_ID_START,
  COLUMN_KEY_END,
  COLUMN_KEY_HASH,
  COLUMN_KEY_START,
  PARAM_ARENA_END,
  PARAM_EPOCH,
  PARAM_FLAGS,
  PARAM_ORIGIN,
  PARAM_ORIGIN_BYTES,
  PARAM_RECEIVED_AT,
  PARAM_STREAM,
  PARAMS,
  RESULT,
  RESULT_OUT,
  RESULT_SENT_AT,
  RESULT_SEQ,
  ROUTE_FLAG_HEADER,
  ROUTE_FLAGS,
  ROUTE_TYPE,
  ROUTE_TYPE_BYTES,
  STATUS_ENCODED,
  STATUS_TOO_LARGE,
} from "../abi";
import { copyUnsafe } from "../avro/write";
import { cell, setCell, setStatus, setTime, statusOf, timeOf } from "./row";

const SESSION_ROOM: usize = 40;
const HEADER_FIXED_BYTES: usize = 46;
const FLAG_CORRECTED: u32 = 4;
/** Clocks further apart than this are not believed. */
const OFFSET_MAX_MS: f64 = 365 * 24 * 3600 * 1000;

/** Java's Utils.murmur2 (Kafka's DefaultPartitioner), sign bit cleared. */
export function murmur2(start: usize, bytes: usize): u32 {
  let hash: u32 = 0x9747b28c ^ <u32>bytes;
  let p = start;
  const words = start + (bytes & ~3);
  for (; p < words; p += 4) {
    let k = load<u32>(p) * 0x5bd1e995;
    k ^= k >> 24;
    hash = (hash * 0x5bd1e995) ^ (k * 0x5bd1e995);
  }
  const rest = bytes & 3;
  if (rest == 3) hash ^= <u32>load<u8>(p, 2) << 16;
  if (rest >= 2) hash ^= <u32>load<u8>(p, 1) << 8;
  if (rest >= 1) hash = (hash ^ load<u8>(p)) * 0x5bd1e995;
  hash = (hash ^ (hash >> 13)) * 0x5bd1e995;
  return (hash ^ (hash >> 15)) & 0x7fffffff;
}

/** Corrects the row's time by the sender's clock; returns the header flag that says so, or 0. */
function correctTime(row: u32): u32 {
  const receivedAt = load<f64>(PARAMS + PARAM_RECEIVED_AT);
  const time = timeOf(row);
  if (isNaN(time)) {
    setTime(row, receivedAt);
    return 0;
  }
  const offset = receivedAt - load<f64>(RESULT + RESULT_SENT_AT);
  if (!(abs(offset) <= OFFSET_MAX_MS) || offset == 0) return 0;
  const corrected = min(time + offset, receivedAt);
  setTime(row, corrected);
  return corrected == time ? 0 : FLAG_CORRECTED;
}

function writeLength(to: usize, length: usize): usize {
  let p = to;
  let rest = length;
  while (rest >= 0x80) {
    store<u8>(p, rest | 0x80);
    rest >>= 7;
    p += 1;
  }
  store<u8>(p, rest);
  return p + 1;
}

function writeText(to: usize, start: usize, bytes: usize): usize {
  const p = writeLength(to, bytes);
  copyUnsafe(p, start, bytes);
  return p + bytes;
}

/** Writes the row's header at `to`; returns its end. */
function writeHeader(row: u32, to: usize, route: usize, flags: u32): usize {
  store<u8>(to, 1);
  store<u8>(to, flags, 1);
  v128.store(to + 2, v128.load(PARAMS + PARAM_STREAM));
  store<u32>(to + 18, bswap<u32>(load<u32>(PARAMS + PARAM_EPOCH)));
  const first = load<u64>(RESULT + RESULT_SEQ);
  store<u64>(to + 22, bswap<u64>(first ? first + row : 0));
  store<u64>(to + 30, bswap<u64>(<i64>load<f64>(PARAMS + PARAM_RECEIVED_AT)));
  store<u64>(to + 38, bswap<u64>(<i64>timeOf(row)));
  const originBytes = <usize>load<u32>(PARAMS + PARAM_ORIGIN_BYTES);
  copyUnsafe(to + HEADER_FIXED_BYTES, <usize>load<u32>(PARAMS + PARAM_ORIGIN), originBytes);
  let p = to + HEADER_FIXED_BYTES + originBytes;
  p = writeText(p, load<u32>(route, ROUTE_TYPE), load<u32>(route, ROUTE_TYPE_BYTES));
  const id = cell(COLUMN_ID_START, row);
  p = writeText(p, id, cell(COLUMN_ID_END, row) - id);
  store<u8>(p, 0);
  return p + 1;
}

/** Finishes `rows` rows; headers are written from `arena` on. */
export function finishRows(rows: u32, arena: usize): void {
  const limit = <usize>load<u32>(PARAMS + PARAM_ARENA_END);
  const origin = <usize>load<u32>(PARAMS + PARAM_ORIGIN_BYTES);
  let free = arena;
  for (let row: u32 = 0; row < rows; row++) {
    const flag = correctTime(row);
    const key = cell(COLUMN_KEY_START, row);
    if (key) setCell(COLUMN_KEY_HASH, row, murmur2(key, cell(COLUMN_KEY_END, row) - key));
    if (statusOf(row) != STATUS_ENCODED) continue;
    const route = cell(COLUMN_EXTRA, row);
    if (!(load<u32>(route, ROUTE_FLAGS) & ROUTE_FLAG_HEADER)) continue;
    const texts = <usize>load<u32>(route, ROUTE_TYPE_BYTES) + origin + 1024;
    if (free + texts > limit) {
      setStatus(row, STATUS_TOO_LARGE);
      continue;
    }
    const end = writeHeader(row, free, route, load<u32>(PARAMS + PARAM_FLAGS) | flag);
    setCell(COLUMN_HEADER_START, row, free);
    setCell(COLUMN_HEADER_END, row, end);
    free = end + SESSION_ROOM;
  }
  store<u32>(RESULT + RESULT_OUT, <u32>free);
}
