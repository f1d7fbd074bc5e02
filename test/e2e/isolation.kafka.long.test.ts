/**
 * One partition that stands still holds up no other, and a dead broker of three costs no more than
 * its session timeout and two seconds: bench/isolation.ts is the judge, by how long acks take. A
 * measurement, hence in long mode only, and for a machine that has nothing else to do.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const BENCH = fileURLToPath(new URL("../../bench/isolation.ts", import.meta.url));

async function judge(...flags: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [BENCH, "--rate", "5000", ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, UV_THREADPOOL_SIZE: "16" },
  });
  const ended = once(child, "exit");
  const printed = await text(child.stdout);
  await ended;
  assert.equal(child.exitCode, 0, printed);
}

for (const fault of ["partition", "suspend"]) {
  test(`isolation (${fault}): acks of the other partitions take at most 1.5 times as long`, () =>
    judge("--seconds", "8", "--fault", fault));
}

for (const fault of ["kill", "suspend"]) {
  test(`a dead broker of three (${fault}): nothing fails, nothing waits for longer than 11 s`, () =>
    judge("--replicas", "3", "--seconds", "14", "--fault", fault));
}
