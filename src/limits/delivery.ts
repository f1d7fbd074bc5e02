/** Bounds of what is on its way to Kafka, and of how long it may be. */
import { assert } from "../lib/assert.ts";
import { KEY_BYTES_MAX, RECORD_BYTES_MAX } from "./events.ts";

/**
 * HTTP requests give `retry` for what Kafka has not confirmed by then (some SDKs give up at 5 s).
 */
export const HTTP_DEADLINE_MS = 4_000;

/**
 * Kafka's own time for one record (message.timeout.ms); afterwards its outcome is unknown: `retry`.
 */
export const MESSAGE_TIMEOUT_MS = 15_000;

/**
 * A commit's flush; longer than the message timeout, so that every record has been judged by then.
 */
export const COMMIT_DEADLINE_MS = MESSAGE_TIMEOUT_MS + 5_000;

/**
 * How long an accepted record may wait for its commit to begin; then `kafka_unavailable`. Longer
 * than the commit before it hangs on a leader that stands still: that is given up after two thirds
 * of the message timeout, found out within a second, and another one takes over.
 */
export const GATHER_WAIT_MS = 13_000;

/** WebSocket events have their outcome by then whatever happens: gathered, committed, settled. */
export const STREAM_DEADLINE_MS = GATHER_WAIT_MS + COMMIT_DEADLINE_MS + 5_000;

/** Unacked events of the process; above it HTTP gets 503 and credit stops rising. */
export const UNACKED_EVENTS_MAX = 200_000;

/** Unacked bytes of the process, likewise. */
export const UNACKED_BYTES_MAX = 128 * 1024 * 1024;

/**
 * Memory for records on their way to Kafka comes in pieces of this size; a record is never split.
 */
export const SEGMENT_BYTES = 1024 * 1024;

/** Records of one such piece; more small ones go into the next. */
export const SEGMENT_ROWS = 4_096;

/**
 * Records of one commit; the rest waits for the next, so that producing never holds the loop long.
 */
export const COMMIT_RECORDS_MAX = 8_192;

/** Bytes of one commit, likewise; also what librdkafka may hold per lane beside our own memory. */
export const COMMIT_BYTES_MAX = 4 * 1024 * 1024;

/** Lanes (producers) of one process; each costs threads and connections. */
export const LANES_MAX = 16;

/** Lanes of one process alone; workers share them, but each has so many at least. */
export const LANES = 4;
export const LANES_OF_WORKER_MIN = 2;

/** Topics one process produces to; registering more is a broken invariant. */
export const DESTINATIONS_MAX = 1_000;

/** Tenants with a share of their own in the budget; those beyond have one together. */
export const TENANTS_MAX = 10_000;

/** Without any confirmation for this long while records are out, Kafka counts as unavailable. */
export const STALL_MS = 3_000;

/** HTTP requests waiting for Kafka; beyond it 503. */
export const HTTP_REQUESTS_MAX = 10_000;

/** How long a drain may take before the process leaves anyway. */
export const DRAIN_DEADLINE_MS = 30_000;

assert(MESSAGE_TIMEOUT_MS < COMMIT_DEADLINE_MS, "a commit outlives its records");
assert(COMMIT_DEADLINE_MS < STREAM_DEADLINE_MS, "a stream's deadline outlives the commit");
assert(
  GATHER_WAIT_MS + MESSAGE_TIMEOUT_MS <= STREAM_DEADLINE_MS,
  "a record that waited and then timed out is still judged within a stream's deadline",
);
assert(RECORD_BYTES_MAX + KEY_BYTES_MAX <= SEGMENT_BYTES, "a record with its key fits a segment");
