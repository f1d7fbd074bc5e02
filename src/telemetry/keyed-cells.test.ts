import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { KeyedCounterCells, KeyedGaugeCells } from "./keyed-cells.ts";

const COUNTER = {
  name: "sluice_test_total",
  type: "counter",
  help: "A test.",
  labels: ["tenant", "outcome"],
  series: [["stored"], ["retry"]],
  tenantsMax: 2,
} as const;
const GAUGE = {
  name: "sluice_test",
  type: "gauge",
  help: "A test.",
  labels: ["tenant"],
  tenantsMax: 2,
} as const;

const A = { tenant: "a", number: 0 };
const B = { tenant: "b", number: 1 };
const C = { tenant: "c", number: 2 };
const D = { tenant: "d", number: 700_000 };

describe("KeyedCounterCells", () => {
  it("counts by tenant up to the bound, and all others as one", () => {
    const cells = new KeyedCounterCells(COUNTER);
    cells.add(1, D, "retry");
    cells.add(2, A, "stored");
    cells.add(3, C, "stored");
    cells.add(4, A, "stored");
    const shown = cells.get().values.map(({ labels, value }) => [...Object.values(labels), value]);
    assert.deepEqual(shown, [
      ["a", "stored", 6],
      ["a", "retry", 0],
      ["other", "stored", 3],
      ["other", "retry", 1],
    ]);
  });

  it("refuses a value that is not declared", () => {
    assert.throws(() => new KeyedCounterCells(COUNTER).add(1, A, "lost"), /declares/);
  });
});

describe("KeyedGaugeCells", () => {
  it("shows who is there now, and all beyond the bound as one", () => {
    const cells = new KeyedGaugeCells(GAUGE);
    assert.deepEqual(cells.get().values, []);
    cells.readFrom(() => [
      [B, 5],
      [C, 1],
      [D, 2],
    ]);
    assert.deepEqual(cells.get().values, [
      { labels: { tenant: "b" }, value: 5 },
      { labels: { tenant: "other" }, value: 3 },
    ]);
  });
});
