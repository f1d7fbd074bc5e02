/**
 * The client's side of one stream (docs/protocol.md, chapter 2) without a socket: which events have
 * no final outcome yet, what may be sent now, what an answer settles. Clock and wire are the
 * caller's.
 */

/** What the test knows of an event besides its text. */
export interface QueuedEvent {
  readonly text: string;
  readonly bytes: number;
  readonly isValid: boolean;
}

/** Events that were due at one moment of the timetable. */
interface Due {
  readonly atMs: number;
  left: number;
}

interface Held extends QueuedEvent {
  readonly due: Due;
}

export type Outcome = "stored" | "duplicate" | "rejected";

/** What happens to a queue; each for one event, except `settledDue`. */
export interface QueueWatcher {
  settled(outcome: Outcome, event: QueuedEvent): void;
  /** A good event was refused, or a bad one stored. */
  wrong(outcome: Outcome, event: QueuedEvent, detail: string): void;
  retried(code: string): void;
  /** All events that were due at this moment have their final outcome. */
  settledDue(atMs: number): void;
}

export interface Publication {
  readonly text: string;
  readonly events: number;
}

interface RejectedLine {
  readonly seq: number;
  readonly code?: string;
  readonly detail?: string;
}

export interface RetryLine {
  readonly seq: number;
  readonly code?: string;
  readonly after_ms?: number;
}

type Range = readonly [number, number];

/** The members of server frames that are read here. */
export interface AckFrame {
  readonly upto: number;
  readonly sack?: readonly Range[];
  readonly rej?: readonly RejectedLine[];
  readonly retry?: readonly RetryLine[];
  readonly dup?: readonly Range[];
  readonly credit?: Credit;
}

export interface WelcomeFrame {
  readonly resume: string;
  readonly done: number;
  readonly sack: readonly Range[];
  readonly exc: readonly RejectedLine[];
  readonly credit: Credit;
  readonly limits: { readonly frame_bytes: number; readonly frame_events: number };
}

export interface Credit {
  readonly seq: number;
  readonly bytes: number;
}

/** `{"t":"pub","seq":…,"events":[…],"sentAt":…}` with the largest numbers there are. */
const ENVELOPE_BYTES = 80;

export class StreamQueue {
  readonly #watcher: QueueWatcher;
  #held = new Map<number, Held>();
  /** Seqs to be sent on this connection, ascending. */
  #ready: number[] = [];
  #next = 1;
  #credit: Credit = { seq: 0, bytes: 0 };
  #sentBytes = 0;
  #limits = { frame_bytes: 0, frame_events: 0 };
  resume: string | undefined;

  constructor(watcher: QueueWatcher) {
    this.#watcher = watcher;
  }

  /** Events without a final outcome. */
  get heldEvents(): number {
    return this.#held.size;
  }

  /** The highest number that was given away. */
  get last(): number {
    return this.#next - 1;
  }

  /** Takes events that are due at `atMs`. */
  offer(events: readonly QueuedEvent[], atMs: number): void {
    const due: Due = { atMs, left: events.length };
    for (const event of events) {
      this.#held.set(this.#next, { ...event, due });
      this.#ready.push(this.#next);
      this.#next += 1;
    }
  }

