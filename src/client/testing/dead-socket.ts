/** A WebSocket that never gets through; a test may make another one of it. */
import type { SocketLike } from "../types.ts";

export class DeadSocket implements SocketLike {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  constructor(_url: string) {
    queueMicrotask(() => this.begin());
  }
  begin(): void {
    this.onclose?.({ code: 1006, reason: "" } as never);
  }
  send(_text: string): void {}
  close(): void {}
}
