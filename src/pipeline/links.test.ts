import assert from "node:assert/strict";
import { test } from "node:test";
import { KNOWN_ID_LENGTH_MAX } from "../limits/sessions.ts";
import { knownIdOf, saysNobodyElse } from "./links.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);

test("the known id is the record's userId, wherever the record is", () => {
  assert.equal(knownIdOf(bytes('{"type":"identify","data":{"userId":"u-1"}}'), "data"), "u-1");
  assert.equal(knownIdOf(bytes('{"type":"identify","userId":"u-2"}'), "whole"), "u-2");
  assert.equal(knownIdOf(bytes('{"type":"identify","userId":"u-3"}'), "data"), "u-3");
});

test("what is no usable id links nothing", () => {
  const long = "x".repeat(KNOWN_ID_LENGTH_MAX + 1);
  for (const text of [
    "",
    "{",
    "[]",
    "7",
    "null",
    '{"data":7}',
    '{"userId":7}',
    '{"userId":null}',
  ]) {
    assert.equal(knownIdOf(bytes(text), "data"), "", text);
  }
  assert.equal(knownIdOf(bytes(`{"userId":"${long}"}`), "whole"), "");
});

test("saysNobodyElse: only where reading the event would link nobody new", () => {
  const cases = [
    ['{"data":{"userId":"u-1"}}', "u-1", true],
    ['{"data":{"userId" : "u-1"}}', "u-1", true],
    ['{"data":{"name":"x"}}', "u-1", true],
    ['{"data":{"name":"x"}}', "", true],
    ['{"data":{"userId":"u-2"}}', "u-1", false],
    ['{"data":{"userId":"u-10"}}', "u-1", false],
    ['{"data":{"userId":"u-1"}}', "u-10", false],
    ['{"data":{"userId":"u-1"}}', "", false],
    ['{"data":{"userId":""}}', "", false],
    ['{"data":{"userId":7}}', "7", false],
    ['{"data":{"user\\u0049d":"u-2"}}', "u-1", false],
    ['{"data":{"userId":"u-1","context":{"userId":"u-2"}}}', "u-1", false],
    ['{"data":{"userId":"ü"}}', "ü", false],
  ] as const;
  for (const [event, user, expected] of cases) {
    assert.equal(saysNobodyElse(bytes(event), user), expected, event);
    const known = knownIdOf(bytes(event), "data");
    if (expected) assert.ok(known === "" || known === user, event);
  }
});
