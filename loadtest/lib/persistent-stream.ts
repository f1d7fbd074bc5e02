/**
 * A client with a persistent WebSocket: it publishes by a timetable that waits for nobody, keeps
 * every event until its outcome is known, comes back when its connection breaks, and says goodbye
 * when all is settled. Latency counts from the moment an event was due.
 */
import { WebSocket } from "k6/websockets";

import { setAlarm } from "./alarm.ts";
import type { Alarm } from "./alarm.ts";
import { StreamQueue } from "./stream-queue.ts";
import type { AckFrame, Credit, QueuedEvent, WelcomeFrame } from "./stream-queue.ts";
import type { Meters, Phase } from "./meters.ts";

const PROTOCOL = "sluice.v1.json";
const BACKOFF_MS_MIN = 500;
const BACKOFF_MS_MAX = 30_000;
/** For the server's close after `bye`. */
const BYE_PATIENCE_MS = 10_000;
const BYE_DONE = 1_000;
/** The stream is known, and its token never arrived or is of no use: a new one takes over. */
const RESUME_DENIED = 4_410;
/** Clients may come back after it, but this one keeps to its credit. */
const CREDIT_EXCEEDED = 4_429;
/** 3000 to 4999 are a client's own; the server sees a client that is gone. */
const DROPPED = 4_999;

export interface StreamPlan {
  readonly url: string;
  readonly key: string | null;
  readonly meters: Meters;
  readonly makeEvents: (nowMs: number) => readonly QueuedEvent[];
  readonly phaseAt: (atMs: number) => Phase;
  readonly random: () => number;
  /** ms since 1970 of the first frame. */
  readonly firstAtMs: number;
  readonly periodMs: number;
  readonly frames: number;
  /** When all streams lose their connections at once. */
  readonly dropsAtMs: readonly number[];
  /** After this moment nothing is waited for any longer. */
  readonly deadlineMs: number;
}

/** The members of server frames; which of them are there depends on `t`. */
interface ServerFrame extends Partial<AckFrame>, Partial<WelcomeFrame> {
  readonly t: string;
  readonly n?: number;
  readonly code?: string;
  readonly detail?: string;
  readonly seq?: number;
  readonly bytes?: number;
  readonly after_ms?: number;
}

export class PersistentStream {
  readonly #plan: StreamPlan;
  readonly #queue: StreamQueue;
  readonly #alarms = new Set<Alarm>();
  #stream = crypto.randomUUID();
  #socket: WebSocket | null = null;
  #isWelcome = false;
  #offeredFrames = 0;
  #failures = 0;
  #goawayMs: number | null = null;
  #hasSaidBye = false;
  #isOver = false;
  #lastError = "";
  /** Time of the frame that is being read. */
  #heardAtMs = 0;

