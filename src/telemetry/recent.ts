/**
 * What has just happened, for whoever looks at the console: the last refused events with their
 * reasons, and, while somebody looks, the last batches. Rings in memory, no more. Nothing a client
 * wrote gets in here but the names in a path, and of those only what looks like a name: no ids, no
 * values, no texts that quote them.
 */
import { RECENT_BATCHES_MAX, RECENT_REFUSALS_MAX, RECENT_WATCH_MS } from "../limits/watching.ts";

export interface RecentRefusal {
  /** When, ms since 1970. */
  readonly atMs: number;
  readonly tenant: string;
  readonly source: string;
  /** "": the pack has no such type. */
  readonly type: string;
  readonly code: string;
  readonly kind: string;
  /** Where in the event, as far as it can be shown. */
  readonly path: string;
  /** What the schema wants there. */
  readonly expected: string;
}

export interface RecentBatch {
  readonly atMs: number;
  readonly tenant: string;
  readonly source: string;
  readonly transport: "http" | "ws";
  /** "": several, or none. */
  readonly topic: string;
  readonly stored: number;
  readonly duplicate: number;
  readonly rejected: number;
  readonly retry: number;
  /** From its arrival to its last outcome. */
  readonly durationMs: number;
}

export interface RecentOptions {
  readonly nowMs: () => number;
}

/** The last so many of something. */
class Ring<T> {
  readonly #most: number;
  readonly #items: T[] = [];
  #next = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(item: T): void {
    this.#items[this.#next] = item;
    this.#next = (this.#next + 1) % this.#most;
  }

  /** The latest first. */
  list(): readonly T[] {
    return [...this.#items.slice(this.#next), ...this.#items.slice(0, this.#next)].toReversed();
  }

  clear(): void {
    this.#items.length = 0;
    this.#next = 0;
  }
}

export class Recent {
  readonly #nowMs: () => number;
  readonly #refusals = new Ring<RecentRefusal>(RECENT_REFUSALS_MAX);
  readonly #batches = new Ring<RecentBatch>(RECENT_BATCHES_MAX);
  #watchedUntilMs = 0;

  constructor({ nowMs }: RecentOptions) {
    this.#nowMs = nowMs;
  }

  /** Somebody looks, and will again soon. Until then nothing was noted of batches. */
  look(): {
    readonly refusals: readonly RecentRefusal[];
    readonly batches: readonly RecentBatch[];
  } {
    const nowMs = this.#nowMs();
    if (nowMs > this.#watchedUntilMs) this.#batches.clear();
    this.#watchedUntilMs = nowMs + RECENT_WATCH_MS;
    return { refusals: this.#refusals.list(), batches: this.#batches.list() };
  }

  /** Asked before a batch is put into words: that is not for nothing. */
  get isWatched(): boolean {
    return this.#watchedUntilMs !== 0 && this.#nowMs() <= this.#watchedUntilMs;
  }

  refused(refusal: Omit<RecentRefusal, "atMs">): void {
    this.#refusals.add({ ...refusal, atMs: this.#nowMs(), path: shownPath(refusal.path) });
  }

  settled(batch: Omit<RecentBatch, "atMs">): void {
    this.#batches.add({ ...batch, atMs: this.#nowMs() });
  }
}

const PATH_LENGTH_MAX = 160;
/** A member or an index; an address, a number of digits or a sentence is somebody's value. */
const NAME = /^(?:[A-Za-z_$][A-Za-z_$.-]{0,39}|[A-Za-z_$][\w$.-]{0,19}|\d{1,6})$/;

/** A path (RFC 6901) with everything left out that may be more than the name of a member. */
export function shownPath(path: string): string {
  const shown = path
    .slice(0, 4 * PATH_LENGTH_MAX)
    .split("/")
    .map((part) => (part === "" || NAME.test(part) ? part : "…"))
    .join("/");
  return shown.length > PATH_LENGTH_MAX ? `${shown.slice(0, PATH_LENGTH_MAX)}…` : shown;
}
