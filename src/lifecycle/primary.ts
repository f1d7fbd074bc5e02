/**
 * The whole life of the primary of several workers: admin port, workers, ready line, drain. It
 * serves no events; the workers share the public port among themselves.
 */
import type { Config } from "../config/options.ts";
import type { Clock } from "../lib/clock.ts";
import { createAdminServer } from "../telemetry/admin.ts";
import type { ExportedMetric } from "../telemetry/cells.ts";
import { mergedText } from "../telemetry/metric-registry.ts";
import { METRICS } from "../telemetry/metrics.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { Lifecycle } from "./lifecycle.ts";
import { handleSignals, type ProcessEvents } from "./signals.ts";
import { WorkerPool, type WorkerHandle } from "./workers.ts";

export interface PrimaryOptions {
  readonly config: Pick<Config, "workers" | "adminHost" | "adminPort" | "drainDeadlineMs">;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly randomUnit: () => number;
  readonly fork: () => WorkerHandle;
  readonly events: ProcessEvents;
  readonly exit: (code: number) => void;
  /** The address the workers serve, for the ready line. */
  readonly url: string;
}

/** A worker's own deadline ends first, so that its exit code is its own. */
const DRAIN_MARGIN_MS = 2_000;

/** Metrics only the primary knows; everything else of it would spoil the workers' sums. */
const PRIMARY_METRICS: ReadonlySet<string> = new Set([METRICS.workersRestarted.name]);

/** Starts the workers; resolves when all are ready, or the process is on its way out. */
export async function runPrimary(options: PrimaryOptions): Promise<void> {
  const { config, telemetry, clock } = options;
  const drainDeadlineMs = config.drainDeadlineMs + DRAIN_MARGIN_MS;
  const lifecycle = new Lifecycle({
    clock,
    telemetry: telemetry.process,
    drainDeadlineMs: drainDeadlineMs + DRAIN_MARGIN_MS,
    exit: options.exit,
  });
  const unexpected = (where: string, error: unknown) => telemetry.process.unexpected(where, error);
  handleSignals({ events: options.events, clock, lifecycle, unexpected });
  const readiness = lifecycle.condition("workers", {
    failAfterMs: 0,
    recoverAfterMs: 0,
    initially: "no worker is ready yet",
  });
  const pool = new WorkerPool({
    count: config.workers,
    fork: options.fork,
    clock,
    randomUnit: options.randomUnit,
    telemetry: telemetry.process,
    onReadiness: (ready, reasons) =>
      ready > 0 ? readiness.clear() : readiness.fail(["no worker is ready", ...reasons].join("; ")),
  });
  const admin = createAdminServer({
    host: config.adminHost,
    port: config.adminPort,
    health: lifecycle.health,
    metrics: async () => {
      const own = await telemetry.registry.snapshot();
      const kept = own.filter((metric: ExportedMetric) => PRIMARY_METRICS.has(metric.name));
      return mergedText([...(await pool.snapshots()), kept]);
    },
    log: telemetry.log,
  });
  lifecycle.onDrain("listen", () => pool.drain("the primary drains", drainDeadlineMs));
  lifecycle.onDrain("admin", () => admin.stop());
  let adminUrl = "";
  const isStarted = await lifecycle.start([
    {
      name: `open the admin port ${config.adminHost}:${config.adminPort}`,
      run: async () => {
        adminUrl = await admin.start();
      },
    },
    { name: `start ${config.workers} workers`, run: () => pool.start() },
  ]);
  if (isStarted) {
    telemetry.process.ready(options.url, { adminUrl, workers: config.workers });
  }
}
