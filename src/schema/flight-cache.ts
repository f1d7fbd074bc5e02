/**
 * A bounded cache in front of something slow: one load per key at a time, whoever asks. What was
 * found stays until it is the one that was not used for longest and room is needed; what was not
 * found is remembered for a while, in a bounded map of its own, so that a flood of unknown keys
 * neither repeats the load nor pushes out what is known.
 */
import type { Clock } from "./clock.ts";

export interface Loaded<V> {
  readonly value: V;
  /** How long it may be given again without a load; Infinity: as long as there is room. */
  readonly keepMs: number;
}

interface Remembered<V> {
  readonly value: V;
  readonly untilMs: number;
}

export interface FlightCacheOptions {
  /** Entries that stay for ever; beyond it the one not used for longest goes. */
  readonly lastingMax: number;
  /** Entries that stay for a while; beyond it the oldest goes. */
  readonly passingMax: number;
  readonly clock: Clock;
}

export class FlightCache<V> {
  readonly #options: FlightCacheOptions;
  readonly #lasting = new Map<string, V>();
  readonly #passing = new Map<string, Remembered<V>>();
  readonly #flights = new Map<string, Promise<V>>();

  constructor(options: FlightCacheOptions) {
    this.#options = options;
  }

  /** Loads that are under way; the caller bounds them where it has to. */
  get flights(): number {
    return this.#flights.size;
  }

  /** Would `get` answer without a new load? */
  isKnown(key: string): boolean {
    return this.#flights.has(key) || this.peek(key) !== undefined;
  }

  /** What is known without a load. */
  peek(key: string): V | undefined {
    const lasting = this.#lasting.get(key);
    if (lasting !== undefined) {
      this.#lasting.delete(key);
      this.#lasting.set(key, lasting);
      return lasting;
    }
    const passing = this.#passing.get(key);
    if (passing !== undefined) {
      if (passing.untilMs > this.#options.clock.monotonicMs()) return passing.value;
      this.#passing.delete(key);
    }
    return undefined;
  }

  /** What is known, or what the load brings. What `load` rejects with is not kept. */
  async get(key: string, load: () => Promise<Loaded<V>>): Promise<V> {
    const known = this.peek(key) ?? this.#flights.get(key);
    if (known !== undefined) return known;
    const flight = load().then(
      (loaded) => {
        // A load that was under way when everything was forgotten brings nothing back.
        if (this.#land(key, flight)) this.#remember(key, loaded);
        return loaded.value;
      },
      (error: unknown) => {
        this.#land(key, flight);
        throw error;
      },
    );
    this.#flights.set(key, flight);
    return flight;
  }

  #land(key: string, flight: Promise<V>): boolean {
    return this.#flights.get(key) === flight && this.#flights.delete(key);
  }

  /** Forgets everything, loads that are under way too. */
  clear(): void {
    this.#lasting.clear();
    this.#passing.clear();
    this.#flights.clear();
  }

  #remember(key: string, { value, keepMs }: Loaded<V>): void {
    if (keepMs <= 0) return;
    const { lastingMax, passingMax, clock } = this.#options;
    if (keepMs === Number.POSITIVE_INFINITY) {
      this.#lasting.set(key, value);
      trim(this.#lasting, lastingMax);
    } else {
      this.#passing.set(key, { value, untilMs: clock.monotonicMs() + keepMs });
      trim(this.#passing, passingMax);
    }
  }
}

function trim(map: Map<string, unknown>, max: number): void {
  for (const key of map.keys()) {
    if (map.size <= max) return;
    map.delete(key);
  }
}
