/**
 * Connections of a generator, each on a socket of its own: WebSocket streams that keep frames in
 * flight, and HTTP connections with one request at a time. They read no more of an answer than they
 * need and say what was acked, and when it was sent.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { connect } from "node:net";
import type { Socket } from "node:net";

import { clientFrame, type FrameBook } from "./events.ts";

export interface PeerListener {
  /** So many events that were sent (or due) at `sentAtMs` are stored. */
  acked(events: number, sentAtMs: number): void;
  /** So many events got another outcome. */
  refused(events: number): void;
  /** There may be room for more. */
  roomFor(peer: Peer): void;
  failed(reason: string): void;
}

export interface Peer {
  /** Frames out there. */
  readonly inFlight: number;
  /** May it send one more by what the server allows? */
  readonly isReady: boolean;
  /** Sends one more frame or request. `sentAtMs`: when it was due. */
  send(sentAtMs: number): void;
  close(): void;
}

/** Frames and when they were due, oldest first. */
class Waiting {
  readonly #atMs: number[] = [];
  readonly #last: number[] = [];
  #first = 0;

  get size(): number {
    return this.#last.length - this.#first;
  }

  add(last: number, atMs: number): void {
    this.#last.push(last);
    this.#atMs.push(atMs);
  }

  /** When the oldest was due, if everything up to `upto` covers it; it is forgotten then. */
  take(upto: number): number | undefined {
    if ((this.#last[this.#first] ?? Infinity) > upto) return undefined;
    const atMs = this.#atMs[this.#first];
    this.#first += 1;
    if (this.#first > 4_096) {
      this.#last.splice(0, this.#first);
      this.#atMs.splice(0, this.#first);
      this.#first = 0;
    }
    return atMs;
  }
}

interface AckFrame {
  readonly t: string;
  readonly upto?: number;
  readonly seq?: number;
  readonly bytes?: number;
  readonly credit?: { readonly seq: number; readonly bytes?: number };
  readonly rej?: readonly unknown[];
  readonly retry?: readonly unknown[];
  readonly detail?: string;
}

export class StreamPeer implements Peer {
  readonly #socket: Socket;
  readonly #book: FrameBook;
  readonly #listener: PeerListener;
  readonly #waiting = new Waiting();
  #next = 1;
  #credit = 0;
  #creditBytes = 0;
  #sentBytes = 0;
  #upto = 0;
  #input: Buffer = Buffer.alloc(0);
  #isOpen = false;
  #isClosing = false;
  #output: Buffer[] = [];

  constructor(port: number, book: FrameBook, listener: PeerListener) {
    this.#book = book;
    this.#listener = listener;
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.write(
      "GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n" +
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
        `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n` +
        "Sec-WebSocket-Protocol: sluice.v1.json\r\n\r\n",
    );
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", (error) => listener.failed(error.message));
    this.#socket.on("close", () => {
      if (!this.#isClosing) listener.failed("the server closed a connection");
    });
  }

  get inFlight(): number {
    return this.#waiting.size;
  }

  get isReady(): boolean {
    const { eventsPerFrame, frameBytesMax } = this.#book;
    const isRoom = this.#sentBytes + frameBytesMax <= this.#creditBytes;
    return isRoom && this.#next + eventsPerFrame - 1 <= this.#credit;
  }

  send(sentAtMs: number): void {
    const frame = this.#book.next(this.#next);
    this.#next += this.#book.eventsPerFrame;
    this.#sentBytes += frame.length;
    this.#waiting.add(this.#next - 1, sentAtMs);
    this.#output.push(Buffer.from(frame));
    // What is sent in one go is written in one go.
    if (this.#output.length === 1) process.nextTick(() => this.#write());
  }

  close(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }

  #write(): void {
    const [only] = this.#output;
    const isOne = this.#output.length === 1 && only !== undefined;
    this.#socket.write(isOne ? only : Buffer.concat(this.#output));
    this.#output = [];
  }

  #read(chunk: Buffer): void {
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    if (!this.#isOpen) {
      const end = this.#input.indexOf("\r\n\r\n");
      if (end < 0) return;
      if (!this.#input.subarray(0, 12).equals(Buffer.from("HTTP/1.1 101"))) {
        this.#listener.failed(this.#input.toString("latin1", 0, end));
      }
      this.#input = this.#input.subarray(end + 4);
      this.#isOpen = true;
      const hello = { t: "hello", v: 1, auth: "demo", stream: randomUUID(), next: 1 };
      this.#socket.write(clientFrame(Buffer.from(JSON.stringify(hello))));
    }
    let at = 0;
    for (;;) {
      const short = (this.#input[at + 1] ?? 0) & 0x7f;
      const start = at + 2 + (short === 126 ? 2 : 0);
      if (this.#input.length < start) break;
      const bytes = short === 126 ? this.#input.readUInt16BE(at + 2) : short;
      if (this.#input.length < start + bytes) break;
      const opcode = (this.#input[at] ?? 0) & 0x0f;
      if (opcode === 1) this.#obey(this.#input.toString("utf8", start, start + bytes));
      at = start + bytes;
    }
    this.#input = this.#input.subarray(at);
    this.#listener.roomFor(this);
  }

  #obey(text: string): void {
    // Frames of a server that was started for this.
    const frame = JSON.parse(text) as AckFrame;
    if (frame.t === "error") this.#listener.failed(frame.detail ?? "an error");
    if (frame.credit !== undefined || frame.t === "credit") {
      const { seq = 0, bytes = Number.MAX_SAFE_INTEGER } = frame.credit ?? frame;
      this.#credit = Math.max(this.#credit, seq);
      this.#creditBytes = Math.max(this.#creditBytes, bytes);
    }
    const refused = (frame.rej?.length ?? 0) + (frame.retry?.length ?? 0);
    if (refused > 0) this.#listener.refused(refused);
    if (frame.upto === undefined) return;
    this.#upto = frame.upto;
    let atMs = this.#waiting.take(this.#upto);
    while (atMs !== undefined) {
      this.#listener.acked(this.#book.eventsPerFrame, atMs);
      atMs = this.#waiting.take(this.#upto);
    }
  }
}

/** The order in which the requests of all connections are sent. */
export interface RequestQueue {
  readonly requests: readonly Buffer[];
  readonly eventsPerRequest: number;
  next: number;
}

export class RequestPeer implements Peer {
  readonly #port: number;
  readonly #queue: RequestQueue;
  readonly #listener: PeerListener;
  #socket: Socket;
  #sentAtMs: number | null = null;
  #input: Buffer = Buffer.alloc(0);
  #isConnected = false;
  #isClosing = false;

  constructor(port: number, queue: RequestQueue, listener: PeerListener) {
    this.#port = port;
    this.#queue = queue;
    this.#listener = listener;
    this.#socket = this.#connect();
  }

  #connect(): Socket {
    const socket = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
    socket.on("connect", () => {
      this.#isConnected = true;
      this.#listener.roomFor(this);
    });
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", (error) => this.#listener.failed(error.message));
    socket.on("close", () => this.#closed());
    return socket;
  }

  /** A server may close a connection on which nothing is asked. */
  #closed(): void {
    if (this.#isClosing) return;
    this.#isConnected = false;
    if (this.#sentAtMs === null) this.#socket = this.#connect();
    else this.#listener.failed("the server closed a connection with a request on it");
  }

  get inFlight(): number {
    return this.#sentAtMs === null ? 0 : 1;
  }

  get isReady(): boolean {
    return this.#isConnected && this.#sentAtMs === null;
  }

  send(sentAtMs: number): void {
    const { requests } = this.#queue;
    this.#sentAtMs = sentAtMs;
    this.#socket.write(requests[this.#queue.next % requests.length] ?? "");
    this.#queue.next += 1;
  }

  close(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    const end = this.#input.indexOf("\r\n\r\n");
    if (end < 0 || this.#sentAtMs === null) return;
    const head = this.#input.toString("latin1", 0, end);
    const bytes = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#input.length < end + 4 + bytes) return;
    const body = this.#input.toString("utf8", end + 4, end + 4 + bytes);
    const stored = Number(/"stored":(\d+)/.exec(body)?.[1] ?? 0);
    if (stored > 0) this.#listener.acked(stored, this.#sentAtMs);
    const { eventsPerRequest } = this.#queue;
    if (stored < eventsPerRequest) this.#listener.refused(eventsPerRequest - stored);
    this.#sentAtMs = null;
    this.#input = Buffer.alloc(0);
    if (/\r\nconnection: *close/i.test(head)) this.#isConnected = false;
    this.#listener.roomFor(this);
  }
}
