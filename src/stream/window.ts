/**
 * The window of a stream: which sequence numbers are final, which are in flight, which may be sent
 * (docs/protocol.md §2.5 rules 2 and 7). Pure bookkeeping; it knows neither sockets nor events.
 *
 *   1 … done | final ∪ inFlight ∪ open, disjoint | next …
 *
 * Every number from done + 1 up to next − 1 is in exactly one of the three sets.
 */
import assert from "node:assert/strict";
import type { Ranges } from "../protocol/frames.ts";
import { RangeSet } from "./ranges.ts";

/** What a number in a `pub` frame is to the stream. */
export type Standing = "fresh" | "final" | "in-flight" | "gap";

export class Window {
  /** Highest number such that it and all before have final outcomes. */
  done: number;
  /** First number that was never sent. */
  next: number;
  readonly final = new RangeSet();
  readonly open = new RangeSet();
  readonly inFlight = new RangeSet();

  /**
   * `held`: numbers without an outcome that the client may send again; `next`: its first unused
   * one.
   */
  constructor(held: Ranges, next: number) {
    this.next = next;
    this.done = (held[0]?.[0] ?? next) - 1;
    let above = this.done;
    for (const [from, to] of held) {
      if (from > above + 1) this.final.append(above + 1, from - 1);
      this.open.append(from, to);
      above = to;
    }
    if (held.length > 0 && above < next - 1) this.final.append(above + 1, next - 1);
  }

  standing(seq: number): Standing {
    if (seq <= this.done || this.final.has(seq)) return "final";
    if (this.inFlight.has(seq)) return "in-flight";
    if (seq === this.next || this.open.has(seq)) return "fresh";
    return "gap";
  }

  /** The number is being sent; it must be `fresh`. */
  send(seq: number): void {
    if (seq === this.next) this.next += 1;
    else {
      assert(this.open.has(seq), "only open numbers are sent again");
      this.open.delete(seq);
    }
    this.inFlight.add(seq);
  }

  /** The number got an outcome: a final one, or `retry`, which opens it again. */
  settle(seq: number, isFinal: boolean): void {
    assert(this.inFlight.has(seq), "only what is in flight is settled");
    this.inFlight.delete(seq);
    if (!isFinal) {
      this.open.add(seq);
      return;
    }
    if (seq === this.done + 1) this.done = this.final.takeFrom(seq + 1);
    else this.final.add(seq);
  }
}
