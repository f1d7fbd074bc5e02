/**
 * Where a gateway keeps its run file and schema snapshot; the same for every caller's directory.
 */
import { join } from "node:path";
import type { Config } from "./options.ts";

const DEFAULT_DIRECTORY = join(import.meta.dirname, "..", "..", ".run");

export function dataDirectory(config: Pick<Config, "dataDir">): string {
  return config.dataDir === "" ? DEFAULT_DIRECTORY : config.dataDir;
}
