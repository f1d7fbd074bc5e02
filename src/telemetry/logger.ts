/**
 * Log lines: JSON for machines on standard output, or text for people on standard error, where
 * standard output then carries the ready line alone. The one place that meets pino. It decides how
 * a line looks and how often it may come, not what is worth a line.
 *
 * Levels: error = data is at risk; warn = degraded, recovering by itself; info = life cycle;
 * debug = for looking into one problem. Normal traffic logs nothing.
 */
import { pino } from "pino";
import type { LoggerOptions as PinoOptions } from "pino";
import { prettyFactory } from "pino-pretty";

import type { Clock } from "../lib/clock.ts";
import { ecsBase, ecsFields } from "./ecs.ts";
import { safeFields, singleLine, type LogFields } from "./log-fields.ts";
import { LogLimit } from "./log-limit.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Where lines go; a stream of the process, or a list in a test. */
interface LogSink {
  write(line: string): unknown;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: "auto" | "json" | "ecs" | "pretty";
  /** Of sluice; "" where nobody says. */
  readonly version?: string;
  /** `auto` means pretty when this is true. */
  readonly isTty: boolean;
  readonly clock: Clock;
  /** Standard output. */
  readonly output: LogSink;
  /** Standard error. */
  readonly errors: LogSink;
  /** Members of every line, such as the number of the worker. */
  readonly base?: LogFields;
  /** Called for each line, and with `suppressed: true` for each that is left out. */
  readonly onLine?: (level: LogLevel, suppressed: boolean) => void;
}

/**
 * `message` is the kind of the line: a fixed text, no values in it. What varies goes into `fields`;
 * members whose name says password, token or key are replaced, long texts are cut.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The ready line, whatever the level: `sluice ready on <url>`, or `"msg":"ready"` in JSON. */
  ready(url: string, fields?: LogFields): void;
}

/**
 * ```ts
 * const logger = createLogger({ level: config.logLevel, format: config.logFormat, isTty, clock,
 *   output: process.stdout, errors: process.stderr });
 * logger.warn("registry unreachable", { url, retryInMs });
 * ```
 */
export function createLogger(options: LoggerOptions): Logger {
  const isPretty = options.format === "pretty" || (options.format === "auto" && options.isTty);
  const sink = isPretty ? prettySink(options) : options.output;
  const lines = pino(shapeOf(options), { write: (line) => void sink.write(line) });
  const { base = {} } = options;
  const shaped = (fields: LogFields): LogFields =>
    options.format === "ecs" ? ecsFields(safeFields({ ...base, ...fields })) : safeFields(fields);
  const limit = new LogLimit({ clock: options.clock });
  const write = (level: LogLevel, message: string, fields: LogFields) => {
    if (!lines.isLevelEnabled(level)) {
      return;
    }
    const suppressed = limit.admit(message);
    options.onLine?.(level, suppressed < 0);
    if (suppressed >= 0) {
      const counted = suppressed > 0 ? { ...fields, suppressed } : fields;
      lines[level](shaped(counted), singleLine(message));
    }
  };
  return {
    debug: (message, fields = {}) => write("debug", message, fields),
    info: (message, fields = {}) => write("info", message, fields),
    warn: (message, fields = {}) => write("warn", message, fields),
    error: (message, fields = {}) => write("error", message, fields),
    ready: (url, fields = {}) => {
      if (isPretty) {
        options.output.write(`sluice ready on ${url}\n`);
      } else {
        lines.child({}, { level: "info" }).info(shaped({ url, ...fields }), "ready");
      }
    },
  };
}

/** What pino makes of a line besides its fields. */
function shapeOf({ level, format, base = {}, clock, version = "" }: LoggerOptions): PinoOptions {
  const isEcs = format === "ecs";
  const [timeName, levelName] = isEcs ? ["@timestamp", "log.level"] : ["time", "level"];
  return {
    level,
    base: isEcs ? ecsBase({ version, pid: process.pid }) : safeFields(base),
    messageKey: isEcs ? "message" : "msg",
    timestamp: () => `,"${timeName}":"${new Date(clock.nowMs()).toISOString()}"`,
    // Errors are made plain by safeFields; pino's own serializer would look at them again.
    serializers: { err: (value: unknown) => value },
    formatters: { level: (label) => ({ [levelName]: label }) },
  };
}

/** Formats on the spot, so that the last line before an exit is written. */
function prettySink(options: LoggerOptions): LogSink {
  const format = prettyFactory({
    colorize: options.isTty,
    ignore: "pid,hostname",
    translateTime: "SYS:HH:MM:ss.l",
    singleLine: true,
  });
  return {
    write: (line) => options.errors.write(format(line)),
  };
}
