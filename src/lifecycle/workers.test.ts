import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, it } from "node:test";

import { FakeClock } from "../lib/clock.ts";
import { MetricRegistry, mergedText } from "../telemetry/metric-registry.ts";
import type { LifePhase } from "../telemetry/process.ts";
import type { DrainAction, DrainStep } from "./lifecycle.ts";
import { linkToPrimary, type PrimaryMessage, type WorkerMessage } from "./worker-link.ts";
import type { WorkerHandle } from "./pooled-worker.ts";
import { WorkerPool } from "./workers.ts";

/** A worker made of events: the test plays its part. */
class FakeWorker extends EventEmitter implements WorkerHandle {
  readonly id: number;
  readonly pid: number;
  readonly heard: PrimaryMessage[] = [];
  readonly kills: string[] = [];
  connected = true;
  /** How often it was told that it is on duty. */
  duties = 0;

  constructor(id: number) {
    super();
    this.id = id;
    this.pid = 1_000 + id;
  }

  send(message: PrimaryMessage): void {
    if (message.sluice === "duty") this.duties += 1;
    else this.heard.push(message);
  }

  kill(signal: string): void {
    this.kills.push(signal);
    this.exit(null, signal);
  }

  isConnected(): boolean {
    return this.connected;
  }

  say(message: WorkerMessage): void {
    this.emit("message", message);
  }

  enter(phase: LifePhase, ...reasons: string[]): void {
    this.say({ sluice: "phase", phase, reasons });
  }

  exit(code: number | null, signal: string | null = null): void {
    this.connected = false;
    this.emit("exit", code, signal);
  }
}

function setUp(count = 2) {
  const clock = new FakeClock();
  const workers: FakeWorker[] = [];
  const exits: (number | undefined)[] = [];
  const readiness: string[] = [];
  const told: string[] = [];
  const pool = new WorkerPool({
    count,
    clock,
    randomUnit: () => 0.5,
    telemetry: {
      exited: ({ restartInMs }) => exits.push(restartInMs),
      diedWithEvents: () => {},
      renewed: ({ id, by }) => told.push(`${id} renewed by ${by}`),
      rebalanced: ({ id, connections }) => told.push(`${id} sends ${connections} away`),
    },
    fork: () => {
      const worker = new FakeWorker(workers.length + 1);
      workers.push(worker);
      return worker;
    },
    onReadiness: (ready, reasons) => readiness.push([ready, ...reasons].join(" ")),
  });
  const worker = (id: number): FakeWorker => {
    const found = workers[id - 1];
    assert.ok(found !== undefined, `worker ${id} was forked`);
    return found;
  };
  return { pool, clock, workers, worker, exits, readiness, told };
}

