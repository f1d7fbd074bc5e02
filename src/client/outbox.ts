/**
 * The events of one context between `track` and their outcome: puts them into the store, takes the
 * lead over it (only the leading context sends), and keeps queue and store in step. Nothing leaves
 * the store before its outcome is known. It knows nothing of connections.
 *
 * A store that fails is given up once what it holds has been sent; what could not be put into it
 * waits meanwhile, and goes on in a memory store as a new stream.
 */
import { become, finish, newEntry, newId } from "./core.ts";
import type { Core, Entry } from "./core.ts";
import { memoryStore } from "./memory-store.ts";
import { enqueue } from "./queue.ts";
import type { Outcome, SavedEvent, StreamRecord } from "./types.ts";

/** Outcomes a failing store has not taken; beyond it they are told again by the server. */
const FINISHED_MAX = 10_000;

/** No key is as high. */
const EVERY_KEY = 1e15;

/** Between two tries of a store that failed. */
const STORE_PAUSE_MS = 5_000;

function inOrder<T>(core: Core, action: () => T | Promise<T>): Promise<T> {
  const done = core.work.then(action);
  core.work = done.catch(() => {});
  return done;
}

/** Hears what other contexts do to the store. */
export function listenToPeers(core: Core): void {
  const { mine } = core;
  core.store.peers?.listen({
    added: () => void inOrder(core, () => readNew(core)),
    settled: (outcomes) => {
      for (const [key, outcome] of outcomes) {
        finish(core, mine.get(key), outcome);
        mine.delete(key);
      }
    },
  });
}

export function add(core: Core, entry: Entry): void {
  core.adding.push(entry);
  addAll(core);
}

function addAll(core: Core): void {
  if (core.isAdding || core.adding.length === 0) return;
  core.isAdding = true;
  void inOrder(core, async () => {
    const batch = core.adding.slice();
    try {
      const added = core.store.add(batch.map(({ id, json }) => ({ id, json })));
      // Told before and after: this context may be gone by the time it is done.
      core.store.peers?.added();
      const keys = await added;
      core.adding.splice(0, batch.length);
      // Unless others have added as well, there is nothing new but these.
      const isNext = core.isLeading && keys[0] === core.last + 1;
      batch.forEach((entry, index) => {
        entry.key = keys[index] ?? 0;
        if (isNext) enqueue(core, entry);
        else core.mine.set(entry.key, entry);
      });
      core.store.peers?.added();
      if (isNext) core.whenAdded(core);
      else await readNew(core);
      if (core.state === "stopped") abandon(core, "stopped");
      core.isAdding = false;
      addAll(core);
    } catch {
      core.isAdding = false;
      core.isBroken = true;
      changeStore(core);
    }
  });
}

/** Takes into the queue what was added to the store, here or by other contexts. */
async function readNew(core: Core): Promise<void> {
  if (!core.isLeading) return;
  try {
    const { events } = await core.store.load(core.last);
    // The lead may have been lost meanwhile.
    if (!core.isLeading) return;
    takeIn(core, events);
    core.whenAdded(core);
  } catch {
    core.clock.after(STORE_PAUSE_MS, () => void inOrder(core, () => readNew(core)));
  }
}

function takeIn(core: Core, events: readonly (readonly [number, SavedEvent])[]): void {
  for (const [key, { id, json }] of events) {
    const entry = core.mine.get(key) ?? newEntry(core, id, json);
    core.mine.delete(key);
    entry.key = key;
    enqueue(core, entry);
  }
}

/** Waits for the lead; then loads the queue. */
export async function lead(core: Core): Promise<void> {
  const { store } = core;
  if (core.isLeading) {
    core.whenLeading(core);
    return;
  }
  core.leadTry += 1;
  const { leadTry } = core;
  try {
    const release = await store.lock();
    if (leadTry !== core.leadTry) {
      release();
      return;
    }
    core.release = release;
    await inOrder(core, () => load(core));
  } catch {
    if (leadTry === core.leadTry) giveUpStore(core);
    return;
  }
  if (core.isLeading) core.whenLeading(core);
}

