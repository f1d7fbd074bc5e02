/**
 * A server of `sluice.v1.json` as docs/protocol.md §2 tells it, in virtual time: it keeps what was
 * stored, watches that clients keep the rules, and makes trouble as a seed wants it. It is written
 * from the protocol, not from the gateway.
 */
import assert from "node:assert/strict";

import type { SocketLike } from "../types.ts";
import { ModelStream } from "./model-stream.ts";
import type { Trouble } from "./trouble.ts";
import type { VirtualTime } from "./virtual-time.ts";

export interface StoredRecord {
  readonly id: string;
  readonly stream: string;
  readonly seq: number;
  /** Flagged: may have been stored before. */
  readonly isFlagged: boolean;
}

interface Event {
  readonly id: string;
  readonly type: string;
}

export interface ModelServerParts {
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly trouble: Trouble;
}

export class ModelServer {
  readonly records: StoredRecord[] = [];
  readonly rejected = new Set<string>();
  /** Ids in the order in which they were first read from a frame. */
  readonly firstSeen: string[] = [];
  trouble: Trouble;
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly streams = new Map<string, ModelStream>();
  readonly tokens = new Set(["good"]);
  isTokenFresh = false;
  openSockets = 0;
  socketsMax = 1;
  frames = 0;
  readonly #seen = new Set<string>();
  #tokens = 0;

  constructor(parts: ModelServerParts) {
    this.time = parts.time;
    this.random = parts.random;
    this.trouble = parts.trouble;
  }

  /** A WebSocket class whose sockets end here. */
  socketClass() {
    return socketClassOf(this);
  }

  newToken(stream: string): string {
    this.#tokens += 1;
    return `${stream}/${this.#tokens}`;
  }

  happens(likelihood: number): boolean {
    return likelihood > 0 && this.random() < likelihood;
  }

  see(id: string): void {
    if (!this.#seen.has(id)) this.firstSeen.push(id);
    this.#seen.add(id);
  }

  hasOutcome(id: string): boolean {
    return this.rejected.has(id) || this.records.some((record) => record.id === id);
  }

  /** The HTTP twin: hello and pub in one, without an answer (a beacon). */
  beacon(body: string): void {
    const members = JSON.parse(body) as Members;
    const socket = new ModelSocket(this);
    socket.isTwin = true;
    this.time.after(this.random() * 3_000, () => {
      const { seq = 0, events = [], ...hello } = members;
      socket.hello(hello);
      this.time.after(200, () => {
        if (events.length > 0) socket.publish({ seq, events }, 0);
      });
    });
  }
}

interface Members {
  readonly t?: string;
  readonly auth?: string;
  readonly stream?: string;
  readonly resume?: string;
  readonly held?: readonly (readonly [number, number])[];
  readonly next?: number;
  readonly seq?: number;
  readonly events?: readonly Event[];
}

export class ModelSocket implements SocketLike {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  isTwin = false;
  readonly #server: ModelServer;
  #isOpen = false;
  #isDead = false;
  /** The server reads no further. */
  #isDeaf = false;
  #state: ModelStream | undefined;
  #stream = "";
  #isWelcome = false;
  #credit = { seq: 0, bytes: 0 };
  #bytes = 0;

  constructor(server: ModelServer) {
    this.#server = server;
    this.#later(() => {
      if (this.#isDead || this.isTwin) return;
      if (server.happens(server.trouble.refused)) {
        this.shut(1006);
        return;
      }
      this.#isOpen = true;
      server.openSockets += 1;
      assert.ok(server.openSockets <= server.socketsMax, "at most one socket of a queue is open");
      this.onopen?.(undefined as never);
    });
  }

  get isOver(): boolean {
    return this.#isDead;
  }

