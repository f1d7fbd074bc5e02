import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TextMemo } from "./text-memo.ts";

test("TextMemo: gives the text of the bytes, whatever was read before", () => {
  const memo = new TextMemo();
  const alphabet = fc.constantFrom("a", "b", "0", "é", "\u{1f600}");
  const texts = fc.array(fc.string({ unit: alphabet, maxLength: 40 }), { maxLength: 200 });
  fc.assert(
    fc.property(texts, (written) => {
      for (const text of [...written, ...written]) {
        const memory = Buffer.from(`#${text}#`);
        assert.equal(memo.read(memory, 1, memory.length - 1), text);
      }
    }),
  );
});

test("TextMemo: more texts than it has room for, and texts that differ in one byte", () => {
  const memo = new TextMemo();
  for (let round = 0; round < 2; round += 1) {
    for (let number = 0; number < 20_000; number += 1) {
      const text = `visitor-${number.toString(36)}`;
      assert.equal(memo.read(Buffer.from(text), 0, text.length), text);
    }
  }
});
