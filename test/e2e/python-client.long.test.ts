/**
 * The Python client of examples/, which was written from docs/protocol.md alone: its connection is
 * cut, it is killed and started again, and every event ends up stored once or rejected.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Deduplicator } from "../../src/consumer/library.ts";
import { Gateway } from "../gateway.ts";
import { TcpProxy } from "../tcp-proxy.ts";
import { readAll } from "./read-back.ts";

const CLIENT = fileURLToPath(new URL("../../examples/python/sluice_client.py", import.meta.url));
const EVENTS = 2_000;
/** Every so many events one does not fit. */
const BAD_EVERY = 50;

interface Outcome {
  readonly id?: string;
  readonly outcome?: "stored" | "rejected";
  readonly code?: string;
}

/** The client, with events on its standard input; `lines` grows as it speaks. */
function start(url: string, queue: string, input: string) {
  const child = spawn("python3", [CLIENT, url, "demo", queue], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines: Outcome[] = [];
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) lines.push(JSON.parse(part) as Outcome);
  });
  child.stdin.end(input);
  const ended = once(child, "exit").then(([code]) => code as number | null);
  const failed = once(child, "error").then(() =>
    assert.fail("python3 is missing: install it to test the Python client"),
  );
  return { lines, kill: () => child.kill("SIGKILL"), ended: Promise.race([ended, failed]) };
}

test("the Python client loses nothing over a cut connection and its own death", async (context) => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-python-"));
  const queue = join(directory, "queue.json");
  const data = {
    messageId: "0196a1c0-1025-7013-8047-9e3779b19e37",
    timestamp: "2026-11-21T10:00:00.000Z",
    anonymousId: "visitor-7",
    query: "tea",
    resultCount: 42,
  };
  const events = Array.from({ length: EVENTS }, (_, index) => ({
    id: `py-${index}`,
    key: `k-${index % 7}`,
    type: "search",
    data: index % BAD_EVERY === 0 ? { ...data, query: 5 } : data,
  }));
  await using gateway = await Gateway.start();
  const proxy = await TcpProxy.start({ host: "127.0.0.1", port: gateway.port });
  context.after(() => proxy.stop());
  proxy.delayMs = 15;
  const url = `ws://127.0.0.1:${proxy.port}/v1/stream`;
  const first = start(url, queue, events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  while (first.lines.length < EVENTS / 4) await new Promise((resolve) => setTimeout(resolve, 5));
  proxy.cut();
  proxy.restore();
  while (first.lines.length < EVENTS / 2) await new Promise((resolve) => setTimeout(resolve, 5));
  first.kill();
  await first.ended;
  const second = start(url, queue, "");
  assert.equal(await second.ended, 0);
  const told = new Map([...first.lines, ...second.lines].map((line) => [line.id ?? "", line]));
  const records = await readAll(gateway.run.brokers, ["behaviour-interaction"]);
  const deduplicator = new Deduplicator({ fromBeginning: true });
  const kept = records
    .map((record) => deduplicator.decide(record))
    .filter(({ verdict }) => verdict === "first")
    .map(({ header }) => header?.id ?? "");
  assert.equal(new Set(kept).size, kept.length, "a consumer keeps each event once");
  for (const [index, { id }] of events.entries()) {
    const isBad = index % BAD_EVERY === 0;
    assert.equal(told.get(id)?.outcome, isBad ? "rejected" : "stored", id);
    assert.equal(kept.includes(id), !isBad, id);
  }
  const [, open] = JSON.parse(await readFile(queue, "utf8")) as readonly unknown[];
  assert.deepEqual(open, {});
  assert.equal(await gateway.stop(), 0);
  await rm(directory, { recursive: true, force: true });
});
