import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";

import { MachineWatch } from "./machine-watch.ts";

/** CPU time a process takes for itself, seconds. */
const BURNT_SECONDS = 0.6;
const BURN = `const until = ${BURNT_SECONDS} * 1e6;
while (process.cpuUsage().user + process.cpuUsage().system < until);
console.log("burnt");
setInterval(() => {}, 1000);`;

describe("MachineWatch", () => {
  it("counts the work of those who are named as one's own, and of nobody else", async () => {
    const startMs = performance.now();
    const pids: number[] = [];
    const all = new MachineWatch(() => pids);
    const none = new MachineWatch(() => []);
    const child = spawn(process.execPath, ["--eval", BURN]);
    pids.push(child.pid ?? 0);
    await once(child.stdout, "data");
    const [without, within] = [none.end(), all.end()];
    const seconds = (performance.now() - startMs) / 1_000;
    child.kill();
    await once(child, "exit");
    assert.ok(without !== null && within !== null);
    assert.ok(within.othersCores >= 0 && without.othersCores <= without.cores + 0.1);
    const own = (without.othersCores - within.othersCores) * seconds;
    assert.ok(own > BURNT_SECONDS / 2, `${own} s are the child's`);
  });
});
