/** The judge must acquit an honest history and convict each kind of sin, for what it is. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Entry, Outcome, StoredRecord } from "./history.ts";
import { judge, type Invariant } from "./judge.ts";

const STREAM = "0196a1c0-1025-7013-8047-9e3779b19e37";
const BOUNDS = { memoryBytesMax: 1_000, probeMsMax: 500 };

const claim = (ordinal: number, isSound = true): Entry => ({
  kind: "claim",
  id: `s-${ordinal}`,
  sender: "s",
  ordinal,
  stream: STREAM,
  seq: ordinal,
  topic: "t",
  key: "k",
  isSound,
});
const plain = (ordinal: number): Entry =>
  ({
    ...claim(ordinal),
    kind: "claim",
    id: `h-${ordinal}`,
    sender: "h",
    stream: null,
    seq: null,
  }) as Entry;
const sent = (batch: number, ...ids: string[]): Entry => ({
  kind: "sent",
  atMs: 0,
  batch,
  sender: "s",
  ids,
});
const told = (id: string, outcome: Outcome, batch: number | null = 1): Entry => ({
  kind: "told",
  atMs: 0,
  id,
  outcome,
  batch,
});
type End = Extract<Entry, { readonly kind: "ended" }>["how"];

const ended = (batch: number, how: End = "answered"): Entry => ({
  kind: "ended",
  atMs: 0,
  batch,
  how,
});
const record = (ordinal: number, offset: number, other: Partial<StoredRecord> = {}): Entry => ({
  kind: "record",
  topic: "t",
  partition: 0,
  offset,
  key: "k",
  id: `s-${ordinal}`,
  stream: STREAM,
  seq: ordinal,
  isFlagged: false,
  isEqual: true,
  verdict: "first",
  appendedAtMs: 0,
  ...other,
});
const HEALED: readonly Entry[] = [
  { kind: "probe", atMs: 9, latencyMs: 100 },
  { kind: "ledger", atMs: 9, process: "g1", isBalanced: true, inFlight: 0, isLast: true },
  { kind: "memory", atMs: 9, process: "g1", bytes: 900 },
];

function sinsOf(...entries: readonly Entry[]): [Invariant, string | undefined][] {
  const { sins } = judge([...entries, ...HEALED], BOUNDS);
  return sins.map(({ invariant, id }) => [invariant, id]);
}

describe("judge", () => {
  const honest = [claim(1), sent(1, "s-1"), told("s-1", "stored"), ended(1)];

  it("convicts an answer that was earlier than Kafka", () => {
    const late = record(1, 0, { appendedAtMs: 5 });
    assert.deepEqual(sinsOf(...honest, late), [["I1", "s-1"]]);
    const again = record(1, 1, { appendedAtMs: 5, isFlagged: true, verdict: "duplicate" });
    const resent = [claim(1), sent(1, "s-1"), ended(1, "closed"), sent(2, "s-1"), ended(2)];
    const history = [...resent, told("s-1", "stored", 2), record(1, 0), again];
    assert.deepEqual(sinsOf(...history), [], "the first one was in time");
  });

  it("acquits what was sent, answered and stored", () => {
    assert.deepEqual(sinsOf(...honest, record(1, 0)), []);
  });
  it("acquits doubles of what was lost and sent again, flagged, and order around a retry", () => {
    const history = [
      ...[claim(1), claim(2), claim(3)],
      ...[sent(1, "s-1", "s-2", "s-3"), told("s-2", "retry"), ended(1, "closed")],
      ...[sent(2, "s-1", "s-3"), told("s-1", "stored", 2), told("s-3", "stored", 2), ended(2)],
      ...[sent(3, "s-2"), told("s-2", "stored", 3), ended(3)],
      ...[record(1, 0), record(1, 1, { isFlagged: true, verdict: "duplicate" })],
      ...[record(3, 2, { isFlagged: true }), record(2, 3, { isFlagged: true })],
    ];
    assert.deepEqual(sinsOf(...history), []);
    const { doubles, doublesFlagged, outcomes, batchesLost } = judge(history, BOUNDS);
    assert.deepEqual([doubles, doublesFlagged, outcomes.stored, batchesLost], [1, 1, 3, 1]);
  });
  it("acquits a first sending that lands behind the flagged second one", () => {
    const again = [claim(1), sent(1, "s-1"), ended(1, "closed"), sent(2, "s-1")];
    const answer = [told("s-1", "stored", 2), ended(2)];
    const records = [record(1, 0, { isFlagged: true }), record(1, 1, { verdict: "duplicate" })];
    assert.deepEqual(sinsOf(...again, ...answer, ...records), []);
  });
  it("acquits a rejected event that is nowhere, and what a welcome tells", () => {
    const history = [claim(1, false), sent(1, "s-1"), ended(1, "closed")];
    assert.deepEqual(sinsOf(...history, told("s-1", "rejected", null)), []);
  });
  it("acquits unflagged doubles of plain HTTP that were sent twice", () => {
    const http = { stream: null, seq: null, id: "h-1" };
    const history = [plain(1), sent(1, "h-1"), ended(1, "closed"), sent(2, "h-1")];
    const answer = [told("h-1", "stored", 2), ended(2)];
    assert.deepEqual(sinsOf(...history, ...answer, record(1, 0, http), record(1, 1, http)), []);
  });

  it("acquits an event that went on in another stream, and was stored in both", () => {
    const stream = "0196a1c0-0000-7013-8047-9e3779b19e37";
    const again = { ...claim(1), stream, seq: 7 } as Entry;
    const history = [claim(1), sent(1, "s-1"), ended(1, "closed"), again, sent(2, "s-1")];
    const answer = [told("s-1", "stored", 2), ended(2)];
    assert.deepEqual(
      sinsOf(...history, ...answer, record(1, 0), record(1, 1, { stream, seq: 7 })),
      [],
    );
  });

  it("convicts a lost acked event", () => {
    assert.deepEqual(sinsOf(...honest), [["I1", "s-1"]]);
  });
  it("convicts a ghost", () => {
    const ghost = record(9, 1, { id: "ghost" });
    assert.deepEqual(sinsOf(...honest, record(1, 0), ghost), [["I2", "ghost"]]);
  });
  it("convicts an altered payload, key, topic or number", () => {
    const alterations = [{ isEqual: false }, { key: "other" }, { topic: "u" }, { seq: 2 }];
    for (const alteration of alterations) {
      assert.deepEqual(sinsOf(...honest, record(1, 0, alteration)), [["I2", "s-1"]]);
    }
  });
  it("convicts a record of an event that does not fit", () => {
    const history = [claim(1, false), sent(1, "s-1"), told("s-1", "rejected"), ended(1)];
    assert.deepEqual(sinsOf(...history, record(1, 0)), [["I2", "s-1"]]);
  });
  it("convicts an unflagged double, one that nobody sent again, and one in another partition", () => {
    const again = [claim(1), sent(1, "s-1"), ended(1, "closed"), sent(2, "s-1")];
    const answer = [told("s-1", "stored", 2), ended(2)];
    const second = (other: Partial<StoredRecord>) =>
      record(1, 1, { isFlagged: true, verdict: "duplicate", ...other });
    const found = (other: Partial<StoredRecord>) =>
      sinsOf(...again, ...answer, record(1, 0), second(other));
    assert.deepEqual(found({ isFlagged: false }), [["I3", "s-1"]]);
    assert.deepEqual(found({ partition: 1 }), [["I3", "s-1"]]);
    assert.deepEqual(found({ verdict: "first" }), [["I3", "s-1"]]);
    assert.deepEqual(sinsOf(...honest, record(1, 0), second({})), [["I3", "s-1"]]);
  });
  it("convicts a break of order", () => {
    const history = [claim(1), claim(2), sent(1, "s-1", "s-2"), ended(1)];
    const answers = [told("s-1", "stored"), told("s-2", "stored")];
    const records = [record(2, 0), record(1, 1)];
    assert.deepEqual(sinsOf(...history, ...answers, ...records), [["I4", "s-1"]]);
    const lost = [claim(1), claim(2), sent(1, "s-1", "s-2"), ended(1, "closed")];
    const again = [sent(2, "s-1", "s-2"), ...answers, ended(2)];
    const flagged = [record(2, 0), record(1, 1, { isFlagged: true })];
    assert.deepEqual(sinsOf(...lost, ...again, ...records), [["I4", "s-1"]], "it is not flagged");
    assert.deepEqual(sinsOf(...history, ...answers, ...flagged), [["I4", "s-1"]], "sent once");
    const late = [claim(1), sent(1, "s-1"), ended(1, "closed"), claim(2), sent(3, "s-2"), ended(3)];
    assert.deepEqual(sinsOf(...late, ...again, ...flagged), [["I4", "s-1"]], "new before old");
  });
  it("acquits what was sent again behind another where a lost answer may have been retry", () => {
    const lost = [claim(1), claim(2), sent(1, "s-1", "s-2"), ended(1, "closed")];
    const answers = [told("s-1", "stored", 2), told("s-2", "stored", 2)];
    const again = [sent(2, "s-1", "s-2"), ...answers, ended(2)];
    const flagged = record(1, 1, { isFlagged: true });
    assert.deepEqual(sinsOf(...lost, ...again, record(2, 0), flagged), []);
    const welcome = [told("s-2", "stored", null), told("s-1", "retry", null)];
    const rest = [sent(2, "s-1"), told("s-1", "stored", 2), ended(2)];
    assert.deepEqual(sinsOf(...lost, ...welcome, ...rest, record(2, 0), record(1, 1)), []);
  });
  it("acquits plain events out of order only of a request that had no answer", () => {
    const http = { stream: null, seq: null };
    const records = [record(2, 0, { ...http, id: "h-2" }), record(1, 1, { ...http, id: "h-1" })];
    const answer = [told("h-1", "stored", 2), told("h-2", "stored", 2), ended(2)];
    const found = (how: "answered" | "closed") =>
      sinsOf(
        ...[plain(1), plain(2), sent(1, "h-1", "h-2"), ended(1, how), sent(2, "h-1", "h-2")],
        ...[...answer, ...records],
      );
    assert.deepEqual(found("closed"), []);
    assert.deepEqual(found("answered"), [["I4", "h-1"]]);
  });
  it("convicts two answers", () => {
    const twice = [...honest, told("s-1", "rejected"), record(1, 0)];
    assert.deepEqual(sinsOf(...twice), [
      ["I9", "s-1"],
      ["I9", "s-1"],
    ]);
    const later = [...honest, told("s-1", "retry", null), record(1, 0)];
    assert.deepEqual(sinsOf(...later), [["I9", "s-1"]]);
    assert.deepEqual(sinsOf(...honest, ended(1), record(1, 0)), [["I9", undefined]]);
  });
  it("convicts no answer: to an event, to a batch", () => {
    const open = [claim(1), sent(1, "s-1"), told("s-1", "retry"), ended(1)];
    assert.deepEqual(sinsOf(...open), [["I9", "s-1"]]);
    const unended = honest.slice(0, -1);
    assert.deepEqual(sinsOf(...unended, record(1, 0)), [["I9", undefined]]);
    for (const how of ["silent", "miscounted"] as const) {
      assert.deepEqual(sinsOf(...unended, ended(1, how), record(1, 0)), [["I9", undefined]]);
    }
  });
  it("convicts a wrong answer: fit and rejected, unfit and stored", () => {
    const wrong = [claim(1), sent(1, "s-1"), told("s-1", "rejected"), ended(1)];
    assert.deepEqual(sinsOf(...wrong), [["I9", "s-1"]]);
    const unfit = [claim(1, false), sent(1, "s-1"), told("s-1", "stored"), ended(1)];
    const sins = sinsOf(...unfit, record(1, 0)).map(([invariant]) => invariant);
    assert.deepEqual(sins, ["I2", "I9"]);
  });
  it("convicts a ledger, memory and recovery that are not as they should be", () => {
    const ledger = { kind: "ledger", atMs: 0, process: "g2" } as const;
    const entries: readonly (readonly [Entry, Invariant])[] = [
      [{ ...ledger, isBalanced: false, inFlight: 0, isLast: false }, "I5"],
      [{ ...ledger, isBalanced: true, inFlight: 1, isLast: true }, "I5"],
      [{ kind: "memory", atMs: 0, process: "g2", bytes: 1_001 }, "I6"],
    ];
    for (const [entry, invariant] of entries) {
      assert.deepEqual(sinsOf(...honest, record(1, 0), entry), [[invariant, undefined]]);
    }
    const probes: readonly Entry[][] = [
      [],
      [{ kind: "probe", atMs: 0, latencyMs: null }],
      [{ kind: "probe", atMs: 0, latencyMs: 501 }],
    ];
    for (const probe of probes) {
      const { sins } = judge([...honest, record(1, 0), ...probe], BOUNDS);
      assert.deepEqual(
        sins.map(({ invariant }) => invariant),
        ["I8"],
      );
    }
  });
});
