/**
 * A shop's back end: four services that talk through sluice alone settle orders, undo what fails,
 * and tell the customer's page live. `npm run example -- commerce [--orders N] [--port N]`
 */
import { createHash, randomUUID } from "node:crypto";
import { parseArgs } from "node:util";

import type pg from "pg";

import { aborted, runExample } from "../common/ending.ts";
import { eventTables, openPool } from "../common/event-tables.ts";
import { requireFree } from "../common/free-port.ts";
import { seedOfNow } from "../common/random.ts";
import { pageFile, Site, type SiteAnswer, type SiteRequest } from "../common/site.ts";
import { say, Stack } from "../common/stack.ts";
import { audit } from "./audit.ts";
import { sendOrders } from "./customers.ts";
import { notificationHandlers } from "./notification-service.ts";
import { orderHandlers, placeOrder, type Wish } from "./order-service.ts";
import { paymentHandlers } from "./payment-service.ts";
import { productHandlers, stockUp } from "./product-service.ts";
import { makeTables, Service } from "./service.ts";

const HELP = `npm run example -- commerce [OPTIONS]

  --orders N       orders of customers who need no browser (default 40; 0: none)
  --per-second N   how fast they come (default 1)
  --port N         of the shop (default 8091)
  --prefix TEXT    before the names of topics and tables
  --seed N         of what happens by itself (default: another one each time)
`;
/** The services' own key; a page never sees it. */
const SECRET_KEY = "services-key";
const AUDITED = ["product-events", "order-events", "payment-events"];

const { values } = parseArgs({
  options: {
    orders: { type: "string", default: "40" },
    "per-second": { type: "string", default: "1" },
    port: { type: "string", default: "8091" },
    prefix: { type: "string", default: "" },
    seed: { type: "string", default: String(seedOfNow()) },
    help: { type: "boolean", default: false },
  },
});

interface Shop {
  readonly stack: Stack;
  readonly pool: pg.Pool;
  /** Of the services' tables. */
  readonly schema: string;
  readonly orders: Service;
}

if (values.help) process.stdout.write(HELP);
else await runExample(run);

async function run(ending: AbortSignal): Promise<void> {
  await requireFree(Number(values.port));
  const sha256 = createHash("sha256").update(SECRET_KEY).digest("hex");
  const secretKeys = [{ sha256, scopes: ["write:*", "read:*"] }];
  const stack = await Stack.start({
    name: "commerce",
    pack: "commerce",
    prefix: values.prefix,
    signal: ending,
    tenants: { tenants: { shop: { sources: { services: { secretKeys } } } } },
  });
  try {
    await serve(stack, ending);
  } finally {
    await stack.end();
  }
}

async function serve(stack: Stack, ending: AbortSignal): Promise<void> {
  const abort = new AbortController();
  const pool = openPool(stack.databaseUrl, 12);
  const schema = `${stack.schema}_services`;
  await makeTables(pool, schema);
  say("services: product, order, payment, notification");
  const common = { pool, schema, gatewayUrl: stack.gatewayUrl, secretKey: SECRET_KEY };
  const service = (name: string, handlers: ReturnType<typeof orderHandlers>): Service =>
    new Service({ name, handlers, ...common, signal: abort.signal });
  const orders = service("order", orderHandlers(schema));
  const product = service("product", productHandlers(schema));
  const payment = service("payment", paymentHandlers(schema));
  const notification = service("notification", notificationHandlers(schema));
  await product.act((query) => stockUp(schema, { run: values.seed, query }));
  const running = [orders, product, payment, notification].map((each) => each.run());
  const shop: Shop = { stack, pool, schema, orders };
  const site = await Site.start(Number(values.port), (request) => answer(shop, request));
  console.log(`\nThe shop, and what its services do:  ${site.url}/\n\nCtrl-C ends everything.\n`);
  const buying = sendOrders({
    orders: Number(values.orders),
    perSecond: Number(values["per-second"]),
    seed: Number(values.seed),
    place: (wish) => orders.act((query) => placeOrder(schema, { wish, query })),
    signal: abort.signal,
  })
    .then(() => say("all customers have ordered"))
    .catch((error: unknown) => {
      if (!abort.signal.aborted) console.error(error);
    });
  await aborted(ending);
  say("ending");
  abort.abort();
  await Promise.all([buying, ...running]);
  await site.end();
  await pool.end();
}

