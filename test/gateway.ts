/**
 * A gateway for end-to-end tests: the real process, started as a user starts it, on free ports and
 * with a directory of its own. Whoever starts one stops it, also when a test fails.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { balancedLedger, LedgerWatch } from "./ledger-watch.ts";
import type { LedgerNumbers } from "./ledger-watch.ts";
import { checkAnswer } from "./contract.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

/**
 * A machine that stands still for seconds, or has too much to do, is no reason to answer 503: but
 * where a test gives the flag itself.
 */
const PATIENCE = [
  ["--http-deadline-ms", "20000"],
  ["--shed-utilization-percent", "100"],
] as const;

/** A start that takes longer has failed, also on a machine with too much to do. */
const START_DEADLINE_MS = 90_000;

export interface GatewayOptions {
  /** Further flags. */
  readonly flags?: readonly string[];
  /** Kept over restarts if given; else a fresh one, removed at the end. */
  readonly dataDir?: string;
  /** Port to come back on. */
  readonly port?: number;
  /** Port of the admin server. */
  readonly adminPort?: number;
  /** Flags of Node.js, as `--import`. */
  readonly nodeFlags?: readonly string[];
  /** It serves without being ready: do not wait for the ready line. */
  readonly mayWait?: boolean;
}

export interface RunFile {
  readonly pid: number;
  readonly brokers: string;
  readonly registryUrl: string;
  readonly port: number;
  readonly adminPort: number;
}

export class Gateway {
  readonly url: string;
  readonly run: RunFile;
  readonly #child: ChildProcess;
  readonly #output: string[];
  readonly #dataDir: string;
  readonly #ownsDataDir: boolean;
  readonly #watch: LedgerWatch;

  constructor(parts: {
    readonly url: string;
    readonly run: RunFile;
    readonly child: ChildProcess;
    readonly output: string[];
    readonly dataDir: string;
    readonly ownsDataDir: boolean;
  }) {
    this.url = parts.url;
    this.run = parts.run;
    this.#child = parts.child;
    this.#output = parts.output;
    this.#dataDir = parts.dataDir;
    this.#ownsDataDir = parts.ownsDataDir;
    this.#watch = new LedgerWatch(this.adminUrl);
  }

