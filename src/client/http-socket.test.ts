/** The HTTP twin as a socket, against a server that a test plays. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";

import { startClient } from "./client.ts";
import { AGAIN, isWithin, RANGES_MAX } from "./frames.ts";
import { FALLBACK_MS, HttpSocket } from "./http-socket.ts";
import { memoryStore } from "./memory-store.ts";
import { seededRandom, VirtualTime } from "./testing/virtual-time.ts";

test("HttpSocket: a request that is never answered is given up, and sent again", async () => {
  const requests: ServerResponse[] = [];
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      requests.push(response);
      server.emit("asked");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const time = new VirtualTime();
  const { client } = startClient(
    {
      url: `http://127.0.0.1:${port}`,
      writeKey: "demo",
      WebSocket: HttpSocket,
      clock: time,
      random: seededRandom(3),
    },
    memoryStore(),
  );
  const asked = async (count: number) => {
    while (requests.length < count) await once(server, "asked");
    return requests[count - 1];
  };
  const tracked = client.track("a", {});
  await time.run(100);
  (await asked(1))?.end(JSON.stringify({ upto: 0, resume: "r", credit: { seq: 100 } }));
  await asked(2);
  // That one stays without an answer.
  assert.ok(await time.run(120_000, () => client.state === "offline"), "it is given up");
  await time.run(5_000, () => client.state === "connecting");
  (await asked(3))?.end(JSON.stringify({ upto: 1, resume: "r", credit: { seq: 100 } }));
  assert.equal((await tracked.outcome()).outcome, "stored");
  server.closeAllConnections();
  server.close();
});

test("HttpSocket: what is held in many pieces is said in as many ranges as a hello may have", async (context) => {
  const held: (readonly (readonly [number, number])[])[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const said = JSON.parse(Buffer.concat(chunks).toString("utf8")) as {
        readonly held: readonly (readonly [number, number])[];
        readonly seq: number;
        readonly events: readonly unknown[];
      };
      held.push(said.held);
      // Every other event is to be sent again: its partition is away.
      const seqs = said.events.map((_, index) => said.seq + index);
      const sack = seqs.filter((seq) => seq % 2 === 0).map((seq) => [seq, seq]);
      const retry = seqs.filter((seq) => seq % 2 === 1).map((seq) => ({ seq, code: "later" }));
      response.end(JSON.stringify({ upto: 0, sack, retry, resume: "r", credit: { seq: 1_000 } }));
    });
  });
  server.listen(0, "127.0.0.1");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const socket = new HttpSocket(`ws://127.0.0.1:${port}/v1/stream`);
  const told = (): Promise<void> =>
    new Promise((resolve) => {
      socket.onmessage = () => resolve();
    });
  const say = (frame: object): Promise<void> => {
    socket.send(JSON.stringify(frame));
    return told();
  };
  await say({ t: "hello", stream: "s", held: [], next: 1 });
  await say({ t: "pub", seq: 1, events: Array.from({ length: 400 }, () => ({})) });
  await say({ t: "pub", seq: 1, events: [{}] });
  const [, , last = []] = held;
  assert.ok(last.length <= RANGES_MAX, `${last.length} ranges`);
  for (let seq = 1; seq <= 399; seq += 2) assert.ok(isWithin(last, seq), `${seq} is held`);
  assert.ok(!isWithin(last, 401), "what was never sent is not");
});

test("HttpSocket: after a while it makes room for a WebSocket, when nothing is open", async (context) => {
  let upto = 1;
  const server = createServer((request, response) => {
    request.resume();
    response.end(JSON.stringify({ upto, resume: "r", credit: { seq: 1_000 } }));
  });
  server.listen(0, "127.0.0.1");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  context.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  const socket = new HttpSocket(`ws://127.0.0.1:${port}/v1/stream`);
  const closed: number[] = [];
  socket.onclose = ({ code }) => void closed.push(code);
  const say = (frame: object): Promise<void> =>
    new Promise((resolve) => {
      // What it says, then whether it closes.
      socket.onmessage = () => setImmediate(resolve);
      socket.send(JSON.stringify(frame));
    });
  await say({ t: "hello", stream: "s", held: [], next: 1 });
  context.mock.timers.tick(FALLBACK_MS - 1);
  await say({ t: "pub", seq: 1, events: [{}] });
  assert.deepEqual(closed, []);
  context.mock.timers.tick(1);
  await say({ t: "pub", seq: 2, events: [{}] });
  assert.deepEqual(closed, [], "its second event has no outcome yet");
  upto = 3;
  await say({ t: "pub", seq: 3, events: [{}] });
  assert.deepEqual(closed, [AGAIN]);
  socket.close();
});
