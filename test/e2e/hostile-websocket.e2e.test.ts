/**
 * WebSocket bytes that no client library sends: unsound upgrades, unsound framing, floods. The
 * connection goes, the process stays, and nothing is taken for an event.
 */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import { Gateway } from "../gateway.ts";
import { StreamClient } from "../stream-client.ts";

let gateway: Gateway;

before(async () => {
  gateway = await Gateway.start();
});

after(async () => {
  assert.equal(await gateway.metric("sluice_inflight_events"), 0);
  assert.equal(await gateway.stop(), 0);
});

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

function upgrade(headers: Readonly<Record<string, string>> = {}): string {
  const all = {
    Host: "x",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Protocol": "sluice.v1.json",
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return ["GET /v1/stream HTTP/1.1", ...lines, "", ""].join("\r\n");
}

interface Raw {
  readonly socket: Socket;
  /** Everything that came so far. */
  readonly text: () => string;
  readonly closed: Promise<void>;
}

/** Opens a connection, sends an upgrade, waits for the head of the answer. */
async function open(headers: Readonly<Record<string, string>> = {}): Promise<Raw> {
  const socket = connect(gateway.port, "127.0.0.1");
  let text = "";
  const closed = new Promise<void>((resolve) => {
    socket.on("close", () => resolve());
    socket.on("error", () => resolve());
  });
  const answered = new Promise<void>((resolve) => {
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (text.includes("\r\n\r\n")) resolve();
    });
  });
  socket.write(upgrade(headers));
  await Promise.race([answered, closed]);
  return { socket, text: () => text, closed };
}

function status(raw: Raw): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(raw.text())?.[1] ?? 0);
}

/** A masked frame (RFC 6455 §5.2); `head` is its first byte. */
function frame(head: number, payload: string | Buffer = ""): Buffer {
  const body = Buffer.from(payload);
  const mask = randomBytes(4);
  const long = body.length > 125;
  const size = long ? [0x80 | 126, body.length >> 8, body.length & 0xff] : [0x80 | body.length];
  const masked = body.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return Buffer.concat([Buffer.from([head, ...size]), mask, masked]);
}

const TEXT = 0x81;

function hello(): Buffer {
  return frame(TEXT, JSON.stringify({ t: "hello", v: 1, stream: randomUUID() }));
}

const HELLO = JSON.stringify({ t: "hello", v: 1, stream: randomUUID() });

test("unsound upgrades get 400, and only our subprotocol is ever chosen", async () => {
  const refused: Readonly<Record<string, string>>[] = [
    { "Sec-WebSocket-Version": "8" },
    { "Sec-WebSocket-Key": `${KEY.slice(0, -4)}!!==` },
    { "Sec-WebSocket-Protocol": "graphql-ws" },
    { "Sec-WebSocket-Protocol": "" },
    { "Sec-WebSocket-Protocol": "SLUICE.V1.JSON" },
  ];
  for (const headers of refused) {
    const raw = await open(headers);
    assert.equal(status(raw), 400, JSON.stringify(headers));
    raw.socket.destroy();
  }
  const others = Array.from({ length: 50 }, (_, index) => `other-${index}`).join(", ");
  const deflate = "permessage-deflate; client_max_window_bits=99, ".repeat(50).slice(0, -2);
  const taken: Readonly<Record<string, string>>[] = [
    { "Sec-WebSocket-Protocol": `${others}, sluice.v1.json` },
    { "Sec-WebSocket-Extensions": deflate },
    { Origin: "null" },
  ];
  for (const headers of taken) {
    const raw = await open(headers);
    assert.equal(status(raw), 101, JSON.stringify(headers));
    assert.match(raw.text(), /^sec-websocket-protocol: sluice\.v1\.json\r$/im);
    assert.doesNotMatch(raw.text(), /^sec-websocket-extensions/im);
    raw.socket.destroy();
  }
});

test("a page of another host is told 4403 without a key", async () => {
  const raw = await open({ Origin: "https://evil.example" });
  raw.socket.write(frame(TEXT, HELLO));
  await raw.closed;
  assert.match(raw.text(), /"code":"forbidden"/);
  assert.ok(raw.text().includes(Buffer.from([0x11, 0x33]).toString("latin1")), "4403");
});

test("unsound framing ends the connection", async () => {
  const huge = Buffer.concat([Buffer.from([TEXT, 0xff]), Buffer.alloc(8, 0x7f), Buffer.alloc(4)]);
  const top = Buffer.concat([Buffer.from([TEXT, 0xff]), Buffer.alloc(8, 0xff), Buffer.alloc(4)]);
  const unsound: Readonly<Record<string, Buffer>> = {
    "RSV1 without an extension": frame(TEXT | 0x40, HELLO),
    RSV2: frame(TEXT | 0x20, HELLO),
    RSV3: frame(TEXT | 0x10, HELLO),
    "a reserved opcode for events": frame(0x83, HELLO),
    "a reserved opcode for control": frame(0x8b),
    "a ping in pieces": frame(0x09),
    "a long ping": frame(0x89, "x".repeat(126)),
    "a continuation of nothing": frame(0x80, HELLO),
    "a new message within one": Buffer.concat([frame(0x01, "{"), frame(TEXT, HELLO)]),
    "2^63 bytes announced": huge,
    "the top bit of the length": top,
    "text that is not UTF-8": frame(TEXT, Buffer.from([0x22, 0xff, 0xfe, 0x22])),
  };
  for (const [name, bytes] of Object.entries(unsound)) {
    const raw = await open();
    raw.socket.write(bytes);
    await raw.closed;
    assert.doesNotMatch(raw.text(), /welcome/, name);
  }
});

test("floods of pings end the connection or are dropped; others are served meanwhile", async () => {
  const raw = await open();
  raw.socket.write(hello());
  for (let turn = 0; turn < 50; turn += 1) {
    raw.socket.write(Buffer.concat(Array.from({ length: 200 }, () => frame(0x89, "x"))));
    raw.socket.write(Buffer.concat(Array.from({ length: 200 }, () => frame(0x8a, "x"))));
  }
  const empty = await StreamClient.hello(gateway.streamUrl);
  empty.send("");
  assert.equal((await empty.closed).code, 4400);
  const flood = await open();
  flood.socket.write(hello());
  const ping = frame(TEXT, '{"t":"ping","n":1}');
  for (let turn = 0; turn < 10; turn += 1) {
    flood.socket.write(Buffer.concat(Array.from({ length: 100 }, () => ping)));
  }
  await flood.closed;
  assert.match(flood.text(), /"code":"policy"/);
  raw.socket.destroy();
});

test("a half-closed connection and bad close frames are torn down", async () => {
  for (const payload of [Buffer.from([0x03]), Buffer.from([0x03, 0xed]), Buffer.alloc(2)]) {
    const raw = await open();
    raw.socket.write(hello());
    raw.socket.write(frame(0x88, payload));
    await raw.closed;
  }
  const half = await open();
  half.socket.write(hello());
  half.socket.end();
  await half.closed;
  while ((await gateway.metric("sluice_ws_connections")) !== 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});
