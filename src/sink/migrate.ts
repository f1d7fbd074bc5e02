/**
 * Brings the sink's own tables to the newest version, by postgrator and the SQL files beside this
 * one. Several processes may start at once: one migrates, the others wait.
 */
import { join } from "node:path";

import Postgrator from "postgrator";

import type { Database } from "./database.ts";
import { quoted } from "./names.ts";

/** Numbers of advisory locks beside the hash of the schema's name. */
export const LOCKS = { migrate: 1, tables: 2, people: 3, upkeep: 4 } as const;

export interface SchemaNames {
  /** Of the sink's own tables. */
  readonly own: string;
  /** Of the tables that are made out of the schemas of events. */
  readonly events: string;
}

const MIGRATIONS = join(import.meta.dirname, "migrations", "*.sql");

export async function migrate(database: Database, names: SchemaNames): Promise<void> {
  await database.query("SELECT pg_advisory_lock(hashtext($1), $2)", [names.own, LOCKS.migrate]);
  try {
    for (const name of [names.own, names.events]) {
      await database.run(`CREATE SCHEMA IF NOT EXISTS ${quoted(name)}`);
    }
    const postgrator = new Postgrator({
      migrationPattern: MIGRATIONS,
      driver: "pg",
      schemaTable: "schema_version",
      currentSchema: names.own,
      execQuery: async (sql) => ({ rows: [...(await database.query<object>(sql))] }),
      execSqlScript: (sql) => database.run(`BEGIN; ${sql}; COMMIT;`),
    });
    await postgrator.migrate();
  } finally {
    await database.query("SELECT pg_advisory_unlock(hashtext($1), $2)", [names.own, LOCKS.migrate]);
  }
}
