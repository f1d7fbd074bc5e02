/**
 * One WebSocket of the subprotocol `sluice.v1.json` (docs/protocol.md §2): tells frames apart, does
 * what the table of transitions.ts says, and tells the client every outcome. It knows no
 * uWebSockets: the socket is an interface with three verbs.
 */
import assert from "node:assert/strict";
import { isSameSender } from "../admission/admission.ts";
import type { Principal } from "../admission/admission.ts";
import { CLOSE_RULES } from "../errors.ts";
import type { CloseName } from "../errors.ts";
import type { Batch } from "../pipeline/batch.ts";
import type { OpenFrame } from "../pipeline/open-frame.ts";
import { closeReason, serverFrame } from "../protocol/frames.ts";
import type { GoAwayReason, Hello, ServerFrames } from "../protocol/frames.ts";
import type { FrameContext } from "../codec/codec.ts";
import { Answers, type Speaker } from "./answers.ts";
import { FrameReader, type Arrival, type FrameReaderListener } from "./frame-reader.ts";
import { authExpiry, enter, frameContext, helloFault, keyOf } from "./handshake.ts";
import { HeldStream, type HeldStreamListener } from "./held-stream.ts";
import type { StreamHub } from "./hub.ts";
import { NEW_STREAM } from "./reconcile.ts";
import type { StreamView } from "./reconcile.ts";
import type { StreamPeer, StreamSocket } from "./socket.ts";
import type { StreamHolder, StreamKey, StreamRecord } from "./store.ts";
import { TRANSITIONS } from "./transitions.ts";
import type { ConnectionState } from "./transitions.ts";
import { NO_TRACES, endTraces } from "./due-traces.ts";
import { ENDINGS, type Upkeep } from "./upkeep.ts";

