import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { freeName, quoted, sqlName } from "./names.ts";

describe("names", () => {
  for (const [name, expected] of [
    ["anonymousId", "anonymous_id"],
    ["Product Viewed", "product_viewed"],
    ["HTTPStatus", "http_status"],
    ["order-created", "order_created"],
    ["9lives", "x_9lives"],
    ["日本", "x_"],
    ["x".repeat(99), "x".repeat(50)],
  ] as const) {
    it(`${name}: ${expected}`, () => assert.equal(sqlName(name), expected));
  }

  it("a taken name gets a number, the next one the next", () => {
    const taken = new Set(["a", "a_2"]);
    assert.equal(
      freeName("b", (name) => taken.has(name)),
      "b",
    );
    assert.equal(
      freeName("a", (name) => taken.has(name)),
      "a_3",
    );
  });

  it("quoted: a quote inside is doubled", () => assert.equal(quoted('a"b'), '"a""b"'));
});
