/** The HTTP twin as a socket, against a server that a test plays. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";

import { startClient } from "./client.ts";
import { HttpSocket } from "./http-socket.ts";
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
