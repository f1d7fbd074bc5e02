/**
 * The books, made anew out of the topics alone by `sluice replay`, and compared with what the
 * services keep. A record that is there twice has the same event id and counts once. Orders may
 * come meanwhile: the services' books are those of one moment, and of the topics counts what had
 * been said by then.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import type pg from "pg";

import type { DomainEvent } from "./envelope.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

const TRIES_MAX = 10;
const TRY_MS = 500;

export interface AuditReport {
  readonly records: number;
  /** Records whose event was there before. */
  readonly repeated: number;
  readonly orders: Readonly<Record<string, number>>;
  readonly stock: Readonly<Record<string, number>>;
  /** Sentences; none: the books agree. */
  readonly differences: readonly string[];
}

export async function audit(options: {
  readonly topics: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly pool: pg.Pool;
  readonly schema: string;
}): Promise<AuditReport> {
  const { topics, environment, pool, schema } = options;
  const kept = await snapshot(pool, schema);
  // What was in an outbox and not sent yet comes in a moment.
  for (let tries = 1; ; tries += 1) {
    const books = new Books(kept.said);
    await Promise.all(topics.map((topic) => replay(topic, { environment, books })));
    if (books.lacking === 0 || tries >= TRIES_MAX) {
      return { ...books.report(), differences: differencesOf(books, kept) };
    }
    await delay(TRY_MS);
  }
}

interface Kept {
  readonly orders: readonly { readonly order_id: string; readonly status: string }[];
  readonly stock: readonly { readonly sku: string; readonly quantity: number }[];
  /** Ids of the events that the services had said, or were about to. */
  readonly said: ReadonlySet<string>;
}

/** The books of the services at one moment. */
async function snapshot(pool: pg.Pool, schema: string): Promise<Kept> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const orders = await client.query<Kept["orders"][number]>(
      `SELECT order_id, status FROM ${schema}.orders`,
    );
    const stock = await client.query<Kept["stock"][number]>(
      `SELECT sku, quantity FROM ${schema}.stock`,
    );
    const said = await client.query<{ event_id: string }>(
      `SELECT event_id FROM ${schema}.outbox WHERE service <> 'notification'`,
    );
    await client.query("COMMIT");
    const ids = new Set(said.rows.map(({ event_id: id }) => id));
    return { orders: orders.rows, stock: stock.rows, said: ids };
  } finally {
    client.release();
  }
}

/** Sentences. */
function differencesOf(books: Books, { orders, stock }: Kept): readonly string[] {
  const differences: string[] = [];
  if (books.lacking > 0) differences.push(`${books.lacking} events are in no topic`);
  for (const { order_id: id, status } of orders) {
    const told = books.orders.get(id) ?? "unknown";
    if (told !== status) differences.push(`order ${id} is ${status}, the events say ${told}`);
  }
  if (books.orders.size !== orders.length) {
    differences.push(`${orders.length} orders are kept, the events tell of ${books.orders.size}`);
  }
  for (const { sku, quantity } of stock) {
    const told = books.stock.get(sku) ?? 0;
    if (told !== quantity)
      differences.push(`${sku}: ${quantity} on the shelf, the events say ${told}`);
  }
  return differences;
}

/** What events say, whatever their order across topics. */
class Books {
  readonly orders = new Map<string, string>();
  readonly stock = new Map<string, number>();
  readonly #said: ReadonlySet<string>;
  readonly #ids = new Set<string>();
  #records = 0;

  /** @param said ids of the events that count */
  constructor(said: ReadonlySet<string>) {
    this.#said = said;
  }

  /** Events that were said and have not been added. */
  get lacking(): number {
    return this.#said.size - this.#ids.size;
  }

  add({ eventId, eventType, aggregateId, data }: DomainEvent): void {
    if (!this.#said.has(eventId)) return;
    this.#records += 1;
    if (this.#ids.has(eventId)) return;
    this.#ids.add(eventId);
    if (eventType === "OrderCreated") this.#order(aggregateId, "PLACED");
    if (eventType === "OrderStatusUpdated") this.#order(aggregateId, String(data["status"]));
    if (eventType === "OrderCancelled") this.#order(aggregateId, "CANCELLED");
    if (eventType === "ProductCreated") this.#move(aggregateId, Number(data["stock"]));
    if (eventType === "ProductStockUpdated") {
      this.#move(aggregateId, Number(data["quantity"]) - Number(data["previousQuantity"]));
    }
  }

  report(): Omit<AuditReport, "differences"> {
    const orders: Record<string, number> = {};
    for (const status of this.orders.values()) orders[status] = (orders[status] ?? 0) + 1;
    const stock = Object.fromEntries(this.stock);
    return { records: this.#records, repeated: this.#records - this.#ids.size, orders, stock };
  }

  #order(id: string, status: string): void {
    if (status !== "PLACED" || !this.orders.has(id)) this.orders.set(id, status);
  }

  #move(sku: string, change: number): void {
    this.stock.set(sku, (this.stock.get(sku) ?? 0) + change);
  }
}

async function replay(
  topic: string,
  to: { readonly environment: Readonly<Record<string, string>>; readonly books: Books },
): Promise<void> {
  const child = spawn(process.execPath, [MAIN, "replay", topic, "--print"], {
    env: { ...process.env, ...to.environment },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    const { value } = JSON.parse(line) as { readonly value: DomainEvent | null };
    if (value !== null) to.books.add(value);
  }
  if ((await exit) !== 0) throw new Error(`${topic} cannot be replayed`);
}
