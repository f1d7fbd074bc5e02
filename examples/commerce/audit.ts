/**
 * The books, made anew out of the topics alone by `sluice replay`, and compared with what the
 * services keep. A record that is there twice has the same event id and counts once.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import type pg from "pg";

import type { DomainEvent } from "./envelope.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

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
  const books = new Books();
  for (const topic of topics) await replay(topic, { environment, books });
  const differences: string[] = [];
  const { rows: orders } = await pool.query<{ order_id: string; status: string }>(
    `SELECT order_id, status FROM ${schema}.orders`,
  );
  for (const { order_id: id, status } of orders) {
    const told = books.orders.get(id) ?? "unknown";
    if (told !== status) differences.push(`order ${id} is ${status}, the events say ${told}`);
  }
  if (books.orders.size !== orders.length) {
    differences.push(`${orders.length} orders are kept, the events tell of ${books.orders.size}`);
  }
  const { rows: stock } = await pool.query<{ sku: string; quantity: number }>(
    `SELECT sku, quantity FROM ${schema}.stock`,
  );
  for (const { sku, quantity } of stock) {
    const told = books.stock.get(sku) ?? 0;
    if (told !== quantity)
      differences.push(`${sku}: ${quantity} on the shelf, the events say ${told}`);
  }
  return { ...books.report(), differences };
}

/** What events say, whatever their order across topics. */
class Books {
  readonly orders = new Map<string, string>();
  readonly stock = new Map<string, number>();
  readonly #ids = new Set<string>();
  #records = 0;

  add({ eventId, eventType, aggregateId, data }: DomainEvent): void {
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
