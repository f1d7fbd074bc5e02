/**
 * Rows of the fault matrix about Redis: whatever becomes of it, every event is stored and answered
 * as if nothing were. A real gateway under load, real Kafka, a Redis of this test's own.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startPrivateRedis } from "../../src/session/testing/private-redis.ts";
import type { PrivateRedis } from "../../src/session/testing/private-redis.ts";
import { freePort } from "../free-port.ts";
import type { Gateway } from "../gateway.ts";
import { testService } from "../services.ts";
import { StreamClient } from "../stream-client.ts";
import { TcpProxy } from "../tcp-proxy.ts";
import { PATIENT, faultRow } from "./fault-row.ts";
import type { FaultRow } from "./fault-row.ts";

/** Where servers put what they send one another. */
let directory: string;
let redis: PrivateRedis;
let proxy: TcpProxy;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  redis = await startRedis();
  proxy = await TcpProxy.start({ host: "127.0.0.1", port: redis.port });
});

after(async () => {
  await proxy.stop();
  await redis.kill();
  await rm(directory, { recursive: true, force: true });
});

function startRedis(port?: number): Promise<PrivateRedis> {
  return startPrivateRedis({
    ...(port === undefined ? {} : { port }),
    settings: ["--dir", directory],
  });
}

/** Nobody is ever told anything but `stored`; at the end Redis is well again. */
async function row(run: (row: FaultRow) => Promise<void>, heal: () => Promise<unknown>) {
  const flags = ["--redis-url", `redis://127.0.0.1:${proxy.port}`, ...PATIENT];
  let healed: Promise<unknown> | null = null;
  const healOnce = async (): Promise<void> => void (await (healed ??= heal()));
  await faultRow({ brokers: testService("kafka"), flags, heal: healOnce }, async (current) => {
    await isUp(current.gateway, 1);
    await run(current);
    await healOnce();
    await isUp(current.gateway, 1);
    await current.load.more(200);
    assert.deepEqual([...current.load.toldCodes], []);
  });
}

async function isUp(gateway: Gateway, value: 0 | 1): Promise<void> {
  while ((await gateway.metric("sluice_redis_up")) !== value) await delay(20);
}

/** Does the harm, and waits until updates of sessions could not be written. */
async function untilUpdatesFail(gateway: Gateway, harm: () => Promise<unknown>): Promise<void> {
  const series = 'sluice_redis_pipelines_total{result="failed"}';
  const failedBefore = await gateway.metric(series);
  await harm();
  while ((await gateway.metric(series)) === failedBefore) await delay(20);
}

test("row 21: Redis killed under load: nobody is told, new streams are welcome, it heals", () =>
  row(
    async ({ gateway, load }) => {
      await redis.kill();
      await load.more(1_000);
      await isUp(gateway, 0);
      const newcomer = await StreamClient.hello(gateway.streamUrl, { auth: "demo" });
      newcomer.close();
      await load.more(500);
    },
    async () => {
      redis = await startRedis(redis.port);
    },
  ));

test("row 22: Redis pauses for 4 s: pipelines time out, acks do not wait", () =>
  row(
    async ({ gateway, load }) => {
      await untilUpdatesFail(gateway, () => redis.admin.client("PAUSE", 4_000, "ALL"));
      await load.more(500);
    },
    // Answers when the pause is over.
    () => redis.admin.ping(),
  ));

test("row 23: Redis out of memory: counted, nobody is told", () =>
  row(
    async ({ gateway, load }) => {
      await untilUpdatesFail(gateway, () => redis.admin.config("SET", "maxmemory", "1"));
      await load.more(500);
    },
    () => redis.admin.config("SET", "maxmemory", "0"),
  ));

test("row 23: Redis turned into a replica: counted, nobody is told", () =>
  row(
    async ({ gateway, load }) => {
      const nobody = await freePort();
      await untilUpdatesFail(gateway, () => redis.admin.replicaof("127.0.0.1", `${nobody}`));
      await load.more(500);
    },
    () => redis.admin.replicaof("NO", "ONE"),
  ));

test("row 24: a failover that loses the last writes: nobody is told, it heals", async () => {
  const replica = await startRedis();
  try {
    await replica.admin.replicaof("127.0.0.1", `${redis.port}`);
    while (!(await replica.admin.info("replication")).includes("master_link_status:up")) {
      await delay(20);
    }
    const healed = () => Promise.resolve();
    await row(async ({ load }) => {
      await replica.admin.replicaof("NO", "ONE");
      await load.more(500);
      proxy.retarget({ host: "127.0.0.1", port: replica.port });
      await load.more(500);
    }, healed);
  } finally {
    proxy.retarget({ host: "127.0.0.1", port: redis.port });
    await replica.kill();
  }
});
