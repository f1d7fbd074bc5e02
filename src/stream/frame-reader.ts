/**
 * Tells the frames of one connection apart and reads each as far as its kind asks for: control
 * frames as JSON, pub frames by the codec. Frames behind one whose schemas are being fetched wait
 * in order. What a frame leads to is its listener's business.
 */
import type { FrameContext } from "../codec/codec.ts";
import { CONTROL_FRAME_BYTES_MAX } from "../limits.ts";
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

export interface FrameReaderParts {
  readonly pipeline: Pipeline;
  readonly frameBytesMax: number;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  readonly onArrival: (arrival: Arrival) => void;
  /** More waits than the client may have sent by its credit. */
  readonly onFlood: () => void;
  /** Something that must not happen did. */
  readonly onFailure: (error: unknown) => void;
}

export class FrameReader {
  readonly #parts: FrameReaderParts;
  readonly #queue = new FrameQueue();
  #context: Omit<FrameContext, "receivedAtMs"> | null = null;
  #isWaiting = false;
  #isStopped = false;

  constructor(parts: FrameReaderParts) {
    this.#parts = parts;
  }

  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** From now on the codec reads frames. Before, JSON.parse does: no event is taken yet. */
  open(context: Omit<FrameContext, "receivedAtMs">): void {
    this.#context = context;
  }

  /** Nothing more is read. */
  stop(): void {
    this.#isStopped = true;
    this.#queue.clear();
  }

  /** One WebSocket message. `bytes` is valid during the call only. */
  read(bytes: Uint8Array, isBinary: boolean): void {
    const { frameBytesMax, onArrival, now } = this.#parts;
    if (isBinary) onArrival({ kind: "binary" });
    else if (bytes.length === 0) onArrival({ kind: "broken", detail: "the frame is empty" });
    else if (bytes.length > frameBytesMax) {
      const detail = `a frame has at most ${frameBytesMax} bytes, this one ${bytes.length}`;
      onArrival({ kind: "oversize", detail });
    } else if (this.#context === null) this.#readControl(bytes);
    else if (!this.#isWaiting) this.#readFrame({ bytes, receivedAtMs: now() }, null);
    else if (!this.#queue.push({ bytes, receivedAtMs: now() })) this.#parts.onFlood();
  }

  #readFrame(frame: ArrivedFrame, refusals: Refusals | null): void {
    if (this.#context === null) return;
    const { bytes, receivedAtMs } = frame;
    const { pipeline, onArrival, onFailure } = this.#parts;
    const result = pipeline.open(bytes, { ...this.#context, receivedAtMs }, { refusals });
    switch (result.kind) {
      case "open":
        onArrival({ kind: "pub", frame: result });
        break;
      case "control":
        this.#readControl(bytes);
        break;
      case "fault":
        this.#tellFault(result);
        break;
      case "waiting":
        this.#await({ ...frame, bytes: bytes.slice() }, result.ready).catch(onFailure);
        break;
      default:
        result satisfies never;
    }
  }

  #tellFault({ problem, detail }: Extract<OpenResult, { readonly kind: "fault" }>): void {
    const isOver = problem === "too_many_events" || problem === "too_large";
    this.#parts.onArrival({ kind: isOver ? "oversize" : "broken", detail });
  }

  /** Holds later frames back until the schemas that this one asks for are there. */
  async #await(frame: ArrivedFrame, ready: Promise<Refusals>): Promise<void> {
    this.#isWaiting = true;
    const refusals = await ready;
    this.#isWaiting = false;
    if (!this.#isStopped) this.#readFrame(frame, refusals);
    while (!this.#isWaiting && !this.#isStopped) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#readFrame(next, null);
    }
  }

  #readControl(bytes: Uint8Array): void {
    const { onArrival } = this.#parts;
    if (bytes.length > CONTROL_FRAME_BYTES_MAX) {
      onArrival({ kind: "long" });
      return;
    }
    const parsed = parseControlFrame(frameText(bytes));
    if (parsed.kind === "fault") onArrival({ kind: "broken", detail: parsed.detail });
    else onArrival(arrivalOf(parsed.frame));
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
