/**
 * Clients under a fault, and the judge afterwards. Senders over HTTP and WebSocket publish numbered
 * events of the corpora and write down what they were answered; `judge` holds that against what a
 * consumer reads from Kafka. Over HTTP nothing is ever sent twice, so whatever stands in Kafka
 * twice is a fault; a stream sends again what it was told to.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

import type { KafkaRecord } from "../../src/delivery/reader.ts";
import type { Gateway } from "../gateway.ts";
import { StreamClient } from "../stream-client.ts";
import type { Frame } from "../stream-client.ts";
import { corpusEvents, eventText, isExpected } from "./corpus.ts";
import type { CorpusEvent } from "./corpus.ts";
import { byId } from "./read-back.ts";

/**
 * `open`: no outcome yet, or not sent at all; `lost`: the connection went before an answer came.
 */
type Outcome = "open" | "stored" | "retry" | "lost";

interface Sent {
  readonly event: CorpusEvent;
  readonly key: string;
  outcome: Outcome;
  /** It was answered `retry` at least once. */
  wasRetry: boolean;
}

export interface LoadOptions {
  readonly gateway: Gateway;
  /** Ids begin with it: unique for the topics. */
  readonly run: string;
  /** Senders over HTTP: one request after another each. Default 3. */
  readonly http?: number;
  /** Streams. Default 0. */
  readonly streams?: number;
  readonly eventsPerRequest?: number;
  /** Between the requests of a sender: a load, not a benchmark. Default 10. */
  readonly pauseMs?: number;
}

interface Answer {
  readonly code?: string;
  readonly stored?: number;
  readonly rejected?: readonly unknown[];
  readonly retry?: ReadonlyArray<{ readonly index: number; readonly code: string }>;
}

const KEYS_PER_SENDER = 5;
/** A stream comes again after this at the latest, however patient it is told to be. */
const AGAIN_MS_MAX = 500;

export class Load {
  readonly #options: Required<LoadOptions>;
  readonly #events: readonly CorpusEvent[];
  readonly #sent = new Map<string, Sent>();
  readonly #senders: Promise<void>[];
  /** Codes of `retry` outcomes, by door. */
  readonly retryCodes = { http: new Set<string>(), streams: new Set<string>() };
  /** Of streams that did not end with `bye`. */
  readonly closeCodes: number[] = [];
  #stored = 0;
  #isStopping = false;
  #failure: Error | null = null;

