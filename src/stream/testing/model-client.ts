/**
 * A client as docs/protocol.md wants it, in a world in virtual time: it numbers its events, keeps
 * each until it has a final outcome, obeys credit, resumes. Whatever the server tells it is checked
 * against the promise.
 */
import assert from "node:assert/strict";
import { STREAM_INFLIGHT_BYTES_MAX } from "../../limits/streams.ts";
import { HELD_RANGES_MAX } from "../../protocol/frames.ts";
import type { Ack, Credit, Ranges, Welcome } from "../../protocol/frames.ts";
import type { StreamConnection } from "../connection.ts";
import type { StreamException } from "../store.ts";
import type { ModelProcess } from "./model-process.ts";
import type { World } from "./world.ts";

export interface ModelEvent {
  readonly id: string;
  /** The server must refuse it. */
  readonly isBad: boolean;
}

/** What the client may be closed with, if it obeys. */
const EXPECTED_CLOSES: ReadonlySet<number> = new Set([
  1000, 1001, 1006, 1011, 1012, 1013, 4409, 4410, 4503,
]);

/** One connection with its network: both directions keep their order. */
interface Link {
  readonly process: ModelProcess;
  isUp: boolean;
  connection: StreamConnection | null;
  upAtMs: number;
  downAtMs: number;
}

export interface ModelClientParts {
  readonly world: World;
  readonly name: number;
  /** A process to connect to. */
  readonly pick: () => ModelProcess;
  /** Is an event with this id in Kafka? */
  readonly isStored: (id: string) => boolean;
}

export class ModelClient {
  readonly outcomes = new Map<string, "stored" | "rejected">();
  readonly #parts: ModelClientParts;
  /** Without an outcome, by number. */
  #held = new Map<number, ModelEvent>();
  #next = 1;
  #streams = 0;
  #resume: string | null = null;
  #link: Link | null = null;
  #isWelcome = false;
  #isLeaving = false;
  #credit: Credit = { seq: 0, bytes: 0 };
  #bytesSent = 0;
  /** Numbers that may be sent now, ascending. */
  #due: number[] = [];
  #made = 0;
  /** Everything the world does to it is over. */
  isHealed = false;

  constructor(parts: ModelClientParts) {
    this.#parts = parts;
  }

  get made(): number {
    return this.#made;
  }

  get isDone(): boolean {
    return this.#held.size === 0;
  }

  /** The user does something. */
  make(count: number): void {
    for (let index = 0; index < count; index += 1) {
      this.#made += 1;
      const id = `${this.#parts.name}-${this.#made}`;
      this.#held.set(this.#next, { id, isBad: this.#made % 13 === 0 });
      this.#due.push(this.#next);
      this.#next += 1;
    }
    this.#publish();
  }

