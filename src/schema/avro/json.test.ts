import assert from "node:assert/strict";
import test from "node:test";

import { describeJson, JsonError, pointerStep, readJson, renderJson } from "./json.ts";

const DEPTH = 16;

test("readJson keeps the digits of numbers as they were written", () => {
  for (const raw of ["9007199254740993", "-0", "1.0", "1e400", "0.1e-3", "123456789012345678901"]) {
    assert.deepEqual(readJson(raw, DEPTH), { kind: "number", raw });
    assert.equal(renderJson(readJson(`[ ${raw} ]`, DEPTH)), `[${raw}]`);
  }
});

test("readJson decodes escapes and keeps the order of members", () => {
  const node = readJson('{"b":"\\u00e9\\n\\ud83d\\ude00","a":[true,null],"__proto__":1}', DEPTH);
  assert.equal(renderJson(node), '{"b":"é\\n😀","a":[true,null],"__proto__":1}');
});

test("readJson takes comments in the style of C for white space", () => {
  const text = '/* a */ { // b\n "x" /*c*/ : [1 //\n, 2] }\n// end';
  assert.equal(renderJson(readJson(text, DEPTH)), '{"x":[1,2]}');
  assert.equal(renderJson(readJson('"/* no comment */ //"', DEPTH)), '"/* no comment */ //"');
});

test("readJson refuses what is not JSON and says where", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["", /the text ends where a value is expected at line 1, column 1/],
    ["{", /the name of a member is expected/],
    ['{"a":1,}', /the name of a member is expected at line 1, column 8/],
    ["[1,]", /a JSON value is expected at line 1, column 4/],
    ["[1 2]", /"," or "\]" is expected/],
    ['{"a" 1}', /":" is expected/],
    ['{"a":1,\n "a":2}', /the member "a" is there twice at line 2, column 2/],
    ['{"a":1,"\\u0061":2}', /the member "a" is there twice/],
    ["01", /only one JSON value is expected/],
    ["+1", /a JSON value is expected/],
    ["1.", /only one JSON value is expected/],
    ["tru", /a JSON value is expected/],
    ["NaN", /a JSON value is expected/],
    ["null null", /only one JSON value is expected/],
    ['"a', /the text ends inside a string/],
    ['"a\nb"', /a control character inside a string/],
    ['"\\x"', /this escape is unknown to JSON/],
    ['"\\u12g4"', /this escape is unknown to JSON/],
    ['"\\ud800"', /half of a surrogate pair/],
    ["/* a", /this comment has no end/],
    ["\ufeff1", /a JSON value is expected/],
  ];
  for (const [text, message] of cases) {
    assert.throws(
      () => readJson(text, DEPTH),
      (error) => error instanceof JsonError && message.test(error.message),
      text,
    );
  }
});

test("readJson bounds the depth, also for a hundred thousand brackets", () => {
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  assert.equal(renderJson(readJson(nested(DEPTH), DEPTH)), nested(DEPTH));
  for (const depth of [DEPTH + 1, 100_000]) {
    assert.throws(() => readJson(nested(depth), DEPTH), /nested deeper than 16/);
  }
});

test("pointerStep escapes as RFC 6901 says, describeJson has an article", () => {
  assert.equal(pointerStep("/a", "b/c~d"), "/a/b~1c~0d");
  assert.equal(pointerStep("", 0), "/0");
  const words = ["null", "true", "1", '"x"', "[]", "{}"].map((text) =>
    describeJson(readJson(text, DEPTH)),
  );
  assert.deepEqual(words, ["null", "true", "a number", "a string", "an array", "an object"]);
});
