import assert from "node:assert/strict";
import { test } from "node:test";

import { watchReadiness } from "./readiness.ts";

function setUp(registers: boolean) {
  const missing = new Map([
    ["a", "a is being registered"],
    ["b", "b is being registered"],
  ]);
  const failures = new Map<string, string | null>();
  let nowMs = 0;
  const stop = watchReadiness({
    lifecycle: {
      condition: (name, { initially }) => {
        failures.set(name, initially ?? null);
        const tell = { fail: (reason: string) => failures.set(name, reason) };
        // Of a condition only these two are used.
        return { ...tell, clear: () => failures.set(name, null) } as never;
      },
    },
    // Only their number counts.
    pack: { types: new Map([["a"], ["b"]].map(([name = ""]) => [name, {}])) as never },
    delivery: { state: () => "ready" },
    schemas: { missing: () => missing },
    registers,
    clockMs: () => nowMs,
  });
  const at = (ms: number) => {
    nowMs = ms;
  };
  return { missing, failures, stop, at };
}

test("watchReadiness waits for all schemas that are being registered, for a while", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { missing, failures, stop, at } = setUp(true);
  assert.equal(failures.get("kafka"), null);
  assert.equal(failures.get("schemas"), "a is being registered");
  missing.delete("a");
  t.mock.timers.tick(250);
  assert.equal(failures.get("schemas"), "b is being registered");
  at(10_000);
  t.mock.timers.tick(250);
  assert.equal(failures.get("schemas"), null, "the others do without it");
  stop();
});

test("watchReadiness needs one schema, once all were there, or where none is registered", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  for (const registers of [true, false]) {
    const { missing, failures, stop } = setUp(registers);
    if (registers) missing.clear();
    t.mock.timers.tick(250);
    missing.set("a", "a is gone").delete("b");
    t.mock.timers.tick(250);
    assert.equal(failures.get("schemas"), null);
    missing.set("b", "b is gone");
    t.mock.timers.tick(250);
    assert.equal(failures.get("schemas"), "a is gone");
    stop();
  }
});
