import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, it } from "node:test";

import { FakeClock } from "../lib/clock.ts";
import type { LifePhase } from "../telemetry/process.ts";
import { linkToPrimary, type PrimaryMessage, type WorkerMessage } from "./worker-link.ts";
import { WorkerPool, type WorkerHandle } from "./workers.ts";

/** A worker made of events: the test plays its part. */
class FakeWorker extends EventEmitter implements WorkerHandle {
  readonly id: number;
  readonly heard: PrimaryMessage[] = [];
  readonly kills: string[] = [];
  connected = true;

  constructor(id: number) {
    super();
    this.id = id;
  }

  send(message: PrimaryMessage): void {
    this.heard.push(message);
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
  const pool = new WorkerPool({
    count,
    clock,
    randomUnit: () => 0.5,
    telemetry: { workerExited: ({ restartInMs }) => exits.push(restartInMs) },
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
  return { pool, clock, workers, worker, exits, readiness };
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

describe("WorkerPool.snapshots", () => {
  const metric = (value: number) => ({
    name: "sluice_x",
    help: "x",
    type: "gauge" as const,
    aggregator: "sum",
    values: [{ labels: {}, value }],
  });

  it("gathers every worker's answer, each once", async () => {
    const { pool, worker } = await started();
    const promise = pool.snapshots();
    assert.deepEqual(worker(1).heard, [{ sluice: "snapshot", request: 1 }]);
    worker(1).say({ sluice: "snapshot", request: 1, metrics: [metric(1)] });
    worker(1).say({ sluice: "snapshot", request: 1, metrics: [metric(1)] });
    worker(2).say({ sluice: "snapshot", request: 99, metrics: [metric(9)] });
    worker(2).say({ sluice: "snapshot", request: 1, metrics: [metric(2)] });
    assert.deepEqual(await promise, [[metric(1)], [metric(2)]]);
  });

  it("goes without a worker that dies or does not answer in time", async () => {
    const { pool, worker, clock } = await started(3);
    const promise = pool.snapshots();
    worker(1).say({ sluice: "snapshot", request: 1, metrics: [metric(1)] });
    worker(2).exit(1);
    clock.advance(2_000);
    assert.deepEqual(await promise, [[metric(1)]]);
  });
});

describe("linkToPrimary", () => {
  function link() {
    const channel = Object.assign(new EventEmitter(), {
      sent: [] as WorkerMessage[],
      send(message: WorkerMessage) {
        this.sent.push(message);
      },
    });
    const calls: string[] = [];
    let listener: (phase: LifePhase, reasons: readonly string[]) => void = () => undefined;
    linkToPrimary({
      channel,
      lifecycle: {
        drain: async (reason) => void calls.push(`drain: ${reason}`),
        leaveAtOnce: (reason) => calls.push(`leave: ${reason}`),
        onPhase: (given) => {
          listener = given;
        },
      },
      snapshot: async () => [],
      unexpected: (where) => calls.push(where),
    });
    return { channel, calls, enter: (phase: LifePhase) => listener(phase, ["why"]) };
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

  it("drains at the primary's word, leaves at its second, drains when it is gone", () => {
    const { channel, calls } = link();
    channel.emit("message", { cmd: "NODE_SOMETHING" });
    channel.emit("message", { sluice: "drain", reason: "a" });
    channel.emit("message", { sluice: "drain", reason: "b" });
    channel.emit("disconnect");
    assert.deepEqual(calls, ["drain: a", "leave: b", "drain: the primary is gone"]);
  });
});