  static async start(options: GatewayOptions = {}): Promise<Gateway> {
    const ownsDataDir = options.dataDir === undefined;
    const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "sluice-test-")));
    const port = String(options.port ?? 0);
    const adminPort = String(options.adminPort ?? 0);
    const ports = ["--port", port, "--admin-port", adminPort, "--data-dir", dataDir];
    const further = options.flags ?? [];
    // With all servers real there would be one for each core.
    const workers = further.includes("--workers") ? [] : ["--workers", "1"];
    const patience = PATIENCE.filter(([flag]) => !further.includes(flag)).flat();
    const own = [...ports, "--log-format", "json", ...workers, ...patience];
    const flags = ["start", ...own, ...further];
    const child = spawn(process.execPath, [...(options.nodeFlags ?? []), MAIN, ...flags], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env["PATH"],
        UV_THREADPOOL_SIZE: "16",
        UWS_HTTP_MAX_HEADERS_SIZE: "16384",
      },
    });
    const output: string[] = [];
    const runFile = join(dataDir, "sluice.json");
    await rm(runFile, { force: true });
    const mayWait = options.mayWait === true;
    await started(child, { output, runFile: mayWait ? runFile : null });
    const run = await readRunFile(runFile);
    const url = `http://127.0.0.1:${run.port}`;
    return new Gateway({ url, run, child, output, dataDir, ownsDataDir });
  }

  get adminUrl(): string {
    return `http://127.0.0.1:${this.run.adminPort}`;
  }

  get streamUrl(): string {
    return `${this.url.replace("http:", "ws:")}/v1/stream`;
  }

  /** Everything it has written so far. */
  get output(): string {
    return this.#output.join("");
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Waits for the end and gives the exit code, or the signal that ended it. */
  async ended(): Promise<number | NodeJS.Signals> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      await once(this.#child, "exit");
    }
    return this.#child.exitCode ?? this.#child.signalCode ?? -1;
  }

  /** SIGTERM; gives the exit code. The ledger has balanced all the time, or it throws. */
  async stop(): Promise<number | NodeJS.Signals> {
    await this.#watch.end();
    this.signal("SIGTERM");
    const code = await this.ended();
    if (this.#ownsDataDir) await rm(this.#dataDir, { recursive: true, force: true });
    return code;
  }

  /**
   * For `await using`: ends it if the test has not, which it does only when it fails or kills it.
   * The ledger has balanced all the time, or it throws.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#watch.end();
    await Promise.allSettled([ended]);
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.signal("SIGKILL");
      await this.ended();
    }
    if (this.#ownsDataDir) await rm(this.#dataDir, { recursive: true, force: true });
    await ended;
  }

  /** The value of one metric series, by its name and labels as Prometheus writes them. */
  async metric(series: string): Promise<number> {
    const text = await (await fetch(`${this.adminUrl}/metrics`)).text();
    const line = text.split("\n").find((each) => each.startsWith(`${series} `));
    return line === undefined ? 0 : Number(line.slice(series.length + 1).split(" ")[0]);
  }

  /** The ledger, which must balance whenever somebody looks. */
  async ledger(): Promise<LedgerNumbers> {
    const text = await (await fetch(`${this.adminUrl}/metrics`)).text();
    return balancedLedger(text);
  }

  async post(body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}) {
    const sent = typeof body === "string" ? body : new Uint8Array(body);
    return await this.request("/v1/events", { method: "POST", body: sent, headers });
  }

  /** Any request; an answer that is not as the published document has it fails the test. */
  async request(path: string, options: RequestInit = {}): Promise<Response> {
    const response = await fetch(this.url + path, options);
    const asked = { method: options.method ?? "GET", path: path.replace(/\/?(?:\?.*)?$/, "") };
    await checkAnswer(asked, response);
    return response;
  }
}

async function readRunFile(file: string): Promise<RunFile> {
  return JSON.parse(await readFile(file, "utf8")) as RunFile;
}

/** Its last line is there: the file is whole. */
async function isWritten(file: string): Promise<boolean> {
  return existsSync(file) && (await readFile(file, "utf8")).endsWith("}\n");
}

interface StartWatch {
  /** Gathers everything it writes, as long as it lives. */
  readonly output: string[];
  /** Its being there is enough; null: the ready line must come. */
  readonly runFile: string | null;
}

/** Waits until the process serves; ends it if that takes too long. */
async function started(child: ChildProcess, { output, runFile }: StartWatch): Promise<void> {
  const deadline = AbortSignal.timeout(START_DEADLINE_MS);
  return new Promise((resolve, reject) => {
    let isStarted = false;
    const succeed = () => {
      isStarted = true;
      resolve();
    };
    const fail = (why: string) => {
      if (isStarted) return;
      child.kill("SIGKILL");
      reject(new Error(`the gateway did not start: ${why}\n${output.join("")}`));
    };
    deadline.addEventListener("abort", () => fail("it took too long"));
    child.once("exit", (code) => fail(`it ended with ${code}`));
    const onData = (chunk: Buffer) => {
      output.push(chunk.toString("utf8"));
      if (isStarted || runFile !== null) return;
      if (/^\{.*"msg":"ready".*\}$/m.test(output.join(""))) succeed();
    };
    child.stdout?.on("data", onData);
    child.stderr?.on("data", onData);
    const look = async (file: string) => {
      while (!deadline.aborted && !(await isWritten(file))) await delay(20);
      if (!deadline.aborted) succeed();
    };
    if (runFile !== null) look(runFile).catch((error: unknown) => fail(String(error)));
  });
}
