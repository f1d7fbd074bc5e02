/**
 * The events of a run: from the corpora, so that every value has known bytes; some do not fit their
 * schema on purpose. It remembers what each id stands for.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { corpusEvents, eventText, isExpected } from "../e2e/corpus.ts";
import type { CorpusEvent, CorpusPack } from "../e2e/corpus.ts";

/** Corpus events that are used over and over. */
const SUPPLY = 3_000;

/** Of so many events one does not fit. */
const UNSOUND_EVERY = 29;

export interface MadeEvent {
  readonly id: string;
  readonly ordinal: number;
  readonly topic: string;
  readonly key: string;
  readonly isSound: boolean;
  /** As it is sent. */
  readonly text: string;
}

export class EventSupply {
  readonly #events: readonly CorpusEvent[];
  readonly #topics: ReadonlyMap<string, string>;
  readonly #made = new Map<string, CorpusEvent>();

  private constructor(events: readonly CorpusEvent[], topics: ReadonlyMap<string, string>) {
    this.#events = events;
    this.#topics = topics;
  }

  static async open(pack: CorpusPack): Promise<EventSupply> {
    const text = await readFile(join(pack.directory, "pack.json"), "utf8");
    const { types } = JSON.parse(text) as {
      readonly types: Readonly<Record<string, { readonly topic: string }>>;
    };
    const topics = new Map(Object.entries(types).map(([type, { topic }]) => [type, topic]));
    return new EventSupply(await corpusEvents(SUPPLY), topics);
  }

  /** The next event of a sender; `random` picks what it is about and its key. */
  make(sender: string, ordinal: number, random: () => number): MadeEvent {
    const event = this.#events[Math.floor(random() * this.#events.length)];
    if (event === undefined) throw new Error("the corpora hold no events");
    const id = `${sender}-${ordinal}`;
    const key = `${sender}-key-${Math.floor(random() * 5)}`;
    const isSound = Math.floor(random() * UNSOUND_EVERY) !== 0;
    if (isSound) this.#made.set(id, event);
    const whole = eventText(event, id, key);
    const text = isSound ? whole : `{"type":"${event.type}","id":"${id}","key":"${key}","data":5}`;
    return { id, ordinal, topic: this.#topics.get(event.type) ?? "", key, isSound, text };
  }

  /** Is this the value that the event with this id had to become? */
  isEqual(id: string, value: Uint8Array): boolean {
    const event = this.#made.get(id);
    return event !== undefined && isExpected(event, value);
  }
}
