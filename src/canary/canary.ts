/**
 * The canary: every so often one record of sluice's own goes to each topic the way all records go,
 * and is then looked for there, as a consumer would. So what is promised of events (what Kafka has
 * confirmed is there, and soon) is measured, also when nobody sends any. It knows Kafka by two
 * verbs, and no events.
 */
import type { CancelTimer, Clock } from "../lib/clock.ts";
import { CANARY_SEEN_MS_MAX, CANARY_STORED_MS_MAX } from "../limits/watching.ts";

/** One topic as the canary meets it; each is used for one round. */
export interface CanaryPerch {
  /** Produces the record; resolves to whether Kafka has confirmed it. Never rejects. */
  store(mark: string): Promise<boolean>;
  /** Looks for the record, from where the topic ended before; false: not there in time. */
  find(mark: string, withinMs: number): Promise<boolean>;
  close(): Promise<void>;
}

export type CanaryResult =
  | { readonly kind: "seen"; readonly storedMs: number; readonly seenMs: number }
  /** Kafka did not confirm it: senders were told retry meanwhile. */
  | { readonly kind: "not_stored" }
  /** Kafka confirmed it, and it is not there. */
  | { readonly kind: "missing"; readonly storedMs: number }
  /** The topic cannot be read at the moment: nothing can be said. */
  | { readonly kind: "unread"; readonly reason: string };

export interface CanaryOptions {
  readonly topics: readonly string[];
  readonly intervalMs: number;
  readonly clock: Clock;
  /** Unique among processes. */
  readonly processId: string;
  /** Rejects when the topic cannot be read. */
  readonly open: (topic: string) => Promise<CanaryPerch>;
  readonly onResult: (topic: string, result: CanaryResult) => void;
}

export class Canary {
  readonly #options: CanaryOptions;
  #cancel: CancelTimer = () => {};
  #rounds = 0;
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(options: CanaryOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, intervalMs } = this.#options;
    if (this.#isStopped) return;
    this.#cancel = clock.after(intervalMs, () => {
      // A round that takes longer than the interval delays the next one: there is one at a time.
      this.#running = this.#round().finally(() => this.start());
    });
  }

  /** Resolves when no round is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#running;
  }

  async #round(): Promise<void> {
    const { topics, onResult, processId } = this.#options;
    this.#rounds += 1;
    for (const topic of topics) {
      if (this.#isStopped) return;
      onResult(topic, await this.#visit(topic, `${processId}-${this.#rounds}`));
    }
  }

  async #visit(topic: string, mark: string): Promise<CanaryResult> {
    const { open, clock } = this.#options;
    let perch: CanaryPerch | null = null;
    try {
      perch = await open(topic);
      const startMs = clock.monotonicMs();
      if (!(await perch.store(mark))) return { kind: "not_stored" };
      const storedMs = clock.monotonicMs() - startMs;
      if (!(await perch.find(mark, CANARY_SEEN_MS_MAX))) return { kind: "missing", storedMs };
      return { kind: "seen", storedMs, seenMs: clock.monotonicMs() - startMs };
    } catch (error) {
      return { kind: "unread", reason: error instanceof Error ? error.message : String(error) };
    } finally {
      await perch?.close();
    }
  }
}

/** Resolves to false after a while, whatever becomes of the promise. */
export function withinStoreTime(stored: Promise<boolean>, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = clock.after(CANARY_STORED_MS_MAX, () => resolve(false));
    void stored.then((isStored) => {
      cancel();
      resolve(isStored);
    });
  });
}
