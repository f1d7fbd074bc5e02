/**
 * A sender over WebSockets that keeps its queue and its resume token whatever happens, as a client
 * has to (docs/protocol.md §2): held ranges, credit, retries, new connections to any gateway.
 */
import { randomUUID } from "node:crypto";

import { CLOSE_RULES } from "../../src/errors.ts";
import { HELD_RANGES_MAX } from "../../src/protocol/frames.ts";
import { checkClose, checkFrame } from "../contract.ts";
import type { MadeEvent } from "./events.ts";
import { pick, SILENCE_MS } from "./sender.ts";
import type { Sender, SenderParts } from "./sender.ts";
import type { Outcome } from "./history.ts";

const TICK_MS = 40;
const EVENTS_PER_FRAME = 15;
/** Events without an outcome that it may have; then it makes no more. */
const OPEN_MAX = 400;
/** Ranges of `held` stay below what a hello may have. */
const RANGES_MAX = 50;
/** After so long without a word it asks; after as long again it gives the connection up. */
const QUIET_MS = 5_000;
/** Longer waits that are asked for are cut: the run is short. */
const WAIT_MS_MAX = 1_500;

type Range = readonly [number, number];

interface Welcome {
  readonly resumed: boolean;
  readonly dup_possible: boolean;
  readonly epoch: number;
  readonly done: number;
  readonly sack: readonly Range[];
  readonly exc: readonly { readonly seq: number; readonly code: string }[];
  readonly resume: string;
  readonly credit: { readonly seq: number; readonly bytes: number };
}

interface RetryLine {
  readonly seq: number;
  readonly code: string;
  readonly after_ms: number;
}

interface Ack {
  readonly upto: number;
  readonly sack?: readonly Range[];
  readonly rej?: readonly { readonly seq: number; readonly code: string }[];
  readonly retry?: readonly RetryLine[];
  readonly dup?: readonly Range[];
  readonly credit?: { readonly seq: number; readonly bytes: number };
}

type Frame =
  | ({ readonly t: "welcome" } & Welcome)
  | ({ readonly t: "ack" } & Ack)
  | { readonly t: "credit"; readonly seq: number; readonly bytes: number }
  | { readonly t: "ping"; readonly n: number }
  | { readonly t: "goaway"; readonly after_ms: number }
  | { readonly t: "error"; readonly code: string; readonly detail: string }
  | { readonly t: "pong" | "auth_ok" };

/** What became of an event. */
interface News {
  readonly outcome: Outcome;
  readonly code?: string;
  /** Of `retry`: it is not to be sent again before. */
  readonly notBeforeMs?: number;
}

/** An event that has no final outcome. */
interface OpenEvent {
  readonly event: MadeEvent;
  /** The batch of this connection that it is in flight with. */
  batch: number | null;
  /** Not to be sent again before. */
  notBeforeMs: number;
}

/** One socket, as long as it lives. */
interface Link {
  readonly socket: WebSocket;
  isWelcome: boolean;
  isLeaving: boolean;
  creditSeq: number;
  creditBytes: number;
  bytes: number;
  /** Numbers above were never sent to this connection, nor held when it was opened. */
  sentUpTo: number;
  heardMs: number;
  hasAsked: boolean;
  /** Batches that are not answered in full: how many events are left, and since when. */
  readonly batches: Map<number, { left: number; readonly sentMs: number }>;
}

