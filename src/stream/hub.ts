/**
 * All streams of the process: what they share (pipeline, admission, memory, limits, credit), and
 * what must be done for many at once: acks at the end of a commit, a regular look at each, the
 * drain.
 */
import type { Dialect } from "../codec/dialect.ts";
import type { Admission, Principal } from "../admission/admission.ts";
import type { TenantPolicy } from "../admission/policy.ts";
import type { Batch } from "../pipeline/batch.ts";
import type { Deadlines } from "../pipeline/deadlines.ts";
import type { OpenFrame } from "../pipeline/open-frame.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { PauseReason, Welcome } from "../protocol/frames.ts";
import { AckHold } from "./ack-hold.ts";
import type { CreditSource } from "./answers.ts";
import { Census } from "./census.ts";
import { LoopTurns } from "./loop-turns.ts";
import { StreamConnection } from "./connection.ts";
import type { Allowance } from "./credit.ts";
import { LEAST_ALLOWANCE, Pace } from "./pace.ts";
import type { StreamView } from "./reconcile.ts";
import type { StreamPeer, StreamSocket } from "./socket.ts";
import type { StreamKey, StreamStore } from "./store.ts";
import type { BatchTrace, BatchTracer } from "../tracing/tracer.ts";
import { Upkeep } from "./upkeep.ts";

/** Between two looks at all connections. */
const TICK_MS = 250;

/** And between two looks while the process drains. */
const DRAIN_TICK_MS = 10;

/** Clients that are asked to leave come back spread over so long for each of them. */
const SPREAD_MS_PER_SOCKET = 5;

/** Why a socket is sent away as soon as it opens. */
const REFUSALS = {
  draining: "this process is shutting down",
  full: "this process has as many connections as it may have",
  source_full: "this source or its tenant has as many connections as it may have",
  overloaded: "this process has as many events in flight as it may have",
} as const;

export interface StreamLimits {
  readonly frameBytesMax: number;
  readonly frameEventsMax: number;
  readonly eventBytesMax: number;
  readonly payload: "data" | "whole";
  readonly typeMember: string;
  /** How events are read, where that is not as the envelope says alone. */
  readonly nativeForm: Dialect | null;
}

/** What streams tell telemetry. */
export interface StreamObserver {
  refused(reason: keyof typeof REFUSALS): void;
  /** A stream was opened: unknown so far, known, or with records that may be stored twice. */
  welcomed(how: "new" | "resumed" | "unsure"): void;
  /** So many frames, which came at once, have their last outcome, so long after the first came. */
  answered(
    latencyMs: number,
    batch: { readonly frames: number; readonly trace: BatchTrace | null },
  ): void;
  /** A client was told that its credit does not rise. */
  paused(reason: PauseReason): void;
  /** Acks were written, so long after the first outcome that they tell. */
  told(durationMs: number, acks: number): void;
  /** Something that must not happen did. */
  failed(error: unknown): void;
}

export type Charge = (
  sender: Principal,
  cost: { readonly events: number; readonly bytes: number },
) => void;

export interface StreamHubParts {
  /** What a sender has sent, for his quota. */
  readonly charge: Charge;
  readonly pipeline: Pipeline;
  readonly admission: Admission;
  readonly store: StreamStore;
  readonly deadlines: Deadlines;
  readonly limits: StreamLimits;
  readonly pingMs: number;
  readonly helloTimeoutMs: number;
  readonly streamsMax: number;
  /** Events of credit that may be out and not used; beyond it streams get the least. */
  readonly creditEventsMax: number;
  /** The longest time over which clients that are asked to leave come back. */
  readonly goAwaySpreadMs: number;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Monotonic clock, ms. */
  readonly clockMs: () => number;
  /** Why the credit of a sender may not rise, null if it may. */
  readonly pressure: (principal: Principal) => PauseReason | null;
  readonly isKafkaAway: () => boolean;
  /** Does Kafka not confirm some partitions, whose records wait by themselves? */
  readonly isHeldUp: () => boolean;
  readonly after: (delayMs: number, action: () => void) => void;
  /** Runs after the I/O of the current turn of the event loop. */
  readonly endOfTurn: (action: () => void) => void;
  /** Is it over the hard mark? Then no further sockets are taken. */
  readonly overHardMark: () => boolean;
  /** Between 0 and 1. */
  readonly random: () => number;
  /** Unique among the processes that ever served; prefix of connection ids. */
  readonly processId: string;
  readonly observer: StreamObserver;
  /** null: nothing is traced. */
  readonly tracer: BatchTracer | null;
}

