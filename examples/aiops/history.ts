/**
 * What PostgreSQL knows of the towers: the alerts of all time, for the operators' page, and which
 * events it has, for the count at the end. It reads the tables that `sluice sink postgres` keeps;
 * a tenant's rows are told apart by the tenant the gateway has put beside each.
 */
import { setTimeout as delay } from "node:timers/promises";

import type pg from "pg";

import { eventTables, openPool } from "../common/event-tables.ts";
import type { Tenant } from "./system.ts";

/** How long the sink may take to write what Kafka has. */
const PATIENCE_MS = 60_000;
const POLL_MS = 250;

/** One kind of alert of a tenant. */
export interface AlertHistory {
  readonly name: string;
  readonly times: number;
  /** Mean length of those that are over (s). */
  readonly seconds: number | null;
  /** The tower that had most of them. */
  readonly tower: string;
}

export interface StoredTally {
  /** Rows of what was sent. */
  readonly rows: number;
  /** Ids that were sent and have no row. */
  readonly missing: number;
  /** Rows beyond the first of an id. */
  readonly extra: number;
  /** Rows under another tenant than their sender's. */
  readonly strays: number;
}

export class History {
  readonly #pool: pg.Pool;
  readonly #schema: string;

  /** `schema`: of the sink's own tables. */
  constructor(url: string, schema: string) {
    this.#pool = openPool(url);
    this.#schema = schema;
  }

  /** Empty before the first alert. */
  async alerts(tenant: Tenant): Promise<readonly AlertHistory[]> {
    const table = (await this.#tables()).get("alert");
    if (table === undefined) return [];
    const { rows } = await this.#pool.query<AlertHistory>(
      `SELECT name, count(*) FILTER (WHERE status = 'FIRING')::int AS times,
              round(extract(epoch FROM avg(ends_at - starts_at)))::int AS seconds,
              mode() WITHIN GROUP (ORDER BY device_id) AS tower
         FROM ${table} WHERE _tenant = $1 GROUP BY name ORDER BY times DESC, name`,
      [tenant],
    );
    return rows;
  }

  /** @param ids of what was sent: the tenant, by id; waits until the sink has written them */
  async stored(ids: ReadonlyMap<string, string>): Promise<StoredTally> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const tally = await this.#tally(ids);
      if (tally.missing === 0 || Date.now() > deadline) return tally;
      await delay(POLL_MS);
    }
  }

  async #tally(ids: ReadonlyMap<string, string>): Promise<StoredTally> {
    const tables = [...(await this.#tables()).values()];
    const selects = tables.map(
      (table) => `SELECT _event_id AS id, _tenant AS tenant FROM ${table}`,
    );
    const found = await Promise.all(
      selects.map((select) =>
        this.#pool.query<{ id: string; tenant: string }>(`${select} WHERE _event_id = ANY($1)`, [
          [...ids.keys()],
        ]),
      ),
    );
    const rows = found.flatMap((each) => each.rows);
    const seen = new Set(rows.map(({ id }) => id));
    const strays = rows.filter(({ id, tenant }) => ids.get(id) !== tenant).length;
    const [missing, extra] = [ids.size - seen.size, rows.length - seen.size];
    return { rows: rows.length, missing, extra, strays };
  }

  #tables(): Promise<ReadonlyMap<string, string>> {
    return eventTables(this.#pool, this.#schema);
  }

  async end(): Promise<void> {
    await this.#pool.end();
  }
}
