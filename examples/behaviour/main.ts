/**
 * A tea shop whose pages speak to sluice, once with its own SDK and once with Segment's: sessions,
 * profiles and a funnel appear in PostgreSQL. `npm run example -- behaviour [--visitors N] [--port
 * N]`
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { aborted, runExample } from "../common/ending.ts";
import type { Sender } from "../common/events.ts";
import { requireFree } from "../common/free-port.ts";
import { seedOfNow } from "../common/random.ts";
import { pageFile, Site, type SiteAnswer, type SiteRequest } from "../common/site.ts";
import { say, Stack } from "../common/stack.ts";
import { ShopDatabase, STEPS } from "./funnel.ts";
import { PRODUCTS } from "./products.ts";
import { sendVisitors, type Sent } from "./visitors.ts";

const HELP = `npm run example -- behaviour [OPTIONS]

  --visitors N     visitors who need no browser (default 150; 0: none)
  --per-second N   how fast they come (default 4)
  --port N         of the shop (default 8090)
  --prefix TEXT    before the names of topics and tables
  --seed N         of what happens by itself (default: another one each time)
`;
const WRITE_KEY = "shop-key";
const SEGMENT_SDK = "@segment/analytics-next/dist/umd/standalone.js";
const pages = (name: string): string => pageFile(new URL("pages/", import.meta.url), name);

const { values } = parseArgs({
  options: {
    visitors: { type: "string", default: "150" },
    "per-second": { type: "string", default: "4" },
    port: { type: "string", default: "8090" },
    prefix: { type: "string", default: "" },
    seed: { type: "string", default: String(seedOfNow()) },
    help: { type: "boolean", default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else await runExample(run);

async function run(ending: AbortSignal): Promise<void> {
  await requireFree(Number(values.port));
  const sha256 = createHash("sha256").update(WRITE_KEY).digest("hex");
  const stack = await Stack.start({
    name: "behaviour",
    pack: "behaviour",
    prefix: values.prefix,
    signal: ending,
    gatewayFlags: ["--session-gap-ms", "20000"],
    tenants: { tenants: { shop: { sources: { web: { writeKeys: [{ sha256 }] } } } } },
  });
  try {
    await serve(stack, ending);
  } finally {
    await stack.end();
  }
}

async function serve(stack: Stack, ending: AbortSignal): Promise<void> {
  const database = new ShopDatabase(stack.databaseUrl, stack.schema);
  const sent: Sent = new Map();
  const shop = { stack, database, sent };
  const site = await Site.start(Number(values.port), (request) => answer(shop, request));
  console.log(`\nThe shop with sluice's SDK:   ${site.url}/sluice`);
  console.log(`The shop with Segment's SDK:  ${site.url}/segment`);
  console.log(`What PostgreSQL knows of it:  ${site.url}/funnel\n\nCtrl-C ends everything.\n`);
  const abort = new AbortController();
  const sender: Sender = { url: stack.gatewayUrl, writeKey: WRITE_KEY, signal: abort.signal };
  const options = { visitors: Number(values.visitors), perSecond: Number(values["per-second"]) };
  const visiting = sendVisitors({ ...options, seed: Number(values.seed), sender }, sent)
    .then(() => say("all visitors have come and gone"))
    .catch((error: unknown) => {
      if (!abort.signal.aborted) console.error(error);
    });
  await aborted(ending);
  say("ending");
  abort.abort();
  await visiting;
  await site.end();
  await database.end();
}

async function answer(
  shop: { readonly stack: Stack; readonly database: ShopDatabase; readonly sent: Sent },
  { url }: SiteRequest,
): Promise<SiteAnswer | undefined> {
  const { stack, database, sent } = shop;
  const [, first = "", second = ""] = url.pathname.split("/");
  switch (first) {
    case "":
      return { kind: "file", path: pages("welcome.html") };
    case "sluice":
    case "segment":
      return { kind: "html", text: shopPage(first, second, stack.gatewayUrl) };
    case "funnel":
      return { kind: "file", path: pages("funnel.html") };
    case "assets":
      return { kind: "file", path: asset(second) };
    case "api":
      return { kind: "json", value: await api(second, { stack, database, sent }) };
    default:
      return undefined;
  }
}

async function api(
  name: string,
  shop: { readonly stack: Stack; readonly database: ShopDatabase; readonly sent: Sent },
): Promise<unknown> {
  const { stack, database, sent } = shop;
  if (name === "processes") return stack.processes;
  if (name === "sent") return Object.fromEntries(sent);
  // Before the sink has made its tables there is nothing to tell.
  const none = (): null => null;
  if (name === "counts") return await database.counts().catch(none);
  if (name !== "funnel") return null;
  const [funnel, people, sessions] = await Promise.all([
    database.funnel().catch(none),
    database.people().catch(none),
    database.sessions().catch(none),
  ]);
  return { steps: STEPS, funnel: funnel ?? [], people: people ?? [], sessions };
}

/** The same page for both SDKs: which one it loads is the only difference. */
function shopPage(sdk: "sluice" | "segment", page: string, gateway: string): string {
  const settings = { sdk, page: page === "" ? "home" : page, gateway, writeKey: WRITE_KEY };
  return readFileSync(pages("shop.html"), "utf8")
    .replaceAll("{{SDK}}", sdk)
    .replace("{{SETTINGS}}", JSON.stringify({ ...settings, products: PRODUCTS }));
}

function asset(name: string): string {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  if (name === "segment-sdk.js") return join(root, "node_modules", SEGMENT_SDK);
  if (name === "sluice-sdk.js") return join(root, "build", "client.js");
  return pages(name);
}
