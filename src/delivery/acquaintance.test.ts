import assert from "node:assert/strict";
import { test } from "node:test";

import { Acquaintance } from "./acquaintance.ts";

test("Acquaintance: one record of a partition until it is stored, then as many as there are", () => {
  const acquaintance = new Acquaintance();
  acquaintance.begin(0);
  acquaintance.handedOver(3, 1);
  assert.deepEqual([acquaintance.admits(3, 1), acquaintance.admits(3, 2)], [false, true]);
  acquaintance.end();
  acquaintance.begin(1);
  for (let i = 0; i < 3; i += 1) {
    assert.ok(acquaintance.admits(3, 1));
    acquaintance.handedOver(3, 1);
  }
});

test("Acquaintance: what failed leaves its partition strange, and others known", () => {
  const acquaintance = new Acquaintance();
  for (const partition of [0, 1]) acquaintance.handedOver(0, partition);
  acquaintance.failed(0, 1);
  acquaintance.end();
  for (const partition of [0, 1]) acquaintance.handedOver(0, partition);
  assert.deepEqual([acquaintance.admits(0, 0), acquaintance.admits(0, 1)], [true, false]);
});

test("Acquaintance: nothing is known of another producer, of one that timed out, nor for ever", () => {
  const acquaintance = new Acquaintance();
  const meet = (): boolean => {
    acquaintance.handedOver(0, 0);
    const isKnown = acquaintance.admits(0, 0);
    acquaintance.end();
    return isKnown;
  };
  assert.deepEqual([meet(), meet()], [false, true]);
  acquaintance.forget();
  assert.deepEqual([meet(), meet()], [false, true]);
  acquaintance.failed(-1, 0);
  assert.deepEqual([meet(), meet()], [false, true], "a failure of nobody knows which partition");
  acquaintance.begin(3_599_999);
  assert.ok(meet());
  acquaintance.begin(3_600_000);
  assert.deepEqual([meet(), meet()], [false, true]);
  acquaintance.handedOver(0, 1);
  acquaintance.forget();
  acquaintance.end();
  acquaintance.handedOver(0, 1);
  assert.ok(!acquaintance.admits(0, 1), "what was out when it was forgotten proves nothing");
});
