/** The console of several workers: the primary shows what all of them have counted and noted. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../free-port.ts";
import { Gateway } from "../gateway.ts";
import { testService } from "../services.ts";

interface ConsoleData {
  readonly workers: number;
  readonly state: string;
  readonly metrics: { readonly eventsOutcome: readonly (readonly (string | number)[])[] };
  readonly schemas: readonly { readonly type: string }[];
  readonly recent: {
    readonly refusals: readonly { readonly code: string }[];
    readonly batches: readonly { readonly rejected: number }[];
  };
}

interface Seen {
  readonly state: string;
  readonly events: readonly unknown[];
}

test("the primary's console shows the counts, refusals and schemas of its workers", async () => {
  await using gateway = await Gateway.start({
    port: await freePort(),
    adminPort: await freePort(),
    flags: [
      ...["--workers", "2"],
      ...["--kafka-brokers", testService("kafka"), "--create-topics"],
      ...["--redis-url", testService("redis")],
      ...["--registry-url", testService("registry"), "--register-schemas"],
    ],
  });
  const look = async (): Promise<ConsoleData> => {
    const response = await fetch(`${gateway.adminUrl}/console/data`);
    return (await response.json()) as ConsoleData;
  };
  await look();
  const events = [{ type: randomUUID(), id: "x", data: {} }];
  await gateway.post(JSON.stringify({ events }), { "content-type": "application/json" });
  for (;;) {
    const { workers, state, metrics, schemas, recent } = await look();
    assert.equal(workers, 2);
    assert.equal(state, "ready");
    const rejected = metrics.eventsOutcome.find(([outcome]) => outcome === "rejected")?.at(-1);
    const [refusal] = recent.refusals;
    if (rejected === 1 && refusal !== undefined && recent.batches.length > 0) {
      assert.equal(refusal.code, "schema_unknown");
      assert.ok(schemas.some(({ type }) => type === "page"));
      break;
    }
    await delay(100);
  }
  await watched(gateway);
  const page = await fetch(`${gateway.adminUrl}/console`);
  assert.match(await page.text(), /sluice console/);
});

/** Events of all workers are seen by the one that is asked. */
async function watched(gateway: Gateway): Promise<void> {
  const look = async (): Promise<Seen> => {
    const response = await fetch(`${gateway.adminUrl}/console/events?type=page`);
    return (await response.json()) as Seen;
  };
  while ((await look()).state !== "watching") await delay(100);
  for (let count = 0; count < 6; count += 1) {
    const id = randomUUID();
    const data = { messageId: id, timestamp: new Date().toISOString(), anonymousId: "a" };
    const own = { name: "shop", url: "https://shop.example/" };
    const events = [{ type: "page", id, data: { ...data, ...own } }];
    const headers = { "content-type": "application/json", connection: "close" };
    await gateway.post(JSON.stringify({ events }), headers);
  }
  while ((await look()).events.length < 6) await delay(100);
}