  /** The members of a hello that are about this stream. */
  hello(): { held: Range[]; next: number; resume?: string } {
    const held = rangesOf([...this.#held.keys()]);
    const about = { held, next: this.#next };
    return this.resume === undefined ? about : { ...about, resume: this.resume };
  }

  /** A new stream takes over what is held, under new numbers; events keep their ids. */
  startAnew(): void {
    const events = [...this.#held.values()];
    this.#held = new Map(events.map((event, index) => [index + 1, event]));
    this.#ready = [];
    this.#next = events.length + 1;
    this.resume = undefined;
  }

  /** A new connection: everything without an outcome is sent again, in order. */
  welcome(frame: WelcomeFrame): void {
    this.resume = frame.resume;
    this.#limits = frame.limits;
    this.#credit = frame.credit;
    this.#sentBytes = 0;
    for (const { seq, code, detail } of frame.exc) {
      this.#settle(seq, "rejected", `${code ?? ""} ${detail ?? ""}`);
    }
    this.#settleRanges(frame.done, frame.sack);
    this.#ready = [...this.#held.keys()];
  }

  /** Gives the lines that are to be sent again later, by `again`. */
  ack(frame: AckFrame): readonly RetryLine[] {
    for (const { seq, code, detail } of frame.rej ?? []) {
      this.#settle(seq, "rejected", `${code ?? ""} ${detail ?? ""}`);
    }
    for (const [from, to] of frame.dup ?? []) {
      for (let seq = from; seq <= to; seq += 1) this.#settle(seq, "duplicate");
    }
    const retry = (frame.retry ?? []).filter(({ seq }) => this.#held.has(seq));
    for (const { code = "" } of retry) this.#watcher.retried(code);
    this.#settleRanges(frame.upto, frame.sack ?? []);
    if (frame.credit !== undefined) this.credit(frame.credit);
    return retry;
  }

  credit(credit: Credit): void {
    this.#credit = credit;
  }

  /** A seq that came back as `retry` may be sent again. */
  again(seq: number): void {
    if (!this.#held.has(seq) || this.#ready.includes(seq)) return;
    const at = this.#ready.findIndex((other) => other > seq);
    this.#ready.splice(at === -1 ? this.#ready.length : at, 0, seq);
  }

  /** The next message, as far as credit and limits allow. */
  take(nowMs: number): Publication | null {
    // What was settled meanwhile, because its first sending was answered late.
    while (this.#ready[0] !== undefined && !this.#held.has(this.#ready[0])) this.#ready.shift();
    const first = this.#ready[0];
    if (first === undefined) return null;
    const bytesMax = Math.min(this.#limits.frame_bytes, this.#credit.bytes - this.#sentBytes);
    const texts: string[] = [];
    let bytes = ENVELOPE_BYTES;
    while (texts.length < this.#limits.frame_events) {
      const seq = first + texts.length;
      const event = this.#held.get(seq);
      if (this.#ready[texts.length] !== seq || seq > this.#credit.seq || event === undefined) break;
      if (bytes + event.bytes + 1 > bytesMax) break;
      bytes += event.bytes + 1;
      texts.push(event.text);
    }
    if (texts.length === 0) return null;
    this.#ready.splice(0, texts.length);
    const text = `{"t":"pub","seq":${first},"events":[${texts.join(",")}],"sentAt":${nowMs}}`;
    // An upper bound: the server counts what it gets, which is less by some of the envelope.
    this.#sentBytes += bytes;
    return { text, events: texts.length };
  }

  #settleRanges(done: number, sack: readonly Range[]): void {
    for (const seq of this.#held.keys()) {
      if (seq > done) break;
      this.#settle(seq, "stored");
    }
    for (const [from, to] of sack) {
      for (let seq = from; seq <= to; seq += 1) this.#settle(seq, "stored");
    }
  }

  #settle(seq: number, outcome: Outcome, detail = ""): void {
    const event = this.#held.get(seq);
    if (event === undefined) return;
    this.#held.delete(seq);
    this.#watcher.settled(outcome, event);
    // What comes back as a duplicate had its outcome before, of which nothing is said.
    const isWrong = outcome !== "duplicate" && event.isValid === (outcome === "rejected");
    if (isWrong) this.#watcher.wrong(outcome, event, detail);
    event.due.left -= 1;
    if (event.due.left === 0) this.#watcher.settledDue(event.due.atMs);
  }
}

/** Ascending numbers as ranges, both ends included. */
export function rangesOf(numbers: readonly number[]): Range[] {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] + 1 === number) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}
