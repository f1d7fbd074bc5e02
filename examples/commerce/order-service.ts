/** Takes orders, and decides what becomes of them by what the others say. */
import { makeEvent, type DomainEvent } from "./envelope.ts";
import { PRODUCTS } from "./product-service.ts";
import type { Handler, Query } from "./service.ts";

export interface Wish {
  readonly orderId: string;
  readonly customerId: string;
  readonly sku: string;
  readonly quantity: number;
  /** A card that ends in 0000 has no money. */
  readonly card: string;
}

export function orderHandlers(schema: string): Readonly<Record<string, Handler>> {
  const settle = async (query: Query, settled: readonly [string, string, string | null]) => {
    const [orderId, status, reason] = settled;
    const [changed] = await query(
      `UPDATE ${schema}.orders SET status = $2, reason = $3
        WHERE order_id = $1 AND status = 'PLACED' RETURNING order_id`,
      [orderId, status, reason],
    );
    return changed !== undefined;
  };
  return {
    PaymentProcessed: async (event, query) => {
      const orderId = String(event.data["orderId"]);
      if (!(await settle(query, [orderId, "PAID", null]))) return [];
      const data = { orderNumber: orderId, previousStatus: "PLACED", status: "PAID" };
      return [
        makeEvent(event.eventId, { eventType: "OrderStatusUpdated", aggregateId: orderId, data }),
      ];
    },
    PaymentFailed: async (event, query) => {
      const orderId = String(event.data["orderId"]);
      if (!(await settle(query, [orderId, "CANCELLED", "PAYMENT_FAILED"]))) return [];
      const data = { orderNumber: orderId, reason: "PAYMENT_FAILED", cancelledBy: "SYSTEM" };
      return [
        makeEvent(event.eventId, { eventType: "OrderCancelled", aggregateId: orderId, data }),
      ];
    },
    OrderCancelled: async (event, query) => {
      await settle(query, [event.aggregateId, "CANCELLED", String(event.data["reason"])]);
      return [];
    },
  };
}

/** A customer's wish becomes an order; the same wish again is the same order. */
export async function placeOrder(
  schema: string,
  { wish, query }: { readonly wish: Wish; readonly query: Query },
): Promise<readonly DomainEvent[]> {
  const { orderId, customerId, sku, quantity, card } = wish;
  const product = PRODUCTS.find((each) => each.sku === sku) ?? PRODUCTS[0];
  const total = ((Math.round(Number(product.price) * 100) * quantity) / 100).toFixed(2);
  const [placed] = await query(
    `INSERT INTO ${schema}.orders (order_id, customer_id, sku, quantity, total, status)
     VALUES ($1, $2, $3, $4, $5, 'PLACED') ON CONFLICT DO NOTHING RETURNING order_id`,
    [orderId, customerId, product.sku, quantity, total],
  );
  if (placed === undefined) return [];
  const { price: unitPrice, name: title } = product;
  const lines = [{ lineId: 1, sku: product.sku, title, quantity, unitPrice }];
  const money = { currency: "EUR", subtotal: total, total };
  const data = {
    orderNumber: orderId,
    customerId,
    ...money,
    lines,
    salesChannel: "WEB",
    metadata: { card },
  };
  return [makeEvent(orderId, { eventType: "OrderCreated", aggregateId: orderId, data })];
}
