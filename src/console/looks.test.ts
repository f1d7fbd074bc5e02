import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { answerLooks, lookByWorker } from "./looks.ts";

describe("answerLooks", () => {
  it("answers its question, and leaves what others say alone", async () => {
    const sent: unknown[] = [];
    const line = Object.assign(new EventEmitter(), {
      send: (message: unknown) => sent.push(message),
    });
    answerLooks(line, (type, after) => Promise.resolve({ type, after }));
    for (const message of [null, 7, { sluice: "snapshot" }, { console: "look" }]) {
      line.emit("message", message);
    }
    line.emit("message", { console: "look-at", ask: 3, type: "page", after: 12 });
    await turn();
    assert.deepEqual(sent, [{ console: "seen", ask: 3, seen: { type: "page", after: 12 } }]);
  });
});

describe("lookByWorker", () => {
  it("says so where there is no worker", async () => {
    const seen = { from: "", state: "off", reason: "no worker is there", events: [] };
    assert.deepEqual(await lookByWorker("page", 0), seen);
  });
});
