/**
 * Two gateways behind a balancer share Kafka, Redis and the registry and nothing else: clients move
 * between them all the time, their streams go on where they were, and one gateway may leave for
 * good.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { Gateway } from "../gateway.ts";
import { testService } from "../services.ts";
import { TcpProxy } from "../tcp-proxy.ts";
import { judgeStreams, makeStreamPack, sendersOf, streamUrlOf } from "./stream-rows.ts";

let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
});

after(async () => {
  await rm(directory, { recursive: true, force: true });
});

const ROUNDS = 6;

test("clients that a balancer moves between two gateways: resumed each time, nothing lost or double", async () => {
  const { pack, topic } = await makeStreamPack(directory);
  const flags = [
    ["--pack", pack, "--create-topics", "--register-schemas"],
    ["--kafka-brokers", testService("kafka"), "--redis-url", testService("redis")],
    ["--registry-url", testService("registry")],
  ].flat();
  await using first = await Gateway.start({ flags });
  await using second = await Gateway.start({ flags });
  const places = [first, second].map(({ port }) => ({ host: "127.0.0.1", port }));
  const [one = { host: "", port: 0 }, other = one] = places;
  const balancer = await TcpProxy.start(one);
  const senders = sendersOf(streamUrlOf(balancer), 5);
  for (const sender of senders) await sender.connect();
  let isOver = false;
  const publishing = Promise.all(senders.map((sender) => sender.publishUntil(() => isOver)));
  for (let round = 0; round < ROUNDS; round += 1) {
    await delay(400);
    // Whoever connects meets the other one; who was connected is cut in the middle of a frame.
    balancer.retarget(round % 2 === 0 ? other : one);
  }
  const unclean = 'sluice_stream_claims_total{how="unclean"}';
  const uncleanAtFirst = await first.metric(unclean);
  // The first one leaves: its clients are asked to, and nothing of them is in doubt.
  first.signal("SIGTERM");
  balancer.retarget(other);
  assert.equal(await first.ended(), 0);
  while (senders.some(({ welcomes }) => welcomes < 2)) await delay(20);
  isOver = true;
  const welcomes = (await publishing).flat();
  assert.ok(welcomes.length >= senders.length, `${welcomes.length} moves`);
  // Handed over by the one that lives; in doubt only where that one stood still for too long.
  const late = uncleanAtFirst + (await second.metric(unclean));
  for (const welcome of welcomes) assert.equal(welcome["resumed"], true);
  const doubtful = welcomes.filter((welcome) => welcome["dup_possible"] === true).length;
  assert.ok(doubtful <= late, `${doubtful} welcomes in doubt, ${late} hand-overs too late`);
  await balancer.stop();
  const doubles = await judgeStreams(topic, senders);
  assert.ok(late > 0 || doubles === 0, `${doubles} doubles`);
  assert.equal(await second.stop(), 0);
});
