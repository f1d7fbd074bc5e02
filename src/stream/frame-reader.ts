/**
 * Tells the frames of one connection apart and reads each as far as its kind asks for: control
 * frames as JSON, pub frames by the codec. Frames behind one whose schemas are being fetched wait
 * in order. What a frame leads to is its listener's business.
 */
import type { FrameContext } from "../codec/codec.ts";
import { CONTROL_FRAME_BYTES_MAX } from "../limits/events.ts";
import type { Refusals } from "../pipeline/faults.ts";
import type { OpenFrame, OpenResult } from "../pipeline/open-frame.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { frameText, parseControlFrame } from "../protocol/frames.ts";
import type { ControlFrame, Hello } from "../protocol/frames.ts";
import { FrameQueue } from "./frame-queue.ts";
import type { ArrivedFrame } from "./frame-queue.ts";
import type { FrameKind } from "./transitions.ts";

/** A frame that came. */
export type Arrival =
  | { readonly kind: "hello"; readonly frame: Hello }
  /** null: seen before the codec reads frames, where none may come. */
  | { readonly kind: "pub"; readonly frame: OpenFrame | null }
  | { readonly kind: "auth"; readonly token: string }
  | { readonly kind: "ping" | "pong"; readonly n: number }
  | { readonly kind: "bye" }
  | { readonly kind: "unknown"; readonly name: string }
  | {
      readonly kind: Extract<FrameKind, "broken" | "long" | "binary" | "oversize">;
      readonly detail?: string;
    };

/** What the readers of all connections share. */
export interface FrameReaderParts {
  readonly pipeline: Pipeline;
  readonly limits: { readonly frameBytesMax: number };
  /** Wall clock, ms since 1970. */
  now(): number;
}

export interface FrameReaderListener {
  arrived(arrival: Arrival): void;
  /** The connection has to end. */
  fail(name: "credit_exceeded", detail: string): void;
  /** Something that must not happen did. */
  broken(error: unknown): void;
  /** What the codec is told of every frame; asked for again after a rest. */
  frameContext(): Omit<FrameContext, "receivedAtMs">;
}

const FLOOD = "more frames than credit allows wait behind an earlier one";

export class FrameReader {
  readonly #parts: FrameReaderParts;
  readonly #listener: FrameReaderListener;
  /** null: no frame has had to wait. */
  #queue: FrameQueue | null = null;
  #isOpen = false;
  /** As it was for the frame that came last: those of the same millisecond have the same one. */
  #context: FrameContext | null = null;
  #isWaiting = false;
  #isStopped = false;

  constructor(parts: FrameReaderParts, listener: FrameReaderListener) {
    this.#parts = parts;
    this.#listener = listener;
  }

  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** From now on the codec reads frames. Before, JSON.parse does: no event is taken yet. */
  open(): void {
    this.#isOpen = true;
  }

  /** Forgets what is only needed while frames come. */
  rest(): void {
    this.#context = null;
    if (!this.#isWaiting) this.#queue = null;
  }

  /** Nothing more is read. */
  stop(): void {
    this.#isStopped = true;
    this.#queue = null;
  }

  /** One WebSocket message. `bytes` is valid during the call only. */
  read(bytes: Uint8Array, isBinary: boolean): void {
    const listener = this.#listener;
    const { frameBytesMax } = this.#parts.limits;
    if (isBinary) listener.arrived({ kind: "binary" });
    else if (bytes.length === 0) listener.arrived({ kind: "broken", detail: "the frame is empty" });
    else if (bytes.length > frameBytesMax) {
      const detail = `a frame has at most ${frameBytesMax} bytes, this one ${bytes.length}`;
      listener.arrived({ kind: "oversize", detail });
    } else if (!this.#isOpen) this.#readControl(bytes);
    else if (!this.#isWaiting) {
      this.#readFrame({ bytes, receivedAtMs: this.#parts.now() }, null);
    } else {
      this.#queue ??= new FrameQueue();
      const isRoom = this.#queue.push({ bytes, receivedAtMs: this.#parts.now() });
      if (!isRoom) listener.fail("credit_exceeded", FLOOD);
    }
  }

  #readFrame(frame: ArrivedFrame, refusals: Refusals | null): void {
    const { bytes, receivedAtMs } = frame;
    const listener = this.#listener;
    const context = this.#contextAt(receivedAtMs);
    const result = this.#parts.pipeline.open(bytes, context, { refusals });
    switch (result.kind) {
      case "open":
        listener.arrived({ kind: "pub", frame: result });
        break;
      case "control":
        this.#readControl(bytes);
        break;
      case "fault":
        this.#tellFault(result);
        break;
      case "waiting":
        this.#await({ ...frame, bytes: bytes.slice() }, result.ready).catch((error: unknown) =>
          listener.broken(error),
        );
        break;
      default:
        result satisfies never;
    }
  }

  #contextAt(receivedAtMs: number): FrameContext {
    const last = this.#context;
    if (last !== null && last.receivedAtMs === receivedAtMs) return last;
    this.#context = { ...(last ?? this.#listener.frameContext()), receivedAtMs };
    return this.#context;
  }

  #tellFault({ problem, detail }: Extract<OpenResult, { readonly kind: "fault" }>): void {
    const isOver = problem === "too_many_events" || problem === "too_large";
    this.#listener.arrived({ kind: isOver ? "oversize" : "broken", detail });
  }

  /** Holds later frames back until the schemas that this one asks for are there. */
  async #await(frame: ArrivedFrame, ready: Promise<Refusals>): Promise<void> {
    this.#isWaiting = true;
    const refusals = await ready;
    this.#isWaiting = false;
    if (!this.#isStopped) this.#readFrame(frame, refusals);
    while (!this.#isWaiting && !this.#isStopped) {
      const next = this.#queue?.shift();
      if (next === undefined) return;
      this.#readFrame(next, null);
    }
  }

  #readControl(bytes: Uint8Array): void {
    const listener = this.#listener;
    if (bytes.length > CONTROL_FRAME_BYTES_MAX) {
      listener.arrived({ kind: "long" });
      return;
    }
    const parsed = parseControlFrame(frameText(bytes));
    if (parsed.kind === "fault") listener.arrived({ kind: "broken", detail: parsed.detail });
    else listener.arrived(arrivalOf(parsed.frame));
  }
}

function arrivalOf(frame: ControlFrame): Arrival {
  switch (frame.t) {
    case "hello":
      return { kind: "hello", frame };
    case "auth":
      return { kind: "auth", token: frame.token };
    case "ping":
    case "pong":
      return { kind: frame.t, n: frame.n };
    case "bye":
      return { kind: "bye" };
    case "unknown":
      return frame.name === "pub"
        ? { kind: "pub", frame: null }
        : { kind: "unknown", name: frame.name };
    default:
      return frame satisfies never;
  }
}
