/**
 * A WebSocket client for tests: says hello, publishes, and gathers what the server says. A frame
 * that is not as the published document has it fails the test.
 */
import { randomUUID } from "node:crypto";
import { checkClose, checkFrame } from "./contract.ts";

export type Frame = { readonly t: string } & Readonly<Record<string, unknown>>;

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export class StreamClient {
  readonly frames: Frame[] = [];
  readonly closed: Promise<Closed>;
  readonly #socket: WebSocket;
  #waiting: (() => void)[] = [];
  #isClosed = false;
  /** Hears of every frame. */
  onFrame: (frame: Frame) => void = () => {};

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", (event) => {
      const frame = JSON.parse(String(event.data)) as Frame;
      checkFrame(frame);
      this.frames.push(frame);
      this.onFrame(frame);
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", (event) => {
        this.#isClosed = true;
        checkClose(event.code);
        resolve({ code: event.code, reason: event.reason });
        this.#wake();
      });
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Opens the socket; nothing is said yet. `headers`: of the upgrade. */
  static async open(
    url: string,
    protocols: readonly string[] = ["sluice.v1.json"],
    headers: Readonly<Record<string, string>> = {},
  ) {
    // The second argument of Node.js takes more than that of browsers.
    const options = { protocols: [...protocols], headers } as unknown as string[];
    const socket = new WebSocket(url, options);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(new Error("the upgrade was refused")));
    });
    return new StreamClient(socket);
  }

  /** Opens the socket and says hello; gives the client once it is welcome. */
  static async hello(url: string, members: Readonly<Record<string, unknown>> = {}) {
    const client = await StreamClient.open(url);
    client.send({ t: "hello", v: 1, stream: randomUUID(), next: 1, ...members });
    await client.next("welcome");
    return client;
  }

  send(frame: object | string): void {
    this.#socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  sendBinary(bytes: Uint8Array): void {
    this.#socket.send(new Uint8Array(bytes));
  }

  close(): void {
    this.#socket.close();
  }

  /** Waits until `done` says so; rejects when the socket closes before. */
  async until<T>(done: () => T | undefined): Promise<T> {
    for (;;) {
      const value = done();
      if (value !== undefined) return value;
      if (this.#isClosed) throw new Error(`closed: ${JSON.stringify(await this.closed)}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** The first frame of this kind, from `from` on. */
  next(t: string, from = 0): Promise<Frame> {
    return this.until(() => this.frames.slice(from).find((frame) => frame.t === t));
  }

  /** Waits until everything up to `seq` has a final outcome. */
  acked(seq: number): Promise<Frame> {
    return this.until(() =>
      this.frames.find((frame) => frame.t === "ack" && Number(frame["upto"]) >= seq),
    );
  }
}

interface Line {
  readonly seq: number;
  readonly code: string;
}

/**
 * One stream over as many connections as it takes: numbers events, keeps each until it has its
 * final outcome, and resumes.
 */
export class ResumingStream {
  readonly stream = randomUUID();
  readonly outcomes = new Map<number, "stored" | "rejected">();
  readonly #url: string;
  readonly #members: Readonly<Record<string, unknown>>;
  /** Without a final outcome. */
  readonly #held = new Map<number, object>();
  #next = 1;
  #resume: string | undefined;

  /** `members`: of every hello, besides those about the stream. */
  constructor(url: string, members: Readonly<Record<string, unknown>> = {}) {
    this.#url = url;
    this.#members = members;
  }

  get held(): readonly number[] {
    return [...this.#held.keys()];
  }

  get resume(): string | undefined {
    return this.#resume;
  }

  /** Opens a connection, resumes, and sends again what has no outcome. */
  async connect(url = this.#url): Promise<StreamClient> {
    const client = await StreamClient.open(url);
    client.onFrame = (frame) => this.#onFrame(client, frame);
    client.send({
      t: "hello",
      v: 1,
      stream: this.stream,
      held: rangesOf(this.held),
      next: this.#next,
      ...(this.#resume === undefined ? {} : { resume: this.#resume }),
      ...this.#members,
    });
    await client.next("welcome");
    return client;
  }

  /** Takes events into the queue and publishes them in one frame; gives the last number. */
  publish(client: StreamClient, events: readonly object[]): number {
    const seq = this.#next;
    for (const event of events) {
      this.#held.set(this.#next, event);
      this.#next += 1;
    }
    client.send({ t: "pub", seq, events });
    return this.#next - 1;
  }

  /** Waits until every event has its final outcome. */
  async settled(client: StreamClient): Promise<void> {
    await client.until(() => (this.#held.size === 0 ? true : undefined));
  }

  #onFrame(client: StreamClient, frame: Frame): void {
    if (frame.t === "welcome") {
      this.#resume = String(frame["resume"]);
      // Checked against the published document by the client below.
      for (const { seq } of frame["exc"] as Line[]) this.#settle(seq, "rejected");
      this.#settleUpTo(Number(frame["done"]), frame["sack"] as [number, number][]);
      for (const [seq, event] of this.#held) client.send({ t: "pub", seq, events: [event] });
    } else if (frame.t === "ack") {
      for (const { seq } of (frame["rej"] ?? []) as Line[]) this.#settle(seq, "rejected");
      this.#settleUpTo(Number(frame["upto"]), (frame["sack"] ?? []) as [number, number][]);
    }
  }

  #settleUpTo(done: number, sack: readonly [number, number][]): void {
    for (const seq of this.#held.keys()) {
      const isFinal = seq <= done || sack.some(([from, to]) => from <= seq && seq <= to);
      if (isFinal) this.#settle(seq, "stored");
    }
  }

  #settle(seq: number, outcome: "stored" | "rejected"): void {
    if (!this.#held.delete(seq)) return;
    this.outcomes.set(seq, outcome);
  }
}

function rangesOf(numbers: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] + 1 === number) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}
