/** An example, run as a user runs it, on the servers of the tests. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const RUNNER = fileURLToPath(new URL("../scripts/example.ts", import.meta.url));

export class ExampleRun {
  readonly #child: ChildProcess;
  readonly #output: string[] = [];

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on("data", (chunk: Buffer) => this.#output.push(chunk.toString("utf8")));
    child.stderr?.on("data", (chunk: Buffer) => this.#output.push(chunk.toString("utf8")));
  }

  static start(name: string, options: readonly string[]): ExampleRun {
    const words = [RUNNER, name, "--port", "0", ...options];
    return new ExampleRun(spawn(process.execPath, words, { stdio: ["ignore", "pipe", "pipe"] }));
  }

  get output(): string {
    return this.#output.join("");
  }

  /** The first match of its output; throws when it ends before. */
  async said(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.output);
      if (match !== null) return match[1] ?? match[0];
      if (this.#child.exitCode !== null) throw new Error(`it ended: ${this.output}`);
      await delay(50);
    }
  }

  /** Ctrl-C; gives the exit code. */
  async interrupt(): Promise<number | NodeJS.Signals | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exit = once(this.#child, "exit");
      this.#child.kill("SIGINT");
      await exit;
    }
    return this.#child.exitCode ?? this.#child.signalCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.interrupt();
  }
}

/** What `url` answers as JSON. */
export async function getJson(url: string): Promise<unknown> {
  const answer: unknown = await (await fetch(url)).json();
  return answer;
}
