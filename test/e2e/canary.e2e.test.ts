/** The canary with everything embedded: its record is in each topic, and is found there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Gateway } from "../gateway.ts";
import { readAll } from "./read-back.ts";

const TOPIC = "behaviour-interaction";

test("a canary's record is stored and seen again; without the option there is none", async () => {
  const flags = ["--canary-interval-ms", "200", "--canary-topics", TOPIC];
  const gateway = await Gateway.start({ flags });
  const seen = 'sluice_canary_visits_total{result="seen"}';
  while ((await gateway.metric(seen)) < 2) await delay(50);
  assert.ok((await gateway.metric("sluice_canary_freshness_seconds_count")) >= 2);
  assert.ok((await gateway.metric("sluice_canary_age_seconds")) < 60);
  const records = await readAll(gateway.run.brokers, [TOPIC]);
  for (const { headers, value } of records) {
    assert.deepEqual(
      headers.map(([name]) => name),
      ["sluice-canary"],
    );
    assert.equal(value?.length ?? 0, 0);
  }
  assert.equal(await gateway.metric('sluice_canary_visits_total{result="missing"}'), 0);
  assert.equal(await gateway.stop(), 0);
});