  constructor(plan: StreamPlan) {
    this.#plan = plan;
    const { meters } = plan;
    this.#queue = new StreamQueue({
      settled: (outcome, event) => meters.settled(outcome, event),
      wrong: (outcome, event, detail) => meters.wrongOutcome(outcome, event, detail),
      retried: (code) => meters.retried(code),
      settledDue: (atMs) => {
        const tags = { door: "stream", phase: plan.phaseAt(atMs) } as const;
        meters.ackLatency(this.#heardAtMs - atMs, tags);
      },
    });
  }

  start(): void {
    this.#connect();
    this.#at(this.#plan.firstAtMs, () => this.#publishDue());
    this.#at(this.#plan.deadlineMs, () => this.#giveUp());
    for (const atMs of this.#plan.dropsAtMs) this.#at(atMs, () => this.#drop());
  }

  #at(atMs: number, work: () => void): void {
    const alarm = setAlarm(atMs, () => {
      this.#alarms.delete(alarm);
      if (!this.#isOver) work();
    });
    this.#alarms.add(alarm);
  }

  /** Offers all that is due by now: whoever comes late has late events, not fewer. */
  #publishDue(): void {
    const { firstAtMs, periodMs, frames, makeEvents, meters } = this.#plan;
    const nowMs = Date.now();
    while (this.#offeredFrames < frames) {
      const dueMs = firstAtMs + this.#offeredFrames * periodMs;
      if (dueMs > nowMs) break;
      const events = makeEvents(dueMs);
      this.#queue.offer(events, dueMs);
      meters.offered(events.length);
      meters.generatorLag(nowMs - dueMs);
      this.#offeredFrames += 1;
    }
    if (this.#offeredFrames < frames) {
      this.#at(firstAtMs + this.#offeredFrames * periodMs, () => this.#publishDue());
    }
    this.#pump();
  }

  /** Sends what credit allows. */
  #pump(): void {
    if (!this.#isWelcome || this.#goawayMs !== null || this.#hasSaidBye) return;
    for (;;) {
      const publication = this.#queue.take(Date.now());
      if (publication === null) break;
      this.#socket?.send(publication.text);
      this.#plan.meters.sent(publication.events);
    }
    this.#sayByeWhenDone();
  }

  #sayByeWhenDone(): void {
    const isDone = this.#offeredFrames === this.#plan.frames && this.#queue.heldEvents === 0;
    if (!isDone || this.#hasSaidBye) return;
    if (this.#socket === null || !this.#isWelcome) return;
    this.#hasSaidBye = true;
    this.#socket.send(JSON.stringify({ t: "bye", last: this.#queue.last }));
    this.#at(Date.now() + BYE_PATIENCE_MS, () => {
      this.#plan.meters.missingAnswer("no close came after bye");
      this.#end();
    });
  }

  #connect(): void {
    if (this.#isOver) return;
    const { url, key, meters } = this.#plan;
    const startedAtMs = Date.now();
    // The types know no list of protocols as null does not, yet a string is one.
    const socket = new WebSocket(url, PROTOCOL as unknown as null);
    this.#socket = socket;
    this.#isWelcome = false;
    this.#goawayMs = null;
    const isCurrent = (): boolean => this.#socket === socket && !this.#isOver;
    socket.onopen = () => {
      if (!isCurrent()) return;
      const auth = key === null ? {} : { auth: key };
      socket.send(
        JSON.stringify({
          t: "hello",
          v: 1,
          stream: this.#stream,
          ...this.#queue.hello(),
          ...auth,
        }),
      );
    };
    socket.onmessage = (event) => {
      if (!isCurrent() || event === undefined) return;
      this.#heardAtMs = event.timestamp;
      const frame = JSON.parse(event.data as string) as ServerFrame;
      if (frame.t === "welcome") meters.welcomeLatency(event.timestamp - startedAtMs);
      this.#onFrame(frame, socket);
      meters.flush();
    };
    socket.onerror = () => {
      // A close follows always.
    };
    // The types forget the event, which has a code where a close frame came.
    socket.addEventListener("close", (event) => {
      if (isCurrent()) this.#onClose((event as { readonly code?: number }).code ?? 0);
    });
  }

  #onFrame(frame: ServerFrame, socket: WebSocket): void {
    switch (frame.t) {
      case "welcome":
        this.#queue.welcome(frame as ServerFrame & WelcomeFrame);
        this.#isWelcome = true;
        this.#failures = 0;
        break;
      case "ack":
        for (const { seq, after_ms } of this.#queue.ack(frame as ServerFrame & AckFrame)) {
          this.#at(Date.now() + (after_ms ?? BACKOFF_MS_MIN), () => {
            this.#queue.again(seq);
            this.#pump();
          });
        }
        break;
      case "credit":
        this.#queue.credit(frame as unknown as Credit);
        break;
      case "ping":
        socket.send(JSON.stringify({ t: "pong", n: frame.n, time: Date.now() }));
        return;
      case "goaway":
        this.#goawayMs = frame.after_ms ?? 0;
        break;
      case "pong":
      case "auth_ok":
        return;
      case "error":
        // The close that follows decides.
        this.#lastError = `${frame.code ?? ""}: ${frame.detail ?? ""}`;
        return;
      default:
        this.#plan.meters.wrongAnswer(`an unknown frame: ${frame.t}`);
        return;
    }
    this.#pump();
    // Everything in flight is settled: no reason to stay.
    if (this.#goawayMs !== null && !this.#hasSaidBye) socket.close();
  }

  #onClose(code: number): void {
    this.#socket = null;
    this.#isWelcome = false;
    if (this.#hasSaidBye) {
      if (code !== BYE_DONE) this.#plan.meters.wrongAnswer(`closed with ${code} after bye`);
      this.#end();
      return;
    }
    this.#plan.meters.broken(String(code));
    if (code === RESUME_DENIED) {
      this.#stream = crypto.randomUUID();
      this.#queue.startAnew();
      this.#connect();
      return;
    }
    if (isFinal(code)) {
      this.#plan.meters.wrongAnswer(`closed with ${code}: ${this.#lastError}`);
      this.#giveUp();
      return;
    }
    if (code === CREDIT_EXCEEDED) {
      this.#plan.meters.wrongAnswer(`closed with ${code}: ${this.#lastError}`);
    }
    const backoffMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** this.#failures);
    this.#failures += 1;
    const waitMs = this.#goawayMs ?? this.#plan.random() * backoffMs;
    this.#at(Date.now() + waitMs, () => this.#connect());
  }

  /** A network that breaks for everybody: the connection goes, and comes back at once. */
  #drop(): void {
    const socket = this.#socket;
    if (socket === null || this.#hasSaidBye) return;
    this.#socket = null;
    this.#isWelcome = false;
    socket.close(DROPPED);
    this.#plan.meters.broken("dropped");
    this.#connect();
  }

  #giveUp(): void {
    const { frames } = this.#plan;
    if (this.#offeredFrames < frames) {
      this.#plan.meters.wrongAnswer("a stream ended before its time");
    }
    const { held, next } = this.#queue.hello();
    const what = `stream ${this.#stream}, seqs ${JSON.stringify(held)}, next ${next}`;
    this.#plan.meters.unsettled(this.#queue.heldEvents, what);
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    for (const alarm of this.#alarms) alarm.clear();
    this.#alarms.clear();
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}

/** Closes after which a client does not come back with the same stream. */
function isFinal(code: number): boolean {
  return (
    code === 1_003 ||
    code === 1_008 ||
    code === 1_009 ||
    (code >= 4_400 && code < 4_450 ? code !== 4_408 && code !== 4_429 : false)
  );
}
