import assert from "node:assert/strict";
import { test } from "node:test";
import { parseControlFrame, serverFrame, uuidBytes } from "./frames.ts";

const STREAM = "018f6b1a-7c2e-7a31-9a57-3b1d0c4e5f60";

function faultOf(frame: unknown): string {
  const parsed = parseControlFrame(typeof frame === "string" ? frame : JSON.stringify(frame));
  return parsed.kind === "fault" ? parsed.detail : "no fault";
}

test("parseControlFrame: a hello with all its members", () => {
  const hello = {
    t: "hello",
    v: 1,
    auth: "demo",
    stream: STREAM,
    held: [[2, 3]],
    next: 5,
    client: { name: "sdk", version: "1.2.3", more: 1 },
    resume: "r1.token",
    caps: ["zstd"],
    order: "strict",
    sentAt: "2026-11-21T10:00:00Z",
    unknown: { member: 1 },
  };
  const digits = `,"ctx":{"n":9007199254740993,"x":1.0,"s":"a"}}`;
  const parsed = parseControlFrame(JSON.stringify(hello).slice(0, -1) + digits);
  assert.deepEqual(parsed, {
    kind: "frame",
    frame: {
      t: "hello",
      version: 1,
      auth: "demo",
      resume: "r1.token",
      stream: uuidBytes(STREAM),
      held: [[2, 3]],
      next: 5,
      client: { name: "sdk", version: "1.2.3" },
      caps: ["zstd"],
      order: "strict",
      ctx: '{"n":9007199254740993,"x":1.0,"s":"a"}',
      sentAt: "2026-11-21T10:00:00Z",
      traceparent: null,
    },
  });
});

test("parseControlFrame: what is left out of a hello has its default", () => {
  const parsed = parseControlFrame(JSON.stringify({ t: "hello", v: 1, stream: STREAM }));
  assert.ok(parsed.kind === "frame" && parsed.frame.t === "hello");
  assert.equal(parsed.frame.auth, null);
  assert.deepEqual(parsed.frame.held, []);
  assert.equal(parsed.frame.next, 1);
});

test("parseControlFrame: refusals name the member", () => {
  const hello = { t: "hello", v: 1, stream: STREAM };
  assert.match(faultOf("[1]"), /one JSON object/);
  assert.match(faultOf("{"), /one JSON object/);
  assert.match(faultOf({ v: 1 }), /string member t/);
  assert.match(faultOf({ ...hello, v: "1" }), /needs v/);
  assert.match(faultOf({ ...hello, auth: 5 }), /auth/);
  assert.match(faultOf({ ...hello, stream: "mine" }), /UUID/);
  assert.match(faultOf({ ...hello, next: 0 }), /next/);
  assert.match(faultOf({ ...hello, next: 1.5 }), /next/);
  for (const held of [
    5,
    [[1]],
    [[0, 1]],
    [[2, 1]],
    [[1, 9]],
    [
      [1, 2],
      [2, 3],
    ],
    [["1", 2]],
  ]) {
    assert.match(faultOf({ ...hello, next: 9, held }), /held/, JSON.stringify(held));
  }
  assert.match(faultOf({ ...hello, client: "me" }), /client/);
  assert.match(faultOf({ ...hello, resume: 1 }), /resume/);
  assert.match(faultOf({ ...hello, caps: [1] }), /caps/);
  assert.match(faultOf({ ...hello, order: "any" }), /order/);
  assert.match(faultOf({ ...hello, ctx: [] }), /ctx/);
  assert.match(faultOf({ ...hello, sentAt: {} }), /sentAt/);
  assert.match(faultOf({ ...hello, traceparent: 1 }), /traceparent/);
  assert.match(faultOf({ t: "auth" }), /token/);
});

test("parseControlFrame: unknown frames are named, however long their name", () => {
  const parsed = parseControlFrame(JSON.stringify({ t: "x".repeat(500) }));
  assert.deepEqual(parsed, { kind: "frame", frame: { t: "unknown", name: "x".repeat(40) } });
});

test("serverFrame: t comes first, then the members", () => {
  assert.equal(serverFrame("pong", { n: 1, time: 2 }), '{"t":"pong","n":1,"time":2}');
});
