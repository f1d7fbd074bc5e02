import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { IdClaims, IdWindow } from "./id-window.ts";

let nowMs = 0;
const newWindow = (idsMax = 10): IdWindow => new IdWindow({ idsMax, clockMs: () => nowMs });
const claims = (window: IdWindow, tenant = "t"): IdClaims =>
  new IdClaims(window, { tenant, source: "s" }, { windowMs: 1_000 });

describe("IdWindow", () => {
  it("an id is a duplicate once its record is confirmed, and until the window is over", () => {
    nowMs = 0;
    const window = newWindow();
    const first = claims(window);
    assert.equal(first.claim(0, "a"), "new");
    assert.equal(claims(window).claim(0, "a"), "in_progress");
    assert.equal(first.claim(1, "a"), "in_progress", "twice in one batch");
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
