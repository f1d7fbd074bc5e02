/**
 * A sender over plain HTTP: one request after another, so that its order is known; what is not
 * final is sent again first, with the same ids.
 */
import { setTimeout as delay } from "node:timers/promises";

import { checkAnswer } from "../contract.ts";
import type { MadeEvent } from "./events.ts";
import { pick, SILENCE_MS } from "./sender.ts";
import type { Sender, SenderParts } from "./sender.ts";

const EVENTS_PER_REQUEST = 12;

/** Longer waits that are asked for are cut: the run is short. */
const WAIT_MS_MAX = 1_500;

interface Answer {
  readonly stored?: number;
  readonly duplicate?: number;
  readonly rejected?: readonly { readonly index: number; readonly code: string }[];
  readonly retry?: readonly { readonly index: number; readonly code: string }[];
  readonly code?: string;
}

export class HttpSender implements Sender {
  readonly #parts: SenderParts;
  #queue: MadeEvent[] = [];
  #ordinal = 0;
  #isFinishing = false;
  #isStopped = false;
  #run: Promise<void> = Promise.resolve();

  constructor(parts: SenderParts) {
    this.#parts = parts;
  }

  get name(): string {
    return this.#parts.name;
  }

  get open(): number {
    return this.#queue.length;
  }

  start(): void {
    this.#run = this.#loop();
  }

  finish(): void {
    this.#isFinishing = true;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#run;
  }

  async #loop(): Promise<void> {
    const { rate, random } = this.#parts;
    while (!this.#isStopped) {
      if (!this.#isFinishing) this.#fill();
      const waitMs = this.#queue.length > 0 ? await this.#send() : 0;
      const paceMs = (EVENTS_PER_REQUEST / rate) * 1_000 * (0.5 + random());
      await delay(Math.max(waitMs, paceMs));
    }
  }

  #fill(): void {
    const { name, supply, history, random } = this.#parts;
    while (this.#queue.length < EVENTS_PER_REQUEST) {
      this.#ordinal += 1;
      const event = supply.make(name, this.#ordinal, random);
      const { id, ordinal, topic, key, isSound } = event;
      const about = { sender: name, stream: null, seq: null, id, ordinal, topic, key, isSound };
      history.add({ kind: "claim", ...about });
      this.#queue.push(event);
    }
  }

  /** Sends the oldest events; gives the wait until the next request. */
  async #send(): Promise<number> {
    const { urls, history, random, nextBatch, name: sender } = this.#parts;
    const events = this.#queue.slice(0, EVENTS_PER_REQUEST);
    const batch = nextBatch();
    const ids = events.map(({ id }) => id);
    history.add({ kind: "sent", batch, sender, ids });
    const path = "/v1/events";
    let response: Response;
    let answer: Answer;
    try {
      response = await fetch(pick(urls, random) + path, {
        method: "POST",
        body: `{"events":[${events.map(({ text }) => text).join(",")}]}`,
        headers: { "x-write-key": "demo" },
        signal: AbortSignal.timeout(SILENCE_MS),
      });
      answer = (await response.clone().json()) as Answer;
    } catch (error) {
      const isSilent = error instanceof Error && error.name === "TimeoutError";
      history.add({ kind: "ended", batch, how: isSilent ? "silent" : "closed" });
      return 100 + random() * 400;
    }
    await checkAnswer({ method: "POST", path }, response);
    const how = accountsFor(answer, events.length) ? "answered" : "miscounted";
    history.add({ kind: "ended", batch, how });
    this.#take(batch, events, answer);
    const askedMs = Number(response.headers.get("retry-after") ?? 0) * 1_000;
    return Math.min(askedMs, WAIT_MS_MAX);
  }

  #take(batch: number, events: readonly MadeEvent[], answer: Answer): void {
    const { history } = this.#parts;
    const lines = (list: Answer["retry"]) => new Map(list?.map(({ index, code }) => [index, code]));
    const rejected = lines(answer.rejected);
    const retry = lines(answer.retry);
    // A refusal of the whole request has no outcome of any event.
    const isRefusal = answer.stored === undefined;
    const settled = new Set<string>();
    for (const [index, { id }] of events.entries()) {
      const again = isRefusal ? (answer.code ?? "") : retry.get(index);
      const code = again ?? rejected.get(index);
      const outcome = again !== undefined ? "retry" : code !== undefined ? "rejected" : "stored";
      history.add({ kind: "told", batch, id, outcome, ...(code === undefined ? {} : { code }) });
      if (outcome !== "retry") settled.add(id);
    }
    this.#queue = this.#queue.filter(({ id }) => !settled.has(id));
  }
}

/** Has each event an outcome? A refusal of the whole request has none of any. */
function accountsFor({ stored, duplicate = 0, rejected, retry }: Answer, events: number): boolean {
  if (stored === undefined) return true;
  const named = new Set([...(rejected ?? []), ...(retry ?? [])].map(({ index }) => index));
  return stored + duplicate + named.size === events;
}
