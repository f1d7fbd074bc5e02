/**
 * Sessions of this process alone, with their deadlines: announcing, reading and erasing as
 * RedisBook does it, without anybody to share with. Bounded by the store that fills it.
 */
import {
  SESSION_CLAIM_MS,
  SESSION_CLAIM_SESSIONS_MAX,
  SESSION_CLAIMS_MAX,
  SESSION_MARKS_MAX,
} from "../limits/sessions.ts";
import type { Claim, Found, SessionBook, SessionFacts, Settlement } from "./book.ts";
import type { StoredSession } from "./rules.ts";
import { ACTOR_KEYS } from "./store.ts";

export interface HeldSession extends Omit<
  SessionFacts,
  "key" | "id" | "startMs" | "lastMs" | "count"
> {
  readonly session: StoredSession;
  readonly idleMs: number;
  readonly expiresAtMs: number;
}

/** Deadlines are gathered in slots of so many milliseconds. */
const SLOT_MS = 1_000;

export class MemoryBook implements SessionBook {
  readonly #nowMs: () => number;
  /** Oldest write first. */
  readonly #held = new Map<string, HeldSession>();
  readonly #keysOf = new Map<string, Set<string>>();
  readonly #dueOf = new Map<string, number>();
  /** Keys by the slot of their deadline, oldest slot wherever it is: there are few. */
  readonly #slots = new Map<number, Set<string>>();
  readonly #erased = new Map<string, { readonly atMs: number; readonly untilMs: number }>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get(key: string): HeldSession | undefined {
    return this.#held.get(key);
  }

  put(key: string, held: HeldSession): void {
    this.#held.delete(key);
    this.#held.set(key, held);
    const keys = this.#keysOf.get(held.actorKey);
    if (keys === undefined) this.#keysOf.set(held.actorKey, new Set([key]));
    else keys.add(key);
  }

  delete(key: string): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    this.#held.delete(key);
    const keys = this.#keysOf.get(held.actorKey);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysOf.delete(held.actorKey);
  }

  clear(): void {
    for (const map of [this.#held, this.#keysOf, this.#dueOf, this.#slots, this.#erased]) {
      map.clear();
    }
  }

  /** At most two go for each that comes, so that the map shrinks without a sweep. */
  dropOldest(sessionsMax: number): void {
    const nowMs = this.#nowMs();
    for (let turn = 0; turn < 2; turn += 1) {
      const oldest = this.#held.entries().next().value;
      if (oldest === undefined) return;
      const [key, { expiresAtMs }] = oldest;
      if (this.#held.size <= sessionsMax && expiresAtMs > nowMs) return;
      this.delete(key);
    }
  }

  /** −Infinity: never, as far as is known. */
  erasedAtMs(actorKey: string): number {
    return this.#erased.get(actorKey)?.atMs ?? Number.NEGATIVE_INFINITY;
  }

  /** The key is looked at then, or earlier if it already was to be. */
  makeDue(key: string, dueMs: number): void {
    const before = this.#dueOf.get(key);
    if (before !== undefined && before <= dueMs) return;
    if (before !== undefined) this.#slots.get(Math.floor(before / SLOT_MS))?.delete(key);
    this.#dueOf.set(key, dueMs);
    const number = Math.floor(dueMs / SLOT_MS);
    const slot = this.#slots.get(number);
    if (slot === undefined) this.#slots.set(number, new Set([key]));
    else slot.add(key);
  }

  async claim(): Promise<Found<readonly Claim[]>> {
    const nowMs = this.#nowMs();
    const untilMs = nowMs + SESSION_CLAIM_MS;
    const claims: Claim[] = [];
    for (const member of this.#takeDue(nowMs)) {
      const held = this.#held.get(member);
      if (held === undefined) continue;
      const { actorKey } = held;
      const isCurrent = member === ACTOR_KEYS.current(actorKey);
      const past = isCurrent ? this.#unsaid(actorKey) : [];
      const sessions = [factsOf(member, held), ...past].slice(0, SESSION_CLAIM_SESSIONS_MAX);
      claims.push({ member, actorKey, untilMs, sessions });
    }
    return { kind: "found", value: claims };
  }

  #unsaid(actorKey: string): readonly SessionFacts[] {
    return this.#all(actorKey).filter(({ isPast, isSaid }) => isPast && !isSaid);
  }

  #takeDue(nowMs: number): readonly string[] {
    const taken: string[] = [];
    const last = Math.floor(nowMs / SLOT_MS);
    for (const [number, slot] of this.#slots) {
      if (number > last) continue;
      for (const key of slot) {
        if (taken.length >= SESSION_CLAIMS_MAX) return taken;
        slot.delete(key);
        this.#dueOf.delete(key);
        taken.push(key);
      }
      this.#slots.delete(number);
    }
    return taken;
  }

  async settle(settlements: readonly Settlement[]): Promise<Found<null>> {
    const nowMs = this.#nowMs();
    for (const { claim, said, againAtMs } of settlements) {
      for (const { session, started, ended } of said) this.#note(session, { started, ended });
      if (againAtMs !== null) {
        this.makeDue(claim.member, againAtMs);
        continue;
      }
      const held = this.#held.get(claim.member);
      if (held !== undefined && !held.isSaid && held.dueMs > nowMs) {
        const isCounted = held.session.count > 0;
        this.makeDue(claim.member, isCounted ? held.dueMs : nowMs + SLOT_MS);
      }
      if (this.#unsaid(claim.actorKey).length > 0) this.makeDue(claim.member, nowMs + SLOT_MS);
    }
    return { kind: "found", value: null };
  }

  #note(
    { key, count }: SessionFacts,
    { started, ended }: { readonly started: boolean; readonly ended: boolean },
  ): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    const nowMs = this.#nowMs();
    const isOver = held.isPast || held.dueMs <= nowMs;
    const isSaid = ended && isOver && held.session.count === count;
    this.#held.set(key, {
      ...held,
      isBegun: held.isBegun || started,
      isSaid: held.isSaid || isSaid,
      revision: held.revision + (ended ? 1 : 0),
      expiresAtMs: isSaid ? nowMs + 2 * held.idleMs : held.expiresAtMs,
    });
  }

  async find(actorKey: string): Promise<Found<readonly SessionFacts[]>> {
    return { kind: "found", value: this.#all(actorKey) };
  }

  async linkedTo(knownKey: string): Promise<Found<readonly string[]>> {
    const parts = knownKey.split(":", 2);
    const scope = `${parts.join(":")}:`;
    const user = knownKey.slice(scope.length);
    const actors = new Set<string>();
    for (const held of this.#held.values()) {
      const isLinked = held.user === user && held.actorKey.startsWith(scope);
      if (isLinked) actors.add(held.actorKey.slice(scope.length));
    }
    return { kind: "found", value: [...actors] };
  }

  async erase(actorKey: string, markMs: number): Promise<Found<number>> {
    const nowMs = this.#nowMs();
    for (const [key, { untilMs }] of this.#erased) {
      const isOver = untilMs <= nowMs || this.#erased.size >= SESSION_MARKS_MAX;
      if (isOver) this.#erased.delete(key);
    }
    const keys = [...(this.#keysOf.get(actorKey) ?? [])];
    for (const key of keys) this.delete(key);
    this.#erased.set(actorKey, { atMs: nowMs, untilMs: nowMs + markMs });
    return { kind: "found", value: keys.length };
  }

  #all(actorKey: string): readonly SessionFacts[] {
    const nowMs = this.#nowMs();
    const current = ACTOR_KEYS.current(actorKey);
    return [...(this.#keysOf.get(actorKey) ?? [])]
      .flatMap((key) => {
        const held = this.#held.get(key);
        return held === undefined || held.expiresAtMs <= nowMs ? [] : [factsOf(key, held)];
      })
      .toSorted((left, right) => Number(right.key === current) - Number(left.key === current));
  }
}

function factsOf(key: string, held: HeldSession): SessionFacts {
  const { session, idleMs: _idle, expiresAtMs: _expiry, ...facts } = held;
  const { id, startMs, lastMs, count } = session;
  return { key, id, startMs, lastMs, count, ...facts };
}
