/**
 * The client of sluice wherever it runs: takes events, bounds them, tells their outcomes. The
 * outbox keeps them, the dialer and the line have them sent. What a browser or Node.js has is
 * passed in.
 *
 *   waiting ──lead──▶ idle ──event──▶ connecting ──saved──▶ open ──close──▶ offline ──▶ connecting
 *      ▲──────────────────── 4409, page hidden ───────────────┘  └──▶ stopped, closed
 */
import { become, Entry, finish, newId, nothing, openEntries } from "./core.ts";
import type { Core, Listener } from "./core.ts";
import { connect, ended, socketClass, trusted, wake } from "./dialer.ts";
import { dropLine, endLine, hello, pump, recall, sayBye } from "./line.ts";
import { add, follow, lead, listenToPeers } from "./outbox.ts";
import { nextRun, pubFrame } from "./queue.ts";
import { twinBody, twinUrl } from "./twin.ts";
import type { Client, ClientClock, ClientOptions, Outcome } from "./types.ts";
import type { Store, Tracked, TrackOptions } from "./types.ts";

/** docs/protocol.md §2.13, until the server has said its own limits. */
const EVENT_BYTES_MAX = 32 * 1024;
const FRAME_BYTES_MAX = 256 * 1024;

/** What a browser lets a page send while it goes away is 64 KiB; the rest is for the hello. */
const UNLOAD_BYTES_MAX = 55_000;

const CLOSE_TIMEOUT_MS = 5_000;

/** What is said at the end of events without an outcome. */
const KEPT = { outcome: "kept" } as const;
const CLOSED = { outcome: "dropped", code: "closed" } as const;

