import assert from "node:assert/strict";
import { test } from "node:test";

import { parseProgress, parseStatistics } from "./kafka-statistics.ts";

test("statistics say up to which record a partition is confirmed; what is missing is not", () => {
  const partitions = { "-1": {}, 0: { acked_msgid: 17 }, 1: { msgs: 3 } };
  const progress = parseProgress(JSON.stringify({ topics: { events: { partitions } } }));
  assert.equal(progress.confirmed("events", 0), 17);
  assert.equal(progress.confirmed("events", 1), 0);
  assert.equal(progress.confirmed("events", 2), 0);
  assert.equal(progress.confirmed("others", 0), 0);
  assert.equal(parseProgress("{}").confirmed("events", 0), 0);
});

test("statistics of brokers leave out those librdkafka only boots from", () => {
  const up = {
    nodeid: 1,
    state: "UP",
    outbuf_cnt: 1,
    waitresp_cnt: 2,
    txretries: 3,
    int_latency: { p99: 700 },
  };
  const down = {
    nodeid: 2,
    state: "DOWN",
    rtt: { p99: 2_500 },
    outbuf_latency: { p99: 90 },
    req_timeouts: 4,
    txerrs: 1,
  };
  const boot = { nodeid: -1, state: "DOWN", txretries: 100 };
  const partitions = { "-1": { txmsgs: 9 }, 0: { txmsgs: 17 } };
  const statistics = parseStatistics(
    JSON.stringify({
      msg_cnt: 5,
      msg_max: 10,
      msg_size: 700,
      brokers: { up, down, boot },
      topics: { events: { partitions } },
      eos: { idemp_state: "Assigned" },
    }),
  );
  assert.deepEqual(statistics, {
    records: 5,
    recordsMax: 10,
    bytes: 700,
    isIdempotent: true,
    brokersUp: 1,
    brokersKnown: 2,
    requests: 3,
    roundTripP99Ms: 2.5,
    recordWaitP99Ms: 0.7,
    requestWaitP99Ms: 0.09,
    retries: 3,
    timeouts: 4,
    errors: 1,
    connects: 0,
    sent: [{ topic: "events", partition: 0, records: 17 }],
  });
  assert.equal(parseStatistics("{}").isIdempotent, false);
});
