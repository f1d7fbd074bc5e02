/**
 * One partition that stands still holds up no other: bench/isolation.ts is the judge, by how long
 * the others' acks take. A measurement, hence in long mode only, and for a machine that has nothing
 * else to do.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const BENCH = fileURLToPath(new URL("../../bench/isolation.ts", import.meta.url));

for (const fault of ["partition", "suspend"]) {
  test(`isolation (${fault}): acks of the other partitions take at most 1.5 times as long`, async () => {
    const flags = ["--rate", "5000", "--seconds", "8", "--fault", fault];
    const child = spawn(process.execPath, [BENCH, ...flags], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, UV_THREADPOOL_SIZE: "16" },
    });
    const ended = once(child, "exit");
    const printed = await text(child.stdout);
    await ended;
    assert.equal(child.exitCode, 0, printed);
  });
}
