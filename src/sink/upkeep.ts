/**
 * What a database of events needs from time to time: days past their retention go, with the
 * identities of their events and the sessions of then. One process at a time does it.
 */
import type { Database } from "./database.ts";
import { LOCKS, type SchemaNames } from "./migrate.ts";
import { dayOf, type Tables } from "./tables.ts";

const DAY_MS = 86_400_000;
/** So many rows go in one statement, so that none holds others up for long. */
const ROWS_AT_ONCE = 20_000;

export interface UpkeepParts {
  /** Of its own: it must not wait for a batch, nor a batch for it. */
  readonly database: Database;
  readonly tables: Tables;
  readonly names: SchemaNames;
  readonly retentionDays: number;
  readonly nowMs: () => number;
}

export interface UpkeepReport {
  readonly days: number;
  readonly rows: number;
}

/** Null: another process is at it. Throws what the database throws. */
export async function keepUp(parts: UpkeepParts): Promise<UpkeepReport | null> {
  const { database, tables, names, retentionDays, nowMs } = parts;
  const lock = [names.own, LOCKS.upkeep];
  const [answer] = await database.query<{ isFree: boolean }>(
    'SELECT pg_try_advisory_lock(hashtext($1), $2) AS "isFree"',
    lock,
  );
  if (answer?.isFree !== true) return null;
  try {
    // The day before is kept whole: what is being written now may belong to it.
    const day = dayOf(nowMs() - (retentionDays + 1) * DAY_MS);
    const days = await tables.dropDaysBefore(day);
    const ids = await removeBefore(database, { table: "event_ids", column: "day", day });
    const sessions = await removeBefore(database, { table: "sessions", column: "started_at", day });
    return { days, rows: ids + sessions };
  } finally {
    await database.query("SELECT pg_advisory_unlock(hashtext($1), $2)", lock);
  }
}

async function removeBefore(
  database: Database,
  old: { readonly table: "event_ids" | "sessions"; readonly column: string; readonly day: string },
): Promise<number> {
  for (let rows = 0; ;) {
    const gone = await database.query<{ count: string }>(
      `WITH gone AS (
         DELETE FROM ${old.table} WHERE ctid = ANY(ARRAY(
           SELECT ctid FROM ${old.table} WHERE ${old.column} < $1::date LIMIT ${ROWS_AT_ONCE}))
         RETURNING 1
       ) SELECT count(*) AS count FROM gone`,
      [old.day],
    );
    const count = Number(gone[0]?.count ?? 0);
    rows += count;
    if (count < ROWS_AT_ONCE) return rows;
  }
}
