/**
 * What is remembered of a stream, as a value: how large it may be, and how two views of the same
 * stream become one. Nothing that was final is ever taken back.
 */
import {
  STREAM_EXCEPTIONS_MAX,
  STREAM_EXCEPTION_TEXT_MAX,
  STREAM_SACK_RANGES_MAX,
} from "../limits/streams.ts";
import type { Ranges } from "../protocol/frames.ts";
import type { StreamException, StreamKey, StreamRecord } from "./store.ts";

/** Nothing has an outcome yet. */
export const EMPTY_RECORD: StreamRecord = { done: 0, sack: [], exc: [] };

/** Above every sequence number: everything that is not final may be in Kafka. */
export const DOUBT_ALL = 2 ** 53 - 1;

/** `tenant:source:stream`; neither name holds a colon: they are the operator's. */
export function streamKeyText({ tenant, source, stream }: StreamKey): string {
  const hex = Buffer.from(stream.buffer, stream.byteOffset, stream.byteLength).toString("hex");
  const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  // V8 would keep the pieces that a text was put together from, for as long as the stream is held.
  return Buffer.from(`${tenant}:${source}:${id}`).toString();
}

/** The record within its bounds. What of `sack` is cut off is in doubt: it will be sent again. */
export function boundedRecord(record: StreamRecord): StreamRecord {
  const sack = record.sack.slice(0, STREAM_SACK_RANGES_MAX);
  const exc = record.exc.slice(-STREAM_EXCEPTIONS_MAX).map(boundedException);
  const lastCut = sack.length < record.sack.length ? (record.sack.at(-1)?.[1] ?? 0) : 0;
  return withDoubt({ ...record, sack, exc }, lastCut + 1);
}

function boundedException({ seq, code, kind, path, detail }: StreamException): StreamException {
  const cut = (text: string) => text.slice(0, STREAM_EXCEPTION_TEXT_MAX);
  return {
    seq,
    code,
    ...(kind === undefined ? {} : { kind: cut(kind) }),
    ...(path === undefined ? {} : { path: cut(path) }),
    ...(detail === undefined ? {} : { detail: cut(detail) }),
  };
}

/** With doubt below that number too, or below what was in doubt before; none where all is final. */
export function withDoubt(record: StreamRecord, below: number): StreamRecord {
  const { doubtBelow = 0, ...rest } = record;
  const both = Math.max(doubtBelow, below);
  return both > rest.done + 1 ? { ...rest, doubtBelow: both } : rest;
}

export function hasDoubt(record: StreamRecord): boolean {
  return record.doubtBelow !== undefined && record.doubtBelow > record.done + 1;
}

/** Both views together. */
export function mergedRecord(left: StreamRecord, right: StreamRecord): StreamRecord {
  const { done, sack } = union(left, right);
  const bySeq = new Map([...left.exc, ...right.exc].map((line) => [line.seq, line]));
  const exc = [...bySeq.values()].sort((one, other) => one.seq - other.seq);
  const doubt = Math.max(left.doubtBelow ?? 0, right.doubtBelow ?? 0);
  return boundedRecord(withDoubt({ done, sack, exc }, doubt));
}

function union(left: StreamRecord, right: StreamRecord): { done: number; sack: Ranges } {
  let done = Math.max(left.done, right.done);
  const sack: [number, number][] = [];
  const ranges = [...left.sack, ...right.sack].sort((one, other) => one[0] - other[0]);
  for (const [from, to] of ranges) {
    const last = sack.at(-1);
    if (from <= done + 1) done = Math.max(done, to);
    else if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else sack.push([from, to]);
  }
  return { done, sack };
}
