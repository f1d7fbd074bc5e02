/** The row about links that takes long: what waits at clients meanwhile is what there may be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { KafkaProxy } from "../kafka-proxy/kafka-proxy.ts";
import { testService } from "../services.ts";
import { faultRow, residentBytes } from "./fault-row.ts";

test("row 20: Kafka back when every client has all it may queued: bounded, ramps up, all stored", async () => {
  await using proxy = await KafkaProxy.start({ brokers: testService("kafka") });
  await faultRow(
    {
      brokers: proxy.bootstrap,
      readFrom: testService("kafka"),
      heal: () => proxy.clear(),
      flags: ["--unacked-events-max", "5000"],
      load: { http: 4, streams: 20, eventsPerRequest: 50, pauseMs: 5 },
    },
    async ({ gateway, load }) => {
      const bytesBefore = await residentBytes(gateway.run.pid);
      proxy.silence();
      // Until nobody may send any more: credit is used up, requests are refused.
      for (let sent = -1; load.count("open") !== sent; await delay(1_500)) {
        sent = load.count("open");
      }
      assert.ok(load.count("open") > 3_000, `${load.count("open")} events wait`);
      proxy.restore();
      await load.more(5_000);
      const grown = (await residentBytes(gateway.run.pid)) - bytesBefore;
      assert.ok(grown < 256 * 1024 * 1024, `memory grew by ${grown} bytes`);
    },
  );
});
