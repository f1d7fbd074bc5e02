/**
 * What an event costs must not depend on how many wait. Steps are counted, not time: each step of
 * an iterator over an array, a map or a set, wherever it is taken, and what a store is asked for.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { startClient } from "./client.ts";
import { memoryStore } from "./memory-store.ts";
import { DeadSocket } from "./testing/dead-socket.ts";
import { ModelServer } from "./testing/model-server.ts";
import { NO_TROUBLE } from "./testing/trouble.ts";
import { seededRandom, settled, VirtualTime } from "./testing/virtual-time.ts";
import type { SocketConstructor, Store } from "./types.ts";

const EVENTS = 4_000;

/** For each event. */
const STEPS_MAX = 10;

interface IteratorPrototype {
  next(...values: unknown[]): unknown;
}

/** The steps that iterators take while `action` runs. */
async function countSteps(action: () => Promise<void>): Promise<number> {
  const prototypes = [[], new Map(), new Set()].map((collection: Iterable<unknown>) => {
    // All iterators of a kind share one prototype, which has the only `next`.
    return Object.getPrototypeOf(collection[Symbol.iterator]()) as IteratorPrototype;
  });
  let steps = 0;
  const undo = prototypes.map((prototype) => {
    const { next } = prototype;
    prototype.next = function counted(...values) {
      steps += 1;
      return next.apply(this, values);
    };
    return () => {
      prototype.next = next;
    };
  });
  try {
    await action();
  } finally {
    for (const restore of undo) restore();
  }
  return steps;
}

function setUp(Socket: SocketConstructor, time: VirtualTime, store: Store) {
  return startClient(
    {
      url: "http://model",
      writeKey: "good",
      WebSocket: Socket,
      clock: time,
      random: seededRandom(1),
      queueEventsMax: 10 * EVENTS,
      queueBytesMax: 100 * 1024 * 1024,
    },
    store,
  ).client;
}

/** A memory store that counts what it was asked to load. */
function countingStore() {
  const store = memoryStore();
  const counted = { loaded: 0 };
  const load: Store["load"] = async (after) => {
    const found = await store.load(after);
    counted.loaded += found.events.length;
    return found;
  };
  return { store: { ...store, load }, counted };
}

for (const [name, isAtOnce] of [
  ["at once", true],
  ["one by one", false],
] as const) {
  test(`track: costs the same whatever waits, without a server (${name})`, async () => {
    const { store, counted } = countingStore();
    const client = setUp(DeadSocket, new VirtualTime(), store);
    const track = async (count: number) => {
      for (let index = 0; index < count; index += 1) {
        client.track("a", { index });
        if (!isAtOnce) await settled();
      }
      await settled();
    };
    // The first ones may come before the queue is loaded.
    await track(1);
    counted.loaded = 0;
    const first = await countSteps(() => track(EVENTS / 4));
    await track(EVENTS);
    const last = await countSteps(() => track(EVENTS / 4));
    assert.ok(
      last <= (STEPS_MAX * EVENTS) / 4,
      `${first} steps with a short queue, ${last} with a long one`,
    );
    assert.equal(counted.loaded, 0, "what is known is not loaded again");
    assert.equal(client.queued.events, 1.5 * EVENTS + 1);
  });
}

test("a long queue is sent at a cost that does not grow with it", async () => {
  const stepsFor = async (events: number) => {
    const time = new VirtualTime();
    const random = seededRandom(5);
    const server = new ModelServer({ time, random, trouble: { ...NO_TROUBLE } });
    const client = setUp(server.socketClass(), time, memoryStore());
    const steps = await countSteps(async () => {
      for (let index = 0; index < events; index += 1) client.track("a", {});
      assert.ok(await time.run(3_600_000, () => client.queued.events === 0));
    });
    assert.equal(server.records.length, events);
    return steps / events;
  };
  const short = await stepsFor(EVENTS / 10);
  const long = await stepsFor(EVENTS);
  assert.ok(long <= 1.5 * short, `${short} steps an event of a short queue, ${long} of a long one`);
});
