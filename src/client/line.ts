/**
 * The connection of a client (docs/protocol.md §2): says hello, sends what credit allows, and
 * passes on what the server says of each number. It decides neither when to come back nor where
 * events are kept.
 *
 *   opening ──open──▶ greeting ──welcome──▶ saving ──saved──▶ open ──goaway──▶ leaving
 *      └──────────────── any of them ──close, silence──▶ no socket
 */
import type { Core } from "./core.ts";
import { nothing } from "./core.ts";
import { AGAIN, isWithin, parseFrame } from "./frames.ts";
import type { Credit, ServerFrame } from "./frames.ts";
import { settle } from "./outbox.ts";
import { judge, nextRun, numbers, pubFrame } from "./queue.ts";
import type { SocketLike } from "./types.ts";

/** From the first try to `welcome`; a hand-over on the server takes 3 s of it. */
const WELCOME_DEADLINE_MS = 15_000;

/** What is out when the server says goaway is waited for so long. */
const LEAVE_DEADLINE_MS = 10_000;

const VERSION = "0.1.0";

/** Of a pub frame, without its events. */
const FRAME_OVERHEAD_BYTES = 100;

export function openLine(core: Core, socket: SocketLike): void {
  const { clock } = core;
  core.socket = socket;
  core.phase = "opening";
  core.creditSeq = core.creditBytes = core.bytesSent = core.welcomeAt = core.sentAt = 0;
  core.reason = "";
  core.heardAt = clock.now();
  core.cancelWatch = clock.after(WELCOME_DEADLINE_MS, () => endLine(core, 1006, "no welcome"));
  socket.onopen = () => {
    core.phase = "greeting";
    say(core, { t: "hello", v: 1, ...hello(core), sentAt: clock.now() });
  };
  socket.onmessage = ({ data }: { readonly data: unknown }) => {
    const frame = parseFrame(data);
    if (frame !== undefined && core.socket === socket) hear(core, frame);
  };
  socket.onclose = ({ code, reason }: { readonly code: number; readonly reason: string }) => {
    if (core.socket === socket) endLine(core, code, reason);
  };
  socket.onerror = nothing;
}

/**
 * What a stream is opened with, here and at the HTTP twin; the next new number is settled by it.
 */
export function hello(core: Core): object {
  const { stream, resume, auth } = core;
  const { held, next } = numbers(core);
  const client = { name: "sluice-js", version: VERSION };
  // Undefined members have no JSON.
  return { stream, auth, resume: resume || undefined, client, held, next };
}

function say({ socket }: Core, frame: object): void {
  socket?.send(JSON.stringify(frame));
}

function hear(core: Core, frame: ServerFrame): void {
  const { t, after_ms: afterMs = 0 } = frame;
  core.heardAt = core.clock.now();
  if (t === "ping") say(core, { t: "pong", n: frame.n });
  else if (t === "error") core.reason = `${frame.code}: ${frame.detail}`;
  else if (t === "welcome" && core.phase === "greeting") welcome(core, frame);
  else if (t === "auth_ok") core.whenTrusted(core, frame);
  else if (t === "ack") ack(core, frame);
  else if (t === "credit") raise(core, frame);
  else if (t === "goaway") {
    core.backAt = core.heardAt + afterMs;
    core.nextUrl = frame.url;
    core.phase = "leaving";
    core.cancelWatch();
    core.cancelWatch = core.clock.after(LEAVE_DEADLINE_MS, () => endLine(core, 1001, t));
  }
  pump(core);
}

function welcome(core: Core, frame: ServerFrame): void {
  const { done = 0, sack = [], limits, ping = 25 } = frame;
  const next = core.next - core.base;
  if (done >= next || sack.some(([, to]) => to >= next)) {
    // The server has outcomes of numbers that were never sent: this is not the queue it knows.
    endLine(core, 4410, "the server is ahead");
    return;
  }
  core.phase = "saving";
  core.welcomeAt = core.heardAt;
  core.frameBytes = limits?.frame_bytes ?? core.frameBytesMax;
  core.frameEvents = limits?.frame_events ?? 1;
  core.pingMs = ping * 1_000;
  core.cancelWatch();
  watch(core);
  take(core, { ...frame, upto: done, rej: frame.exc });
  core.whenTrusted(core, frame);
}

