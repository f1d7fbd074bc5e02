/** Requests that no client library sends: written byte by byte, judged by what comes back. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { Gateway } from "../gateway.ts";

const EVENT =
  '{"type":"track","data":{"messageId":"h","timestamp":1,"anonymousId":"a","event":"e"}}';
const PATIENCE_MS = 3_000;

let gateway: Gateway;

before(async () => {
  gateway = await Gateway.start();
});

after(async () => {
  assert.equal(await gateway.stop(), 0);
});

interface RawAnswer {
  readonly text: string;
  readonly status: number;
  readonly isClosed: boolean;
}

/**
 * Sends bytes and gathers what comes back until the server closes, or `isDone` says it is enough.
 */
function raw(
  bytes: string | Uint8Array,
  isDone: (text: string) => boolean = (text) => /\r\n\r\n[^]*[}\n]$/.test(text),
): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const socket = connect(gateway.port, "127.0.0.1");
    let text = "";
    let patience: NodeJS.Timeout | undefined;
    const finish = (isClosed: boolean) => {
      clearTimeout(patience);
      socket.destroy();
      resolve({ text, status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), isClosed });
    };
    patience = setTimeout(() => finish(false), PATIENCE_MS);
    socket.on("connect", () => socket.write(bytes));
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      // A server that means to close does so right after its answer.
      if (isDone(text)) setTimeout(() => finish(socket.readableEnded), 50);
    });
    socket.on("end", () => finish(true));
    socket.on("error", () => finish(true));
  });
}

function post(headers: readonly string[], body: string): string {
  return ["POST /v1/events HTTP/1.1", "Host: x", ...headers, "", body].join("\r\n");
}

function chunked(body: string): string {
  return `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}

async function storedEvents(): Promise<number> {
  return (await gateway.ledger())["stored"] ?? 0;
}

test("a chunked body is served, and the connection closed behind it", async () => {
  const answer = await raw(post(["Transfer-Encoding: chunked"], chunked(EVENT)));
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.text, /"stored":1/);
  assert.match(answer.text, /^Connection: close\r$/im);
  assert.ok(answer.isClosed);
});

test("framing that cannot be trusted is refused, closes, and stores nothing", async () => {
  const storedAtFirst = await storedEvents();
  const length = `Content-Length: ${EVENT.length}`;
  const cases = {
    "another coding": post(["Transfer-Encoding: gzip, chunked"], chunked(EVENT)),
    "coding in capitals": post(["Transfer-Encoding: xchunked"], chunked(EVENT)),
    "both framings": post([length, "Transfer-Encoding: chunked"], chunked(EVENT)),
    "two lengths": post([length, "Content-Length: 5"], EVENT),
    "the same length twice": post([length, length], EVENT),
    "signed length": post([`Content-Length: +${EVENT.length}`], EVENT),
    "hexadecimal length": post(["Content-Length: 0x10"], EVENT),
    "odd expectation": post([length, "Expect: 200-ok"], EVENT),
  };
  for (const [name, bytes] of Object.entries(cases)) {
    const answer = await raw(bytes);
    assert.ok(
      answer.status === 400 || (answer.status === 0 && answer.isClosed),
      `${name}: ${answer.text}`,
    );
    assert.ok(answer.isClosed, `${name} closes the connection`);
  }
  assert.equal(await storedEvents(), storedAtFirst);
});

test("a length over the limit is refused before the body comes", async () => {
  const answer = await raw(post(["Content-Length: 99999999"], ""));
  assert.equal(answer.status, 413);
  assert.ok(answer.isClosed);
});

test("headers: 12 KiB of them are taken, 20 KiB end the connection, garbage too", async () => {
  const length = `Content-Length: ${EVENT.length}`;
  const long = (size: number) => `X-Long: ${"x".repeat(size)}`;
  assert.equal((await raw(post([length, long(12 * 1024)], EVENT))).status, 200);
  const over = await raw(post([length, long(20 * 1024)], EVENT), () => false);
  assert.notEqual(over.status, 200);
  assert.ok(over.isClosed);
  const garbage = await raw(new Uint8Array(300).fill(0x16), () => false);
  assert.notEqual(garbage.status, 200);
  assert.equal((await raw(post([length], EVENT))).status, 200, "and the process lives");
});

test("HEAD gets no body; a path ending in a slash is the same path", async () => {
  const head = await raw("HEAD /v1/events HTTP/1.1\r\nHost: x\r\n\r\n", (text) =>
    text.endsWith("\r\n\r\n"),
  );
  assert.equal(head.status, 405);
  assert.match(head.text, /\r\n\r\n$/);
  const slash = post([`Content-Length: ${EVENT.length}`], EVENT).replace("/events", "/events/");
  assert.equal((await raw(slash)).status, 200);
});

test("a client that leaves in the middle of its body leaves nothing behind", async () => {
  const socket = connect(gateway.port, "127.0.0.1");
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  socket.write(post(["Content-Length: 5000"], EVENT));
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.resetAndDestroy();
  const answer = await raw(post([`Content-Length: ${EVENT.length}`], EVENT));
  assert.equal(answer.status, 200);
  assert.equal((await gateway.ledger())["in_flight"], 0);
});

function upgrade(headers: readonly string[]): string {
  return ["GET /v1/stream HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket"]
    .concat(headers, "", "")
    .join("\r\n");
}

test("upgrades: version, key and subprotocol are looked at", async () => {
  const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
  const version = "Sec-WebSocket-Version: 13";
  const protocol = "Sec-WebSocket-Protocol: sluice.v1.json";
  const answered = (text: string) => text.includes("\r\n\r\n");
  const good = await raw(upgrade([key, version, protocol]), answered);
  assert.equal(good.status, 101);
  assert.match(good.text, /^Sec-WebSocket-Protocol: sluice\.v1\.json\r$/im);
  const many = Array.from({ length: 50 }, (_, i) => `x${i}`).join(", ");
  const cases = {
    "version 8": [key, "Sec-WebSocket-Version: 8", protocol],
    "no subprotocol": [key, version],
    "fifty other subprotocols": [key, version, `Sec-WebSocket-Protocol: ${many}`],
    "a key that is no base64": ["Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==", version, protocol],
  };
  for (const [name, headers] of Object.entries(cases)) {
    const answer = await raw(upgrade(headers), answered);
    assert.equal(answer.status, 400, `${name}: ${answer.text}`);
  }
});
