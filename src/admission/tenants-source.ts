/**
 * Where the table of tenants comes from: the file, watched and read again when it changes. An edit
 * that is not sound is refused whole: the old table stays, and what is wrong is said. Salt files
 * are watched through the file: touching it reads them again.
 */
import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

import type { CancelTimer, Clock } from "../lib/clock.ts";
import { watchFiles } from "../lib/file-watch.ts";
import { TENANTS_FILE_BYTES_MAX, TENANTS_WATCH_MS } from "../limits/admission.ts";
import { readTenants } from "./tenants-file.ts";
import type { ReadTenants, TenantTable } from "./tenants-file.ts";

export interface TenantsSourceOptions {
  readonly path: string;
  readonly types: ReadonlySet<string> | null;
  readonly clock: Clock;
  /** `edit` names the edit: the same in every process that watches the same file. */
  readonly onTable: (table: TenantTable, edit: string) => void;
  readonly onRefused: (faults: readonly string[]) => void;
}

/** Gives every tenant a number and keeps it, also when he comes back after an edit. */
export function tenantNumbers(): (tenant: string) => number {
  const numbers = new Map<string, number>();
  return (tenant) => {
    const number = numbers.get(tenant) ?? numbers.size;
    numbers.set(tenant, number);
    return number;
  };
}

/** Reads a tenants file once. Salt files are found from its directory. */
export function readTenantsFile(
  path: string,
  options: Pick<TenantsSourceOptions, "types"> & { readonly numberOf: (tenant: string) => number },
): ReadTenants {
  try {
    return readTenants(boundedText(path), {
      ...options,
      readSalt: (saltPath) => boundedText(resolve(dirname(path), saltPath)),
    });
  } catch (error) {
    return { kind: "faults", faults: [error instanceof Error ? error.message : String(error)] };
  }
}

function boundedText(path: string): string {
  const { size } = statSync(path);
  if (size > TENANTS_FILE_BYTES_MAX) {
    throw new Error(`${path} has ${size} bytes; at most ${TENANTS_FILE_BYTES_MAX} are read`);
  }
  return readFileSync(path, "utf8");
}

export class TenantsSource {
  readonly #options: TenantsSourceOptions;
  readonly #numberOf = tenantNumbers();
  #stopWatching: CancelTimer = () => {};

  constructor(options: TenantsSourceOptions) {
    this.#options = options;
  }

  /** The table as it is now; throws with all that is wrong. Starts to watch. */
  start(): TenantTable {
    const { path, clock } = this.#options;
    const onChange = (edit: string) => this.#reload(edit);
    const watched = { paths: [path], everyMs: TENANTS_WATCH_MS, clock, onChange };
    // Watched before it is read, so that no edit falls in between.
    this.#stopWatching = watchFiles(watched);
    const read = this.#read();
    if (read.kind === "table") return read.table;
    this.stop();
    throw new Error(read.faults.join("\n"));
  }

  stop(): void {
    this.#stopWatching();
  }

  #reload(edit: string): void {
    const read = this.#read();
    if (read.kind === "table") this.#options.onTable(read.table, edit);
    else this.#options.onRefused(read.faults);
  }

  #read(): ReadTenants {
    return readTenantsFile(this.#options.path, {
      types: this.#options.types,
      numberOf: this.#numberOf,
    });
  }
}
