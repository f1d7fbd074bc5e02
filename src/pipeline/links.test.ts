import assert from "node:assert/strict";
import { test } from "node:test";
import { KNOWN_ID_LENGTH_MAX } from "../limits.ts";
import { knownIdOf } from "./links.ts";

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