export class StreamSender implements Sender {
  readonly #parts: SenderParts;
  #stream: string = randomUUID();
  /** By number. */
  #open = new Map<number, OpenEvent>();
  /** Ids of all numbers of this stream, from 1 on. */
  #ids: string[] = [];
  #next = 1;
  #ordinal = 0;
  #resume: string | null = null;
  #link: Link | null = null;
  #connectAtMs = 0;
  #failures = 0;
  #debt = 0;
  #isFinishing = false;
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: SenderParts) {
    this.#parts = parts;
  }

  get name(): string {
    return this.#parts.name;
  }

  get open(): number {
    return this.#open.size;
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  finish(): void {
    this.#isFinishing = true;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#isOver = true;
    const link = this.#link;
    if (link === null) return;
    const closed = new Promise((resolve) => link.socket.addEventListener("close", resolve));
    link.socket.close();
    this.#lose(link, "stopped");
    await closed;
  }

  #tick(): void {
    const nowMs = performance.now();
    const link = this.#link;
    if (link === null) {
      if (nowMs >= this.#connectAtMs) this.#connect();
      return;
    }
    const quietMs = nowMs - link.heardMs;
    if (quietMs > 2 * QUIET_MS) {
      this.#giveUp(link, "is silent");
      return;
    }
    if (quietMs > QUIET_MS && !link.hasAsked && link.isWelcome) {
      link.hasAsked = true;
      this.#say(link, { t: "ping", n: 1 });
    }
    this.#judgeSilence(link, nowMs);
    if (!link.isWelcome || link.isLeaving) {
      if (link.isLeaving && link.batches.size === 0) this.#giveUp(link, "was asked to go");
      return;
    }
    // New ones only behind all that is due: a smaller frame could fit where a re-send does not.
    if (this.#sendAgain(link, nowMs)) this.#sendNew(link);
  }

  #judgeSilence(link: Link, nowMs: number): void {
    for (const [batch, { sentMs }] of link.batches) {
      if (nowMs - sentMs < SILENCE_MS) continue;
      link.batches.delete(batch);
      this.#parts.history.add({ kind: "ended", batch, how: "silent" });
    }
  }

  #connect(): void {
    const url = pick(this.#parts.urls, this.#parts.random).replace("http:", "ws:");
    const socket = new WebSocket(`${url}/v1/stream`, ["sluice.v1.json"]);
    const link: Link = {
      socket,
      isWelcome: false,
      isLeaving: false,
      creditSeq: 0,
      creditBytes: 0,
      bytes: 0,
      sentUpTo: 0,
      heardMs: performance.now(),
      hasAsked: false,
      batches: new Map(),
    };
    this.#link = link;
    socket.addEventListener("open", () => this.#hello(link));
    socket.addEventListener("message", ({ data }) => {
      const frame = JSON.parse(String(data)) as Frame;
      checkFrame(frame);
      if (link === this.#link) this.#hear(link, frame);
    });
    // Every error is followed by a close.
    socket.addEventListener("error", () => {});
    socket.addEventListener("close", ({ code, reason }) => {
      checkClose(code);
      const isDenied = code === CLOSE_RULES.resume_denied.code && link === this.#link;
      this.#lose(link, `closed with ${code} ${reason}`);
      if (isDenied) this.#takeNewStream();
    });
  }

  /** The stream cannot go on (refused, or with too many holes): its events go on in another one. */
  #takeNewStream(): void {
    const open = [...this.#open].toSorted(([a], [b]) => a - b).map(([, each]) => each);
    this.#stream = randomUUID();
    this.#resume = null;
    this.#open = new Map();
    this.#ids = [];
    this.#next = 1;
    for (const each of open) this.#add(each);
  }

  /** Gives an event the next number of the stream. */
  #add(open: OpenEvent): number {
    const { id, ordinal, topic, key, isSound } = open.event;
    const seq = this.#next;
    const about = {
      sender: this.name,
      stream: this.#stream,
      seq,
      id,
      ordinal,
      topic,
      key,
      isSound,
    };
    this.#parts.history.add({ kind: "claim", ...about });
    this.#open.set(seq, open);
    this.#ids.push(id);
    this.#next += 1;
    return seq;
  }

  #hello(link: Link): void {
    const { name, random } = this.#parts;
    // A stalled partition leaves many holes (docs/protocol.md §2.5 rule 9).
    if (this.#held().length > HELD_RANGES_MAX) this.#takeNewStream();
    link.sentUpTo = this.#next - 1;
    this.#say(link, {
      t: "hello",
      v: 1,
      auth: "demo",
      stream: this.#stream,
      held: this.#held(),
      next: this.#next,
      client: { name, version: String(Math.floor(random() * 9)) },
      ...(this.#resume === null ? {} : { resume: this.#resume }),
      sentAt: Date.now(),
    });
  }

  /** Numbers without an outcome, as ranges. */
  #held(): Range[] {
    const ranges: [number, number][] = [];
    for (const seq of [...this.#open.keys()].toSorted((a, b) => a - b)) {
      const last = ranges.at(-1);
      if (last !== undefined && last[1] === seq - 1) last[1] = seq;
      else ranges.push([seq, seq]);
    }
    return ranges;
  }

  #say(link: Link, frame: object | string): void {
    if (link.socket.readyState !== WebSocket.OPEN) return;
    link.socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  #hear(link: Link, frame: Frame): void {
    link.heardMs = performance.now();
    link.hasAsked = false;
    switch (frame.t) {
      case "welcome":
        this.#welcome(link, frame);
        break;
      case "ack":
        this.#ack(link, frame);
        break;
      case "credit":
        this.#raise(link, frame);
        break;
      case "ping":
        this.#say(link, { t: "pong", n: frame.n });
        break;
      case "goaway":
        link.isLeaving = true;
        break;
      case "error":
        this.#parts.history.note(`${this.name} got error ${frame.code}: ${frame.detail}`);
        break;
      case "pong":
      case "auth_ok":
        break;
      default:
        frame satisfies never;
    }
  }

  #welcome(link: Link, welcome: Welcome): void {
    link.isWelcome = true;
    this.#failures = 0;
    this.#resume = welcome.resume === "" ? null : welcome.resume;
    this.#raise(link, welcome.credit);
    const { epoch, resumed, done, dup_possible: isDubious } = welcome;
    const before = this.#open.size;
    for (const { seq, code } of welcome.exc) this.#settle(link, seq, { outcome: "rejected", code });
    this.#settleCovered(link, done, welcome.sack);
    this.#hearHoles(welcome);
    const facts = `epoch ${epoch}, resumed ${resumed}, done ${done}, dup_possible ${isDubious}`;
    this.#parts.history.note(`${this.name}: ${facts}; ${before} held, ${this.#open.size} left`);
  }

  /**
   * What is left open below a final number: the server has no outcome of it, and later ones are
   * stored. The client learns here that it will land behind them, as by a `retry` that was lost.
   */
  #hearHoles({ done, sack, exc }: Welcome): void {
    const last = Math.max(done, ...sack.map(([, to]) => to), ...exc.map(({ seq }) => seq));
    for (const [seq, { event }] of this.#open) {
      if (seq > last) continue;
      const about = { id: event.id, outcome: "retry", code: "left_open", batch: null } as const;
      this.#parts.history.add({ kind: "told", ...about });
    }
  }

  #ack(link: Link, ack: Ack): void {
    if (ack.credit !== undefined) this.#raise(link, ack.credit);
    for (const { seq, code } of ack.rej ?? []) {
      this.#settle(link, seq, { outcome: "rejected", code });
    }
    for (const [from, to] of ack.dup ?? []) {
      for (let seq = from; seq <= to; seq += 1) this.#settle(link, seq, { outcome: "duplicate" });
    }
    for (const { seq, code, after_ms: afterMs } of ack.retry ?? []) {
      const notBeforeMs = performance.now() + Math.min(afterMs, WAIT_MS_MAX);
      this.#settle(link, seq, { outcome: "retry", code, notBeforeMs });
    }
    this.#settleCovered(link, ack.upto, ack.sack ?? []);
  }

  #raise(link: Link, credit: { readonly seq: number; readonly bytes: number }): void {
    link.creditSeq = Math.max(link.creditSeq, credit.seq);
    link.creditBytes = Math.max(link.creditBytes, credit.bytes);
  }

  /** What `done` and `sack` cover is stored, unless something else was said of it before. */
  #settleCovered(link: Link, done: number, sack: readonly Range[]): void {
    for (const seq of this.#open.keys()) {
      const isCovered = seq <= done || sack.some(([from, to]) => seq >= from && seq <= to);
      if (isCovered) this.#settle(link, seq, { outcome: "stored" });
    }
  }

  #settle(link: Link, seq: number, { outcome, code, notBeforeMs = 0 }: News): void {
    const { history } = this.#parts;
    const open = this.#open.get(seq);
    if (open === undefined) {
      // Final before: only a repeat of it may be told, never anything else.
      if (outcome === "duplicate") return;
      const about = { id: this.#ids[seq - 1] ?? "", outcome, batch: null };
      history.add({ kind: "told", ...about, ...(code === undefined ? {} : { code }) });
      return;
    }
    const { batch, event } = open;
    const about = { id: event.id, outcome, batch, ...(code === undefined ? {} : { code }) };
    history.add({ kind: "told", ...about });
    if (outcome === "retry") Object.assign(open, { batch: null, notBeforeMs });
    else this.#open.delete(seq);
    const pending = batch === null ? undefined : link.batches.get(batch);
    if (batch === null || pending === undefined) return;
    pending.left -= 1;
    if (pending.left > 0) return;
    link.batches.delete(batch);
    history.add({ kind: "ended", batch, how: "answered" });
  }

  /** Runs of numbers that have no outcome and are not in flight; false if credit does not reach. */
  #sendAgain(link: Link, nowMs: number): boolean {
    const due = [...this.#open.entries()]
      .filter(([, open]) => open.batch === null && nowMs >= open.notBeforeMs)
      .map(([seq]) => seq)
      .toSorted((a, b) => a - b);
    let run: number[] = [];
    for (const seq of due) {
      const isNext = run.length > 0 && run.at(-1) === seq - 1 && run.length < EVENTS_PER_FRAME;
      if (!isNext && run.length > 0) {
        if (!this.#publish(link, run)) return false;
        run = [];
      }
      run.push(seq);
    }
    return run.length === 0 || this.#publish(link, run);
  }

  #sendNew(link: Link): void {
    const { rate, random, supply } = this.#parts;
    this.#debt = Math.min(this.#debt + (rate * TICK_MS) / 1_000, 3 * EVENTS_PER_FRAME);
    if (this.#isFinishing || this.#debt < 1 + random() * EVENTS_PER_FRAME) return;
    // Whatever did not get through must go first: numbers may not be skipped.
    if (link.sentUpTo < this.#next - 1) return;
    if (this.#open.size >= OPEN_MAX || this.#held().length >= RANGES_MAX) return;
    const run: number[] = [];
    while (this.#debt >= 1 && run.length < EVENTS_PER_FRAME && this.#next <= link.creditSeq) {
      this.#debt -= 1;
      this.#ordinal += 1;
      const event = supply.make(this.name, this.#ordinal, random);
      run.push(this.#add({ event, batch: null, notBeforeMs: 0 }));
    }
    if (run.length > 0) this.#publish(link, run);
  }

  /** Sends these consecutive numbers as one frame; false if credit does not reach. */
  #publish(link: Link, run: readonly number[]): boolean {
    const { history, nextBatch, name: sender } = this.#parts;
    const events = run.flatMap((seq) => this.#open.get(seq) ?? []);
    const texts = events.map(({ event }) => event.text).join(",");
    const text = `{"t":"pub","seq":${run[0]},"events":[${texts}],"sentAt":${Date.now()}}`;
    const bytes = Buffer.byteLength(text);
    const last = run.at(-1) ?? 0;
    if (link.bytes + bytes > link.creditBytes || last > link.creditSeq) return false;
    link.bytes += bytes;
    link.sentUpTo = Math.max(link.sentUpTo, last);
    const batch = nextBatch();
    for (const open of events) open.batch = batch;
    link.batches.set(batch, { left: events.length, sentMs: performance.now() });
    history.add({ kind: "sent", batch, sender, ids: events.map(({ event }) => event.id) });
    this.#say(link, text);
    return true;
  }

  #giveUp(link: Link, why: string): void {
    link.socket.close();
    this.#lose(link, why);
  }

  /** The connection is of no use any more. */
  #lose(link: Link, why: string): void {
    if (link !== this.#link) return;
    this.#link = null;
    const { history, random } = this.#parts;
    for (const batch of link.batches.keys()) history.add({ kind: "ended", batch, how: "closed" });
    for (const open of this.#open.values()) open.batch = null;
    if (!this.#isOver) history.note(`${this.name}: the connection ${why}`);
    this.#failures = Math.min(this.#failures + 1, 4);
    this.#connectAtMs = performance.now() + random() * 150 * 2 ** this.#failures;
  }
}