export class StreamHub implements CreditSource {
  readonly #parts: StreamHubParts;
  readonly #connections = new Set<StreamConnection>();
  readonly #dirty: StreamConnection[] = [];
  readonly #census = new Census();
  readonly #heldBack = new Set<StreamConnection>();
  readonly #pace: Pace;
  readonly acks: AckHold;
  readonly turns: LoopTurns;
  #timer: NodeJS.Timeout | undefined;
  #opened = 0;
  #creditEvents = 0;
  #dirtySinceMs = 0;
  #kafkaAwaySinceMs = NaN;
  #isDraining = false;

  constructor(parts: StreamHubParts) {
    this.#parts = parts;
    this.#pace = new Pace(parts.clockMs());
    const { after, isHeldUp, endOfTurn } = parts;
    this.turns = new LoopTurns(endOfTurn);
    this.acks = new AckHold({ after, isHeldUp, onFailure: (error) => this.failed(error) });
  }

  /** Begins to look after its connections regularly. */
  start(): void {
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
  }

  get pipeline(): Pipeline {
    return this.#parts.pipeline;
  }

  get admission(): Admission {
    return this.#parts.admission;
  }

  get store(): StreamStore {
    return this.#parts.store;
  }

  get limits(): StreamLimits {
    return this.#parts.limits;
  }

  /** Open sockets. */
  get size(): number {
    return this.#connections.size;
  }

  /** Events that clients may send and have not sent. */
  get creditEvents(): number {
    return this.#creditEvents;
  }

  get allowance(): Allowance {
    const isOver = this.#creditEvents > this.#parts.creditEventsMax;
    return isOver ? LEAST_ALLOWANCE : this.#pace.allowance;
  }

  pressure(principal: Principal): PauseReason | null {
    return this.#parts.pressure(principal);
  }

  paused(reason: PauseReason): void {
    this.#parts.observer.paused(reason);
  }

  /** How many connections each tenant has, from their hello on. */
  get tenants(): Iterable<readonly [TenantPolicy, number]> {
    return this.#census.tenants();
  }

  countCredit(events: number): void {
    this.#creditEvents += events;
  }

  /** How long Kafka has been away; 0 if it is not. */
  get kafkaAwayMs(): number {
    const sinceMs = this.#kafkaAwaySinceMs;
    return Number.isNaN(sinceMs) ? 0 : this.#parts.clockMs() - sinceMs;
  }

  failed(error: unknown): void {
    this.#parts.observer.failed(error);
  }

  /** A frame was taken; its events are in the batch of an earlier one. */
  arrived(sender: Principal, { count, bytes }: OpenFrame): void {
    this.#parts.charge(sender, { events: count, bytes });
    this.#pace.received(count, bytes);
  }

  /** A frame was taken that begins a batch. */
  published(sender: Principal, frame: OpenFrame): void {
    this.arrived(sender, frame);
    this.#parts.deadlines.add(frame.batch);
  }

  answered({ receivedAtMs, frames, trace }: Batch): void {
    const latencyMs = this.now() - receivedAtMs;
    this.#pace.answered(latencyMs, frames);
    this.#parts.observer.answered(latencyMs, { frames, trace });
  }

  /** null: this frame is not traced. */
  traced(
    { tenant, source }: Principal,
    { startedMs }: OpenFrame,
    clientTrace: string,
  ): BatchTrace | null {
    const { tracer } = this.#parts;
    if (tracer === null) return null;
    const times = { startedMs, arrivedMs: startedMs };
    return tracer.begin({ transport: "ws", tenant, source, clientTrace, ...times });
  }

  now(): number {
    return this.#parts.now();
  }

  clockMs(): number {
    return this.#parts.clockMs();
  }