const systemClock: ClientClock = {
  now: () => Date.now(),
  after: (delayMs, action) => {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
};

const systemRandom = (): number => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;

/** The client, and what a page's life asks of it. */
export interface StartedClient {
  readonly client: Client;
  /** The network is back. */
  readonly wake: () => void;
  /** The network is gone: an open connection is dead, and would take long to say so. */
  readonly sleep: () => void;
  /**
   * The page goes away: the oldest events go out by `send`, which must not take long. They stay in
   * the store until a later welcome confirms them.
   */
  readonly leave: (send: (url: string, body: string) => void) => void;
  /** The page is back. */
  readonly return: () => void;
}

export function startClient(options: ClientOptions, store: Store): StartedClient {
  const core = newCore(options, store);
  // Tells at once whether there is one.
  socketClass(core);
  core.whenAdded = () => added(core);
  core.whenLeading = () => connect(core);
  core.whenFollowing = () => dropLine(core);
  core.whenTrusted = (frame) => trusted(core, frame);
  core.whenEnded = (code, detail) => ended(core, code, detail);
  const { onDrop } = options;
  const onOutcome = (outcome: Outcome) => {
    if (outcome.outcome === "dropped") onDrop?.(outcome);
  };
  core.listeners.set(onOutcome, "outcome");
  listenToPeers(core);
  core.loaded = lead(core);
  return {
    client: {
      track: (type, data, trackOptions = {}) => track(core, { type, data, ...trackOptions }),
      flush: (timeoutMs) => flush(core, timeoutMs),
      close: (timeoutMs = CLOSE_TIMEOUT_MS) => close(core, timeoutMs),
      on: (name: "outcome" | "state", listener: Listener) => {
        // A function of its own, so that the same listener may be added twice.
        const listen: Listener = (heard) => listener(heard);
        core.listeners.set(listen, name);
        return () => core.listeners.delete(listen);
      },
      get state() {
        return core.state;
      },
      get queued() {
        const entries = openEntries(core);
        return { events: entries.length, bytes: sumBytes(entries) };
      },
    },
    wake: () => wake(core),
    sleep: () => endLine(core, 1001, "no network"),
    leave: (send) => leave(core, send),
    return: () => {
      if (!core.isOver) void lead(core);
    },
  };
}

function newCore(options: ClientOptions, store: Store): Core {
  return {
    options,
    url: options.url.replace(/^ws/, "http").replace(/\/+$/, ""),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    listeners: new Map(),
    flushes: new Set(),
    state: "waiting",
    store,
    entries: new Map(),
    mine: new Map(),
    left: new Map(),
    adding: [],
    finished: [],
    work: Promise.resolve(),
    leadTry: 0,
    pauses: 0,
    deafTries: 0,
    backAt: 0,
    singleUntil: 0,
    eventBytesMax: EVENT_BYTES_MAX,
    frameBytesMax: FRAME_BYTES_MAX,
    cancelWake: nothing,
    cancelWatch: nothing,
    cancelRenewal: nothing,
    // What is left out is set before it is read: by load() or openLine().
  } as unknown as Core;
}

function sumBytes(entries: readonly Entry[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0);
}

function track(
  core: Core,
  event: TrackOptions & { readonly type: string; readonly data: object },
): Tracked {
  const { queueEventsMax = 5_000, queueBytesMax = 5 * 1024 * 1024, payload } = core.options;
  const { id = newId(core), data } = event;
  let json: string | undefined;
  try {
    json = JSON.stringify(
      payload === "whole" ? data : { ts: core.clock.now(), ...event, id, data },
    );
  } catch {
    // Cycles and big integers have no JSON.
  }
  const entry = new Entry(id, json ?? "");
  const open = openEntries(core);
  const refuse = (outcome: "rejected" | "dropped", code: string) => {
    finish(core, entry, { id, outcome, code });
  };
  if (json === undefined) refuse("rejected", "not_json");
  else if (entry.bytes > core.eventBytesMax) refuse("rejected", "too_large");
  else if (core.state === "closed") refuse("dropped", "closed");
  else if (open.length >= queueEventsMax || sumBytes(open) + entry.bytes > queueBytesMax) {
    refuse("dropped", "queue_full");
  } else add(core, entry);
  return entry;
}

/** Events have come into the queue: sends them at once if they are many, else after a while. */
function added(core: Core): void {
  const { batchEvents = 100, batchBytes = 32 * 1024, lingerMs = 50 } = core.options;
  const waiting = [...core.entries.values()].filter(({ isOut }) => !isOut);
  connect(core);
  if (waiting.length >= batchEvents || sumBytes(waiting) >= batchBytes) pumpNow(core);
  else core.cancelLinger ??= core.clock.after(lingerMs, () => pumpNow(core));
}

function pumpNow(core: Core): void {
  core.cancelLinger?.();
  core.cancelLinger = undefined;
  pump(core);
}

function leave(core: Core, send: (url: string, body: string) => void): void {
  dropLine(core);
  recall(core);
  const greeting = hello(core);
  const { run } = nextRun(core, {
    nowMs: Infinity,
    seqMax: Infinity,
    eventsMax: 500,
    bytesMax: UNLOAD_BYTES_MAX,
    creditBytes: UNLOAD_BYTES_MAX,
  });
  if (!core.isOver && run.length > 0) {
    const { pub } = pubFrame(core, run);
    send(twinUrl(core.url, core.stream), twinBody(greeting, pub));
  }
  recall(core);
  follow(core);
}

/** Resolves to whether it was done in time, and before the server has refused this client. */
function within(
  { clock, flushes }: Core,
  timeoutMs: number | undefined,
  done: Promise<unknown>,
): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (isDone: boolean) => {
      flushes.delete(end);
      cancel();
      resolve(isDone);
    };
    const cancel = timeoutMs === undefined ? nothing : clock.after(timeoutMs, () => end(false));
    flushes.add(end);
    void done.then(() => end(true));
  });
}

function flush(core: Core, timeoutMs: number | undefined): Promise<boolean> {
  const settled = async () => {
    // A queue that is not shared may hold events of an earlier life.
    if (core.store.peers === undefined) await core.loaded;
    await Promise.all(openEntries(core).map((entry) => entry.outcome()));
  };
  pumpNow(core);
  return within(core, core.isOver ? 0 : timeoutMs, settled());
}

async function close(core: Core, timeoutMs: number): Promise<void> {
  if (core.state === "closed") return;
  if (!core.isOver) await flush(core, timeoutMs);
  core.isOver = true;
  core.cancelPause?.();
  core.cancelLinger?.();
  if (core.socket !== undefined) {
    const bye = new Promise<void>((resolve) => {
      core.whenTrusted = (frame) => trusted(core, frame);
      core.whenEnded = () => resolve();
    });
    sayBye(core);
    await within(core, timeoutMs, bye);
  }
  become(core, "closed");
  for (const entry of openEntries(core)) {
    const { id, key } = entry;
    const isKept = core.store.durable && key > 0;
    const said = isKept ? KEPT : CLOSED;
    finish(core, entry, { id, ...said });
  }
  follow(core);
  await core.work;
  core.store.close();
}
