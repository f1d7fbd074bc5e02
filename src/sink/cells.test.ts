/** Values as COPY takes them: what COPY and jsonb cannot take is escaped, replaced or refused. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  base64Cell,
  bytesCell,
  dateCell,
  doubleCell,
  durationCell,
  jsonCell,
  storableText,
  stringCell,
  timeCell,
  timestampCell,
  UnfitValue,
  uuidBytesCell,
  uuidCell,
} from "./cells.ts";

describe("cells", () => {
  for (const [name, found, expected] of [
    ["text", stringCell('"plain ü"'), "plain ü"],
    ["escapes of COPY", stringCell(String.raw`"a\\b\tc\nd\re"`), String.raw`a\\b\tc\nd\re`],
    ["no U+0000 in text", stringCell(String.raw`"a\u0000b"`), "a\uFFFDb"],
    ["no U+0000 in jsonb", jsonCell(String.raw`{"a":"\u0000"}`), String.raw`{"a":"\\ufffd"}`],
    ["an escaped backslash", jsonCell(String.raw`{"a":"\\u0000"}`), String.raw`{"a":"\\\\u0000"}`],
    ["a parameter", storableText("a\u0000"), "a\uFFFD"],
    ["a double", doubleCell("1.5"), "1.5"],
    ["no number", doubleCell('"NaN"'), "NaN"],
    ["bytes", bytesCell(String.raw`"\u00ff\u0000A"`), String.raw`\\xff0041`],
    ["base64", base64Cell('"/wA="'), String.raw`\\xff00`],
    [
      "a UUID",
      uuidCell('"0196a1c0-1025-7013-8047-9e3779b19e37"'),
      "0196a1c0-1025-7013-8047-9e3779b19e37",
    ],
    ["a UUID as bytes", uuidBytesCell(JSON.stringify("\u0001".repeat(16))), "01".repeat(16)],
    ["a day", dateCell("-1"), "1969-12-31"],
    ["a time of day", timeCell("86399999999", 1_000n), "23:59:59.999999"],
    ["milliseconds", timestampCell("-1", 1n), "1969-12-31T23:59:59.999"],
    ["microseconds", timestampCell("-1", 1_000n), "1969-12-31T23:59:59.999999"],
    [
      "a duration",
      durationCell(JSON.stringify("\u0001\0\0\0\u0002\0\0\0\u00e8\u0003\0\0")),
      "1 months 2 days 1 seconds",
    ],
  ] as const) {
    it(name, () => assert.equal(found, expected));
  }

  for (const [name, act] of [
    ["a text that is no UUID", () => uuidCell('"x"')],
    ["a year beyond 9999", () => timestampCell("253402300800000", 1n)],
    ["a time beyond its day", () => timeCell("86400000", 1n)],
  ] as const) {
    it(`refuses ${name}`, () => assert.throws(act, UnfitValue));
  }
});
