/** A CPU profile of sluice's main thread under each load, and where the time went. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { LOADS, type PartOptions } from "./arms.ts";
import { measure } from "./load.ts";
import { startServer } from "./servers.ts";

interface CpuProfile {
  readonly nodes: ReadonlyArray<{
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
  }>;
  readonly startTime: number;
  readonly endTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const TOP = 25;
const SECONDS = 5;

/** Leaves the profiles in `directory`. Start and end of the gateway are not counted. */
export async function profile(
  directory: string,
  loads: readonly string[],
  { backends, seconds, say }: PartOptions,
): Promise<void> {
  for (const name of loads) {
    const load = LOADS[name];
    if (load === undefined) throw new Error(`no load is called ${name}`);
    const own = join(directory, name.replace(" ", "-"));
    const server = await startServer("sluice", { ...backends, profile: own });
    const before = performance.now();
    const measured = await measure(server, load, { seconds: seconds ?? SECONDS });
    const endedMs = performance.now();
    await server.stop();
    const afterMs = performance.now() - endedMs;
    say(`${name}: ${measured.cpuSecondsPerMillion} CPU-s per million, profiled`);
    const [file] = readdirSync(own).filter((each) => each.endsWith(".cpuprofile"));
    if (file === undefined) continue;
    // Written by Node.js.
    const taken = JSON.parse(readFileSync(join(own, file), "utf8")) as CpuProfile;
    const window = { fromEndMs: performance.now() - before, toEndMs: afterMs };
    console.table(shares(taken, window));
  }
}

/** Shares of the time that was not idle, by function. */
function shares(
  taken: CpuProfile,
  { fromEndMs, toEndMs }: { readonly fromEndMs: number; readonly toEndMs: number },
): object[] {
  const nodes = new Map(taken.nodes.map((node) => [node.id, node.callFrame]));
  const times = new Map<string, number>();
  let atMicros = taken.startTime;
  let busy = 0;
  for (const [index, id] of taken.samples.entries()) {
    const took = taken.timeDeltas[index] ?? 0;
    atMicros += took;
    const leftMs = (taken.endTime - atMicros) / 1_000;
    const { functionName = "", url = "" } = nodes.get(id) ?? {};
    if (functionName === "(idle)" || leftMs > fromEndMs || leftMs < toEndMs) continue;
    busy += took;
    const isWasm = url.startsWith("wasm:");
    const key = isWasm
      ? "codec"
      : `${functionName} ${url.split(/\/(?:src|node_modules)\//).at(-1)}`;
    times.set(key, (times.get(key) ?? 0) + took);
  }
  return [...times]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, TOP)
    .map(([what, took]) => ({ what, "%": Math.round((took / busy) * 1_000) / 10 }));
}
