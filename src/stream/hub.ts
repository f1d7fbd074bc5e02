/**
 * All streams of the process: what they share (pipeline, admission, limits), and what must be done
 * for many at once: acks at the end of a commit, pings, credit after pressure, the drain.
 */
import type { Admission } from "../admission/admission.ts";
import type { Deadlines } from "../pipeline/deadlines.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Welcome } from "../protocol/frames.ts";
import { StreamConnection } from "./connection.ts";
import type { StreamPeer, StreamSocket } from "./socket.ts";

/** Between two looks at who is silent and whether credit may rise again. */
const TICK_MS = 250;

/** A client that has missed this many pings is dead. */
const PINGS_MISSED_MAX = 2;

/** Why a socket is sent away as soon as it opens. */
const REFUSALS = {
  draining: "this process is shutting down",
  full: "this process has as many connections as it may have",
  overloaded: "this process has as many events in flight as it may have",
} as const;

export type Pressure = "kafka" | "memory";

export interface StreamLimits {
  readonly frameBytesMax: number;
  readonly frameEventsMax: number;
  readonly eventBytesMax: number;
  readonly payload: "data" | "whole";
  readonly typeMember: string;
}

export interface StreamHubParts {
  readonly pipeline: Pipeline;
  readonly admission: Admission;
  readonly deadlines: Deadlines;
  readonly limits: StreamLimits;
  readonly pingMs: number;
  readonly helloTimeoutMs: number;
  readonly streamsMax: number;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Monotonic clock, ms. */
  readonly clockMs: () => number;
  /** Why credit may not rise: the process is without Kafka, or over its high mark. */
  readonly pressure: () => Pressure | null;
  /** Is it over the hard mark? Then no further sockets are taken. */
  readonly overHardMark: () => boolean;
  readonly onRefused: (reason: "draining" | "full" | "overloaded") => void;
  /** Between 0 and 1. */
  readonly random: () => number;
  /** Unique among the processes that ever served; prefix of connection ids. */
  readonly processId: string;
  /** Something that must not happen did. */
  readonly onFailure: (error: unknown) => void;
  /** A frame has its last outcome, so long after it came. */
  readonly onAnswered: (latencyMs: number) => void;
}

export class StreamHub {
  readonly #parts: StreamHubParts;
  /** Connections with the time their last frame came, in monotonic ms. */
  readonly #heard = new Map<StreamConnection, { atMs: number; pings: number }>();
  readonly #dirty: StreamConnection[] = [];
  readonly #heldBack = new Set<StreamConnection>();
  readonly #timer: NodeJS.Timeout;
  #connections = 0;
  #draining = false;

  constructor(parts: StreamHubParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
  }

  get pipeline(): Pipeline {
    return this.#parts.pipeline;
  }

  get admission(): Admission {
    return this.#parts.admission;
  }

  get deadlines(): Deadlines {
    return this.#parts.deadlines;
  }

  get limits(): StreamLimits {
    return this.#parts.limits;
  }

  /** Why credit may not rise, null if it may. */
  get pressure(): Pressure | null {
    return this.#parts.pressure();
  }

  /** Open sockets. */
  get size(): number {
    return this.#heard.size;
  }

  failed(error: unknown): void {
    this.#parts.onFailure(error);
  }

  answered(latencyMs: number): void {
    this.#parts.onAnswered(latencyMs);
  }

  now(): number {
    return this.#parts.now();
  }

  /** The members of a welcome; this version remembers no streams between connections. */
  welcome(members: Pick<Welcome, "done" | "sack" | "credit" | "dup_possible">): Welcome {
    const { frameBytesMax, eventBytesMax, frameEventsMax } = this.#parts.limits;
    this.#connections += 1;
    return {
      conn: `${this.#parts.processId}-${this.#connections}`,
      epoch: 1,
      resumed: false,
      exc: [],
      resume: "",
      ttl: 0,
      limits: {
        frame_bytes: frameBytesMax,
        event_bytes: eventBytesMax,
        frame_events: frameEventsMax,
      },
      ping: Math.round(this.#parts.pingMs / 1_000),
      time: this.now(),
      ...members,
    };
  }

  /** A socket was opened. One too many, or one that comes during the drain, is sent away. */
  open(socket: StreamSocket, peer: StreamPeer): StreamConnection {
    const connection = new StreamConnection(this, socket, peer);
    const refusal = this.#refusal();
    if (refusal === null) {
      this.#heard.set(connection, { atMs: this.#parts.clockMs(), pings: 0 });
    } else {
      this.#parts.onRefused(refusal);
      const name = refusal === "draining" ? "restart" : "overloaded";
      connection.fail(name, REFUSALS[refusal]);
    }
    return connection;
  }

  #refusal(): keyof typeof REFUSALS | null {
    if (this.#draining) return "draining";
    if (this.#heard.size >= this.#parts.streamsMax) return "full";
    return this.#parts.overHardMark() ? "overloaded" : null;
  }

  left(connection: StreamConnection): void {
    this.#heard.delete(connection);
    this.#heldBack.delete(connection);
  }

  heardFrom(connection: StreamConnection): void {
    const heard = this.#heard.get(connection);
    if (heard === undefined) return;
    heard.atMs = this.#parts.clockMs();
    heard.pings = 0;
  }

  /**
   * The connection has something to say; it says it once, after the commit that is being settled.
   */
  flushSoon(connection: StreamConnection): void {
    this.#dirty.push(connection);
    if (this.#dirty.length === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    for (const connection of this.#dirty.splice(0)) {
      try {
        connection.flush();
      } catch (error) {
        // The acks of all others must still go out.
        this.failed(error);
        connection.fail("internal", "an error inside sluice");
      }
    }
  }

  /** The connection's ceilings wait for better times. */
  holdBack(connection: StreamConnection): void {
    this.#heldBack.add(connection);
  }

  /** Hello time-outs, pings, and credit that was held back. */
  tick(): void {
    const nowMs = this.#parts.clockMs();
    for (const [connection, heard] of this.#heard) {
      const silentMs = nowMs - heard.atMs;
      if (connection.state === "awaiting-hello") {
        if (silentMs > this.#parts.helloTimeoutMs) {
          connection.fail("hello_timeout", "no hello came in time");
        }
      } else if (silentMs > this.#parts.pingMs * (heard.pings + 1)) {
        heard.pings += 1;
        if (heard.pings > PINGS_MISSED_MAX) connection.fail("going_away", "no answer to pings");
        else connection.ping();
      }
    }
    if (this.#heldBack.size > 0 && this.pressure === null) {
      const waiting = [...this.#heldBack];
      this.#heldBack.clear();
      for (const connection of waiting) connection.raiseCredit();
    }
  }

  /**
   * The drain: asks every client to come back elsewhere (spread over `spreadMs`), and closes each
   * as soon as nothing of it is in flight; all of them at the latest when `deadline` says so.
   */
  async drain(spreadMs: number, deadline: AbortSignal): Promise<void> {
    this.#draining = true;
    for (const connection of this.#heard.keys()) {
      connection.goAway(Math.round(this.#parts.random() * spreadMs));
    }
    while (this.#heard.size > 0) {
      for (const connection of this.#heard.keys()) {
        if (!connection.isBusy || deadline.aborted) {
          connection.fail("restart", "this process is shutting down");
        }
      }
      if (deadline.aborted) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    clearInterval(this.#timer);
  }
}
