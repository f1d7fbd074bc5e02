import assert from "node:assert/strict";
import test from "node:test";

import { FlightCache } from "./flight-cache.ts";
import { FakeClock } from "./testing/fake-clock.ts";

const FOREVER = Number.POSITIVE_INFINITY;

test("FlightCache loads a key once at a time and keeps what lasts", async () => {
  const cache = new FlightCache<number>({ lastingMax: 2, passingMax: 2, clock: new FakeClock() });
  let loads = 0;
  const load = async (): Promise<{ value: number; keepMs: number }> => {
    await Promise.resolve();
    return { value: ++loads, keepMs: FOREVER };
  };
  assert.deepEqual(await Promise.all([cache.get("a", load), cache.get("a", load)]), [1, 1]);
  assert.equal(await cache.get("a", load), 1);
  assert.equal(cache.peek("a"), 1);
  assert.equal(cache.flights, 0);
});

test("FlightCache gives up the entry not used for longest", async () => {
  const cache = new FlightCache<string>({ lastingMax: 2, passingMax: 2, clock: new FakeClock() });
  const put = (key: string): Promise<string> =>
    cache.get(key, async () => ({ value: key, keepMs: FOREVER }));
  await put("a");
  await put("b");
  cache.peek("a");
  await put("c");
  assert.deepEqual(
    ["a", "b", "c"].map((key) => cache.peek(key)),
    ["a", undefined, "c"],
  );
});

test("FlightCache forgets what passes; a flood of it hurts nothing that lasts", async () => {
  const clock = new FakeClock();
  const cache = new FlightCache<string>({ lastingMax: 2, passingMax: 3, clock });
  await cache.get("good", async () => ({ value: "good", keepMs: FOREVER }));
  for (let key = 0; key < 1_000; key++) {
    await cache.get(String(key), async () => ({ value: "none", keepMs: 100 }));
  }
  assert.equal(cache.peek("good"), "good");
  assert.equal(cache.peek("996"), undefined);
  assert.equal(cache.peek("997"), "none");
  clock.advance(100);
  assert.equal(cache.peek("999"), undefined);
});

test("FlightCache keeps nothing for 0 ms, nor what was loading when it was cleared", async () => {
  const cache = new FlightCache<number>({ lastingMax: 2, passingMax: 2, clock: new FakeClock() });
  await cache.get("a", async () => ({ value: 1, keepMs: 0 }));
  assert.equal(cache.peek("a"), undefined);
  const { promise, resolve } = Promise.withResolvers<{ value: number; keepMs: number }>();
  const old = cache.get("b", () => promise);
  cache.clear();
  await cache.get("b", async () => ({ value: 2, keepMs: FOREVER }));
  resolve({ value: 1, keepMs: FOREVER });
  assert.equal(await old, 1);
  assert.equal(cache.peek("b"), 2);
});

test("FlightCache does not keep a load that failed", async () => {
  const cache = new FlightCache<number>({ lastingMax: 2, passingMax: 2, clock: new FakeClock() });
  const failure = new Error("torn");
  await assert.rejects(
    cache.get("a", () => Promise.reject(failure)),
    failure,
  );
  assert.equal(cache.flights, 0);
  assert.equal(await cache.get("a", async () => ({ value: 1, keepMs: FOREVER })), 1);
});
