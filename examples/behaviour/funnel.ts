/**
 * What PostgreSQL knows of the shop: the funnel, the people, the sessions. Everything is computed
 * from the tables that `sluice sink postgres` keeps; nothing is counted anywhere else.
 */
import type pg from "pg";

import { eventTables, openPool } from "../common/event-tables.ts";

export const STEPS = [
  "Visited",
  "Saw a product",
  "Put into cart",
  "Began checkout",
  "Bought",
] as const;

/** Each step's events: the type of the sluice SDK, and Segment's name of a `track`. */
const STEP_EVENTS = [
  ["page", null],
  ["product_viewed", "Product Viewed"],
  ["add_to_cart", "Product Added"],
  ["checkout_started", "Checkout Started"],
  ["purchase", "Order Completed"],
] as const;

export interface FunnelRow {
  readonly sdk: "sluice" | "segment";
  /** People who came so far, step by step. */
  readonly people: readonly number[];
}

export class ShopDatabase {
  readonly #pool: pg.Pool;
  readonly #schema: string;

  constructor(url: string, schema: string) {
    this.#pool = openPool(url);
    this.#schema = schema;
  }

  /** A person counts for a step if he took the steps before, in this order. */
  async funnel(): Promise<readonly FunnelRow[]> {
    const steps = await this.#stepsSql();
    if (steps === "") return [];
    const firsts = STEP_EVENTS.map((_, n) => `min(at) FILTER (WHERE step = ${n}) AS t${n}`);
    const reached = STEP_EVENTS.map((_, n) => {
      const order = Array.from({ length: n }, (__, k) => `t${k} <= t${k + 1}`);
      return `count(*) FILTER (WHERE ${["t0 IS NOT NULL", ...order].join(" AND ")})::int AS n${n}`;
    });
    const { rows } = await this.#pool.query<Readonly<Record<string, number>> & { sdk: "sluice" }>(
      `WITH steps AS (${steps}),
            firsts AS (SELECT sdk, actor, ${firsts.join(", ")} FROM steps GROUP BY sdk, actor)
       SELECT sdk, ${reached.join(", ")} FROM firsts GROUP BY sdk ORDER BY sdk DESC`,
    );
    return rows.map((row) => ({
      sdk: row.sdk,
      people: STEP_EVENTS.map((_, n) => row[`n${n}`] ?? 0),
    }));
  }

  /** The people seen last, and how many there are. */
  async people(): Promise<unknown> {
    const { rows } = await this.#pool.query(
      `SELECT person, is_known AS known, traits->>'email' AS email, sessions, events,
              last_seen_at AS seen, count(*) OVER ()::int AS total,
              (count(*) FILTER (WHERE is_known) OVER ())::int AS known_total
         FROM ${this.#schema}.profiles ORDER BY last_seen_at DESC LIMIT 8`,
    );
    return rows;
  }

  async sessions(): Promise<unknown> {
    const { rows } = await this.#pool.query(
      `SELECT count(*)::int AS sessions, count(ended_at)::int AS ended,
              coalesce(round(avg(events) FILTER (WHERE ended_at IS NOT NULL), 1), 0)::float
                AS events
         FROM ${this.#schema}.sessions`,
    );
    return rows[0];
  }

  /** Rows and distinct events, by type. */
  async counts(): Promise<Readonly<Record<string, { rows: number; events: number }>>> {
    const tables = await this.#tables();
    const entries = [...tables].map(async ([type, table]) => {
      const { rows } = await this.#pool.query<{ rows: number; events: number }>(
        `SELECT count(*)::int AS rows, count(DISTINCT _event_id)::int AS events FROM ${table}`,
      );
      return [type, rows[0] ?? { rows: 0, events: 0 }] as const;
    });
    return Object.fromEntries(await Promise.all(entries));
  }

  async end(): Promise<void> {
    await this.#pool.end();
  }

  async #stepsSql(): Promise<string> {
    const tables = await this.#tables();
    const isSegment = "context #>> '{library,name}' LIKE 'analytics%'";
    const sdk = `CASE WHEN ${isSegment} THEN 'segment' ELSE 'sluice' END`;
    const track = tables.get("track");
    return STEP_EVENTS.flatMap(([type, name], step) => {
      const own = tables.get(type);
      const select = `SELECT ${step} AS step, ${sdk} AS sdk, _actor AS actor, timestamp AS at FROM`;
      return [
        ...(own === undefined ? [] : [`${select} ${own}`]),
        ...(track === undefined || name === null
          ? []
          : [`${select} ${track} WHERE event = '${name}'`]),
      ];
    }).join(" UNION ALL ");
  }

  #tables(): Promise<ReadonlyMap<string, string>> {
    return eventTables(this.#pool, this.#schema);
  }
}
