/**
 * Ids of events that are in Kafka, exactly, for a tenant's window: an event that comes again within
 * it is a duplicate. An id is remembered once its record is confirmed and not before; while that is
 * open, a second copy has to come again. Bounded: the oldest ids are forgotten, never guessed at.
 * It knows neither events nor Kafka.
 */

export type IdStanding = "new" | "in_progress" | "stored";

export interface IdWindowOptions {
  readonly idsMax: number;
  /** Monotonic. */
  readonly clockMs: () => number;
}

/** Who an id belongs to. */
export interface IdScope {
  readonly tenant: string;
  readonly source: string;
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

  /** Claims a new id: its event is handed over now. */
  claim(key: string): IdStanding {
    if (this.#open.has(key)) return "in_progress";
    const untilMs = this.#stored.get(key);
    if (untilMs !== undefined && untilMs > this.#options.clockMs()) return "stored";
    this.#open.add(key);
    return "new";
  }

  /** Its record is in Kafka. */
  stored(key: string, windowMs: number): void {
    const { idsMax, clockMs } = this.#options;
    this.#open.delete(key);
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

/** The claims of one batch, by row. */
export class IdClaims {
  readonly #window: IdWindow;
  readonly #scope: string;
  readonly #windowMs: number;
  readonly #keys = new Map<number, string>();

  constructor(
    window: IdWindow,
    { tenant, source }: IdScope,
    options: { readonly windowMs: number },
  ) {
    this.#window = window;
    // Names of tenants and sources hold no zero byte.
    this.#scope = `${tenant}\0${source}\0`;
    this.#windowMs = options.windowMs;
  }

  /** An event without an id is always new. */
  claim(row: number, id: string): IdStanding {
    if (id === "") return "new";
    const key = this.#scope + id;
    const standing = this.#window.claim(key);
    if (standing === "new") this.#keys.set(row, key);
    return standing;
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
