/**
 * A shared store in memory with a switch for each failure. Several fakes over one `held` map are
 * several processes at one server.
 */
import { mergeSession } from "../rules.ts";
import type { SessionRules, StoredSession } from "../rules.ts";
import { failAll, storeKey } from "../store.ts";
import type { KeyedUpdate, SessionStore, StoreAnswer, StoreFailure } from "../store.ts";

export interface FakeStoreOptions {
  readonly rules: SessionRules;
  readonly writer: string;
  readonly held?: Map<string, StoredSession>;
}

export class FakeStore implements SessionStore {
  readonly isShared = true;
  readonly held: Map<string, StoredSession>;
  readonly #rules: SessionRules;
  readonly #writer: string;
  /** Sizes of the pipelines taken so far. */
  readonly pipelines: number[] = [];
  /** Every pipeline fails so, before anything is written. */
  failing: StoreFailure | null = null;
  /** Pipelines are written, but their answers are lost. */
  isDeaf = false;
  /** Updates whose actor key is in here are refused alone. */
  readonly poisoned = new Set<string>();
  /** Updates of these actor keys are answered as erased. */
  readonly erased = new Set<string>();
  /** While set, pipelines wait for `letGo`. */
  isSlow = false;
  inFlight = 0;
  #waiting: (() => void)[] = [];

  constructor(options: FakeStoreOptions) {
    this.held = options.held ?? new Map<string, StoredSession>();
    this.#rules = options.rules;
    this.#writer = options.writer;
  }

  start(): void {}

  async apply(updates: readonly KeyedUpdate[]): Promise<readonly StoreAnswer[]> {
    this.pipelines.push(updates.length);
    if (this.failing !== null) {
      return failAll(updates, this.failing, "switched off by the test");
    }
    const answers = updates.map((update) => this.#applyOne(update));
    if (this.isSlow) {
      this.inFlight += 1;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      this.inFlight -= 1;
    }
    return this.isDeaf ? failAll(updates, "down", "the connection was lost") : answers;
  }

  letGo(): void {
    this.isSlow = false;
    this.#waiting.forEach((resolve) => resolve());
    this.#waiting = [];
  }

  async stop(): Promise<void> {}

  #applyOne(update: KeyedUpdate): StoreAnswer {
    if (this.poisoned.has(update.actorKey)) {
      return { kind: "failed", reason: "refused", detail: "WRONGTYPE of the test" };
    }
    if (this.erased.has(update.actorKey)) return { kind: "erased" };
    const key = storeKey(update);
    const by = { writer: this.#writer, rules: this.#rules };
    const { outcome, session } = mergeSession(this.held.get(key), update, by);
    this.held.set(key, session);
    const { id, startMs, lastMs, count } = session;
    return { kind: outcome, id, startMs, lastMs, count };
  }
}
