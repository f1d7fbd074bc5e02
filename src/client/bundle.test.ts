import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

/** What a page pays for each, KiB. */
const BUNDLES = { "client.js": 6, "live.js": 3 };

for (const [name, kibMax] of Object.entries(BUNDLES)) {
  test(`build/${name}: is at most ${kibMax} KiB gzipped and needs no other file`, () => {
    const text = readFileSync(new URL(`../../build/${name}`, import.meta.url));
    const { length } = gzipSync(text, { level: 9 });
    assert.ok(length <= kibMax * 1024, `${length} bytes gzipped, over ${kibMax * 1024}`);
    assert.doesNotMatch(text.toString("utf8"), /\bimport\b/, "no import");
  });
}
