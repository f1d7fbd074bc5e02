/**
 * The client of sluice wherever it runs: takes events, bounds them, tells their outcomes. The
 * outbox keeps them, the dialer and the line have them sent. What a browser or Node.js has is
 * passed in.
 *
 *   waiting ──lead──▶ idle ──event──▶ connecting ──saved──▶ open ──close──▶ offline ──▶ connecting
 *      ▲──────────────────── 4409, page hidden ───────────────┘  └──▶ stopped, closed
 */
import { become, finish, newEntry, newId, nothing } from "./core.ts";
import type { Core, Listener } from "./core.ts";
import { connect, ended, socketClass, trusted, wake } from "./dialer.ts";
import { dropLine, endLine, hello, pump, sayBye } from "./line.ts";
import { abandon, add, drop, follow, lead, listenToPeers } from "./outbox.ts";
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
  const { onDrop } = options;
  core.listeners.set(
    (outcome: Outcome) => outcome.outcome === "dropped" && onDrop?.(outcome),
    "outcome",
  );
  listenToPeers(core);
  core.loaded = lead(core);
  return {
    client: {
      track: (type, data, how) => track(core, { type, data, ...how }),
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
        return { events: core.openEvents, bytes: core.openBytes };
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
    whenAdded: added,
    whenLeading: connect,
    whenFollowing: dropLine,
    whenEnded: ended,
    whenTrusted: trusted,
    state: "waiting",
    openEvents: 0,
    openBytes: 0,
    store,
    entries: new Map(),
    out: new Set(),
    freshEvents: 0,
    freshBytes: 0,
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
  const entry = newEntry(core, id, json ?? "");
  const refuse = (outcome: "rejected" | "dropped", code: string) => {
    finish(core, entry, { id, outcome, code });
  };
  if (json === undefined) refuse("rejected", "not_json");
  else if (entry.bytes > core.eventBytesMax) refuse("rejected", "too_large");
  else if (core.state === "closed") refuse("dropped", "closed");
  else if (core.openEvents > queueEventsMax || core.openBytes > queueBytesMax) {
    refuse("dropped", "queue_full");
  } else add(core, entry);
  return entry;
}

/** Events have come into the queue: sends them at once if they are many, else after a while. */
function added(core: Core): void {
  const { batchEvents = 100, batchBytes = 32 * 1024, lingerMs = 50 } = core.options;
  connect(core);
  if (core.freshEvents >= batchEvents || core.freshBytes >= batchBytes) pumpNow(core);
  else core.cancelLinger ??= core.clock.after(lingerMs, () => pumpNow(core));
}

function pumpNow(core: Core): void {
  core.cancelLinger?.();
  core.cancelLinger = undefined;
  pump(core);
}

function leave(core: Core, send: (url: string, body: string) => void): void {
  dropLine(core);
  core.out.clear();
  const greeting = hello(core);
  const { run } = nextRun(core, {
    nowMs: Infinity,
    seqMax: Infinity,
    eventsMax: 500,
    bytesMax: UNLOAD_BYTES_MAX,
    creditBytes: UNLOAD_BYTES_MAX,
  });
  if (!core.isOver && run.length > 0) {
    send(twinUrl(core.url, core.stream), twinBody(greeting, pubFrame(core, run).pub));
  }
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

async function flush(core: Core, timeoutMs: number | undefined): Promise<boolean> {
  if (core.isOver) return core.state === "closed";
  const settled = async () => {
    // A queue that is not shared may hold events of an earlier life.
    if (core.store.peers === undefined) await core.loaded;
    const { left, entries, mine, adding } = core;
    const open = [...left.values(), ...entries.values(), ...mine.values(), ...adding];
    await Promise.all(open.map((entry) => entry.outcome()));
  };
  pumpNow(core);
  return within(core, timeoutMs, settled());
}

async function close(core: Core, timeoutMs: number): Promise<void> {
  if (core.state === "closed") return;
  await flush(core, timeoutMs);
  core.isOver = true;
  core.cancelPause?.();
  core.cancelLinger?.();
  if (core.socket !== undefined) {
    const bye = new Promise((resolve) => {
      core.whenEnded = resolve;
    });
    sayBye(core);
    await within(core, timeoutMs, bye);
  }
  const saved = async () => {
    while (core.isAdding) await core.work;
  };
  await within(core, timeoutMs, saved());
  become(core, "closed");
  abandon(core, "closed");
  for (const entry of core.adding) finish(core, entry, drop(entry.id, "closed"));
  follow(core);
  await core.work;
  core.store.close();
}
