/**
 * Visitors who need no browser: each looks around, some buy, fewer say who they are. They make the
 * funnel's shape before a person has clicked. Half of them speak as the sluice SDK does, half as
 * Segment's. Every number comes from a seed, and what they sent is counted for whoever checks.
 */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

import { sendUntilStored, type Sender } from "../common/events.ts";
import { makeRandom } from "../common/random.ts";
import { PRODUCTS, type Product } from "./products.ts";

/** How many go on at each step. */
const GO_ON = { product: 0.8, cart: 0.6, checkout: 0.65, purchase: 0.75 } as const;
const AT_ONCE = 8;

interface OutgoingEvent {
  readonly type: string;
  readonly id: string;
  readonly data: object;
}

export interface VisitorOptions {
  readonly visitors: number;
  readonly perSecond: number;
  readonly seed: number;
  readonly sender: Sender;
}

/** Counts of what was stored, by type. */
export type Sent = Map<string, number>;

export async function sendVisitors(options: VisitorOptions, sent: Sent): Promise<void> {
  const random = makeRandom(options.seed);
  const running = new Set<Promise<void>>();
  for (let number = 0; number < options.visitors; number += 1) {
    const events = visit(`${options.seed}-${number}`, random);
    const sending = sendUntilStored(options.sender, events).then(() => {
      for (const { type } of events) sent.set(type, (sent.get(type) ?? 0) + 1);
    });
    running.add(sending);
    void sending.finally(() => running.delete(sending)).catch(() => {});
    if (running.size >= AT_ONCE) await Promise.race(running);
    const { signal } = options.sender;
    await delay(1_000 / options.perSecond, undefined, { signal });
  }
  await Promise.all(running);
}

const FIRST_NAMES = ["ada", "ben", "chen", "dina", "emil", "fatma", "goran", "hana", "ivo", "jo"];

function nameOf(random: () => number): string {
  return FIRST_NAMES[Math.floor(random() * FIRST_NAMES.length)] ?? "";
}

/** All events of one visit, in their order. */
function visit(name: string, random: () => number): readonly OutgoingEvent[] {
  const anonymousId = `visitor-${name}`;
  const product = PRODUCTS[Math.floor(random() * PRODUCTS.length)] ?? PRODUCTS[0];
  const isSegment = random() < 0.5;
  const startMs = Date.now() - Math.floor(random() * 60_000) - 60_000;
  const events: OutgoingEvent[] = [];
  const add = (type: string, data: object): void => {
    const messageId = idOf(`${name}/${events.length}`);
    const timestamp = new Date(startMs + events.length * 5_000).toISOString();
    const library = { name: isSegment ? "analytics.js" : "sluice", version: "1" };
    const common = { messageId, timestamp, anonymousId, context: { library } };
    events.push({ type, id: messageId, data: { ...common, ...data } });
  };
  add("page", { name: "Home", url: "http://shop.example/", path: "/" });
  if (random() < GO_ON.product) {
    addStep(add, { isSegment, type: "product_viewed", product });
    if (random() < GO_ON.cart) {
      addStep(add, { isSegment, type: "add_to_cart", product });
      if (random() < GO_ON.checkout) {
        const userId = `customer-${name}`;
        const email = `${nameOf(random)}.${name.slice(name.indexOf("-") + 1)}@shop.example`;
        add("identify", { userId, traits: { email } });
        addStep(add, { isSegment, type: "checkout_started", product });
        if (random() < GO_ON.purchase)
          addStep(add, { isSegment, type: "purchase", product, orderId: name });
      }
    }
  }
  return events;
}

interface Step {
  readonly isSegment: boolean;
  readonly type: "product_viewed" | "add_to_cart" | "checkout_started" | "purchase";
  readonly product: Product;
  readonly orderId?: string;
}

const SEGMENT_NAMES = {
  product_viewed: "Product Viewed",
  add_to_cart: "Product Added",
  checkout_started: "Checkout Started",
  purchase: "Order Completed",
} as const;

/** sluice has a type for each; Segment's SDK has `track` with a name. */
function addStep(add: (type: string, data: object) => void, step: Step): void {
  const { type, product, orderId = "" } = step;
  if (step.isSegment) {
    add("track", { event: SEGMENT_NAMES[type], properties: { ...product, orderId } });
    return;
  }
  const item = { productId: product.id, name: product.name, price: product.price };
  const total = product.price;
  const whole = { items: [{ ...item, quantity: 1 }], currency: "EUR", total };
  if (type === "purchase") add(type, { ...whole, orderId });
  else if (type === "checkout_started") add(type, whole);
  else add(type, { item, currency: "EUR" });
}

/** The same name gives the same id: an event that is made again is the same event. */
function idOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  const end = `${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${end}`;
}
