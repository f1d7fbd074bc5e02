/**
 * One direction of a connection on its way out: holds what is delayed, paces and slices what the
 * link's shape asks for, and says when it is full, so that its source is paused. Order is kept.
 */
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** More than this waiting: the source is paused until less than this waits. */
const QUEUED_BYTES_MAX = 4 * 1024 * 1024;

/** How a link is; absent: without that bound. */
export interface Shape {
  readonly bytesPerSecond?: number;
  /** Written in pieces of at most this. */
  readonly sliceBytes?: number;
}

export class Outlet {
  readonly #socket: Socket;
  readonly #shape: () => Shape;
  readonly #onRoom: () => void;
  readonly #queue: Array<{ readonly bytes: Buffer; readonly dueMs: number }> = [];
  #queuedBytes = 0;
  #isPumping = false;
  #isSilent = false;
  #wake: (() => void) | null = null;

  constructor(
    socket: Socket,
    options: { readonly shape: () => Shape; readonly onRoom: () => void },
  ) {
    this.#socket = socket;
    this.#shape = options.shape;
    this.#onRoom = options.onRoom;
    const wake = () => this.#wake?.();
    socket.on("drain", wake);
    socket.on("close", wake);
  }

  get isFull(): boolean {
    return this.#queuedBytes > QUEUED_BYTES_MAX;
  }

  send(bytes: Buffer, delayMs = 0): void {
    if (this.#socket.destroyed) return;
    this.#queue.push({ bytes, dueMs: performance.now() + delayMs });
    this.#queuedBytes += bytes.length;
    if (!this.#isPumping) void this.#pump();
  }

  /** Lets nothing out until it is called with false. */
  setSilent(isSilent: boolean): void {
    this.#isSilent = isSilent;
    this.#wake?.();
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      const waitMs = head.dueMs - performance.now();
      if (waitMs > 0) await pause(waitMs);
      await this.#write(head.bytes);
      if (this.#socket.destroyed) break;
      this.#queue.shift();
      const wasFull = this.isFull;
      this.#queuedBytes -= head.bytes.length;
      if (wasFull && !this.isFull) this.#onRoom();
    }
    this.#isPumping = false;
  }

  async #write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      while (this.#isSilent && !this.#socket.destroyed) await this.#woken();
      if (this.#socket.destroyed) return;
      const { bytesPerSecond, sliceBytes = bytes.length } = this.#shape();
      const slice = bytes.subarray(at, at + sliceBytes);
      at += slice.length;
      if (!this.#socket.write(slice)) await this.#woken();
      if (bytesPerSecond !== undefined) await pause((slice.length / bytesPerSecond) * 1_000);
      // Slices become packets of their own only if the socket sees them one by one.
      else if (at < bytes.length) await new Promise<void>((done) => setImmediate(done));
    }
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = null;
        resolve();
      };
    });
  }
}

/** Keeps no process alive: the sockets do. */
function pause(ms: number): Promise<void> {
  return delay(ms, undefined, { ref: false });
}
