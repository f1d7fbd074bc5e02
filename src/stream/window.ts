/**
 * The window of a stream: which sequence numbers are final, which are in flight, which may be sent
 * (docs/protocol.md §2.5), and what is worth remembering of it. Pure bookkeeping; it knows neither
 * sockets nor events.
 *
 *   1 … done | final ∪ inFlight ∪ open, disjoint | next …
 *
 * Every number from done + 1 up to next − 1 is in exactly one of the three sets.
 */
import assert from "node:assert/strict";
import { STREAM_EXCEPTIONS_MAX, STREAM_SACK_RANGES_MAX } from "../limits/streams.ts";
import type { Ranges } from "../protocol/frames.ts";
import { RangeSet } from "./ranges.ts";
import type { StreamView } from "./reconcile.ts";
import type { StreamException, StreamRecord } from "./store.ts";

/** What a number in a `pub` frame is to the stream. */
export type Standing = "fresh" | "final" | "in-flight" | "gap";

/** In place of each set that is empty from the start, as most are; never changed. */
const NOTHING = new RangeSet();

export class Window {
  /** Highest number such that it and all before have final outcomes. */
  done: number;
  /** First number that was never sent. */
  next: number;
  #final: RangeSet;
  #open: RangeSet;
  #inFlight = NOTHING;
  /** Numbers without a final outcome that may be stored already. */
  #unsure: RangeSet;
  /** null: none. */
  #exceptions: StreamException[] | null;

  constructor(view: StreamView) {
    this.next = view.next;
    this.done = view.done;
    this.#final = setOf(view.sack);
    this.#open = setOf(view.open);
    this.#unsure = setOf(view.unsure);
    this.#exceptions = view.exc.length === 0 ? null : [...view.exc];
  }

  /** To be read only, like those below. */
  get final(): RangeSet {
    return this.#final;
  }

  get open(): RangeSet {
    return this.#open;
  }

  get inFlight(): RangeSet {
    return this.#inFlight;
  }

  standing(seq: number): Standing {
    if (seq === this.next) return "fresh";
    if (seq <= this.done || this.final.has(seq)) return "final";
    if (this.inFlight.has(seq)) return "in-flight";
    return this.open.has(seq) ? "fresh" : "gap";
  }

  /** So many numbers from `next` on are being sent. */
  sendNew(count: number): void {
    if (count === 0) return;
    this.#inFlight = owned(this.#inFlight);
    this.#inFlight.append(this.next, this.next + count - 1);
    this.next += count;
  }

  /** The number is being sent; it must be `fresh`. True: its record may be stored already. */
  send(seq: number): boolean {
    if (seq === this.next) {
      this.sendNew(1);
      return false;
    }
    assert(this.open.has(seq), "only open numbers are sent again");
    this.open.delete(seq);
    this.#inFlight = owned(this.#inFlight);
    this.#inFlight.add(seq);
    return this.#unsure.has(seq);
  }

  /** The number got its final outcome. */
  settle(seq: number): void {
    assert(this.inFlight.has(seq), "only what is in flight is settled");
    this.inFlight.delete(seq);
    if (!this.#unsure.isEmpty) this.#unsure.delete(seq);
    if (seq === this.done + 1) this.done = this.final.takeFrom(seq + 1);
    else {
      this.#final = owned(this.#final);
      this.#final.add(seq);
    }
  }

  /** All these numbers got their final outcomes at once. */
  settleAll(from: number, to: number): void {
    this.inFlight.cut(from, to);
    if (!this.#unsure.isEmpty) for (let seq = from; seq <= to; seq += 1) this.#unsure.delete(seq);
    if (from === this.done + 1) this.done = this.final.takeFrom(to + 1);
    else {
      this.#final = owned(this.#final);
      this.#final.insert(from, to);
    }
  }

  /** The number is to be sent again. `maybeStored`: its record may come to be in Kafka. */
  reopen(seq: number, maybeStored: boolean): void {
    assert(this.inFlight.has(seq), "only what is in flight is opened again");
    this.inFlight.delete(seq);
    this.#open = owned(this.#open);
    this.#open.add(seq);
    if (!maybeStored) return;
    this.#unsure = owned(this.#unsure);
    this.#unsure.add(seq);
  }

  /** A final outcome other than stored. */
  except(exception: StreamException): void {
    this.#exceptions ??= [];
    this.#exceptions.push(exception);
    if (this.#exceptions.length >= 2 * STREAM_EXCEPTIONS_MAX) {
      this.#exceptions = newest(this.#exceptions);
    }
  }

  /** What the next holder of the stream has to know; reconcile.ts reads it. */
  record(): StreamRecord {
    const final = this.final.ranges();
    const isCut = final.length > STREAM_SACK_RANGES_MAX;
    const unsureTo = Math.max(this.#unsure.max, isCut ? this.final.max : 0);
    return {
      done: this.done,
      sack: isCut ? final.slice(0, STREAM_SACK_RANGES_MAX) : final,
      exc: newest(this.#exceptions ?? []),
      ...(unsureTo > this.done ? { doubtBelow: unsureTo + 1 } : {}),
    };
  }
}

function setOf(ranges: Ranges): RangeSet {
  return ranges.length === 0 ? NOTHING : new RangeSet(ranges);
}

/** A set that may be changed. */
function owned(set: RangeSet): RangeSet {
  return set === NOTHING ? new RangeSet() : set;
}

/** As many as are kept, those with the highest numbers, ascending. */
function newest(exceptions: readonly StreamException[]): StreamException[] {
  return exceptions.toSorted((a, b) => a.seq - b.seq).slice(-STREAM_EXCEPTIONS_MAX);
}
