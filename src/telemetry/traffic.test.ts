import assert from "node:assert/strict";
import { describe, it } from "node:test";

import fc from "fast-check";

import { OUTCOME_CODES, OUTCOME_NUMBER, OUTCOME_RULES, type OutcomeCode } from "../errors.ts";
import { MetricRegistry } from "./metric-registry.ts";
import { Recent } from "./recent.ts";
import { SilentLogger } from "./silent-logger.ts";
import { TrafficTelemetry, type VerdictTally } from "./traffic.ts";

function setUp() {
  const log = new SilentLogger();
  const registry = new MetricRegistry({ nodeMetrics: false });
  const recent = new Recent({ nowMs: () => 0 });
  const traffic = new TrafficTelemetry({ cells: registry.cells, log, recent, nowMs: () => 0 });
  return { log, registry, cells: registry.cells, traffic };
}

function tally(given: Partial<VerdictTally> = {}): VerdictTally {
  return {
    stored: 0,
    duplicate: 0,
    storedLate: 0,
    rejected: new Uint32Array(OUTCOME_CODES.length),
    retry: new Uint32Array(OUTCOME_CODES.length),
    ...given,
  };
}

function codes(counts: Partial<Record<OutcomeCode, number>>): Uint32Array {
  const numbers = new Uint32Array(OUTCOME_CODES.length);
  for (const [code, count] of Object.entries(counts)) {
    numbers[OUTCOME_NUMBER[code as OutcomeCode]] = count;
  }
  return numbers;
}

const TENANT = { tenant: "demo", number: 0 };
const HTTP = { dialect: "native", transport: "http", bytes: 100, tenant: TENANT } as const;

describe("TrafficTelemetry", () => {
  it("received and settled: the ledger balances and the outcomes are counted by code", () => {
    const { traffic, cells, log } = setUp();
    traffic.received({ ...HTTP, events: 10 });
    traffic.received({ ...HTTP, transport: "ws", events: 5 });
    traffic.settled(
      tally({
        stored: 6,
        duplicate: 1,
        storedLate: 2,
        rejected: codes({ schema_invalid: 2 }),
        retry: codes({ kafka_timeout: 3 }),
      }),
      TENANT,
    );
    assert.deepEqual(traffic.ledger(), {
      received: 15,
      stored: 6,
      duplicate: 1,
      rejected: 2,
      retry: 3,
      inFlight: 3,
      drift: 0,
    });
    assert.equal(cells.eventsReceived.value("native", "ws"), 5);
    assert.equal(cells.eventsOutcome.value("stored", "none"), 6);
    assert.equal(cells.eventsOutcome.value("rejected", "schema_invalid"), 2);
    assert.equal(cells.eventsOutcome.value("retry", "kafka_timeout"), 3);
    assert.equal(cells.eventsStoredLate.value(), 2);
    assert.deepEqual(log.lines, [], "normal traffic logs nothing");
  });

  it("every outcome code has its series", () => {
    const { traffic, cells } = setUp();
    for (const [code, rule] of Object.entries(OUTCOME_RULES)) {
      const counts = codes({ [code]: 1 });
      traffic.settled(tally(rule.final ? { rejected: counts } : { retry: counts }), TENANT);
      assert.equal(cells.eventsOutcome.value(rule.final ? "rejected" : "retry", code), 1);
    }
  });

  it("drift against the pipeline's own count is exported and an error", async () => {
    const { traffic, registry, log } = setUp();
    let inFlight = 4;
    traffic.countInFlightBy(() => inFlight);
    traffic.received({ ...HTTP, events: 4 });
    assert.match(await registry.text(), /^sluice_ledger_drift_events 0$/m);
    assert.equal(log.lines.length, 0);
    inFlight = 3;
    const text = await registry.text();
    assert.match(text, /^sluice_ledger_drift_events 1$/m);
    assert.match(text, /^sluice_inflight_events 3$/m);
    assert.match(text, /^sluice_ledger_events\{state="received"\} 4$/m);
    assert.equal(log.lines[0]?.level, "error");
  });

  it("the ledger balances after any run of batches", () => {
    const batch = fc.record({
      events: fc.nat(500),
      stored: fc.nat(500),
      rejected: fc.nat(500),
      retry: fc.nat(500),
    });
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 50 }), (batches) => {
        const { traffic } = setUp();
        let inFlight = 0;
        traffic.countInFlightBy(() => inFlight);
        for (const given of batches) {
          traffic.received({ ...HTTP, events: given.events });
          inFlight += given.events;
          const stored = Math.min(given.stored, inFlight);
          const rejected = Math.min(given.rejected, inFlight - stored);
          const retry = Math.min(given.retry, inFlight - stored - rejected);
          inFlight -= stored + rejected + retry;
          traffic.settled(
            tally({
              stored,
              rejected: codes({ bad_id: rejected }),
              retry: codes({ internal: retry }),
            }),
            TENANT,
          );
          assert.equal(traffic.ledger().drift, 0);
        }
      }),
    );
  });

  it("statuses and close codes nobody declared become other", () => {
    const { traffic, cells } = setUp();
    traffic.httpAnswered("events", 200, 1);
    traffic.httpAnswered("other", 418, 1);
    traffic.socketOpened();
    traffic.socketOpened();
    traffic.socketClosed(4400);
    traffic.socketClosed(4999);
    traffic.socketRefused("full");
    assert.equal(cells.httpRequests.value("events", "200"), 1);
    assert.equal(cells.httpRequests.value("other", "other"), 1);
    assert.equal(cells.wsClosed.value("4400"), 1);
    assert.equal(cells.wsClosed.value("other"), 1);
    assert.equal(cells.wsConnections.get().values[0]?.value, 0);
    assert.equal(cells.wsOpened.value(), 2);
  });

  it("clocks of senders, by which way they are off", async () => {
    const { traffic, registry } = setUp();
    traffic.sentBefore(40);
    traffic.sentBefore(2_000);
    traffic.sentBefore(-7_200_000);
    const text = await registry.text();
    assert.match(text, /^sluice_clock_skew_seconds_bucket\{le="0.1",clock="slow"\} 1$/m);
    assert.match(text, /^sluice_clock_skew_seconds_bucket\{le="5",clock="slow"\} 2$/m);
    assert.match(text, /^sluice_clock_skew_seconds_bucket\{le="3600",clock="fast"\} 0$/m);
    assert.match(text, /^sluice_clock_skew_seconds_sum\{clock="fast"\} 7200$/m);
  });

  it("failed dead letters are counted and logged", () => {
    const { traffic, cells, log } = setUp();
    traffic.deadLettersWritten("stored", 2);
    traffic.deadLettersWritten("failed", 1);
    assert.equal(cells.deadLetters.value("stored"), 2);
    assert.equal(cells.deadLetters.value("failed"), 1);
    assert.equal(log.lines.length, 1);
  });

  it("validation errors, encode and answer times", async () => {
    const { traffic, registry } = setUp();
    traffic.invalid("missing");
    traffic.invalid("type", 3);
    traffic.encoded(0.2);
    traffic.answered("ws", 15);
    const text = await registry.text();
    assert.match(text, /^sluice_validation_errors_total\{kind="type"\} 3$/m);
    assert.match(text, /^sluice_encode_seconds_sum 0.0002$/m);
    assert.match(text, /^sluice_ack_latency_seconds_bucket\{le="0.02",transport="ws"\} 1$/m);
  });
});
