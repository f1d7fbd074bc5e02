import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { IdClaims, IdWindow } from "./id-window.ts";
import type { SharedMemory } from "./shared-memory.ts";
import { FakeMemory } from "./testing/fake-memory.ts";

let nowMs = 0;
const newWindow = (idsMax = 10, shared: SharedMemory | null = null): IdWindow =>
  new IdWindow({ idsMax, clockMs: () => nowMs, shared });
const claims = (window: IdWindow, tenant = "t"): IdClaims =>
  new IdClaims(window, { tenant, source: "s" }, { windowMs: 1_000 });

describe("IdWindow", () => {
  it("an id is a duplicate once its record is confirmed, and until the window is over", () => {
    nowMs = 0;
    const window = newWindow();
    const first = claims(window);
    assert.equal(first.claim(0, "a"), "new");
    assert.equal(claims(window).claim(0, "a"), "in_progress");
    assert.equal(first.claim(1, "a"), "twin", "twice in one batch");
    assert.equal(first.claim(2, "a"), "twin");
    assert.deepEqual(first.twinsOf(0), [1, 2]);
    first.stored(0);
    assert.equal(claims(window).claim(0, "a"), "stored");
    assert.equal(claims(window, "u").claim(0, "a"), "new", "of another tenant");
    nowMs = 1_000;
    assert.equal(claims(window).claim(0, "a"), "new");
  });

  it("an id whose record failed is new again; events without id always are", () => {
    const window = newWindow();
    const first = claims(window);
    assert.equal(first.claim(0, "a"), "new");
    first.failed(0);
    assert.equal(claims(window).claim(0, "a"), "new");
    assert.equal(claims(window).claim(0, ""), "new");
    assert.equal(claims(window).claim(1, ""), "new");
  });

  it("forgets the oldest beyond its bound", () => {
    nowMs = 0;
    const window = newWindow(2);
    const all = claims(window);
    for (const [row, id] of ["a", "b", "c"].entries()) {
      all.claim(row, id);
      all.stored(row);
    }
    assert.equal(window.size, 2);
    assert.equal(claims(window).claim(0, "a"), "new");
    assert.equal(claims(window).claim(0, "c"), "stored");
  });
});

describe("IdWindow with other processes", () => {
  const key = "t\0s\0a";

  it("knows what another one has stored, once it has asked, and for as long as it says", async () => {
    nowMs = 0;
    const shared = new FakeMemory();
    const [here, there] = [newWindow(10, shared), newWindow(10, shared)];
    const first = claims(here);
    first.claim(0, "a");
    assert.equal(await there.ask([key], 1_000), undefined);
    assert.equal(claims(there).claim(0, "a"), "new", "it is not stored yet");
    first.stored(0);
    const other = newWindow(10, shared);
    await other.ask([key], 1_000);
    assert.equal(claims(other).claim(0, "a"), "stored");
    assert.equal(other.ask([key], 1_000), null, "what is known is not asked for again");
    nowMs = 1_000;
    assert.notEqual(other.ask([key], 1_000), null);
  });

  it("takes what nobody can tell for new", async () => {
    const shared = new FakeMemory();
    const first = claims(newWindow(10, shared));
    first.claim(0, "a");
    first.stored(0);
    shared.isSilent = true;
    const other = newWindow(10, shared);
    await other.ask([key], 1_000);
    assert.equal(claims(other).claim(0, "a"), "new");
    shared.isAsked = false;
    assert.equal(newWindow(10, shared).ask([key], 1_000), null);
  });
});
