import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Deduplicator, type DeduplicatorOptions, type Reason, REASONS } from "./deduplicator.ts";
import { makeHeader, type HeaderParts } from "./testing/make-header.ts";

const FLAGGED = 1;

function uuid(n: number): string {
  return `0196a1c0-1025-7013-8047-${String(n).padStart(12, "0")}`;
}

/** Decides about records of one partition, one after another, and gives the reasons. */
class Desk {
  readonly deduplicator: Deduplicator;
  constructor(options?: DeduplicatorOptions) {
    this.deduplicator = new Deduplicator(options);
  }
  decide(parts: HeaderParts, partition = 0) {
    const headers = [{ sluice: makeHeader(parts) }];
    return this.deduplicator.decide({ topic: "t", partition, headers });
  }
  reason(seq: number, flags = 0, stream = 1): Reason {
    const { reason, verdict } = this.decide({ stream: uuid(stream), epoch: 1, seq, flags });
    assert.equal(verdict, REASONS[reason].verdict);
    return reason;
  }
}

describe("Deduplicator", () => {
  it("a number that comes again is a duplicate, flagged or not, whatever came between", () => {
    const desk = new Desk({ fromBeginning: true });
    assert.equal(desk.reason(1), "new_stream");
    assert.equal(desk.reason(3), "above_highest");
    assert.equal(desk.reason(2), "gap_filled");
    assert.equal(desk.reason(3, FLAGGED), "seq_seen");
    assert.equal(desk.reason(2, FLAGGED), "seq_seen");
    assert.equal(desk.reason(1), "seq_seen");
    assert.equal(desk.reason(4, FLAGGED), "above_highest");
    assert.equal(desk.deduplicator.stats().duplicates, 3);
  });
  it("partitions, topics and streams are apart", () => {
    const desk = new Desk();
    desk.reason(1);
    assert.equal(desk.reason(1, 0, 2), "new_stream");
    const other = desk.decide({ stream: uuid(1), epoch: 1, seq: 1 }, 1);
    assert.equal(other.reason, "new_stream");
  });
  it("what was sent before and cannot be known is unknown; what was never sent is first", () => {
    const desk = new Desk();
    assert.equal(desk.reason(50, FLAGGED), "stream_unknown");
    assert.equal(desk.reason(49, FLAGGED), "before_start");
    assert.equal(desk.reason(49, FLAGGED), "seq_seen");
    assert.equal(desk.reason(48), "gap_filled");
    assert.equal(desk.reason(5_000), "above_highest");
    assert.equal(desk.reason(50, FLAGGED), "below_window");
    assert.equal(desk.reason(51), "not_flagged");
    assert.equal(desk.deduplicator.stats().unknown, 3);
  });
  it("a flagged number within the credit of the first one seen may have been stored before", () => {
    const desk = new Desk();
    desk.reason(2_000);
    assert.equal(desk.reason(2_999, FLAGGED), "before_start");
    assert.equal(desk.reason(2_999, FLAGGED), "seq_seen");
    assert.equal(desk.reason(3_000, FLAGGED), "above_highest");
    assert.equal(desk.reason(2_998, FLAGGED), "before_start");
    assert.equal(desk.reason(2_997), "gap_filled");
  });
  it("read from the beginning, a flagged record of a new stream is the first", () => {
    const desk = new Desk({ fromBeginning: true });
    assert.equal(desk.reason(50, FLAGGED), "new_stream");
    assert.equal(desk.reason(49, FLAGGED), "gap_filled");
  });
  it("beyond streamsMax the stream unheard of for longest is forgotten, and said so", () => {
    const desk = new Desk({ streamsMax: 2, fromBeginning: true });
    desk.reason(1, 0, 1);
    desk.reason(1, 0, 2);
    desk.reason(2, 0, 1);
    desk.reason(1, 0, 3);
    assert.equal(desk.deduplicator.stats().streamsForgotten, 1);
    assert.equal(desk.reason(2, FLAGGED, 1), "seq_seen");
    assert.equal(desk.reason(1, FLAGGED, 2), "stream_unknown", "it may have been forgotten");
    assert.equal(desk.deduplicator.stats().streams, 2);
  });
  it("tells a late record of a superseded connection", () => {
    const desk = new Desk();
    desk.decide({ stream: uuid(1), epoch: 2, seq: 1 });
    assert.equal(desk.decide({ stream: uuid(1), epoch: 1, seq: 2 }).isFromFormerOwner, true);
    assert.equal(desk.decide({ stream: uuid(1), epoch: 2, seq: 3 }).isFromFormerOwner, false);
  });
  it("events without a stream are judged by id, if asked to, among the last ones", () => {
    assert.equal(new Desk().decide({ id: "a" }).reason, "no_stream");
    const desk = new Desk({ idsMax: 2 });
    const reasons = ["a", "b", "a", "c", "a", ""].map((id) => desk.decide({ id }).reason);
    assert.deepEqual(reasons, ["id_new", "id_new", "id_seen", "id_new", "id_new", "no_stream"]);
    assert.equal(desk.deduplicator.stats().ids, 2);
  });
  it("a record without our header is unknown", () => {
    const decision = new Deduplicator().decide({ topic: "t", partition: 0, headers: null });
    assert.deepEqual(decision, {
      verdict: "unknown",
      reason: "no_header",
      header: null,
      isFromFormerOwner: false,
    });
  });
  it("a partition goes on elsewhere with its state, through JSON", () => {
    const options = { idsMax: 5, fromBeginning: true };
    const before = new Desk(options);
    before.reason(1);
    before.reason(4);
    before.decide({ id: "a" });
    before.decide({ stream: uuid(1), epoch: 1, seq: 1 }, 1);
    const state: unknown = JSON.parse(JSON.stringify(before.deduplicator.exportPartition("t", 0)));
    const after = new Desk(options);
    after.reason(9);
    after.deduplicator.importPartition(state);
    assert.deepEqual(after.deduplicator.exportPartition("t", 0), state);
    assert.equal(after.reason(9), "above_highest", "the state replaced what was known");
    assert.equal(after.reason(4, FLAGGED), "seq_seen");
    assert.equal(after.reason(3, FLAGGED), "gap_filled");
    assert.equal(after.decide({ id: "a" }).reason, "id_seen");
    after.deduplicator.forgetPartition("t", 0);
    assert.deepEqual(after.deduplicator.exportPartition("t", 0).streams, []);
    assert.equal(before.deduplicator.stats().streams, 2);
  });
  it("refuses options and states that cannot be", () => {
    assert.throws(() => new Deduplicator({ windowSeqs: 2_000 }), RangeError);
    assert.throws(() => new Deduplicator({ windowSeqs: 512 }), RangeError);
    assert.throws(() => new Deduplicator({ streamsMax: 0 }), RangeError);
    assert.throws(() => new Deduplicator({ idsMax: -1 }), RangeError);
    const good = new Deduplicator().exportPartition("t", 0);
    const states = [
      null,
      {},
      { ...good, version: 2 },
      { ...good, streams: [["s", 1, 1, [[2, 1]]]] },
      { ...good, streams: [["s", 1, 1, [[1, 2 ** 40]]]] },
      { ...good, streams: [["s", 1]] },
      { ...good, ids: [1] },
    ];
    for (const state of states) {
      assert.throws(() => new Deduplicator().importPartition(state), TypeError);
    }
  });
});
