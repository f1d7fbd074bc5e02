/**
 * The rules of sessions, as pure functions of event time: which session an event belongs to, and
 * what becomes of a session that two processes know. They refuse to know clocks, maps and Redis;
 * the Lua text in redis-script.ts says the same as `mergeSession` and is tested against it.
 */
import assert from "node:assert/strict";

import { SESSION_ID_BYTES_MAX } from "../limits/sessions.ts";

export interface SessionRules {
  /** A longer silence than this ends a session (ms of event time). */
  readonly gapMs: number;
  /** A session never covers more than this (ms of event time). */
  readonly lengthMsMax: number;
  /** How far behind an actor's newest event an event may be and still move a session's start. */
  readonly graceMs: number;
}

export const DEFAULT_SESSION_RULES: SessionRules = {
  gapMs: 30 * 60_000,
  lengthMsMax: 24 * 3_600_000,
  graceMs: 5 * 60_000,
};

/** Throws a sentence when the rules cannot work together. For start-up. */
export function checkSessionRules(rules: SessionRules): void {
  for (const [name, value] of Object.entries(rules)) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new Error(`The session rule ${name} must be a whole number of milliseconds.`);
    }
  }
  if (rules.gapMs === 0 || rules.lengthMsMax < rules.gapMs || rules.graceMs > rules.gapMs) {
    throw new Error(
      "Session rules must keep to: grace ≤ inactivity gap ≤ longest session, and a gap above 0.",
    );
  }
}

/** The rules of a tenant, made to work together whatever was set. */
export function tenantRules(
  rules: SessionRules,
  own: { readonly gapMs?: number; readonly lengthMs?: number },
): SessionRules {
  const gapMs = own.gapMs ?? rules.gapMs;
  return {
    gapMs,
    lengthMsMax: Math.max(own.lengthMs ?? rules.lengthMsMax, gapMs),
    graceMs: Math.min(rules.graceMs, gapMs),
  };
}

/** First and last event time of a session, ms since 1970. */
interface Interval {
  readonly startMs: number;
  readonly lastMs: number;
}

/** The session an actor has now and the one before it, if still known. */
export interface KnownSession extends Interval {
  readonly previous: Interval | null;
}

/**
 * Where an event goes: into the current session, into the previous one, into a new one that follows
 * the current, or into none.
 */
export type Placement = "current" | "previous" | "next" | "none";

/**
 * Event time alone decides, not arrival. An event later than the session goes on with it unless the
 * gap or the length forbids, which makes a boundary. An event inside a session belongs to it. An
 * earlier event within the grace moves the start back, unless that would close the gap to the
 * session before. Any other has no session: to start or to join sessions in the past would
 * contradict what is already stored.
 */
export function placeEvent(known: KnownSession, timeMs: number, rules: SessionRules): Placement {
  if (timeMs > known.lastMs) {
    const goesOn = timeMs - known.lastMs <= rules.gapMs && fits(known.startMs, timeMs, rules);
    return goesOn ? "current" : "next";
  }
  if (timeMs >= known.startMs) {
    return "current";
  }
  const { previous } = known;
  if (previous !== null && timeMs <= previous.lastMs) {
    return timeMs >= previous.startMs ? "previous" : "none";
  }
  const isInGrace = known.lastMs - timeMs <= rules.graceMs;
  const wouldJoin =
    previous !== null &&
    timeMs - previous.lastMs <= rules.gapMs &&
    fits(previous.startMs, known.lastMs, rules);
  return isInGrace && !wouldJoin && fits(timeMs, known.lastMs, rules) ? "current" : "none";
}

function fits(startMs: number, lastMs: number, rules: SessionRules): boolean {
  return lastMs - startMs <= rules.lengthMsMax;
}

/** Not empty, at most SESSION_ID_BYTES_MAX, printable ASCII without the space (0x21–0x7E). */
export function isSessionId(text: string): boolean {
  if (text.length === 0 || text.length > SESSION_ID_BYTES_MAX) {
    return false;
  }
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x21 || code > 0x7e) {
      return false;
    }
  }
  return true;
}

/**
 * What one process knows of a session, as it is sent to the store. `count` is not a difference: it
 * is everything this process counted in this `life` (a number that rises with each time the process
 * meets the session anew), so that sending it twice changes nothing.
 */
export interface SessionUpdate extends Interval {
  readonly id: string;
  readonly life: number;
  readonly count: number;
}

/** What the store holds under one key: the session, and what each writer has contributed to it. */
export interface StoredSession extends Interval {
  readonly id: string;
  /** Events stored for the first time, over all processes. */
  readonly count: number;
  readonly writers: ReadonlyMap<string, { readonly life: number; readonly count: number }>;
}

/**
 * kept     the store holds this session under the id that was sent
 * adopted  the same session was there already under another id, which wins
 * behind   the store holds a newer session of this actor; nothing was written
 */
export const MERGE_OUTCOMES = ["kept", "adopted", "behind"] as const;
export type MergeOutcome = (typeof MERGE_OUTCOMES)[number];

export interface Merged {
  readonly outcome: MergeOutcome;
  readonly session: StoredSession;
}

/**
 * Joins an update of `writer` with what is stored. Commutative and idempotent for one id: least
 * start, greatest last, greatest count of each writer. Of two ids for what the rules see as one
 * session the stored one wins; of two sessions the newer one stays.
 */
export function mergeSession(
  stored: StoredSession | undefined,
  update: SessionUpdate,
  by: { readonly writer: string; readonly rules: SessionRules },
): Merged {
  const outcome = stored === undefined ? "kept" : judge(stored, update, by.rules);
  if (stored === undefined || outcome === "replaced") {
    const { id, startMs, lastMs, count, life } = update;
    const writers = new Map([[by.writer, { life, count }]]);
    return { outcome: "kept", session: { id, startMs, lastMs, count, writers } };
  }
  if (outcome === "behind") {
    return { outcome, session: stored };
  }
  const added = countAdded(stored.writers.get(by.writer), update);
  const writers = new Map(stored.writers);
  if (added > 0) {
    writers.set(by.writer, { life: update.life, count: update.count });
  }
  const session = {
    id: stored.id,
    startMs: Math.min(stored.startMs, update.startMs),
    lastMs: Math.max(stored.lastMs, update.lastMs),
    count: stored.count + added,
    writers,
  };
  return { outcome, session };
}

function judge(
  stored: StoredSession,
  update: SessionUpdate,
  rules: SessionRules,
): MergeOutcome | "replaced" {
  if (stored.id === update.id) {
    return "kept";
  }
  const isNear =
    update.startMs - stored.lastMs <= rules.gapMs && stored.startMs - update.lastMs <= rules.gapMs;
  const startMs = Math.min(stored.startMs, update.startMs);
  if (isNear && fits(startMs, Math.max(stored.lastMs, update.lastMs), rules)) {
    return "adopted";
  }
  return update.startMs < stored.startMs ? "behind" : "replaced";
}

function countAdded(
  held: { readonly life: number; readonly count: number } | undefined,
  update: SessionUpdate,
): number {
  assert(update.count >= 0, "a process never takes back what it counted");
  if (held === undefined || update.life > held.life) {
    return update.count;
  }
  return update.life === held.life ? Math.max(update.count - held.count, 0) : 0;
}
