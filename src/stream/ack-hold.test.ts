/** When the ack of a part of a frame waits for the rest of it, and when it does not. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { STREAM_ACK_HOLD_MS, STREAM_ACK_HOLD_STALLED_MS } from "../limits/streams.ts";
import { ModelStore } from "./testing/model-store.ts";
import { AT_ONCE, DEMO, STREAM, last, setUp, settled } from "./testing/setup.ts";
import type { Setup } from "./testing/setup.ts";
import { AckHold } from "./ack-hold.ts";

const COUNT = 10;

/** A lane's commit: these rows of the batch are stored. */
function commit(setup: Setup, rows: readonly number[], index = 0): void {
  const batch = setup.pipeline.batches[index];
  for (const row of rows) batch?.recordStored(row);
  batch?.commitSettled();
}

function acks({ said }: Setup): unknown[] {
  return said.filter(({ t }) => t === "ack").map(({ upto, sack }) => [upto, sack ?? []]);
}

async function sent(count = COUNT): Promise<Setup> {
  const setup = setUp();
  await setup.hello();
  setup.pub(1, count);
  return setup;
}

test("StreamConnection: a frame whose lanes end one after the other gets one ack", async () => {
  const setup = await sent();
  commit(setup, [0, 3, 6, 9]);
  await settled();
  commit(setup, [1, 4, 7]);
  await settled();
  assert.deepEqual(acks(setup), []);
  commit(setup, [2, 5, 8]);
  await settled();
  assert.deepEqual(acks(setup), [[COUNT, []]]);
  setup.pass();
  setup.pass();
  await settled();
  assert.deepEqual(acks(setup), [[COUNT, []]], "nothing is told twice");
  assert.deepEqual(setup.later, [], "and nothing is looked at any more");
});

test("StreamConnection: what is stored of a frame is told after a while without the rest", async () => {
  const setup = await sent();
  commit(setup, [0, 1, 5]);
  setup.pass();
  await settled();
  assert.deepEqual(acks(setup), [], "half of the time has passed at least");
  setup.pass();
  await settled();
  assert.deepEqual(acks(setup), [[2, [[6, 6]]]]);
  commit(setup, [2]);
  setup.pass();
  setup.pass();
  await settled();
  assert.deepEqual(acks(setup).at(-1), [3, [[6, 6]]]);
  commit(setup, [3, 4, 6, 7, 8, 9]);
  await settled();
  assert.deepEqual(acks(setup).at(-1), [COUNT, []]);
});

test("StreamConnection: an event that comes alone is told at once", async () => {
  const setup = await sent(1);
  commit(setup, [0]);
  await settled();
  assert.deepEqual(acks(setup), [[1, []]]);
  assert.deepEqual(setup.later, []);
});

test("StreamConnection: retries and refusals wait for nothing, and take along what is there", async () => {
  const setup = await sent();
  commit(setup, [0, 1]);
  const [batch] = setup.pipeline.batches;
  batch?.recordFailed(2, "kafka_timeout");
  batch?.commitSettled();
  await settled();
  assert.deepEqual(acks(setup), [[2, []]]);
  assert.equal((last(setup, "ack")["retry"] as unknown[]).length, 1);
  commit(setup, [3, 4]);
  await settled();
  assert.equal(acks(setup).length, 1, "what follows is a part like any other");
});

test("StreamConnection: credit that is needed is not waited for", async () => {
  const setup = await sent(100);
  commit(setup, [0]);
  await settled();
  assert.equal(acks(setup).length, 1, "all of the first credit was used up");
  const { seq } = last(setup, "ack")["credit"] as { readonly seq: number };
  assert.ok(seq > 100);
  commit(setup, [1]);
  await settled();
  assert.equal(acks(setup).length, 1, "there is enough of it now");
});

test("StreamConnection: while partitions are not confirmed parts wait as well", async () => {
  const setup = await sent();
  setup.conditions.heldUp = true;
  commit(setup, [0, 1]);
  commit(setup, [4]);
  setup.pass();
  await settled();
  assert.deepEqual(acks(setup), [], "the other lanes' commits end meanwhile");
  setup.pass();
  await settled();
  assert.deepEqual(acks(setup), [[2, [[5, 5]]]]);
});

test("StreamConnection: parts that were not told are remembered when the client is gone", async () => {
  const store = new ModelStore(AT_ONCE);
  const setup = setUp({ store });
  await setup.hello();
  setup.pub(1, 4);
  commit(setup, [0, 2]);
  setup.connection.onClose();
  await settled();
  const key = { ...DEMO, stream: Buffer.from(STREAM.replaceAll("-", ""), "hex") };
  assert.deepEqual(store.recordOf(key), {
    done: 1,
    sack: [[3, 3]],
    exc: [],
  });
  commit(setup, [1]);
  await settled();
  assert.equal(store.recordOf(key)?.done, 3);
});

test("AckHold: while partitions are not confirmed what waits is told sooner", () => {
  const delaysMs: number[] = [];
  let isHeldUp = false;
  let look = () => {};
  const hold = new AckHold({
    after: (delayMs, action) => {
      delaysMs.push(delayMs);
      look = action;
    },
    isHeldUp: () => isHeldUp,
    onFailure: (error) => assert.fail(String(error)),
  });
  hold.begin({ tellHeld: (period) => period < 2 });
  isHeldUp = true;
  look();
  look();
  look();
  const usualMs = STREAM_ACK_HOLD_MS / 2;
  const shortMs = STREAM_ACK_HOLD_STALLED_MS / 2;
  assert.deepEqual(delaysMs, [usualMs, shortMs, shortMs]);
});

test("AckHold: a holder that fails keeps no other from telling", () => {
  const later: (() => void)[] = [];
  const failures: unknown[] = [];
  const hold = new AckHold({
    after: (_delayMs, action) => void later.push(action),
    isHeldUp: () => false,
    onFailure: (error) => void failures.push(error),
  });
  let told = 0;
  hold.begin({ tellHeld: () => assert.fail("broken") });
  hold.begin({ tellHeld: () => (told += 1) < 2 });
  for (let look = 0; look < 5; look += 1) for (const action of later.splice(0)) action();
  assert.equal(told, 2);
  assert.equal(failures.length, 1);
});
