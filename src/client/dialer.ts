/**
 * When a client connects, with which token, over which kind of socket, and what it does when the
 * connection ends (docs/protocol.md §2.8).
 */
import { become } from "./core.ts";
import type { Core } from "./core.ts";
import { closeClass, SUBPROTOCOL } from "./frames.ts";
import type { ServerFrame } from "./frames.ts";
import { openLine, pump, renewToken } from "./line.ts";
import { abandon, follow, lead, renewStream, save, settle } from "./outbox.ts";
import type { SocketConstructor } from "./types.ts";

/** A connection that never got through so often in a row is tried over the fallback. */
const BLOCKED_TRIES = 3;

/**
 * Pauses between tries: a random part of a ceiling that doubles (§2.8); a connection that was good
 * for so long starts the count anew.
 */
const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 30_000;
const HEALTHY_MS = 60_000;

/** A token is renewed so long before it expires, */
const RENEW_BEFORE_MS = 60_000;

/** but not more often than this, and not later than timers can be set to. */
const RENEW_MS_MIN = 10_000;
const RENEW_MS_MAX = 2_000_000_000;

/** A cut so soon after a frame may have been caused by it. */
const SUSPICIOUS_MS = 5_000;
const CUT = 1006;

/** The fallback's turn: every other one. */
function isBlocked({ deafTries }: Core): boolean {
  return deafTries >= BLOCKED_TRIES && deafTries % 2 === 1;
}

/** Throws where there is no socket of any kind. */
export function socketClass(core: Core): SocketConstructor {
  const { WebSocket = globalThis.WebSocket, fallback } = core.options;
  const Socket = (isBlocked(core) ? fallback : undefined) ?? WebSocket ?? fallback;
  if (Socket === undefined) throw new TypeError("no WebSocket here: give one");
  return Socket;
}

/** Connects if there is something to send and nothing to wait for. */
export function connect(core: Core): void {
  const { isOver, isDialing, cancelPause, socket, isLeading, options } = core;
  if (isOver || isDialing || cancelPause !== undefined || socket !== undefined || !isLeading)
    return;
  if (core.entries.size === 0) {
    become(core, "idle");
    return;
  }
  become(core, "connecting");
  if (options.token === undefined) {
    core.auth = options.writeKey;
    open(core);
  } else {
    core.isDialing = true;
    fetchToken(core, () => {
      core.isDialing = false;
      if (core.isLeading && !core.isOver) open(core);
    });
  }
}

function fetchToken(core: Core, then: (core: Core) => void): void {
  // Also one that throws, or gives no promise.
  (async () => core.options.token?.())().then(
    (token) => {
      core.auth = token;
      then(core);
    },
    (error: unknown) => {
      core.isDialing = false;
      if (core.socket === undefined) pause(core, `no token: ${String(error)}`);
    },
  );
}

function open(core: Core): void {
  const url = core.nextUrl ?? core.url;
  core.nextUrl = undefined;
  try {
    const Socket = socketClass(core);
    const socket = new Socket(`${url.replace(/^http/, "ws")}/v1/stream`, [SUBPROTOCOL]);
    openLine(core, socket);
  } catch (error) {
    pause(core, String(error));
  }
}

/** `welcome` or `auth_ok` came: what it says is kept, and saved before anything is sent. */
export function trusted(
  core: Core,
  { t, resume = "", limits, time, auth_exp: expiresAt }: ServerFrame,
): void {
  const { clock, options, socket } = core;
  const nowMs = clock.now();
  // This clock may be wrong by years.
  if (time !== undefined) core.aheadMs = nowMs - time;
  core.cancelRenewal();
  if (expiresAt !== undefined && options.token !== undefined) {
    const leftMs = expiresAt + core.aheadMs - nowMs - RENEW_BEFORE_MS;
    const delayMs = Math.min(Math.max(leftMs, RENEW_MS_MIN), RENEW_MS_MAX);
    core.cancelRenewal = clock.after(delayMs, () => fetchToken(core, renewToken));
  }
  if (t === "auth_ok") return;
  core.deafTries = 0;
  core.tokenRefused = false;
  core.eventBytesMax = limits?.event_bytes ?? core.eventBytesMax;
  core.resume = resume;
  core.isOnAir = true;
  void save(core).then(() => {
    if (core.socket !== socket || core.phase !== "saving") return;
    core.phase = "open";
    become(core, "open");
    pump(core);
  });
}

