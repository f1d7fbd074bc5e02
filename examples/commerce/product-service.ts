/** Keeps the stock: reserves for an order, gives back what a cancelled order had, and buys anew. */
import { makeEvent, type DomainEvent } from "./envelope.ts";
import type { Handler, Query } from "./service.ts";

export const PRODUCTS = [
  { sku: "KETTLE", name: "Water kettle", price: "49.90", stock: 40 },
  { sku: "POT", name: "Cast-iron pot", price: "64.00", stock: 25 },
  { sku: "CUPS", name: "Two cups", price: "22.00", stock: 12 },
] as const;

interface OrderLine {
  readonly sku: string;
  readonly quantity: number;
}

export function productHandlers(schema: string): Readonly<Record<string, Handler>> {
  return {
    OrderCreated: async (event, query) => {
      const orderId = event.aggregateId;
      const [line] = event.data["lines"] as readonly OrderLine[];
      const { sku, quantity } = line ?? { sku: "", quantity: 0 };
      const [left] = await query(
        `UPDATE ${schema}.stock SET quantity = quantity - $2 WHERE sku = $1 AND quantity >= $2
         RETURNING quantity`,
        [sku, quantity],
      );
      if (left === undefined) return [outOfStock(event)];
      await query(
        `INSERT INTO ${schema}.reservations (order_id, sku, quantity) VALUES ($1, $2, $3)`,
        [orderId, sku, quantity],
      );
      const change = { sku, change: -quantity, left: Number(left["quantity"]) };
      return [stockUpdated(event, { ...change, orderId, reason: "RESERVATION" })];
    },
    OrderCancelled: async (event, query) => {
      const orderId = event.aggregateId;
      const [reserved] = await query(
        `UPDATE ${schema}.reservations SET is_released = true
          WHERE order_id = $1 AND NOT is_released RETURNING sku, quantity`,
        [orderId],
      );
      if (reserved === undefined) return [];
      const sku = String(reserved["sku"]);
      const quantity = Number(reserved["quantity"]);
      const [left] = await query(
        `UPDATE ${schema}.stock SET quantity = quantity + $2 WHERE sku = $1 RETURNING quantity`,
        [sku, quantity],
      );
      const change = { sku, change: quantity, left: Number(left?.["quantity"]) };
      return [stockUpdated(event, { ...change, orderId, reason: "RELEASE" })];
    },
  };
}

/**
 * Puts the products on the shelf. What an earlier run has sold is delivered again, once for each
 * `run`.
 */
export async function stockUp(
  schema: string,
  { run, query }: { readonly run: string; readonly query: Query },
): Promise<readonly DomainEvent[]> {
  const events: DomainEvent[] = [];
  for (const { sku, name, price, stock } of PRODUCTS) {
    const [made] = await query(
      `INSERT INTO ${schema}.stock (sku, name, price, first, quantity) VALUES ($1, $2, $3, $4, $4)
       ON CONFLICT DO NOTHING RETURNING sku`,
      [sku, name, price, stock],
    );
    if (made === undefined) events.push(...(await deliver(schema, { run, sku, query })));
    else {
      const data = { sku, name, price, currency: "EUR", status: "ACTIVE", stock };
      events.push(
        makeEvent(`stock/${schema}`, { eventType: "ProductCreated", aggregateId: sku, data }),
      );
    }
  }
  return events;
}

async function deliver(
  schema: string,
  { run, sku, query }: { readonly run: string; readonly sku: string; readonly query: Query },
): Promise<readonly DomainEvent[]> {
  const [shelf] = await query(
    `SELECT quantity, first FROM ${schema}.stock WHERE sku = $1 AND quantity < first
       AND NOT EXISTS (SELECT FROM ${schema}.deliveries WHERE run = $2 AND sku = $1) FOR UPDATE`,
    [sku, run],
  );
  if (shelf === undefined) return [];
  await query(`INSERT INTO ${schema}.deliveries (run, sku) VALUES ($2, $1)`, [sku, run]);
  await query(`UPDATE ${schema}.stock SET quantity = first WHERE sku = $1`, [sku]);
  const [previousQuantity, quantity] = [Number(shelf["quantity"]), Number(shelf["first"])];
  const data = { sku, previousQuantity, quantity, reason: "DELIVERY" };
  const parts = { eventType: "ProductStockUpdated", aggregateId: sku, data };
  return [makeEvent(`delivery/${schema}/${run}`, parts)];
}

function outOfStock(event: DomainEvent): DomainEvent {
  const orderNumber = event.data["orderNumber"];
  const data = { orderNumber, reason: "OUT_OF_STOCK", cancelledBy: "SYSTEM" };
  const { aggregateId } = event;
  return makeEvent(event.eventId, { eventType: "OrderCancelled", aggregateId, data });
}

function stockUpdated(
  event: DomainEvent,
  change: {
    readonly sku: string;
    readonly change: number;
    readonly left: number;
    readonly orderId: string;
    readonly reason: "RESERVATION" | "RELEASE";
  },
): DomainEvent {
  const { sku, left: quantity, orderId, reason } = change;
  const data = { sku, previousQuantity: quantity - change.change, quantity, reason, orderId };
  return makeEvent(event.eventId, { eventType: "ProductStockUpdated", aggregateId: sku, data });
}
