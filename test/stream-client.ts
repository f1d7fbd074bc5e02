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

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", (event) => {
      const frame = JSON.parse(String(event.data)) as Frame;
      checkFrame(frame);
      this.frames.push(frame);
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

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Opens the socket; nothing is said yet. */
  static async open(url: string, protocols: readonly string[] = ["sluice.v1.json"]) {
    const socket = new WebSocket(url, [...protocols]);
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
