/** Fields that the gateway fills, over HTTP and WebSocket, read back with `tail`. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";

import { Gateway } from "../gateway.ts";
import { StreamClient } from "../stream-client.ts";

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const TOPIC = "filled";
const PACK = {
  name: "filled",
  topics: { [TOPIC]: {} },
  types: { visit: { schema: "visit.avsc", topic: TOPIC } },
  defaults: { pointers: { actor: ["/who"] } },
};
const filled = (name: string, type: unknown): object => ({ name, type, "sluice.fill": name });
const SCHEMA = {
  type: "record",
  name: "Visit",
  fields: [
    { name: "who", type: "string" },
    filled("tenant", "string"),
    filled("session", ["null", "string"]),
    filled("ip", ["null", "string"]),
    { ...filled("user-agent", ["null", "string"]), name: "agent" },
    { ...filled("received-at", { type: "long", logicalType: "timestamp-millis" }), name: "at" },
  ],
};

let directory: string;
let gateway: Gateway;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-fills-"));
  await writeFile(join(directory, "pack.json"), JSON.stringify(PACK));
  await writeFile(join(directory, "visit.avsc"), JSON.stringify(SCHEMA));
  gateway = await Gateway.start({ flags: ["--pack", directory] });
});

after(async () => {
  assert.equal(await gateway.stop(), 0);
  await rm(directory, { recursive: true });
});

test("hold the tenant, the session, the sender and the time, whatever clients claim", async () => {
  const startMs = Date.now();
  const lies = { tenant: "other", session: "mine", ip: "1.1.1.1", agent: "x", at: 5 };
  const events = [{ type: "visit", data: { who: "v", ...lies } }];
  const headers = { "user-agent": "a test" };
  const posted = await gateway.post(JSON.stringify(events), headers);
  assert.equal(posted.status, 200, await posted.text());
  const client = await StreamClient.hello(gateway.streamUrl, { auth: "demo" });
  client.send({ t: "pub", seq: 1, events: [{ type: "visit", data: { who: "v" } }] });
  await client.acked(1);
  const { brokers, registryUrl } = gateway.run;
  const places = ["--brokers", brokers, "--registry", registryUrl];
  const words = [MAIN, "tail", TOPIC, "--from-beginning", "--count", "2", ...places];
  const { stdout } = await run(process.execPath, words);
  const records = stdout
    .trim()
    .split("\n")
    .map((line) => {
      return JSON.parse(line) as { value: Record<string, unknown>; headers: { sluice: unknown } };
    });
  assert.equal(records.length, 2);
  const sessions = records.map(({ value }) => value["session"]);
  assert.match(String(sessions[0]), /^[0-9a-f-]{36}$/);
  assert.equal(sessions[0], sessions[1], "both came from one actor");
  for (const { value, headers: header } of records) {
    assert(JSON.stringify(header).includes(String(value["session"])), "the header has the same");
    assert.equal(value["ip"], "127.0.0.1");
    assert.notEqual(value["tenant"], "other");
    assert.notEqual(value["tenant"], "");
    assert(Number(value["at"]) >= startMs && Number(value["at"]) <= Date.now());
  }
  assert.deepEqual(records.map(({ value }) => value["agent"]).includes("a test"), true);
});