  private constructor(options: Required<LoadOptions>, events: readonly CorpusEvent[]) {
    this.#options = options;
    this.#events = events;
    const { http, streams } = options;
    this.#senders = [
      ...Array.from({ length: http }, (_, sender) => this.#sendOverHttp(`h${sender}`)),
      ...Array.from({ length: streams }, (_, sender) => this.#sendOverStream(`s${sender}`)),
    ];
    for (const sender of this.#senders) {
      sender.catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
      });
    }
  }

  static async start(options: LoadOptions): Promise<Load> {
    const events = await corpusEvents(500);
    const defaults = { http: 3, streams: 0, eventsPerRequest: 20, pauseMs: 10 };
    return new Load({ ...defaults, ...options }, events);
  }

  /** Events answered `stored` so far. */
  get stored(): number {
    return this.#stored;
  }

  /** Codes of `retry` outcomes, by either door. */
  get toldCodes(): Set<string> {
    return this.retryCodes.http.union(this.retryCodes.streams);
  }

  count(outcome: Outcome): number {
    return [...this.#sent.values()].filter((sent) => sent.outcome === outcome).length;
  }

  /** Resolves when so many more are stored. */
  async more(stored: number): Promise<void> {
    const goal = this.#stored + stored;
    while (this.#stored < goal) {
      if (this.#failure !== null) throw this.#failure;
      await delay(10);
    }
  }

  /** No more requests; resolves when all that were sent have their answers. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#senders);
  }

  /** Ids of events whose answer never came. */
  get lost(): string[] {
    return [...this.#sent].flatMap(([id, { outcome }]) => (outcome === "lost" ? [id] : []));
  }

  /**
   * I1: what was answered `stored` is in Kafka with its bytes; I2: nothing else than what was sent;
   * I3: nothing twice that was never sent again; I4: in order per key.
   */
  judge(records: readonly KafkaRecord[]): void {
    const mine = records.filter((record) => !this.#isForeign(record));
    const found = byId(mine);
    for (const [id, { event, outcome }] of this.#sent) {
      if (outcome !== "stored") continue;
      const [record] = found.get(id) ?? [];
      assert.ok(record?.value, `I1: ${id} was answered stored and is in Kafka`);
      assert.ok(isExpected(event, record.value), `I2: ${id} has its bytes`);
    }
    const lastIndex = new Map<string, number>();
    for (const [id, copies] of found) {
      const sent = this.#sent.get(id);
      assert.ok(sent !== undefined, `I2: ${id} was sent`);
      const isResent = sent.wasRetry && id.includes("-s");
      assert.ok(copies.length === 1 || isResent, `I3: ${id} is there ${copies.length} times`);
      if (sent.outcome !== "stored" || sent.wasRetry) continue;
      const index = Number(id.slice(id.lastIndexOf("-") + 1));
      const line = `${copies[0]?.topic} ${sent.key}`;
      assert.ok(index > (lastIndex.get(line) ?? -1), `I4: ${id} comes in the order of its key`);
      lastIndex.set(line, index);
    }
  }

  #isForeign(record: KafkaRecord): boolean {
    return ![...byId([record]).keys()].some((id) => id.startsWith(`${this.#options.run}-`));
  }

  /** The next events of a sender, as text; they are open from now on. */
  #next(sender: string, first: number): string[] {
    const { run, eventsPerRequest } = this.#options;
    return Array.from({ length: eventsPerRequest }, (_, i) => {
      const index = first + i;
      const event = this.#events[index % this.#events.length];
      assert.ok(event !== undefined);
      const key = `${sender}-k${index % KEYS_PER_SENDER}`;
      const id = `${run}-${sender}-${index}`;
      this.#sent.set(id, { event, key, outcome: "open", wasRetry: false });
      return eventText(event, id, key);
    });
  }

  #settle(id: string, outcome: Outcome): void {
    const sent = this.#sent.get(id);
    assert.ok(sent !== undefined, `an outcome for ${id}, which was never sent`);
    assert.equal(sent.outcome, "open", `I9: ${id} gets one outcome`);
    sent.outcome = outcome;
    if (outcome === "retry") sent.wasRetry = true;
    if (outcome === "stored") this.#stored += 1;
  }

  async #sendOverHttp(sender: string): Promise<void> {
    const { gateway, run, eventsPerRequest, pauseMs } = this.#options;
    for (let first = 0; !this.#isStopping; first += eventsPerRequest) {
      const body = `{"events":[${this.#next(sender, first).join(",")}]}`;
      const ids = Array.from(
        { length: eventsPerRequest },
        (_, i) => `${run}-${sender}-${first + i}`,
      );
      let response: Response;
      let answer: Answer;
      try {
        response = await gateway.post(body);
        answer = (await response.json()) as Answer;
      } catch {
        for (const id of ids) this.#settle(id, "lost");
        return; // The gateway is gone, or its socket.
      }
      this.#settleAnswer(ids, { status: response.status, answer });
      await delay(pauseMs);
    }
  }

  #settleAnswer(
    ids: readonly string[],
    { status, answer }: { readonly status: number; readonly answer: Answer },
  ): void {
    assert.ok(status === 200 || status === 503, `${status}: ${JSON.stringify(answer)}`);
    assert.deepEqual(answer.rejected ?? [], []);
    // A request that was refused whole names no single event.
    const unsure = new Map(answer.retry?.map(({ index, code }) => [index, code]));
    const isRefused = status === 503 && unsure.size === 0;
    for (const [index, id] of ids.entries()) {
      const code = isRefused ? `refused: ${answer.code}` : unsure.get(index);
      if (code !== undefined) this.retryCodes.http.add(code);
      this.#settle(id, code === undefined ? "stored" : "retry");
    }
    if (!isRefused)
      assert.equal(unsure.size + (answer.stored ?? 0), ids.length, "I9: all answered");
  }

  async #sendOverStream(sender: string): Promise<void> {
    const client = await StreamClient.hello(this.#options.gateway.streamUrl, { auth: "demo" });
    let isGone = false;
    const reader: AckReader = new AckReader(client, ({ seq, code, after_ms: afterMs = 0 }) => {
      const frame = this.#again({ sender, seq, code });
      const publish = (): void => {
        if (isGone) return;
        if (reader.allows(0, frame)) reader.publish(frame);
        else setTimeout(publish, AGAIN_MS_MAX);
      };
      setTimeout(publish, Math.min(afterMs, AGAIN_MS_MAX));
    });
    void client.closed.then(() => {
      isGone = true;
    });
    try {
      const sent = await this.#publishUntilStopped(sender, client, reader);
      client.send({ t: "bye", last: sent });
      await client.closed;
    } catch (error) {
      if (!isGone) throw error;
      reader.read();
      this.#settleUpTo(sender, reader);
      this.closeCodes.push((await client.closed).code);
      const prefix = `${this.#options.run}-${sender}-`;
      for (const [id, sent] of this.#sent) {
        if (id.startsWith(prefix) && sent.outcome === "open") this.#settle(id, "lost");
      }
    }
  }

  /** Answers the last sequence number, when all up to it have their outcomes. */
  async #publishUntilStopped(
    sender: string,
    client: StreamClient,
    reader: AckReader,
  ): Promise<number> {
    const { eventsPerRequest, pauseMs } = this.#options;
    let sent = 0;
    while (!this.#isStopping && !reader.isSentAway) {
      const events = this.#next(sender, sent).join(",");
      const frame = `{"t":"pub","seq":${sent + 1},"events":[${events}]}`;
      await client.until(() => {
        reader.read();
        return reader.isSentAway || reader.allows(sent + eventsPerRequest, frame)
          ? true
          : undefined;
      });
      if (reader.isSentAway) break;
      reader.publish(frame);
      sent += eventsPerRequest;
      await delay(pauseMs);
      this.#settleUpTo(sender, reader);
    }
    await client.until(() => {
      reader.read();
      this.#settleUpTo(sender, reader);
      return reader.upto >= sent ? true : undefined;
    });
    return sent;
  }

  /** Everything up to `upto` has its final outcome; the corpora are good, so that is `stored`. */
  #settleUpTo(sender: string, reader: AckReader): void {
    for (; reader.settled < reader.upto; reader.settled += 1) {
      this.#settle(`${this.#options.run}-${sender}-${reader.settled}`, "stored");
    }
  }

  /** A frame with the one event that is to be sent again. */
  #again({ sender, seq, code }: { sender: string; seq: number; code: string }): string {
    const id = `${this.#options.run}-${sender}-${seq - 1}`;
    const sent = this.#sent.get(id);
    assert.ok(sent !== undefined);
    this.retryCodes.streams.add(code);
    sent.wasRetry = true;
    return `{"t":"pub","seq":${seq},"events":[${eventText(sent.event, id, sent.key)}]}`;
  }
}

