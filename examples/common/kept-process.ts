/**
 * A process that comes back when it dies: what an init system does for services. It is in a group
 * of its own, which a terminal's Ctrl-C does not reach: what it serves is settled before it ends.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const RESTART_MS = 300;
const END_DEADLINE_MS = 20_000;

export interface KeptProcessOptions {
  readonly name: string;
  /** Words after `node`. */
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Gets everything it says. */
  readonly logFile: string;
}

export class KeptProcess {
  readonly #options: KeptProcessOptions;
  #child: ChildProcess | undefined;
  #isEnding = false;

  constructor(options: KeptProcessOptions) {
    this.#options = options;
    this.#start();
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Asks it to end, and makes it end if it does not. */
  async end(): Promise<void> {
    this.#isEnding = true;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await Promise.race([exit, delay(END_DEADLINE_MS, undefined, { ref: false })]);
    child.kill("SIGKILL");
  }

  #start(): void {
    const { words, environment, logFile, name } = this.#options;
    const log = openSync(logFile, "a");
    const child = spawn(process.execPath, [...words], {
      env: { ...process.env, ...environment },
      stdio: ["ignore", log, log],
      detached: true,
    });
    closeSync(log);
    endWithUs(child);
    this.#child = child;
    child.once("exit", (code, signal) => {
      if (this.#isEnding) return;
      console.log(`${name} ended (${signal ?? code}); starting it again`);
      setTimeout(() => {
        if (!this.#isEnding) this.#start();
      }, RESTART_MS);
    });
  }
}

/** A child that does not outlive this process, whatever ends that but SIGKILL. */
export function endWithUs(child: ChildProcess): void {
  const end = (): void => void child.kill("SIGKILL");
  process.once("exit", end);
  child.once("exit", () => process.off("exit", end));
}
