/**
 * Writes records of streams behind their holders' backs: those that were released at once, the
 * others gathered for STREAM_SAVE_MS, each at most once per round. While the memory is away they
 * stay owed, within bounds. It knows how to write, not who may claim.
 */
import type { Clock } from "../lib/clock.ts";
import {
  STREAMS_LEAVING_MAX,
  STREAM_PIPELINE_SAVES_MAX,
  STREAM_SAVE_MS,
} from "../limits/streams.ts";
import type { Lease } from "./lease.ts";
import type { MemorySave, SaveAnswer } from "./memory-rules.ts";
import { newBirth } from "./resume-token.ts";
import type { StreamRecord, StreamStoreEvent } from "./store.ts";
import type { Away, StreamMemory } from "./stream-memory.ts";
import { mergedRecord } from "./stream-record.ts";

/** A released stream whose last record is not written yet. */
interface Leaving {
  readonly key: string;
  readonly epoch: number;
  record: StreamRecord;
  /** Resolved when writing was tried. */
  readonly tried: (() => void)[];
}

export interface SaverParts {
  readonly memory: StreamMemory;
  readonly clock: Clock;
  readonly onEvent: (event: StreamStoreEvent) => void;
  /** The memory knew an older epoch, of a process that may not know it lost the stream. */
  readonly onOvertaken: (lease: Lease, previous: { epoch: number; owner: string }) => void;
}

type Owed = Lease | Leaving;

export class Saver {
  readonly #parts: SaverParts;
  readonly #changed = new Set<Lease>();
  readonly #leaving = new Map<string, Leaving>();
  #round: Promise<boolean> | null = null;
  #isRoundDue = false;
  #cancelTick = (): void => {};
  #failingSinceMs: number | null = null;

