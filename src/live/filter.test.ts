/** Filters: what they take, and that they agree with a plain reading of their words. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import fc from "fast-check";

import { readFilter } from "./filter.ts";
import type { Filter, Operator } from "./filter.ts";

function filter(where: unknown): Filter {
  const read = readFilter(where);
  assert.ok(read !== null && typeof read === "object", JSON.stringify(read));
  return read;
}

const EVENT = {
  severity: "CRITICAL",
  value: 0.75,
  endsAt: null,
  labels: { team: "shop", "a/b": 1, "~": 2 },
};

function passes(path: string, op: Operator, value?: unknown): boolean {
  return filter([{ path, op, value }]).passes(EVENT);
}

describe("readFilter", () => {
  it("each operator, does what its name says", () => {
    assert.equal(passes("/severity", "eq", "CRITICAL"), true);
    assert.equal(passes("/severity", "ne", "CRITICAL"), false);
    assert.equal(passes("/severity", "in", ["WARNING", "CRITICAL"]), true);
    assert.equal(passes("/severity", "prefix", "CRIT"), true);
    assert.equal(passes("/value", "prefix", "0"), false);
    assert.equal(passes("/value", "gt", 0.75), false);
    assert.equal(passes("/value", "gte", 0.75), true);
    assert.equal(passes("/value", "lt", 1), true);
    assert.equal(passes("/value", "lte", 0.5), false);
    assert.equal(passes("/severity", "gt", "A"), true);
    assert.equal(passes("/severity", "gt", 1), false);
    assert.equal(passes("/endsAt", "eq", null), true);
    assert.equal(passes("/nowhere", "eq", null), false);
    assert.equal(passes("/nowhere", "ne", "x"), true);
    assert.equal(passes("/nowhere", "exists", false), true);
    assert.equal(passes("/endsAt", "exists"), true);
  });

  it("a pointer, is read as RFC 6901 has it and finds own members only", () => {
    assert.equal(passes("/labels/team", "eq", "shop"), true);
    assert.equal(passes("/labels/a~1b", "eq", 1), true);
    assert.equal(passes("/labels/~0", "eq", 2), true);
    assert.equal(passes("/constructor", "exists"), false);
    assert.equal(passes("/severity/length", "exists"), false);
  });

  it("no condition, is no filter; without op it is eq", () => {
    assert.equal(readFilter(undefined), null);
    assert.equal(readFilter([]), null);
    assert.equal(filter([{ path: "/severity", value: "CRITICAL" }]).passes(EVENT), true);
  });

  it("nonsense, is refused in a sentence", () => {
    const bad = [
      {},
      [5],
      [{ path: "severity" }],
      [{ path: "" }],
      [{ path: "/a", op: "like", value: "x" }],
      [{ path: "/a", op: "in", value: "x" }],
      [{ path: "/a", op: "in", value: [{}] }],
      [{ path: "/a", op: "gt", value: true }],
      [{ path: "/a", op: "eq", value: {} }],
      [{ path: "/a", op: "eq" }],
      [{ path: `/${"a".repeat(300)}`, value: 1 }],
      Array.from({ length: 9 }, () => ({ path: "/a", value: 1 })),
    ];
    for (const where of bad)
      assert.equal(typeof readFilter(where), "string", JSON.stringify(where));
  });

  it("any conditions on any event, hold together exactly when each holds", () => {
    const scalar = fc.oneof(
      fc.string({ maxLength: 3 }),
      fc.integer({ min: -3, max: 3 }),
      fc.boolean(),
    );
    const condition = fc.record({
      path: fc.constantFrom("/a", "/b", "/c/d"),
      op: fc.constantFrom<Operator>("eq", "ne", "exists"),
      value: fc.boolean(),
    });
    const event = fc.record(
      { a: scalar, b: scalar, c: fc.record({ d: scalar }, { requiredKeys: [] }) },
      { requiredKeys: [] },
    );
    const property = fc.property(
      fc.array(condition, { minLength: 1, maxLength: 8 }),
      event,
      (where, value) => {
        const together = filter(where).passes(value);
        const each = where.every((one) => filter([one]).passes(value));
        assert.equal(together, each);
      },
    );
    fc.assert(property);
  });
});
