/**
 * What the last runs measured, by part, each with its machine and commit: bench/results/path.json.
 * Parts may come from different runs; what is compared lies inside of one part.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { machine, type Machine } from "../codec/machine.ts";
import type { CostRow } from "./costs.ts";
import type { IdleRow, LatencyRow, TaxRow } from "./tables.ts";

const FILE = fileURLToPath(new URL("../results/path.json", import.meta.url));

export const PART_NAMES = ["costs", "latency", "idle", "tax"] as const;
export type PartName = (typeof PART_NAMES)[number];

interface Kept<Row> {
  readonly machine: Machine;
  readonly rows: readonly Row[];
}

export interface PathResults {
  readonly costs?: Kept<CostRow>;
  readonly latency?: Kept<LatencyRow>;
  readonly idle?: Kept<IdleRow>;
  readonly tax?: Kept<TaxRow>;
}

export function readResults(): PathResults {
  // Written below.
  return existsSync(FILE) ? (JSON.parse(readFileSync(FILE, "utf8")) as PathResults) : {};
}

export function keepPart(part: PartName, rows: unknown): void {
  const results = { ...readResults(), [part]: { machine: machine(), rows } };
  writeFileSync(FILE, `${JSON.stringify(results, null, 1)}\n`);
}