function ack(core: Core, frame: ServerFrame): void {
  for (const { seq, after_ms: afterMs = 0 } of frame.retry ?? []) {
    const entry = core.entries.get(seq + core.base);
    if (entry === undefined) continue;
    core.out.delete(entry);
    entry.notBefore = core.heardAt + afterMs;
  }
  take(core, frame);
}

function take(core: Core, { upto = 0, sack, dup, rej = [], credit }: ServerFrame): void {
  const faults = new Map(rej.map(({ seq, ...fault }) => [seq, fault]));
  const judged = judge(core, (seq) => {
    const fault = faults.get(seq);
    if (fault !== undefined) return { ...fault, outcome: "rejected" };
    if (isWithin(dup, seq)) return { outcome: "duplicate" };
    return seq <= upto || isWithin(sack, seq) ? { outcome: "stored" } : undefined;
  });
  settle(core, judged);
  raise(core, credit);
}

function raise(core: Core, { seq = 0, bytes = 0 }: Partial<Credit> = {}): void {
  core.creditSeq = Math.max(core.creditSeq, seq);
  core.creditBytes = Math.max(core.creditBytes, bytes);
}

/** Sends all that may be sent now. */
export function pump(core: Core): void {
  const { out } = core;
  const isIdle = out.size === 0;
  core.cancelWake();
  core.freshEvents = core.freshBytes = 0;
  if (core.phase === "leaving" && isIdle) endLine(core, 1001, "goaway");
  while (core.socket !== undefined && core.phase === "open") {
    const nowMs = core.clock.now();
    const [first = Infinity] = core.entries.keys();
    const isSingle = first <= core.singleUntil;
    const { run, wakeAt, hasGap } = nextRun(core, {
      nowMs,
      seqMax: core.creditSeq,
      bytesMax: Math.min(core.frameBytes, core.frameBytesMax) - FRAME_OVERHEAD_BYTES,
      creditBytes: core.creditBytes - core.bytesSent - FRAME_OVERHEAD_BYTES,
      eventsMax: isSingle ? 1 : core.frameEvents,
    });
    if (run.length === 0) {
      const isStale = hasGap || (core.isRounded && first >= core.next);
      // A new hello says which numbers will never come, and which are final after all.
      if (isStale && isIdle) endLine(core, AGAIN, "");
      else if (wakeAt < Infinity) {
        core.cancelWake = core.clock.after(wakeAt - nowMs, () => pump(core));
      }
      return;
    }
    if (isSingle && out.size > 0) return;
    const { pub, bytes } = pubFrame(core, run);
    core.bytesSent += bytes;
    core.sentAt = nowMs;
    core.socket.send(pub);
  }
}

/** A server that stays silent is asked, then given up. */
function watch(core: Core): void {
  const { clock, pingMs } = core;
  core.cancelWatch = clock.after(pingMs, () => {
    const silentMs = clock.now() - core.heardAt;
    if (silentMs >= 2 * pingMs) endLine(core, 1006, "silence");
    else {
      if (silentMs >= pingMs) say(core, { t: "ping", n: 1 });
      watch(core);
    }
  });
}

/** A fresh token, before the old one expires. */
export function renewToken(core: Core): void {
  if (core.phase === "open") say(core, { t: "auth", token: core.auth });
}

/** The last word: the server answers what is out, and closes. */
export function sayBye(core: Core): void {
  if (core.phase === "open") say(core, { t: "bye", last: core.next - core.base - 1 });
  else endLine(core, 1000, "");
}

/** Closes without telling anybody. */
export function dropLine(core: Core): void {
  core.socket?.close();
  core.socket = undefined;
  core.cancelWatch();
  core.cancelWake();
}

/** Closes, if it is open still, and says how it ended. */
export function endLine(core: Core, code: number, detail: string): void {
  if (core.socket === undefined) return;
  dropLine(core);
  core.whenEnded(core, code, core.reason || detail);
}
