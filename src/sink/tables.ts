/**
 * The tables of events: one a type, made out of the Avro schema and widened with it, partitioned by
 * the day of receipt. Nothing is ever dropped but whole days that are past their retention. A
 * column keeps the name and type it got; where a schema gives a field another type, the field gets
 * another column.
 */
import type { AvroRecord } from "../schema/avro/schema.ts";
import { columnRule, type ColumnRule } from "./column-type.ts";
import type { Database } from "./database.ts";
import { LOCKS, type SchemaNames } from "./migrate.ts";
import { freeName, quoted, sqlName } from "./names.ts";

/** How the records of one schema become rows of a table. */
export interface TablePlan {
  readonly type: string;
  readonly table: string;
  /** Table and columns, as COPY takes them. */
  readonly into: string;
  /** By the order of the schema's fields. */
  readonly rules: readonly ColumnRule[];
}

/** Of every table of events, in the order in which rows begin. */
export const META_COLUMNS = [
  ["_event_id", "text"],
  ["_tenant", "text"],
  ["_source", "text"],
  ["_session", "text"],
  ["_actor", "text"],
  ["_user", "text"],
  ["_received_at", "timestamptz NOT NULL"],
  ["_event_time", "timestamptz"],
  ["_is_replay", "boolean NOT NULL"],
  ["_key", "text"],
  ["_topic", "text NOT NULL"],
  ["_partition", "integer NOT NULL"],
  ["_offset", "bigint NOT NULL"],
  ["_schema_id", "integer NOT NULL"],
] as const;

const DAY_MS = 86_400_000;

interface KnownColumn {
  readonly field: string;
  readonly column_type: string;
  readonly column_name: string;
}

export class Tables {
  readonly #database: Database;
  readonly #names: SchemaNames;
  /** By type and schema id. */
  readonly #plans = new Map<string, TablePlan>();
  /** Days that have a partition, by table. */
  readonly #days = new Map<string, Set<string>>();

  constructor(database: Database, names: SchemaNames) {
    this.#database = database;
    this.#names = names;
  }

  /** Undefined: the table may not be ready for this schema yet. */
  known(type: string, schemaId: number): TablePlan | undefined {
    return this.#plans.get(`${schemaId} ${type}`);
  }