async function load(core: Core): Promise<void> {
  const { record, events } = await core.store.load(0);
  if (core.release === undefined) return;
  handBack(core);
  core.last = record?.last ?? 0;
  takeIn(core, events);
  for (const entry of core.mine.values()) {
    // Another context has settled it and could not tell.
    finish(core, entry, drop(entry.id, "outcome_lost"));
  }
  core.mine.clear();
  // Without a record nothing was sent.
  core.sent = Math.min(record?.sent ?? 0, core.last);
  core.base = record?.base ?? 0;
  core.stream = record?.stream ?? "";
  core.resume = record?.resume ?? "";
  if (record === undefined) renewStream(core);
  core.isLeading = true;
}

/** A new stream for what is in the queue; what may have been sent stays marked so. */
export function renewStream(core: Core): void {
  const [first = core.last + 1] = core.entries.keys();
  core.stream = newId(core);
  core.resume = "";
  core.base = first - 1;
}

/** Lets another context lead; what is known here is handed to the store before. */
export function follow(core: Core): void {
  const { release } = core;
  core.leadTry += 1;
  core.isOnAir = false;
  core.whenFollowing(core);
  if (core.isLeading) void saveNow(core);
  core.isLeading = false;
  core.release = undefined;
  handBack(core);
  if (!core.isOver) become(core, "waiting");
  release?.();
}

function handBack(core: Core): void {
  for (const [key, entry] of core.entries) core.mine.set(key, entry);
  core.entries = new Map();
  core.out.clear();
}

/**
 * This client will not tell what becomes of its events: in a durable store they wait for another
 * one, elsewhere they are lost.
 */
export function abandon(core: Core, code: "closed" | "stopped"): void {
  for (const held of [core.left, core.entries, core.mine]) {
    for (const entry of held.values()) {
      const { id } = entry;
      finish(core, entry, core.store.durable ? { id, outcome: "kept" } : drop(id, code));
    }
    held.clear();
  }
}

export function drop(id: string, code: string): Outcome {
  return { id, outcome: "dropped", code };
}

/** Saves outcomes and the stream's record; resolves when it has, or has failed to. */
export function save(core: Core): Promise<void> {
  core.isSaving ??= inOrder(core, async () => {
    core.isSaving = undefined;
    if (core.isLeading) await saveNow(core);
    changeStore(core);
    addAll(core);
  });
  return core.isSaving;
}

/** A failing store must not stop what can be sent: a later context sends it again, marked. */
async function saveNow(core: Core): Promise<void> {
  const { finished, stream, base, resume, last } = core;
  const sent = core.isOnAir ? EVERY_KEY : core.sent;
  const record: StreamRecord = { stream, base, resume, sent, last };
  core.finished = [];
  try {
    await core.store.settle(finished, record);
  } catch {
    if (finished.length < FINISHED_MAX) core.finished.unshift(...finished);
    core.clock.after(STORE_PAUSE_MS, () => void save(core));
  }
}

/** The outcomes of events that have left the queue. */
export function settle(core: Core, outcomes: readonly (readonly [Entry, Outcome])[]): void {
  if (outcomes.length === 0) return;
  core.store.peers?.settled(outcomes.map(([{ key }, outcome]) => [key, outcome]));
  for (const [entry, outcome] of outcomes) {
    core.finished.push(entry.key);
    finish(core, entry, outcome);
  }
  void save(core);
}

/** Goes on in memory as soon as nothing in the failing store needs this context. */
function changeStore(core: Core): void {
  if (core.isBroken && core.adding.length > 0 && core.entries.size === 0) giveUpStore(core);
}

function giveUpStore(core: Core): void {
  follow(core);
  core.left = core.mine;
  core.mine = new Map();
  core.store = memoryStore();
  core.isBroken = false;
  core.finished = [];
  void lead(core);
  addAll(core);
}
