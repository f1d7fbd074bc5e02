/** A pack that says where `ctx` goes: of a connection, a frame and an event, over both doors. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";

import { Gateway } from "../gateway.ts";
import { StreamClient } from "../stream-client.ts";
import { byId, readAll } from "./read-back.ts";

const PACK = {
  name: "ctx",
  context: "context",
  defaults: { topic: "events", pointers: { id: ["/id"] } },
  types: { seen: { schema: "seen.avsc" } },
};
const SCHEMA = {
  type: "record",
  name: "Seen",
  fields: [
    { name: "context", type: ["null", "string"], default: null, "sluice.from": "json" },
    { name: "n", type: "int" },
  ],
};

let directory = "";
let gateway: Gateway;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-ctx-"));
  await writeFile(join(directory, "pack.json"), JSON.stringify(PACK));
  await writeFile(join(directory, "seen.avsc"), JSON.stringify(SCHEMA));
  gateway = await Gateway.start({ flags: ["--pack", directory] });
});

after(async () => {
  assert.equal(await gateway.stop(), 0);
  await rm(directory, { recursive: true });
});

async function contextOf(id: string): Promise<unknown> {
  const [record] = byId(await readAll(gateway.run.brokers, ["events"])).get(id) ?? [];
  const text = Buffer.from(record?.value ?? []).toString("utf8");
  const json = /\{.*\}/.exec(text)?.[0];
  return json === undefined ? null : JSON.parse(json);
}

it("goes below what frame, event and record say themselves", async () => {
  const ctx = { app: "hello", build: 7, os: "hello" };
  const client = await StreamClient.hello(gateway.streamUrl, { auth: "demo", ctx });
  const events = [
    { id: "c-1", type: "seen", ctx: { app: "event" }, data: { n: 1, context: { os: "record" } } },
    { id: "c-2", type: "seen", data: { n: 2 } },
  ];
  client.send({ t: "pub", seq: 1, events });
  await client.acked(2);
  client.close();
  assert.deepEqual(await contextOf("c-1"), { app: "event", build: 7, os: "record" });
  assert.deepEqual(await contextOf("c-2"), ctx);
  const body = JSON.stringify({
    ctx: { app: "body" },
    events: [{ id: "c-3", type: "seen", data: { n: 3 } }],
  });
  assert.equal((await gateway.post(body)).status, 200);
  assert.deepEqual(await contextOf("c-3"), { app: "body" });
});
