/**
 * Charges an order when it is known and its goods are reserved. The two are said on different
 * topics and may be heard in either order.
 */
import { makeEvent, type DomainEvent } from "./envelope.ts";
import type { Handler, Query } from "./service.ts";

export function paymentHandlers(schema: string): Readonly<Record<string, Handler>> {
  return {
    OrderCreated: async (event, query) => {
      const { card = "" } = event.data["metadata"] as { readonly card?: string };
      await query(
        `INSERT INTO ${schema}.payments (order_id, amount, card) VALUES ($1, $2, $3)
         ON CONFLICT (order_id) DO UPDATE SET amount = excluded.amount, card = excluded.card`,
        [event.aggregateId, event.data["total"], card],
      );
      return await charge(schema, { event, orderId: event.aggregateId, query });
    },
    ProductStockUpdated: async (event, query) => {
      const orderId = event.data["orderId"];
      if (event.data["reason"] !== "RESERVATION" || typeof orderId !== "string") return [];
      await query(
        `INSERT INTO ${schema}.payments (order_id, is_reserved) VALUES ($1, true)
         ON CONFLICT (order_id) DO UPDATE SET is_reserved = true`,
        [orderId],
      );
      return await charge(schema, { event, orderId, query });
    },
  };
}

async function charge(
  schema: string,
  parts: { readonly event: DomainEvent; readonly orderId: string; readonly query: Query },
): Promise<readonly DomainEvent[]> {
  const { orderId, query } = parts;
  const [due] = await query(
    `UPDATE ${schema}.payments
        SET outcome = CASE WHEN card LIKE '%0000' THEN 'DECLINED' ELSE 'PAID' END
      WHERE order_id = $1 AND is_reserved AND amount IS NOT NULL AND outcome IS NULL
      RETURNING outcome, amount`,
    [orderId],
  );
  if (due === undefined) return [];
  const paymentId = `pay-${orderId}`;
  const common = { paymentId, orderId, amount: due["amount"], currency: "EUR" };
  // One payment an order: its event has the same id whichever of the two events has caused it.
  const cause = `payment/${orderId}`;
  if (due["outcome"] === "DECLINED") {
    const data = { ...common, failure: "DECLINED", detail: "the card has no money", attempt: 1 };
    return [makeEvent(cause, { eventType: "PaymentFailed", aggregateId: orderId, data })];
  }
  const data = { ...common, provider: "example", capturedAt: new Date().toISOString() };
  return [makeEvent(cause, { eventType: "PaymentProcessed", aggregateId: orderId, data })];
}