/** A connection ended. */
export function ended(core: Core, code: number, detail: string): void {
  const { clock, welcomeAt } = core;
  const nowMs = clock.now();
  const what = closeClass(code);
  const said = `${code} ${detail}`;
  const isIdle = core.out.size === 0;
  core.cancelRenewal();
  core.isOnAir = false;
  // A server that says why it closes has been reached.
  if (welcomeAt === 0 && (code === CUT || isBlocked(core))) core.deafTries += 1;
  if (welcomeAt > 0 && nowMs - welcomeAt >= HEALTHY_MS) core.pauses = 0;
  if (what === "frame" || code === CUT) blame(core, code);
  core.out.clear();
  void save(core);
  const mayRetryToken = core.options.token !== undefined && !core.tokenRefused;
  core.tokenRefused = what === "token";
  if (core.isOver) return;
  if (what === "again" || (what === "token" && mayRetryToken)) connect(core);
  else if (what === "stop" || what === "token" || (what === "frame" && isIdle)) {
    core.isOver = true;
    become(core, "stopped", said);
    for (const end of core.flushes) end(false);
    // Another context may have what this one lacks.
    follow(core);
    abandon(core, "stopped");
  } else if (what === "reload") {
    follow(core);
    pause(core, said, lead);
  } else {
    if (what === "renew") renewStream(core);
    if (code === 1009) {
      core.frameBytesMax = Math.max(core.frameBytesMax / 2, core.eventBytesMax + 1_024);
    }
    pause(core, said);
  }
}

/**
 * Finds the event that breaks every connection it is sent on (§2.5 rule 6): after two closes that
 * blame a frame, with the same first event out, events go one by one; the one that fails alone is
 * the culprit. A cut without a word right after a frame counts the same, from the third time on.
 */
function blame(core: Core, code: number): void {
  const { clock, sentAt, heardAt, singleUntil } = core;
  const [first, second] = core.out;
  const isSudden = sentAt >= heardAt && clock.now() - sentAt < SUSPICIOUS_MS;
  if (first === undefined || (code === CUT && !isSudden)) return;
  core.suspicions = core.suspect === first ? core.suspicions + 1 : 1;
  core.suspect = first;
  const isAlone = first.key <= singleUntil && second === undefined;
  const limit = code === CUT ? 3 : isAlone ? 1 : 2;
  if (core.suspicions < limit) return;
  core.suspicions = 0;
  if (!isAlone) core.singleUntil = core.sent;
  else if (core.entries.delete(first.key)) {
    // Whoever was only cut off cannot say that it was not stored.
    const outcome = code === CUT ? "dropped" : "rejected";
    settle(core, [[first, { id: first.id, outcome, code: "poison" }]]);
  }
}

function pause(core: Core, detail: string, action: (core: Core) => unknown = connect): void {
  core.pauses += 1;
  const ceilingMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** core.pauses);
  const pauseMs = PAUSE_MS_MIN + core.random() * (ceilingMs - PAUSE_MS_MIN);
  core.cancelPause?.();
  core.cancelPause = core.clock.after(Math.max(core.backAt - core.clock.now(), pauseMs), () => {
    core.cancelPause = undefined;
    action(core);
  });
  if (core.isLeading) become(core, "offline", detail);
}

/** The network is back: no reason to wait any longer. */
export function wake(core: Core): void {
  if (!core.isLeading) return;
  core.cancelPause?.();
  core.cancelPause = undefined;
  core.pauses = 0;
  connect(core);
}