interface RetryLine {
  readonly seq: number;
  readonly code: string;
  readonly after_ms?: number;
}

/** Sends frames within their credit, and reads each frame of the server once. */
class AckReader {
  readonly #client: StreamClient;
  readonly #onRetry: (line: RetryLine) => void;
  #read = 0;
  #credit = { seq: 0, bytes: 0 };
  #sentBytes = 0;
  upto = 0;
  /** A `goaway` came: nothing new is sent. */
  isSentAway = false;
  /** For whoever settles. */
  settled = 0;

  constructor(client: StreamClient, onRetry: (line: RetryLine) => void) {
    this.#client = client;
    this.#onRetry = onRetry;
    this.read();
  }

  allows(seq: number, frame: string): boolean {
    const bytes = this.#sentBytes + Buffer.byteLength(frame);
    return seq <= this.#credit.seq && bytes <= this.#credit.bytes;
  }

  publish(frame: string): void {
    this.#sentBytes += Buffer.byteLength(frame);
    this.#client.send(frame);
  }

  read(): void {
    for (; this.#read < this.#client.frames.length; this.#read += 1) {
      const frame = this.#client.frames[this.#read];
      if (frame !== undefined) this.#take(frame);
    }
  }

  #take(frame: Frame): void {
    // The word before a close at the end of a drain; nothing else is wrong with what is sent here.
    if (frame.t === "error") assert.equal(frame["code"], "restart", JSON.stringify(frame));
    const said = frame.t === "credit" ? frame : frame["credit"];
    const { seq = 0, bytes = 0 } = (said ?? {}) as { seq?: number; bytes?: number };
    this.#credit.seq = Math.max(this.#credit.seq, seq);
    this.#credit.bytes = Math.max(this.#credit.bytes, bytes);
    if (frame.t === "goaway") this.isSentAway = true;
    if (frame.t !== "ack") return;
    this.upto = Math.max(this.upto, Number(frame["upto"]));
    assert.equal(frame["rej"], undefined, JSON.stringify(frame["rej"]));
    for (const line of (frame["retry"] ?? []) as readonly RetryLine[]) this.#onRetry(line);
  }
}
