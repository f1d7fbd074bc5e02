/**
 * The rows of the bad-input matrix about WebSockets: bytes that no client library sends, and frames
 * of the subprotocol out of place. The connection goes, the process stays, nothing is taken for an
 * event, and a client beside them is never harmed.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { Beside, soundEvent } from "../beside.ts";
import { Gateway } from "../gateway.ts";
import { FIN, OPCODE, RawPeer, SOUND_KEY, closeCodes, frame, textFrame } from "../raw-peer.ts";
import { untilClosed, upgradeHead } from "../raw-peer.ts";
import { StreamClient } from "../stream-client.ts";

/** As a client hears it that was cut without a close frame. */
const CUT = 1006;

let gateway: Gateway;
let beside: Beside;

before(async () => {
  gateway = await Gateway.start();
  beside = await Beside.start(gateway);
});

after(async () => {
  await beside.end();
  assert.equal(await gateway.stop(), 0);
});

const helloFrame = () => ({ t: "hello", v: 1, stream: randomUUID(), next: 1 });

const pubFrame = (seq: number, count = 1) => ({
  t: "pub",
  seq,
  events: Array.from({ length: count }, () => JSON.parse(soundEvent(`ws-${seq}`)) as object),
});

/** A raw connection that has its welcome. */
async function welcomed(): Promise<RawPeer> {
  const peer = await RawPeer.upgraded(gateway.port);
  peer.send(textFrame(helloFrame()));
  await peer.until((text) => text.includes('"t":"welcome"'));
  return peer;
}

/** Sends bytes and gives the code with which the server closes. */
async function closing(peer: RawPeer, bytes: Uint8Array): Promise<number> {
  peer.send(bytes);
  await peer.closed();
  peer.end();
  return closeCodes(peer.text).at(-1) ?? CUT;
}

/** Hears with which code the server closes after these frames. */
async function closedAfter(...frames: readonly object[]): Promise<number> {
  const client = await StreamClient.open(gateway.streamUrl);
  for (const each of frames) client.send(each);
  return (await client.closed).code;
}

test("input 1: an empty message is 4400, before hello and after", async () => {
  const early = await RawPeer.upgraded(gateway.port);
  assert.equal(await closing(early, textFrame("")), 4400);
  assert.equal(await closing(await welcomed(), textFrame("")), 4400);
  await beside.unharmed();
});

test("input 11: text that is not UTF-8 is cut, a binary frame is 1003", async () => {
  for (const hex of ["c080", "eda080", "e697", "f4908080", "ff"]) {
    const bytes = Buffer.from(`22${hex}22`, "hex");
    assert.equal(await closing(await welcomed(), frame(FIN | OPCODE.text, bytes)), CUT, hex);
    assert.equal(await closing(await welcomed(), frame(FIN | OPCODE.binary, bytes)), 1003, hex);
  }
  const pieces = [frame(OPCODE.text, Buffer.from([0xe6])), frame(FIN, Buffer.from([0x41]))];
  assert.equal(await closing(await welcomed(), Buffer.concat(pieces)), CUT, "over two fragments");
  await beside.unharmed();
});

const PUB = JSON.stringify(pubFrame(1));
const announcing = (fill: number) => {
  return Buffer.concat([Buffer.from([FIN | OPCODE.text, 0xff]), Buffer.alloc(8, fill), PUB_MASK]);
};
const PUB_MASK = Buffer.alloc(4);
const UNSOUND: Readonly<Record<string, Buffer>> = {
  "RSV1 without an extension": frame(FIN | OPCODE.text | 0x40, PUB),
  RSV2: frame(FIN | OPCODE.text | 0x20, PUB),
  RSV3: frame(FIN | OPCODE.text | 0x10, PUB),
  ...Object.fromEntries(
    [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => [
      `opcode ${opcode}`,
      frame(FIN | opcode, opcode < 8 ? PUB : ""),
    ]),
  ),
  "a ping in pieces": frame(OPCODE.ping),
  "a close in pieces": frame(OPCODE.close, Buffer.from([3, 232])),
  "a long ping": frame(FIN | OPCODE.ping, "x".repeat(126)),
  "a continuation of nothing": frame(FIN, PUB),
  "a new message within one": Buffer.concat([frame(OPCODE.text, "{"), textFrame(PUB)]),
  "2^63 − 1 bytes announced": announcing(0x7f),
  "the top bit of the length": announcing(0xff),
  "more than a frame may have": frame(FIN | OPCODE.text, "x".repeat(512 * 1024 + 1)),
};

