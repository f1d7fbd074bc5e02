/**
 * From a gateway to PostgreSQL: tables that follow their schemas, profiles that are linked,
 * sessions, dead letters, and a person who is erased and stays it.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { runCommand } from "../../src/cli/testing/run-command.ts";
import { connectProducer } from "../../src/delivery/testing/scratch-topic.ts";
import { Gateway } from "../gateway.ts";
import { dropSchemas, queryDatabase, SinkProcess } from "../sink.ts";
import { testService } from "../services.ts";

const WAIT_MS = 150_000;
const POLL_MS = 100;
const SECRET = "sk-of-the-desk";
/** Of a tenant whose page views have a topic of their own. */
const OTHER_SECRET = "sk-of-the-other";
const NAME = `sinktest${randomBytes(4).toString("hex")}`;
const SESSIONS = `${NAME}.sessions`;
const AUDIT = `${NAME}.audit`;
const OWN_TOPIC = `${NAME}.other.viewed`;
const places = { brokers: testService("kafka"), registry: testService("registry") };
const database = testService("postgres");
let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-sink-"));
});

after(async () => {
  await dropSchemas(database, NAME);
  await dropSchemas(database, `${NAME}_all`);
  await rm(directory, { recursive: true, force: true });
});

const NULLABLE = (name: string, type: unknown = "string") => ({
  name,
  type: ["null", type],
  default: null,
});
const PERSON = [NULLABLE("anonymousId"), NULLABLE("userId")];
const IDENTIFY = [...PERSON, { name: "traits", type: "string", "sluice.from": "json" }];
const PRICE = { type: "bytes", logicalType: "decimal", precision: 12, scale: 2 };
const VIEWED = [...PERSON, { name: "price", type: PRICE }, { name: "count", type: "int" }];
const VIEWED_LATER = [
  ...PERSON,
  { name: "price", type: PRICE },
  { name: "count", type: "long" },
  { name: "tags", type: { type: "array", items: "string" }, default: [] },
];

async function makePack(viewed: readonly object[]): Promise<string> {
  const pack = join(directory, "pack");
  await mkdir(pack, { recursive: true });
  const schemas = { identify: ["Identify", IDENTIFY], viewed: ["Viewed", viewed] } as const;
  for (const [type, [name, fields]] of Object.entries(schemas)) {
    const schema = { type: "record", name, namespace: NAME, fields };
    await writeFile(join(pack, `${type}.avsc`), JSON.stringify(schema));
  }
  const types = Object.keys(schemas).map((type) => [type, { schema: `${type}.avsc`, topic: NAME }]);
  const members = {
    name: NAME,
    topics: { [NAME]: { partitions: 2 } },
    types: Object.fromEntries(types) as object,
  };
  await writeFile(join(pack, "pack.json"), JSON.stringify(members));
  return pack;
}

async function startGateway(viewed: readonly object[]): Promise<Gateway> {
  const tenants = join(directory, "tenants.json");
  const key = { sha256: createHash("sha256").update(SECRET).digest("hex") };
  const otherKey = { sha256: createHash("sha256").update(OTHER_SECRET).digest("hex") };
  const other = {
    topics: { viewed: OWN_TOPIC },
    sources: { web: { secretKeys: [{ ...otherKey, scopes: ["write:*"] }] } },
  };
  const sources = {
    web: {
      writeKeys: [{ sha256: createHash("sha256").update("wk").digest("hex") }],
      secretKeys: [{ ...key, scopes: ["write:*", "sessions:read", "sessions:erase"] }],
    },
  };
  await writeFile(tenants, JSON.stringify({ tenants: { shop: { sources }, other } }));
  const kafka = ["--kafka-brokers", places.brokers, "--registry-url", places.registry];
  const made = ["--create-topics", "--register-schemas", "--dead-letters", "raw"];
  const own = ["--session-topic", SESSIONS, "--audit-topic", AUDIT, "--session-gap-ms", "3000"];
  const pack = ["--pack", await makePack(viewed), "--tenants-file", tenants];
  return await Gateway.start({ flags: [...kafka, ...made, ...own, ...pack] });
}

/** Sends events with this key and expects so many of them to be stored. */
const senderOf =
  (secret: string) =>
  async (gateway: Gateway, events: readonly object[], stored: number): Promise<void> => {
    const headers = { authorization: `Bearer ${secret}` };
    const response = await gateway.post(JSON.stringify(events), headers);
    const answer = (await response.json()) as { readonly stored: number };
    assert.equal(answer.stored, stored, JSON.stringify(answer));
  };

