/**
 * Rows of the fault matrix about the links of a gateway: slow and torn ones to the brokers, brokers
 * that move, a partition from one of them, balancers that reset clients. Real gateways and Kafka;
 * the fault proxy in between, read back past it.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { PING_MS } from "../../src/limits/streams.ts";
import { KafkaProxy } from "../kafka-proxy/kafka-proxy.ts";
import { testService } from "../services.ts";
import { TcpProxy } from "../tcp-proxy.ts";
import { Gateway } from "../gateway.ts";
import { PATIENT, faultRow, residentBytes } from "./fault-row.ts";
import { judgeStreams, makeStreamPack, sendersOf, streamUrlOf } from "./stream-rows.ts";

let proxy: KafkaProxy;
let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  proxy = await KafkaProxy.start({ brokers: testService("kafka") });
});

after(async () => {
  await proxy.stop();
  await rm(directory, { recursive: true, force: true });
});

const readFrom = () => testService("kafka");
const heal = () => proxy.clear();
/** A gateway behind the proxy, in whose rows nobody may be told. */
const behindProxy = () => ({
  brokers: proxy.bootstrap,
  readFrom: readFrom(),
  flags: PATIENT,
  heal,
});

function addressOf(bootstrap: string): { readonly host: string; readonly port: number } {
  const [first = ""] = bootstrap.split(",");
  const [host = "", port = ""] = first.split(":");
  return { host, port: Number(port) };
}

test("row 16: a link of 400 kB/s in pieces of 53 bytes: late, complete, nothing twice", () =>
  faultRow(behindProxy(), async ({ gateway, load }) => {
    const bytesBefore = await residentBytes(gateway.run.pid);
    proxy.shape({ bytesPerSecond: 400_000, sliceBytes: 53 });
    await load.more(400);
    const grown = (await residentBytes(gateway.run.pid)) - bytesBefore;
    assert.ok(grown < 128 * 1024 * 1024, `memory grew by ${grown} bytes`);
    assert.deepEqual([...load.retryCodes.streams], []);
    assert.deepEqual(proxy.complaints, []);
  }));

test("row 47: bits flipped on the way to the broker: refused by checksum, sent again, once", () =>
  faultRow(behindProxy(), async ({ load }) => {
    const rule = proxy.add({
      match: { api: "Produce" },
      times: 3,
      fault: { kind: "flipBits", what: "request" },
    });
    await rule.until(3);
    await load.more(300);
    assert.deepEqual([...load.toldCodes], []);
  }));

test("row 18: bootstrap gone: it goes on; all brokers at new addresses: found by bootstrap", async () => {
  const bootstrap = await TcpProxy.start(addressOf(proxy.bootstrap));
  const moved = await KafkaProxy.start({ brokers: testService("kafka") });
  try {
    const brokers = `127.0.0.1:${bootstrap.port}`;
    const healAll = () => bootstrap.retarget(addressOf(moved.bootstrap));
    await faultRow({ brokers, readFrom: readFrom(), heal: healAll }, async ({ load }) => {
      bootstrap.cut();
      proxy.reset();
      await load.more(300);
      // The brokers known so far are gone for good; the name leads to new ones.
      proxy.cut();
      healAll();
      bootstrap.restore();
      const storedBefore = load.count("stored");
      while (load.count("stored") < storedBefore + 200) await delay(50);
      assert.ok(moved.requests("Produce") > 0);
    });
  } finally {
    proxy.clear();
    await bootstrap.stop();
    await moved.stop();
  }
});

test("row 45: a balancer that resets: streams resume, nothing lost or double", async () => {
  const { pack, topic } = await makeStreamPack(directory);
  const servers = ["--kafka-brokers", testService("kafka"), "--create-topics"];
  await using gateway = await Gateway.start({ flags: ["--pack", pack, ...servers] });
  const balancer = await TcpProxy.start({ host: "127.0.0.1", port: gateway.port });
  const senders = sendersOf(streamUrlOf(balancer), 4);
  for (const sender of senders) await sender.connect();
  let isOver = false;
  const publishing = Promise.all(senders.map((sender) => sender.publishUntil(() => isOver)));
  for (let round = 0; round < 15; round += 1) {
    await delay(100);
    balancer.reset();
  }
  while (senders.some((sender) => sender.welcomes < 2)) await delay(20);
  isOver = true;
  const welcomes = (await publishing).flat();
  assert.ok(welcomes.length >= senders.length);
  for (const { resumed } of welcomes) assert.equal(resumed, true);
  await balancer.stop();
  assert.equal(await judgeStreams(topic, senders), 0);
  assert.equal(await gateway.stop(), 0);
});

test("row 45: a silent stream is pinged before balancers lose patience at 60 s", () => {
  assert.ok(2 * PING_MS < 60_000, "even if one ping is lost");
});