test("input 32: unsound framing ends the connection, before hello and after", async () => {
  const closedBefore = await closedCount();
  for (const [name, bytes] of Object.entries(UNSOUND)) {
    const early = await RawPeer.upgraded(gateway.port);
    assert.equal(await closing(early, bytes), CUT, name);
    assert.equal(await closing(await welcomed(), bytes), CUT, name);
  }
  assert.equal((await closedCount()) - closedBefore, 2 * Object.keys(UNSOUND).length, "counted");
  await beside.unharmed();
});

function closedCount(): Promise<number> {
  return gateway.metric('sluice_ws_closed_total{code="1006"}');
}

test("input 32: a frame without a mask stores nothing and closes", async () => {
  const peer = await welcomed();
  const body = Buffer.from(PUB);
  const bare = Buffer.concat([Buffer.from([FIN | OPCODE.text, 126, 0, body.length]), body]);
  // uWebSockets takes four of its bytes for the mask: what comes out is no text, or no frame.
  await closing(peer, Buffer.concat([bare, bare]));
  await beside.unharmed();
});

test("input 33: fragments without end are cut at the size of a frame", async () => {
  const peer = await welcomed();
  const rest = Buffer.concat(Array.from({ length: 4_096 }, () => frame(OPCODE.more, "x")));
  peer.send(frame(OPCODE.text, "{"));
  while (!peer.isClosed) {
    peer.send(rest);
    await new Promise((resolve) => setImmediate(resolve));
    await drained(peer);
  }
  peer.end();
  await beside.unharmed();
});

