/**
 * The whole life of the primary of several workers: admin port, workers, ready line, rolling
 * restarts, drain. It serves no events; the workers share the public port among themselves.
 */
import type { Config } from "../config/options.ts";
import type { CancelTimer, Clock } from "../lib/clock.ts";
import { createAdminServer } from "../telemetry/admin.ts";
import type { AdminRoute, Health } from "../telemetry/admin.ts";
import type { ExportedMetric } from "../telemetry/cells.ts";
import { mergedSnapshot, mergedText } from "../telemetry/metric-registry.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { WORKER_METRICS } from "../telemetry/worker-metrics.ts";
import { Lifecycle } from "./lifecycle.ts";
import { handleSignals, type ProcessEvents } from "./signals.ts";
import type { WorkerHandle } from "./pooled-worker.ts";
import { WorkerPool } from "./workers.ts";

export interface PrimaryOptions {
  readonly config: Pick<Config, "adminHost" | "adminPort" | "adminNames" | "drainDeadlineMs">;
  /** How many. */
  readonly workers: number;
  /** Standard output is a terminal: SIGHUP says that it is gone, and so should we be. */
  readonly isTty: boolean;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly randomUnit: () => number;
  readonly fork: () => WorkerHandle;
  readonly events: ProcessEvents;
  readonly exit: (code: number) => void;
  /** The address the workers serve, for the ready line. */
  readonly url: string;
  /** What stands against a rolling restart now; null: nothing. */
  readonly whyNoRenewal?: () => string | null;
  /** Further routes of the admin port, which show what all workers have counted. */
  readonly routes?: (sources: PrimarySources) => readonly AdminRoute[];
  /** Further steps of the start, once all workers are ready, and what undoes them at the end. */
  readonly onReady?: (adminUrl: string) => Promise<void>;
  readonly onEnd?: () => Promise<void>;
}

export interface PrimarySources {
  /** Of all workers, merged. */
  readonly metrics: () => Promise<readonly ExportedMetric[]>;
  readonly health: Health;
}

/** A worker's own deadline ends first, so that its exit code is its own. */
const DRAIN_MARGIN_MS = 2_000;

/** How often the workers are asked what they have counted. */
const LOOK_MS = 2_000;

/** A new worker of a rolling restart has so long to become ready, or the restart is given up. */
const RENEWAL_READY_MS = 60_000;

/** Metrics only the primary knows; everything else of it would spoil the workers' sums. */
const PRIMARY_METRICS: ReadonlySet<string> = new Set(
  Object.values(WORKER_METRICS).map(({ name }) => name),
);

/** Starts the workers; resolves when all are ready, or the process is on its way out. */
export async function runPrimary(options: PrimaryOptions): Promise<void> {
  const { config, telemetry, clock, workers, isTty } = options;
  const drainDeadlineMs = config.drainDeadlineMs + DRAIN_MARGIN_MS;
  const lifecycle = new Lifecycle({
    clock,
    telemetry: telemetry.process,
    drainDeadlineMs: drainDeadlineMs + DRAIN_MARGIN_MS,
    exit: options.exit,
  });
  const pool = makePool(options, lifecycle);
  const unexpected = (where: string, error: unknown) => telemetry.process.unexpected(where, error);
  const whyNot = options.whyNoRenewal ?? (() => null);
  const renewAll = makeRenewal({ pool, telemetry, drainDeadlineMs, whyNot });
  const renew = (): void => {
    // Workers that are just starting are as new as any.
    if (lifecycle.phase !== "starting") renewAll();
  };
  const { events } = options;
  handleSignals({ events, clock, lifecycle, unexpected, ...(isTty ? {} : { renew }) });
  const snapshots = async () => {
    const own = await telemetry.registry.snapshot();
    const kept = own.filter((metric: ExportedMetric) => PRIMARY_METRICS.has(metric.name));
    return [...(await pool.snapshots()), kept];
  };
  const metrics = async () => mergedSnapshot(await snapshots());
  const admin = createAdminServer({
    host: config.adminHost,
    port: config.adminPort,
    names: config.adminNames,
    health: lifecycle.health,
    metrics: async () => mergedText(await snapshots()),
    routes: options.routes?.({ metrics, health: lifecycle.health }) ?? [],
    log: telemetry.log,
  });
  const stopLooking = lookAfter(pool, clock);
  lifecycle.onDrain("listen", () => {
    stopLooking();
    return pool.drain("the primary drains", drainDeadlineMs);
  });
  lifecycle.onDrain("admin", async () => {
    await options.onEnd?.();
    await admin.stop();
  });
  let adminUrl = "";
  const isStarted = await lifecycle.start([
    {
      name: `open the admin port ${config.adminHost}:${config.adminPort}`,
      run: async () => {
        adminUrl = await admin.start();
      },
    },
    { name: `start ${workers} workers`, run: () => pool.start() },
    { name: "the run file", run: async () => options.onReady?.(adminUrl) },
  ]);
  if (isStarted) telemetry.process.ready(options.url, { adminUrl, workers });
}

function makePool(options: PrimaryOptions, lifecycle: Lifecycle): WorkerPool {
  const { telemetry, workers, clock, fork, randomUnit } = options;
  const readiness = lifecycle.condition("workers", {
    failAfterMs: 0,
    recoverAfterMs: 0,
    initially: "no worker is ready yet",
  });
  const pool = new WorkerPool({
    count: workers,
    fork,
    clock,
    randomUnit,
    telemetry: telemetry.workers,
    onReadiness: (ready, reasons) =>
      ready > 0 ? readiness.clear() : readiness.fail(["no worker is ready", ...reasons].join("; ")),
  });
  telemetry.workers.readFrom({ ready: () => pool.ready, connections: () => pool.connections });
  return pool;
}

/** Asks the workers for their counts again and again, and evens out their connections. */
function lookAfter(pool: WorkerPool, clock: Clock): CancelTimer {
  let cancel: CancelTimer = () => {};
  const lookLater = (): void => {
    cancel = clock.after(LOOK_MS, () => {
      lookLater();
      void pool.snapshots().then(() => pool.balance());
    });
  };
  lookLater();
  return () => cancel();
}

/** One rolling restart at a time; who asks for one meanwhile gets another one afterwards. */
function makeRenewal(parts: {
  readonly pool: WorkerPool;
  readonly telemetry: Telemetry;
  readonly drainDeadlineMs: number;
  readonly whyNot: () => string | null;
}): () => void {
  const { pool, telemetry, drainDeadlineMs, whyNot } = parts;
  let isUnderWay = false;
  let isAskedAgain = false;
  const renew = async (): Promise<void> => {
    do {
      isAskedAgain = false;
      const obstacle = whyNot();
      if (obstacle !== null) {
        telemetry.workers.renewalFailed(obstacle);
        continue;
      }
      telemetry.workers.renewalStarted(pool.ready);
      const renewal = await pool.renew({ readyMs: RENEWAL_READY_MS, drainMs: drainDeadlineMs });
      if (renewal.kind === "interrupted") return;
      if (renewal.kind === "failed") telemetry.workers.renewalFailed(renewal.reason);
      else telemetry.workers.renewalDone();
    } while (isAskedAgain);
  };
  return () => {
    isAskedAgain = true;
    if (isUnderWay) return;
    isUnderWay = true;
    renew()
      .catch((error: unknown) => telemetry.process.unexpected("a rolling restart", error))
      .finally(() => {
        isUnderWay = false;
      });
  };
}
