/**
 * What the four services share: an inbox, a state and an outbox in one transaction of PostgreSQL.
 * An event is handled once, by its id; what a service says is in its outbox before anybody hears
 * it, and is sent until the gateway has stored it, always under the same id.
 */
import { setTimeout as delay } from "node:timers/promises";

import type pg from "pg";

import { sendUntilStored } from "../common/events.ts";
import type { DomainEvent } from "./envelope.ts";
import { follow } from "./feed.ts";

/** Runs queries of the transaction that is open. */
export type Query = (
  sql: string,
  values?: readonly unknown[],
) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** Changes the service's state; what it answers is said afterwards. */
export type Handler = (event: DomainEvent, query: Query) => Promise<readonly DomainEvent[]>;

export interface ServiceOptions {
  readonly name: string;
  readonly handlers: Readonly<Record<string, Handler>>;
  readonly pool: pg.Pool;
  readonly schema: string;
  readonly gatewayUrl: string;
  readonly secretKey: string;
  readonly signal: AbortSignal;
}

const OUTBOX_AT_ONCE = 50;
const IDLE_MS = 100;

export class Service {
  readonly #options: ServiceOptions;

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  /** Until the signal. */
  async run(): Promise<void> {
    const { pool, schema, name, gatewayUrl, secretKey, handlers, signal } = this.#options;
    await pool.query(
      `INSERT INTO ${schema}.feeds (service, token) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
      [name, String(Date.now() - 60_000)],
    );
    const { rows } = await pool.query<{ token: string }>(
      `SELECT token FROM ${schema}.feeds WHERE service = $1`,
      [name],
    );
    const token = rows[0]?.token ?? "";
    const listening = follow({
      url: gatewayUrl,
      secretKey,
      types: Object.keys(handlers),
      from: /^\d{13}$/.test(token) ? Number(token) : token,
      signal,
      onEvent: (event) => this.handle(event),
      onToken: (place) => this.#keepToken(place),
    });
    await Promise.all([listening, this.#speak()]);
  }

  /** All of it or nothing; an event that was handled before changes nothing. */
  async handle(event: DomainEvent): Promise<void> {
    const { schema, name, handlers } = this.#options;
    await this.#transaction(async (query) => {
      const [isNew] = await query(
        `INSERT INTO ${schema}.inbox (service, event_id) VALUES ($1, $2)
         ON CONFLICT DO NOTHING RETURNING event_id`,
        [name, event.eventId],
      );
      if (isNew === undefined) return;
      const said = (await handlers[event.eventType]?.(event, query)) ?? [];
      await this.#put(said, query);
    });
  }

  /** A change that no event has caused: a customer's order. */
  async act(work: (query: Query) => Promise<readonly DomainEvent[]>): Promise<void> {
    await this.#transaction(async (query) => this.#put(await work(query), query));
  }

  async #put(events: readonly DomainEvent[], query: Query): Promise<void> {
    for (const event of events) {
      await query(
        `INSERT INTO ${this.#options.schema}.outbox (service, event_id, event) VALUES ($1, $2, $3)
         ON CONFLICT DO NOTHING`,
        [this.#options.name, event.eventId, JSON.stringify(event)],
      );
    }
  }

  /** Sends what is in the outbox, in its order. */
  async #speak(): Promise<void> {
    const { pool, schema, name, gatewayUrl: url, secretKey: writeKey, signal } = this.#options;
    while (!signal.aborted) {
      try {
        const { rows } = await pool.query<{ ordinal: string; event: DomainEvent }>(
          `SELECT ordinal, event FROM ${schema}.outbox WHERE service = $1 AND NOT is_sent
            ORDER BY ordinal LIMIT ${OUTBOX_AT_ONCE}`,
          [name],
        );
        if (rows.length > 0) {
          await sendUntilStored(
            { url, writeKey, signal },
            rows.map(({ event }) => event),
          );
          const sent = rows.map(({ ordinal }) => ordinal);
          await pool.query(`UPDATE ${schema}.outbox SET is_sent = true WHERE ordinal = ANY($1)`, [
            sent,
          ]);
        } else await delay(IDLE_MS, undefined, { signal });
      } catch (error) {
        if (signal.aborted) return;
        console.error(error);
        await delay(IDLE_MS);
      }
    }
  }

  async #keepToken(token: string): Promise<void> {
    const { pool, schema, name } = this.#options;
    await pool.query(`UPDATE ${schema}.feeds SET token = $2 WHERE service = $1`, [name, token]);
  }

  async #transaction(work: (query: Query) => Promise<void>): Promise<void> {
    const client = await this.#options.pool.connect();
    const query: Query = async (sql, values = []) => {
      const { rows } = await client.query<Record<string, unknown>>(sql, [...values]);
      return rows;
    };
    try {
      await query("BEGIN");
      await work(query);
      await query("COMMIT");
    } catch (error) {
      await query("ROLLBACK").catch(() => []);
      throw error;
    } finally {
      client.release();
    }
  }
}

/** The services' tables; what is there stays. */
export async function makeTables(pool: pg.Pool, schema: string): Promise<void> {
  await pool.query(`
    CREATE SCHEMA IF NOT EXISTS ${schema};
    CREATE TABLE IF NOT EXISTS ${schema}.feeds (service text PRIMARY KEY, token text NOT NULL);
    CREATE TABLE IF NOT EXISTS ${schema}.inbox (
      service text, event_id uuid, PRIMARY KEY (service, event_id));
    CREATE TABLE IF NOT EXISTS ${schema}.outbox (
      ordinal bigserial PRIMARY KEY, service text NOT NULL, event_id uuid NOT NULL UNIQUE,
      event jsonb NOT NULL, is_sent boolean NOT NULL DEFAULT false);
    CREATE TABLE IF NOT EXISTS ${schema}.stock (
      sku text PRIMARY KEY, name text NOT NULL, price numeric NOT NULL,
      first integer NOT NULL, quantity integer NOT NULL CHECK (quantity >= 0));
    CREATE TABLE IF NOT EXISTS ${schema}.deliveries (
      run text, sku text, PRIMARY KEY (run, sku));
    CREATE TABLE IF NOT EXISTS ${schema}.reservations (
      order_id text PRIMARY KEY, sku text NOT NULL, quantity integer NOT NULL,
      is_released boolean NOT NULL DEFAULT false);
    CREATE TABLE IF NOT EXISTS ${schema}.orders (
      order_id text PRIMARY KEY, customer_id text NOT NULL, sku text NOT NULL,
      quantity integer NOT NULL, total numeric NOT NULL, status text NOT NULL, reason text,
      placed_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE IF NOT EXISTS ${schema}.payments (
      order_id text PRIMARY KEY, amount numeric, card text,
      is_reserved boolean NOT NULL DEFAULT false, outcome text);
  `);
}
