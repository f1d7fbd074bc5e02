import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Quota, SourcePolicy } from "../admission/policy.ts";
import { QUOTA_BURST_SECONDS } from "../limits/admission.ts";
import { Quotas } from "./quotas.ts";

function policy(tenantQuota: Quota, sourceQuota: Quota, source = "web"): SourcePolicy {
  const tenant = {
    tenant: "shop",
    number: 0,
    topics: new Map(),
    quota: tenantQuota,
    priority: "normal",
    deadLetters: null,
    privacySalt: null,
    dedupeMs: 0,
    sessions: {},
  } as const;
  return { tenant, source, types: null, dialects: null, origins: null, quota: sourceQuota };
}

function setUp(share = 1) {
  const clock = { atMs: 0 };
  const taken: [string, number][] = [];
  const quotas = new Quotas({
    clockMs: () => clock.atMs,
    share: () => share,
    onTaken: (key, count) => void taken.push([key, count]),
  });
  return { clock, quotas, taken };
}

const COST = { events: 10, bytes: 1_000 };

describe("Quotas", () => {
  it("hold back nobody who has none", () => {
    const { quotas } = setUp();
    for (let count = 0; count < 1_000; count += 1) {
      assert.equal(quotas.take(policy({}, {}), COST), null);
    }
    assert.equal(quotas.roomOf(policy({}, {})), Infinity);
    assert.equal(quotas.size, 0);
  });

  it("let the burst through, then tell the wait of the narrower quota", () => {
    const { quotas, clock } = setUp();
    const sender = policy({ eventsPerSecond: 1_000 }, { eventsPerSecond: 10 });
    for (let events = 0; events < 10 * QUOTA_BURST_SECONDS; events += COST.events) {
      assert.equal(quotas.take(sender, COST), null);
    }
    assert.deepEqual(quotas.take(sender, COST), { scope: "source", unit: "events", waitMs: 100 });
    assert.equal(quotas.roomOf(sender), 0);
    clock.atMs += 100;
    assert.equal(quotas.take(sender, COST), null);
    assert.equal(quotas.standing(sender)?.scope, "source");
  });

  it("count all sources of a tenant together, and bytes beside events", () => {
    const { quotas } = setUp();
    const tenant = { eventsPerSecond: 5, bytesPerSecond: 100_000 };
    assert.equal(quotas.take(policy(tenant, {}), COST), null);
    assert.equal(quotas.take(policy(tenant, {}, "app"), COST)?.scope, "tenant");
    const bytes = policy({}, { bytesPerSecond: 1_024 });
    assert.equal(quotas.take(bytes, { events: 1, bytes: 5_000 }), null);
    assert.equal(quotas.take(bytes, { events: 1, bytes: 1 })?.unit, "bytes");
    assert.equal(quotas.roomOf(bytes), 0);
  });

  it("give this process its share, and say what was taken", () => {
    const { quotas, taken } = setUp(0.5);
    const sender = policy({ eventsPerSecond: 10 }, {});
    assert.equal(quotas.take(sender, COST), null);
    assert.equal(quotas.take(sender, COST)?.waitMs, 200);
    assert.deepEqual(taken, [["shop:events", 10]]);
  });
});
