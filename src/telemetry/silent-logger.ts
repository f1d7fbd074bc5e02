/** A logger for tests: writes nothing, remembers what it was asked to write. */
import type { LogFields } from "./log-fields.ts";
import type { Logger, LogLevel } from "./logger.ts";

export interface RememberedLine {
  readonly level: LogLevel | "ready";
  readonly message: string;
  readonly fields: LogFields;
}

/** Lines kept; the oldest are forgotten. */
const LINES_MAX = 1_000;

export class SilentLogger implements Logger {
  readonly lines: RememberedLine[] = [];

  debug(message: string, fields: LogFields = {}): void {
    this.#keep({ level: "debug", message, fields });
  }

  info(message: string, fields: LogFields = {}): void {
    this.#keep({ level: "info", message, fields });
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#keep({ level: "warn", message, fields });
  }

  error(message: string, fields: LogFields = {}): void {
    this.#keep({ level: "error", message, fields });
  }

  ready(url: string, fields: LogFields = {}): void {
    this.#keep({ level: "ready", message: url, fields });
  }

  /** How often a message was logged, at any level. */
  count(message: string): number {
    return this.lines.filter((line) => line.message === message).length;
  }

  #keep(line: RememberedLine): void {
    this.lines.push(line);
    if (this.lines.length > LINES_MAX) {
      this.lines.shift();
    }
  }
}
