import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const BUNDLE = new URL("../../build/client.js", import.meta.url);

/** What a page pays for it: 6 KiB. */
const GZIPPED_BYTES_MAX = 6 * 1024;

test("build/client.js: is at most 6 KiB gzipped and needs no other file", () => {
  const text = readFileSync(BUNDLE);
  const { length } = gzipSync(text, { level: 9 });
  assert.ok(length <= GZIPPED_BYTES_MAX, `${length} bytes gzipped, over ${GZIPPED_BYTES_MAX}`);
  assert.doesNotMatch(text.toString("utf8"), /\bimport\b/, "no import");
});
