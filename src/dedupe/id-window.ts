/**
 * Ids of events that are in Kafka, exactly, for a tenant's window: an event that comes again within
 * it is a duplicate. An id is remembered once its record is confirmed and not before; while that is
 * open, a second copy has to come again, or shares its fate if it is in the same batch. Bounded:
 * the oldest ids are forgotten, never guessed at. Other processes are asked and told where there is
 * a shared memory. It knows neither events nor Kafka.
 */
import { SHARED_ID_KEPT_MS } from "../limits/repeats.ts";
import type { SharedMemory } from "./shared-memory.ts";

/** `twin`: of an event before it in its batch. */
export type IdStanding = "new" | "in_progress" | "stored" | "twin";

export interface IdWindowOptions {
  readonly idsMax: number;
  /** Monotonic. */
  readonly clockMs: () => number;
  /** null: this process is the only one. */
  readonly shared: SharedMemory | null;
}

/** Who an id belongs to. */
export interface IdScope {
  readonly tenant: string;
  readonly source: string;
}

const KEY_PREFIX = "sluice:id:";

/** An id among all others. Names of tenants and sources hold no zero byte. */
export function idKey({ tenant, source }: IdScope, id: string): string {
  return `${tenant}\0${source}\0${id}`;
}

export class IdWindow {
  readonly #options: IdWindowOptions;
  /** As many as events are in flight. */
  readonly #open = new Set<string>();
  /** When each is forgotten, in the order in which they were stored. */
  readonly #stored = new Map<string, number>();

  constructor(options: IdWindowOptions) {
    this.#options = options;
  }

  /** Ids that are remembered. */
  get size(): number {
    return this.#stored.size;
  }

  /**
   * Resolves, soon in any case, when it is known which of these other processes have stored; null:
   * there is nobody to ask, or no need to.
   */
  ask(keys: readonly string[], windowMs: number): Promise<void> | null {
    const { shared } = this.#options;
    if (shared === null || !shared.isAsked) return null;
    const unknown = keys.filter((key) => !this.#open.has(key) && !this.#isStored(key));
    if (unknown.length === 0) return null;
    const keptMs = Math.min(windowMs, SHARED_ID_KEPT_MS);
    return shared.find(unknown.map((key) => KEY_PREFIX + key)).then((values) => {
      for (const [index, key] of unknown.entries()) {
        if (values[index] !== null && !this.#open.has(key)) this.#keep(key, keptMs);
      }
    });
  }

  #isStored(key: string): boolean {
    const untilMs = this.#stored.get(key);
    return untilMs !== undefined && untilMs > this.#options.clockMs();
  }

  /** Claims a new id: its event is handed over now. */
  claim(key: string): Exclude<IdStanding, "twin"> {
    if (this.#open.has(key)) return "in_progress";
    if (this.#isStored(key)) return "stored";
    this.#open.add(key);
    return "new";
  }

  /** Its record is in Kafka. */
  stored(key: string, windowMs: number): void {
    this.#open.delete(key);
    this.#keep(key, windowMs);
    this.#options.shared?.remember(KEY_PREFIX + key, { value: "1", ttlMs: windowMs });
  }

  #keep(key: string, windowMs: number): void {
    const { idsMax, clockMs } = this.#options;
    this.#stored.delete(key);
    const nowMs = clockMs();
    this.#stored.set(key, nowMs + windowMs);
    for (const [oldest, untilMs] of this.#stored) {
      if (this.#stored.size <= idsMax && untilMs > nowMs) return;
      this.#stored.delete(oldest);
    }
  }

  /** Its record is not known to be in Kafka. */
  release(key: string): void {
    this.#open.delete(key);
  }
}

const NO_ROWS: readonly number[] = [];

/** The claims of one batch, by row. */
export class IdClaims {
  readonly #window: IdWindow;
  readonly #scope: IdScope;
  readonly #windowMs: number;
  readonly #keys = new Map<number, string>();
  readonly #rows = new Map<string, number>();
  readonly #twins = new Map<number, number[]>();

  constructor(window: IdWindow, scope: IdScope, options: { readonly windowMs: number }) {
    this.#window = window;
    this.#scope = scope;
    this.#windowMs = options.windowMs;
  }

  /** An event without an id is always new. */
  claim(row: number, id: string): IdStanding {
    if (id === "") return "new";
    const key = idKey(this.#scope, id);
    const first = this.#rows.get(key);
    if (first !== undefined) {
      this.#twins.set(first, [...this.twinsOf(first), row]);
      return "twin";
    }
    const standing = this.#window.claim(key);
    if (standing === "new") {
      this.#keys.set(row, key);
      this.#rows.set(key, row);
    }
    return standing;
  }

  /** Rows with the same id as this one, which was claimed before them. */
  twinsOf(row: number): readonly number[] {
    return this.#twins.get(row) ?? NO_ROWS;
  }

  stored(row: number): void {
    const key = this.#keys.get(row);
    if (key !== undefined) this.#window.stored(key, this.#windowMs);
  }

  failed(row: number): void {
    const key = this.#keys.get(row);
    if (key !== undefined) this.#window.release(key);
  }
}