  /** Makes or widens the table first, where that is needed. */
  async prepare(
    { type, schemaId }: { readonly type: string; readonly schemaId: number },
    schema: AvroRecord,
  ): Promise<TablePlan> {
    const wanted = schema.fields.map((field) => ({ field: field.name, rule: columnRule(field) }));
    const plan = await this.#locked(async () => {
      const table = await this.#tableOf(type);
      const columns = await this.#columnsOf(table, wanted);
      const names = [...META_COLUMNS.map(([name]) => name), ...columns].map(quoted);
      const into = `${this.#qualified(table)} (${names.join(", ")})`;
      return { type, table, into, rules: wanted.map(({ rule }) => rule) };
    });
    this.#plans.set(`${schemaId} ${type}`, plan);
    return plan;
  }

  /** Makes the partitions of these days (2026-05-01), where they are not there yet. */
  async ensureDays(wanted: ReadonlyMap<string, ReadonlySet<string>>): Promise<void> {
    for (const [table, days] of wanted) {
      const known = this.#days.get(table) ?? new Set();
      this.#days.set(table, known);
      const missing = [...days].filter((day) => !known.has(day));
      if (missing.length === 0) continue;
      await this.#locked(async () => {
        for (const day of missing) await this.#makeDay(table, day);
      });
      for (const day of missing) known.add(day);
    }
  }

  /** What is known of tables may be wrong: it is looked up again. */
  forget(): void {
    this.#plans.clear();
    this.#days.clear();
  }

  /** Every table of events, with its schema, as SQL names it. */
  async all(): Promise<readonly string[]> {
    const rows = await this.#database.query<{ table_name: string }>(
      "SELECT table_name FROM event_tables ORDER BY table_name",
    );
    return rows.map((row) => this.#qualified(row.table_name));
  }

  /**
   * Drops whole days before this one, of all tables that have days. Answers how many there were.
   */
  async dropDaysBefore(day: string): Promise<number> {
    const rows = await this.#database.query<{ parent: string; child: string; place: string }>(
      `SELECT p.relname AS parent, c.relname AS child, n.nspname AS place
         FROM pg_inherits i
         JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
         JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = ANY($1) AND c.relkind = 'r' AND c.relname ~ '_d[0-9]{8}$'`,
      [[this.#names.events, this.#names.own]],
    );
    const limit = day.replaceAll("-", "");
    const old = rows.filter(({ child }) => child.slice(-8) < limit);
    for (const { place, child } of old) {
      await this.#database.run(`DROP TABLE IF EXISTS ${quoted(place)}.${quoted(child)}`);
    }
    this.#days.clear();
    return old.length;
  }

  async #locked<T>(work: () => Promise<T>): Promise<T> {
    return await this.#database.transaction(async () => {
      const { own } = this.#names;
      await this.#database.query("SELECT pg_advisory_xact_lock(hashtext($1), $2)", [
        own,
        LOCKS.tables,
      ]);
      return await work();
    });
  }

  async #tableOf(type: string): Promise<string> {
    const rows = await this.#database.query<{ type: string; table_name: string }>(
      "SELECT type, table_name FROM event_tables",
    );
    const known = rows.find((row) => row.type === type);
    if (known !== undefined) return known.table_name;
    const table = freeName(
      sqlName(type),
      (name) => name === LETTERS_TABLE || rows.some((row) => row.table_name === name),
    );
    const columns = META_COLUMNS.map(([name, definition]) => `${name} ${definition}`);
    const place = this.#qualified(table);
    await this.#database.run(
      `CREATE TABLE ${place} (${columns.join(", ")}) PARTITION BY RANGE (_received_at);
       CREATE INDEX ON ${place} (_tenant, _actor);
       CREATE INDEX ON ${place} (_tenant, _user) WHERE _user IS NOT NULL;
       CREATE INDEX ON ${place} USING brin (_event_time);`,
    );
    await this.#database.query("INSERT INTO event_tables (type, table_name) VALUES ($1, $2)", [
      type,
      table,
    ]);
    return table;
  }

  /** The columns of these fields, in their order; those that are missing are added. */
  async #columnsOf(
    table: string,
    wanted: readonly { readonly field: string; readonly rule: ColumnRule }[],
  ): Promise<readonly string[]> {
    const known = [
      ...(await this.#database.query<KnownColumn>(
        "SELECT field, column_type, column_name FROM event_columns WHERE table_name = $1",
        [table],
      )),
    ];
    const names: string[] = [];
    for (const { field, rule } of wanted) {
      const found = known.find((row) => row.field === field && row.column_type === rule.type);
      const name = found?.column_name ?? freeName(sqlName(field), (each) => isTaken(known, each));
      if (found === undefined) {
        const row = { field, column_type: rule.type, column_name: name };
        await this.#addColumn(table, row);
        known.push(row);
      }
      names.push(name);
    }
    return names;
  }

  async #addColumn(table: string, column: KnownColumn): Promise<void> {
    const { field, column_type: type, column_name: name } = column;
    const place = this.#qualified(table);
    await this.#database.run(`ALTER TABLE ${place} ADD COLUMN ${quoted(name)} ${type}`);
    await this.#database.query(
      `INSERT INTO event_columns (table_name, field, column_type, column_name)
       VALUES ($1, $2, $3, $4)`,
      [table, field, type, name],
    );
  }

  async #makeDay(table: string, day: string): Promise<void> {
    const next = new Date(Date.parse(day) + DAY_MS).toISOString().slice(0, 10);
    const own = table === LETTERS_TABLE ? this.#names.own : this.#names.events;
    const parent = `${quoted(own)}.${quoted(table)}`;
    const child = `${quoted(own)}.${quoted(`${table}_d${day.replaceAll("-", "")}`)}`;
    await this.#database.run(
      `CREATE TABLE IF NOT EXISTS ${child} PARTITION OF ${parent}
         FOR VALUES FROM ('${day} 00:00:00Z') TO ('${next} 00:00:00Z')`,
    );
  }

  #qualified(table: string): string {
    return `${quoted(this.#names.events)}.${quoted(table)}`;
  }
}

/** The one of the sink's own tables that has days. Types of events cannot be called so. */
export const LETTERS_TABLE = "dead_letters";

function isTaken(known: readonly KnownColumn[], name: string): boolean {
  return known.some((row) => row.column_name === name);
}

/** The day of a time, by UTC: 2026-05-01. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
