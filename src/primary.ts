/**
 * Configuration → the primary of several workers: what its admin port shows of them, which edits
 * of the configuration a rolling restart cannot take, and the run file.
 */
import { dataDirectory } from "./config/data-directory.ts";
import type { LoadResult } from "./config/load.ts";
import type { Config } from "./config/options.ts";
import { makePrimaryConsole, notesOf } from "./console-page.ts";
import { CONSOLE_PATH } from "./console/console.ts";
import type { Notes } from "./console/notes.ts";
import { systemClock } from "./lib/clock.ts";
import { forkWorker } from "./lifecycle/cluster.ts";
import { runPrimary } from "./lifecycle/primary.ts";
import { askWorkers } from "./lifecycle/questions.ts";
import type { Answers } from "./lifecycle/questions.ts";
import type { RoomParts } from "./rooms.ts";
import { removeRunFile, writeRunFile } from "./run-file.ts";
import { handleRegistryRequest, REGISTRY_PREFIXES } from "./schema/registry-routes.ts";
import type { HeldSchema } from "./schema/registry-routes.ts";
import type { TypeSchema } from "./schema/type-schema.ts";
import type { AdminRoute } from "./telemetry/admin.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";

/** What the primary asks its workers. */
interface Questions {
  readonly notes: Notes;
  /** In use, those of sluice's own topics as well. */
  readonly schemas: readonly HeldSchema[];
}

interface Holder {
  heldSchemas(): readonly TypeSchema[];
  allSchemas(): readonly TypeSchema[];
}

/** A worker's answers; `gateway` gives null while it is being made. */
export function answersOf(
  parts: Pick<RoomParts, "telemetry">,
  gateway: () => Holder | null,
): Answers<Questions> {
  return {
    notes: () => notesOf(parts, () => gateway()?.heldSchemas() ?? []),
    schemas: () => {
      const all = gateway()?.allSchemas() ?? [];
      return all.map(({ subject, schemaId, version, text }) => {
        return { subject, schemaId, version, text };
      });
    },
  };
}

export interface PrimaryParts {
  readonly workers: number;
  readonly telemetry: Telemetry;
  /** Of sluice. */
  readonly version: string;
  /** The configuration as new workers would find it. */
  readonly reload: () => LoadResult;
  readonly exit: (code: number) => void;
}

/** Resolves when all workers are ready, or the process is on its way out. */
export function servePrimary(config: Config, parts: PrimaryParts): Promise<void> {
  const { host, port } = config;
  const { workers, telemetry, exit, version } = parts;
  const scheme = config.tlsCertFile === "" ? "http" : "https";
  const directory = dataDirectory(config);
  return runPrimary({
    config,
    workers,
    isTty: process.stdout.isTTY,
    telemetry,
    clock: systemClock,
    randomUnit: Math.random,
    fork: forkWorker,
    events: process,
    exit,
    url: `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`,
    whyNoRenewal: () => whyNoRenewal(config, parts.reload()),
    routes: ({ metrics, health }) => {
      const notes = () => askWorkers<Questions["notes"]>("notes");
      const ready = () => health.ready();
      const page = makePrimaryConsole({ config, version, workers, metrics, ready, notes });
      return [{ prefix: CONSOLE_PATH, answer: page.answer }, ...registryRoutes()];
    },
    onReady: async (adminUrl) => {
      const [registryUrl = ""] = config.registryUrl;
      const brokers = config.kafkaBrokers.join(",");
      const adminPort = Number(new URL(adminUrl).port);
      const facts = { pid: process.pid, brokers, registryUrl, port, adminPort };
      const problem = await writeRunFile(directory, facts);
      if (problem !== null) telemetry.process.notice(`no run file: ${problem}`);
    },
    onEnd: () => removeRunFile(directory, process.pid),
  });
}

/** Workers follow the same registry: what one of them holds is what all do. */
function registryRoutes(): readonly AdminRoute[] {
  return REGISTRY_PREFIXES.map((prefix) => ({
    prefix,
    answer: async ({ path }) => {
      const [schemas = []] = await askWorkers<Questions["schemas"]>("schemas");
      return handleRegistryRequest({ held: () => schemas }, path) ?? null;
    },
  }));
}

/** The primary's own, and where all workers listen: new ones would be alone there. */
const FIXED = ["host", "port", "workers", "adminHost", "adminPort", "adminNames"] as const;

/** What stands against a rolling restart with the configuration as it is now; null: nothing. */
export function whyNoRenewal(running: Config, now: LoadResult): string | null {
  if (now.kind === "fault") return now.faults.join("; ");
  if (now.kind === "help") return null;
  const changed = FIXED.filter((name) => String(now.config[name]) !== String(running[name]));
  return changed.length === 0 ? null : `${changed.join(", ")} changed: that needs a restart`;
}
