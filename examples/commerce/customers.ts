/** Customers who need no browser: orders from a seed, one in four with a card that has no money. */
import { setTimeout as delay } from "node:timers/promises";

import { makeRandom } from "../common/random.ts";
import type { Wish } from "./order-service.ts";
import { PRODUCTS } from "./product-service.ts";

export async function sendOrders(options: {
  readonly orders: number;
  readonly perSecond: number;
  readonly seed: number;
  readonly place: (wish: Wish) => Promise<void>;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { orders, perSecond, seed, place, signal } = options;
  const random = makeRandom(seed);
  for (let number = 0; number < orders; number += 1) {
    const { sku } = PRODUCTS[Math.floor(random() * PRODUCTS.length)] ?? PRODUCTS[0];
    const card = random() < 0.25 ? "4000 0000 0000 0000" : "4000 1234 5678 9010";
    const orderId = `order-${seed}-${number}`;
    const customerId = `customer-${Math.floor(random() * 20)}`;
    await place({ orderId, customerId, sku, quantity: 1 + Math.floor(random() * 2), card });
    await delay(1_000 / perSecond, undefined, { signal });
  }
}
