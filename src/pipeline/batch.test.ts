import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OUTCOME_NUMBER } from "../errors.ts";
import { VERDICT } from "../records.ts";
import { Batch } from "./batch.ts";
import type { Tally } from "./batch.ts";
import { Deadlines } from "./deadlines.ts";

function makeBatch(count: number, receivedAtMs = 0) {
  const heard = { stored: [] as number[], tallies: [] as Tally[], progressed: 0 };
  const watch = {
    rowStored: (_: Batch, row: number) => void heard.stored.push(row),
    progressed: (batch: Batch) => void heard.tallies.push(batch.takeTally()),
    retryDetail: () => "again",
  };
  const batch = new Batch(count, { seq: 1, receivedAtMs, watch });
  batch.listen({
    batchProgressed: () => {
      heard.progressed += 1;
    },
  });
  return { batch, heard };
}

test("Batch: stored, failed and dead-lettered records give their verdicts", () => {
  const { batch, heard } = makeBatch(3);
  const fault = { code: "schema_invalid", detail: "d" } as const;
  batch.rejections.set(2, { id: "x", fault, deadLettered: false });
  batch.recordStored(0);
  batch.recordFailed(1, "kafka_timeout");
  batch.recordStored(2);
  batch.commitSettled();
  assert.deepEqual([...batch.verdicts], [VERDICT.stored, VERDICT.retry, VERDICT.rejected]);
  assert.ok(batch.settled);
  assert.equal(batch.rejections.get(2)?.deadLettered, true);
  assert.deepEqual(heard.stored, [0], "a dead letter is not the event");
  assert.equal(heard.progressed, 1);
  assert.equal(heard.tallies[0]?.stored, 1);
  assert.equal(heard.tallies[0]?.retry[OUTCOME_NUMBER.kafka_timeout], 1);
  assert.equal(heard.tallies[0]?.rejected[OUTCOME_NUMBER.schema_invalid], 1);
});

test("Batch: a dead letter that cannot be stored makes its event a retry", () => {
  const { batch } = makeBatch(1);
  const fault = { code: "schema_invalid", detail: "d" } as const;
  batch.rejections.set(0, { id: "x", fault, deadLettered: false });
  batch.recordFailed(0, "destination_unavailable");
  assert.equal(batch.verdicts[0], VERDICT.retry);
});

test("Batch: what is stored after the deadline is counted, and nobody is told twice", () => {
  const { batch, heard } = makeBatch(2);
  batch.recordStored(0);
  batch.expire("kafka_timeout");
  assert.deepEqual([...batch.verdicts], [VERDICT.stored, VERDICT.retry]);
  batch.recordStored(1);
  batch.recordFailed(0, "kafka_timeout");
  batch.commitSettled();
  assert.equal(batch.verdicts[1], VERDICT.retry);
  assert.equal(heard.tallies[1]?.storedLate, 1);
});

test("Batch: every event leaves with exactly one verdict, whatever order reports come in", () => {
  const seed = Date.now() % 1_000_000;
  const report = fc.record({
    row: fc.nat(19),
    kind: fc.constantFrom("stored", "failed", "expire"),
  });
  fc.assert(
    fc.property(fc.array(report, { maxLength: 60 }), (reports) => {
      const { batch, heard } = makeBatch(20);
      for (const { row, kind } of reports) {
        const before = [...batch.verdicts];
        if (kind === "stored") batch.recordStored(row);
        else if (kind === "failed") batch.recordFailed(row, "kafka_unavailable");
        else batch.expire("kafka_timeout");
        for (const [index, verdict] of before.entries()) {
          if (verdict !== VERDICT.open) assert.equal(batch.verdicts[index], verdict);
        }
      }
      batch.expire("kafka_timeout");
      batch.commitSettled();
      assert.ok(batch.settled);
      let tallied = 0;
      for (const tally of heard.tallies) {
        tallied += tally.stored + tally.retry.reduce((sum, count) => sum + count, 0);
      }
      assert.equal(tallied, 20);
    }),
    { seed, numRuns: 300 },
  );
});

test("Deadlines: expires what is overdue, in order, and forgets what is settled", () => {
  const clock = { nowMs: 0 };
  const deadlines = new Deadlines({
    ttlMs: 100,
    code: "kafka_timeout",
    clockMs: () => clock.nowMs,
  });
  const first = makeBatch(1, 0).batch;
  const second = makeBatch(1, 50).batch;
  deadlines.add(first);
  clock.nowMs = 50;
  deadlines.add(second);
  clock.nowMs = 99;
  deadlines.sweep();
  assert.equal(first.settled, false);
  clock.nowMs = 101;
  deadlines.sweep();
  assert.ok(first.settled);
  assert.equal(second.settled, false);
  assert.equal(deadlines.length, 1);
  deadlines.stop();
});

test("Deadlines: one batch that takes long does not keep those behind it", () => {
  const deadlines = new Deadlines({ ttlMs: 1e9, code: "kafka_timeout", clockMs: () => 0 });
  deadlines.add(makeBatch(1).batch);
  for (let i = 0; i < 50_000; i += 1) {
    const { batch } = makeBatch(1);
    batch.recordStored(0);
    deadlines.add(batch);
  }
  assert.ok(deadlines.length <= 1_024, `${deadlines.length} are remembered`);
  deadlines.stop();
});

test("Batch: it grows by frames that come at once, until its first verdict", () => {
  const { batch, heard } = makeBatch(1);
  batch.topics = [7];
  batch.sessionSlots = [3];
  batch.grow([8, 9]);
  assert.deepEqual([batch.count, batch.openCount, batch.frames], [3, 3, 2]);
  assert.deepEqual(
    [batch.topics, batch.sessionSlots],
    [
      [7, 8, 9],
      [3, -1, -1],
    ],
  );
  batch.recordStored(2);
  batch.recordFailed(1, "kafka_timeout");
  batch.commitSettled();
  assert.deepEqual(batch.verdicts, [VERDICT.open, VERDICT.retry, VERDICT.stored]);
  assert.throws(() => batch.grow([7]), /before its first verdict/);
  batch.expire("kafka_timeout");
  assert.ok(batch.settled);
  assert.deepEqual(heard.stored, [2]);
});
