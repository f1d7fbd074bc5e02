/**
 * What claiming, taking and saving do to a remembered stream, as pure functions: the reference for
 * the scripts in Redis (redis-scripts.ts), which do the same in one step.
 *
 *   claim   epoch grows, the claimant owns it; who held it before is waited for
 *   take    the claimant begins. Who has not given the stream free by now leaves doubt, and may no
 *           longer write; the living stay on the list, so that later claims are not clean either
 *   save    by the owner; by one who is waited for, if it is the last: that is the hand-over
 */
import { STREAM_WAITED_FOR_MAX } from "../limits/streams.ts";
import type { StreamRecord } from "./store.ts";
import { DOUBT_ALL, EMPTY_RECORD, boundedRecord, withDoubt } from "./stream-record.ts";

/** A process that held the stream under that epoch and has not given it free. */
export interface PastOwner {
  readonly epoch: number;
  readonly owner: string;
  /** Its last record is still wanted: nobody has begun after it. */
  readonly mayWrite: boolean;
}

export interface StoredStream {
  /**
   * Of this memory of the stream: given when nothing was remembered. Who was told another one was
   * served by a holder of whom this memory may know nothing.
   */
  readonly birth: string;
  readonly epoch: number;
  /** The process that holds it; "" when it is free. */
  readonly owner: string;
  readonly record: StreamRecord;
  /** Oldest first. */
  readonly waits: readonly PastOwner[];
}

export interface MemoryClaim {
  readonly key: string;
  readonly owner: string;
  /** The new epoch is at least this. */
  readonly epochMin: number;
  readonly hasProof: boolean;
  /** Of the memory that begins where nothing is remembered. */
  readonly birth: string;
}

export type ClaimAnswer =
  | { readonly kind: "denied" }
  | {
      readonly kind: "claimed";
      readonly birth: string;
      readonly epoch: number;
      readonly record: StreamRecord | null;
      readonly waits: readonly PastOwner[];
    };

export interface MemoryTake {
  readonly key: string;
  readonly owner: string;
  readonly epoch: number;
  /** Where doubt ends if somebody has not given the stream free. */
  readonly doubtBelow: number;
  /** Processes that are dead: nobody has to wait for them any more. */
  readonly dead: readonly string[];
}

export type TakeAnswer =
  | { readonly kind: "taken"; readonly record: StreamRecord; readonly isClean: boolean }
  | { readonly kind: "superseded" }
  /** Nothing is remembered any more. */
  | { readonly kind: "unknown" };

export interface MemorySave {
  readonly key: string;
  readonly owner: string;
  readonly epoch: number;
  /** Null: nothing to add, only to give free. */
  readonly record: StreamRecord | null;
  /** The holder is gone. */
  readonly isLast: boolean;
  /** As in a claim. */
  readonly birth: string;
}

export type SaveAnswer =
  | { readonly kind: "saved" }
  /** Superseded, but waited for: `to` may go on. */
  | { readonly kind: "handed_over"; readonly to: string }
  | { readonly kind: "superseded" }
  /**
   * The memory knew an older epoch only. It knows this one now, but not its record: the two have
   * to be merged and saved again.
   */
  | {
      readonly kind: "behind";
      readonly record: StreamRecord;
      readonly previous: { readonly epoch: number; readonly owner: string } | null;
    };

export interface Changed<T> {
  /** Null: nothing is remembered. */
  readonly stream: StoredStream | null;
  readonly answer: T;
}

export function claimStored(held: StoredStream | null, by: MemoryClaim): Changed<ClaimAnswer> {
  const { owner, epochMin: least } = by;
  if (held === null) {
    const { birth } = by;
    const stream = { birth, epoch: least, owner, record: EMPTY_RECORD, waits: [] };
    return { stream, answer: { kind: "claimed", birth, epoch: least, record: null, waits: [] } };
  }
  const { birth } = held;
  if (!by.hasProof) return { stream: held, answer: { kind: "denied" } };
  const epoch = Math.max(held.epoch + 1, least);
  const last = { epoch: held.epoch, owner: held.owner, mayWrite: true };
  const all = held.owner === "" ? held.waits : [...held.waits, last];
  const waits = all.slice(-STREAM_WAITED_FOR_MAX);
  const record = waits.length < all.length ? withDoubt(held.record, DOUBT_ALL) : held.record;
  const answer = { kind: "claimed", birth, epoch, record, waits } as const;
  return { stream: { birth, epoch, owner, record, waits }, answer };
}

export function takeStored(held: StoredStream | null, by: MemoryTake): Changed<TakeAnswer> {
  if (held === null) return { stream: null, answer: { kind: "unknown" } };
  if (held.epoch !== by.epoch || held.owner !== by.owner) {
    return { stream: held, answer: { kind: "superseded" } };
  }
  const isClean = held.waits.length === 0;
  const record = isClean ? held.record : withDoubt(held.record, by.doubtBelow);
  const alive = held.waits.filter((past) => !by.dead.includes(past.owner));
  const stream = { ...held, record, waits: withoutPen(alive) };
  return { stream, answer: { kind: "taken", record, isClean } };
}

function withoutPen(waits: readonly PastOwner[]): readonly PastOwner[] {
  return waits.map((past) => ({ ...past, mayWrite: false }));
}

export function saveStored(held: StoredStream | null, by: MemorySave): Changed<SaveAnswer> {
  const { epoch, isLast } = by;
  const owner = isLast ? "" : by.owner;
  if (held === null) {
    const record = boundedRecord(by.record ?? EMPTY_RECORD);
    const { birth } = by;
    return { stream: { birth, epoch, owner, record, waits: [] }, answer: { kind: "saved" } };
  }
  if (held.epoch < epoch) {
    const previous = held.owner === "" ? null : { epoch: held.epoch, owner: held.owner };
    const stream = { ...held, epoch, owner: by.owner };
    return { stream, answer: { kind: "behind", record: held.record, previous } };
  }
  if (held.epoch === epoch && (held.owner === by.owner || held.owner === "")) {
    const record = written(held.record, by.record);
    const waits = withoutPen(held.waits);
    return { stream: { ...held, owner, record, waits }, answer: { kind: "saved" } };
  }
  const past = held.waits.find((one) => one.epoch === epoch && one.owner === by.owner);
  if (!isLast || past === undefined) return { stream: held, answer: { kind: "superseded" } };
  const waits = held.waits.filter((one) => one !== past);
  const record = past.mayWrite ? written(held.record, by.record) : held.record;
  const stream = { ...held, record, waits };
  return { stream, answer: { kind: "handed_over", to: held.owner } };
}

/** What is remembered never goes back; a view that is behind it leaves doubt. */
function written(held: StreamRecord, given: StreamRecord | null): StreamRecord {
  if (given === null) return held;
  if (given.done < held.done) return withDoubt(held, DOUBT_ALL);
  return boundedRecord(withDoubt(given, held.doubtBelow ?? 0));
}
