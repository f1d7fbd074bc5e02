/**
 * What the processes of a gateway tell one another of what is stored already, through Redis: ids of
 * events, answers of requests. Reading is asked for in one command a turn and has a deadline: what
 * is not known by then counts as unknown, so that a doubt stores an event twice and drops none.
 * Writing happens behind the answers, in pipelines; what cannot be written is known to this process
 * alone. It knows neither events nor requests, only keys.
 */
import type { Clock } from "../lib/clock.ts";
import {
  SHARED_ENTRIES_MAX,
  SHARED_FLUSH_MS,
  SHARED_LOOKUPS_MAX,
  SHARED_LOOKUP_DEADLINE_MS,
  SHARED_PAUSE_MS,
  SHARED_WRITES_MAX,
} from "../limits/repeats.ts";
import { createRedisClient, placeOf, whyDown } from "../redis/redis-client.ts";
import type { RedisClient, RedisPlace } from "../redis/redis-client.ts";

export type LookUp = "found" | "absent" | "unknown";
export type Remembering = "written" | "dropped" | "failed";

/** Where `Repeats` and `IdWindow` ask for what this process has not seen itself. */
export interface SharedMemory {
  /** False: asking is of no use now. */
  readonly isAsked: boolean;
  /** Never rejects; null for what is not there and for what nobody can tell in time. */
  find(keys: readonly string[]): Promise<readonly (string | null)[]>;
  remember(key: string, entry: { readonly value: string; readonly ttlMs: number }): void;
}

export interface RedisMemoryOptions extends RedisPlace {
  readonly clock: Pick<Clock, "monotonicMs">;
  /** The connection came or went. */
  readonly onState: (isUp: boolean, reason: string) => void;
  readonly onLookUp: (result: LookUp, count: number) => void;
  readonly onRemember: (result: Remembering, count: number) => void;
}

interface Write {
  readonly value: string;
  readonly ttlMs: number;
}

interface Asked {
  readonly keys: readonly string[];
  readonly tell: (values: readonly (string | null)[]) => void;
}

export class RedisMemory implements SharedMemory {
  readonly #options: RedisMemoryOptions;
  readonly #client: RedisClient;
  /** Of this turn. */
  #asked: Asked[] = [];
  #askedKeys = 0;
  #writes = new Map<string, Write>();
  #flushTimer: NodeJS.Timeout | undefined;
  /** Written by this process and not over yet, by the minute in which they end. */
  readonly #living = new Map<number, number>();
  #livingCount = 0;
  #countedMinute = 0;
  #pausedUntilMs = -Infinity;
  #isStopped = false;

  constructor(options: RedisMemoryOptions) {
    this.#options = options;
    this.#client = createRedisClient({
      ...placeOf(options),
      connectionName: "sluice-repeats",
      // Look-ups have a deadline of their own; a late answer is no reason for a new connection.
      deadlineMs: SHARED_PAUSE_MS,
    });
    this.#client.on("error", (error: Error) => options.onState(false, whyDown(error)));
    // A server that ends takes its connections along without an error.
    this.#client.on("close", () => {
      if (!this.#isStopped) options.onState(false, "down");
    });
    this.#client.on("ready", () => {
      // What was late or refused was another connection.
      this.#pausedUntilMs = -Infinity;
      options.onState(true, "");
    });
  }

  start(): void {
    // A server that is away now is tried again by the client; its errors are heard above.
    this.#client.connect().catch(() => {});
  }

  /** Writes what is waiting, and ends. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#flushTimer);
    await this.#flush();
    this.#client.disconnect();
  }

  get isAsked(): boolean {
    return (
      this.#client.status === "ready" && this.#options.clock.monotonicMs() >= this.#pausedUntilMs
    );
  }

  find(keys: readonly string[]): Promise<readonly (string | null)[]> {
    if (!this.isAsked || this.#askedKeys + keys.length > SHARED_LOOKUPS_MAX) {
      this.#options.onLookUp("unknown", keys.length);
      return Promise.resolve(keys.map(() => null));
    }
    if (this.#asked.length === 0) setImmediate(() => this.#ask());
    this.#askedKeys += keys.length;
    return new Promise((tell) => this.#asked.push({ keys, tell }));
  }

  /** All that was asked in one turn, in one command. */
  #ask(): void {
    const asked = this.#asked;
    this.#asked = [];
    this.#askedKeys = 0;
    const keys = asked.flatMap((each) => each.keys);
    const tell = (values: readonly (string | null)[] | null): void => {
      this.#countLookUps(values, keys.length);
      let at = 0;
      for (const each of asked) {
        each.tell(each.keys.map((_, index) => values?.[at + index] ?? null));
        at += each.keys.length;
      }
    };
    this.#values(keys).then(tell, () => tell(null));
  }

  /** null: too late, or refused. After that nobody is kept waiting for a while. */
  async #values(keys: readonly string[]): Promise<readonly (string | null)[] | null> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), SHARED_LOOKUP_DEADLINE_MS);
    });
    const answer = await Promise.race([this.#client.mget([...keys]), late]).catch(() => null);
    clearTimeout(timer);
    if (answer === null) {
      this.#pausedUntilMs = this.#options.clock.monotonicMs() + SHARED_PAUSE_MS;
    }
    return answer;
  }

  #countLookUps(values: readonly (string | null)[] | null, count: number): void {
    const { onLookUp } = this.#options;
    if (values === null) {
      onLookUp("unknown", count);
      return;
    }
    const found = values.filter((value) => value !== null).length;
    if (found > 0) onLookUp("found", found);
    if (count > found) onLookUp("absent", count - found);
  }

  remember(key: string, entry: Write): void {
    const isRoom = this.#writes.size < SHARED_WRITES_MAX && this.#makeRoom();
    if (this.#client.status !== "ready" || !isRoom) {
      this.#options.onRemember("dropped", 1);
      return;
    }
    this.#writes.set(key, entry);
    this.#flushTimer ??= setTimeout(() => {
      this.#flush().catch(() => {});
    }, SHARED_FLUSH_MS);
  }

  /** Is there room for one more entry in Redis among those of this process? */
  #makeRoom(): boolean {
    const nowMinute = minuteOf(this.#options.clock.monotonicMs());
    if (nowMinute !== this.#countedMinute) {
      this.#countedMinute = nowMinute;
      for (const [minute, count] of this.#living) {
        if (minute >= nowMinute) continue;
        this.#living.delete(minute);
        this.#livingCount -= count;
      }
    }
    return this.#livingCount + this.#writes.size < SHARED_ENTRIES_MAX;
  }

  async #flush(): Promise<void> {
    this.#flushTimer = undefined;
    const writes = this.#writes;
    if (writes.size === 0) return;
    this.#writes = new Map();
    const { onRemember, clock } = this.#options;
    if (this.#client.status !== "ready") {
      onRemember("dropped", writes.size);
      return;
    }
    const pipeline = this.#client.pipeline();
    for (const [key, { value, ttlMs }] of writes) {
      pipeline.set(key, value, "PX", Math.ceil(ttlMs));
      const minute = minuteOf(clock.monotonicMs() + ttlMs);
      this.#living.set(minute, (this.#living.get(minute) ?? 0) + 1);
    }
    this.#livingCount += writes.size;
    const answers = await pipeline.exec().catch(() => null);
    const written = answers?.filter(([error]) => error === null).length ?? 0;
    if (written > 0) onRemember("written", written);
    if (written < writes.size) onRemember("failed", writes.size - written);
  }
}

function minuteOf(ms: number): number {
  return Math.floor(ms / 60_000);
}
