/** The life of real processes: signals, exit codes, workers, metrics over the cluster's line. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("testing/program.ts", import.meta.url));

class Program {
  readonly lines: Record<string, unknown>[] = [];
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  #wake = () => undefined as void;

  constructor(...words: string[]) {
    this.#child = spawn(process.execPath, [PROGRAM, ...words], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.exited = once(this.#child, "exit").then(([code]) =>
      typeof code === "number" ? code : null,
    );
    assert.ok(this.#child.stdout !== null);
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      this.lines.push(JSON.parse(line) as Record<string, unknown>);
      this.#wake();
    });
  }

  /** The nth line with this message, from 1; waits until it comes. */
  async line(message: string, number = 1): Promise<Record<string, unknown>> {
    for (;;) {
      const found = this.lines.filter((line) => line["msg"] === message)[number - 1];
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }
}

describe("one process", () => {
  it("is ready, answers for its health, and leaves with 0 on SIGTERM", async () => {
    const program = new Program("1");
    const { adminUrl } = await program.line("ready");
    const answer = await fetch(`${String(adminUrl)}/readyz`);
    assert.deepEqual(await answer.json(), { ok: true, state: "ready", reasons: [] });
    const metrics = await (await fetch(`${String(adminUrl)}/metrics`)).text();
    assert.match(metrics, /^sluice_events_received_total\{.*http"\} 1$/m);
    program.signal("SIGTERM");
    assert.equal(await program.exited, 0);
    await program.line("drained");
  });

  it("a second signal ends a drain that hangs, with 1", async () => {
    const program = new Program("1", "hang");
    const { adminUrl } = await program.line("ready");
    program.signal("SIGINT");
    await program.line("draining");
    const answer = await fetch(`${String(adminUrl)}/readyz`);
    assert.equal(answer.status, 503);
    program.signal("SIGTERM");
    assert.equal(await program.exited, 1);
  });
});

describe("a primary with two workers", () => {
  it("one ready line, merged metrics, a dead worker replaced, exit 0 on SIGTERM", async () => {
    const program = new Program("2");
    const { adminUrl } = await program.line("ready");
    assert.equal(program.lines.filter((line) => line["msg"] === "ready").length, 1);
    const metrics = await (await fetch(`${String(adminUrl)}/metrics`)).text();
    assert.match(metrics, /^sluice_events_received_total\{.*http"\} 2$/m);
    assert.match(metrics, /^sluice_ready 1$/m);
    assert.match(metrics, /^sluice_workers_restarted_total 0$/m);
    assert.match(metrics, /^nodejs_eventloop_lag_p99_seconds /m);

    process.kill(Number((await program.line("worker up"))["pid"]), "SIGKILL");
    await program.line("worker died, its events in flight got no answer");
    await program.line("worker up", 3);
    program.signal("SIGTERM");
    assert.equal(await program.exited, 0);
  });

  it("SIGHUP renews both, one after the other, and no count goes back", async () => {
    const program = new Program("2");
    const { adminUrl } = await program.line("ready");
    const received = async () => {
      const metrics = await (await fetch(`${String(adminUrl)}/metrics`)).text();
      return Number(/^sluice_events_received_total\{.*http"\} (\d+)$/m.exec(metrics)?.[1]);
    };
    assert.equal(await received(), 2);
    program.signal("SIGHUP");
    await program.line("rolling restart done");
    assert.equal(await received(), 4, "each of the four has counted one");
    const renewed = program.lines.filter(({ msg }) => msg === "worker renewed");
    assert.deepEqual(
      renewed.map(({ id, by }) => [id, by]),
      [
        [1, 3],
        [2, 4],
      ],
    );
    const drained = program.lines.filter(({ msg }) => msg === "drained");
    assert.deepEqual(
      drained.map(({ worker }) => worker),
      [1, 2],
      "lines say whose they are",
    );
    program.signal("SIGTERM");
    assert.equal(await program.exited, 0);
  });

  it("the primary is killed: the workers drain and leave", async () => {
    const program = new Program("2");
    await program.line("ready");
    program.signal("SIGKILL");
    await program.line("drained", 2);
    assert.equal(await program.exited, null);
  });

  it("Ctrl-C, which reaches the workers too, is one drain", async () => {
    const program = new Program("2");
    await program.line("ready");
    for (const number of [1, 2]) {
      const { pid } = await program.line("worker up", number);
      process.kill(Number(pid), "SIGINT");
    }
    program.signal("SIGINT");
    assert.equal(await program.exited, 0);
  });
});
