/**
 * Rows of the fault matrix about streams: sockets cut, a gateway killed, many clients at once, one
 * that does not read. Real gateways, Kafka and Redis; a consumer is the judge.
 */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Gateway } from "../gateway.ts";
import { seededRandom } from "../kafka-proxy/random.ts";
import { ResumingStream } from "../stream-client.ts";
import { TcpProxy } from "../tcp-proxy.ts";
import {
  judgeStreams,
  makeStreamPack,
  reconnectStorm,
  Sender,
  sendersOf,
  startWithMemory,
  streamUrlOf,
} from "./stream-rows.ts";

const SEED = Number(process.env["SLUICE_TEST_SEED"] ?? Date.now() % 2 ** 31);

let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
});

after(async () => {
  await rm(directory, { recursive: true, force: true });
});

test("row 36: sockets cut between sending and acks: resumed, nothing lost, nothing double", async () => {
  console.log(`seed ${SEED}`);
  const random = seededRandom(SEED);
  const { pack, topic } = await makeStreamPack(directory);
  await using gateway = await startWithMemory(pack);
  const proxy = await TcpProxy.start({ host: "127.0.0.1", port: gateway.port });
  const senders = sendersOf(streamUrlOf(proxy), 4);
  for (let round = 0; round < 15; round += 1) {
    await Promise.all(
      senders.map(async (sender) => {
        const { resumed } = await sender.connect();
        assert.equal(resumed, round > 0);
        for (let frame = 0; frame < 3; frame += 1) sender.publish(5);
      }),
    );
    await delay(random() * 15);
    proxy.cut();
    proxy.restore();
  }
  await Promise.all(senders.map((sender) => sender.settled()));
  await proxy.stop();
  assert.equal(await judgeStreams(topic, senders), 0, "the same process knows what it has");
  assert.equal(await gateway.stop(), 0);
});

test("row 32: kill -9 with unacked frames: resumed at the next process, doubles flagged", async () => {
  const { pack, topic } = await makeStreamPack(directory);
  const first = await startWithMemory(pack);
  const proxy = await TcpProxy.start({ host: "127.0.0.1", port: first.port });
  const senders = sendersOf(streamUrlOf(proxy), 6);
  await Promise.all(senders.map((sender) => sender.connect()));
  for (let frame = 0; frame < 30; frame += 1) {
    for (const sender of senders) sender.publish(5);
    await delay(3);
  }
  first.signal("SIGKILL");
  await first.ended();
  await first[Symbol.asyncDispose]();
  await using second = await startWithMemory(pack);
  proxy.retarget({ host: "127.0.0.1", port: second.port });
  await Promise.all(senders.map((sender) => sender.settled()));
  await proxy.stop();
  await judgeStreams(topic, senders);
  assert.equal(await second.stop(), 0);
});

test("row 35: 400 clients reconnect at once: all resumed, another's acks go on", () =>
  reconnectStorm(directory, 400));

/** A masked text frame (RFC 6455 §5.2). */
function textFrame(payload: string): Buffer {
  const body = Buffer.from(payload);
  const mask = randomBytes(4);
  const size = body.length > 125 ? [0x80 | 126, body.length >> 8, body.length & 0xff] : [];
  const head = Buffer.from([0x81, ...(size.length > 0 ? size : [0x80 | body.length])]);
  return Buffer.concat([head, mask, body.map((byte, index) => byte ^ (mask[index % 4] ?? 0))]);
}

const FRAMES_MAX = 2_000;
const BAD_EVENTS = 50;
const DEAF_CLIENTS = 4;
/** Each may have its backlog of 1 MiB; the rest is what a busy process takes. */
const GROWTH_BYTES_MAX = 160 * 1024 * 1024;

/**
 * Says hello, reads the welcome, and from then on only sends: events that each cost an answer.
 * Gives the frames it could send before it was closed.
 */
async function deafClient(gateway: Gateway): Promise<number> {
  const socket = connect(gateway.port, "127.0.0.1");
  let isClosed = false;
  socket.on("error", () => {});
  socket.on("close", () => {
    isClosed = true;
  });
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  const headers = [
    "Host: x",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Protocol: sluice.v1.json",
  ];
  socket.write(["GET /v1/stream HTTP/1.1", ...headers, "", ""].join("\r\n"));
  while (!text.includes("\r\n\r\n")) await delay(5);
  socket.write(textFrame(JSON.stringify({ t: "hello", v: 1, stream: randomUUID() })));
  while (!text.includes('"welcome"')) await delay(5);
  socket.pause();
  const bad = { type: "search", id: "x".repeat(190), data: { query: 5 } };
  let frames = 0;
  for (; frames < FRAMES_MAX && !isClosed; frames += 1) {
    const events = Array.from({ length: BAD_EVENTS }, () => bad);
    socket.write(textFrame(JSON.stringify({ t: "pub", seq: 1 + frames * BAD_EVENTS, events })));
    await delay(5);
  }
  socket.destroy();
  return frames;
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

test("row 38: clients that do not read are closed, memory is bounded, others are served", async () => {
  const { pack, topic } = await makeStreamPack(directory);
  await using gateway = await startWithMemory(pack);
  const bystander = new Sender("by", new ResumingStream(gateway.streamUrl));
  await bystander.connect();
  bystander.publish(10);
  const bytesBefore = await residentBytes(gateway.run.pid);
  const deaf = await Promise.all(Array.from({ length: DEAF_CLIENTS }, () => deafClient(gateway)));
  const grown = (await residentBytes(gateway.run.pid)) - bytesBefore;
  assert.ok(grown < GROWTH_BYTES_MAX, `memory grew by ${grown} bytes`);
  for (const frames of deaf) assert.ok(frames < FRAMES_MAX, "it was closed long before");
  assert.equal(await gateway.metric('sluice_ws_closed_total{code="1006"}'), DEAF_CLIENTS);
  assert.equal(await gateway.metric('sluice_ws_backlogs_total{result="cut"}'), DEAF_CLIENTS);
  assert.ok((await gateway.metric('sluice_ws_backlogs_total{result="waited"}')) > 0);
  bystander.publish(10);
  await bystander.settled();
  assert.equal(await judgeStreams(topic, [bystander]), 0);
  assert.equal(await gateway.stop(), 0);
});
