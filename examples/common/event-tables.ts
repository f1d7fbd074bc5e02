/** What `sluice sink postgres` keeps, found by who reads it: a pool, and the tables of events. */
import pg from "pg";

/** A connection that is lost while it idles is no news. */
export function openPool(connectionString: string, max = 4): pg.Pool {
  const pool = new pg.Pool({ connectionString, max });
  pool.on("error", () => {});
  return pool;
}

/**
 * By event type, the name of its table. Tables appear with the first event of their type; before,
 * the sink may not have made its own.
 *
 * @param schema of the sink's own tables; those of events are in `<schema>_events`
 */
export async function eventTables(
  pool: pg.Pool,
  schema: string,
): Promise<ReadonlyMap<string, string>> {
  const { rows: own } = await pool.query<{ is: boolean }>(
    "SELECT to_regclass($1) IS NOT NULL AS is",
    [`${schema}.event_tables`],
  );
  if (own[0]?.is !== true) return new Map();
  const { rows } = await pool.query<{ type: string; table_name: string }>(
    `SELECT type, table_name FROM ${schema}.event_tables`,
  );
  return new Map(rows.map((row) => [row.type, `${schema}_events.${row.table_name}`]));
}
