import assert from "node:assert/strict";
import { describe, test } from "node:test";

import fc from "fast-check";

import { STREAM_EXCEPTIONS_MAX, STREAM_SACK_RANGES_MAX } from "../limits/streams.ts";
import type { StreamRecord } from "./store.ts";
import { EMPTY_RECORD, boundedRecord, hasDoubt, mergedRecord, withDoubt } from "./stream-record.ts";

const HIGHEST = 400;

/** Any set of final numbers, as a record. */
const anyRecord: fc.Arbitrary<StreamRecord> = fc
  .uniqueArray(fc.integer({ min: 1, max: HIGHEST }), { maxLength: 120 })
  .map((numbers) => recordOf(new Set(numbers)));

function recordOf(finals: ReadonlySet<number>): StreamRecord {
  let done = 0;
  while (finals.has(done + 1)) done += 1;
  const sack: [number, number][] = [];
  for (const seq of [...finals].filter((one) => one > done).sort((a, b) => a - b)) {
    const last = sack.at(-1);
    if (last !== undefined && last[1] + 1 === seq) last[1] = seq;
    else sack.push([seq, seq]);
  }
  return { done, sack, exc: [] };
}

function finalsOf({ done, sack }: StreamRecord): Set<number> {
  const finals = new Set(Array.from({ length: done }, (_, index) => index + 1));
  for (const [from, to] of sack) for (let seq = from; seq <= to; seq += 1) finals.add(seq);
  return finals;
}

describe("stream records", () => {
  test("merged: exactly what is final in either, in any order", () => {
    fc.assert(
      fc.property(anyRecord, anyRecord, (left, right) => {
        const both = mergedRecord(left, right);
        const wanted = recordOf(new Set([...finalsOf(left), ...finalsOf(right)]));
        if (wanted.sack.length <= STREAM_SACK_RANGES_MAX) assert.deepEqual(both, wanted);
        assert.deepEqual(both, mergedRecord(right, left));
        assert.deepEqual(mergedRecord(both, left), both);
      }),
      { numRuns: 500 },
    );
  });

  test("bounded: what is cut off is in doubt, what stays is unchanged", () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        const bounded = boundedRecord(record);
        assert.ok(bounded.sack.length <= STREAM_SACK_RANGES_MAX);
        const kept = finalsOf(bounded);
        for (const seq of finalsOf(record)) {
          assert.ok(kept.has(seq) || seq < (bounded.doubtBelow ?? 0), `${seq}`);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("bounded: the newest exceptions stay, with texts of bounded length", () => {
    const exc = Array.from({ length: 100 }, (_, index) => {
      return { seq: index + 1, code: "bad_id" as const, detail: "x".repeat(10_000) };
    });
    const bounded = boundedRecord({ done: 100, sack: [], exc });
    assert.equal(bounded.exc.length, STREAM_EXCEPTIONS_MAX);
    assert.equal(bounded.exc.at(-1)?.seq, 100);
    assert.ok(JSON.stringify(bounded).length < 20_000);
  });

  test("doubt ends when everything below it is final", () => {
    const doubtful = withDoubt(EMPTY_RECORD, 5);
    assert.equal(hasDoubt(doubtful), true);
    assert.equal(hasDoubt(withDoubt({ ...doubtful, done: 3 }, 0)), true);
    assert.deepEqual(withDoubt({ ...doubtful, done: 4 }, 0), { done: 4, sack: [], exc: [] });
  });
});