async function started(count = 2) {
  const given = setUp(count);
  const promise = given.pool.start();
  for (const each of [...given.workers]) {
    each.enter("ready");
  }
  await promise;
  return given;
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("WorkerPool.start", () => {
  it("resolves when all workers are ready", async () => {
    const { pool, worker, workers, readiness } = setUp(2);
    let isStarted = false;
    const promise = pool.start().then(() => (isStarted = true));
    assert.equal(workers.length, 2);
    worker(1).enter("ready");
    worker(2).enter("not-ready", "Kafka is not connected yet");
    worker(2).emit("message", "somebody else's message");
    await settle();
    assert.equal(isStarted, false);
    assert.equal(readiness.at(-1), "1 worker 2: Kafka is not connected yet");
    worker(2).enter("ready");
    await promise;
    assert.equal(readiness.at(-1), "2");
  });

  it("rejects when a worker leaves before that: a restart would mend nothing", async () => {
    const { pool, worker, workers } = setUp(2);
    const promise = pool.start();
    worker(1).enter("ready");
    worker(2).exit(1);
    await assert.rejects(promise, /worker 2 left before all workers were ready/);
    assert.equal(workers.length, 2);
  });
});

describe("WorkerPool, a worker dies", () => {
  it("is replaced after a growing wait, which is forgiven after a healthy minute", async () => {
    const { worker, workers, clock, exits, readiness } = await started();
    worker(1).exit(null, "SIGSEGV");
    assert.equal(readiness.at(-1), "1");
    assert.deepEqual(exits, [100]);
    clock.advance(99);
    assert.equal(workers.length, 2);
    clock.advance(1);
    assert.equal(workers.length, 3);
    worker(3).exit(1);
    clock.advance(200);
    worker(4).exit(1);
    clock.advance(400);
    assert.deepEqual(exits, [100, 200, 400]);
    worker(5).enter("ready");
    clock.advance(60_000);
    worker(5).exit(1);
    assert.equal(exits.at(-1), 100);
  });

  it("the wait has a ceiling", async () => {
    const { worker, workers, clock, exits } = await started(1);
    for (let death = 0; death < 30; death += 1) {
      worker(workers.length).exit(1);
      clock.advance(30_000);
    }
    assert.equal(Math.max(...exits.map(Number)), 15_000);
  });
});

describe("WorkerPool.drain", () => {
  it("tells a worker again that could not hear while it started, and no other", async () => {
    const { pool, worker } = setUp(2);
    void pool.start();
    worker(2).enter("not-ready", "Kafka is not connected yet");
    const drained = pool.drain("SIGTERM", 10_000);
    const drain = { sluice: "drain", reason: "SIGTERM" };
    worker(1).enter("not-ready");
    worker(1).enter("ready");
    worker(2).enter("draining");
    assert.deepEqual(worker(1).heard, [drain, drain]);
    assert.deepEqual(worker(2).heard, [drain]);
    worker(1).exit(0);
    worker(2).exit(0);
    await drained;
  });

  it("tells every worker once and resolves when all have left", async () => {
    const { pool, worker, clock } = await started();
    let isDrained = false;
    const promise = pool.drain("SIGTERM", 10_000).then(() => (isDrained = true));
    assert.deepEqual(worker(1).heard, [{ sluice: "drain", reason: "SIGTERM" }]);
    worker(1).exit(0);
    await settle();
    assert.equal(isDrained, false);
    worker(2).exit(0);
    await promise;
    assert.equal(clock.pendingCount, 0);
  });

  it("rejects when a worker left with something undone", async () => {
    const { pool, worker } = await started();
    const promise = pool.drain("SIGTERM", 10_000);
    worker(1).exit(0);
    worker(2).exit(1);
    await assert.rejects(promise, /1 workers left with something undone/);
  });

  it("kills what is still there at the deadline", async () => {
    const { pool, worker, clock } = await started();
    const promise = pool.drain("SIGTERM", 10_000);
    worker(1).exit(0);
    clock.advance(10_000);
    await assert.rejects(promise);
    assert.deepEqual([worker(1).kills, worker(2).kills], [[], ["SIGKILL"]]);
  });

  it("nobody is replaced any more, and a restart that was due is called off", async () => {
    const { pool, worker, workers, clock } = await started();
    worker(1).exit(1);
    const promise = pool.drain("SIGTERM", 10_000);
    worker(2).exit(0);
    await promise;
    clock.advance(60_000);
    assert.equal(workers.length, 2);
  });

  it("during the start it is no failed start", async () => {
    const { pool, worker } = setUp();
    void pool.start().catch(() => assert.fail("the start did not fail"));
    const promise = pool.drain("SIGTERM", 10_000);
    worker(1).exit(0);
    worker(2).exit(0);
    await promise;
    await settle();
  });
});

/** What a worker says of itself: events it received, WebSockets that are open. */
async function snapshotOf(received: number, connections = 0) {
  const registry = new MetricRegistry({ nodeMetrics: false });
  registry.cells.eventsReceived.add(received, "native", "http");
  registry.cells.wsConnections.readFrom(() => connections);
  return await registry.snapshot();
}

async function receivedBy(pool: WorkerPool): Promise<number> {
  const text = await mergedText(await pool.snapshots());
  return Number(
    /^sluice_events_received_total\{[^}]*"http"\} (\d+)$/m.exec(text)?.[1] ?? Number.NaN,
  );
}

describe("WorkerPool.snapshots", () => {
  it("asks every worker, once each, and adds up what they say", async () => {
    const { pool, worker } = await started();
    const promise = receivedBy(pool);
    assert.deepEqual(worker(1).heard, [{ sluice: "snapshot", request: 1 }]);
    worker(1).say({ sluice: "snapshot", request: 1, metrics: await snapshotOf(1) });
    worker(2).say({ sluice: "snapshot", request: 1, metrics: await snapshotOf(2) });
    assert.equal(await promise, 3);
  });

  it("no count goes back when a worker dies, leaves, or is too busy to answer", async () => {
    const { pool, worker, clock, workers } = await started(3);
    const first = receivedBy(pool);
    worker(1).say({ sluice: "snapshot", request: 1, metrics: await snapshotOf(1) });
    worker(2).say({ sluice: "snapshot", request: 1, metrics: await snapshotOf(20) });
    worker(3).say({ sluice: "snapshot", request: 1, metrics: await snapshotOf(300) });
    assert.equal(await first, 321);
    worker(1).exit(null, "SIGKILL");
    worker(2).say({ sluice: "farewell", metrics: await snapshotOf(25) });
    worker(2).exit(0);
    const second = receivedBy(pool);
    clock.advance(2_000);
    assert.equal(await second, 326);
    assert.equal(workers.length, 5);
    worker(4).say({ sluice: "snapshot", request: 2, metrics: await snapshotOf(1_000) });
    const third = receivedBy(pool);
    clock.advance(2_000);
    assert.equal(await third, 1_326);
  });
});