async function answer(shop: Shop, request: SiteRequest): Promise<SiteAnswer | undefined> {
  const [, first = "", second = ""] = request.url.pathname.split("/");
  if (first === "api") return { kind: "json", value: await api(shop, second, request) };
  const name = first === "" ? "shop.html" : first === "assets" ? second : undefined;
  if (name === undefined) return undefined;
  return { kind: "file", path: pageFile(new URL("pages/", import.meta.url), name) };
}

async function api(shop: Shop, name: string, { method, body }: SiteRequest): Promise<unknown> {
  const { stack, pool, schema, orders } = shop;
  if (name === "processes") return stack.processes;
  if (name === "orders" && method === "POST") {
    const { customerId, sku, quantity, card } = body as Wish;
    const wish = { orderId: `order-${randomUUID()}`, customerId, sku, quantity, card };
    await orders.act((query) => placeOrder(schema, { wish, query }));
    return { orderId: wish.orderId };
  }
  if (name === "state") return await stateOf(shop);
  if (name === "ticket") return await ticketOf(stack.gatewayUrl);
  if (name !== "audit") return null;
  const { environment } = stack;
  const topics = AUDITED.map((topic) => `${values.prefix}${topic}`);
  return await audit({ topics, environment, pool, schema });
}

async function stateOf({ pool, schema, stack }: Shop): Promise<unknown> {
  const [stock, orders, latest, outbox] = await Promise.all([
    pool.query(`SELECT sku, name, price::text, first, quantity FROM ${schema}.stock ORDER BY sku`),
    pool.query(`SELECT status, reason, count(*)::int AS count FROM ${schema}.orders GROUP BY 1, 2`),
    pool.query(
      `SELECT order_id, customer_id, name, o.quantity, total::text, status, reason
         FROM ${schema}.orders o JOIN ${schema}.stock USING (sku)
        ORDER BY placed_at DESC LIMIT 8`,
    ),
    pool.query(
      `SELECT count(*) FILTER (WHERE NOT is_sent)::int AS waiting, count(*)::int AS said
         FROM ${schema}.outbox`,
    ),
  ]);
  const stored = await storedEvents(pool, stack.schema);
  const [out] = outbox.rows as unknown[];
  return { stock: stock.rows, orders: orders.rows, latest: latest.rows, outbox: out, stored };
}

/** What the sink has of all that was said. */
async function storedEvents(pool: pg.Pool, schema: string): Promise<unknown> {
  const tables = await eventTables(pool, schema);
  const all = [...tables.values()].map((table) => `SELECT _event_id FROM ${table}`);
  if (all.length === 0) return { rows: 0, events: 0 };
  const { rows } = await pool.query<{ rows: number; events: number }>(
    `SELECT count(*)::int AS rows, count(DISTINCT _event_id)::int AS events
       FROM (${all.join(" UNION ALL ")}) AS stored`,
  );
  return rows[0];
}

/** Opens one subscription within half a minute; the key stays here. */
async function ticketOf(gatewayUrl: string): Promise<unknown> {
  const response = await fetch(`${gatewayUrl}/v1/tickets`, {
    method: "POST",
    headers: { authorization: `Bearer ${SECRET_KEY}` },
  });
  const { ticket } = (await response.json()) as { readonly ticket?: string };
  return { url: `${gatewayUrl.replace("http", "ws")}/v1/live?ticket=${ticket ?? ""}` };
}
