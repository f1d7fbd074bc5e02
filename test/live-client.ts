/**
 * A subscriber of the live feed for tests: says what it wants and gathers what it is told. A frame
 * that is not as the published document has it fails the test.
 */
import { checkClose, checkLiveFrame } from "./contract.ts";

export type LiveFrame = { readonly t: string } & Readonly<Record<string, unknown>>;

export interface LiveEvent extends LiveFrame {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly id: string;
  readonly value: Readonly<Record<string, unknown>>;
}

export class LiveClient {
  readonly frames: LiveFrame[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #socket: WebSocket;
  #waiting: (() => void)[] = [];
  #isClosed = false;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", (event) => {
      const frame = JSON.parse(String(event.data)) as LiveFrame;
      checkLiveFrame(frame);
      this.frames.push(frame);
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => {
        this.#isClosed = true;
        checkClose(code);
        resolve({ code, reason });
        this.#wake();
      });
    });
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Opens a connection to a gateway (`http://…`); nothing is said yet. */
  static async open(url: string, query = ""): Promise<LiveClient> {
    const target = `${url.replace("http:", "ws:")}/v1/live${query}`;
    const socket = new WebSocket(target, ["sluice.live.v1.json"]);
    const client = new LiveClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(new Error("the upgrade was refused")));
    });
    return client;
  }

  /** Opens a connection and subscribes; gives the client once it has caught up. */
  static async subscribed(url: string, members: object = {}): Promise<LiveClient> {
    const client = await LiveClient.open(url);
    client.send({ t: "subscribe", v: 1, ...members });
    await client.next("caught_up");
    return client;
  }

  send(frame: object): void {
    this.#socket.send(JSON.stringify(frame));
  }

  close(): void {
    this.#socket.close();
  }

  get events(): readonly LiveEvent[] {
    // Checked against the published document above.
    return this.frames.filter(({ t }) => t === "event") as LiveEvent[];
  }

  /** The last token it was given. */
  get token(): string {
    const last = this.frames.findLast(({ t, token }) => t !== "gap" && token !== undefined);
    return String(last?.["token"]);
  }

  /** Waits until `done` says so; rejects when the connection closes before. */
  async until<T>(done: () => T | undefined): Promise<T> {
    for (;;) {
      const value = done();
      if (value !== undefined) return value;
      if (this.#isClosed) {
        throw new Error(`closed: ${JSON.stringify([await this.closed, this.frames.at(-1)])}`);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  next(t: string, from = 0): Promise<LiveFrame> {
    return this.until(() => this.frames.slice(from).find((frame) => frame.t === t));
  }

  /** The events, once there are so many. */
  async eventsOf(count: number): Promise<readonly LiveEvent[]> {
    await this.until(() => (this.events.length >= count ? true : undefined));
    return this.events;
  }
}
