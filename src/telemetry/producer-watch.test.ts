import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MetricRegistry } from "./metric-registry.ts";
import { ProducerWatch, type ProducerReading } from "./producer-watch.ts";

const QUIET: ProducerReading = {
  records: 0,
  recordsMax: 100,
  bytes: 0,
  isIdempotent: true,
  brokersUp: 3,
  requests: 0,
  roundTripP99Ms: 1,
  recordWaitP99Ms: 0,
  requestWaitP99Ms: 0,
  throttleMsMax: 0,
  retries: 0,
  timeouts: 0,
  errors: 0,
  connects: 0,
  sent: [],
};

function setUp() {
  const { cells } = new MetricRegistry({ nodeMetrics: false });
  const state = { atMs: 0, producers: new Map<number, ProducerReading>() };
  const read = () => state.producers;
  new ProducerWatch({ cells, read, clockMs: () => state.atMs }).attach();
  const say = (...producers: Partial<ProducerReading>[]) => {
    state.atMs += 10_000;
    state.producers = new Map(producers.map((producer, lane) => [lane, { ...QUIET, ...producer }]));
  };
  const gauge = (
    name: "producerQueueRecords" | "producerQueueFill" | "brokersUp" | "hotPartition",
  ) => cells[name].get().values[0]?.value;
  const troubles = (kind: string) => {
    cells.brokerTroubles.get();
    return cells.brokerTroubles.value(kind);
  };
  const waits = () =>
    cells.producerWait.get().values.map(({ labels, value }) => [labels["what"], value]);
  return { say, gauge, troubles, waits };
}

describe("ProducerWatch", () => {
  it("sums queues, and shows the fullest one and the fewest brokers", () => {
    const { say, gauge } = setUp();
    assert.equal(gauge("brokersUp"), undefined, "nobody has said anything yet");
    say({ records: 10 }, { records: 80, brokersUp: 2 });
    assert.equal(gauge("producerQueueRecords"), 90);
    assert.equal(gauge("producerQueueFill"), 0.8);
    assert.equal(gauge("brokersUp"), 2);
  });

  it("shows the longest waits of all producers", () => {
    const { say, waits } = setUp();
    say({ recordWaitP99Ms: 5, requestWaitP99Ms: 40 }, { recordWaitP99Ms: 200 });
    assert.deepEqual(waits(), [
      ["records", 0.2],
      ["requests", 0.04],
    ]);
  });

  it("goes on counting when a producer is replaced and counts from 0", () => {
    const { say, troubles } = setUp();
    say({ retries: 5 });
    assert.equal(troubles("retry"), 5);
    say({ retries: 7 });
    assert.equal(troubles("retry"), 7);
    say({ retries: 1 });
    assert.equal(troubles("retry"), 8);
  });

  it("tells how much more than its share the busiest partition got, in the last window", () => {
    const { say, gauge } = setUp();
    const sent = (...records: number[]) => ({
      sent: records.map((each, partition) => ({ topic: "t", partition, records: each })),
    });
    say(sent(100, 100));
    assert.equal(gauge("hotPartition"), 1);
    say(sent(400, 200));
    assert.equal(gauge("hotPartition"), 1.5);
    say(sent(401, 200));
    assert.equal(gauge("hotPartition"), 0, "one record is no pattern");
  });
});