export class StreamConnection
  implements HeldStreamListener, StreamHolder, FrameReaderListener, Speaker
{
  readonly #hub: StreamHub;
  readonly #socket: StreamSocket;
  readonly #peer: StreamPeer;
  readonly #upkeep: Upkeep;
  readonly #reader: FrameReader;
  #state: ConnectionState = "awaiting-hello";
  #principal: Principal | null = null;
  /** Settles when the claim has been decided; null before and after. */
  #claiming: Promise<void> | null = null;
  #held: HeldStream | null = null;
  #answers: Answers | null = null;
  /** What is remembered of the stream, where it is not held. */
  #remembered: StreamRecord = NEW_STREAM;
  /** The 16 bytes of the stream's id, as characters: a typed array takes four times as much. */
  #streamId = "";
  /** Members of the hello that go below what frames and events say; null: none. */
  #helloContext: string | null = null;
  /** Of the hello, or of the upgrade request. */
  #clientTrace = "";
  /** Traced frames whose outcomes the client is not told yet. */
  #traces = NO_TRACES;
  #ackDue = false;
  #pings = 0;

  constructor(
    hub: StreamHub,
    upkeep: Upkeep,
    ends: { readonly socket: StreamSocket; readonly peer: StreamPeer },
  ) {
    this.#hub = hub;
    this.#upkeep = upkeep;
    this.#socket = ends.socket;
    this.#peer = ends.peer;
    this.#reader = new FrameReader(hub, this);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Events of this client have no outcome yet, or a frame of its waits. */
  get isBusy(): boolean {
    return this.#reader.isWaiting || this.#held?.isIdle === false;
  }

  /** One WebSocket message. `bytes` is valid during the call only. */
  onMessage(bytes: Uint8Array, isBinary: boolean): void {
    if (this.#isGone) return;
    this.#upkeep.heard(this.#hub.clockMs());
    this.#reader.read(bytes, isBinary);
  }

  /** The socket is gone, for whatever reason. */
  onClose(): void {
    if (!this.#isGone) this.#leave("closed");
  }

  #leave(state: "closed" | "superseded"): void {
    this.#state = state;
    this.#reader.stop();
    this.#answers?.close();
    this.#hub.left(this);
    this.#held?.leave();
    this.#traces = endTraces(this.#traces, this.#hub);
  }

  /** An invariant does not hold: nothing more may be taken. */
  broken(error: unknown): void {
    this.failed(error);
    this.fail("internal", "an error inside sluice");
  }

  get #isGone(): boolean {
    return this.#state === "closed" || this.#state === "superseded";
  }

  /** Does what the table says about a frame. */
  arrived(arrival: Arrival): void {
    const cell = TRANSITIONS[this.#state][arrival.kind];
    if (typeof cell === "object") {
      const detail = "detail" in arrival ? arrival.detail : undefined;
      this.fail(cell.close, detail ?? cell.detail);
      return;
    }
    // Reading and answering them costs more than their bytes, and no credit bounds them.
    if (arrival.kind !== "pub" && !this.#upkeep.mayControl(this.#hub.clockMs())) {
      this.fail("policy", "too many frames that are not events");
    } else if (cell === "ignore") return;
    else if (cell === "publish" && arrival.kind === "pub") this.#publish(arrival.frame);
    else if (cell === "claim" && arrival.kind === "hello") this.#claim(arrival.frame);
    else if (cell === "authenticate" && arrival.kind === "auth") {
      this.#authenticate(arrival.token).catch((error: unknown) => this.broken(error));
    } else if (cell === "pong" && arrival.kind === "ping") {
      this.say("pong", { n: arrival.n, time: this.#hub.now() });
    } else if (cell === "complain" && arrival.kind === "unknown") this.#complain(arrival.name);
    else if (cell === "leave") {
      this.#state = "leaving";
      this.#leaveWhenDone();
    } else assert.fail(`${cell} is nothing to do about a frame ${arrival.kind}`);
  }

  #claim(hello: Hello): void {
    const fault = helloFault(hello);
    if (fault === null) {
      this.#state = "claiming";
      const claimed = this.#enter(hello).catch((error: unknown) => this.broken(error));
      this.#claiming = claimed.then(() => {
        this.#claiming = null;
      });
    } else this.fail(fault.name, fault.detail, fault.code);
  }

  async #enter(hello: Hello): Promise<void> {
    const admitted = this.#admitted(hello.auth ?? this.#peer.credentials);
    this.#peer.credentials = this.#peer.cookie = null;
    const principal = await admitted;
    if (principal === null || this.#isGone) return;
    const excess = this.#hub.admitted(this, principal);
    if (excess !== null) {
      this.fail("overloaded", excess);
      return;
    }
    this.#principal = principal;
    this.#clientTrace = hello.traceparent ?? this.#peer.clientTrace ?? "";
    const key = keyOf(principal, hello);
    const entrance = await enter(this.#hub.store, { hello, key, holder: this });
    if (entrance.kind === "refused") {
      this.#remembered = entrance.record ?? NEW_STREAM;
      this.fail(entrance.fault.name, entrance.fault.detail, entrance.fault.code);
      return;
    }
    const { lease, view } = entrance;
    const held = new HeldStream(lease, view, this);
    this.#held = held;
    if (this.#isGone) held.leave();
    else if (lease.isSuperseded) this.#supersede();
    else {
      this.#streamId = Buffer.from(hello.stream).toString("latin1");
      this.#helloContext = hello.ctx;
      this.#reader.open();
      this.#welcome(held, { key, view });
    }
  }

  frameContext(): Omit<FrameContext, "receivedAtMs"> {
    const principal = this.#principal;
    const held = this.#held;
    assert(principal !== null && held !== null, "the codec reads frames of streams that are held");
    return frameContext(this.#hub.limits, {
      principal,
      stream: { id: Buffer.from(this.#streamId, "latin1"), epoch: held.lease.epoch },
      ctx: this.#helloContext,
      sender: this.#peer.sender,
    });
  }

  #welcome(
    held: HeldStream,
    { key, view }: { readonly key: StreamKey; readonly view: StreamView },
  ) {
    this.#answers = new Answers(held, {
      source: this.#hub,
      speaker: this,
      eventBytesMax: this.#hub.limits.eventBytesMax,
    });
    this.#upkeep.welcomed();
    this.#state = "open";
    this.say("welcome", {
      ...this.#hub.welcome(key, held.lease.birth),
      epoch: held.lease.epoch,
      resumed: view.resumed,
      done: view.done,
      sack: view.sack,
      exc: view.exc,
      dup_possible: view.unsure.length > 0,
      credit: this.#answers.ceiling,
      ...authExpiry(this.#principal),
    });
    this.#hub.welcomed(this, view);
  }

  /** The sender behind credentials; null: the connection has been closed. */
  async #admitted(credentials: string | null): Promise<Principal | null> {
    const applicant = { ...this.#peer, credentials, isConnection: true };
    const admitted = await this.#hub.admission.admit(applicant);
    if (admitted.kind === "refused") {
      const { code, detail } = admitted;
      if (code === "unavailable") this.fail("overloaded", detail, code);
      else this.fail(code, detail);
      return null;
    }
    this.#hub.ends(this.#upkeep, admitted.principal);
    return admitted.principal;
  }

  async #authenticate(token: string): Promise<void> {
    // Right behind a hello whose own credentials are still being looked at.
    if (this.#principal === null) await this.#claiming;
    const principal = await this.#admitted(token);
    if (principal === null || this.#isGone) return;
    if (!isSameSender(principal, this.#principal)) {
      this.fail("forbidden", "a connection stays with the tenant and source of its hello");
      return;
    }
    this.#principal = principal;
    this.say("auth_ok", authExpiry(principal));
  }

  /** Hub: the table of tenants was replaced; is this sender still welcome? */
  recheck(): void {
    if (this.#principal === null) return;
    this.#hub.ends(this.#upkeep, this.#principal);
    if (!this.#hub.admission.isOver(this.#principal)) return;
    this.fail("unauthenticated", "these credentials are no longer good");
  }

  #complain(name: string): void {
    const detail = `no frame of a client is called ${JSON.stringify(name)}`;
    this.say("error", { code: "unknown_type", detail, fatal: false });
  }

  #publish(frame: OpenFrame | null): void {
    const held = this.#held;
    const sender = this.#principal;
    assert(frame !== null && held !== null && sender !== null, "a stream is held by its sender");
    // Nothing may be produced for a stream that somebody else holds by now.
    if (held.lease.isSuperseded) {
      this.#supersede();
      return;
    }
    const { seq, count, bytes } = frame;
    if (count === 0 && !this.#upkeep.mayControl(this.#hub.clockMs())) {
      this.fail("policy", "too many frames without events");
      return;
    }
    const excess = this.#answers?.received(bytes, seq + count - 1) ?? null;
    if (excess !== null) {
      this.fail("credit_exceeded", excess);
      return;
    }
    const { pipeline, turns } = this.#hub;
    const earlier = held.joinable(frame, turns.current);
    if (earlier !== null && pipeline.join(frame, earlier, { sender })) {
      held.joined(frame);
      this.#hub.arrived(sender, frame);
      return;
    }
    const { next } = held.window;
    const publication = held.take(frame, turns.current);
    if (publication === null) {
      this.fail("bad_frame", `seq ${seq} was sent, ${next} is next`, "seq_gap");
      return;
    }
    this.#hub.published(sender, frame);
    if (!held.news.isEmpty) this.hasNews();
    const trace = this.#hub.traced(sender, frame, this.#clientTrace);
    pipeline.run(frame, publication, { sender, trace });
  }

  hasNews(): void {
    if (this.#ackDue || this.#isGone) return;
    this.#ackDue = true;
    this.#hub.flushSoon(this);
  }

  mayWait(held: HeldStream): number | null {
    return this.#answers?.isCreditDue === false ? this.#hub.acks.begin(held) : null;
  }

  frameSettled(bytes: number, batch: Batch): void {
    const { trace } = batch;
    this.#answers?.settled(bytes);
    this.#hub.answered(batch);
    if (trace !== null) this.#traces = [...this.#traces, trace];
    if (this.#isGone) this.#traces = endTraces(this.#traces, this.#hub);
  }

  failed(error: unknown): void {
    this.#hub.failed(error);
  }

  /** Hub: says what is new. */
  flush(): void {
    this.#ackDue = false;
    if (this.#principal === null || this.#isGone) return;
    this.#answers?.flush(this.#principal);
    this.#traces = endTraces(this.#traces, this.#hub);
    if (this.#answers?.isPaused === true) this.#hub.holdBack(this);
    if (this.#state === "leaving") this.#leaveWhenDone();
  }

  /** Hub: what held the ceilings back may be gone. */
  raiseCredit(): void {
    if (this.#principal === null || this.#isGone) return;
    this.#answers?.resume(this.#principal);
    if (this.#answers?.isPaused === true) this.#hub.holdBack(this);
  }

  #leaveWhenDone(): void {
    if (!this.isBusy && !this.#ackDue) this.#close("done", "bye");
  }

  /** Hub: a look at what time has done. */
  tick(nowMs: number): void {
    const duty = this.#upkeep.duty(nowMs, this.#hub.kafkaAwayMs);
    if (duty === "none") return;
    if (duty === "ping") {
      this.#pings += 1;
      this.#reader.rest();
      this.say("ping", { n: this.#pings, time: this.#hub.now() });
    } else if (duty === "old") this.goAway("max_age", this.#hub.spread());
    else {
      const isHeard = duty === "mute" && this.#state !== "awaiting-hello";
      const isWaited = duty === "overdue" && this.isBusy;
      if (!isHeard && !isWaited) this.fail(ENDINGS[duty].name, ENDINGS[duty].detail);
    }
  }

  /** Asks the client to come back elsewhere; what is in flight will still be answered. */
  goAway(reason: GoAwayReason, afterMs: number): void {
    if (this.#held === null) this.fail("restart", "it is time to reconnect");
    if (this.#state !== "open") return;
    this.#state = "going-away";
    this.#upkeep.askedToLeave(this.#hub.clockMs(), afterMs);
    this.say("goaway", { reason, after_ms: afterMs });
    if (this.#principal !== null) this.#answers?.hold(this.#principal);
  }

  /** Store: somebody else claimed the stream. */
  async release(): Promise<StreamRecord> {
    const known = this.#held?.handOver();
    this.#supersede();
    if (known !== undefined) return known;
    await this.#claiming;
    return this.#held === null ? this.#remembered : this.#held.handOver();
  }

  #supersede(): void {
    if (this.#isGone) return;
    const detail = "another connection has claimed this stream";
    this.say("error", { code: "superseded", detail, fatal: true });
    if (this.#isGone) return;
    this.#leave("superseded");
    this.#socket.end(CLOSE_RULES.superseded.code, closeReason(detail));
  }

  /** Says why, then closes. */
  fail(name: CloseName, detail: string, code: string = name): void {
    if (this.#isGone) return;
    this.say("error", { code, detail, fatal: true });
    if (!this.#isGone) this.#close(name, detail);
  }

  #close(name: CloseName, reason: string): void {
    this.#leave("closed");
    this.#socket.end(CLOSE_RULES[name].code, closeReason(reason));
  }

  /** A frame for the client, unless it is gone. */
  say<T extends keyof ServerFrames>(t: T, members: ServerFrames[T]): void {
    if (this.#isGone) return;
    if (this.#socket.send(serverFrame(t, members))) return;
    // What is lost here must not be made up by a later ack: a rejection would look like a success.
    this.#leave("closed");
    this.#socket.cut();
  }
}
