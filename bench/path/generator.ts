/**
 * A generator of load, a process of its own so that its cost is not the server's. Started by
 * load.ts, which tells it what to send as its one argument (JSON, `GeneratorPlan`) and asks now and
 * then what has happened since it asked last.
 *
 * Closed loop: each connection keeps so many frames in flight. Open loop: frames are due on a
 * timetable, whatever the server does, and their latency counts from when they were due.
 */
import { FrameBook, requestBook } from "./events.ts";
import { Histogram } from "./histogram.ts";
import { RequestPeer, StreamPeer, type Peer, type PeerListener } from "./peers.ts";

export interface GeneratorPlan {
  readonly number: number;
  readonly port: number;
  readonly transport: "ws" | "http";
  readonly eventsPerFrame: number;
  readonly connections: number;
  /** Closed loop: frames that each connection keeps in flight. HTTP: always one. */
  readonly inFlight: number;
  /** Events a second in the open loop; 0: closed loop. */
  readonly rate: number;
}

/** What happened since the last one. */
export interface GeneratorNews {
  readonly acked: number;
  readonly refused: number;
  /** Events that were due and could not be sent yet, at this moment. */
  readonly behind: number;
  /** Milliseconds from due (or sent) to stored, as a Histogram's counts, by events. */
  readonly latencies: readonly number[];
  readonly bytesPerEvent: number;
  /** Share of the time since the last one that its thread was busy. */
  readonly busy: number;
  readonly failure: string | null;
}

const DUE_LOOK_MS = 1;

class Generator {
  readonly #plan: GeneratorPlan;
  readonly #peers: Peer[] = [];
  readonly #latencies = new Histogram();
  /** Due times of frames that nobody could send yet (open loop). */
  readonly #backlog: number[] = [];
  readonly #bytesPerEvent: number;
  #utilization = performance.eventLoopUtilization();
  #acked = 0;
  #refused = 0;
  #failure: string | null = null;
  #startMs = 0;
  #due = 0;
  #turn = 0;

  constructor(plan: GeneratorPlan) {
    this.#plan = plan;
    const listener: PeerListener = {
      acked: (events, sentAtMs) => {
        this.#acked += events;
        this.#latencies.add(performance.now() - sentAtMs, events);
      },
      refused: (events) => {
        this.#refused += events;
      },
      roomFor: (peer) => this.#fill(peer),
      failed: (reason) => {
        this.#failure ??= reason;
      },
    };
    const { port, eventsPerFrame, connections, number } = plan;
    if (plan.transport === "ws") {
      const book = new FrameBook(eventsPerFrame, number);
      this.#bytesPerEvent = book.bytesPerEvent;
      for (let i = 0; i < connections; i += 1) {
        this.#peers.push(new StreamPeer(port, book, listener));
      }
    } else {
      const requests = requestBook(eventsPerFrame, number);
      this.#bytesPerEvent = (requests[0]?.length ?? 0) / eventsPerFrame;
      const queue = { requests, eventsPerRequest: eventsPerFrame, next: 0 };
      for (let i = 0; i < connections; i += 1) {
        this.#peers.push(new RequestPeer(port, queue, listener));
      }
    }
  }

  start(): void {
    this.#startMs = performance.now();
    if (this.#plan.rate > 0) setInterval(() => this.#sendDue(), DUE_LOOK_MS);
  }

  news(): GeneratorNews {
    const now = performance.eventLoopUtilization();
    const news = {
      acked: this.#acked,
      refused: this.#refused,
      behind: this.#backlog.length * this.#plan.eventsPerFrame,
      latencies: this.#latencies.toJSON(),
      bytesPerEvent: Math.round(this.#bytesPerEvent),
      busy: performance.eventLoopUtilization(now, this.#utilization).utilization,
      failure: this.#failure,
    };
    this.#utilization = now;
    this.#acked = 0;
    this.#refused = 0;
    this.#latencies.clear();
    return news;
  }

  /** A connection has room again. */
  #fill(peer: Peer): void {
    if (this.#plan.rate > 0) {
      this.#sendBacklog(peer);
      return;
    }
    const nowMs = performance.now();
    while (peer.isReady && peer.inFlight < this.#plan.inFlight) peer.send(nowMs);
  }

  /** Open loop: puts what is due on the connections in turn. */
  #sendDue(): void {
    const framesPerMs = this.#plan.rate / this.#plan.eventsPerFrame / 1_000;
    const due = (performance.now() - this.#startMs) * framesPerMs;
    for (; this.#due < due; this.#due += 1) {
      this.#backlog.push(this.#startMs + this.#due / framesPerMs);
    }
    for (let tried = 0; tried < this.#peers.length && this.#backlog.length > 0; tried += 1) {
      this.#turn += 1;
      const peer = this.#peers[this.#turn % this.#peers.length];
      if (peer?.isReady === true) peer.send(this.#backlog.shift() ?? 0);
    }
  }

  #sendBacklog(peer: Peer): void {
    while (peer.isReady && this.#backlog.length > 0) peer.send(this.#backlog.shift() ?? 0);
  }
}

// Written by load.ts.
const plan = JSON.parse(process.argv[2] ?? "") as GeneratorPlan;
const generator = new Generator(plan);
generator.start();
process.on("message", () => process.send?.(generator.news()));
process.on("disconnect", () => process.exit());
