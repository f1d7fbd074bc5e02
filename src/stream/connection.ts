/**
 * One WebSocket of the subprotocol `sluice.v1.json` (docs/protocol.md §2): a state machine over
 * frames. It turns `pub` frames into batches, watches the sequence numbers, and tells the client
 * every outcome. It knows no uWebSockets: the socket is an interface with two verbs.
 *
 *   frame →        hello       pub         auth     ping     bye      unknown   broken
 *   awaiting hello open        4408        4408     4408     4408     4408      4400
 *   open           4400        publish     auth_ok  pong     leave    error     4400
 *   leaving        4400        4400        auth_ok  pong     –        error     4400
 *   closed         –           –           –        –        –        –         –
 */
import { CLOSE_RULES } from "../errors.ts";
import type { CloseName } from "../errors.ts";
import { CONTROL_FRAME_BYTES_MAX } from "../limits.ts";
import { HEADER_FLAG, VERDICT, setHeaderFlag } from "../records.ts";
import type { Principal } from "../admission/admission.ts";
import type { FrameContext } from "../codec/codec.ts";
import type { Refusals } from "../pipeline/faults.ts";
import type { OpenFrame, OpenResult } from "../pipeline/pipeline.ts";
import { closeReason, frameText, parseControlFrame, serverFrame } from "../protocol/frames.ts";
import type { ControlFrame, Credit, Hello, ServerFrames } from "../protocol/frames.ts";
import { AckNews } from "./ack-news.ts";
import type { RetryLine } from "./ack-news.ts";
import { CreditAccount } from "./credit.ts";
import { FrameQueue } from "./frame-queue.ts";
import type { ArrivedFrame } from "./frame-queue.ts";
import type { StreamHub } from "./hub.ts";
import type { StreamPeer, StreamSocket } from "./socket.ts";
import { Publication } from "./publication.ts";
import { Window } from "./window.ts";

/** Ranges of `sack` in one ack; what is left out is told by a later one. */
const SACK_RANGES_MAX = 64;

interface FrameFault {
  readonly name: CloseName;
  readonly detail: string;
  /** Of the error frame, where it says more than the close code. */
  readonly code?: string;
}

type State = "awaiting-hello" | "open" | "leaving" | "closed";

export class StreamConnection {
  readonly #hub: StreamHub;
  readonly #socket: StreamSocket;
  readonly #peer: StreamPeer;
  #state: State = "awaiting-hello";
  #principal: Principal | null = null;
  #stream: { readonly id: Uint8Array; readonly epoch: number } | null = null;
  #window = new Window([], 1);
  /** Sequence numbers below were known to the client before this connection: maybe sent before. */
  #redeliveryBelow = 1;
  #credit = new CreditAccount(0);
  readonly #queue = new FrameQueue();
  #waiting = false;
  #news = new AckNews();
  #ackDue = false;
  #lastSaid = 0;
  /** Set when the hub may not raise the ceilings; it calls `raiseCredit` when it may. */
  #creditHeldBack = false;

  constructor(hub: StreamHub, socket: StreamSocket, peer: StreamPeer) {
    this.#hub = hub;
    this.#socket = socket;
    this.#peer = peer;
  }

  get state(): State {
    return this.#state;
  }

  /** Events of this client have no outcome yet, or a frame of its waits. */
  get isBusy(): boolean {
    return this.#waiting || !this.#window.inFlight.isEmpty;
  }

  /** One WebSocket message. `bytes` is valid during the call only. */
  onMessage(bytes: Uint8Array, isBinary: boolean): void {
    if (this.#state === "closed") return;
    this.#hub.heardFrom(this);
    const { frameBytesMax } = this.#hub.limits;
    if (isBinary) this.fail("unsupported_data", "frames of sluice.v1.json are text");
    else if (bytes.length === 0) this.fail("bad_frame", "the frame is empty");
    else if (bytes.length > frameBytesMax) {
      this.fail(
        "too_large",
        `a frame has at most ${frameBytesMax} bytes, this one ${bytes.length}`,
      );
    } else if (this.#state === "awaiting-hello") this.#onFirstFrame(bytes);
    else this.#onArrived({ bytes, receivedAtMs: this.#hub.now() });
  }

  #onArrived(frame: ArrivedFrame): void {
    if (!this.#waiting) this.#onFrame(frame, null);
    else if (!this.#queue.push(frame)) {
      this.fail("credit_exceeded", "more frames than credit allows wait behind an earlier one");
    }
  }

  /** The socket is gone, for whatever reason. */
  onClose(): void {
    this.#leave();
  }

  #leave(): void {
    this.#state = "closed";
    this.#queue.clear();
    this.#hub.left(this);
  }

  #onFirstFrame(bytes: Uint8Array): void {
    const parsed =
      bytes.length > CONTROL_FRAME_BYTES_MAX ? null : parseControlFrame(frameText(bytes));
    if (parsed?.kind === "fault") this.fail("bad_frame", parsed.detail);
    else if (parsed?.frame.t === "hello") this.#onHello(parsed.frame);
    else this.fail("hello_timeout", "the first frame is hello, of at most 8 KiB");
  }

