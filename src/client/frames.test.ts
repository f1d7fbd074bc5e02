import assert from "node:assert/strict";
import { test } from "node:test";

import { CLOSE_RULES } from "../errors.ts";
import { closeClass, isWithin, parseFrame } from "./frames.ts";

test("closeClass: every code the gateway uses is met as it means it", () => {
  for (const { code, retry } of Object.values(CLOSE_RULES)) {
    const what = closeClass(code);
    // After `bye` nobody asks; a close that blames a frame ends with the culprit or for good.
    const expected = retry ? ["retry", "token"] : ["stop", "frame", "reload", "renew", "retry"];
    assert.ok(expected.includes(what), `${code} is ${what}`);
  }
  assert.equal(closeClass(4401), "token");
  assert.equal(closeClass(4409), "reload");
  assert.equal(closeClass(4410), "renew");
  for (const code of [1008, 4403, 4426]) assert.equal(closeClass(code), "stop");
});

test("closeClass: unknown codes go by their range", () => {
  assert.equal(closeClass(4444), "stop");
  assert.equal(closeClass(4450), "retry");
  assert.equal(closeClass(4599), "retry");
  assert.equal(closeClass(1006), "retry");
});

test("parseFrame: what is no frame is none", () => {
  for (const text of ["", "{", "null", "[]", '"ack"', '{"t":5}']) {
    assert.equal(parseFrame(text), undefined, text);
  }
  assert.deepEqual(parseFrame('{"t":"pong","n":1}'), { t: "pong", n: 1 });
});

test("isWithin: ranges are inclusive", () => {
  const ranges = [
    [2, 3],
    [7, 7],
  ] as const;
  assert.deepEqual(
    [1, 2, 3, 4, 7, 8].map((seq) => isWithin(ranges, seq)),
    [false, true, true, false, true, false],
  );
  assert.equal(isWithin(undefined, 1), false);
});
