import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, it } from "node:test";

import { FakeClock } from "../lib/clock.ts";
import { MetricRegistry } from "../telemetry/metric-registry.ts";
import { ProcessTelemetry } from "../telemetry/process.ts";
import { SilentLogger } from "../telemetry/silent-logger.ts";
import { DRAIN_STEPS, Lifecycle, type DrainStep } from "./lifecycle.ts";
import { handleSignals } from "./signals.ts";

const DEADLINE_MS = 10_000;

function setUp() {
  const clock = new FakeClock();
  const log = new SilentLogger();
  const { cells } = new MetricRegistry({ nodeMetrics: false });
  const exits: number[] = [];
  const lifecycle = new Lifecycle({
    clock,
    telemetry: new ProcessTelemetry({ cells, log }),
    drainDeadlineMs: DEADLINE_MS,
    exit: (code) => exits.push(code),
  });
  return { clock, log, exits, lifecycle, ready: () => cells.ready.get().values[0]?.value };
}

/** Lets every promise that is due settle. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("Lifecycle.start", () => {
  it("runs the steps in order and is ready", async () => {
    const { lifecycle, ready } = setUp();
    const ran: string[] = [];
    assert.equal(lifecycle.health.ready().ok, false);
    assert.equal(lifecycle.health.started().ok, false);
    assert.equal(lifecycle.health.live().ok, true);
    const started = await lifecycle.start([
      { name: "one", run: async () => void ran.push("one") },
      {
        name: "two",
        run: () => {
          ran.push("two");
          assert.deepEqual(lifecycle.health.started().reasons, ["starting: two"]);
        },
      },
    ]);
    assert.equal(started, true);
    assert.deepEqual(ran, ["one", "two"]);
    assert.deepEqual(lifecycle.health.ready(), { ok: true, state: "ready", reasons: [] });
    assert.equal(lifecycle.health.started().ok, true);
    assert.equal(ready(), 1);
    await lifecycle.firstReady;
  });

  it("a step that fails is one line and exit code 1; the steps after it do not run", async () => {
    const { lifecycle, log, exits } = setUp();
    const started = await lifecycle.start([
      { name: "listen", run: () => Promise.reject(new Error("port 8080 is taken")) },
      { name: "never", run: () => assert.fail("not reached") },
    ]);
    assert.equal(started, false);
    assert.deepEqual(exits, [1]);
    const errors = log.lines.filter((line) => line.level === "error");
    assert.equal(errors.length, 1);
    assert.deepEqual(errors[0]?.fields, { step: "listen", reason: "port 8080 is taken" });
    assert.equal(lifecycle.health.live().ok, false);
  });

  it("a drain during the start ends it after the step under way", async () => {
    const { lifecycle, exits } = setUp();
    const gate = Promise.withResolvers<void>();
    const started = lifecycle.start([
      { name: "slow", run: () => gate.promise },
      { name: "never", run: () => assert.fail("not reached") },
    ]);
    await lifecycle.drain("SIGTERM");
    gate.resolve();
    assert.equal(await started, false);
    assert.deepEqual(exits, [0]);
  });

  it("with a condition that has not come up, it is started but not ready", async () => {
    const { lifecycle } = setUp();
    let isFirstReady = false;
    void lifecycle.firstReady.then(() => (isFirstReady = true));
    const kafka = lifecycle.condition("kafka", {
      failAfterMs: 5_000,
      recoverAfterMs: 0,
      initially: "Kafka is not connected yet",
    });
    assert.equal(await lifecycle.start([]), true);
    assert.deepEqual(lifecycle.health.ready(), {
      ok: false,
      state: "not-ready",
      reasons: ["Kafka is not connected yet"],
    });
    assert.equal(lifecycle.health.started().ok, false);
    await settle();
    assert.equal(isFirstReady, false);
    kafka.clear();
    await settle();
    assert.equal(isFirstReady, true);
    assert.ok(lifecycle.health.started().ok && lifecycle.health.ready().ok);
  });
});

describe("Lifecycle.condition", () => {
  it("a blip shorter than its patience changes nothing", async () => {
    const { lifecycle, clock, log } = setUp();
    const kafka = lifecycle.condition("kafka", { failAfterMs: 5_000, recoverAfterMs: 2_000 });
    await lifecycle.start([]);
    kafka.fail("no broker answers");
    clock.advance(4_999);
    assert.ok(lifecycle.health.ready().ok);
    kafka.clear();
    clock.advance(60_000);
    assert.ok(lifecycle.health.ready().ok);
    assert.equal(log.count("not ready"), 0);
  });

  it("a lasting failure makes not ready, a lasting recovery ready; started stays", async () => {
    const { lifecycle, clock, log, ready } = setUp();
    const kafka = lifecycle.condition("kafka", { failAfterMs: 5_000, recoverAfterMs: 2_000 });
    await lifecycle.start([]);
    kafka.fail("no broker answers");
    clock.advance(3_000);
    kafka.fail("still no broker answers");
    clock.advance(2_000);
    assert.deepEqual(lifecycle.health.ready(), {
      ok: false,
      state: "not-ready",
      reasons: ["still no broker answers"],
    });
    assert.equal(ready(), 0);
    assert.ok(lifecycle.health.started().ok && lifecycle.health.live().ok);
    kafka.clear();
    clock.advance(1_999);
    assert.equal(lifecycle.health.ready().ok, false);
    kafka.fail("again");
    kafka.clear();
    clock.advance(1_999);
    assert.deepEqual(lifecycle.health.ready().reasons, ["again"]);
    clock.advance(1);
    assert.ok(lifecycle.health.ready().ok);
    assert.equal(log.count("not ready"), 1);
    assert.equal(log.count("ready again"), 1);
  });

  it("all failing conditions are listed, one well again is not enough", async () => {
    const { lifecycle } = setUp();
    const one = lifecycle.condition("one", { failAfterMs: 0, recoverAfterMs: 0 });
    const two = lifecycle.condition("two", { failAfterMs: 0, recoverAfterMs: 0 });
    await lifecycle.start([]);
    one.fail("first");
    two.fail("second");
    assert.deepEqual(lifecycle.health.ready().reasons, ["first", "second"]);
    one.clear();
    assert.deepEqual(lifecycle.health.ready().reasons, ["second"]);
  });
});

describe("Lifecycle.drain", () => {
  it("readiness is off first, the steps run in order, then exit 0, once", async () => {
    const { lifecycle, exits } = setUp();
    await lifecycle.start([]);
    const ran: string[] = [];
    for (const step of (Object.keys(DRAIN_STEPS) as DrainStep[]).toReversed()) {
      lifecycle.onDrain(step, async (remainingMs) => {
        assert.equal(lifecycle.health.ready().ok, false);
        assert.deepEqual(lifecycle.health.ready().reasons, ["this process is shutting down"]);
        assert.ok(lifecycle.health.live().ok);
        assert.equal(remainingMs, DEADLINE_MS);
        await settle();
        ran.push(step);
      });
    }
    await Promise.all([lifecycle.drain("SIGTERM"), lifecycle.drain("again")]);
    assert.deepEqual(ran, Object.keys(DRAIN_STEPS));
    assert.deepEqual(exits, [0]);
    assert.equal(lifecycle.phase, "stopped");
  });

  it("a step gets what is left of the deadline; over it the process leaves with 1", async () => {
    const { lifecycle, clock, exits, log } = setUp();
    await lifecycle.start([]);
    lifecycle.onDrain("listen", () => clock.advance(4_000));
    let remaining = 0;
    lifecycle.onDrain("delivery", (remainingMs) => {
      remaining = remainingMs;
      return new Promise(() => undefined);
    });
    lifecycle.onDrain("admin", () => assert.fail("not reached"));
    const drained = lifecycle.drain("SIGTERM");
    await settle();
    assert.equal(remaining, 6_000);
    assert.deepEqual(exits, []);
    clock.advance(6_000);
    await drained;
    assert.deepEqual(exits, [1]);
    assert.equal(log.count("drain deadline passed, leaving"), 1);
  });

  it("a step that fails does not stop the next ones; the exit code tells", async () => {
    const { lifecycle, exits, log } = setUp();
    await lifecycle.start([]);
    let isFlushed = false;
    lifecycle.onDrain("listen", () => {
      throw new Error("boom");
    });
    lifecycle.onDrain("delivery", () => {
      isFlushed = true;
    });
    await lifecycle.drain("SIGTERM");
    assert.ok(isFlushed);
    assert.deepEqual(exits, [1]);
    assert.equal(log.count("drain step failed, going on with the next"), 1);
  });

  it("conditions that change during the drain are of no interest any more", async () => {
    const { lifecycle, exits } = setUp();
    const kafka = lifecycle.condition("kafka", { failAfterMs: 0, recoverAfterMs: 0 });
    await lifecycle.start([]);
    lifecycle.onDrain("delivery", () => kafka.fail("gone"));
    await lifecycle.drain("SIGTERM");
    kafka.clear();
    assert.deepEqual(exits, [0]);
  });
});

describe("handleSignals", () => {
  function withSignals(isWorker = false, further: { readonly renew?: () => void } = {}) {
    const given = setUp();
    const events = new EventEmitter();
    const seen: string[] = [];
    const stop = handleSignals({
      events,
      isWorker,
      clock: given.clock,
      lifecycle: given.lifecycle,
      unexpected: (where) => seen.push(where),
      ...further,
    });
    given.lifecycle.onDrain("delivery", () => new Promise(() => undefined));
    return { ...given, events, seen, stop };
  }

  it("the first signal drains, a second one leaves at once with 1", async () => {
    for (const [first, second] of [
      ["SIGTERM", "SIGTERM"],
      ["SIGTERM", "SIGINT"],
      ["SIGINT", "SIGTERM"],
    ] as const) {
      const { events, lifecycle, exits, clock } = withSignals();
      await lifecycle.start([]);
      events.emit(first);
      await settle();
      clock.advance(500);
      assert.equal(lifecycle.phase, "draining");
      assert.deepEqual(exits, []);
      events.emit(second);
      assert.deepEqual(exits, [1]);
    }
  });

  for (const name of ["SIGINT", "SIGTERM"]) {
    it(`one ${name} that arrives twice is one; a later one is a second`, async () => {
      const { events, lifecycle, exits, clock } = withSignals();
      await lifecycle.start([]);
      events.emit(name);
      clock.advance(100);
      events.emit(name);
      assert.deepEqual(exits, []);
      clock.advance(1_000);
      events.emit(name);
      assert.deepEqual(exits, [1]);
    });
  }

  it("SIGHUP renews where there is something to renew, else it drains", async () => {
    let renewals = 0;
    const primary = withSignals(false, { renew: () => (renewals += 1) });
    await primary.lifecycle.start([]);
    primary.events.emit("SIGHUP");
    primary.events.emit("SIGHUP");
    assert.equal(renewals, 2);
    assert.equal(primary.lifecycle.phase, "ready");
    const alone = withSignals();
    await alone.lifecycle.start([]);
    alone.events.emit("SIGHUP");
    await settle();
    assert.equal(alone.lifecycle.phase, "draining");
  });

  it("a worker leaves SIGINT and SIGHUP to its primary", async () => {
    const { events, lifecycle } = withSignals(true);
    await lifecycle.start([]);
    events.emit("SIGINT");
    events.emit("SIGHUP");
    assert.equal(lifecycle.phase, "ready");
  });

  it("what nobody caught is reported and ends the process with 1", async () => {
    for (const event of ["uncaughtException", "unhandledRejection"]) {
      const { events, exits, seen } = withSignals();
      events.emit(event, new Error("boom"));
      assert.deepEqual(exits, [1]);
      assert.equal(seen.length, 1);
    }
  });

  it("stop takes every handler away", () => {
    const { events, stop } = withSignals();
    stop();
    assert.deepEqual(events.eventNames(), []);
  });
});