  connect(): void {
    if (this.#link !== null) return;
    const { pick } = this.#parts;
    const process = pick();
    const link: Link = { process, isUp: true, connection: null, upAtMs: 0, downAtMs: 0 };
    this.#link = link;
    link.connection = process.open({
      send: (text) => {
        this.#arrive(link, () => this.#onFrame(link, text));
        return true;
      },
      end: (code) => this.#arrive(link, () => this.#onClosed(link, code)),
      cut: () => this.#arrive(link, () => this.#onClosed(link, 1006)),
    });
    // More ranges than a hello may name: the numbers are given up, the events are not.
    if (rangesOf([...this.#held.keys()]).length > HELD_RANGES_MAX) this.#beginAnew();
    const held = rangesOf([...this.#held.keys()]);
    const stream = this.#streamId();
    const resume = this.#resume;
    this.#send({ t: "hello", v: 1, auth: "demo", stream, held, next: this.#next, resume });
  }

  #streamId(): string {
    const number = String(this.#parts.name * 1_000 + this.#streams).padStart(12, "0");
    return `018f6b1a-7c2e-7a31-9a57-${number}`;
  }

  /** The network breaks. The client sees it now, the server perhaps much later. */
  cut(): void {
    const link = this.#link;
    if (link === null) return;
    const { world } = this.#parts;
    // What is under way may still arrive, at a server that believes the socket to be open.
    if (world.chance(0.5)) link.isUp = false;
    const silenceMs = world.chance(0.5) ? 0 : world.between(1, 9_000);
    world.after(silenceMs, () => {
      link.isUp = false;
      link.connection?.onClose();
    });
    this.#onClosed(link, 1006);
  }

  /** A process has died: its sockets break. */
  lookForDeadServer(): void {
    const link = this.#link;
    if (link?.process.isDead !== true) return;
    link.isUp = false;
    this.#onClosed(link, 1006);
  }

  #onClosed(link: Link, code: number): void {
    assert.ok(EXPECTED_CLOSES.has(code), `an obedient client is closed with ${code}`);
    if (link !== this.#link) return;
    this.#link = null;
    this.#isWelcome = false;
    if (code === 4410) this.#beginAnew();
    const { world } = this.#parts;
    world.after(this.isHealed ? 100 : world.between(1, 3_000), () => this.connect());
  }

  /** A new stream id: all that is held gets new numbers and keeps its ids. */
  #beginAnew(): void {
    this.#streams += 1;
    this.#resume = null;
    const events = [...this.#held.values()];
    this.#held = new Map(events.map((event, index) => [index + 1, event]));
    this.#next = events.length + 1;
  }

  #onFrame(link: Link, text: string): void {
    if (link !== this.#link) return;
    // The server's own frame.
    const frame = JSON.parse(text) as { readonly t: string };
    if (frame.t === "welcome") this.#onWelcome(frame as unknown as Welcome);
    else if (frame.t === "ack") this.#onAck(frame as unknown as Ack);
    else if (frame.t === "credit") this.#onCredit(frame as unknown as Credit);
    else if (frame.t === "goaway") {
      this.#isLeaving = true;
      const { after_ms } = frame as unknown as { readonly after_ms: number };
      this.#parts.world.after(after_ms, () => link === this.#link && this.cut());
    } else if (frame.t === "ping") this.#send({ t: "pong", n: 1 });
  }

  #onWelcome(welcome: Welcome): void {
    this.#resume = welcome.resume;
    this.#isWelcome = true;
    this.#isLeaving = false;
    this.#credit = welcome.credit;
    this.#bytesSent = 0;
    // Exceptions are in the shape of rej lines.
    const refused = new Set((welcome.exc as readonly StreamException[]).map(({ seq }) => seq));
    for (const seq of refused) this.#settle(seq, "rejected");
    this.#settleUpTo(welcome.done, welcome.sack);
    this.#due = [...this.#held.keys()].toSorted((a, b) => a - b);
    this.#publish();
  }

  #onAck(ack: Ack): void {
    const link = this.#link;
    for (const line of ack.rej ?? []) this.#settle((line as { seq: number }).seq, "rejected");
    for (const { seq, after_ms } of ack.retry ?? []) {
      assert.ok(this.#held.has(seq), `${seq} is to be sent again and has an outcome`);
      this.#parts.world.after(after_ms, () => {
        if (link !== this.#link || !this.#held.has(seq)) return;
        this.#due = [...this.#due, seq].toSorted((a, b) => a - b);
        this.#publish();
      });
    }
    this.#settleUpTo(ack.upto, ack.sack ?? []);
    if (ack.credit !== undefined) this.#onCredit(ack.credit);
    this.#publish();
  }

  #onCredit(credit: Credit): void {
    assert.ok(credit.seq >= this.#credit.seq && credit.bytes >= this.#credit.bytes, "it rises");
    this.#credit = credit;
    this.#publish();
  }

  #settleUpTo(done: number, sack: Ranges): void {
    for (const seq of this.#held.keys()) {
      const isFinal = seq <= done || sack.some(([from, to]) => from <= seq && seq <= to);
      if (isFinal) this.#settle(seq, "stored");
    }
  }

  #settle(seq: number, outcome: "stored" | "rejected"): void {
    const event = this.#held.get(seq);
    assert.ok(event !== undefined, `${seq} gets its first outcome: ${outcome}`);
    assert.equal(this.outcomes.has(event.id), false, `${event.id} gets one outcome`);
    assert.equal(outcome, event.isBad ? "rejected" : "stored", `${event.id}: the truth`);
    if (outcome === "stored") assert.ok(this.#parts.isStored(event.id), `${event.id} is in Kafka`);
    this.#held.delete(seq);
    this.outcomes.set(event.id, outcome);
  }

  /** Sends what may be sent, in frames of consecutive numbers. */
  #publish(): void {
    while (this.#isWelcome && !this.#isLeaving && this.#due.length > 0) {
      const most = this.#parts.world.between(1, 40);
      const [seq = 0] = this.#due;
      let count = 0;
      while (count < most && this.#due[count] === seq + count && seq + count <= this.#credit.seq) {
        count += 1;
      }
      const numbers = this.#due.slice(0, count);
      const events = numbers.map((number) => this.#held.get(number));
      const text = JSON.stringify({ t: "pub", seq, events });
      if (count === 0 || this.#bytesSent + text.length > this.#credit.bytes) return;
      this.#bytesSent += text.length;
      assert.ok(this.#bytesSent < 100 * STREAM_INFLIGHT_BYTES_MAX, "a run is short");
      this.#due.splice(0, count);
      this.#send(text);
    }
  }

  #send(frame: object | string): void {
    const link = this.#link;
    if (link === null) return;
    const text = typeof frame === "string" ? frame : JSON.stringify(frame);
    const { world } = this.#parts;
    link.upAtMs = Math.max(link.upAtMs, world.nowMs + world.between(1, 80));
    world.at(link.upAtMs, () => {
      if (link.isUp) link.connection?.onMessage(Buffer.from(text), false);
    });
  }

  #arrive(link: Link, action: () => void): void {
    const { world } = this.#parts;
    link.downAtMs = Math.max(link.downAtMs, world.nowMs + world.between(1, 80));
    world.at(link.downAtMs, () => {
      if (link.isUp) action();
    });
  }
}

function rangesOf(numbers: readonly number[]): Ranges {
  const ranges: [number, number][] = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] + 1 === number) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}
