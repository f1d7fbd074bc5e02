import assert from "node:assert/strict";
import { test } from "node:test";

import { laneCount, workerCount } from "./worker-count.ts";

const REAL = {
  workers: 0,
  port: 8080,
  kafkaBrokers: ["k:9092"],
  redisUrl: "redis://r",
  registryUrl: ["http://s"],
};

test("workerCount is as configured, else one for each core", () => {
  assert.equal(workerCount({ ...REAL, workers: 3 }, 8), 3);
  assert.equal(workerCount({ ...REAL, workers: 1 }, 8), 1);
  assert.equal(workerCount(REAL, 8), 8);
  assert.equal(workerCount(REAL, 0), 1);
});

test("workerCount is one where anything is embedded or the port is any free one", () => {
  assert.equal(workerCount({ ...REAL, kafkaBrokers: [] }, 8), 1);
  assert.equal(workerCount({ ...REAL, redisUrl: "" }, 8), 1);
  assert.equal(workerCount({ ...REAL, registryUrl: [] }, 8), 1);
  assert.equal(workerCount({ ...REAL, port: 0 }, 8), 1);
});

test("laneCount is as configured, else shared by the workers, two at least", () => {
  assert.equal(laneCount({ kafkaLanes: 7 }, 4), 7);
  const counts = [1, 2, 3, 8].map((workers) => laneCount({ kafkaLanes: 0 }, workers));
  assert.deepEqual(counts, [4, 2, 2, 2]);
});
