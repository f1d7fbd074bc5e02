import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RECENT_BATCHES_MAX, RECENT_REFUSALS_MAX, RECENT_WATCH_MS } from "../limits/watching.ts";
import { Recent, shownPath } from "./recent.ts";

const REFUSAL = {
  tenant: "acme",
  source: "web",
  type: "page",
  code: "schema_invalid",
  kind: "type",
  path: "/data/url",
  expected: "string",
};
const BATCH = {
  tenant: "acme",
  source: "web",
  transport: "ws",
  topic: "t",
  stored: 1,
  duplicate: 0,
  rejected: 0,
  retry: 0,
  durationMs: 1,
} as const;

function setUp() {
  const clock = { nowMs: 1_000 };
  return { clock, recent: new Recent({ nowMs: () => clock.nowMs }) };
}

describe("Recent", () => {
  it("keeps the last refusals, the latest first, and no more", () => {
    const { recent, clock } = setUp();
    for (let at = 1; at <= RECENT_REFUSALS_MAX + 3; at += 1) {
      clock.nowMs = at;
      recent.refused(REFUSAL);
    }
    const { refusals } = recent.look();
    assert.equal(refusals.length, RECENT_REFUSALS_MAX);
    assert.deepEqual([refusals[0]?.atMs, refusals.at(-1)?.atMs], [RECENT_REFUSALS_MAX + 3, 4]);
  });

  it("wants batches only while somebody looks", () => {
    const { recent, clock } = setUp();
    assert.equal(recent.isWatched, false);
    recent.look();
    assert.equal(recent.isWatched, true);
    for (let count = 0; count < RECENT_BATCHES_MAX + 1; count += 1) recent.settled(BATCH);
    assert.equal(recent.look().batches.length, RECENT_BATCHES_MAX);
    clock.nowMs += RECENT_WATCH_MS + 1;
    assert.equal(recent.isWatched, false);
    assert.deepEqual(recent.look().batches, [], "what is old is not shown as if it were new");
  });
});

describe("shownPath", () => {
  it("shows what looks like the name of a member or an index", () => {
    for (const path of ["", "/data/url", "/data/items/12/price", "/ctx/app.build", "/data/x1"]) {
      assert.equal(shownPath(path), path);
    }
  });

  it("leaves out what may be somebody's value", () => {
    assert.equal(shownPath("/data/jane@example.com"), "/data/…");
    assert.equal(shownPath("/data/+49 170 1234567/x"), "/data/…/x");
    assert.equal(shownPath("/data/4917012345678"), "/data/…");
    assert.equal(shownPath("/data/3f2b8c1e-9d4a-4c7b-8e21-5a6f7d8c9b0a"), "/data/…");
    assert.equal(shownPath("/data/<script>alert(1)<~1script>"), "/data/…");
    assert.ok(shownPath("/a".repeat(5_000)).length < 200);
  });
});
