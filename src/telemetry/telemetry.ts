/**
 * Telemetry of one process: a method per happening, which counts it and, where an operator has to
 * know, logs it. Parts by what they watch: traffic, backends, the memory of streams, the live feed,
 * process. Rooms get the part they need; none of them sees prom-client or pino.
 */
import type { Clock } from "../lib/clock.ts";
import { BackendTelemetry } from "./backends.ts";
import { CanaryTelemetry } from "./canary.ts";
import { EventLoopGauge } from "./event-loop.ts";
import { LiveTelemetry } from "./live.ts";
import { createLogger, type Logger, type LoggerOptions } from "./logger.ts";
import { MetricRegistry } from "./metric-registry.ts";
import { ProcessTelemetry } from "./process.ts";
import { Recent } from "./recent.ts";
import { StreamMemoryTelemetry } from "./stream-memory.ts";
import { TrafficTelemetry } from "./traffic.ts";
import { WorkersTelemetry } from "./workers.ts";

export interface TelemetryOptions extends Omit<LoggerOptions, "onLine" | "clock"> {
  readonly clock: Clock;
  readonly version: string;
  /** False in tests: Node's own collectors hold timers and observers. */
  readonly nodeMetrics?: boolean;
}

export interface Telemetry {
  readonly traffic: TrafficTelemetry;
  readonly backends: BackendTelemetry;
  readonly streams: StreamMemoryTelemetry;
  readonly live: LiveTelemetry;
  readonly process: ProcessTelemetry;
  readonly workers: WorkersTelemetry;
  readonly registry: MetricRegistry;
  readonly canary: CanaryTelemetry;
  /** What has just happened, for the console. */
  readonly recent: Recent;
  readonly log: Logger;
  /** How busy the event loop was over the last second: 0 to 1. */
  eventLoopUtilization(): number;
  /** Ends its timers; metrics can still be read. */
  stop(): void;
}

/**
 * ```ts
 * const telemetry = createTelemetry({ level: config.logLevel, format: config.logFormat,
 *   isTty: process.stdout.isTTY, output: process.stdout, errors: process.stderr,
 *   clock: systemClock, version });
 * telemetry.traffic.received({ dialect: "native", transport: "http", events: 3, bytes: 512 });
 * ```
 */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  const registry = new MetricRegistry({ nodeMetrics: options.nodeMetrics ?? true });
  const { cells } = registry;
  const log = createLogger({
    ...options,
    onLine: (level, suppressed) => {
      if (suppressed) {
        cells.logLinesSuppressed.add(1);
      } else {
        cells.logLines.add(1, level);
      }
    },
  });
  const recent = new Recent({ nowMs: () => options.clock.nowMs() });
  const eventLoop = new EventLoopGauge(options.clock);
  cells.eventLoopUtilization.readFrom(() => eventLoop.ratio);
  cells.buildInfo.readInfo({ version: options.version, node: process.version });
  return {
    traffic: new TrafficTelemetry({ cells, log, recent, nowMs: () => options.clock.nowMs() }),
    recent,
    canary: new CanaryTelemetry({ cells, log, clockMs: () => options.clock.monotonicMs() }),
    backends: new BackendTelemetry({ cells, log }),
    streams: new StreamMemoryTelemetry({ cells, log }),
    live: new LiveTelemetry({ cells, log }),
    process: new ProcessTelemetry({ cells, log }),
    workers: new WorkersTelemetry({ cells, log }),
    registry,
    log,
    eventLoopUtilization: () => eventLoop.ratio,
    stop: () => eventLoop.stop(),
  };
}
