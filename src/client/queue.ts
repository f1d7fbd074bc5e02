/**
 * The queue as the sending context knows it: events in the order of their keys, which of them are
 * out, which may go into the next frame (docs/protocol.md §2.5). Pure bookkeeping.
 *
 *   keys    base … | held: maybe sent, no outcome | sent, next: never sent … last
 *   number  of an event in the stream = its key − base
 */
import type { Core, Entry } from "./core.ts";
import { round } from "./frames.ts";
import type { Range } from "./frames.ts";
import type { Outcome } from "./types.ts";

export function enqueue(core: Core, entry: Entry): void {
  core.entries.set(entry.key, entry);
  core.last = Math.max(core.last, entry.key);
  core.freshEvents += 1;
  core.freshBytes += entry.bytes;
}

export interface Numbers {
  /** Numbers without an outcome that may have been sent. */
  readonly held: readonly Range[];
  /** The first that was not. */
  readonly next: number;
}

/** What a hello says; the key that the server will take for the next new one is settled by it. */
export function numbers(core: Core): Numbers {
  const { entries, base, sent, last } = core;
  const held: [number, number][] = [];
  let next = last + 1;
  for (const key of entries.keys()) {
    if (key > sent) {
      next = key;
      break;
    }
    const range = held.at(-1);
    if (range?.[1] === key - base - 1) range[1] += 1;
    else held.push([key - base, key - base]);
  }
  core.isRounded = round(held);
  core.next = next;
  return { held, next: next - base };
}

/** What a server has said of a number; undefined: nothing. */
export type Verdict = (seq: number) => Omit<Outcome, "id"> | undefined;

/** Takes events out of the queue of which the server has said what became of them. */
export function judge(core: Core, verdict: Verdict): (readonly [Entry, Outcome])[] {
  const judged: (readonly [Entry, Outcome])[] = [];
  for (const [key, entry] of core.entries) {
    // It cannot know of those that were never sent.
    if (key >= core.next) break;
    const found = verdict(key - core.base);
    if (found === undefined) continue;
    judged.push([entry, { ...found, id: entry.id }]);
    core.entries.delete(key);
    core.out.delete(entry);
  }
  return judged;
}

export interface FrameRoom {
  readonly nowMs: number;
  /** Highest number that may be sent for the first time. */
  readonly seqMax: number;
  readonly eventsMax: number;
  /** Of the events with the commas between them; one event is taken whatever its length. */
  readonly bytesMax: number;
  /** The same, without an exception. */
  readonly creditBytes: number;
}

/** What may be sent. */
export interface Run {
  readonly run: readonly Entry[];
  /** When the first event may be sent again that has to wait; Infinity for none. */
  readonly wakeAt: number;
  /** A number is missing before the next one: only a new hello can leave it out. */
  readonly hasGap: boolean;
}

/** The first events with consecutive numbers that may be sent, as many as a frame takes. */
export function nextRun(core: Core, room: FrameRoom): Run {
  const run: Entry[] = [];
  let wakeAt = Infinity;
  let bytes = 0;
  for (const entry of core.entries.values()) {
    const { key } = entry;
    const isOut = core.out.has(entry);
    const previous = run.at(-1)?.key;
    if (previous !== undefined && (previous !== key - 1 || isOut)) break;
    if (isOut) continue;
    if (key >= core.next) {
      if (key > Math.max(core.next, (previous ?? 0) + 1)) {
        return { run, wakeAt, hasGap: previous === undefined };
      }
      if (key - core.base > room.seqMax) break;
    }
    if (entry.notBefore > room.nowMs) {
      wakeAt = Math.min(wakeAt, entry.notBefore);
      if (previous !== undefined) break;
      continue;
    }
    bytes += entry.bytes + 1;
    if (bytes > room.creditBytes || (bytes > room.bytesMax && previous !== undefined)) break;
    if (run.push(entry) >= room.eventsMax) break;
  }
  return { run, wakeAt, hasGap: false };
}

/** The pub frame of consecutive events, and its length in bytes of UTF-8; they are out now. */
export function pubFrame(core: Core, run: readonly Entry[]): { pub: string; bytes: number } {
  const seq = (run[0]?.key ?? 0) - core.base;
  const head = `{"t":"pub","seq":${seq},"sentAt":${core.clock.now()},"events":[`;
  let bytes = head.length + 1;
  for (const entry of run) {
    core.out.add(entry);
    bytes += entry.bytes + 1;
    core.sent = Math.max(core.sent, entry.key);
    core.next = Math.max(core.next, entry.key + 1);
  }
  return { pub: `${head}${run.map(({ json }) => json).join(",")}]}`, bytes };
}