  #onHello(hello: Hello): void {
    if (hello.version !== 1) {
      this.fail("version_unsupported", `this server speaks version 1, not ${hello.version}`);
      return;
    }
    const credentials = hello.auth ?? this.#peer.credentials;
    const admitted = this.#hub.admission.admit({ ...this.#peer, credentials });
    if (admitted.kind === "refused") {
      this.fail(admitted.code, admitted.detail);
      return;
    }
    const { held, next } = hello;
    this.#principal = admitted.principal;
    this.#stream = { id: hello.stream, epoch: 1 };
    this.#window = new Window(held, next);
    this.#redeliveryBelow = next;
    this.#state = "open";
    const { done } = this.#window;
    this.#credit = new CreditAccount(done);
    const sack = this.#window.final.ranges();
    const credit = this.#credit.ceiling;
    this.#say("welcome", this.#hub.welcome({ done, sack, credit, dup_possible: held.length > 0 }));
  }

  #onFrame(frame: ArrivedFrame, refusals: Refusals | null): void {
    const { bytes } = frame;
    const result = this.#hub.pipeline.open(bytes, this.#context(frame.receivedAtMs), refusals);
    switch (result.kind) {
      case "control":
        this.#onControl(bytes);
        break;
      case "fault":
        this.#onBrokenFrame(result);
        break;
      case "waiting":
        this.#await({ ...frame, bytes: bytes.slice() }, result.ready).catch((error: unknown) => {
          this.#hub.failed(error);
          this.fail("internal", "an error inside sluice");
        });
        break;
      case "open":
        this.#publish(result, bytes.length);
        break;
      default:
        result satisfies never;
    }
  }

  #context(receivedAtMs: number): FrameContext {
    const { tenant, source } = this.#principal ?? { tenant: "", source: "" };
    const { payload, typeMember, eventBytesMax, frameEventsMax: eventsMax } = this.#hub.limits;
    const sender = { tenant, source, receivedAtMs, eventBytesMax, eventsMax };
    const stream = this.#stream === null ? {} : { stream: this.#stream };
    return { shape: "pub", payload, typeMember, ...sender, ...stream };
  }

  #onBrokenFrame({ problem, detail }: Extract<OpenResult, { readonly kind: "fault" }>): void {
    if (problem === "too_many_events") this.fail("too_large", detail);
    else if (problem === "bad_frame") this.fail("internal", detail);
    else this.fail("bad_frame", detail);
  }

  /** Holds later frames back until the schemas that this one asks for are there. */
  async #await(frame: ArrivedFrame, ready: Promise<Refusals>): Promise<void> {
    this.#waiting = true;
    const refusals = await ready;
    this.#waiting = false;
    if (!this.#isClosed) this.#onFrame(frame, refusals);
    while (!this.#waiting && !this.#isClosed) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#onFrame(next, null);
    }
  }

  get #isClosed(): boolean {
    return this.#state === "closed";
  }

  #onControl(bytes: Uint8Array): void {
    if (bytes.length > CONTROL_FRAME_BYTES_MAX) {
      this.fail("bad_frame", `a control frame has at most ${CONTROL_FRAME_BYTES_MAX} bytes`);
      return;
    }
    const parsed = parseControlFrame(frameText(bytes));
    if (parsed.kind === "fault") this.fail("bad_frame", parsed.detail);
    else this.#onControlFrame(parsed.frame);
  }

  #onControlFrame(frame: ControlFrame): void {
    switch (frame.t) {
      case "hello":
        this.fail("bad_frame", "a connection says hello once");
        break;
      case "auth":
        this.#onAuth(frame.token);
        break;
      case "ping":
        this.#say("pong", { n: frame.n, time: this.#hub.now() });
        break;
      case "pong":
        break;
      case "bye":
        this.#state = "leaving";
        this.#leaveWhenDone();
        break;
      case "unknown":
        this.#say("error", {
          code: "unknown_type",
          detail: `no frame of a client is called ${JSON.stringify(frame.name)}`,
          fatal: false,
        });
        break;
      default:
        frame satisfies never;
    }
  }

  #onAuth(token: string): void {
    const admitted = this.#hub.admission.admit({ ...this.#peer, credentials: token });
    if (admitted.kind === "refused") this.fail(admitted.code, admitted.detail);
    else if (!isSame(admitted.principal, this.#principal)) {
      this.fail("forbidden", "a connection stays with the tenant and source of its hello");
    } else this.#say("auth_ok", {});
  }

  #publish(frame: OpenFrame, bytes: number): void {
    const { batch } = frame;
    this.#credit.received(bytes);
    const fault = this.#creditFault(batch.seq, batch.count) ?? this.#windowFault(frame);
    if (fault !== null) {
      this.fail(fault.name, fault.detail, fault.code);
      return;
    }
    this.#hub.deadlines.add(batch);
    this.#hub.pipeline.run(frame, new Publication(this, batch, bytes));
  }

  #creditFault(seq: number, count: number): FrameFault | null {
    if (this.#state === "leaving") return { name: "bad_frame", detail: "pub after bye" };
    if (seq < 1 && count > 0) return { name: "bad_frame", detail: "pub.seq is at least 1" };
    // Numbers sent before need no credit of numbers again, only of bytes.
    const last = Math.max(seq + count - 1, 0);
    const detail = this.#credit.excess(last >= this.#window.next ? last : 0);
    return detail === null ? null : { name: "credit_exceeded", detail };
  }

  /** Decides repeats, counts the rest as sent; a fault if a number was skipped. */
  #windowFault(frame: OpenFrame): FrameFault | null {
    const { batch } = frame;
    const window = this.#window;
    for (let row = 0; row < batch.count; row += 1) {
      const seq = batch.seq + row;
      const standing = window.standing(seq);
      if (standing === "gap") {
        const detail = `seq ${seq} was sent, ${window.next} is next`;
        return { name: "bad_frame", detail, code: "seq_gap" };
      }
      if (standing === "fresh") {
        window.send(seq);
        if (seq < this.#redeliveryBelow) setHeaderFlag(frame.table, row, HEADER_FLAG.redelivery);
      } else if (standing === "in-flight") batch.decide(row, VERDICT.ignored);
      else {
        batch.decide(row, VERDICT.duplicate);
        this.#news.addDuplicate(seq);
      }
    }
    if (!this.#news.isEmpty) this.#ackSoon();
    return null;
  }

  /** A publication: this event has its outcome. */
  settleEvent(seq: number, isFinal: boolean): void {
    this.#window.settle(seq, isFinal);
  }

  addRejection(line: object): void {
    this.#news.rej.push(line);
  }

  addRetry(line: RetryLine): void {
    this.#news.retry.push(line);
  }

  publicationProgressed(): void {
    if (this.#state !== "closed") this.#ackSoon();
  }

  /** A publication has all its outcomes; its bytes need no more credit. */
  publicationSettled(bytes: number, receivedAtMs: number): void {
    this.#credit.settled(bytes);
    this.#hub.answered(this.#hub.now() - receivedAtMs);
  }

  #ackSoon(): void {
    if (this.#ackDue) return;
    this.#ackDue = true;
    this.#hub.flushSoon(this);
  }

  /** Hub: says what is new, with higher ceilings if the process has room. */
  flush(): void {
    this.#ackDue = false;
    if (this.#state === "closed" || this.#state === "awaiting-hello") return;
    const sack = this.#window.final.ranges().slice(0, SACK_RANGES_MAX);
    const credit = this.#raisedCredit();
    this.#say("ack", {
      upto: this.#window.done,
      ...(sack.length > 0 ? { sack } : {}),
      ...this.#news.take(),
      ...(credit === null ? {} : { credit }),
    });
    if (this.#state === "leaving") this.#leaveWhenDone();
  }

  /**
   * New ceilings, null if they stay: unchanged, or held back while the process is under pressure.
   */
  #raisedCredit(): Credit | null {
    const reason = this.#hub.pressure;
    const wasHeldBack = this.#creditHeldBack;
    this.#creditHeldBack = reason !== null;
    if (reason !== null) {
      this.#hub.holdBack(this);
      // Unchanged values: paused, and why.
      if (!wasHeldBack) this.#say("credit", { ...this.#credit.ceiling, reason });
      return null;
    }
    return this.#credit.raise(this.#window.done);
  }

  /** Hub: the pressure is gone. */
  raiseCredit(): void {
    if (this.#state !== "open" || !this.#creditHeldBack) return;
    const credit = this.#raisedCredit();
    if (credit !== null) this.#say("credit", credit);
  }

  #leaveWhenDone(): void {
    if (this.#window.inFlight.isEmpty && !this.#ackDue) this.#close("done", "bye");
  }

  /** Hub: the process drains; what is in flight will still be answered. */
  goAway(afterMs: number): void {
    if (this.#state === "open") this.#say("goaway", { reason: "drain", after_ms: afterMs });
  }

  /** Says why, then closes. */
  fail(name: CloseName, detail: string, code: string = name): void {
    if (this.#state === "closed") return;
    this.#say("error", { code, detail, fatal: true });
    if (this.#isClosed) return;
    this.#close(name, detail);
  }

  #close(name: CloseName, reason: string): void {
    this.#leave();
    this.#socket.end(CLOSE_RULES[name].code, closeReason(reason));
  }

  /** Hub: liveness visible to scripts; a client that stays silent is dead. */
  ping(): void {
    if (this.#state !== "open" && this.#state !== "leaving") return;
    this.#lastSaid += 1;
    this.#say("ping", { n: this.#lastSaid, time: this.#hub.now() });
  }

  #say<T extends keyof ServerFrames>(t: T, members: ServerFrames[T]): void {
    if (this.#socket.send(serverFrame(t, members))) return;
    // What is lost here must not be made up by a later ack: a rejection would look like a success.
    this.#leave();
    this.#socket.cut();
  }
}

function isSame(left: Principal, right: Principal | null): boolean {
  return left.tenant === right?.tenant && left.source === right.source;
}