describe("WorkerPool.renew", () => {
  const within = { readyMs: 60_000, drainMs: 30_000 };
  const drain = { sluice: "drain", reason: "another worker takes its place" };

  it("one after the other: the new one is ready before the old one is told to go", async () => {
    const { pool, worker, workers, told, exits } = await started();
    const renewal = pool.renew(within);
    assert.equal(workers.length, 3);
    worker(3).enter("not-ready", "Kafka has not been reached yet");
    await settle();
    assert.deepEqual(worker(1).heard, []);
    worker(3).enter("ready");
    await settle();
    assert.deepEqual(worker(1).heard, [drain]);
    assert.equal(workers.length, 3, "the next one waits until this one has left");
    worker(1).exit(0);
    await settle();
    worker(4).enter("ready");
    await settle();
    worker(2).exit(0);
    assert.deepEqual(await renewal, { kind: "done" });
    assert.deepEqual(told, ["1 renewed by 3", "2 renewed by 4"]);
    assert.deepEqual(exits, [undefined, undefined], "nobody was restarted");
    assert.equal(pool.ready, 2);
  });

  it("is given up if a new one leaves or does not become ready; the old ones stay", async () => {
    const { pool, worker, workers, clock, exits } = await started();
    const left = pool.renew(within);
    worker(3).exit(2);
    const reason = "worker 3 left before it was ready";
    assert.deepEqual(await left, { kind: "failed", reason });
    const late = pool.renew(within);
    worker(4).enter("not-ready", "Kafka has not been reached yet");
    clock.advance(60_000);
    const why = "worker 4 did not become ready in time; Kafka has not been reached yet";
    assert.deepEqual(await late, { kind: "failed", reason: why });
    assert.deepEqual(worker(4).kills, ["SIGKILL"]);
    clock.advance(60_000);
    assert.equal(workers.length, 4);
    assert.deepEqual(exits, [undefined, undefined]);
    assert.deepEqual([worker(1).heard, worker(2).heard], [[], []]);
  });

  it("an old one that does not leave in time is killed; one that dies is not made twice", async () => {
    const { pool, worker, workers, clock } = await started();
    const renewal = pool.renew(within);
    worker(2).exit(null, "SIGSEGV");
    worker(3).enter("ready");
    await settle();
    clock.advance(30_000);
    await settle();
    assert.deepEqual(worker(1).kills, ["SIGKILL"]);
    worker(4).enter("ready");
    assert.deepEqual(await renewal, { kind: "done" });
    clock.advance(60_000);
    assert.equal(workers.length, 4, "3 for the first, 4 for the one that died");
  });

  it("a drain interrupts it, and tells nobody twice", async () => {
    const { pool, worker } = await started();
    const renewal = pool.renew(within);
    worker(3).enter("ready");
    await settle();
    const drained = pool.drain("SIGTERM", 10_000);
    assert.deepEqual(worker(1).heard, [drain]);
    assert.deepEqual(worker(2).heard, [{ sluice: "drain", reason: "SIGTERM" }]);
    for (const id of [1, 2, 3]) worker(id).exit(0);
    await drained;
    assert.deepEqual(await renewal, { kind: "interrupted" });
  });
});

describe("WorkerPool, what is done once", () => {
  const duties = (workers: readonly FakeWorker[]) => workers.map((worker) => worker.duties);

  it("is done by one that is ready, until it dies; then by another one", async () => {
    const { pool, worker, workers } = setUp(3);
    const start = pool.start();
    worker(1).enter("not-ready", "Kafka has not been reached yet");
    worker(2).enter("ready");
    worker(1).enter("ready");
    worker(3).enter("ready");
    await start;
    worker(2).enter("not-ready", "Kafka is away");
    assert.deepEqual(duties(workers), [0, 1, 0]);
    worker(2).exit(null, "SIGKILL");
    assert.deepEqual(duties(workers), [1, 1, 0]);
  });

  it("passes on when its worker is told to go, and to nobody in a drain", async () => {
    const { pool, worker, workers } = await started();
    const renewal = pool.renew({ readyMs: 60_000, drainMs: 30_000 });
    worker(3).enter("ready");
    assert.deepEqual(duties(workers), [1, 0, 0]);
    await settle();
    assert.deepEqual(duties(workers), [1, 1, 0]);
    const drained = pool.drain("SIGTERM", 10_000);
    for (const id of [2, 1, 3]) worker(id).exit(0);
    await Promise.all([renewal, drained]);
    assert.deepEqual(duties(workers), [1, 1, 0]);
  });
});