const send = senderOf(SECRET);
const sendOther = senderOf(OTHER_SECRET);

/** Waits until a query gives exactly this. */
async function becomes(sql: string, expected: unknown): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const found = await queryDatabase(database, sql).catch((error: unknown) => String(error));
    try {
      assert.deepEqual(found, expected);
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(POLL_MS);
    }
  }
}

/** Waits until the metrics of a sink say all of this. */
async function metricsSay(url: string, ...wanted: readonly string[]): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const lines = (await (await fetch(`${url}/metrics`)).text()).split("\n");
    const missing = wanted.filter((line) => !lines.includes(line));
    if (missing.length === 0) return;
    if (Date.now() > deadline) assert.fail(`missing ${missing.join()} in ${lines.join("\n")}`);
    await delay(POLL_MS);
  }
}

const viewed = (id: string, anonymousId: string, more: object = {}) => ({
  type: "viewed",
  id,
  data: { anonymousId, price: "10.50", count: 3, ...more },
});

test("tables, sessions, profiles, dead letters, and the erasure of a person", async () => {
  const flags = ["--topics", [NAME, `${NAME}.dlq`, SESSIONS, AUDIT].join(","), "--linger-ms", "50"];
  const env = { SLUICE_SESSION_TOPIC: SESSIONS, SLUICE_AUDIT_TOPIC: AUDIT };
  const options = { database, schema: NAME, ...places, flags, env };
  const events = `${NAME}_events`;
  {
    await using gateway = await startGateway(VIEWED);
    await using sink = SinkProcess.start(options);
    const url = await sink.ready();
    const first = [viewed("v1", "anon-1"), viewed("v2", "anon-2"), viewed("v3", "anon-1")];
    await send(gateway, first, 3);
    await send(gateway, [viewed("v1", "anon-1")], 1);
    await send(gateway, [viewed("v4", "anon-2", { count: "many" })], 0);
    await becomes(`SELECT _event_id, _actor, price::text, count FROM ${events}.viewed ORDER BY 1`, [
      { _event_id: "v1", _actor: "anon-1", price: "10.50", count: "3" },
      { _event_id: "v2", _actor: "anon-2", price: "10.50", count: "3" },
      { _event_id: "v3", _actor: "anon-1", price: "10.50", count: "3" },
    ]);
    await becomes(`SELECT origin, code, tenant, event_id FROM ${NAME}.dead_letters`, [
      { origin: "gateway", code: "schema_invalid", tenant: "shop", event_id: "v4" },
    ]);
    await metricsSay(
      url,
      'sluice_sink_records_total{result="written"} 3',
      'sluice_sink_records_total{result="letter"} 1',
      `sluice_sink_lag_records{topic="${NAME}"} 0`,
    );
    await becomes(
      `SELECT person, is_known, sessions, events FROM ${NAME}.profiles ORDER BY person`,
      [
        // Kafka has the second try as well, and the gateway counts what it has stored.
        { person: "anon-1", is_known: false, sessions: 1, events: "3" },
        { person: "anon-2", is_known: false, sessions: 1, events: "1" },
      ],
    );
    const traits = { email: "ada@example.org" };
    const identify = { anonymousId: "anon-1", userId: "ada", traits };
    await send(gateway, [{ type: "identify", id: "i1", data: identify }], 1);
    await becomes(
      `SELECT person, is_known, traits, anonymous_ids, sessions > 1 AS more FROM ${NAME}.profiles
        ORDER BY person`,
      [
        { person: "ada", is_known: true, traits, anonymous_ids: ["anon-1"], more: true },
        { person: "anon-2", is_known: false, traits: {}, anonymous_ids: [], more: false },
      ],
    );
    assert.equal(await sink.end("SIGTERM"), 0, sink.output);
    assert.equal(await gateway.stop(), 0);
  }
  {
    const register = ["schema", "register", "--pack", await makePack(VIEWED_LATER)];
    const registered = await runCommand([...register, "--registry", places.registry]);
    assert.equal(registered.code, 0, registered.stderr);
    await using gateway = await startGateway(VIEWED_LATER);
    await using sink = SinkProcess.start(options);
    const later = [viewed("v5", "anon-2", { count: 4_294_967_296, tags: ["a\u0000", "b"] })];
    await send(gateway, later, 1);
    await becomes(
      `SELECT count, tags FROM ${events}.viewed WHERE _event_id IN ('v2', 'v5') ORDER BY 1`,
      [
        { count: "3", tags: null },
        { count: "4294967296", tags: ["a\uFFFD", "b"] },
      ],
    );
    const request = { method: "DELETE", headers: { authorization: `Bearer ${SECRET}` } };
    assert.equal((await gateway.request("/v1/sessions/ada", request)).status, 200);
    const left = `SELECT (SELECT count(*)::int FROM ${events}.viewed) AS viewed,
      (SELECT count(*)::int FROM ${events}.identify) AS identify,
      (SELECT count(*)::int FROM ${NAME}.links) AS links,
      (SELECT string_agg(person, ',') FROM ${NAME}.profiles) AS profiles,
      (SELECT count(*)::int FROM ${NAME}.audit) AS audit`;
    const erased = { viewed: 2, identify: 0, links: 0, profiles: "anon-2", audit: 1 };
    await becomes(left, [erased]);
    await send(gateway, [viewed("v6", "anon-1")], 1);
    await becomes(`SELECT _event_id FROM ${events}.viewed WHERE _actor = 'anon-1'`, [
      { _event_id: "v6" },
    ]);
    assert.equal(await sink.end("SIGTERM"), 0, sink.output);
    assert.equal(await gateway.stop(), 0);
  }
  await readAllAnew(options);
});

