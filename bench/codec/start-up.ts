/** What it costs to have a codec and to load a schema into it. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { Codec } from "../../src/codec/codec.ts";
import { median } from "./contenders.ts";

const MODULE = new URL("../../build/codec.wasm", import.meta.url);
const PLANS_SCRIPT = fileURLToPath(new URL("plans.ts", import.meta.url));
const PLAN_PROCESSES = 15;
const ROUNDS = 21;

export interface StartUp {
  readonly wasm_bytes: number;
  readonly wasm_gzip_bytes: number;
  /** Compile the module. */
  readonly compile_ms: number;
  /** Make an instance with its memory laid out. */
  readonly instance_ms: number;
  /**
   * Compile and load a plan of 500 fields: the first of a process, and the median of its later
   * ones; of several processes the least disturbed.
   */
  readonly plan_500_first_ms: number;
  readonly plan_500_ms: number;
}

export async function measureStartUp(): Promise<StartUp> {
  const bytes = readFileSync(MODULE);
  const compile: number[] = [];
  const instance: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const startMs = performance.now();
    const fresh = await WebAssembly.compile(bytes);
    const compiledMs = performance.now();
    // A gateway's frames: larger ones take more memory, which is not touched yet.
    const made = new Codec(fresh, { inputBytesMax: 1024 * 1024 });
    instance.push(performance.now() - compiledMs);
    compile.push(compiledMs - startMs);
    made.stats();
  }
  return {
    wasm_bytes: bytes.length,
    wasm_gzip_bytes: gzipSync(bytes).length,
    compile_ms: round2(median(compile)),
    instance_ms: round2(median(instance)),
    ...measurePlans(),
  };
}

function measurePlans(): Pick<StartUp, "plan_500_first_ms" | "plan_500_ms"> {
  const runs = Array.from({ length: PLAN_PROCESSES }, () => {
    const { stdout } = spawnSync(process.execPath, [PLANS_SCRIPT], { encoding: "utf8" });
    // Printed by plans.ts a moment ago.
    return JSON.parse(stdout) as { readonly first_ms: number; readonly later_ms: number };
  });
  return {
    plan_500_first_ms: round2(Math.min(...runs.map((run) => run.first_ms))),
    plan_500_ms: round2(Math.min(...runs.map((run) => run.later_ms))),
  };
}

function round2(number: number): number {
  return Number(number.toFixed(2));
}