/** Waits until what was sent has left, or nobody takes it any more. */
async function drained(peer: RawPeer): Promise<void> {
  while (!peer.isClosed && peer.socket.writableLength > 0) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

test("input 33: 100 000 empty fragments, pings and pongs harm nobody", async () => {
  const peers = [
    [frame(OPCODE.text, "{"), frame(OPCODE.more)],
    [frame(FIN | OPCODE.ping, "x"), frame(FIN | OPCODE.pong, "x")],
  ].map(async ([first = frame(OPCODE.more), repeated = first]) => {
    const peer = await welcomed();
    peer.send(first);
    const many = Buffer.concat(Array.from({ length: 10_000 }, () => repeated));
    for (let round = 0; round < 10 && !peer.isClosed; round += 1) {
      peer.send(many);
      await drained(peer);
    }
    peer.end();
  });
  await Promise.all(peers);
  await beside.unharmed();
});

test("input 33: a flood of frames that are not events is closed with 1008", async () => {
  const flood = Array.from({ length: 500 }, () => textFrame({ t: "ping", n: 1 }));
  const peer = await welcomed();
  assert.equal(await closing(peer, Buffer.concat(flood)), 1008);
  assert.match(peer.text, /"code":"policy"/);
  await beside.unharmed();
});

test("input 34: 1 000 headers that announce a full frame, then silence: closed with 4408", async () => {
  const head = Buffer.concat([Buffer.from([FIN | OPCODE.text, 0xff]), Buffer.alloc(8), PUB_MASK]);
  head.writeBigUInt64BE(BigInt(512 * 1024), 2);
  const residentBytes = await gateway.metric("process_resident_memory_bytes");
  const peers = await Promise.all(
    Array.from({ length: 1_000 }, async () => {
      const peer = await RawPeer.upgraded(gateway.port);
      peer.send(head);
      return peer;
    }),
  );
  const grown = (await gateway.metric("process_resident_memory_bytes")) - residentBytes;
  assert.ok(grown < 100 * 1024 * 1024, `${grown} bytes for 500 MiB announced`);
  const codes = await Promise.all(
    peers.map(async (peer) => {
      await peer.closed();
      peer.end();
      return closeCodes(peer.text).at(-1);
    }),
  );
  assert.deepEqual([...new Set(codes)], [4408]);
  await beside.unharmed();
});

test("input 35: close frames, sound or not, end the connection, and what is in flight", async () => {
  const code = (value: number, reason: string | Buffer = "") =>
    Buffer.concat([Buffer.from([value >> 8, value & 0xff]), Buffer.from(reason)]);
  const sound = [1000, 1001, 1002, 1003, 1007, 1011, 3000, 3999, 4000, 4999];
  const unsound = [0, 999, 1004, 1005, 1006, 1016, 2999, 5000, 65_535];
  const payloads = [
    Buffer.alloc(0),
    Buffer.from([3]),
    code(1000, Buffer.from([0xff])),
    code(1000, "x".repeat(123)),
    ...[...sound, ...unsound].map((value) => code(value)),
  ];
  for (const payload of payloads) {
    const peer = await welcomed();
    await closing(peer, Buffer.concat([textFrame(PUB), frame(FIN | OPCODE.close, payload)]));
  }
  await beside.unharmed({ stored: payloads.length });
});

test("input 35: a half-closed connection is torn down, and its event is stored", async () => {
  const peer = await welcomed();
  peer.send(textFrame(PUB));
  peer.socket.end();
  await peer.closed();
  await beside.unharmed({ stored: 1 });
});

test("input 36: unsound upgrades are refused, and only our subprotocol is ever chosen", async () => {
  const refused: Readonly<Record<string, string | undefined>>[] = [
    { "Sec-WebSocket-Version": "8" },
    { "Sec-WebSocket-Version": undefined },
    { "Sec-WebSocket-Key": `${SOUND_KEY.slice(0, -4)}!!==` },
    { "Sec-WebSocket-Key": SOUND_KEY.slice(4) },
    { "Sec-WebSocket-Protocol": "graphql-ws" },
    { "Sec-WebSocket-Protocol": "" },
    { "Sec-WebSocket-Protocol": undefined },
    { "Sec-WebSocket-Protocol": "SLUICE.V1.JSON" },
    { "Content-Length": "5" },
  ];
  for (const headers of refused) {
    const peer = await untilClosed(gateway.port, upgradeHead(headers));
    const status = peer.answers[0]?.status ?? 0;
    assert.ok([0, 400, 426].includes(status), `${JSON.stringify(headers)}: ${peer.text}`);
  }
  const plain = await untilClosed(gateway.port, "GET /v1/stream HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.equal(plain.answers[0]?.status, 426);
  const others = Array.from({ length: 50 }, (_, index) => `other-${index}`).join(", ");
  const deflate = "permessage-deflate; client_max_window_bits=99, ".repeat(50).slice(0, -2);
  const taken: Readonly<Record<string, string>>[] = [
    { "Sec-WebSocket-Protocol": `${others}, sluice.v1.json` },
    { "Sec-WebSocket-Extensions": deflate },
    { Origin: "null" },
  ];
  for (const headers of taken) {
    const peer = await RawPeer.upgraded(gateway.port, upgradeHead(headers));
    assert.match(peer.text, /^sec-websocket-protocol: sluice\.v1\.json\r$/im);
    assert.doesNotMatch(peer.text, /^sec-websocket-extensions/im);
    peer.end();
  }
  await beside.unharmed();
});

test("input 36: a page of another host is told 4403 without a key", async () => {
  const head = upgradeHead({ Origin: "https://evil.example" });
  const peer = await RawPeer.upgraded(gateway.port, head);
  assert.equal(await closing(peer, textFrame(helloFrame())), 4403);
  assert.match(peer.text, /"code":"forbidden"/);
  await beside.unharmed();
});

test("input 37: frames out of place and out of turn are closed with their code", async () => {
  assert.equal(await closedAfter(pubFrame(1)), 4408, "a pub first");
  assert.equal(await closedAfter(helloFrame(), helloFrame()), 4400, "two hellos");
  assert.equal(await closedAfter({ ...helloFrame(), v: 99 }), 4426, "version 99");
  assert.equal(await closedAfter({ ...helloFrame(), next: -1 }), 4400, "next −1");
  assert.equal(await closedAfter([]), 4400, "no object");
  await beside.unharmed();
});

test("input 37: unknown frames and those of servers are told so, and nothing else happens", async () => {
  const client = await StreamClient.hello(gateway.streamUrl);
  for (const t of ["ack", "welcome", "credit", "no such frame", "__proto__"]) {
    const from = client.frames.length;
    client.send({ t, upto: 9, seq: 9, credit: { seq: 1e9, bytes: 1e9 } });
    const error = await client.next("error", from);
    assert.equal(error["code"], "unknown_type", t);
    assert.equal(error["fatal"], false);
  }
  client.send(pubFrame(1));
  await client.acked(1);
  client.close();
  await beside.unharmed({ stored: 1 });
});

test("input 37: a gap is 4400, what was sent is dup, over credit is 4429", async () => {
  const gap = await StreamClient.hello(gateway.streamUrl);
  gap.send(pubFrame(2));
  assert.equal((await gap.closed).code, 4400);
  const again = await StreamClient.hello(gateway.streamUrl);
  again.send(pubFrame(1));
  await again.acked(1);
  const from = again.frames.length;
  again.send(pubFrame(1));
  assert.deepEqual((await again.next("ack", from))["dup"], [[1, 1]]);
  again.close();
  const over = await StreamClient.hello(gateway.streamUrl);
  over.send(pubFrame(1, 150));
  assert.equal((await over.closed).code, 4429);
  await beside.unharmed({ stored: 1 });
});

test("input 38: a resume token that was torn or altered is refused", async () => {
  const stream = randomUUID();
  const first = await StreamClient.hello(gateway.streamUrl, { stream });
  first.send(pubFrame(1));
  await first.acked(1);
  first.close();
  await first.closed;
  const token = String((await first.next("welcome"))["resume"]);
  const flipped = Buffer.from(token);
  flipped[token.length - 5] = (flipped[token.length - 5] ?? 0) ^ 1;
  const forged = [token.slice(0, -1), `${token}A`, flipped.toString("latin1"), "", "r1.", "x"];
  for (const resume of forged) {
    const code = await closedAfter({ t: "hello", v: 1, stream, next: 2, resume });
    assert.equal(code, 4410, resume);
  }
  await beside.unharmed({ stored: 1 });
});

test("input 38: a token on two sockets at once: the later one has the stream", async () => {
  const stream = randomUUID();
  const first = await StreamClient.hello(gateway.streamUrl, { stream });
  const resume = String((await first.next("welcome"))["resume"]);
  const later = await StreamClient.hello(gateway.streamUrl, { stream, resume });
  assert.equal((await first.closed).code, 4409);
  const both = await Promise.all(
    [1, 2].map(async () => {
      const client = await StreamClient.open(gateway.streamUrl);
      client.send({ t: "hello", v: 1, stream, next: 1, resume });
      return client;
    }),
  );
  assert.equal((await later.closed).code, 4409);
  const codes = await Promise.race(both.map(async (client) => (await client.closed).code));
  assert.equal(codes, 4409, "one of both loses");
  for (const client of both) client.close();
  await beside.unharmed();
});