  /** A random part of the time over which clients come back that are asked to leave, in ms. */
  spread(): number {
    const spreadMs = Math.min(
      this.#parts.goAwaySpreadMs,
      this.#connections.size * SPREAD_MS_PER_SOCKET,
    );
    return Math.round(this.#parts.random() * spreadMs);
  }

  /** The members of a welcome that say who welcomes. */
  welcome(
    key: StreamKey,
    birth: string,
  ): Pick<Welcome, "conn" | "resume" | "ttl" | "limits" | "caps" | "ping" | "time"> {
    const { limits, store, processId, pingMs } = this.#parts;
    this.#opened += 1;
    return {
      conn: `${processId}-${this.#opened}`,
      resume: store.token(key, birth),
      ttl: store.ttlSeconds,
      limits: {
        frame_bytes: limits.frameBytesMax,
        event_bytes: limits.eventBytesMax,
        frame_events: limits.frameEventsMax,
      },
      caps: [],
      ping: Math.round(pingMs / 1_000),
      time: this.now(),
    };
  }

  welcomed(connection: StreamConnection, { resumed, unsure }: StreamView): void {
    const how = resumed ? "resumed" : "new";
    this.#parts.observer.welcomed(unsure.length > 0 ? "unsure" : how);
    if (this.#isDraining) connection.goAway("drain", this.spread());
  }

  /** A socket was opened. One too many, or one that comes during the drain, is sent away. */
  open(socket: StreamSocket, peer: StreamPeer): StreamConnection {
    const { clockMs, random, observer } = this.#parts;
    const upkeep = new Upkeep(this.#parts, { nowMs: clockMs(), random: random() });
    const connection = new StreamConnection(this, upkeep, { socket, peer });
    const refusal = this.#refusal();
    if (refusal === null) this.#connections.add(connection);
    else {
      observer.refused(refusal);
      const name = refusal === "draining" ? "restart" : "overloaded";
      connection.fail(name, REFUSALS[refusal]);
    }
    return connection;
  }

  #refusal(): keyof typeof REFUSALS | null {
    if (this.#isDraining) return "draining";
    if (this.#connections.size >= this.#parts.streamsMax) return "full";
    return this.#parts.overHardMark() ? "overloaded" : null;
  }

  /** A connection closes when its sender's credentials end, as the table has it now. */
  ends(upkeep: Upkeep, sender: Principal): void {
    upkeep.expiresAt(this.clockMs() + this.admission.endOf(sender) - this.now());
  }

  /** Senders whose key or source is gone are sent away. */
  recheck(): void {
    for (const connection of [...this.#connections]) connection.recheck();
  }

  /** A connection has said whose it is; a sentence if that one has too many. */
  admitted(connection: StreamConnection, principal: Principal): string | null {
    if (this.#census.enter(connection, principal)) return null;
    this.#parts.observer.refused("source_full");
    return REFUSALS.source_full;
  }

  left(connection: StreamConnection): void {
    this.#census.leave(connection);
    this.#connections.delete(connection);
    this.#heldBack.delete(connection);
  }

  /**
   * The connection has something to say; it says it once, after the commit that is being settled.
   */
  flushSoon(connection: StreamConnection): void {
    this.#dirty.push(connection);
    if (this.#dirty.length > 1) return;
    this.#dirtySinceMs = this.#parts.clockMs();
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const connections = this.#dirty.splice(0);
    for (const connection of connections) {
      try {
        connection.flush();
      } catch (error) {
        // The acks of all others must still go out.
        this.failed(error);
        connection.fail("internal", "an error inside sluice");
      }
    }
    const { observer, clockMs } = this.#parts;
    observer.told(clockMs() - this.#dirtySinceMs, connections.length);
  }

  /** The connection's ceilings wait for better times. */
  holdBack(connection: StreamConnection): void {
    this.#heldBack.add(connection);
  }

  /** A look at every connection, and at credit that was held back. */
  tick(): void {
    const nowMs = this.#parts.clockMs();
    this.#pace.roll(nowMs);
    if (!this.#parts.isKafkaAway()) this.#kafkaAwaySinceMs = NaN;
    else if (Number.isNaN(this.#kafkaAwaySinceMs)) this.#kafkaAwaySinceMs = nowMs;
    for (const connection of this.#connections) connection.tick(nowMs);
    const waiting = [...this.#heldBack];
    this.#heldBack.clear();
    for (const connection of waiting) connection.raiseCredit();
  }

  /** Others have fewer connections: asks so many clients to come back, there if chance will. */
  sendAway(connections: number): void {
    let left = connections;
    for (const connection of this.#connections) {
      if (left <= 0) return;
      if (connection.state !== "open") continue;
      connection.goAway("rebalance", this.spread());
      left -= 1;
    }
  }

  /**
   * The drain: asks every client to come back elsewhere. Each is closed when it had the time to
   * leave by itself and nothing of it is in flight; all of them at the latest when `deadline` says
   * so.
   */
  async drain(deadline: AbortSignal): Promise<void> {
    this.#isDraining = true;
    clearInterval(this.#timer);
    for (const connection of this.#connections) connection.goAway("drain", this.spread());
    while (this.#connections.size > 0) {
      if (deadline.aborted) {
        for (const connection of this.#connections) {
          connection.fail("restart", REFUSALS.draining);
        }
        break;
      }
      this.tick();
      await new Promise((resolve) => setTimeout(resolve, DRAIN_TICK_MS));
    }
  }
}
