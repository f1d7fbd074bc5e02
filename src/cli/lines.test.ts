import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { isBlank, LineSplitter, type Line } from "./lines.ts";

function split(chunks: readonly string[], lineBytesMax = 10): Array<string | number> {
  const splitter = new LineSplitter(lineBytesMax);
  const lines: Line[] = chunks.flatMap((chunk) => [...splitter.push(Buffer.from(chunk))]);
  const last = splitter.finish();
  if (last !== undefined) lines.push(last);
  assert.deepEqual(
    lines.map((line) => line.index),
    lines.map((_, index) => index),
  );
  return lines.map((line) =>
    line.bytes === undefined ? line.length : Buffer.from(line.bytes).toString(),
  );
}

describe("LineSplitter", () => {
  it("lines, however the chunks are cut, are the same", () => {
    const text = "one\n\ntwo\r\n€€\nend";
    const bytes = Buffer.from(text);
    const expected = ["one", "", "two\r", "€€", "end"];
    for (let size = 1; size <= bytes.length; size += 1) {
      const splitter = new LineSplitter(10);
      const lines: Line[] = [];
      for (let start = 0; start < bytes.length; start += size) {
        lines.push(...splitter.push(bytes.subarray(start, start + size)));
      }
      const last = splitter.finish();
      assert.ok(last !== undefined);
      assert.deepEqual(
        [...lines, last].map((line) => Buffer.from(line.bytes ?? []).toString()),
        expected,
      );
    }
  });
  it("a newline at the end, makes no further line", () => {
    assert.deepEqual(split(["a\n"]), ["a"]);
  });
  it("a line of exactly the bound, is kept; a longer one is counted and dropped", () => {
    assert.deepEqual(split(["0123456789\n0123456789", "x\nafter\n"]), ["0123456789", 11, "after"]);
  });
  it("an endless last line, is counted", () => {
    assert.deepEqual(split(Array.from({ length: 100 }, () => "0123456789")), [1000]);
  });
});

describe("isBlank", () => {
  it("white space of JSON, is blank; anything else is not", () => {
    assert.equal(isBlank(Buffer.from(" \t\r")), true);
    assert.equal(isBlank(Buffer.from("\u00a0")), false);
    assert.equal(isBlank(Buffer.from("\ufeff")), false);
  });
});
