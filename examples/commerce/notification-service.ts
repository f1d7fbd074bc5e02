/**
 * Tells customers what became of their orders: an event keyed by the customer, which his page hears
 * over the live feed. It remembers whose order is whose.
 */
import { makeEvent, type DomainEvent } from "./envelope.ts";
import { PRODUCTS } from "./product-service.ts";
import type { Handler, Query } from "./service.ts";

/** As customers know it. */
const nameOf = (sku: unknown): string =>
  PRODUCTS.find((each) => each.sku === sku)?.name ?? String(sku);

export function notificationHandlers(schema: string): Readonly<Record<string, Handler>> {
  const tell = async (event: DomainEvent, query: Query, template: string) => {
    const [order] = await query(
      `SELECT customer_id, sku, quantity, total FROM ${schema}.orders WHERE order_id = $1`,
      [event.aggregateId],
    );
    if (order === undefined) return [];
    const customerId = String(order["customer_id"]);
    const parameters = {
      order: event.aggregateId,
      what: `${Number(order["quantity"])} × ${nameOf(order["sku"])}`,
      total: String(order["total"]),
    };
    const notificationId = `n-${event.eventId}`;
    const to = { notificationId, recipientId: customerId, channel: "IN_APP" };
    const data = { ...to, template, parameters, causedBy: event.eventId };
    return [
      makeEvent(event.eventId, {
        eventType: "NotificationRequested",
        aggregateId: customerId,
        data,
      }),
    ];
  };
  return {
    OrderCreated: (event, query) => tell(event, query, "order_placed"),
    OrderStatusUpdated: (event, query) => tell(event, query, "order_paid"),
    OrderCancelled: (event, query) => {
      const isStock = event.data["reason"] === "OUT_OF_STOCK";
      return tell(event, query, isStock ? "order_out_of_stock" : "order_payment_failed");
    },
  };
}
