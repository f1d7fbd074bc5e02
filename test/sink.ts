/**
 * `sluice sink postgres` for tests: the real process, started as a user starts it, with a database
 * schema of its own. Whoever starts one stops it, also when a test fails.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import pg from "pg";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

export interface SinkOptions {
  readonly database: string;
  readonly schema: string;
  readonly brokers: string;
  readonly registry: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class SinkProcess {
  readonly #child: ChildProcess;
  readonly #output: string[];

  private constructor(child: ChildProcess, output: string[]) {
    this.#child = child;
    this.#output = output;
  }

  static start(options: SinkOptions): SinkProcess {
    const places = ["--brokers", options.brokers, "--registry", options.registry];
    const own = ["--schema", options.schema, "--group", options.schema, "--admin", "127.0.0.1:0"];
    const flags = ["sink", "postgres", ...places, ...own, ...(options.flags ?? [])];
    const child = spawn(process.execPath, [MAIN, ...flags], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env["PATH"],
        SLUICE_POSTGRES_URL: options.database,
        SLUICE_LOG_FORMAT: "json",
        ...options.env,
      },
    });
    const output: string[] = [];
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk.toString("utf8")));
    child.stderr.on("data", (chunk: Buffer) => output.push(chunk.toString("utf8")));
    return new SinkProcess(child, output);
  }

  /** Everything it has written so far. */
  get output(): string {
    return this.#output.join("");
  }

  /** The base URL of its admin port, once it is ready. */
  async ready(): Promise<string> {
    for (;;) {
      const url = /"url":"(http:[^"]+)"/.exec(this.output)?.[1];
      if (url !== undefined) return url;
      if (this.isEnded) throw new Error(`the sink ended: ${this.output}`);
      await once(this.#child.stdout ?? this.#child, "data");
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Ends it with this signal and waits; gives the exit code, or the signal. */
  async end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals> {
    if (!this.isEnded) {
      const exit = once(this.#child, "exit");
      this.#child.kill(signal);
      await exit;
    }
    return this.#child.exitCode ?? this.#child.signalCode ?? -1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
  }
}

/** One query, on a connection of its own; numbers of eight bytes come as strings. */
export async function queryDatabase<Row extends pg.QueryResultRow>(
  url: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<readonly Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query<Row>(sql, [...values])).rows;
  } finally {
    await client.end();
  }
}

/** Removes what a sink has made. */
export async function dropSchemas(url: string, schema: string): Promise<void> {
  for (const name of [schema, `${schema}_events`]) {
    await queryDatabase(url, `DROP SCHEMA IF EXISTS ${name} CASCADE`);
  }
}
