import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { test } from "node:test";

import { createRedisClient } from "./redis-client.ts";

interface Subscription {
  readonly socket: Socket;
  /** From 1. */
  readonly connection: number;
  readonly channel: string;
}

/** Answers the handshake; what SUBSCRIBE gets is the caller's. */
function fakeRedis(onSubscribe: (subscription: Subscription) => void) {
  let connection = 0;
  return createServer((socket) => {
    connection += 1;
    const number = connection;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      const words = chunk.toString().split("\r\n");
      for (const [index, word] of words.entries()) {
        if (word.toLowerCase() === "hello") socket.write("%1\r\n$5\r\nproto\r\n:3\r\n");
        else if (word.toLowerCase() === "setname") socket.write("+OK\r\n");
        else if (word.toLowerCase() === "subscribe") {
          onSubscribe({ socket, connection: number, channel: words[index + 2] ?? "" });
        }
      }
    });
  });
}

test("a connection that breaks while it subscribes anew: nobody's promise is left rejected", async () => {
  let subscriptions = 0;
  const server = fakeRedis(({ socket, connection, channel }) => {
    subscriptions += 1;
    // The first connection breaks after its answer, the second one before it.
    const size = Buffer.byteLength(channel);
    if (connection !== 2) {
      socket.write(`>3\r\n$9\r\nsubscribe\r\n$${size}\r\n${channel}\r\n:1\r\n`);
    }
    if (connection <= 2) setTimeout(() => socket.destroy(), 5);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A server that listens on TCP has an address with a port.
  const { port } = server.address() as AddressInfo;
  const client = createRedisClient({
    url: `redis://127.0.0.1:${port}`,
    connectionName: "test",
    deadlineMs: 5_000,
    reconnectMsMax: 50,
  });
  client.on("error", () => {});
  const answers: string[] = [];
  const done = new Promise<void>((resolve) => {
    client.on("ready", () => {
      client.subscribe("news").then(
        () => {
          answers.push("subscribed");
          if (answers.length === 3) resolve();
        },
        () => answers.push("failed"),
      );
    });
  });
  try {
    await client.connect();
    await done;
    assert.deepEqual(answers, ["subscribed", "failed", "subscribed"]);
    assert.equal(subscriptions, 3, "each connection is subscribed once, by its owner");
  } finally {
    client.disconnect();
    server.close();
  }
});
