/**
 * `sluice sink postgres`: settings and the pack → what the sink reads and who its events belong to;
 * what the sink tells → log lines and metrics. The libraries for PostgreSQL are loaded by this
 * command alone.
 */
import { join } from "node:path";

import { readTenantsFile, tenantNumbers } from "../admission/tenants-source.ts";
import type { Config } from "../config/options.ts";
import { ReaderError } from "../delivery/reader.ts";
import { systemClock } from "../lib/clock.ts";
import { DEFAULT_POINTERS, PackError } from "../schema/pack-file.ts";
import { loadPack, type Pack } from "../schema/pack.ts";
import { runSink, type ObservedSink, type SinkSettings } from "../sink/create.ts";
import { createAdminServer, type AdminServer } from "../telemetry/admin.ts";
import { createLogger, type Logger } from "../telemetry/logger.ts";
import { MetricRegistry } from "../telemetry/metric-registry.ts";
import { sinkMetrics } from "../telemetry/sink-metrics.ts";
import { SinkTelemetry } from "../telemetry/sink.ts";
import { neededTopics, tenantsOf } from "../topics.ts";
import { CommandError, EXIT, integerOption, UsageError, type Invocation } from "./command.ts";
import { findKafka, findRegistry, settings } from "./places.ts";
import { registryAt } from "./registry-for.ts";

const PACKS = join(import.meta.dirname, "..", "..", "packs");
const RETENTION_DAYS = { name: "retention-days", min: 1, max: 36_500, default: 365 } as const;
const LINGER_MS = { name: "linger-ms", min: 0, max: 60_000, default: 500 } as const;
const SESSION_MS = {
  name: "session-timeout-ms",
  min: 6_000,
  max: 300_000,
  default: 30_000,
} as const;
/** Where its metrics are unless --admin says otherwise. */
export const SINK_ADMIN_DEFAULT = "127.0.0.1:9466";

export async function sinkPostgres(invocation: Invocation): Promise<typeof EXIT.good> {
  const config = settings(invocation);
  const pack = await packOf(config);
  const sinkSettings = settingsOf(invocation, { config, pack });
  const log = createLogger({
    level: config.logLevel,
    format: config.logFormat,
    isTty: invocation.io.colour.stdout,
    clock: systemClock,
    output: invocation.io.stdout,
    errors: invocation.io.stderr,
  });
  const { topics } = sinkSettings;
  const registry = new MetricRegistry({ nodeMetrics: true, table: sinkMetrics(topics) });
  const telemetry = new SinkTelemetry({ cells: registry.cells, log });
  let observed: ObservedSink | undefined;
  registry.cells.sinkLag.readSeriesFrom(() => topics.map((topic) => observed?.lag(topic) ?? 0));
  const admin = makeAdmin(invocation, { registry, log, isReady: () => observed !== undefined });
  const adminUrl = await admin?.start().catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`--admin cannot be listened on (${reason}).`);
  });
  try {
    await runSink({
      settings: sinkSettings,
      registry: registryAt(findRegistry(config)),
      signal: invocation.io.signal,
      nowMs: systemClock.nowMs,
      onEvent: (event) => telemetry.heard(event),
      onReady: (sink) => {
        observed = sink;
        log.ready(adminUrl ?? "no admin port", { topics: topics.length });
      },
    });
  } catch (error) {
    if (error instanceof ReaderError) throw new CommandError(error.message);
    throw error;
  } finally {
    await admin?.stop();
  }
  log.info("sink ended", telemetry.summary());
  return EXIT.good;
}

async function packOf(config: Config): Promise<Pack> {
  try {
    return await loadPack(config.pack, PACKS);
  } catch (error) {
    if (error instanceof PackError) throw new UsageError(error.message);
    throw error;
  }
}

function settingsOf(
  invocation: Invocation,
  { config, pack }: { readonly config: Config; readonly pack: Pack },
): SinkSettings {
  const { options } = invocation;
  if (config.postgresUrl === "") {
    throw new UsageError("Say where PostgreSQL is: SLUICE_POSTGRES_URL, or --database URL.");
  }
  const own = options.get("schema") ?? "sluice";
  if (!/^[a-z][a-z0-9_]{0,39}$/.test(own)) {
    throw new UsageError(`--schema is a name of lower case letters and digits, not ${own}.`);
  }
  const from = options.get("from") ?? "beginning";
  if (from !== "beginning" && from !== "end") {
    throw new UsageError(`--from is beginning or end, not ${from}.`);
  }
  const given = options
    .get("topics")
    ?.split(",")
    .map((topic) => topic.trim());
  return {
    ...findKafka(config),
    databaseUrl: config.postgresUrl,
    names: { own, events: `${own}_events` },
    group: options.get("group") ?? "sluice-sink",
    topics: given ?? topicsOf(config, pack),
    auditTopic: config.auditTopic,
    sessionTopic: config.sessionTopic,
    actorPointers: new Map([
      ...[...pack.types].map(([type, { pointers }]) => [type, pointers.actor] as const),
      ["", DEFAULT_POINTERS.actor] as const,
    ]),
    identifyType: options.get("identify-type") ?? "identify",
    retentionDays: numberOf(invocation, RETENTION_DAYS),
    lingerMs: numberOf(invocation, LINGER_MS),
    sessionTimeoutMs: numberOf(invocation, SESSION_MS),
    from,
    privacySalt: config.privacySalt,
  };
}

/**
 * The pack's and, out of the tenants file, the tenants' own; those of their dead letters, of
 * sessions and of audit. A tenant that comes later is known after a restart.
 */
function topicsOf(config: Config, pack: Pack): readonly string[] {
  const letters = { ...config, deadLetters: "none" as const };
  const types = new Set(pack.types.keys());
  const { tenantsFile: file } = config;
  if (file === "") return [...neededTopics({ config: letters, pack }, new Set()).keys()];
  const read = readTenantsFile(file, { types, numberOf: tenantNumbers() });
  if (read.kind === "faults") throw new UsageError(`${file}: ${read.faults.join("; ")}`);
  return [...neededTopics({ config: letters, pack }, tenantsOf(read.table)).keys()];
}

function numberOf(
  invocation: Invocation,
  option: {
    readonly name: string;
    readonly min: number;
    readonly max: number;
    readonly default: number;
  },
): number {
  const value = integerOption(invocation, { name: option.name, min: option.min }) ?? option.default;
  if (value <= option.max) return value;
  throw new UsageError(`--${option.name} is at most ${option.max}, not ${value}.`);
}

function makeAdmin(
  { options }: Invocation,
  parts: {
    readonly registry: { text(): Promise<string> };
    readonly log: Logger;
    readonly isReady: () => boolean;
  },
): AdminServer | undefined {
  const place = options.get("admin") ?? SINK_ADMIN_DEFAULT;
  if (place === "off") return undefined;
  const match = /^(.+):(\d{1,5})$/.exec(place);
  if (match === null) throw new UsageError(`--admin is HOST:PORT or off, not ${place}.`);
  const report = (ok: boolean) => ({ ok, state: ok ? "running" : "starting", reasons: [] });
  const { registry, log, isReady } = parts;
  return createAdminServer({
    host: match[1] ?? "",
    port: Number(match[2]),
    health: {
      live: () => report(true),
      ready: () => report(isReady()),
      started: () => report(isReady()),
    },
    metrics: () => registry.text(),
    log,
  });
}
