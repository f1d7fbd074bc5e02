import assert from "node:assert/strict";
import { test } from "node:test";

import { BrokerWatch } from "./broker-watch.ts";

const said = (atMs: number, brokers: string): string =>
  `{ "name": "x#producer-1", "ts":${atMs * 1_000}, "metadata_cache_cnt":4, ` +
  `"brokers":{ ${brokers}}, "topics":{ } }`;
const NONE = "";
const ONE = `"b:1/1": { "name":"b:1/1", "nodeid":1, "state":"UP" } `;

test("BrokerWatch: a producer that knows no broker for a second has forgotten them", () => {
  const watch = new BrokerWatch();
  assert.equal(watch.hasForgotten(said(5_000, NONE)), false);
  assert.equal(watch.hasForgotten(said(5_999, NONE)), false);
  assert.equal(watch.hasForgotten(said(6_000, NONE)), true);
  assert.equal(watch.hasForgotten(said(6_100, NONE)), true, "it stays so");
});

test("BrokerWatch: a consumer knows its group's coordinator by a name, which is no broker", () => {
  const consumer = (atMs: number, brokers: string): string =>
    said(atMs, brokers).replace('"ts"', '"type":"consumer", "ts"');
  const coordinator = `"GroupCoordinator": { "name":"GroupCoordinator", "nodeid":1 } `;
  const watch = new BrokerWatch();
  assert.equal(watch.hasForgotten(consumer(5_000, `${ONE}, ${coordinator}`)), false);
  assert.equal(watch.hasForgotten(consumer(6_000, `${coordinator}, ${ONE}`)), false);
  assert.equal(watch.hasForgotten(consumer(7_000, coordinator)), false);
  assert.equal(watch.hasForgotten(consumer(8_000, coordinator)), true);
  assert.equal(new BrokerWatch().hasForgotten(consumer(9_000, NONE)), false);
});

test("BrokerWatch: one that knows a broker again has not", () => {
  const watch = new BrokerWatch();
  assert.equal(watch.hasForgotten(said(5_000, NONE)), false);
  assert.equal(watch.hasForgotten(said(5_500, ONE)), false);
  assert.equal(watch.hasForgotten(said(6_500, NONE)), false);
  assert.equal(watch.hasForgotten(said(7_400, NONE)), false);
});
