import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTraceparent, parseTraceparent } from "./trace-context.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

test("parseTraceparent reads what formatTraceparent writes, sampled or not", () => {
  for (const isSampled of [true, false]) {
    const context = { traceId: TRACE, spanId: SPAN, isSampled };
    assert.deepEqual(parseTraceparent(formatTraceparent(context)), context);
  }
});

test("parseTraceparent takes later versions with further members", () => {
  assert.equal(parseTraceparent(`01-${TRACE}-${SPAN}-03-more`)?.isSampled, true);
});

test("parseTraceparent takes nothing that Trace Context forbids", () => {
  for (const text of [
    "",
    "00",
    `00-${TRACE}-${SPAN}`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE}-${SPAN}-0g`,
    ` 00-${TRACE}-${SPAN}-01`,
  ]) {
    assert.equal(parseTraceparent(text), null, text);
  }
});
