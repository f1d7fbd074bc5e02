import assert from "node:assert/strict";
import { before, test } from "node:test";
import { join } from "node:path";
import type { Codec, FrameContext } from "../codec/codec.ts";
import { createCodec } from "../codec/create-codec.ts";

import type { Delivery } from "../delivery/delivery.ts";
import { ROW_STATUS } from "../records.ts";
import { parseAvroSchema } from "../schema/avro/schema.ts";
import { loadPack } from "../schema/pack.ts";
import type { Pack } from "../schema/pack.ts";
import type { TypeSchema } from "../schema/store.ts";
import { RouteBook } from "./routes.ts";

const CONTEXT: FrameContext = {
  shape: "json",
  payload: "data",
  typeMember: "type",
  tenant: "demo",
  source: "default",
  receivedAtMs: 0,
  eventsMax: 10,
};

let pack: Pack;

before(async () => {
  pack = await loadPack("behaviour", join(import.meta.dirname, "..", "..", "packs"));
});

async function setUp() {
  const codec = await createCodec();
  const topics: string[] = [];
  const delivery = {
    topic: (name: string) => {
      if (!topics.includes(name)) topics.push(name);
      return topics.indexOf(name);
    },
  };
  // Routes ask delivery for nothing but numbers of topics.
  const routes = new RouteBook({ codec, delivery: delivery as unknown as Delivery, pack });
  return { codec, routes, topics };
}

function schemaOf(type: string, schemaId: number, field: string): TypeSchema {
  const packType = pack.types.get(type);
  assert.ok(packType !== undefined);
  const fields = [{ name: field, type: "string" }];
  const text = JSON.stringify({ type: "record", name: "Search", fields });
  const schema = parseAvroSchema(text);
  const { subject } = packType;
  const numbers = { schemaId, version: schemaId, fingerprint: BigInt(schemaId) };
  return { type: packType, subject, text, schema, references: [], ...numbers };
}

function statusOf(codec: Codec, event: object) {
  const result = codec.encode(Buffer.from(JSON.stringify(event)), CONTEXT);
  assert.ok(result.kind === "table");
  const { table } = result;
  const value = table.memory.subarray(table.valueStart[0], table.valueEnd[0]);
  return { status: table.status[0], route: table.route[0] ?? -1, value: Buffer.from(value) };
}

test("RouteBook: a type without schema has a route without plan; a schema switches it", async () => {
  const { codec, routes } = await setUp();
  const event = { type: "search", data: { query: "q" } };
  const waiting = statusOf(codec, event);
  assert.equal(routes.get(waiting.route)?.plan, null);
  routes.load(schemaOf("search", 7, "query"));
  const loaded = statusOf(codec, event);
  assert.equal(loaded.status, ROW_STATUS.encoded);
  assert.notEqual(routes.get(loaded.route)?.plan, null);
  assert.equal(loaded.value.readInt32BE(1), 7);
  routes.load(schemaOf("search", 8, "term"));
  assert.equal(statusOf(codec, event).status, ROW_STATUS.invalid);
  assert.equal(
    routes.topicName(routes.get(loaded.route)?.topicNumber ?? -1),
    "behaviour-interaction",
  );
});

test("RouteBook: names of one schema share a plan; a new version drops the names asked for", async () => {
  const { codec, routes } = await setUp();
  routes.load(schemaOf("search", 7, "query"));
  const plans = codec.stats().plans;
  for (const name of ["7", "fp:0000000000000007", "search:7"]) {
    routes.loadAsked(schemaOf("search", 7, "query"), name);
  }
  assert.equal(codec.stats().plans, plans);
  const named = { type: "search", schema: "search:7", data: { query: "q" } };
  assert.equal(statusOf(codec, named).status, ROW_STATUS.encoded);
  routes.load(schemaOf("search", 8, "term"));
  assert.equal(statusOf(codec, named).status, ROW_STATUS.schemaNeeded);
  assert.equal(codec.stats().plans, plans, "the old plan is freed");
});

test("RouteBook: schemas asked for are bounded, the first loaded goes", async () => {
  const { codec, routes } = await setUp();
  routes.load(schemaOf("search", 1, "query"));
  for (let id = 2; id < 300; id += 1) routes.loadAsked(schemaOf("search", id, "query"), String(id));
  const status = (id: number) =>
    statusOf(codec, { type: "search", schema: id, data: { query: "q" } }).status;
  assert.equal(status(2), ROW_STATUS.schemaNeeded);
  assert.equal(status(299), ROW_STATUS.encoded);
  assert.ok(codec.stats().plans <= 256 + 2, `${codec.stats().plans} plans are loaded`);
});