  #later(action: () => void): void {
    this.#server.time.after(1 + this.#server.random() * 80, action);
  }

  /** The client closes: what it has sent before arrives, nothing comes back. */
  close(): void {
    this.#die();
  }

  #die(): void {
    if (this.#isOpen) this.#server.openSockets -= 1;
    this.#isOpen = false;
    this.#isDead = true;
  }

  /** The server closes, or the network does. */
  shut(code: number): void {
    if (this.#isDead) return;
    this.#die();
    this.#isDeaf = true;
    this.onclose?.({ code, reason: "" } as never);
  }

  send(text: string): void {
    const { trouble, time, random } = this.#server;
    this.#server.frames += 1;
    if (this.#server.happens(trouble.cut)) {
      this.shut(random() < 0.2 ? 1011 : 1006);
      return;
    }
    time.after(20, () => this.#read(text));
  }

  #read(text: string): void {
    if (this.#isDeaf) return;
    const frame = JSON.parse(text) as Members;
    if (frame.t === "hello") this.hello(frame);
    else if (frame.t === "pub") this.publish(frame, text.length);
    else if (frame.t === "ping") this.#say({ t: "pong", n: 1 });
    else if (frame.t === "bye") this.shut(1000);
    if (this.#server.happens(this.#server.trouble.cut)) this.shut(1006);
  }

  #say(frame: object): void {
    this.#server.time.after(20, () => {
      if (!this.#isDead) this.onmessage?.({ data: JSON.stringify(frame) } as never);
    });
  }

  hello({ auth, stream = "", resume, held = [], next = 1 }: Members): void {
    const server = this.#server;
    const { trouble } = server;
    // A fresh token is good at least once.
    if (!server.isTokenFresh && server.happens(trouble.unauthenticated)) server.tokens.clear();
    server.isTokenFresh = false;
    if (!server.tokens.has(auth ?? "")) {
      server.isTokenFresh = true;
      this.shut(4401);
      return;
    }
    let state = server.streams.get(stream);
    // What is in use is not forgotten.
    const isIdle = state?.owner?.isOver !== false && state?.inFlight.size === 0;
    if (isIdle && server.happens(trouble.forgotten)) {
      server.streams.delete(stream);
      state = undefined;
    }
    if (state !== undefined && server.happens(trouble.denied)) state.tokens.clear();
    if (state !== undefined && !state.tokens.has(resume ?? "")) {
      this.shut(4410);
      return;
    }
    const isKnown = state !== undefined;
    state ??= new ModelStream();
    server.streams.set(stream, state);
    this.#state = state;
    this.#stream = stream;
    state.owner?.shut(4409);
    state.owner = this;
    this.#welcome({ held, next, isKnown });
  }

  /** Waits until what an earlier connection sent has its outcome. */
  #welcome(said: {
    held: readonly (readonly [number, number])[];
    next: number;
    isKnown: boolean;
  }): void {
    const state = this.#state;
    if (state === undefined || state.owner !== this) return;
    if (state.inFlight.size > 0) {
      this.#server.time.after(100, () => this.#welcome(said));
      return;
    }
    const { held, next, isKnown } = said;
    state.open = new Set();
    for (const [from, to] of held) {
      assert.ok(from <= to && to < next, "held is below next");
      for (let seq = from; seq <= to; seq += 1) if (!state.final.has(seq)) state.open.add(seq);
    }
    assert.ok(held.length <= 64, "held has at most 64 ranges");
    if (!isKnown) state.flagged = new Set(state.open);
    state.next = Math.max(state.next, next);
    const { done } = state;
    this.#credit = { seq: done + 1 + Math.floor(this.#server.random() * 30), bytes: 100_000 };
    const token = this.#server.newToken(this.#stream);
    state.tokens.add(token);
    this.#isWelcome = true;
    this.#say({
      t: "welcome",
      done,
      sack: state.sack(done),
      exc: [...state.final].flatMap(([seq, what]) =>
        what === "rejected" ? [{ seq, code: "schema_invalid", detail: "" }] : [],
      ),
      resume: token,
      credit: this.#credit,
      limits: { frame_bytes: 4_000, event_bytes: 2_000, frame_events: 20 },
      ping: 25,
    });
  }

  publish({ seq = 0, events = [] }: Members, bytes: number): void {
    const state = this.#state;
    const server = this.#server;
    // What an old owner still reads is dropped: the epoch fences it.
    if (state === undefined || state.owner !== this || !this.#isWelcome) {
      assert.ok(this.#isDead || this.isTwin || state?.owner !== this, "pub comes after welcome");
      return;
    }
    if (events.some(({ type }) => type === "poison")) {
      for (const { id } of events) server.see(id);
      this.shut(4400);
      return;
    }
    this.#bytes += bytes;
    if (!this.isTwin) assert.ok(this.#bytes <= this.#credit.bytes, "bytes stay within credit");
    const taken: [number, Event][] = [];
    const dup: [number, number][] = [];
    events.forEach((event, index) => {
      const number = seq + index;
      server.see(event.id);
      if (state.isFinal(number)) dup.push([number, number]);
      else if (!state.inFlight.has(number)) {
        const isNew = number === state.next;
        assert.ok(isNew || state.open.has(number), `seq ${number} is legal`);
        if (isNew && !this.isTwin) assert.ok(number <= this.#credit.seq, "seq is within credit");
        if (isNew) state.next += 1;
        state.open.delete(number);
        state.inFlight.set(number, event.id);
        taken.push([number, event]);
      }
    });
    server.time.after(5 + server.random() * 500, () => this.#commit(taken, dup));
  }

  #commit(taken: readonly (readonly [number, Event])[], dup: readonly (readonly number[])[]): void {
    const state = this.#state;
    const server = this.#server;
    if (state === undefined) return;
    const rej: object[] = [];
    const retry: object[] = [];
    for (const [seq, { id, type }] of taken) {
      state.inFlight.delete(seq);
      if (type === "bad") {
        server.rejected.add(id);
        state.final.set(seq, "rejected");
        rej.push({ seq, code: "schema_invalid", path: "/x", detail: "bad" });
      } else if (server.happens(server.trouble.retry)) {
        state.open.add(seq);
        retry.push({ seq, code: "kafka_timeout", after_ms: Math.floor(server.random() * 3_000) });
      } else {
        const isFlagged = state.flagged.has(seq);
        server.records.push({ id, stream: this.#stream, seq, isFlagged });
        state.final.set(seq, "stored");
      }
    }
    if (server.happens(server.trouble.lostAck)) {
      this.shut(1006);
      return;
    }
    this.#ack(state, { rej, retry, dup });
    this.#stir(state);
  }

  #ack(state: ModelStream, news: object): void {
    const { done } = state;
    const isStarved = this.#server.happens(this.#server.trouble.starve);
    const credit = () => {
      const { seq, bytes } = this.#credit;
      this.#credit = {
        seq: Math.max(seq, state.done + 20),
        bytes: Math.max(bytes, this.#bytes + 20_000),
      };
      return this.#credit;
    };
    this.#say({
      t: "ack",
      upto: done,
      sack: state.sack(done),
      ...news,
      ...(isStarved ? {} : { credit: credit() }),
    });
    if (isStarved) {
      this.#server.time.after(this.#server.random() * 20_000, () => {
        this.#say({ t: "credit", ...credit() });
      });
    }
  }

  #stir(state: ModelStream): void {
    const { trouble } = this.#server;
    if (this.#server.happens(trouble.superseded)) this.shut(4409);
    else if (this.#server.happens(trouble.goaway)) {
      const afterMs = Math.floor(this.#server.random() * 4_000);
      this.#say({ t: "goaway", reason: "drain", after_ms: afterMs });
      this.#server.time.after(8_000, () => {
        if (state.owner === this) this.shut(1012);
      });
    }
  }
}

function socketClassOf(server: ModelServer) {
  return class extends ModelSocket {
    constructor(_url: string, _protocols: string[]) {
      super(server);
    }
  };
}
