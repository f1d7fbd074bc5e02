/**
 * Frames that arrived while an earlier one of their stream waits for its schemas: kept in order,
 * with their times of receipt, within bounds. What a client may have sent by its credit always
 * fits.
 */
import { STREAM_WAITING_BYTES_MAX, STREAM_WAITING_FRAMES_MAX } from "../limits/streams.ts";

export interface ArrivedFrame {
  readonly bytes: Uint8Array;
  readonly receivedAtMs: number;
}

export class FrameQueue {
  readonly #frames: ArrivedFrame[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#frames.length === 0;
  }

  /** Copies the frame; false if there is no room: its sender ignores his credit. */
  push(frame: ArrivedFrame): boolean {
    const bytes = this.#bytes + frame.bytes.length;
    const isRoom = this.#frames.length < STREAM_WAITING_FRAMES_MAX;
    if (!isRoom || bytes > STREAM_WAITING_BYTES_MAX) return false;
    this.#frames.push({ ...frame, bytes: frame.bytes.slice() });
    this.#bytes = bytes;
    return true;
  }

  shift(): ArrivedFrame | undefined {
    const frame = this.#frames.shift();
    this.#bytes -= frame?.bytes.length ?? 0;
    return frame;
  }
}