describe("WorkerPool.balance", () => {
  async function look(
    { pool, worker }: Awaited<ReturnType<typeof started>>,
    request: number,
    connections: readonly number[],
  ) {
    const snapshots = pool.snapshots();
    for (const [at, count] of connections.entries()) {
      worker(at + 1).say({ sluice: "snapshot", request, metrics: await snapshotOf(0, count) });
    }
    await snapshots;
    pool.balance();
  }

  it("asks the worker with many more to send its surplus away, then waits a while", async () => {
    const given = await started();
    const { worker, clock, told } = given;
    await look(given, 1, [300, 0]);
    assert.deepEqual(worker(1).heard.at(-1), { sluice: "rebalance", connections: 150 });
    assert.deepEqual(told, ["1 sends 150 away"]);
    await look(given, 2, [300, 0]);
    assert.equal(told.length, 1, "they are on their way");
    clock.advance(15_000);
    await look(given, 3, [226, 74]);
    assert.deepEqual(told.slice(1), ["1 sends 76 away"]);
    assert.deepEqual(
      worker(2).heard.filter(({ sluice }) => sluice === "rebalance"),
      [],
    );
  });

  it("nobody while one is missing or about to be replaced", async () => {
    const given = await started();
    given.worker(2).enter("not-ready", "Kafka cannot be reached");
    await look(given, 1, [300, 0]);
    given.worker(2).enter("ready");
    void given.pool.renew({ readyMs: 60_000, drainMs: 30_000 });
    await look(given, 2, [300, 0, 0]);
    assert.deepEqual(given.told, []);
    void given.pool.drain("SIGTERM", 10_000);
    for (const worker of given.workers) worker.exit(0);
    await settle();
  });
});

describe("linkToPrimary", () => {
  function link() {
    const channel = Object.assign(new EventEmitter(), {
      sent: [] as WorkerMessage[],
      async send(message: WorkerMessage) {
        this.sent.push(message);
      },
    });
    const calls: string[] = [];
    const drainActions: [DrainStep, DrainAction][] = [];
    let listener: (phase: LifePhase, reasons: readonly string[]) => void = () => undefined;
    linkToPrimary({
      channel,
      lifecycle: {
        drain: async (reason) => void calls.push(`drain: ${reason}`),
        onPhase: (given) => {
          listener = given;
        },
        onDrain: (step, action) => drainActions.push([step, action]),
      },
      sendAway: (connections) => calls.push(`send away ${connections}`),
      snapshot: async () => [],
      onDuty: () => calls.push("on duty"),
      unexpected: (where) => calls.push(where),
    });
    return { channel, calls, drainActions, enter: (phase: LifePhase) => listener(phase, ["why"]) };
  }

  it("reports phases and answers for metrics", async () => {
    const { channel, enter } = link();
    enter("not-ready");
    channel.emit("message", { sluice: "snapshot", request: 7 } satisfies PrimaryMessage);
    await settle();
    assert.deepEqual(channel.sent, [
      { sluice: "phase", phase: "not-ready", reasons: ["why"] },
      { sluice: "snapshot", request: 7, metrics: [] },
    ]);
  });

  it("hears that it is on duty", () => {
    const { channel, calls } = link();
    channel.emit("message", { sluice: "duty" } satisfies PrimaryMessage);
    assert.deepEqual(calls, ["on duty"]);
  });

  it("says farewell with its last counts, and sends connections away when asked", async () => {
    const { channel, calls, drainActions } = link();
    channel.emit("message", { sluice: "rebalance", connections: 5 } satisfies PrimaryMessage);
    assert.deepEqual(calls, ["send away 5"]);
    assert.deepEqual(
      drainActions.map(([step]) => step),
      ["admin"],
    );
    await drainActions[0]?.[1](1_000);
    assert.deepEqual(channel.sent, [{ sluice: "farewell", metrics: [] }]);
  });

  it("drains at the primary's word, however often it comes, and when the primary is gone", () => {
    const { channel, calls } = link();
    channel.emit("message", { cmd: "NODE_SOMETHING" });
    channel.emit("message", { sluice: "drain", reason: "a" });
    channel.emit("message", { sluice: "drain", reason: "b" });
    channel.emit("disconnect");
    assert.deepEqual(calls, ["drain: a", "drain: b", "drain: the primary is gone"]);
  });
});
