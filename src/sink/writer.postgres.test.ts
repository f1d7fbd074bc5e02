/**
 * The writer on a real database of its own: what is refused, what is erased late, what has become
 * too old, and partitions that another process has written.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, beforeEach, describe, it } from "node:test";

import { startInstance, type Instance } from "../../scripts/services/control.mjs";
import { parseAvroSchema, type AvroRecord } from "../schema/avro/schema.ts";
import { Database } from "./database.ts";
import { Erasures } from "./erasures.ts";
import { migrate } from "./migrate.ts";
import { People } from "./people.ts";
import { Positions } from "./positions.ts";
import type { AuditRow, EventRow, SessionRow } from "./record-kinds.ts";
import { dayOf, Tables } from "./tables.ts";
import { keepUp } from "./upkeep.ts";
import { OffsetConflict, Writer, type Batch } from "./writer.ts";

const NAMES = { own: "own", events: "own_events" };
const NOW_MS = Date.parse("2026-05-10T12:00:00Z");
const DAY_MS = 86_400_000;
const hash = (tenant: string, id: string): string =>
  createHash("sha256").update(`${tenant}\0${id}`).digest("hex");

describe("Writer", () => {
  let server: Instance;
  let database: Database;
  let tables: Tables;
  let writer: Writer;
  let number = 0;

  before(async () => {
    server = await startInstance("postgres");
  });
  after(async () => {
    await database.close();
    await server.remove();
  });
  beforeEach(async () => {
    await database?.close();
    database = new Database({ url: server.address, schema: NAMES.own });
    for (const name of Object.values(NAMES)) {
      await database.run(`DROP SCHEMA IF EXISTS ${name} CASCADE`);
    }
    await migrate(database, NAMES);
    await migrate(database, NAMES);
    tables = new Tables(database, NAMES);
    const erasures = new Erasures({ database, tables, names: NAMES, hash });
    writer = new Writer({ database, tables, erasures, people: new People(database), names: NAMES });
    await database.run("INSERT INTO offsets VALUES ('t', 0, 0), ('t', 1, 5)");
  });

  function schemaOf(fields: readonly object[]): AvroRecord {
    const schema = parseAvroSchema(JSON.stringify({ type: "record", name: "R", fields }));
    assert.equal(schema.kind, "record");
    return schema;
  }

  async function eventOf(parts: Partial<EventRow> & { readonly n?: string }): Promise<EventRow> {
    const fields = [{ name: "n", type: "long" }];
    const plan = await tables.prepare({ type: "thing", schemaId: 1 }, schemaOf(fields));
    number += 1;
    const { actor = "", user = "", receivedAtMs = NOW_MS, n = "1" } = parts;
    const optional = (text: string): string => (text === "" ? "\\N" : text);
    const at = new Date(receivedAtMs).toISOString();
    const meta = [`e${number}`, "shop", "web", "\\N", optional(actor), optional(user), at, at];
    const key = `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
    return {
      kind: "event",
      key,
      day: dayOf(receivedAtMs),
      plan,
      line: `${[...meta, "false", "\\N", "t", "0", "0", "1", n].join("\t")}\n`,
      receivedAtMs,
      eventTimeMs: receivedAtMs,
      tenant: "shop",
      traits: undefined,
      record: {
        topic: "t",
        partition: 0,
        offset: 0,
        timestampMs: 0,
        key: null,
        value: null,
        headers: [],
      },
      ...parts,
      actor,
      user,
    };
  }

  function batchOf(parts: Partial<Batch>, [from, to]: readonly [number, number] = [0, 1]): Batch {
    const reaches = [{ topic: "t", partition: 0, from, to }];
    return { events: [], sessions: [], letters: [], audits: [], reaches, ...parts };
  }

  function erasureOf(id: string, atMs: number): AuditRow {
    const erasure = {
      kind: "erasure",
      tenant: "shop",
      personHash: hash("shop", id),
      atMs,
      requestId: "r",
    } as const;
    const place = { topic: "audit", partition: 0, offset: number };
    return {
      kind: "audit",
      ...place,
      atMs,
      what: "sessions_erased",
      tenant: "shop",
      json: "{}",
      erasure,
    };
  }

  const idsOf = async (): Promise<string[]> => {
    const rows = await database.query<{ id: string }>(
      "SELECT coalesce(_actor, _event_id) AS id FROM own_events.thing ORDER BY 1",
    );
    return rows.map(({ id }) => id);
  };

  it("a value its column cannot hold: a dead letter, and its neighbours are rows", async () => {
    const events = [
      await eventOf({ actor: "a" }),
      await eventOf({ actor: "b", n: "9223372036854775808" }),
      await eventOf({ actor: "c" }),
      await eventOf({ actor: "d", n: "x" }),
    ];
    const written = await writer.write(batchOf({ events }));
    assert.equal(written.events, 2);
    assert.equal(written.refused, 2);
    assert.deepEqual(await idsOf(), ["a", "c"]);
    const letters = await database.query("SELECT code FROM dead_letters");
    assert.deepEqual(letters, [{ code: "refused_by_database" }, { code: "refused_by_database" }]);
  });

  it("an event whose identity is there, or twice in the batch: one row", async () => {
    const event = await eventOf({ actor: "a" });
    assert.equal((await writer.write(batchOf({ events: [event, event] }))).doubles, 1);
    assert.equal((await writer.write(batchOf({ events: [event] }, [1, 2]))).doubles, 1);
    assert.deepEqual(await idsOf(), ["a"]);
  });

  it("another process was faster: a conflict, and nothing is written", async () => {
    const events = [await eventOf({ actor: "a" })];
    await assert.rejects(writer.write(batchOf({ events }, [3, 4])), OffsetConflict);
    const two = [
      { topic: "t", partition: 0, from: 0, to: 1 },
      { topic: "t", partition: 1, from: 0, to: 1 },
    ];
    await assert.rejects(writer.write(batchOf({ events, reaches: two })), OffsetConflict);
    assert.deepEqual(await idsOf(), []);
    assert.equal((await writer.write(batchOf({ events }))).events, 1);
  });

  it("the user is erased before his link is known: the actor goes when it is told", async () => {
    await writer.write(batchOf({ events: [await eventOf({ actor: "anon" })] }));
    await writer.write(batchOf({ audits: [erasureOf("ada", NOW_MS + 5)] }, [1, 2]));
    assert.deepEqual(await idsOf(), ["anon"]);
    const link = await eventOf({ actor: "anon", user: "ada", traits: "{}" });
    const later = await eventOf({ actor: "anon", receivedAtMs: NOW_MS + 10 });
    const written = await writer.write(batchOf({ events: [link, later] }, [2, 3]));
    assert.equal(written.erased, 1);
    assert.equal(written.events, 1);
    const rows = await database.query<{ at: Date }>(
      "SELECT _received_at AS at FROM own_events.thing",
    );
    assert.deepEqual(
      rows.map(({ at }) => at.getTime()),
      [NOW_MS + 10],
    );
    const links = await database.query("SELECT * FROM links");
    assert.deepEqual(links, []);
  });

  it("an older end of a session changes nothing; a link gives an actor's sessions to the user", async () => {
    const session = (revision: number, events: number): SessionRow => ({
      kind: "session",
      tenant: "shop",
      source: "web",
      sessionId: "s1",
      actor: "anon",
      user: "",
      startedAtMs: NOW_MS,
      endedAtMs: NOW_MS + 1_000,
      durationMs: 1_000,
      events,
      entry: "page",
      exit: "page",
      reason: "idle",
      revision,
    });
    await writer.write(batchOf({ sessions: [session(1, 7)] }));
    await writer.write(batchOf({ sessions: [session(0, 3)] }, [1, 2]));
    const profiles = "SELECT person, is_known, sessions, events::int FROM profiles";
    assert.deepEqual(await database.query(profiles), [
      { person: "anon", is_known: false, sessions: 1, events: 7 },
    ]);
    const traits = '{"city":"Bern"}';
    const events = [await eventOf({ actor: "anon", user: "ada", traits })];
    await writer.write(batchOf({ events }, [2, 3]));
    assert.deepEqual(await database.query(`${profiles} WHERE traits = '${traits}'`), [
      { person: "ada", is_known: true, sessions: 1, events: 7 },
    ]);
    assert.equal((await database.query("SELECT FROM profiles")).length, 1);
  });

  it("upkeep: days past the retention go, with the identities of then", async () => {
    const old = await eventOf({ actor: "old", receivedAtMs: NOW_MS - 12 * DAY_MS });
    const young = await eventOf({ actor: "young", receivedAtMs: NOW_MS - 3 * DAY_MS });
    await writer.write(batchOf({ events: [old, young] }));
    const parts = { database, tables, names: NAMES, nowMs: () => NOW_MS };
    const report = await keepUp({ ...parts, retentionDays: 10 });
    // The day of the table, and that of the dead letters beside it.
    assert.deepEqual(report, { days: 2, rows: 1 });
    assert.deepEqual(await idsOf(), ["young"]);
    assert.deepEqual(await keepUp({ ...parts, retentionDays: 10 }), { days: 0, rows: 0 });
  });

  it("positions: where nobody read before, where it was, and anew where the topic is another", async () => {
    const place = (partition: number, low: number, high: number) => {
      return { topic: "t", partition, low, high };
    };
    const positions = new Positions(database, "end");
    const starts = await positions.load([place(0, 0, 9), place(1, 1, 3), place(2, 4, 7)]);
    assert.deepEqual(
      starts.map(({ offset }) => offset),
      [0, 1, 7],
    );
    assert.equal(positions.expected({ topic: "t", partition: 1 }), 1);
    const reach = { topic: "t", partition: 2, from: 4, to: 7 };
    assert.equal(await positions.isWritten([reach]), true);
  });

  it("a field of another type gets another column, and the first one stays", async () => {
    await tables.prepare({ type: "thing", schemaId: 1 }, schemaOf([{ name: "n", type: "int" }]));
    const second = schemaOf([
      { name: "n", type: "string" },
      { name: "N", type: "boolean" },
    ]);
    const plan = await tables.prepare({ type: "thing", schemaId: 2 }, second);
    assert.match(plan.into, /"n_2", "n_3"\)$/);
    const again = await tables.prepare(
      { type: "thing", schemaId: 1 },
      schemaOf([{ name: "n", type: "long" }]),
    );
    assert.match(again.into, /, "n"\)$/);
    const other = await tables.prepare({ type: "Thing", schemaId: 3 }, second);
    assert.equal(other.table, "thing_2");
  });
});