/** With nothing but the erasures kept, what was erased does not come back from Kafka. */
async function readAllAnew(options: Parameters<typeof SinkProcess.start>[0]): Promise<void> {
  const producer = await connectProducer(places.brokers);
  await producer.store(NAME, [{ partition: 0, value: Buffer.from("no Avro") }]);
  await producer.close();
  await queryDatabase(
    database,
    `TRUNCATE ${NAME}.offsets, ${NAME}.event_ids, ${NAME}_events.viewed, ${NAME}_events.identify,
       ${NAME}.sessions, ${NAME}.profiles, ${NAME}.persons, ${NAME}.links, ${NAME}.dead_letters`,
  );
  await using sink = SinkProcess.start(options);
  await becomes(`SELECT _event_id FROM ${NAME}_events.viewed ORDER BY 1`, [
    { _event_id: "v2" },
    { _event_id: "v5" },
    { _event_id: "v6" },
  ]);
  await becomes(`SELECT origin, code, payload FROM ${NAME}.dead_letters WHERE origin = 'sink'`, [
    { origin: "sink", code: "not_avro", payload: Buffer.from("no Avro") },
  ]);
  await becomes(
    `SELECT count(*)::int AS n FROM ${NAME}_events.identify UNION ALL
     SELECT count(*)::int FROM ${NAME}.links`,
    [{ n: 0 }, { n: 0 }],
  );
  assert.equal(await sink.end("SIGTERM"), 0, sink.output);
}

test("a tenant's own topics, are read without being named, into the tables of their types", async () => {
  const schema = `${NAME}_all`;
  const env = {
    SLUICE_SESSION_TOPIC: SESSIONS,
    SLUICE_AUDIT_TOPIC: AUDIT,
    SLUICE_PACK: join(directory, "pack"),
    SLUICE_TENANTS_FILE: join(directory, "tenants.json"),
  };
  await using gateway = await startGateway(VIEWED_LATER);
  const flags = ["--linger-ms", "50"];
  await using sink = SinkProcess.start({ database, schema, ...places, flags, env });
  await sink.ready();
  const ids = ["o1", "o2", "o3"];
  const own = ids.map((id) => viewed(id, "anon-9"));
  await sendOther(gateway, own, 3);
  await sendOther(gateway, [viewed("o4", "anon-9", { count: "many" })], 0);
  await send(gateway, [viewed("v9", "anon-9")], 1);
  await becomes(
    `SELECT _event_id, _tenant, _topic FROM ${schema}_events.viewed
       WHERE _actor = 'anon-9' ORDER BY 1`,
    [
      ...ids.map((id) => ({ _event_id: id, _tenant: "other", _topic: OWN_TOPIC })),
      { _event_id: "v9", _tenant: "shop", _topic: NAME },
    ],
  );
  await becomes(`SELECT tenant, event_id FROM ${schema}.dead_letters WHERE event_id = 'o4'`, [
    { tenant: "other", event_id: "o4" },
  ]);
  assert.equal(await sink.end("SIGTERM"), 0, sink.output);
  assert.equal(await gateway.stop(), 0);
});
