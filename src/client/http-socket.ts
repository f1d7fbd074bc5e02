/**
 * The HTTP twin of the stream (docs/protocol.md §2.12) in the shape of a WebSocket, for places
 * where none gets through: each frame that holds events is one POST, one after the other, and its
 * answer comes back as a frame. What the hello said goes along with every request, as of then.
 */
import type { ServerFrame } from "./frames.ts";
import { AGAIN, isWithin, round } from "./frames.ts";
import { twinBody, twinUrl } from "./twin.ts";
import type { SocketLike } from "./types.ts";

/** What a twin's answer does not say; the server's defaults (docs/protocol.md §2.13). */
const LIMITS = { frame_bytes: 64 * 1024, event_bytes: 32 * 1024, frame_events: 500 };

/** Problems that ask for something else than another try, as the close codes that do. */
const CLOSE_CODES: Readonly<Record<string, number>> = {
  bad_json: 4400,
  bad_request: 4400,
  seq_gap: 4400,
  unauthenticated: 4401,
  forbidden: 4403,
  superseded: 4409,
  resume_denied: 4410,
  too_large: 1009,
};

/** After so long a WebSocket is tried again: what blocked it may be gone. */
export const FALLBACK_MS = 10 * 60_000;

const EMPTY = '{"t":"pub","seq":0,"events":[]}';

interface Hello {
  readonly stream: string;
  readonly held: readonly (readonly [number, number])[];
  readonly next: number;
  readonly resume?: string;
}

export class HttpSocket implements SocketLike {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: { readonly data: string }) => void) | null = null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly #url: string;
  readonly #sinceMs = Date.now();
  readonly #abort = new AbortController();
  #hello: Hello | undefined;
  /** Numbers that were sent or held and have no outcome. */
  readonly #open = new Set<number>();
  #next = 1;
  #isWelcome = false;
  #isWaiting = false;
  #work: Promise<void> = Promise.resolve();

  /** @param url of the WebSocket; the twin is beside it */
  constructor(url: string) {
    this.#url = url.replace(/^ws/, "http").replace(/\/v1\/stream$/, "");
    // As with a WebSocket: not before its handlers are set.
    queueMicrotask(() => this.onopen?.(undefined as never));
  }

  send(text: string): void {
    // Frames of the client itself.
    const frame = JSON.parse(text) as { readonly t: string };
    // A server that owes an answer is silent.
    if (frame.t === "ping" && !this.#isWaiting) this.#hear({ t: "pong" });
    else if (frame.t === "bye") this.onclose?.({ code: 1000, reason: "bye" });
    else if (frame.t === "hello") {
      const {
        t: _t,
        v: _v,
        sentAt: _sentAt,
        ...hello
      } = frame as { readonly t: string } & Hello & Readonly<Record<string, unknown>>;
      this.#hello = hello;
      this.#next = hello.next;
      for (const [from, to] of hello.held) this.#mark(from, to);
      this.#after(() => this.#post(EMPTY));
    } else if (frame.t === "pub") {
      const { seq, events } = frame as unknown as { seq: number; events: unknown[] };
      this.#after(() => this.#post(text, seq + events.length - 1, seq));
    }
  }

  #mark(from: number, to: number): void {
    for (let seq = from; seq <= to; seq += 1) this.#open.add(seq);
    this.#next = Math.max(this.#next, to + 1);
  }

  #after(post: () => Promise<void>): void {
    this.#work = this.#work.then(() => {
      return this.#abort.signal.aborted ? undefined : post();
    });
  }

  close(): void {
    this.#abort.abort();
  }

  #hear(frame: ServerFrame): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  async #post(pub: string, last = 0, first = 1): Promise<void> {
    const hello = { ...this.#hello, held: this.#held(), next: this.#next };
    this.#isWaiting = true;
    try {
      const response = await fetch(twinUrl(this.#url, this.#hello?.stream ?? ""), {
        method: "POST",
        headers: { "content-type": "text/plain" },
        body: twinBody(hello, pub),
        signal: this.#abort.signal,
      });
      // What is no JSON has no members.
      const answer = (await response.json().catch(() => ({}))) as ServerFrame;
      this.#isWaiting = false;
      if (!response.ok) this.#refused(response, answer);
      else {
        this.#mark(first, last);
        this.#answered(answer);
      }
    } catch {
      this.onclose?.({ code: 1006, reason: "no answer" });
    }
  }

  #held(): [number, number][] {
    const held: [number, number][] = [];
    for (const seq of [...this.#open].sort((a, b) => a - b)) {
      const range = held.at(-1);
      if (range?.[1] === seq - 1) range[1] = seq;
      else held.push([seq, seq]);
    }
    round(held);
    return held;
  }

  #answered(answer: ServerFrame): void {
    const { upto = 0, sack, rej = [], resume, credit } = answer;
    for (const seq of this.#open) {
      if (seq <= upto || isWithin(sack, seq)) this.#open.delete(seq);
    }
    for (const { seq } of rej) this.#open.delete(seq);
    if (this.#hello !== undefined && resume !== undefined) {
      this.#hello = { ...this.#hello, resume };
    }
    // Bytes are counted anew for each request, which is as long as one frame.
    const ceilings = { seq: credit?.seq ?? 0, bytes: Number.MAX_SAFE_INTEGER };
    const frame = { ...answer, credit: ceilings };
    if (this.#isWelcome) this.#hear({ ...frame, t: "ack" });
    else this.#hear({ ...frame, t: "welcome", done: upto, limits: LIMITS });
    this.#isWelcome = true;
    const isOld = Date.now() - this.#sinceMs >= FALLBACK_MS;
    if (isOld && this.#open.size === 0) this.onclose?.({ code: AGAIN, reason: "for a WebSocket" });
  }

  #refused({ status, headers }: Response, { code = "", detail = "" }: ServerFrame): void {
    const afterMs = Number(headers.get("retry-after") ?? 0) * 1_000;
    if (afterMs > 0) this.#hear({ t: "goaway", after_ms: afterMs });
    this.onclose?.({ code: CLOSE_CODES[code] ?? 1013, reason: `${status} ${code} ${detail}` });
  }
}
