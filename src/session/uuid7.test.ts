import assert from "node:assert/strict";
import { test } from "node:test";

import { createUuid7 } from "./uuid7.ts";

const PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("createUuid7 gives the example of RFC 9562 A.6 for its time and random bits", () => {
  const bytes = Uint8Array.of(0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f);
  const next = createUuid7({ random: (pool) => pool.set(bytes) });
  assert.equal(next(0x017f22e279b0), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
});

test("createUuid7 sets version and variant over any random bits", () => {
  for (const fill of [0x00, 0xff]) {
    const next = createUuid7({ random: (pool) => pool.fill(fill) });
    assert.match(next(1_700_000_000_000), PATTERN);
  }
});

test("createUuid7 takes the clock's time when none is given", () => {
  const next = createUuid7({ nowMs: () => 1_700_000_000_123 });
  assert.equal(timeOf(next()), 1_700_000_000_123);
});

test("createUuid7 keeps times within 48 bits and cuts fractions", () => {
  const next = createUuid7();
  assert.equal(timeOf(next(-5)), 0);
  assert.equal(timeOf(next(1.9)), 1);
  assert.equal(timeOf(next(2 ** 60)), 2 ** 48 - 1);
  assert.equal(timeOf(next(253_402_300_799_999)), 253_402_300_799_999);
});

test("createUuid7 never repeats itself and refills its random bytes", () => {
  let fills = 0;
  const next = createUuid7({
    random: (pool) => {
      fills += 1;
      crypto.getRandomValues(pool);
    },
  });
  const ids = new Set(Array.from({ length: 10_000 }, () => next(1)));
  assert.equal(ids.size, 10_000);
  assert.ok(fills > 30 && fills < 50, `${fills} fills`);
});

function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
