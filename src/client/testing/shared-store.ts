/**
 * What tabs of one origin share, in virtual time: a store with a lock and peers that outlives its
 * contexts, is slow, and fails when a test wants it to.
 */
import type { Outcome, Peers, SavedEvent, Store, StreamRecord } from "../types.ts";
import type { VirtualTime } from "./virtual-time.ts";

type Listener = Parameters<Peers["listen"]>[0];

export interface SharedStoreParts {
  readonly time: VirtualTime;
  readonly random: () => number;
  /** Before events are forgotten: has each its outcome? */
  readonly onForget: (events: readonly SavedEvent[]) => void;
}

export class SharedStore {
  readonly events = new Map<number, SavedEvent>();
  record: StreamRecord | undefined;
  /** Calls fail with this likelihood. */
  failureRate = 0;
  readonly #parts: SharedStoreParts;
  #last = 0;
  readonly #contexts = new Map<object, Listener>();
  readonly #waiting: (() => void)[] = [];
  #holder: object | undefined;
  /** Calls take effect in the order in which they are made, as transactions do. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(parts: SharedStoreParts) {
    this.#parts = parts;
  }

  /** The store as one context has it; `kill` ends that context without a word. */
  open(): { readonly store: Store; readonly kill: () => void } {
    const context = {};
    const isAlive = () => this.#contexts.has(context);
    const tell = (say: (listener: Listener) => void): void => {
      for (const [other, listener] of this.#contexts) {
        if (other !== context) this.#parts.time.after(1, () => say(listener));
      }
    };
    this.#contexts.set(context, { added: () => {}, settled: () => {} });
    const store: Store = {
      durable: true,
      peers: {
        added: () => tell((listener) => listener.added()),
        settled: (outcomes: readonly (readonly [number, Outcome])[]) =>
          tell((listener) => listener.settled(outcomes)),
        listen: (listener) => this.#contexts.set(context, listener),
      },
      lock: () => this.#lock(context),
      load: (after) => this.#call(isAlive, () => this.#load(after)),
      add: (events) => this.#call(isAlive, () => this.#add(events)),
      settle: (keys, record) => this.#call(isAlive, () => this.#settle(keys, record)),
      close: () => this.#leave(context),
    };
    return { store, kill: () => this.#leave(context) };
  }

  #leave(context: object): void {
    this.#contexts.delete(context);
    if (this.#holder === context) this.#unlock();
  }

  #lock(context: object): Promise<() => void> {
    return new Promise((resolve) => {
      const take = () => {
        if (!this.#contexts.has(context)) {
          this.#unlock();
          return;
        }
        this.#holder = context;
        let isHeld = true;
        resolve(() => {
          if (isHeld && this.#holder === context) this.#unlock();
          isHeld = false;
        });
      };
      this.#waiting.push(take);
      if (this.#holder === undefined) this.#unlock();
    });
  }

  #unlock(): void {
    this.#holder = undefined;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#holder = this;
    this.#parts.time.after(1, next);
  }

  /** Contexts that were killed hear no answers, but what they began happens. */
  #call<T>(isAlive: () => boolean, action: () => T): Promise<T> {
    const { time, random } = this.#parts;
    const done = this.#work.then(async () => {
      await time.wait(random() * 5);
      if (random() < this.failureRate) {
        // A transaction that is undone may take a key with it.
        if (random() < 0.3) this.#last += 1;
        throw new Error("the store failed");
      }
      return action();
    });
    this.#work = done.catch(() => {});
    return new Promise((resolve, reject) => {
      done.then(
        (value) => isAlive() && resolve(value),
        (error: unknown) => isAlive() && reject(error as Error),
      );
    });
  }

  #load(after: number) {
    return { record: this.record, events: [...this.events].filter(([key]) => key > after) };
  }

  #add(events: readonly SavedEvent[]): number[] {
    return events.map((event) => {
      this.#last += 1;
      this.events.set(this.#last, event);
      return this.#last;
    });
  }

  #settle(keys: readonly number[], record: StreamRecord): void {
    this.#parts.onForget(keys.flatMap((key) => this.events.get(key) ?? []));
    for (const key of keys) this.events.delete(key);
    this.record = record;
  }
}
