/**
 * What an operator sees of the feeds without being a subscriber: the last events of a type, of all
 * tenants, as they are stored. It reads with the feeds of the subscribers and takes its turn as
 * they do. It tells where an event is, whose, how large, and the names and kinds of its members;
 * ids, keys and values never leave it.
 */
import type { KafkaRecord } from "../delivery/topic-reader.ts";
import type { CancelTimer, Clock } from "../lib/clock.ts";
import {
  LIVE_WATCH_LEASE_MS,
  LIVE_WATCHED_EVENTS_MAX,
  LIVE_WATCHED_VALUE_BYTES_MAX,
  LIVE_WATCHES_MAX,
} from "../limits/live.ts";
import type { ValueDecoder } from "../schema/value-decoder.ts";
import type { Feed } from "./feed.ts";
import type { Origin } from "./origin.ts";

/** Of a value: nothing but how it is built. */
export interface SeenMember {
  readonly name: string;
  readonly kind: "null" | "boolean" | "number" | "text" | "list" | "object";
}

export interface SeenEvent {
  /** Counts the events of this process and type. */
  readonly number: number;
  /** When sluice took it, and when it happened: ms since 1970. */
  readonly atMs: number;
  readonly eventTimeMs: number;
  readonly tenant: string;
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly bytes: number;
  readonly isRepeat: boolean;
  /** null: `reason` says why. */
  readonly schemaId: number | null;
  readonly members: readonly SeenMember[];
  readonly reason: string;
}

export interface Glance {
  /** Another process counts anew. */
  readonly from: string;
  readonly state: "watching" | "opening" | "off";
  /** A sentence; empty unless off. */
  readonly reason: string;
  /** The oldest first. */
  readonly events: readonly SeenEvent[];
}

export interface OnlookersParts {
  readonly acquire: (topic: string) => Promise<Feed | string>;
  readonly release: (feed: Feed) => void;
  /** Why there is no feed; null: there is. */
  readonly closedBecause: () => string | null;
  /** Where events of the type are written, by whichever tenant. */
  readonly topicsOf: (type: string) => readonly string[];
  readonly decoder: ValueDecoder;
  readonly clock: Clock;
  readonly processId: string;
}

/** A record as it was seen; its description is made when somebody asks. */
interface Noted {
  readonly number: number;
  readonly record: KafkaRecord;
  readonly bytes: number;
  readonly origin: Origin;
  described: SeenEvent | null;
}

interface Watch {
  readonly noted: Noted[];
  count: number;
  feeds: readonly Feed[];
  state: "opening" | "watching" | "failed";
  reason: string;
  readonly look: (record: KafkaRecord, origin: Origin) => void;
  cancelLease: CancelTimer;
}

/** As the console's other lists have it: what else may be a member's name may be a value too. */
const MEMBER_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

export class Onlookers {
  readonly #parts: OnlookersParts;
  readonly #watches = new Map<string, Watch>();

  constructor(parts: OnlookersParts) {
    this.#parts = parts;
  }

