/**
 * `sluice/client` in Node.js as others get it, against a real gateway: over a WebSocket, over the
 * HTTP twin where there is none, and with a queue in a file over a kill. Kafka is the judge.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { packLibrary } from "../../src/codec/testing/packed-library.ts";
import type { PackedLibrary } from "../../src/codec/testing/packed-library.ts";
import { byId, readAll } from "./read-back.ts";
import { Gateway } from "../gateway.ts";
import { TcpProxy } from "../tcp-proxy.ts";

const TOPIC = "behaviour-interaction";

let gateway: Gateway;
let library: PackedLibrary;
before(async () => {
  library = await packLibrary();
  gateway = await Gateway.start();
});
after(async () => {
  await gateway.stop();
  library.remove();
});

const PROGRAM = `
import { createClient, fileStore } from "sluice/client";
const [url, count, queue] = process.argv.slice(2);
const store = queue === undefined ? {} : { store: fileStore(queue) };
const client = createClient({ url, writeKey: "demo", ...store });
client.on("outcome", (outcome) => console.log(JSON.stringify(outcome)));
for (let index = 0; index < Number(count); index += 1) {
  const { id } = client.track("search", { messageId: "m" + index, timestamp: Date.now(),
    anonymousId: "visitor-7", query: index === 3 ? 5 : "tea", resultCount: index });
  console.log(JSON.stringify({ id, tracked: index }));
}
await client.flush();
await client.close();
`;

interface Line {
  readonly id: string;
  readonly tracked?: number;
  readonly outcome?: string;
}

/** Runs a program that tracks so many events; gives the lines it has printed. */
function run(words: readonly string[], flags: readonly string[] = []) {
  const file = join(library.project, "program.mjs");
  writeFileSync(file, PROGRAM);
  const child = spawn(process.execPath, [...flags, file, ...words], {
    cwd: library.project,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (chunk: string) => (text += chunk));
  const lines = (): Line[] => {
    const whole = text.split("\n").slice(0, -1);
    return whole.map((line) => JSON.parse(line) as Line);
  };
  const printed = async (isEnough: (lines: Line[]) => boolean) => {
    while (!isEnough(lines())) await once(child.stdout, "data");
  };
  // Not before all it has printed has been read.
  return { child, lines, printed, ended: once(child, "close") };
}

async function judge(ids: readonly string[]): Promise<void> {
  const records = byId(await readAll(gateway.run.brokers, [TOPIC]));
  for (const id of ids) assert.equal(records.get(id)?.length, 1, `${id} is stored once`);
}

for (const [title, flags] of [
  ["over a WebSocket", []],
  // As in Node.js 18, which has neither.
  [
    "over the HTTP twin, without WebSocket and crypto",
    ["--no-experimental-websocket", "--import", "data:text/javascript,delete globalThis.crypto"],
  ],
] as const) {
  test(`createClient: ${title}, every event has its outcome and the program ends`, async () => {
    const { lines, ended } = run([gateway.url, "250"], flags);
    assert.deepEqual(await ended, [0, null]);
    const outcomes = new Map(
      lines().flatMap(({ id, outcome }) => (outcome === undefined ? [] : [[id, outcome]])),
    );
    const tracked = lines().filter((line) => line.tracked !== undefined);
    assert.equal(tracked.length, 250);
    for (const { id, tracked: index } of tracked) {
      assert.equal(outcomes.get(id), index === 3 ? "rejected" : "stored", `event ${index}`);
    }
    await judge(tracked.filter((line) => line.tracked !== 3).map(({ id }) => id));
  });
}

test("fileStore: what a killed process has not sent, the next one sends", async () => {
  const proxy = await TcpProxy.start({ host: "127.0.0.1", port: gateway.port });
  proxy.cut();
  const queue = join(library.project, "queue");
  const url = `http://127.0.0.1:${proxy.port}`;
  const killed = run([url, "20", queue]);
  await killed.printed((lines) => lines.length === 20);
  // It has printed them before the journal has them.
  const kept = () => (existsSync(queue) ? readFileSync(queue, "utf8") : "");
  while (!killed.lines().every(({ id }) => kept().includes(id))) await delay(10);
  killed.child.kill("SIGKILL");
  await killed.ended;
  proxy.restore();
  const next = run([url, "0", queue]);
  await next.printed((lines) => lines.length === 20);
  await next.ended;
  const outcomes = new Map(next.lines().map(({ id, outcome }) => [id, outcome]));
  const tracked = killed.lines();
  for (const { id, tracked: index } of tracked) {
    assert.equal(outcomes.get(id), index === 3 ? "rejected" : "stored");
  }
  await judge(tracked.filter((line) => line.tracked !== 3).map(({ id }) => id));
  await proxy.stop();
});
