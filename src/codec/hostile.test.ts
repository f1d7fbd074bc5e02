/**
 * Hostile shapes: whatever the text, there is an answer, and its work is linear. That it is fast is
 * measured by bench/codec-growth.ts; here only the answers count, on sizes at which anything worse
 * than linear would not come back in time.
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { ROW_STATUS } from "../records.ts";
import { Harness, recordOf } from "./testing/harness.ts";
import { HOSTILE_SHAPES, hostileSchema } from "./testing/hostile.ts";

const SIZE = 2_000_000;
/** The build with assertions, which watch the bounds. */
const DEBUG_MODULE = new URL("../../build/codec.debug.wasm", import.meta.url);

describe("hostile shapes", () => {
  let harness: Harness;
  before(async () => {
    harness = await Harness.create({ moduleUrl: DEBUG_MODULE });
    harness.route({ type: "hostile", schemaText: hostileSchema() });
    harness.route({ type: "empty", schemaText: recordOf({}) });
  });

  for (const { name, make, expected } of HOSTILE_SHAPES) {
    it(`${name}: ${expected}`, () => {
      const text = make(SIZE);
      const result = harness.frame(text, { payload: "whole", defaultType: "hostile" });
      assert.equal(outcome(harness, result), expected);
      assert.equal(harness.codec.stats().traps, 0);
    });
  }

  it("many bad events, lines and names each cost their own length", () => {
    const bad = Array<string>(2_500).fill('{"type":"hostile","data":{"double":[[[[[[[[]]]]]]]]}}');
    const rows = harness.rows(`[${bad.join(",")}]`);
    assert(rows.every(({ status }) => status === ROW_STATUS.invalid));
    const open = Array<string>(2_500).fill('{"type":"hostile","data":{"any":[{"a":[');
    const lines = harness.rows(open.join("\n"), { shape: "ndjson" });
    assert(lines.every(({ fault }) => fault?.kind === "syntax"));
    const illFormed = Buffer.from(bad.map((text) => text.replace("[[]]", '"\u0001"')).join("\n"));
    for (let at = illFormed.indexOf(1); at >= 0; at = illFormed.indexOf(1)) illFormed[at] = 0xff;
    const utf8 = harness.rows(new Uint8Array(illFormed), { shape: "ndjson" });
    assert(utf8.every(({ fault }) => fault?.kind === "utf8"));
  });

  it("defaults that blow up stop at the record's limit, and leave the next event alone", () => {
    const fields = [{ name: "s", type: "string", default: "x".repeat(1_000) }];
    const items = { type: "record", name: "Fat", fields };
    harness.route({ type: "fat", schemaText: recordOf({ list: { type: "array", items } }) });
    const fat = `{"type":"fat","data":{"list":[${Array(2_000).fill("{}").join(",")}]}}`;
    const frame = `[${Array(40).fill(fat).join(",")},{"type":"empty","data":{}}]`;
    const rows = harness.rows(frame);
    assert.equal(rows[0]?.status, ROW_STATUS.tooLarge);
    assert.equal(rows[40]?.status, ROW_STATUS.encoded);
    const slim = fat.replace(/\[.*\]/, `[${Array(800).fill("{}").join(",")}]`);
    const full = harness.rows(`[${Array(40).fill(slim).join(",")},{"type":"empty","data":{}}]`);
    assert.equal(full[0]?.status, ROW_STATUS.encoded);
    assert.equal(full[39]?.status, ROW_STATUS.tooLarge, "the arena is full by then");
    assert.equal(full[40]?.status, ROW_STATUS.encoded);
  });
});

function outcome(harness: Harness, result: ReturnType<Harness["frame"]>): string {
  if (result.kind !== "table") return result.kind === "fault" ? result.problem : result.kind;
  const status = result.table.status[0];
  if (status === ROW_STATUS.encoded) return "encoded";
  return status === ROW_STATUS.tooLarge ? "too_large" : (harness.codec.describe(0).kind ?? "");
}
