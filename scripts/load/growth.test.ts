import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Look } from "./gateway-watch.ts";
import { growthComplaints, growthOf } from "./growth.ts";

const MEBIBYTE = 1024 * 1024;

/** Looks of so many seconds; garbage piles up for ten seconds and is collected. */
function looksOf(seconds: number, changes: (second: number) => Partial<Look> = () => ({})): Look[] {
  return Array.from({ length: seconds }, (_, second) => ({
    atMs: 1_000_000 + second * 1_000,
    cpuSeconds: second,
    inflightEvents: 0,
    streams: 100,
    loopBusy: 0.3,
    residentBytes: 230 * MEBIBYTE,
    heapBytes: (60 + (second % 10) * 8) * MEBIBYTE,
    externalBytes: 4 * MEBIBYTE,
    codecBytes: 69 * MEBIBYTE,
    descriptors: 130 + (second % 7),
    ...changes(second),
  }));
}

const complaintsOf = (looks: readonly Look[]): readonly string[] =>
  growthComplaints(growthOf(looks));

describe("growthOf", () => {
  it("takes garbage that comes and goes for none", () => {
    assert.deepEqual(complaintsOf(looksOf(240)), []);
  });

  it("does not judge how a process warms up", () => {
    const warm = (second: number) => ({
      residentBytes: Math.min(300, 150 + 2 * second) * MEBIBYTE,
    });
    assert.deepEqual(complaintsOf(looksOf(240, warm)), []);
  });

  it("finds what is held for every event, under the garbage", () => {
    const leak = (second: number) => ({
      heapBytes: (60 + (second % 10) * 8 + second * 0.25) * MEBIBYTE,
    });
    const [sentence = "", ...others] = complaintsOf(looksOf(240, leak));
    assert.match(sentence, /live objects.* rose by 3\d\.\d MiB/);
    assert.deepEqual(others, []);
  });

  it("finds descriptors that are not closed, and a codec that grows", () => {
    const descriptors = complaintsOf(looksOf(240, (second) => ({ descriptors: 130 + second })));
    assert.match(descriptors.join(" "), /^A leak\? From 226 on open descriptors rose by 120/);
    const grown = (second: number) => ({ codecBytes: (69 + Math.floor(second / 60)) * MEBIBYTE });
    assert.match(complaintsOf(looksOf(300, grown)).join(" "), /the codec's memory/);
  });

  it("a scrape that came late, or one odd moment, is no direction", () => {
    const odd = (second: number) => (second === 230 ? { residentBytes: 900 * MEBIBYTE } : {});
    assert.deepEqual(complaintsOf(looksOf(240, odd)), []);
  });

  it("says so where the time is too short to tell", () => {
    assert.match(complaintsOf(looksOf(100)).join(" "), /three minutes at least/);
    assert.match(complaintsOf([]).join(" "), /three minutes at least/);
  });
});
