/**
 * Rows of the fault matrix about the machine under a gateway: its clock, its CPU, its files, and an
 * event loop that stands still. Real gateways and Kafka.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { open, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import type { RunFacts } from "../../src/run-file.ts";
import { testService } from "../services.ts";
import { PATIENT, crowd, faultRow, residentBytes } from "./fault-row.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const heal = () => {};

function preload(name: string): readonly string[] {
  return ["--import", new URL(`../preload/${name}`, import.meta.url).href];
}

test("row 31: an event loop that is blocked for 2 s: seen, no stream is closed, all go on", () =>
  faultRow(
    {
      brokers: testService("kafka"),
      heal,
      flags: PATIENT,
      nodeFlags: preload("block-loop.ts"),
      load: { http: 2, streams: 4 },
    },
    async ({ gateway, load }) => {
      const busy = async () => await gateway.metric("sluice_event_loop_utilization_ratio");
      // Its gauge is of a second, which the first block may have begun in the middle of.
      do gateway.signal("SIGUSR2");
      while ((await busy()) < 0.9);
      await load.more(300);
      assert.deepEqual(load.closeCodes, []);
      assert.deepEqual([...load.retryCodes.streams], []);
      assert.equal(load.count("lost"), 0);
    },
  ));

test("row 39: the clock jumps by an hour, on and back: no deadline fires, nobody is closed", () =>
  faultRow(
    {
      brokers: testService("kafka"),
      heal,
      flags: PATIENT,
      nodeFlags: preload("move-clock.ts"),
      load: { http: 2, streams: 2 },
    },
    async ({ gateway, load }) => {
      for (let move = 1; move <= 3; move += 1) {
        gateway.signal("SIGUSR2");
        while (!gateway.output.includes(`clock moved ${move}`)) await delay(10);
        await load.more(300);
      }
      assert.deepEqual([...load.toldCodes], []);
      assert.deepEqual(load.closeCodes, []);
    },
  ));

test("row 39: a client whose clock is years off is believed about nothing but the difference", () =>
  faultRow({ brokers: testService("kafka"), heal }, async ({ gateway }) => {
    for (const sentAt of ["1999-01-01T00:00:00Z", "2091-01-01T00:00:00Z"]) {
      const event = { type: "nothing-of-that-name", ts: sentAt, data: {} };
      const answer = await gateway.post(JSON.stringify({ sentAt, events: [event] }));
      assert.equal(answer.status, 200, await answer.text());
    }
    for (const clock of ["slow", "fast"]) {
      const of = (part: string) => gateway.metric(`sluice_clock_skew_seconds_${part}`);
      assert.equal(await of(`bucket{le="86400",clock="${clock}"}`), 0);
      assert.equal(await of(`count{clock="${clock}"}`), 1);
    }
  }));

test("row 40: no file descriptors left: who is there is served, later all are", () =>
  faultRow({ brokers: testService("kafka"), heal }, async ({ gateway, load }) => {
    const { pid } = gateway.run;
    const used = (await readdir(`/proc/${pid}/fd`)).length;
    execFileSync("prlimit", ["--pid", `${pid}`, `--nofile=${used + 20}:`]);
    const sockets = await crowd(gateway.port, 200);
    await load.more(400);
    assert.deepEqual([...load.toldCodes], []);
    assert.deepEqual(load.closeCodes, []);
    for (const socket of sockets) socket.destroy();
    execFileSync("prlimit", ["--pid", `${pid}`, `--nofile=${used + 1_000}:`]);
    const answer = await gateway.post("[]", { connection: "close" });
    assert.equal(answer.status, 200, await answer.text());
  }));

test("row 41: a full disk behind the log: events are stored all the same", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  const full = await open("/dev/full", "w");
  const flags = ["--port", "0", "--admin-port", "0", "--data-dir", dataDir];
  const log = ["--log-level", "debug", "--log-format", "json"];
  const child = spawn(process.execPath, [MAIN, "start", ...flags, ...log], {
    stdio: ["ignore", full.fd, "inherit"],
    env: { PATH: process.env["PATH"], UV_THREADPOOL_SIZE: "16" },
  });
  try {
    let facts: RunFacts | null = null;
    while (facts === null) {
      assert.equal(child.exitCode, null, "it lives");
      const text = await readFile(join(dataDir, "sluice.json"), "utf8").catch(() => "");
      if (text.endsWith("}\n")) facts = JSON.parse(text) as RunFacts;
      await delay(20);
    }
    const url = `http://127.0.0.1:${facts.port}`;
    for (let round = 0; round < 20; round += 1) {
      const samples = await readFile(
        new URL("../../packs/behaviour/samples.ndjson", import.meta.url),
      );
      const answer = await fetch(`${url}/v1/events`, { method: "POST", body: samples });
      const { stored, rejected } = (await answer.json()) as { stored: number; rejected: unknown[] };
      assert.ok(stored > 0);
      assert.deepEqual(rejected, []);
    }
    child.kill("SIGTERM");
    const [code] = (await once(child, "exit")) as [number | null];
    assert.equal(code, 0);
  } finally {
    child.kill("SIGKILL");
    await full.close();
    await rm(dataDir, { recursive: true, force: true });
  }
});

const HOGS = 6;

/** The cores that this process may use, as the kernel lists them: "0-3", "4,6-7". */
async function allowedCores(): Promise<string> {
  const status = await readFile("/proc/self/status", "utf8");
  return /^Cpus_allowed_list:\s+(\S+)$/m.exec(status)?.[1] ?? "0";
}

test("row 42: a twentieth of a core: late, but answered, and nothing lost or twice", () =>
  faultRow({ brokers: testService("kafka"), heal }, async ({ gateway, load }) => {
    const cores = await allowedCores();
    const [core = "0"] = /^\d+/.exec(cores) ?? [];
    const hogs = Array.from({ length: HOGS }, () =>
      spawn("taskset", ["-c", core, process.execPath, "-e", "for (;;);"], { stdio: "ignore" }),
    );
    const pin = (to: string) =>
      execFileSync("taskset", ["-a", "-p", "-c", to, `${gateway.run.pid}`], { stdio: "ignore" });
    try {
      pin(core);
      await load.more(400);
      assert.deepEqual(load.closeCodes, []);
    } finally {
      for (const hog of hogs) hog.kill("SIGKILL");
      pin(cores);
    }
  }));

test("row 44: scrapes that are never read: bounded memory, events and other scrapes go on", () =>
  faultRow({ brokers: testService("kafka"), heal, flags: PATIENT }, async ({ gateway, load }) => {
    const bytesBefore = await residentBytes(gateway.run.pid);
    const sockets = await crowd(gateway.run.adminPort, 60);
    const request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    for (const socket of sockets) socket.pause().write(request.repeat(100));
    // Whoever asks again before it has read is cut; who reads is served (metric() below).
    await load.more(600);
    const grown = (await residentBytes(gateway.run.pid)) - bytesBefore;
    for (const socket of sockets) socket.destroy();
    assert.ok(grown < 160 * 1024 * 1024, `memory grew by ${grown} bytes`);
    assert.deepEqual([...load.toldCodes], []);
    assert.ok((await gateway.metric("sluice_events_stored_late_total")) >= 0);
  }));
