import assert from "node:assert/strict";
import test from "node:test";

import fc from "fast-check";

import { JsonError, readJson, renderJson } from "./json.ts";

const DEPTH = 64;

test("readJson agrees with JSON.parse on every JSON text", () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: "grapheme" }), (text) => {
      const expected: unknown = JSON.parse(text);
      const rendered = renderJson(readJson(text, DEPTH));
      assert.deepEqual(JSON.parse(rendered), expected);
    }),
  );
});

test("readJson refuses a text if and only if JSON.parse does, but for repeats and comments", () => {
  const pieces = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"a"',
    '"b"',
    "1",
    "-0",
    "1.5e3",
    "true",
    "null",
    " ",
  ];
  const texts = fc.array(fc.constantFrom(...pieces), { maxLength: 9 }).map((list) => list.join(""));
  fc.assert(
    fc.property(texts, (text) => {
      const [ours, theirs] = [
        readable(() => readJson(text, DEPTH)),
        readable(() => JSON.parse(text)),
      ];
      if (ours !== theirs) assert.match(text, /"(a|b)".*"\1"/s, text);
    }),
    { numRuns: 5_000 },
  );
});

test("readJson keeps every digit of a number at any depth", () => {
  const digits = fc.stringMatching(
    /^-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?$/,
  );
  fc.assert(
    fc.property(digits, fc.integer({ min: 0, max: 20 }), (raw, depth) => {
      const text = '{"a":['.repeat(depth) + raw + "]}".repeat(depth);
      assert.equal(renderJson(readJson(text, DEPTH)), text);
    }),
  );
});

function readable(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    assert.ok(error instanceof JsonError || error instanceof SyntaxError);
    return false;
  }
}
