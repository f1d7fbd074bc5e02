/**
 * Answers that were given to whole requests, by a key of the request, for as long as the same
 * request may come again. Bounded: beyond that the oldest is forgotten, and its request would be
 * taken as new, which costs a second copy and loses nothing. It knows no HTTP and no events.
 */
import type { Reply } from "../protocol/reply.ts";
import type { SharedAnswer } from "./shared-answer.ts";

/** What is known of a request: nothing, that it is under way, or its answer. */
export type Standing =
  | { readonly kind: "new" }
  | { readonly kind: "open"; readonly digest: string }
  | { readonly kind: "answered"; readonly digest: string; readonly reply: Reply };

interface Answered {
  readonly digest: string;
  readonly reply: Reply;
  readonly bytes: number;
  readonly untilMs: number;
}

export interface AnswerMemoryOptions {
  readonly windowMs: number;
  readonly answersMax: number;
  /** Of keys, digests and bodies together. */
  readonly bytesMax: number;
  /** Monotonic. */
  readonly clockMs: () => number;
}

const NEW: Standing = { kind: "new" };

export class AnswerMemory {
  readonly #options: AnswerMemoryOptions;
  /** Digest of what is under way, by key; as many as there are requests. */
  readonly #open = new Map<string, string>();
  /** In the order in which they end. */
  readonly #answered = new Map<string, Answered>();
  #bytes = 0;

  constructor(options: AnswerMemoryOptions) {
    this.#options = options;
  }

  /** Answers that are remembered. */
  get size(): number {
    return this.#answered.size;
  }

  find(key: string): Standing {
    const digest = this.#open.get(key);
    if (digest !== undefined) return { kind: "open", digest };
    const answered = this.#answered.get(key);
    if (answered === undefined || answered.untilMs <= this.#options.clockMs()) return NEW;
    return { kind: "answered", digest: answered.digest, reply: answered.reply };
  }

  /** The request is under way; the caller has found it to be new. */
  open(key: string, digest: string): void {
    this.#open.set(key, digest);
  }

  /**
   * It is over; gives what is kept. null: its outcome is not final, so that the next one is new.
   */
  close(key: string, reply: Reply | null): SharedAnswer | null {
    const digest = this.#open.get(key);
    this.#open.delete(key);
    if (digest === undefined || reply === null) return null;
    this.keep(key, { digest, reply });
    return { digest, reply };
  }

  /** An answer that was given, here or by another process. */
  keep(key: string, { digest, reply }: SharedAnswer): void {
    const { windowMs, clockMs } = this.#options;
    const bytes = key.length + digest.length + reply.body.length;
    this.#forget(key);
    this.#answered.set(key, { digest, reply, bytes, untilMs: clockMs() + windowMs });
    this.#bytes += bytes;
    this.#makeRoom();
  }

  #makeRoom(): void {
    const { answersMax, bytesMax, clockMs } = this.#options;
    const nowMs = clockMs();
    for (const [key, { untilMs }] of this.#answered) {
      const isOver = this.#answered.size > answersMax || this.#bytes > bytesMax;
      if (!isOver && untilMs > nowMs) return;
      this.#forget(key);
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#answered.get(key)?.bytes ?? 0;
    this.#answered.delete(key);
  }
}
