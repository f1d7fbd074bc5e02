/**
 * Bounds of what is known again: requests, ids, what processes tell one another of them, and what
 * readers of the topics remember.
 */
import { assert } from "../lib/assert.ts";
import { STREAM_INFLIGHT_EVENTS_MAX } from "./streams.ts";

/** How long a request that comes again is known: past the retries of every client that is known. */
export const REPEAT_WINDOW_MS = 3_600_000;

/** Answers remembered for requests that come again; beyond it the oldest are forgotten. */
export const REPEAT_ANSWERS_MAX = 100_000;

/** Bytes of those answers and their keys. */
export const REPEAT_BYTES_MAX = 32 * 1024 * 1024;

/** Ids remembered for tenants with `dedupe`, about 150 bytes each; the oldest are forgotten. */
export const DEDUPE_IDS_MAX = 500_000;

/**
 * What one process tells the others through Redis of what is stored: entries of about 200 bytes
 * that are not over yet; beyond it the others are not told. One answer is told up to its bytes.
 */
export const SHARED_ENTRIES_MAX = 500_000;
export const SHARED_ANSWER_BYTES_MAX = 4 * 1024;

/** Entries that wait to be written, and how long they do; more are not told to the others. */
export const SHARED_WRITES_MAX = 20_000;
export const SHARED_FLUSH_MS = 50;

/** Keys asked for in one turn; the rest counts as unknown. */
export const SHARED_LOOKUPS_MAX = 10_000;

/** How long an answer waits for what others know; a Redis that is late is not asked for a while. */
export const SHARED_LOOKUP_DEADLINE_MS = 50;
export const SHARED_PAUSE_MS = 1_000;

/** An id that another process has stored is taken as known for so long, then asked for again. */
export const SHARED_ID_KEPT_MS = 60_000;

/**
 * Streams `sluice/consumer` remembers unless told otherwise, about 500 bytes each; beyond it the
 * one not heard of for longest goes.
 */
export const CONSUMER_STREAMS_MAX = 100_000;

/** Numbers it remembers of each: twice what may be unanswered and so be sent again. */
export const CONSUMER_WINDOW_SEQS = 2_048;

assert(
  2 * STREAM_INFLIGHT_EVENTS_MAX <= CONSUMER_WINDOW_SEQS,
  "a consumer remembers whatever a stream may send again",
);
