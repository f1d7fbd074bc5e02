import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { FakeClock } from "../lib/clock.ts";
import { HAND_OVER_WAIT_MS, STREAM_SAVE_MS } from "../limits/streams.ts";
import { createStreamStore } from "./create-store.ts";
import type { Claim, StreamKey, StreamRecord, StreamStore, StreamStoreEvent } from "./store.ts";
import { FakeHolder, claimed, leaseOf, streamKey } from "./testing/holders.ts";

const RECORD: StreamRecord = {
  done: 55,
  sack: [[57, 58]],
  exc: [{ seq: 57, code: "schema_invalid", kind: "type", path: "/a", detail: "not a string" }],
};

class World {
  readonly clock = new FakeClock();
  readonly events: StreamStoreEvent[] = [];
  readonly store: StreamStore;
  readonly key: StreamKey = streamKey();

  constructor(ttlSeconds = 60) {
    const { clock } = this;
    const onEvent = (event: StreamStoreEvent) => void this.events.push(event);
    this.store = createStreamStore({ memory: { kind: "memory" }, clock, ttlSeconds, onEvent });
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      await settle();
      this.clock.advance(Math.min(100, ms - passed));
    }
    await settle();
  }

  /** Timers of no delay fire. */
  async done<T>(promise: Promise<T>): Promise<T> {
    await this.pass(1);
    return promise;
  }

  claim(holder = new FakeHolder(), change: Partial<Parameters<StreamStore["claim"]>[0]> = {}) {
    return this.store.claim({ key: this.key, hasProof: true, holder, ...change });
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function open(ttlSeconds?: number): Promise<World> {
  const world = new World(ttlSeconds);
  await world.store.start();
  return world;
}

describe("StreamKeeper with the memory of its process", () => {
  test("an unknown stream is claimed without proof, clean", async () => {
    const world = await open();
    const claim = claimed(await world.claim(new FakeHolder(), { hasProof: false }));
    assert.equal(claim.record, null);
    assert.equal(claim.isClean, true);
    assert.equal(claim.lease.isSuperseded, false);
    assert.equal(world.store.stats().held, 1);
  });

  test("of a stream that was used and is not remembered, what comes next may be stored", async () => {
    const world = await open();
    // An older hello that was overtaken by one whose events are stored, and forgotten since.
    const stale = claimed(await world.claim(new FakeHolder(), { next: 1_011, hasPast: true }));
    assert.equal(stale.record, null);
    await world.done(stale.lease.release({ done: 10, sack: [], exc: [] }));
    const next = claimed(await world.claim());
    assert.equal(next.isClean, false);
    assert.deepEqual(next.record, { done: 10, sack: [], exc: [], doubtBelow: 1_011 });
    await world.done(next.lease.release({ done: 1_010, sack: [], exc: [] }));
    assert.equal(claimed(await world.claim()).isClean, true, "until all of that is final");
  });

  test("a known stream without proof is denied, held or released, and stays as it was", async () => {
    const world = await open();
    const lease = leaseOf(await world.claim());
    assert.equal((await world.claim(new FakeHolder(), { hasProof: false })).kind, "denied");
    assert.equal(lease.isSuperseded, false);
    await world.done(lease.release(RECORD));
    assert.equal((await world.claim(new FakeHolder(), { hasProof: false })).kind, "denied");
    assert.deepEqual(claimed(await world.claim()).record, RECORD);
  });

  test("a released stream is remembered, and its epoch grows", async () => {
    const world = await open();
    const first = leaseOf(await world.claim());
    await world.done(first.release(RECORD));
    const second = claimed(await world.claim());
    assert.deepEqual(second.record, RECORD);
    assert.equal(second.isClean, true);
    assert.ok(second.lease.epoch > first.epoch);
    assert.equal(world.store.stats().held, 1);
  });

  test("epochs are the time in seconds at least, so that they outgrow lost memories", async () => {
    const world = await open();
    const { epoch } = leaseOf(await world.claim());
    assert.equal(epoch, Math.floor(world.clock.nowMs() / 1_000));
    assert.ok(epoch < 2 ** 32);
  });

  test("a second holder takes the stream from the first, which is told at once", async () => {
    const world = await open();
    const holder = new FakeHolder(RECORD);
    holder.isSlow = true;
    const first = leaseOf(await world.claim(holder));
    const second = world.claim();
    await world.pass(500);
    assert.equal(first.isSuperseded, true);
    assert.equal(holder.asked, 1);
    holder.letGo();
    const claim = claimed(await world.done(second));
    assert.deepEqual(claim.record, RECORD);
    assert.equal(claim.isClean, true);
    assert.ok(claim.lease.epoch > first.epoch);
  });

  test("a holder that is late leaves doubt, until everything of then is final", async () => {
    const world = await open();
    const late = new FakeHolder(RECORD);
    late.isSlow = true;
    const lease = leaseOf(await world.claim(late));
    lease.changed(() => ({ done: 50, sack: [], exc: [] }));
    const pending = world.claim(new FakeHolder(), { next: 61 });
    await world.pass(HAND_OVER_WAIT_MS + 10);
    const second = claimed(await pending);
    assert.equal(second.isClean, false);
    assert.deepEqual(second.record, { done: 50, sack: [], exc: [], doubtBelow: 61 });
    late.letGo();
    await world.done(second.lease.release({ done: 59, sack: [], exc: [] }));
    const third = claimed(await world.claim());
    assert.equal(third.isClean, false);
    await world.done(third.lease.release({ done: 60, sack: [], exc: [] }));
    const fourth = claimed(await world.claim());
    assert.equal(fourth.isClean, true);
    assert.deepEqual(fourth.record, { done: 60, sack: [], exc: [] });
  });

  test("a holder that fails counts as late", async () => {
    const world = await open();
    const release = () => Promise.reject(new Error("of the test"));
    await world.store.claim({ key: world.key, hasProof: true, holder: { release } });
    const pending = world.claim();
    await world.pass(HAND_OVER_WAIT_MS + 10);
    assert.equal(claimed(await pending).isClean, false);
  });

  test("of claims that wait only the newest is heard", async () => {
    const world = await open();
    const holder = new FakeHolder();
    holder.isSlow = true;
    await world.claim(holder);
    const claims: Promise<Claim>[] = [world.claim(), world.claim(), world.claim(), world.claim()];
    await world.pass(100);
    holder.letGo();
    await world.pass(1_000);
    const superseded = (await Promise.all(claims)).map((claim) => leaseOf(claim).isSuperseded);
    assert.deepEqual(superseded, [true, true, true, false]);
    assert.equal(world.store.stats().held, 1);
  });

  test("changes are written every second, asked for then", async () => {
    const world = await open();
    const lease = leaseOf(await world.claim());
    let asked = 0;
    const record = (): StreamRecord => {
      asked += 1;
      return RECORD;
    };
    for (let turn = 0; turn < 100; turn += 1) lease.changed(record);
    assert.equal(asked, 0);
    assert.equal(world.store.stats().pendingSaves, 1);
    await world.pass(STREAM_SAVE_MS + 1);
    assert.equal(asked, 1);
    assert.equal(world.store.stats().pendingSaves, 0);
  });

  test("release is idempotent, and nothing is written after it", async () => {
    const world = await open();
    const lease = leaseOf(await world.claim());
    await world.done(lease.release(RECORD));
    await lease.release({ done: 1, sack: [], exc: [] });
    lease.changed(() => ({ done: 2, sack: [], exc: [] }));
    assert.deepEqual(world.store.stats(), { held: 0, pendingSaves: 0 });
    assert.deepEqual(claimed(await world.claim()).record, RECORD);
  });

  test("a stream is forgotten its time after the last change", async () => {
    const world = await open(10);
    await world.done(leaseOf(await world.claim()).release(RECORD));
    await world.pass(9_000);
    const lease = leaseOf(await world.claim());
    lease.changed(() => RECORD);
    await world.pass(9_500);
    await world.done(lease.release(RECORD));
    await world.pass(9_900);
    await world.done(leaseOf(await world.claim()).release(RECORD));
    await world.pass(10_100);
    const claim = claimed(await world.claim(new FakeHolder(), { hasProof: false }));
    assert.equal(claim.record, null);
  });

  test("who was served in a memory that was lost since is in doubt, whoever began the new one", async () => {
    const world = await open(10);
    const first = leaseOf(await world.claim(new FakeHolder(), { hasProof: false }));
    await world.done(first.release(RECORD));
    const again = claimed(await world.claim(new FakeHolder(), { birth: first.birth, next: 60 }));
    assert.equal(again.isClean, true, "the same memory");
    assert.equal(again.lease.birth, first.birth);
    await world.done(again.lease.release(RECORD));
    await world.pass(10_100);
    // A hello that is late: it says the numbers of long ago, and begins a memory.
    const late = leaseOf(await world.claim(new FakeHolder(), { hasProof: false, next: 1 }));
    assert.notEqual(late.birth, first.birth);
    await world.done(late.release({ done: 0, sack: [], exc: [] }));
    const claim = claimed(await world.claim(new FakeHolder(), { birth: first.birth, next: 5_000 }));
    assert.equal(claim.isClean, false);
    assert.equal(claim.record?.doubtBelow, 5_000);
    await world.done(claim.lease.release(claim.record ?? RECORD));
    const next = claimed(await world.claim(new FakeHolder(), { birth: late.birth, next: 5_001 }));
    assert.equal(next.isClean, false, "doubt stays with the stream");
    assert.equal(next.record?.doubtBelow, 5_000);
  });

  test("streams of the same id stay apart by tenant and source", async () => {
    const world = await open();
    await world.done(leaseOf(await world.claim()).release(RECORD));
    for (const change of [{ tenant: "other" }, { source: "other" }]) {
      const key = { ...world.key, ...change };
      const holder = new FakeHolder();
      const claim = claimed(await world.store.claim({ key, hasProof: false, holder }));
      assert.equal(claim.record, null);
    }
  });
});
