import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteBudget } from "./byte-budget.ts";

test("ByteBudget: takes up to its bound, and again what was given back", () => {
  const budget = new ByteBudget(10);
  assert.equal(budget.reserve(6), true);
  assert.equal(budget.reserve(5), false);
  assert.equal(budget.reserve(4), true);
  assert.equal(budget.bytes, 10);
  budget.release(6);
  assert.equal(budget.reserve(6), true);
});
