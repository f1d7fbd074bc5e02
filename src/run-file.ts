/**
 * The run file: where a running gateway is, for other commands on the same machine (`sluice tail`
 * finds embedded parts by it). A convenience: a gateway that cannot write it serves all the same.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const NAME = "sluice.json";

export interface RunFacts {
  readonly pid: number;
  /** host:port[,host:port] */
  readonly brokers: string;
  readonly registryUrl: string;
  readonly port: number;
  readonly adminPort: number;
}

/** Writes the file; what stood in the way as a sentence, or null. */
export async function writeRunFile(directory: string, facts: RunFacts): Promise<string | null> {
  try {
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, NAME), `${JSON.stringify(facts, null, 2)}\n`);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Removes the file if it is this process's own: another gateway may have written one meanwhile. */
export async function removeRunFile(directory: string, pid: number): Promise<void> {
  const file = join(directory, NAME);
  const text = await readFile(file, "utf8").catch(() => "");
  if (text.includes(`"pid": ${pid},`)) await rm(file, { force: true });
}