  /** Events of the type after this number. The first look begins to watch. Never rejects. */
  async look(type: string, after: number): Promise<Glance> {
    const closed = this.#parts.closedBecause();
    if (closed !== null) return this.#off(closed);
    const known = this.#watches.get(type);
    if (known !== undefined && known.feeds.some(({ isOver }) => isOver)) this.#end(type, known);
    const watch = this.#watches.get(type) ?? this.#begin(type);
    if (typeof watch === "string") return this.#off(watch);
    this.#extend(type, watch);
    if (watch.state === "failed") {
      this.#end(type, watch);
      return this.#off(watch.reason);
    }
    const fresh = watch.noted.filter(({ number }) => number > after);
    const events = await Promise.all(fresh.map((noted) => this.#describe(noted)));
    return { from: this.#parts.processId, state: watch.state, reason: "", events };
  }

  #off(reason: string): Glance {
    return { from: this.#parts.processId, state: "off", reason, events: [] };
  }

  #begin(type: string): Watch | string {
    const topics = this.#parts.topicsOf(type);
    if (topics.length === 0) return "no topic is known to have events of this type";
    if (this.#watches.size >= LIVE_WATCHES_MAX) {
      return `as many types are watched as may be at once (${LIVE_WATCHES_MAX})`;
    }
    const noted: Noted[] = [];
    const watch: Watch = {
      noted,
      count: 0,
      feeds: [],
      state: "opening",
      reason: "",
      look: (record, origin) => {
        if (origin.type !== type) return;
        watch.count += 1;
        noted.push(noteOf(watch.count, record, origin));
        if (noted.length > LIVE_WATCHED_EVENTS_MAX) noted.shift();
      },
      cancelLease: () => {},
    };
    this.#watches.set(type, watch);
    void this.#open(type, watch, topics);
    return watch;
  }

  async #open(type: string, watch: Watch, topics: readonly string[]): Promise<void> {
    const feeds = await Promise.all(topics.map((topic) => this.#parts.acquire(topic)));
    const failure = feeds.find((feed) => typeof feed === "string");
    watch.feeds = feeds.filter((feed) => typeof feed !== "string");
    if (this.#watches.get(type) !== watch) this.#release(watch);
    else if (failure !== undefined) {
      watch.reason = failure;
      watch.state = "failed";
    } else {
      for (const { onlookers } of watch.feeds) onlookers.add(watch.look);
      watch.state = "watching";
    }
  }

  #extend(type: string, watch: Watch): void {
    watch.cancelLease();
    watch.cancelLease = this.#parts.clock.after(LIVE_WATCH_LEASE_MS, () => this.#end(type, watch));
  }

  #end(type: string, watch: Watch): void {
    watch.cancelLease();
    if (this.#watches.get(type) === watch) this.#watches.delete(type);
    this.#release(watch);
  }

  #release(watch: Watch): void {
    for (const feed of watch.feeds) {
      feed.onlookers.delete(watch.look);
      this.#parts.release(feed);
    }
    watch.feeds = [];
  }

  async #describe(noted: Noted): Promise<SeenEvent> {
    if (noted.described !== null) return noted.described;
    const { number, record, bytes, origin } = noted;
    const { topic, partition, offset, timestampMs } = record;
    const { tenant, source, eventTimeMs, isRepeat } = origin;
    const built = await this.#builtAs(record, bytes);
    const place = { topic, partition, offset, bytes, isRepeat };
    const seen = { number, atMs: timestampMs, eventTimeMs, tenant, source, ...place, ...built };
    noted.described = seen;
    return seen;
  }

  async #builtAs(
    { value }: KafkaRecord,
    bytes: number,
  ): Promise<Pick<SeenEvent, "schemaId" | "members" | "reason">> {
    const without = (reason: string) => ({ schemaId: null, members: [], reason });
    if (value === null) {
      return without(bytes === 0 ? "It has no value." : "It is too long to be looked into.");
    }
    const decoded = await this.#parts.decoder.decode(value);
    // A reason may quote what the value has; the console may not.
    if (decoded.kind !== "avro") return without("Its value cannot be decoded.");
    return { schemaId: decoded.schemaId, members: membersOf(decoded.json), reason: "" };
  }
}

function noteOf(number: number, record: KafkaRecord, origin: Origin): Noted {
  const bytes = record.value?.length ?? 0;
  const isShort = bytes <= LIVE_WATCHED_VALUE_BYTES_MAX;
  // Neither its key nor its headers are shown: they need not be kept.
  const kept = { ...record, key: null, headers: [], value: isShort ? record.value : null };
  return { number, record: kept, bytes, origin, described: null };
}

/** Decoded JSON is sound. */
function membersOf(json: string): readonly SeenMember[] {
  const value: unknown = JSON.parse(json);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  return Object.entries(value)
    .filter(([name]) => MEMBER_NAME.test(name))
    .map(([name, member]) => ({ name, kind: kindOf(member) }));
}

function kindOf(value: unknown): SeenMember["kind"] {
  if (value === null) return "null";
  if (Array.isArray(value)) return "list";
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "number") return "number";
  return typeof value === "string" ? "text" : "object";
}
