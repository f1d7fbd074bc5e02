import assert from "node:assert/strict";
import { it } from "node:test";

import { tableOfKeys } from "../admission/key-list.ts";
import type { SourcePolicy } from "../admission/policy.ts";
import type { Delivery } from "../delivery/delivery.ts";
import { NOT_ALLOWED, Permits } from "./permits.ts";
import type { Route } from "./routes.ts";

// The one verb of delivery that permits use.
const delivery = { topic: (name: string) => name.length } as unknown as Delivery;

const route = (type: string): Route =>
  ({ index: 0, type: { type }, topicNumber: 1, plan: null }) as unknown as Route;

function policy(change: Partial<SourcePolicy>, topics: readonly [string, string][] = []) {
  const table = tableOfKeys([{ key: "k", tenant: "t", source: "s" }]);
  const plain = table.sources.get("t/s");
  assert.ok(plain !== undefined);
  return { ...plain, tenant: { ...plain.tenant, topics: new Map(topics) }, ...change };
}

const ALL = ["write:*"];

it("costs nothing where everything is allowed and goes to the pack's topics", () => {
  assert.equal(new Permits(delivery).of({ policy: policy({}), scopes: ALL }), null);
});

it("holds types, scopes and topics, each by itself", () => {
  const permits = new Permits(delivery);
  const some = policy({ types: new Set(["order.created"]) }, [["order.created", "own.topic"]]);
  const byTypes = permits.of({ policy: some, scopes: ALL });
  assert.equal(byTypes?.topicOf(route("order.created")), "own.topic".length);
  assert.equal(byTypes?.topicOf(route("order.deleted")), NOT_ALLOWED);
  const byScopes = permits.of({ policy: policy({}), scopes: ["write:order.*", "read:*"] });
  assert.equal(byScopes?.topicOf(route("order.deleted")), 1);
  assert.equal(byScopes?.topicOf(route("page")), NOT_ALLOWED);
  const none = permits.of({ policy: policy({}), scopes: [] });
  assert.equal(none?.topicOf(route("page")), NOT_ALLOWED);
});

it("is worked out once for a sender, and anew for a policy that was replaced", () => {
  const permits = new Permits(delivery);
  const before = policy({ types: new Set(["a"]) });
  const first = permits.of({ policy: before, scopes: ALL });
  assert.equal(permits.of({ policy: before, scopes: [...ALL] }), first);
  assert.notEqual(permits.of({ policy: before, scopes: ["write:a"] }), first);
  assert.notEqual(permits.of({ policy: policy({ types: new Set(["a"]) }), scopes: ALL }), first);
  for (let count = 0; count < 1_000; count += 1) {
    const made = permits.of({ policy: before, scopes: [`write:${count}`] });
    assert.equal(made?.topicOf(route("a")), NOT_ALLOWED);
  }
});
