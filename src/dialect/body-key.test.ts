import assert from "node:assert/strict";
import { it } from "node:test";

import fc from "fast-check";

import { topLevelText } from "./body-key.ts";

const find = (text: string) => topLevelText(new TextEncoder().encode(text), "writeKey");

const CASES: readonly (readonly [string, string | null])[] = [
  ['{"batch":[],"sentAt":"x","writeKey":"wk_1"}', "wk_1"],
  ['{ "writeKey" : "wk_1" , "batch":[{"writeKey":"no"}]}', "wk_1"],
  ['{"batch":[{"writeKey":"no"}]}', null],
  ['{"a":"\\"writeKey\\":\\"no\\"","b":"\\\\","writeKey":"yes"}', "yes"],
  ['{"a":"writeKey","b":1}', null],
  ['{"writeKey":7}', null],
  ['{"writeKey":null,"writeKey":"second"}', "second"],
  ['{"writeKey":"w\\u006b"}', "wk"],
  ['[{"writeKey":"no"}]', null],
  ['{"writeKey":"cut', null],
  ["", null],
  ["null", null],
];

for (const [text, key] of CASES) {
  it(`${text} → ${String(key)}`, () => assert.equal(find(text), key));
}

it("agrees with JSON.parse on every sound object", () => {
  const member = fc.oneof(fc.string(), fc.jsonValue());
  const object = fc.dictionary(fc.oneof(fc.constant("writeKey"), fc.string()), member);
  fc.assert(
    fc.property(object, fc.constantFrom(0, 2), (value, indent) => {
      const key = Object.hasOwn(value, "writeKey") ? value["writeKey"] : null;
      assert.equal(find(JSON.stringify(value, null, indent)), typeof key === "string" ? key : null);
    }),
  );
});

it("reads any bytes to their end", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void topLevelText(bytes, "writeKey")));
});