  constructor(parts: SaverParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#cancelTick = this.#parts.clock.after(STREAM_SAVE_MS, () => {
      this.start();
      void this.flush();
    });
  }

  stop(): void {
    this.#cancelTick();
  }

  get pending(): number {
    return this.#changed.size + this.#leaving.size;
  }

  changed(lease: Lease): void {
    this.#changed.add(lease);
  }

  dropped(lease: Lease): void {
    this.#changed.delete(lease);
  }

  /** Resolves when writing the last record was tried. */
  release(lease: Lease, record: StreamRecord): Promise<void> {
    this.#changed.delete(lease);
    const { key, epoch } = lease;
    const earlier = this.#leaving.get(key);
    const leaving: Leaving = { key, epoch, record, tried: earlier?.tried ?? [] };
    this.#leaving.delete(key);
    this.#leaving.set(key, leaving);
    this.#forgetOldest();
    return this.#tried(leaving);
  }

  /** A stream released by this process whose last record is still owed. */
  leaving(key: string): { readonly epoch: number; readonly record: StreamRecord } | null {
    return this.#leaving.get(key) ?? null;
  }

  /** Resolves when nothing is owed for a released stream, or writing it was tried. */
  async settle(key: string): Promise<void> {
    const leaving = this.#leaving.get(key);
    if (leaving !== undefined) await this.#tried(leaving);
  }

  /** A new lease of this process carries on what was owed. */
  inherited(key: string): void {
    const leaving = this.#leaving.get(key);
    this.#leaving.delete(key);
    for (const resolve of leaving?.tried ?? []) resolve();
  }

  #tried(leaving: Leaving): Promise<void> {
    return new Promise((resolve) => {
      leaving.tried.push(resolve);
      if (leaving.tried.length === 1) this.#parts.clock.after(0, () => void this.flush());
    });
  }

  #forgetOldest(): void {
    if (this.#leaving.size <= STREAMS_LEAVING_MAX) return;
    const [oldest] = this.#leaving.keys();
    if (oldest === undefined) return;
    this.inherited(oldest);
    this.#parts.onEvent({ kind: "forgotten", records: 1 });
  }

  /** Writes all that is owed; false if the memory did not take it. */
  flush(): Promise<boolean> {
    this.#isRoundDue = true;
    this.#round ??= this.#rounds().finally(() => {
      this.#round = null;
    });
    return this.#round;
  }

  async #rounds(): Promise<boolean> {
    let isTaken = true;
    while (this.#isRoundDue && isTaken) {
      this.#isRoundDue = false;
      isTaken = await this.#writeAll([...this.#leaving.values(), ...this.#changed]);
    }
    return isTaken;
  }

  async #writeAll(owed: readonly Owed[]): Promise<boolean> {
    let isTaken = true;
    for (let start = 0; start < owed.length; start += STREAM_PIPELINE_SAVES_MAX) {
      const part = owed.slice(start, start + STREAM_PIPELINE_SAVES_MAX);
      isTaken = isTaken && (await this.#write(part.filter((one) => this.#isOwed(one))));
    }
    // Whatever became of it, it was tried: nobody waits for a memory that is away.
    for (const one of owed)
      if ("tried" in one) for (const resolve of one.tried.splice(0)) resolve();
    return isTaken;
  }

  #isOwed(one: Owed): boolean {
    return "tried" in one ? this.#leaving.get(one.key) === one : this.#changed.has(one);
  }

  async #write(owed: readonly Owed[]): Promise<boolean> {
    if (owed.length === 0) return true;
    const { memory, clock } = this.#parts;
    const startMs = clock.monotonicMs();
    const saves = owed.map((one) => this.#save(one));
    const answers = await memory.save(saves);
    const failure = answers.find((answer) => answer.kind === "away");
    answers.forEach((answer, index) => {
      const one = owed[index];
      if (one !== undefined) this.#onAnswer(one, answer);
    });
    const nowMs = clock.monotonicMs();
    if (failure === undefined) {
      const durationMs = nowMs - startMs;
      this.#parts.onEvent({ kind: "saved", records: owed.length, durationMs });
      this.#healed(nowMs);
    } else this.failed(failure);
    return failure === undefined;
  }

  #save(one: Owed): MemorySave {
    const { owner } = this.#parts.memory;
    const { key, epoch } = one;
    const mine = { key, owner, epoch, birth: newBirth() };
    if ("tried" in one) return { ...mine, record: one.record, isLast: true };
    this.#changed.delete(one);
    return { ...mine, record: one.record(), isLast: false };
  }

  #onAnswer(one: Owed, answer: SaveAnswer | Away): void {
    if ("tried" in one) this.#onLastAnswer(one, answer);
    else this.#onLeaseAnswer(one, answer);
  }

  #onLeaseAnswer(lease: Lease, answer: SaveAnswer | Away): void {
    switch (answer.kind) {
      case "saved":
      case "handed_over":
        break;
      case "superseded":
        void lease.fence();
        break;
      case "behind":
        lease.learned(answer.record);
        this.#owe(lease);
        this.#isRoundDue = true;
        if (answer.previous !== null) this.#parts.onOvertaken(lease, answer.previous);
        break;
      case "away":
        this.#owe(lease);
        break;
      default:
        answer satisfies never;
    }
  }

  /** Not if it was released meanwhile: then its last record is owed instead. */
  #owe(lease: Lease): void {
    if (lease.isHeld) this.#changed.add(lease);
  }

  #onLastAnswer(leaving: Leaving, answer: SaveAnswer | Away): void {
    const { key, epoch } = leaving;
    if (answer.kind === "away") return;
    if (answer.kind === "behind") {
      leaving.record = mergedRecord(answer.record, leaving.record);
      this.#isRoundDue = true;
      return;
    }
    if (this.#leaving.get(key) === leaving) this.#leaving.delete(key);
    const { memory } = this.#parts;
    if (answer.kind === "handed_over") {
      memory.tellHandedOver(answer.to, { key, owner: memory.owner, epoch });
    }
  }

  /** The memory did not take something: said once until it does again. */
  failed({ reason, detail }: Away): void {
    this.#parts.onEvent({ kind: "save_failed", reason, detail });
    if (this.#failingSinceMs !== null) return;
    this.#failingSinceMs = this.#parts.clock.monotonicMs();
    this.#parts.onEvent({ kind: "degraded", reason, detail });
  }

  #healed(nowMs: number): void {
    if (this.#failingSinceMs === null) return;
    this.#parts.onEvent({ kind: "healed", afterMs: nowMs - this.#failingSinceMs });
    this.#failingSinceMs = null;
  }
}
