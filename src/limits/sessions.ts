/** Bounds of sessions: what a process knows of them, and how it is written. */
import { assert } from "../lib/assert.ts";
import { DRAIN_DEADLINE_MS } from "./delivery.ts";

/** A session id sent by a client (bytes, printable ASCII); longer is not taken for one. */
export const SESSION_ID_BYTES_MAX = 100;

/** Sessions a process knows, about 400 bytes each; the least recently used is written and goes. */
export const SESSIONS_MAX = 200_000;

/** Gone sessions still to be written while the store is away; beyond it the oldest is given up. */
export const SESSIONS_LEAVING_MAX = 20_000;

/** Sessions in one pipeline to Redis: some milliseconds of this process's time, below 1 MB. */
export const SESSION_PIPELINE_UPDATES_MAX = 1_000;

/** Idle sessions looked at in one tick, so that a sweep never holds the event loop. */
export const SESSION_SWEEP_MAX = 5_000;

/** How long session changes are gathered before they are written, in milliseconds. */
export const SESSION_FLUSH_INTERVAL_MS = 200;

/** A pipeline without an answer by then is given up, its connection closed, and sent again. */
export const SESSION_STORE_DEADLINE_MS = 1_000;

/** How long a session waits for its end to be announced: an outage of Kafka, in milliseconds. */
export const SESSION_UNSAID_MS = 24 * 3_600_000;

/** From the first write of a session to its announcement: the first events are counted by then. */
export const SESSION_SETTLE_MS = 2_000;

/** How often a process looks for sessions to announce, in milliseconds. */
export const SESSION_SWEEP_INTERVAL_MS = 1_000;

/** A claim on sessions to announce ends then, in milliseconds: its process may be gone. */
export const SESSION_CLAIM_MS = 30_000;

/** Actors claimed at once from one shard of the deadlines; what is more waits for the next look. */
export const SESSION_CLAIMS_MAX = 250;

/** Sessions of one actor announced at once; what is more waits for the next look. */
export const SESSION_CLAIM_SESSIONS_MAX = 100;

/** UTF-16 units of a known id that an actor is linked to; a longer one links nothing. */
export const KNOWN_ID_LENGTH_MAX = 256;

/** UTF-16 units of a person's key in a path. */
export const PERSON_KEY_LENGTH_MAX = 1_024;

/** Marks of erasures in the memory of a process; beyond it the oldest is forgotten. */
export const SESSION_MARKS_MAX = 10_000;

/** Frames that wait for ids of sessions at once; further ones do not wait. */
export const SESSION_AGREEMENTS_MAX = 1_000;

/** How long an event whose record holds its session's id waits for that id, in milliseconds. */
export const SESSION_AGREE_MS = 50;

/** The longest wait between attempts to write sessions while the store fails. */
export const SESSION_BACKOFF_MS_MAX = 5_000;

/** What the last write of sessions may take when the process stops. */
export const SESSION_STOP_DEADLINE_MS = 2_000;

assert(SESSION_STOP_DEADLINE_MS < DRAIN_DEADLINE_MS, "sessions are written before the drain ends");
